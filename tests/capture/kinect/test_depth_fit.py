"""The fitted depth camera stands for the mapper, and says how far it is off."""

import numpy as np
import pytest

from kincap.capture.kinect.depth_fit import USUAL, fit_depth_camera
from kincap.capture.kinect.projection import sample_points
from kincap.core.cameras.depth_mapping import DepthCamera

SIZE = (512, 424)
LENS = DepthCamera(367.2, 366.1, 259.3, 204.4, 0.08, -0.25, 0.08)


@pytest.mark.parametrize("start", [None, LENS, USUAL], ids=["none", "right", "usual"])
def test_a_lens_is_found_again(start: DepthCamera | None) -> None:
    points = sample_points()
    fit = fit_depth_camera(points, LENS.pixels(points), SIZE, start)
    assert fit is not None
    assert fit.max_px < 1e-6
    told = fit.to_json()
    assert told["fx_px"] == pytest.approx(367.2)
    assert told["k3"] == pytest.approx(0.08, abs=1e-4)


def test_a_mapper_with_another_formula_leaves_a_residual_that_is_told() -> None:
    points = sample_points()
    pixels = LENS.pixels(points) + 0.3 * np.sin(points[:, :1] * 7)
    fit = fit_depth_camera(points, pixels, SIZE, LENS)
    assert fit is not None
    assert 0.05 < fit.rms_px < fit.max_px < 0.6


def test_pixels_of_no_lens_give_no_fit() -> None:
    points = sample_points()
    pixels = LENS.pixels(points)
    assert fit_depth_camera(points, np.full_like(pixels, -np.inf), SIZE, LENS) is None
    assert fit_depth_camera(points, np.zeros_like(pixels), SIZE, LENS) is None
    mixed = np.random.default_rng(0).permutation(pixels)
    assert fit_depth_camera(points, mixed, SIZE, LENS) is None
