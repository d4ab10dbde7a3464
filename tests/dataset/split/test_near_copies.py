"""Near-copies over the border of splits: counted, left out or refused."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from kincap.core.errors import DatasetError
from kincap.core.jpeg import encode_jpeg
from kincap.dataset.build import BuildSettings, build
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.dataset.split.picture_hash import CLOSE_BITS, hash_crop, nearest_hashes
from kincap.dataset.split.poses import WITHIN, crop_poses, nearest_poses

from ..conftest import SIZE_PX, Body, Frame, Sessions

OWN, COPIED = 20, 8


def scene(number: int) -> np.ndarray:
    """(H, W, 3) uint8, a picture that is like no other one."""
    coarse = np.random.default_rng(number).integers(0, 256, (12, 16, 3), np.uint8)
    return cv2.resize(coarse, SIZE_PX, interpolation=cv2.INTER_CUBIC)


def frame(number: int, quality: int) -> Frame:
    """Return a frame of a scene."""
    return Frame((Body(x=140 + number % 9),), blob=encode_jpeg(scene(number), quality))


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sessions ``a`` and ``b``; some pictures of ``b`` are those of ``a``, encoded anew."""
    sessions = Sessions(tmp_path_factory.mktemp("copied") / "recordings")
    sessions("a", [frame(k, 95) for k in range(OWN)])
    sessions("b", [frame(1000 + k, 95) for k in range(OWN)] + [frame(k, 60) for k in range(COPIED)])
    return sessions.recordings


def settings(copied: Path, out: Path, **more: object) -> BuildSettings:
    """Settings of a small build with ``b`` as validation."""
    return BuildSettings(out / "set.h5", copied, val="b", size=16, workers=1, **more)


def test_they_are_counted_and_named(copied: Path, tmp_path: Path) -> None:
    result = build(settings(copied, tmp_path))
    found = result.leaks["near_copies"]
    assert (found["compared"], found["hashed"], found["found"]) == (OWN, OWN, COPIED)
    assert found["sessions"] == [{"train": "a", "held_out": "b", "found": COPIED}]
    pair = found["pairs"][0]
    assert pair["held_out"]["color_seq"] == pair["train"]["color_seq"] + OWN
    assert pair["held_out"]["split"] == "val"
    (line,) = result.warnings
    assert line.startswith("8 of 20 compared training rows nearly show what a held-out row shows")
    with open_kinect13(tmp_path / "set.h5") as dataset:
        assert dataset.meta.counts["leaks"] == result.leaks
        assert len(dataset.split("train")) == OWN


def test_they_are_left_out_where_that_is_asked_for(copied: Path, tmp_path: Path) -> None:
    result = build(settings(copied, tmp_path, near_copies="drop"))
    assert result.rejected["near_copy"] == COPIED
    assert result.kept + sum(result.rejected.values()) == result.candidates
    with open_kinect13(tmp_path / "set.h5") as dataset:
        assert dataset.split("train").color_seq.tolist() == list(range(COPIED, OWN))
        assert len(dataset.split("val")) == OWN + COPIED


def test_they_are_refused_where_that_is_asked_for(copied: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="--near-copies refuse: 8 training rows") as caught:
        build(settings(copied, tmp_path, near_copies="refuse"))
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_decodes_no_picture_for_a_report(copied: Path, tmp_path: Path) -> None:
    counted = build(settings(copied, tmp_path, dry_run=True)).leaks["near_copies"]
    assert (counted["alike"], counted["hashed"], counted["found"]) == (OWN, 0, None)


def test_a_hash_stays_when_a_picture_is_encoded_anew_or_made_smaller() -> None:
    hashes = np.stack([hash_crop(scene(k)) for k in range(40)])
    anew = [cv2.imdecode(np.frombuffer(encode_jpeg(scene(k), 50), np.uint8), 1) for k in range(40)]
    small = [cv2.resize(image, (112, 112), interpolation=cv2.INTER_AREA) for image in anew]
    index, bits = nearest_hashes(np.stack([hash_crop(image) for image in small]), hashes)
    assert index.tolist() == list(range(40))
    assert bits.max() <= CLOSE_BITS
    among = [nearest_hashes(hashes[k : k + 1], np.delete(hashes, k, 0))[1][0] for k in range(40)]
    assert min(among) > 2 * CLOSE_BITS


def test_the_nearest_pose_is_that_of_comparing_all() -> None:
    rng = np.random.default_rng(3)
    placed = np.tile(np.array([100, 50, 400]), (500, 1))
    points = rng.normal(0, 40, (500, 13, 2)) + [300, 250]
    moved = points[:300] + rng.normal(0, 400 * WITHIN / 2, (300, 13, 2))
    asked = crop_poses(np.concatenate([moved, rng.normal(300, 40, (200, 13, 2))]), placed)
    others = crop_poses(points * 2, placed * 2)
    apart = np.sqrt(((asked[:, None] - others[None]) ** 2).mean(axis=-1)) / 256
    index, distance = nearest_poses(asked, others)
    close = apart.min(axis=1) <= WITHIN
    assert 250 < close.sum() < 350
    assert (index[~close] == -1).all()
    assert (index[close] == apart.argmin(axis=1)[close]).all()
    assert distance[close] == pytest.approx(apart.min(axis=1)[close], abs=1e-5)
    assert nearest_poses(asked[:0], others)[0].shape == (0,)
    assert (nearest_poses(asked, others[:0])[0] == -1).all()


def test_a_keypoint_without_a_place_is_in_the_middle_and_a_far_one_at_the_edge() -> None:
    points = np.full((1, 13, 2), np.nan)
    points[0, 0], points[0, 1] = (1e9, 100), (150, 200)
    pose = crop_poses(points, np.array([[100, 100, 100]])).reshape(13, 2)
    assert pose[0].tolist() == [384, -128]
    assert pose[1].tolist() == [0, 128]
    assert (pose[2:] == 0).all()
