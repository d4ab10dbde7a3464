"""Build on drawn sessions: what is kept, counted, written, and what is refused."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from kincap.core.errors import KincapError
from kincap.core.skeleton import KEYPOINT, KEYPOINT_JOINT
from kincap.dataset.build import BuildSettings, build
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.sessions.edits.journal import add_edit

from .conftest import Body, Frame, Sessions, crop_to_image, joint_color
from .small_builds import odd, only, refused, settings


@pytest.mark.parametrize("mirrored", [True, False])
@pytest.mark.parametrize("size", [112, 224])
def test_keypoints_lie_where_they_are_in_the_pictures(tmp_path, mirrored, size) -> None:
    sessions = Sessions(tmp_path / "recordings", mirrored=mirrored)
    frames = [Frame((Body(x=90 + 12 * k, y=115, height=130 + k),)) for k in range(8)]
    sessions("train1", frames)
    sessions("val1", frames[:2])
    build(settings(sessions, size=size))
    with open_kinect13(tmp_path / "set.h5") as dataset:
        train = dataset.split("train")
        images = train.images(np.arange(len(train)))
        for k, frame in enumerate(frames):
            back = crop_to_image(train.keypoints_px[k], train.bbox_xyxy_px[k], size)
            truth = frame.bodies[0].joints_px()[KEYPOINT_JOINT]
            np.testing.assert_allclose(back, truth, atol=1e-3)
            radius = 2.2 * size / float(train.bbox_xyxy_px[k, 2] - train.bbox_xyxy_px[k, 0])
            for point, joint in zip(train.keypoints_px[k], KEYPOINT_JOINT, strict=True):
                found = disk(images[k], joint_color(joint), point, radius * 3)
                assert np.abs(found - point).max() < max(0.5, radius / 3)


def disk(image: np.ndarray, bgr: tuple[int, int, int], near: np.ndarray, reach: float):
    """Centre of gravity of a colour in the neighbourhood of a point, u and v."""
    rows, columns = np.indices(image.shape[:2])
    close = np.hypot(columns - near[0], rows - near[1]) < reach + 2
    likeness = 1 - np.abs(image.astype(float) - bgr[::-1]).max(axis=2) / 110
    weight = np.where(close, np.maximum(likeness, 0), 0)
    assert weight.sum() > 0.5
    return np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()


def test_every_candidate_is_counted_once_and_every_reason_is_too(sessions) -> None:
    poor = Body(inferred=("ShoulderLeft", "ShoulderRight"))
    frames = [
        *[Frame()] * 5,
        Frame(()),  # a body row in which nobody is tracked
        Frame(body_after_ms=None),  # no body row at all
        Frame(body_after_ms=-17.0),  # a stale one
        Frame((poor,)),
        Frame((replace(poor, depth_m=5.0),)),
        Frame((Body(depth_m=0.9),)),
        Frame((Body(x=4),)),
        Frame((Body(x=90, height=90), Body(x=240, height=90, slot=4))),
        Frame((Body(x=90, height=90, depth_m=4.5), Body(x=240, height=90, slot=4))),
        Frame((poor,)),
    ]
    # every frame alone in its third of a second: no body row is near two frames
    frames = [replace(frame, tick=10 * k) for k, frame in enumerate(frames)]
    folder = sessions("train1", frames)
    sessions("val1", [Frame()])
    add_edit(folder, "reject", 3, 4)
    add_edit(folder, "keep", 4, 4)
    add_edit(folder, "reject", 14, 14)
    result = build(settings(sessions))
    assert result.candidates == 18
    assert only(result, edits=2, no_body=3, tracking=2, range=2, edge=1)
    applied = {reason: n for reason, n in result.rejected_all.items() if n}
    expected = {"edits": 2, "no_body": 3, "tracking": 3, "range": 3, "edge": 1, "outside": 1}
    assert applied == expected
    assert result.splits == {"train": 7, "val": 1}
    assert result.sessions["val1"]["kept"] == 1
    with open_kinect13(result.out) as dataset:
        train = dataset.split("train")
        assert train.color_seq.tolist() == [0, 1, 2, 4, 12, 12, 13]
        assert train.slot.tolist() == [2, 2, 2, 2, 2, 4, 4]
        assert train.tracking_id.tolist() == [7000 + slot for slot in train.slot.tolist()]
        bits = dataset.meta.quality_bits["quality"]
        several = (train.quality >> bits["several_bodies"]) & 1
        assert several.tolist() == [0, 0, 0, 0, 1, 1, 1]
        assert dataset.meta.counts["rejected"]["no_body"] == 3


def test_keypoints_that_are_not_trusted_cost_their_weight_alone(sessions) -> None:
    body = Body(inferred=("WristLeft", "ElbowLeft"), lost=("KneeRight",))
    sessions("train1", [Frame((body,))] * 3)
    sessions("val1", [Frame()])
    build(settings(sessions))
    with open_kinect13(sessions.recordings.parent / "set.h5") as dataset:
        train = dataset.split("train")
        assert np.isfinite(train.keypoints_px).all()
        for name, visibility in (("l_wrist", 1), ("l_elbow", 1), ("r_knee", 0), ("head", 2)):
            assert (train.visibility[:, KEYPOINT[name]] == visibility).all()
            assert (train.weight[:, KEYPOINT[name]] == float(visibility == 2)).all()
        assert (train.keypoints_px[:, KEYPOINT["r_knee"]] == -1).all()
        bits = dataset.meta.quality_bits["keypoint_quality"]
        assert (train.keypoint_quality[:, KEYPOINT["l_wrist"]] == 1 << bits["inferred"]).all()


@pytest.mark.parametrize("far", [(-250.0, 120.0), (0.0, 0.0), (5000.0, 5000.0), (np.inf, np.nan)])
def test_a_guessed_joint_far_off_does_not_decide_the_crop(sessions, walk, far) -> None:
    frames = walk(9)
    for frame in frames[3:6]:
        frame.bodies[0].inferred, frame.bodies[0].moved = ("WristLeft",), {"WristLeft": far}
    sessions("train1", frames)
    sessions("val1", walk(3))
    assert only(build(settings(sessions)))
    with open_kinect13(sessions.recordings.parent / "set.h5") as dataset:
        train = dataset.split("train")
        side = train.bbox_xyxy_px[:, 2] - train.bbox_xyxy_px[:, 0]
        assert side.max() <= 1.2 * side[0]
        assert (train.weight.sum(axis=1) == [13, 13, 13, 12, 12, 12, 13, 13, 13]).all()


def test_a_person_whose_box_is_mostly_outside_is_counted(sessions) -> None:
    arms = {f"{part}{side}": (24.0, 110.0) for part in ("Elbow", "Wrist") for side in
            ("Left", "Right")}  # fmt: skip
    slim = Body(x=24, moved=arms)
    sessions("train1", [Frame(), Frame((slim,)), Frame((Body(x=45),))])
    sessions("val1", [Frame()])
    result = build(settings(sessions))
    assert only(result, outside=1)
    with open_kinect13(result.out) as dataset:
        bit = dataset.meta.quality_bits["quality"]["outside"]
        assert (dataset.split("train").quality >> bit & 1).tolist() == [0, 1]


def test_the_distance_is_that_of_trusted_joints(sessions, walk) -> None:
    far = [Frame((Body(inferred=("SpineBase",), spine_m=7.5),)) for _ in range(4)]
    lost = [Frame((Body(lost=("SpineBase",), spine_m=0.0, depth_m=4.5),), tick=90)]
    sessions("train1", [*far, *lost])
    sessions("val1", walk(2))
    assert only(build(settings(sessions)), range=1)


def test_rows_are_sorted_and_say_where_they_came_from(sessions, walk) -> None:
    sessions("b-train", [*walk(6, take=0), *[replace(f, tick=900 + k) for k, f in
                                              enumerate(walk(6, take=1))]])  # fmt: skip
    sessions("a-train", walk(4), outfit="red shirt")
    sessions("val1", walk(2))
    build(settings(sessions))
    with open_kinect13(sessions.recordings.parent / "set.h5") as dataset:
        train = dataset.split("train")
        names = [dataset.meta.sessions[i] for i in train.session]
        keys = list(zip(names, train.take, train.color_seq, train.slot, strict=True))
        assert keys == sorted(keys)
        assert names == ["a-train"] * 4 + ["b-train"] * 12
        assert train.take.tolist() == [0] * 10 + [1] * 6
        np.testing.assert_allclose(train.time_s[10:], np.arange(6) / 30, atol=1e-4)
        np.testing.assert_allclose(train.pair_residual_ms, 2.0, atol=1e-3)
        outfits = {source["session"]: source["outfit"] for source in dataset.meta.sources}
        assert outfits == {"a-train": "red shirt", "b-train": "b-train", "val1": "val1"}


def test_no_training_row_is_a_neighbour_of_a_validation_row(sessions, walk) -> None:
    sessions("one", walk(700))
    result = build(settings(sessions, val="0.2", size=16))
    assert only(result, guard=60)
    with open_kinect13(result.out) as dataset:
        train, val = dataset.split("train"), dataset.split("val")
        assert np.abs(val.time_s[:, None] - train.time_s).min() > 2.0
    assert only(build(settings(sessions, val="0.2", size=16, guard_s=0.5)), guard=15)


def test_short_takes_go_whole_to_one_side(sessions, walk) -> None:
    later = [replace(frame, tick=5000 + k) for k, frame in enumerate(walk(13, take=1))]
    sessions("one", [*walk(15, take=0), *later])
    result = build(settings(sessions, val="0.2", size=16))
    assert result.splits == {"train": 15, "val": 13}
    assert odd(result) == []


def test_a_take_that_the_guard_takes_whole_is_named(sessions, walk) -> None:
    sessions("one", walk(30))
    said = refused(settings(sessions, val="0.2"))
    assert "nothing is left for train" in said
    assert "one: the guard of 2 s takes all 24 train frames of take 0" in said
    assert "--guard" in said
    assert build(settings(sessions, val="0.2", guard_s=0.2)).splits == {"train": 18, "val": 6}


def test_a_recording_under_another_name_is_refused(sessions, walk, kincap) -> None:
    folder = sessions.recordings.parent
    sessions("one", walk(20))
    replayed = kincap("record", "--session", "two", "--source", "session:recordings/one")
    assert replayed.returncode == 0, replayed.stderr
    done = kincap("build", "--size", 16)
    assert done.returncode == 2
    assert "session two: 20 of its 20 pictures are those of session one" in done.stderr
    assert not (folder / "kinect13.h5").exists()


def test_the_same_inputs_give_the_same_file_wherever_it_is_made(sessions, walk, tmp_path) -> None:
    for name in ("train1", "train2", "val1"):
        sessions(name, walk(140))
    first = build(settings(sessions, size=32))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copytree(sessions.recordings, elsewhere / "recordings")
    second = build(
        replace(
            settings(sessions, size=32, workers=3),
            out=elsewhere / "other.h5",
            recordings=elsewhere / "recordings",
        )
    )
    assert first.sha256 == second.sha256
    for result in (first, second):
        assert hashlib.sha256(result.out.read_bytes()).hexdigest() == result.sha256
        beside = json.loads(result.out.with_name(result.out.name + ".json").read_text())
        assert beside["sha256"] == result.sha256
        assert beside["path"] == str(result.out)
    assert sorted(path.name for path in elsewhere.iterdir()) == [
        "other.h5", "other.h5.html", "other.h5.json", "other.h5.lock", "other.h5.png", "recordings",
    ]  # fmt: skip


def test_a_dry_run_counts_and_writes_nothing(sessions, walk, tmp_path) -> None:
    sessions("train1", walk(5))
    sessions("val1", walk(3))
    before = sorted(tmp_path.rglob("*"))
    result = build(settings(sessions, dry_run=True))
    assert (result.splits, result.sha256, result.sheet) == ({"train": 5, "val": 3}, None, None)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_tracking_id_that_no_session_has_is_refused(sessions, walk) -> None:
    sessions("train1", walk(6))
    sessions("val1", walk(3))
    said = refused(settings(sessions, bodies="5"))
    assert said.startswith("--bodies 5: no body with this tracking id in the sessions")
    assert not (sessions.recordings.parent / "set.h5").exists()


def test_a_copy_of_a_session_is_refused(sessions, walk) -> None:
    shutil.copytree(sessions("train1", walk(5)), sessions.recordings / "val1")
    said = refused(settings(sessions))
    assert "val1: a copy of session train1" in said


def test_what_kincap_did_not_make_is_never_replaced(sessions, walk, tmp_path) -> None:
    sessions("train1", walk(5))
    sessions("val1", walk(3))
    out = tmp_path / "set.h5"
    part = tmp_path / "set.h5.part"
    part.write_text("notes")
    assert "move it away" in refused(settings(sessions, restart=True))
    assert part.read_text() == "notes"
    part.unlink()
    with h5py.File(out, "w") as file:
        file["mine"] = np.arange(3)
    before = out.read_bytes()
    assert "move it away" in refused(settings(sessions))
    assert out.read_bytes() == before
    out.unlink()
    first = build(settings(sessions))
    second = build(settings(sessions, size=32))
    assert first.sha256 != second.sha256
    with open_kinect13(out) as dataset:
        assert dataset.size == 32


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"size": 66}, "--size 66"),
        ({"size": 0}, "--size 0"),
        ({"size": 8192}, "--size 8192"),
        ({"workers": 0}, "--workers 0"),
        ({"sessions": "nobody"}, "--sessions nobody"),
        ({"val": "nobody"}, "--val nobody"),
        ({"val": "0.2", "sessions": "val1"}, "--val 0.2"),
        ({"test": "nobody"}, "--test nobody"),
        ({"val": "*"}, "--val *"),
        ({"test": "val1"}, "val1"),
        ({"val": "0.2", "test": "*"}, "--val 0.2 --test *: nothing is left for train"),
        ({"sheet": Path("sheet.jpg")}, "--sheet"),
    ],
)
def test_bad_requests_are_refused_before_anything_is_written(sessions, walk, more, named) -> None:
    sessions("train1", walk(5))
    sessions("val1", walk(3))
    assert named in refused(settings(sessions, **more))


def test_an_output_in_no_folder_is_refused(sessions, walk, tmp_path) -> None:
    sessions("train1", walk(5))
    with pytest.raises(KincapError, match="there is no folder"):
        build(replace(settings(sessions), out=tmp_path / "nowhere" / "set.h5"))


def test_a_folder_without_sessions_is_refused(tmp_path) -> None:
    with pytest.raises(KincapError, match="no sessions here"):
        build(BuildSettings(out=tmp_path / "set.h5", recordings=tmp_path / "nothing"))


def test_a_wrong_mirror_mark_is_warned_about(tmp_path) -> None:
    backwards = Body()
    swapped = {name: tuple(backwards.joints_px()[index]) for name, index in
               (("ShoulderLeft", 8), ("ShoulderRight", 4))}  # fmt: skip
    sessions = Sessions(tmp_path / "recordings")
    sessions("train1", [Frame((Body(moved=swapped),))] * 4)
    sessions("val1", [Frame()])
    result = build(settings(sessions))
    assert [warning for warning in result.warnings if "mirrored" in warning]
    assert not [warning for warning in odd(result) if "val1" in warning]


def test_a_session_without_a_frame_is_warned_about_and_does_no_harm(sessions, walk) -> None:
    sessions("train1", walk(5))
    sessions("val1", walk(3))
    sessions("empty", [])
    result = build(settings(sessions))
    assert result.splits == {"train": 5, "val": 3}
    assert odd(result) == ["empty: no frame of it is kept (rejected: none)"]
    assert result.sessions["empty"]["candidates"] == 0
