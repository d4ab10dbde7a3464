"""Engines and detectors: crops as build cuts them, files that are refused, boxes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from kincap.core.errors import KincapError
from kincap.core.geometry import image_to_crop
from kincap.engines.box_from_pose import box_of_pose
from kincap.engines.crop import cut_crops, to_image
from kincap.engines.detectors import make_detector
from kincap.engines.onnx_engine import OnnxPoseEngine, to_pixels
from kincap.engines.torch_engine import TorchPoseEngine


class Brightest(nn.Module):
    """Says that every keypoint is at the brightest pixel."""

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        grey = pixels.sum(dim=1)
        side = grey.shape[-1]
        at = grey.flatten(1).argmax(dim=1)
        xy = (torch.stack([at % side, at // side], dim=1) + 0.5) / side
        return xy[:, None].expand(-1, 2, -1), torch.full((len(pixels), 2), 0.5)


@pytest.mark.parametrize("at", [(40, 30), (1, 58), (78, 0)])
def test_a_crop_shows_a_point_where_the_box_says(at: tuple[int, int]) -> None:
    image = np.zeros((60, 80, 3), np.uint8)
    image[at[1], at[0]] = 255
    boxes = np.array([[at[0] - 12.0, at[1] - 9.0, at[0] + 14.0, at[1] + 11.0]])
    crops, shown = cut_crops(image, boxes, 104)
    assert shown[0, 2] - shown[0, 0] == shown[0, 3] - shown[0, 1] == 26
    engine = TorchPoseEngine(Brightest(), 104, ("a", "b"), torch.device("cpu"))
    found = engine.poses(crops)
    placed = to_image(found.coords, shown)[0, 0]
    assert np.abs(placed - at).max() <= 0.5
    assert (
        np.abs(
            image_to_crop(np.array([at]), shown[0], 104)[0] + 0.5 - 104 * found.coords[0, 0]
        ).max()
        <= 2.5
    )


def test_a_box_outside_of_the_image_gives_a_black_crop_and_none_gives_no_crop() -> None:
    image = np.full((60, 80, 3), 200, np.uint8)
    crops, _ = cut_crops(image, np.array([[200.0, 200.0, 220.0, 220.0]]), 32)
    assert not crops.any()
    crops, shown = cut_crops(image, np.empty((0, 4)), 32)
    assert crops.shape == (0, 32, 32, 3)
    assert shown.shape == (0, 4)


def test_a_coarser_crop_is_averaged_by_area() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (64, 64, 3), np.uint8)
    crops, _ = cut_crops(image, np.array([[-0.5, -0.5, 63.5, 63.5]]), 32)
    mean = image.reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))
    assert np.abs(crops[0].astype(float) - mean).max() <= 0.5 + 1e-6


def test_pixels_are_those_of_training() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    wanted = (torch.from_numpy(crops).permute(0, 3, 1, 2).float() - 127) / 128
    assert np.array_equal(to_pixels(crops), wanted.numpy())


def test_the_box_of_a_pose_is_square_and_larger() -> None:
    box = box_of_pose(np.array([[0.0, 10.0], [40.0, 30.0]]))
    assert box.tolist() == pytest.approx([-3, -3, 43, 43])


def test_detectors_by_name() -> None:
    image = np.zeros((60, 80, 3), np.uint8)
    assert make_detector("whole").detect(image)[0].bbox_xyxy_px.tolist() == [-0.5, -0.5, 79.5, 59.5]
    box = make_detector("box:10,20,30,40").detect(image)[0]
    assert box.bbox_xyxy_px.tolist() == [9.5, 19.5, 39.5, 59.5]


@pytest.mark.parametrize("text", ["hog", "box:1,2,3", "box:1,2,nan,4", "box:1,2,0,4", "box"])
def test_detectors_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(KincapError, match="^--detector: "):
        make_detector(text)


def test_a_file_that_is_no_exported_net_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KincapError, match="no such file"):
        OnnxPoseEngine(tmp_path / "gone.onnx")
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(b"not a model")
    with pytest.raises(KincapError, match="not an ONNX model"):
        OnnxPoseEngine(damaged)
