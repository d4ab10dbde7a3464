"""A made-up sensor of 32 joints and 8 bodies at 15 Hz is built from and looked at like a Kinect."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.capture.sources.sensor import BodyFrame, ColorFrame, SensorInfo
from kincap.core.skeleton import KEYPOINT_JOINT
from kincap.core.units import MS_100NS
from kincap.dataset.build import BuildSettings, build
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.review.open_session import OpenSession
from kincap.sessions.schema import empty_body_row

from ..capture.made_up_sensor import MORE
from ..capture.made_up_sensor import SHAPE as SHAPE_4
from ..review.test_review_bodies_alone import columns
from .conftest import SIZE_PX, Body, Sessions, crop_to_image

FRAMES = 90
SHAPE = replace(SHAPE_4, bodies=8)
SLOT = 7
"""One that no Kinect has."""
BODY_AFTER_100NS = 25 * MS_100NS
"""More than half a tick of a Kinect, less than half a tick of this sensor."""


@dataclass
class WalkSensor:
    """Gives drawn pictures of one person who walks, and its joints a little later."""

    drawn: Sessions
    info: SensorInfo = field(init=False)

    def __post_init__(self) -> None:
        self.info = SensorInfo(
            kind="made-up", uri="made-up:", device_id="made-up-1", color_size_px=SIZE_PX,
            mirrored=False, shape=SHAPE, live=False, frames=FRAMES,
        )  # fmt: skip

    def items(self) -> Iterator[ColorFrame | BodyFrame]:
        for k in range(FRAMES):
            body, tick = person(k), k * SHAPE.tick_100ns
            yield ColorFrame(self.drawn.picture((body,), k), tick, k)
            row = empty_body_row(SHAPE)
            row["time_device"], row["time_host"] = tick + BODY_AFTER_100NS, k
            row["tracked"][0, SLOT], row["tracking_id"][0, SLOT] = 1, 77
            row["joint_state"][0, SLOT] = 2
            row["joint_color_px"][0, SLOT, len(MORE) :] = body.joints_px()
            row["joint_xyz_m"][0, SLOT] = (0, 0, 2.5)
            row["joint_xyz_m"][0, SLOT, len(MORE) :] = body.joints_m(self.drawn.rng)
            yield BodyFrame(row)

    def close(self) -> None:
        """Nothing is open."""


def person(k: int) -> Body:
    """Return the person in frame ``k``."""
    return Body(x=120 + 0.8 * k, y=118 + k % 3, slot=SLOT)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Return the folder of a recording of 6 seconds."""
    drawn = Sessions(tmp_path / "recordings", mirrored=False)
    done = record(RecordSettings("made", drawn.recordings, shard_mib=8), sensor=WalkSensor(drawn))
    assert (done.color_frames, done.body_frames, done.dropped) == (FRAMES, FRAMES, {})
    return done.path


def test_it_is_built(made: Path) -> None:
    out = made.parent.parent / "set.h5"
    result = build(BuildSettings(out=out, recordings=made.parent, size=64, workers=1, val="0.2"))
    assert result.rejected["no_body"] == result.rejected["tracking"] == 0
    assert result.kept == FRAMES - result.rejected["guard"] > FRAMES // 2
    with open_kinect13(out) as data:
        for name in data.splits:
            rows = data.split(name)
            assert (rows.weight == 1).all()
            assert (rows.slot == SLOT).all()
            assert np.allclose(rows.pair_residual_ms, 25)
            truth = [person(k).joints_px()[KEYPOINT_JOINT] for k in rows.color_seq.tolist()]
            found = crop_to_image(rows.keypoints_px, rows.bbox_xyxy_px, 64)
            np.testing.assert_allclose(found, truth, atol=1e-3)


def test_its_joints_are_moved_to_the_time_of_the_picture(made: Path) -> None:
    out = made.parent.parent / "set.h5"
    settings = BuildSettings(
        out=out, recordings=made.parent, size=64, workers=1, val="0.2", joints_at="color"
    )
    build(settings)
    with open_kinect13(out) as data:
        rows = data.split("train")
        moved = rows.pair_residual_ms == 0
        assert moved.sum() >= len(rows) - 1 > 0


def test_it_is_looked_at(made: Path) -> None:
    session = OpenSession("made", made)
    try:
        detail = session.detail()
        assert (detail["frames"], detail["bodies"], detail["drops"]) == (FRAMES, FRAMES, [])
        lanes = columns(session.timeline(0))
        assert np.allclose(lanes["residual_ms"], 25)
        assert (lanes["bodies"] == 1).all()
        assert (lanes["states"] == 2).all()
        people = columns(session.people(0))
        assert (people["slot"] == SLOT).all()
        assert people["joint_px"].shape == (FRAMES, 25, 2)
        truth = [person(k).joints_px() for k in range(FRAMES)]
        np.testing.assert_allclose(people["joint_px"], truth, atol=1e-3)
        assert session.frame(5)[:2] == b"\xff\xd8"
        assert session.thumbnail()[:2] == b"\xff\xd8"
    finally:
        session.close()
