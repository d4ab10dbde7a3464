"""The confidence of a keypoint: how likely it is right, from how wide its map is.

A map that is sure is a narrow peak. The standard deviation of the position under the map's softmax
becomes a probability by logistic regression on the validation split, a line for each group of
keypoints (Platt 1999). *Right* means within 0.2 of the torso, as in PCK@0.2.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..core.skeleton import KEYPOINTS_13, Skeleton
from .mirror import Floats

Array = npt.NDArray[np.float64]

THRESHOLD: Final = 0.2
"""Share of the torso within which a keypoint is right."""
BINS: Final = 15
LEAST_SPREAD: Final = 1e-4
_RIDGE: Final = 1.0
_ROUNDS: Final = 50
_FEWEST: Final = 20
"""Keypoints of a group below which its line is that of all keypoints."""


@dataclass(frozen=True)
class Calibration:
    """A line for each keypoint: log odds of being right = offset + slope * log(spread).

    Attributes:
        offset: (K,) float64.
        slope: (K,) float64.
    """

    offset: Array
    slope: Array

    def confidence(self, spread: npt.NDArray[np.floating]) -> Array:
        """Return the probability (N, K) in (0, 1) that a keypoint is right.

        Args:
            spread: (N, K), of ``map_spread``.
        """
        x = np.log(np.maximum(spread.astype(np.float64), LEAST_SPREAD))
        return _sigmoid(self.offset + self.slope * x)


def map_spread(maps: Tensor) -> Tensor:
    """Return the standard deviation (B, K) of the position under each map's softmax, crop units.

    Args:
        maps: (B, K, H, W) logits.
    """
    share = maps.flatten(2).softmax(dim=2).view_as(maps)
    variance = torch.zeros(maps.shape[:2], device=maps.device)
    for axis, cells in ((2, maps.shape[3]), (3, maps.shape[2])):
        at = (torch.arange(cells, device=maps.device) + 0.5) / cells
        line = share.sum(dim=axis)
        mean = (line * at).sum(dim=2, keepdim=True)
        variance = variance + (line * (at - mean) ** 2).sum(dim=2)
    return variance.sqrt()


def fit_calibration(
    spread: Floats,
    right: npt.NDArray[np.bool_],
    used: npt.NDArray[np.bool_],
    skeleton: Skeleton = KEYPOINTS_13,
) -> Calibration:
    """Fit the lines to a validation split.

    Args:
        spread: (N, K), of ``map_spread``.
        right: (N, K) bool.
        used: (N, K) bool; other keypoints are looked past.
        skeleton: The keypoints.
    """
    count = len(skeleton)
    x = np.log(np.maximum(spread.astype(np.float64), LEAST_SPREAD))
    offset, slope = np.empty(count), np.empty(count)
    offset[:], slope[:] = _fit(x[used], right[used])
    for k in skeleton.group_indices.values():
        of_group = used[:, list(k)]
        if of_group.sum() >= _FEWEST:
            line = _fit(x[:, list(k)][of_group], right[:, list(k)][of_group])
            offset[list(k)], slope[list(k)] = line
    return Calibration(offset, slope)


def _fit(x: Array, right: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Return offset and slope of a logistic regression, by Newton's method.

    The slope is drawn to 0 a little, so that a group that is always right has a line too; the
    targets are Platt's, which keep it from being sure of everything.
    """
    if not len(x):
        return 0.0, 0.0
    good, bad = int(right.sum()), int((~right).sum())
    target = np.where(right, (good + 1) / (good + 2), 1 / (bad + 2))
    middle = float(x.mean())
    design = np.column_stack([np.ones(len(x)), x - middle])
    line = np.array([np.log((good + 1) / (bad + 1)), 0.0])
    ridge = np.diag([0.0, _RIDGE])
    for _ in range(_ROUNDS):
        guess = _sigmoid(design @ line)
        gradient = design.T @ (guess - target) + ridge @ line
        curvature = (design * (guess * (1 - guess))[:, None]).T @ design + ridge
        step = np.linalg.solve(curvature + 1e-9 * np.eye(2), gradient)
        # a long step over a flat stretch would overshoot
        step *= min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        line = line - step
        if np.abs(step).max() < 1e-8:
            break
    # a wider map is never surer
    slope = min(float(line[1]), 0.0)
    return float(line[0]) - slope * middle, slope


def calibration_error(confidence: Array, right: npt.NDArray[np.bool_]) -> float | None:
    """Return the expected calibration error, percent (Guo et al. 2017, 15 bins of equal width).

    Args:
        confidence: (M,) probabilities.
        right: (M,) bool.

    Returns:
        The mean over the bins, weighted by their counts, of |share that is right - mean
        confidence|; None where there is nothing.
    """
    if not len(confidence):
        return None
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    off = np.bincount(place, weights=right.astype(np.float64) - confidence, minlength=BINS)
    return 100.0 * float(np.abs(off).sum()) / len(confidence)


def miss_auroc(confidence: Array, right: npt.NDArray[np.bool_]) -> float | None:
    """Return how well a low confidence predicts a miss: the area under the ROC curve.

    Args:
        confidence: (M,) probabilities.
        right: (M,) bool.

    Returns:
        1: every miss is less sure than every hit, 0.5: no better than chance; None where there is
        no miss or no hit.
    """
    good, bad = int(right.sum()), int((~right).sum())
    if not good or not bad:
        return None
    # ranks, equal values share theirs
    _, place, count = np.unique(confidence, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    return float((rank[right].sum() - good * (good + 1) / 2) / (good * bad))


def _sigmoid(x: Array) -> Array:
    half: Array = 0.5 * (1.0 + np.tanh(0.5 * x))
    return half
