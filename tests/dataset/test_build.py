"""Build on drawn sessions: what is kept, counted, written, and what is refused."""

import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from kincap.core.errors import KincapError
from kincap.core.jpeg import encode_jpeg
from kincap.core.skeleton import KEYPOINT, KEYPOINT_JOINT
from kincap.dataset.build import BuildResult, BuildSettings, build
from kincap.dataset.filters import REASONS
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.sessions.edits.journal import add_edit
from kincap.sessions.lock import SessionLock
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import Stream
from kincap.sessions.shard.shard_reader import ShardReader

from .conftest import SIZE_PX, Body, Frame, Sessions, crop_to_image, joint_color


def settings(made: Sessions, **more: object) -> BuildSettings:
    """Settings of a small build beside the recordings."""
    given = {"size": 64, "workers": 1, "val": "val*", "bodies": "all", **more}
    return BuildSettings(out=made.recordings.parent / "set.h5", recordings=made.recordings, **given)


def refused(asked: BuildSettings, exit_code: int = 2) -> str:
    """The one line of a build that fails and leaves nothing new behind."""
    folder = asked.out.parent
    before = sorted(folder.iterdir())
    with pytest.raises(KincapError) as caught:
        build(asked)
    assert caught.value.exit_code == exit_code
    assert "\n" not in str(caught.value)
    # the empty lock of a build that began stays for ever
    assert sorted(path for path in folder.iterdir() if path.suffix != ".lock") == before
    return str(caught.value)


def only(result: BuildResult, **expected: int) -> bool:
    """Say whether these are all the reasons that applied, and all candidates are counted."""
    rejected = {reason: n for reason, n in result.rejected.items() if n}
    assert list(result.rejected) == list(REASONS)
    assert result.kept + sum(rejected.values()) == result.candidates
    return rejected == expected


def odd(result: BuildResult) -> list[str]:
    """Return the warnings; drawn people look alike on both sides, which is not one here."""
    return [line for line in result.warnings if "nearly show" not in line]


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


def test_a_left_session_is_refused_until_it_is_repaired(sessions, walk) -> None:
    sessions("train1", walk(5), sealed=False)
    sessions("val1", walk(3))
    assert "kincap sessions repair train1" in refused(settings(sessions))


def test_a_session_that_is_recorded_is_refused(sessions, walk) -> None:
    folder = sessions("train1", walk(5))
    sessions("val1", walk(3))
    with SessionLock(folder).acquire("a test"):
        assert "recorded" in refused(settings(sessions))


def test_a_prepared_shard_without_rows_does_no_harm(sessions, walk) -> None:
    sessions("train1", walk(5))
    sessions("val1", walk(3))
    empty = sessions("spare", [Frame()], sealed=False) / "000000.h5"
    with ShardReader(empty) as reader:
        place = reader.layout.tables["color_index"], reader.layout.tables["bodies"]
    with empty.open("r+b") as file:
        for table in place:
            file.seek(table.offset)
            file.write(bytes(table.rows * table.dtype.itemsize))
    shutil.copy(empty, sessions.recordings / "train1" / "000001.h5")
    assert build(settings(sessions, sessions="[tv]*")).kept == 8


def damage_picture(folder: Path, seq: int) -> None:
    """Flip a byte of one stored picture."""
    with SessionReader(folder) as reader:
        row = reader.row_by_seq(Stream.color, seq)
        with ShardReader(folder / "000000.h5") as shard:
            at = shard.layout.tables["blobs"].offset + int(row["offset"]) + 40
    path = folder / "000000.h5"
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def test_a_damaged_picture_ends_the_build_or_is_left_out(sessions, walk) -> None:
    folder = sessions("train1", walk(6))
    sessions("val1", walk(3))
    damage_picture(folder, 4)
    said = refused(settings(sessions), exit_code=1)
    assert "train1/000000.h5" in said
    assert "color 4" in said
    result = build(settings(sessions, skip_damaged=True))
    assert only(result, damaged=1)
    with open_kinect13(result.out) as dataset:
        assert dataset.split("train").color_seq.tolist() == [0, 1, 2, 3, 5]


def test_pictures_cut_off_with_their_shard_are_named_or_left_out(sessions, walk) -> None:
    folder = sessions("train1", walk(6))
    sessions("val1", walk(3))
    path = folder / "000000.h5"
    with SessionReader(folder) as reader, ShardReader(path) as shard:
        row = reader.row_by_seq(Stream.color, 4)
        end = shard.layout.tables["blobs"].offset + int(row["offset"]) + 40
    path.chmod(0o600)
    os.truncate(path, end)
    said = refused(settings(sessions), exit_code=1)
    assert "train1/000000.h5: color 4: is after the end of the cut file" in said
    assert "--skip-damaged leaves it out" in said
    result = build(settings(sessions, skip_damaged=True))
    assert result.splits == {"train": 4, "val": 3}
    assert only(result, damaged=2)


def test_a_tracking_id_that_no_session_has_is_refused(sessions, walk) -> None:
    sessions("train1", walk(6))
    sessions("val1", walk(3))
    said = refused(settings(sessions, bodies="5"))
    assert said.startswith("--bodies 5: no body with this tracking id in the sessions")
    assert not (sessions.recordings.parent / "set.h5").exists()


@pytest.mark.parametrize("damage", ["gone", "zeros", "header"])
def test_a_damaged_shard_is_named_or_used_as_far_as_it_is_whole(sessions, walk, damage) -> None:
    sessions("train1", walk(6))
    path = sessions("train2", walk(5)) / "000000.h5"
    sessions("val1", walk(3))
    path.chmod(0o600)
    if damage == "gone":
        path.unlink()
    elif damage == "zeros":
        path.write_bytes(bytes(5000))
    else:
        with path.open("r+b") as file:
            file.write(bytes(200))
    said = refused(settings(sessions))
    assert "train2/000000.h5: " in said
    assert "--skip-damaged" in said
    result = build(settings(sessions, skip_damaged=True))
    assert result.splits == {"train": 11 if damage == "header" else 6, "val": 3}
    assert (
        "train2: missing or damaged shards, only what is whole of them is used: 000000.h5; "
        "kincap sessions repair train2" in result.warnings
    )


@pytest.mark.parametrize("table", ["color_index", "bodies"])
def test_a_damaged_row_is_left_out_and_told_of(sessions, walk, table) -> None:
    path = sessions("train1", walk(6)) / "000000.h5"
    sessions("val1", walk(3))
    with ShardReader(path) as shard:
        place = shard.layout.tables[table]
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(place.offset + 4 * place.dtype.itemsize + 12)
        file.write(b"\xff")
    result = build(settings(sessions))
    assert result.splits == {"train": 5, "val": 3}
    assert odd(result) == [
        "train1: damaged rows of its tables, left out: 1; kincap sessions verify train1 says which",
    ]


def test_a_shard_that_cannot_be_read_is_refused_with_what_to_do(sessions, walk) -> None:
    path = sessions("train1", walk(6)) / "000000.h5"
    sessions("val1", walk(3))
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.write(bytes(8))
    said = refused(settings(sessions))
    assert "train1/000000.h5" in said
    assert "kincap sessions repair train1" in said


def test_a_copy_of_a_session_is_refused(sessions, walk) -> None:
    shutil.copytree(sessions("train1", walk(5)), sessions.recordings / "val1")
    said = refused(settings(sessions))
    assert "val1: a copy of session train1" in said


def giant(width: int, height: int) -> bytes:
    """A small JPEG whose header declares a giant."""
    data = encode_jpeg(np.zeros((16, 16, 3), np.uint8))
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + height.to_bytes(2) + width.to_bytes(2) + data[at + 4 :]


@pytest.mark.parametrize(
    ("broken", "why", "workers"),
    [
        (b"\xff\xd8" + bytes(500) + b"\xff\xd9", "no frame header", 2),
        (giant(30_000, 30_000), "JPEG of 30000x30000 pixels, expected 320x240", 1),
        (giant(*SIZE_PX), "damaged JPEG", 1),
    ],
)
def test_a_picture_that_is_no_jpeg_is_damaged_although_its_checksum_holds(
    sessions, walk, broken: bytes, why: str, workers: int
) -> None:
    sessions("train1", [*walk(4), Frame(blob=broken)])
    sessions("val1", walk(3))
    said = refused(settings(sessions), exit_code=1)
    assert "color 4" in said
    assert why in said
    assert only(build(settings(sessions, skip_damaged=True, workers=workers)), damaged=1)


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
