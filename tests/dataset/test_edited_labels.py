"""Edits by hand: what build, notebooks and listings make of moved, hidden and exchanged joints."""

from pathlib import Path

import numpy as np
import pytest

import kincap
from kincap.capture.record import RecordSettings, record
from kincap.core.skeleton import FLIP, JOINT, KEYPOINT, KINECT_V2_SKELETON
from kincap.dataset.build import build
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.sessions.edits.journal import add_edit, add_edits, undo_edit
from kincap.sessions.reader import SessionReader
from kincap.sessions.summary import summarise

from .conftest import SIZE_PX, Body, Frame, Sessions, crop_to_image
from .small_builds import settings

PERSON = "7002"
"""Tracking id of slot 2."""


def about(seq: int, keypoint: str, **more: object) -> dict[str, object]:
    return {"seq": seq, "tracking_id": PERSON, "keypoint": keypoint, **more}


def labels_of(sessions: Sessions) -> tuple[dict[int, dict[str, np.ndarray]], dict[str, int]]:
    """Build, and return each training row by its frame, in un-mirrored pixels, and the bits."""
    build(settings(sessions))
    with open_kinect13(sessions.recordings.parent / "set.h5") as data:
        train = data.split("train")
        return {
            int(seq): {
                "points": crop_to_image(train.keypoints_px[row], train.bbox_xyxy_px[row], 64),
                "visibility": train.visibility[row],
                "weight": train.weight[row],
                "flags": train.keypoint_quality[row],
                "quality": train.quality[row],
            }
            for row, seq in enumerate(train.color_seq.tolist())
        }, {**data.meta.quality_bits["keypoint_quality"], **data.meta.quality_bits["quality"]}


@pytest.fixture
def edited(sessions: Sessions) -> Path:
    """Return a session of eight frames, its left wrist inferred, beside one for validation."""
    body = Body(inferred=("WristLeft",), lost=("KneeRight",))
    sessions("val1", [Frame()])
    return sessions("train1", [Frame((body,), tick=10.0 * k) for k in range(8)])


def test_a_moved_joint_replaces_the_sensors_and_counts(sessions: Sessions, edited: Path) -> None:
    before, bits = labels_of(sessions)
    add_edits(
        edited,
        [
            {"op": "move", **about(2, "l_wrist", xy_px=[100.25, 80.5])},
            {"op": "move", "seq": 3, "tracking_id": PERSON, "joint": "KneeRight",
             "xy_px": [150, 200.0]},
            {"op": "move", **about(2, "head", xy_px=[1.0, 2.0]), "tracking_id": "7"},
            {"op": "move", "seq": 4, "tracking_id": PERSON, "joint": "Neck", "xy_px": [9.0, 9.0]},
        ],
    )  # fmt: skip
    after, _ = labels_of(sessions)
    wrist, knee = KEYPOINT["l_wrist"], KEYPOINT["r_knee"]
    # the stored image is mirrored
    np.testing.assert_allclose(
        after[2]["points"][wrist], (SIZE_PX[0] - 1 - 100.25, 80.5), atol=1e-3
    )
    np.testing.assert_allclose(after[3]["points"][knee], (SIZE_PX[0] - 1 - 150, 200.0), atol=1e-3)
    for row, point in ((2, wrist), (3, knee)):
        assert before[row]["weight"][point] == 0
        assert after[row]["weight"][point] == 1
        assert after[row]["visibility"][point] == 2
        assert after[row]["flags"][point] == 1 << bits["edited"]
    assert before[3]["visibility"][knee] == 0
    for row in (0, 1, 4, 5, 6, 7):
        np.testing.assert_array_equal(after[row]["points"], before[row]["points"])
    undo_edit(edited)
    again, _ = labels_of(sessions)
    for row, labels in before.items():
        for name, values in labels.items():
            np.testing.assert_array_equal(again[row][name], values)


def test_a_visibility_is_that_of_the_person(sessions: Sessions, edited: Path) -> None:
    values = {"l_wrist": 2, "r_wrist": 1, "head": 0, "r_knee": 2, "l_ankle": 1}
    add_edits(edited, [{"op": "visibility", **about(5, k, value=v)} for k, v in values.items()])
    labels, bits = labels_of(sessions)
    row = labels[5]
    assert {name: int(row["visibility"][KEYPOINT[name]]) for name in values} == {
        # a knee without a position can't be seen
        **values, "r_knee": 0,
    }  # fmt: skip
    assert {name: float(row["weight"][KEYPOINT[name]]) for name in values} == {
        "l_wrist": 1, "r_wrist": 1, "head": 0, "r_knee": 0, "l_ankle": 1,
    }  # fmt: skip
    assert row["flags"][KEYPOINT["head"]] == 1 << bits["edited"] | 1 << bits["removed"]
    assert labels[4]["visibility"][KEYPOINT["l_wrist"]] == 1


def test_sides_are_exchanged_in_the_order_of_the_journal(sessions: Sessions, edited: Path) -> None:
    before, bits = labels_of(sessions)
    add_edits(edited, [{"op": "move", **about(3, "l_wrist", xy_px=[100.0, 80.0])}])
    add_edits(edited, [{"op": "swap_sides", "seq_first": 2, "seq_last": 4, "tracking_id": PERSON}])
    add_edits(edited, [{"op": "move", **about(4, "l_wrist", xy_px=[101.0, 81.0])}])
    after, _ = labels_of(sessions)
    np.testing.assert_allclose(after[2]["points"], before[2]["points"][FLIP], atol=1e-3)
    # moved before the exchange, it is the right wrist now
    np.testing.assert_allclose(after[3]["points"][KEYPOINT["r_wrist"]], (219, 80), atol=1e-3)
    np.testing.assert_allclose(after[4]["points"][KEYPOINT["l_wrist"]], (218, 81), atol=1e-3)
    np.testing.assert_array_equal(after[5]["points"], before[5]["points"])
    swapped = {
        row: int(one["quality"]) >> bits["swapped_by_hand"] & 1 for row, one in after.items()
    }
    assert swapped == {row: int(2 <= row <= 4) for row in range(8)}
    add_edits(edited, [{"op": "swap_sides", "seq_first": 0, "seq_last": 7, "tracking_id": PERSON}])
    twice, _ = labels_of(sessions)
    np.testing.assert_allclose(twice[2]["points"], before[2]["points"], atol=1e-3)


def test_a_trim_leaves_out_what_is_outside_and_the_latest_one_counts(
    sessions: Sessions, edited: Path
) -> None:
    add_edit(edited, "trim", 5, 6)
    add_edit(edited, "trim", 1, 6)
    add_edit(edited, "reject", 3, 3)
    add_edit(edited, "keep", 7, 7)
    labels, _ = labels_of(sessions)
    assert sorted(labels) == [1, 2, 4, 5, 6, 7]
    assert summarise(edited).rejected == 2
    assert summarise(edited).edits == {"reject": 1, "keep": 1, "trim": 2}


def test_tags_are_listed_and_stand_in_the_data_set(sessions: Sessions, edited: Path) -> None:
    add_edits(edited, [{"op": "tag", "tag": "waving", "seq_first": 1, "seq_last": 3}])
    add_edits(edited, [{"op": "tag", "tag": "dim"}, {"op": "tag", "tag": "wrong"}])
    add_edits(edited, [{"op": "tag", "tag": "wrong", "remove": True}])
    assert summarise(edited).tags == ["dim", "waving"]
    build(settings(sessions))
    with open_kinect13(sessions.recordings.parent / "set.h5") as data:
        assert data.meta.sources[0]["tags"] == [
            {"tag": "dim", "seq_first": None, "seq_last": None},
            {"tag": "waving", "seq_first": 1, "seq_last": 3},
        ]


def test_notebooks_get_edited_keypoints(sessions: Sessions, edited: Path) -> None:
    add_edits(
        edited,
        [
            {"op": "move", **about(2, "l_wrist", xy_px=[100.25, 80.5])},
            {"op": "visibility", **about(2, "head", value=0)},
            {"op": "swap_sides", "seq_first": 6, "seq_last": 6, "tracking_id": PERSON},
        ],
    )
    add_edit(edited, "reject", 1, 1)
    with kincap.open_session(edited) as session:
        sensor, found = session.keypoints(edits=False), session.keypoints()
        frame = session.frame(2)
        assert session.is_rejected.tolist() == [k == 1 for k in range(8)]
    np.testing.assert_allclose(found.px[2, 2, KEYPOINT["l_wrist"]], (219 - 0.25, 80.5), atol=1e-3)
    assert found.visibility[2, 2, KEYPOINT["l_wrist"]] == 2
    assert sensor.visibility[2, 2, KEYPOINT["l_wrist"]] == 1
    assert found.visibility[2, 2, KEYPOINT["head"]] == 0
    np.testing.assert_array_equal(found.px[6, 2], sensor.px[6, 2][FLIP])
    np.testing.assert_array_equal(found.px[5], sensor.px[5])
    np.testing.assert_array_equal(frame.keypoints_px[0], found.px[2, 2])
    np.testing.assert_array_equal(frame.visibility[0], found.visibility[2, 2])


def test_a_replay_with_edits_is_the_session_as_a_person_left_it(
    sessions: Sessions, edited: Path, tmp_path: Path
) -> None:
    add_edits(
        edited,
        [
            {"op": "move", **about(2, "l_wrist", xy_px=[100.25, 80.5])},
            {"op": "swap_sides", "seq_first": 5, "seq_last": 5, "tracking_id": PERSON},
            {"op": "visibility", **about(6, "head", value=0)},
        ],
    )
    add_edit(edited, "trim", 1, 6)
    add_edit(edited, "reject", 3, 3)
    for name, option in (("plain", ""), ("edited", ",edits=yes")):
        record(RecordSettings(name, tmp_path / "again", source=f"session:{edited}{option}"))
    with (
        SessionReader(edited) as old,
        SessionReader(tmp_path / "again" / "plain") as plain,
        SessionReader(tmp_path / "again" / "edited") as new,
    ):
        for name in ("joint_color_px", "joint_state", "joint_xyz_m"):
            np.testing.assert_array_equal(plain.bodies[name], old.bodies[name])
        assert new.color["time_device"].tolist() == [
            int(row["time_device"]) for row in old.color if row["seq"] in (1, 2, 4, 5, 6)
        ]
        assert len(new.bodies) == 8
        px, state = new.bodies["joint_color_px"][:, 2], new.bodies["joint_state"][:, 2]
        assert px[2, JOINT["WristLeft"]].tolist() == [100.25, 80.5]
        assert state[2, JOINT["WristLeft"]] == 2
        assert state[1, JOINT["WristLeft"]] == 1
        flip = KINECT_V2_SKELETON.flip
        before = old.bodies["joint_xyz_m"][5, 2]
        np.testing.assert_array_equal(new.bodies["joint_xyz_m"][5, 2], before[flip])
        np.testing.assert_array_equal(px[5], old.bodies["joint_color_px"][5, 2][flip])
        assert state[6, JOINT["Head"]] == 0
