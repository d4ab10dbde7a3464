"""Pictures of an evaluation report, read back."""

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from kincap.core.skeleton import KEYPOINTS_13
from kincap.train.nets.registry import build_net
from kincap.train.presence.drawings import density_png, filters_png
from kincap.train.presence.report_page import best_and_worst
from kincap.train.presence.report_parts import picture_section


def _pixels(png: bytes | None) -> npt.NDArray[np.uint8]:
    assert png is not None
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(png, np.uint8), 1), cv2.COLOR_BGR2RGB)


def test_the_filters_of_the_first_layer_have_their_colours() -> None:
    net = build_net("ucsd-baseline1", 1 / 8, 32)
    first = next(layer for layer in net.modules() if isinstance(layer, nn.Conv2d))
    assert first.weight.shape[0] == 4
    with torch.no_grad():
        first.weight.fill_(-0.3)
        for n, colour in enumerate(((0,), (1,), (2,), (0, 1))):
            first.weight[n, list(colour)] = 0.1
    shown = _pixels(filters_png(net))
    for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)):
        assert (shown == colour).all(axis=2).sum() > 1000, colour
    # in the order of the layer, from left to right
    centres = [np.nonzero((shown == c).all(axis=2))[1].mean() for c in ((255, 0, 0), (0, 255, 0))]
    assert centres[0] < centres[1]
    assert filters_png(nn.Linear(3, 3)) is None


def test_the_density_of_the_joints_is_where_they_are() -> None:
    def middle(x: float, y: float) -> tuple[float, float]:
        targets = np.full((40, 13, 2), (x, y), np.float32)
        targets[20:] = 0.99  # not labelled: not shown
        weight = np.repeat(np.array([1.0, 0.0], np.float32), 20)[:, None].repeat(13, axis=1)
        shown = _pixels(density_png(targets, weight, KEYPOINTS_13)).astype(int)
        rows, columns = np.nonzero((shown.min(axis=2) > 150) & (np.ptp(shown, axis=2) > 20))
        return float(columns.mean()), float(rows.mean())

    left, right, low = middle(0.2, 0.3), middle(0.8, 0.3), middle(0.2, 0.8)
    assert right[0] > left[0] + 30
    assert abs(right[1] - left[1]) < 3
    assert low[1] > left[1] + 30


def test_good_cases_come_before_bad_ones_and_each_once() -> None:
    errors = np.array([5.0, np.nan, 1.0, 9.0, 3.0, np.nan, 7.0])
    assert best_and_worst(errors).tolist() == [2, 4, 6, 3]
    many = np.random.default_rng(0).permutation(40).astype(np.float64)
    assert many[best_and_worst(many)].tolist() == [*range(6), *range(34, 40)]
    assert len(best_and_worst(np.full(3, np.nan))) == 0
    assert "<img" in str(picture_section("Cases", filters_png(build_net("compact", 0.1, 32)), "x"))
