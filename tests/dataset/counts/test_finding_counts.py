"""What the report names is not silent in build: weight 0, frames left out, counts, warnings."""

import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.checks.session_filters import JUDGED
from kincap.core.errors import DatasetError
from kincap.core.jpeg import encode_jpeg
from kincap.dataset.build import BuildResult, BuildSettings, build
from kincap.dataset.counts.finding_counts import COUNTED_ONLY, in_build
from kincap.dataset.filters import (
    DROPS,
    FILTER_BITS,
    IMPLAUSIBLE,
    KEYPOINT_BITS,
    REASONS,
    has_flag,
)
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.sessions.kinds import KINDS

from ..conftest import Body, Frame, Sessions


def test_no_kind_of_finding_is_kept_in_silence() -> None:
    done = {name: in_build(name) for name in KINDS}
    assert {name for name, what in done.items() if not what} == set()
    for name, kind in KINDS.items():
        # what is wrong, and what the filters name, never stays with its weight
        if kind.wrong_labels or name in JUDGED:
            assert done[name] in ("weight", "drop"), name
    assert set(FILTER_BITS) <= set(KEYPOINT_BITS)
    assert {*FILTER_BITS, *DROPS, IMPLAUSIBLE} <= set(REASONS)
    assert not set(COUNTED_ONLY) & {*FILTER_BITS, *DROPS}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> BuildResult:
    """A data set of a session with pose faults of the simulator, one after another."""
    folder = tmp_path_factory.mktemp("faults")
    source = (
        "simulator:frames=260,pace=fast,seed=3,fps=15,outfit=3,faults=side_swap@1-3+freeze@4-5+"
        "frozen_joints@6-7+outliers@8-12+crossed_arms@12.5-14+feet_noise@14.5-16.5"
    )
    record(RecordSettings("sim", folder / "recordings", source, report=False))
    return build(
        BuildSettings(out=folder / "set.h5", recordings=folder / "recordings", size=16, guard_s=0.2)
    )


def test_what_the_report_finds_costs_weights_or_frames(built: BuildResult) -> None:
    for kind, counts in built.findings.items():
        what = in_build(kind)
        assert what
        if what == "drop":
            assert counts["kept"] == 0, kind
        if what == "weight":
            assert counts["weight_0"] + counts["dropped"] > 0, kind
    assert {"side_swap", "frozen", "outliers", "crossed_arms", "feet_noise"} <= set(built.findings)
    assert any("sim, take 0" in warning for warning in built.warnings)


@pytest.mark.parametrize("fault", ["side_swap", "freeze", "outliers"])
def test_labels_that_a_simulated_fault_makes_wrong_have_no_weight(built, fault) -> None:
    assert built.label_error is not None
    counts = built.label_error["faults"][fault]
    assert counts["wrong"] > 5
    assert counts["wrong_kept"] <= 0.1 * counts["wrong"]


def test_keypoints_of_the_file_have_weight_0_where_a_filter_names_them(built: BuildResult) -> None:
    with open_kinect13(built.out) as dataset:
        rows = [dataset.split(name) for name in dataset.splits]
        flags = np.concatenate([split.keypoint_quality for split in rows])
        weight = np.concatenate([split.weight for split in rows])
        assert dataset.meta.counts["findings"] == built.findings
        assert dataset.meta.quality_bits["keypoint_quality"] == KEYPOINT_BITS
    assert (weight[has_flag(flags, *FILTER_BITS)] == 0).all()
    assert (weight.sum(axis=1) >= 9).all()
    assert has_flag(flags, "outliers").sum() >= 3


def test_frozen_pictures_leave_nothing_for_a_split(sessions: Sessions, walk) -> None:
    frames = walk(40)
    blob = encode_jpeg(sessions.picture(frames[0].bodies, 0), 90)
    for frame in frames:
        frame.blob = blob
    sessions("train1", frames)
    sessions("val1", walk(9))
    with pytest.raises(DatasetError, match=r"nothing is left for train .*frozen 40"):
        build(
            BuildSettings(
                out=sessions.recordings.parent / "set.h5",
                recordings=sessions.recordings, val="val1", size=16,
            )
        )  # fmt: skip


def test_a_thing_that_was_tracked_as_a_body_is_left_out(sessions: Sessions) -> None:
    chair = {"x": 240, "y": 160, "height": 60, "slot": 4, "tall_m": 0.4}
    frames = [Frame((Body(x=100 + k / 3), Body(**chair))) for k in range(150)]
    sessions("train1", frames)
    sessions("val1", [Frame((Body(x=100 + k / 3),)) for k in range(9)])
    result = build(
        BuildSettings(
            out=sessions.recordings.parent / "set.h5",
            recordings=sessions.recordings, val="val1", size=16,
        )
    )  # fmt: skip
    assert result.rejected[IMPLAUSIBLE] == 150
    assert result.splits == {"train": 150, "val": 9}
    assert any("train1, take 0" in warning for warning in result.warnings)
    with open_kinect13(result.out) as dataset:
        assert set(dataset.split("train").tracking_id.tolist()) == {7002}
