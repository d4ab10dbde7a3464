"""A data set of whole frames: all people, rejected ones too, and frames without people."""

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest

import kincap as api
from kincap.core.errors import DatasetError
from kincap.core.geometry import unmirror_points
from kincap.core.jpeg import decode_jpeg
from kincap.core.skeleton import KEYPOINT_JOINT
from kincap.dataset.build import BuildSettings, build
from kincap.dataset.kinect13.format import LAYOUTS
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.sessions.edits.journal import add_edit
from kincap.sessions.shard.shard_reader import ShardReader

from .conftest import Body, Frame, Sessions

SIZE_PX = (480, 270)
H, W = 136, 240
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames with two people, one too far away, nobody, no body row, and a rejected one."""
    sessions = Sessions(tmp_path_factory.mktemp("frames") / "recordings", size_px=SIZE_PX)

    def near(k: int) -> Body:
        return Body(x=150 + 9 * k, y=130, height=170)

    def far(k: int) -> Body:
        return Body(x=360, y=110 + k, height=100, slot=4, depth_m=5.0)

    both = [Frame((near(k), far(k))) for k in range(4)]
    nobody = [Frame((), body_after_ms=2.0) for _ in range(2)]
    unpaired = [Frame((near(7),), body_after_ms=None)]
    sessions("train1", [*both, *nobody, *unpaired, *(Frame((near(k),)) for k in range(8, 11))])
    sessions("val1", [Frame((near(k),)) for k in range(3)])
    add_edit(sessions.recordings / "train1", "reject", 9, 9)
    return sessions.recordings


def settings(recordings: Path, folder: Path, **more: object) -> BuildSettings:
    """Settings of a build of whole frames."""
    given = {"size": H, "workers": 1, "val": "val*", "layout": "full", **more}
    return BuildSettings(out=folder / "full.h5", recordings=recordings, **given)


def test_whole_frames_have_all_people_and_may_have_none(recordings, tmp_path) -> None:
    result = build(settings(recordings, tmp_path))
    with api.open_dataset(result.out) as dataset:
        rows = dataset.rows("train")
        # not the frame without a body row near it, not the one that an edit rejects
        assert rows.color_seq.tolist() == [0, 1, 2, 3, 4, 5, 7, 8]
        assert rows.people.tolist() == [2, 2, 2, 2, 0, 0, 1, 1]
        assert rows.person.tolist() == [[2, 1]] * 4 + [[0, 0]] * 2 + [[2, 0]] * 2
        assert rows.slot[:, 0].tolist() == [2, 2, 2, 2, 0, 0, 2, 2]
        assert rows.tracking_id[0].tolist() == [7002, 7004]
        assert rows.weight[:, 1].max() == 0
        assert (rows.weight[[0, 6], 0] == 1).all()
        assert (rows.visibility[:4] == 2).all()
        assert (rows.visibility[4:6] == 0).all()
        assert (rows.keypoints_px[4:6] == -1).all()
        assert dataset.counts["full_frames"]["train"] == {"frames": 8, "without_people": 2}
        assert dataset.counts["kept"] == 4 + 2 + 3


def test_people_whose_crops_are_not_asked_for_are_labelled_too(sessions, tmp_path) -> None:
    two = (Body(x=100, y=120, height=150), Body(x=220, y=125, height=120, slot=3))
    for name in ("train1", "val1"):
        sessions(name, [Frame(two) for _ in range(3)])
    asked = settings(sessions.recordings, tmp_path)
    assert build(asked).rejected["other_body"] == 6
    with open_kinect13(asked.out, layouts=LAYOUTS) as dataset:
        assert dataset.split("train").person.tolist() == [[2, 2]] * 3
        assert (dataset.split("train").weight == 1).all()


def test_images_are_the_whole_frames_and_keypoints_lie_in_them(recordings, tmp_path) -> None:
    result = build(settings(recordings, tmp_path))
    with ShardReader(recordings / "train1" / "000000.h5") as shard:
        color = shard.all_rows("color_index")
        stored = {int(row["seq"]): decode_jpeg(shard.blob(row)) for row in color if row["row_crc"]}
        body = shard.all_rows("bodies")
    with open_kinect13(result.out, layouts=LAYOUTS) as dataset:
        rows = dataset.split("train")
        assert dataset.image_shape.image_px == (W, H)
        images = rows.images(np.arange(len(rows)))
        for image, seq in zip(images, rows.color_seq, strict=True):
            true = cv2.flip(stored[int(seq)], 1)
            whole = cv2.resize(true, (W, H), interpolation=cv2.INTER_AREA)
            np.testing.assert_array_equal(image, whole)
        joints = body["joint_color_px"][0, 2, KEYPOINT_JOINT]
        expected = (unmirror_points(joints, SIZE_PX[0]) + 0.5) * [W / 480, H / 270] - 0.5
        np.testing.assert_allclose(rows.keypoints_px[0, 0], expected, atol=1e-3)


def test_the_fast_frames_are_nearly_the_exact_ones(recordings, tmp_path) -> None:
    images = []
    for decoding in ("exact", "fast"):
        result = build(settings(recordings, tmp_path, decoding=decoding, restart=True))
        with open_kinect13(result.out, layouts=LAYOUTS) as dataset:
            images.append(dataset.split("train").images(np.arange(8)).astype(float))
    assert 0 < np.mean((images[0] - images[1]) ** 2) < 60


def test_dimensions_are_named_and_the_person_is_one(recordings, tmp_path) -> None:
    with h5py.File(build(settings(recordings, tmp_path)).out) as file:
        names = [dim[0].name for dim in file["train/keypoints_px"].dims]
        assert names == ["/train/row", "/person", "/keypoint", "/xy"]
        assert file.attrs["layout"] == b"full"
        assert (len(file["x"]), len(file["y"])) == (W, H)


def test_readers_of_crops_refuse_it_in_one_line(recordings, tmp_path) -> None:
    result = build(settings(recordings, tmp_path))
    with pytest.raises(DatasetError, match="holds whole frames .* without --layout full"):
        open_kinect13(result.out)
    with api.open_dataset(result.out) as dataset:
        with pytest.raises(DatasetError, match="without --layout full"):
            dataset.torch("train")
        with pytest.raises(DatasetError, match="without --layout full"):
            dataset.row("train", 0)


def test_a_damaged_frame_is_named_or_left_out_wherever_the_people_are(
    sessions: Sessions, walk, tmp_path
) -> None:
    data = b"\xff\xd8" + bytes(300) + b"\xff\xd9"
    sessions("train1", [*walk(4), Frame((), blob=data)])
    sessions("val1", walk(2))
    with pytest.raises(DatasetError, match="color 4"):
        build(settings(sessions.recordings, tmp_path))
    assert not (tmp_path / "full.h5").exists()
    result = build(settings(sessions.recordings, tmp_path, skip_damaged=True))
    with open_kinect13(result.out, layouts=LAYOUTS) as dataset:
        assert dataset.split("train").color_seq.tolist() == [0, 1, 2, 3]


def _people_apart(file: h5py.File) -> None:
    file["train/people"][0] = 1


def _unknown_person(file: h5py.File) -> None:
    file["val/person"][0, 0] = 3


def _box_of_no_square(file: h5py.File) -> None:
    file["train/bbox_xyxy_px"][0, 0] = (0, 0, 4, 5)


@pytest.mark.parametrize("damage", [_people_apart, _unknown_person, _box_of_no_square])
def test_odd_people_are_refused_in_one_line(recordings, tmp_path, damage) -> None:
    path = build(settings(recordings, tmp_path)).out
    with h5py.File(path, "r+") as file:
        damage(file)
    with pytest.raises(DatasetError) as caught:
        open_kinect13(path, layouts=LAYOUTS)
    assert "build it again" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"layout": "whole"}, "--layout whole: expected one of crops, full"),
        ({"margin": 1.5}, "--layout full with --size 136 --margin 1.5"),
        ({"size": 140}, "--layout full with --size 140"),
    ],
)
def test_settings_that_make_no_frames_are_refused(recordings, tmp_path, more, said) -> None:
    with pytest.raises(DatasetError, match=said):
        build(settings(recordings, tmp_path, **more))


def test_sessions_of_other_proportions_are_refused(tmp_path, walk) -> None:
    recordings = tmp_path / "recordings"
    Sessions(recordings, size_px=SIZE_PX)("train1", walk(3))
    Sessions(recordings)("val1", walk(2))
    with pytest.raises(DatasetError, match="--layout full: images of different proportions"):
        build(settings(recordings, tmp_path))


def test_killed_twice_it_ends_with_the_same_bytes(recordings, kincap: Run, tmp_path) -> None:
    expected = build(settings(recordings, tmp_path)).out.read_bytes()
    args = ("build", "--recordings", recordings, "--out", tmp_path / "again.h5", "--size", H,
            "--val", "val*", "--layout", "full", "--workers", 1)  # fmt: skip
    for fault in ("sync:kill:3", "write:kill:2"):
        killed = kincap(*args, cwd=tmp_path, KINCAP_FAULTS=fault)
        assert killed.returncode == -signal.SIGKILL
    assert kincap(*args, cwd=tmp_path).returncode == 0
    assert (tmp_path / "again.h5").read_bytes() == expected
