"""Crops in boxes that are not the label's, and boxes that follow a person."""

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

from kincap.core.errors import DatasetError
from kincap.core.skeleton import GROUPS, KEYPOINT_NAMES
from kincap.dataset.kinect13.reader import Kinect13, open_kinect13, write_kinect13
from kincap.train.data import Samples, load_samples
from kincap.train.evaluation.box_file import read_boxes
from kincap.train.evaluation.boxes import (
    BoxCutter,
    box_of_pose,
    jittered_boxes,
    poses_in_boxes,
    tracked_poses,
)
from kincap.train.following.stretches import has_stretches, stretches
from kincap.train.nets.output import NetOutput

SIZE, WIDE, SIDE = 32, 48, 64.0
"""Sides of the crops, of the stored images, and of the label's boxes in colour pixels."""
FRAMES = 12
_X = {"h": 0.0, "r": -0.2, "l": 0.2}
_Y = dict(zip(GROUPS, np.linspace(-0.2, 0.2, len(GROUPS)), strict=True))
OFFSETS = np.array([[_X[name[0]], _Y[name.split("_")[-1]]] for name in KEYPOINT_NAMES])
"""Of the keypoints from the person's middle, in sides of the label's box; the same mirrored."""
CPU = torch.device("cpu")


class FindsTheDisc(nn.Module):
    """A net without weights: the keypoints about the middle of what is red.

    Their distances follow from the disc's area, so they are right whatever the crop's scale is.
    """

    def forward(self, pixels: torch.Tensor) -> NetOutput:
        red = (pixels[:, 0] - pixels[:, 2]).clamp(min=0) / 2
        at = (torch.arange(pixels.shape[-1]) + 0.5) / pixels.shape[-1]
        count = red.sum(dim=(1, 2)).clamp(min=1e-6)
        middle = torch.stack([(red.sum(1) * at).sum(1), (red.sum(2) * at).sum(1)], 1)
        middle = middle / count[:, None]
        radius = (count / torch.pi).sqrt() / pixels.shape[-1]
        spread = 8 * radius[:, None, None] * torch.tensor(OFFSETS, dtype=torch.float32)
        return NetOutput(middle[:, None] + spread, None)


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[Kinect13]:
    """Yield a person, a disc of an eighth of the box's side, who walks right by a tenth a frame."""
    middle = np.array([300.0, 200.0]) + np.arange(FRAMES)[:, None] * (SIDE / 10, 0)
    corner = np.floor(middle - SIDE / 2) - 0.5
    keypoints = middle[:, None] + OFFSETS * SIDE
    images = np.zeros((FRAMES, WIDE, WIDE, 3), dtype=np.uint8)
    for n in range(FRAMES):
        at = (middle[n] - corner[n]) * SIZE / SIDE - 0.5 + (WIDE - SIZE) / 2
        away = np.hypot(*np.meshgrid(np.arange(WIDE) - at[0], np.arange(WIDE) - at[1]))
        images[n, ..., 0] = np.round(255 * np.clip(SIZE / 8 + 0.5 - away, 0, 1))
    columns: dict[str, npt.ArrayLike] = {
        "images": images,
        "keypoints_px": ((keypoints - corner[:, None]) * SIZE / SIDE - 0.5).astype(np.float32),
        "visibility": np.full((FRAMES, 13), 2, np.uint8),
        "weight": np.ones((FRAMES, 13), np.float32),
        "bbox_xyxy_px": np.concatenate([corner, corner + SIDE], axis=1).astype(np.float32),
        "color_seq": np.arange(FRAMES, dtype=np.uint64),
        "tracking_id": np.full(FRAMES, 7, np.uint64),
        "time_s": np.arange(FRAMES) / 30,
    }
    path = write_kinect13(tmp_path / "walk.h5", {"val": columns}, margin=1.5)
    with open_kinect13(path) as data:
        yield data


@pytest.fixture
def samples(dataset: Kinect13) -> Samples:
    return load_samples(dataset, "val", SIZE)


def test_a_crop_in_the_labels_box_is_the_stored_one(dataset: Kinect13) -> None:
    rows, every = dataset.split("val"), np.arange(FRAMES)
    cutter = BoxCutter(rows, SIZE)
    np.testing.assert_array_equal(cutter.cut(every, cutter.label_boxes), rows.images(every))
    assert cutter.outside(every, cutter.label_boxes).max() == 0


def test_a_crop_of_half_the_size_is_made_by_area(dataset: Kinect13) -> None:
    rows, every = dataset.split("val"), np.arange(FRAMES)
    cutter = BoxCutter(rows, SIZE // 2)
    whole = rows.images(every)
    small = np.stack([cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=3) for image in whole])
    difference = cutter.cut(every, cutter.label_boxes).astype(int) - small
    assert np.abs(difference).max() <= 1


def test_a_shifted_crop_shows_the_margin_and_black_beyond_it(dataset: Kinect13) -> None:
    rows, first = dataset.split("val"), np.array([0])
    cutter = BoxCutter(rows, SIZE)
    px = SIDE / SIZE
    moved = cutter.label_boxes[:1] + np.array([5, -3, 5, -3]) * px
    wide, border = rows.wide_images(first)[0], (WIDE - SIZE) // 2
    np.testing.assert_array_equal(
        cutter.cut(first, moved)[0], wide[border - 3 : border - 3 + SIZE, border + 5 :][:, :SIZE]
    )
    far = cutter.label_boxes[:1] + SIDE
    assert cutter.outside(first, far)[0] == pytest.approx(1 - (1 / 4) ** 2)
    assert cutter.cut(first, far)[0, SIZE // 2 :, SIZE // 2 :].max() == 0


def test_jittered_boxes_stay_in_their_limits_and_fill_them() -> None:
    label = np.tile([[100.0, 50.0, 164.0, 114.0]], (2000, 1))
    boxes = jittered_boxes(label)
    side = boxes[:, 2] - boxes[:, 0]
    np.testing.assert_allclose(side, boxes[:, 3] - boxes[:, 1])
    shift = (boxes[:, :2] + boxes[:, 2:]) / 2 - (132, 82)
    assert 0.115 < np.abs(shift).max() / 64 <= 0.12
    assert 0.8 <= side.min() / 64 < 0.81
    assert 1.24 < side.max() / 64 <= 1.25
    np.testing.assert_array_equal(boxes, jittered_boxes(label))


def test_the_box_of_a_pose_is_square_and_larger() -> None:
    pose = np.array([[10.0, 20.0], [30.0, 60.0]])
    assert box_of_pose(pose).tolist() == pytest.approx([-3, 17, 43, 63])


def test_poses_in_any_box_are_where_the_person_is(dataset: Kinect13, samples: Samples) -> None:
    cutter = BoxCutter(dataset.split("val"), SIZE)
    boxes = jittered_boxes(cutter.label_boxes, seed=3)
    found = poses_in_boxes(FindsTheDisc(), cutter, samples, boxes, CPU)
    # half a cell of the crop
    assert np.abs(found.single - samples.targets).max() < 0.5 / SIZE
    assert found.outside == 0


def test_a_tracked_box_follows_the_person(dataset: Kinect13, samples: Samples) -> None:
    rows = dataset.split("val")
    found = tracked_poses(FindsTheDisc(), BoxCutter(rows, SIZE), samples, rows, CPU)
    assert np.abs(found.single - samples.targets).max() < 0.5 / SIZE
    np.testing.assert_array_equal(found.boxes[0], rows.bbox_xyxy_px[0])
    middle = (found.boxes[:, 0] + found.boxes[:, 2]) / 2
    # one frame late: a tenth of the side behind
    late = samples.to_image_px(samples.targets)[1:, :, 0].mean(axis=1) - middle[1:]
    assert np.abs(late - SIDE / 10).max() < 2
    # 0.4 sides apart, a quarter larger
    assert np.abs(found.boxes[1:, 2] - found.boxes[1:, 0] - 0.5 * SIDE).max() < 4


def test_a_gap_another_person_and_another_take_end_a_stretch(
    dataset: Kinect13, tmp_path: Path
) -> None:
    rows = dataset.split("val")
    assert [one.tolist() for one in stretches(rows)] == [list(range(FRAMES))]
    assert has_stretches(rows)
    columns: dict[str, npt.ArrayLike] = {
        name: getattr(rows, name)
        for name in ("keypoints_px", "visibility", "weight", "bbox_xyxy_px", "color_seq")
    }
    columns["images"] = rows.wide_images(np.arange(FRAMES))
    columns["time_s"] = np.where(np.arange(FRAMES) < 3, 0, 0.2) + np.arange(FRAMES) / 30
    columns["tracking_id"] = np.where(np.arange(FRAMES) < 6, 1, 2**63 + 1).astype(np.uint64)
    columns["take"] = np.where(np.arange(FRAMES) < 9, 0, 1).astype(np.uint16)
    path = write_kinect13(tmp_path / "parts.h5", {"val": columns}, margin=1.5)
    with open_kinect13(path) as parts:
        found = stretches(parts.split("val"))
    assert sorted(one.tolist() for one in found) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]
    columns["time_s"] = np.full(FRAMES, np.nan)
    path = write_kinect13(tmp_path / "public.h5", {"val": columns}, margin=1.5)
    with open_kinect13(path) as parts:
        assert len(stretches(parts.split("val"))) == FRAMES
        assert not has_stretches(parts.split("val"))


def _detections(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "detections.json"
    path.write_text(json.dumps(content))
    return path


def test_a_file_gives_each_row_the_detection_of_its_person(
    dataset: Kinect13, tmp_path: Path
) -> None:
    rows = dataset.split("val")
    x, y = (rows.bbox_xyxy_px[2, :2] + 0.5).tolist()
    own = {"session": "synthetic", "color_seq": 2, "bbox": [x + 8, y + 8, 40, 48]}
    other = {"session": "synthetic", "color_seq": 2, "bbox": [x + 200, y, 40, 48]}
    path = _detections(tmp_path, [other, own, {**other, "color_seq": 3}])
    boxes, has_one = read_boxes(path, rows, dataset.meta)
    assert has_one.tolist() == [n == 2 for n in range(FRAMES)]
    middle = np.array([x + 8 + 20 - 0.5, y + 8 + 24 - 0.5])
    np.testing.assert_allclose(boxes[2], [*(middle - 28.8), *(middle + 28.8)])
    np.testing.assert_array_equal(boxes[3], rows.bbox_xyxy_px[3])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "expected a list"),
        ([1], "expected an object"),
        ([{"session": "synthetic", "color_seq": 0}], "bbox"),
        ([{"session": "synthetic", "color_seq": 0, "bbox": [0, 0, 0, 1]}], "expected more than 0"),
        ([{"color_seq": 0, "bbox": [0, 0, 1, 1]}], "session"),
        ([{"session": "synthetic", "color_seq": "a", "bbox": [0, 0, 1, 1]}], "color_seq"),
        ([], "no box overlaps a person"),
        ([{"session": "other", "color_seq": 0, "bbox": [0, 0, 9, 9]}], "no box overlaps a person"),
    ],
)
def test_a_file_of_boxes_that_makes_no_sense_is_refused(
    dataset: Kinect13, tmp_path: Path, content: object, words: str
) -> None:
    path = _detections(tmp_path, content)
    with pytest.raises(DatasetError, match=words) as refused:
        read_boxes(path, dataset.split("val"), dataset.meta)
    assert str(refused.value).startswith(f"--boxes {path}:")
