"""OKS and the average precision over it, as in the COCO keypoint evaluation.

    OKS = mean over labelled keypoints of exp(-d^2 / (2 * area * (2 * sigma)^2))

Matching, thresholds, sizes and interpolation are those of COCO's evaluation code, which the tests
compare with: at most 20 predictions an image, 101 recall levels, thresholds 0.50 to 0.95.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ...core.oks_sigmas import oks_sigmas
from ...core.skeleton import KEYPOINTS_13, Skeleton

Array = npt.NDArray[np.float64]

OKS_THRESHOLDS: Final = np.linspace(0.5, 0.95, 10)
RECALL_LEVELS: Final = np.linspace(0.0, 1.0, 101)
MOST_PREDICTIONS: Final = 20
"""Predictions of an image that are looked at, the surest first."""
AREAS_PX2: Final = {
    "all": (0.0, 1e10),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}


@dataclass(frozen=True)
class ImagePeople:
    """The people of one image, true and predicted.

    Attributes:
        truth_px: (G, K, 2) float64.
        counted: (G, K) bool; a person without any is looked past.
        area_px2: (G,) float64, of each true person.
        box_xyxy_px: (G, 4) float64, the box of each true person.
        pred_px: (P, K, 2) float64.
        score: (P,) float64, higher is surer.
    """

    truth_px: Array
    counted: npt.NDArray[np.bool_]
    area_px2: Array
    box_xyxy_px: Array
    pred_px: Array
    score: Array


def oks(pred_px: Array, people: ImagePeople, sigma: Array) -> Array:
    """Return the similarity (P, G) of each prediction and each true person.

    A true person without a counted keypoint is similar to what is near: its distances are those
    to twice its box, as in COCO's code.

    Args:
        pred_px: (P, K, 2); what is not a number is infinitely far.
        people: The true people.
        sigma: (K,).
    """
    pred = np.where(np.isfinite(pred_px), pred_px, 1e15)[:, None]
    known = people.counted[..., None]
    off = pred - np.where(known, people.truth_px, 0.0)[None]
    low, high = people.box_xyxy_px[:, None, :2], people.box_xyxy_px[:, None, 2:]
    side = high - low
    outside = np.maximum(0, low - side - pred) + np.maximum(0, pred - high - side)
    bare = np.logical_not(people.counted.any(axis=1)).astype(np.bool_)
    squared = (np.where(bare[:, None, None], outside, off) ** 2).sum(axis=-1)
    area = people.area_px2 + np.spacing(1.0)
    near = np.exp(-squared / (2 * (2 * sigma) ** 2 * area[:, None]))
    weight = people.counted | bare[:, None]
    similar: Array = (near * weight).sum(axis=-1) / weight.sum(axis=-1)
    return similar


def average_precision(
    images: Sequence[ImagePeople], skeleton: Skeleton = KEYPOINTS_13
) -> dict[str, float | None]:
    """Return AP, AP50, AP75, and AP of medium and large people, in percent.

    Args:
        images: The people of each image.
        skeleton: The keypoints.

    Returns:
        ``ap``, ``ap50``, ``ap75``, ``ap_medium``, ``ap_large``; None where no person counts.
    """
    sigma = oks_sigmas(skeleton)
    by_area = {name: _precisions(images, sigma, area) for name, area in AREAS_PX2.items()}
    everyone = by_area["all"]
    return {
        "ap": _mean(everyone),
        "ap50": _mean(everyone[:1]),
        "ap75": _mean(everyone[5:6]),
        "ap_medium": _mean(by_area["medium"]),
        "ap_large": _mean(by_area["large"]),
    }


def _mean(precisions: Array) -> float | None:
    return None if not len(precisions) else 100.0 * float(precisions.mean())


def _precisions(images: Sequence[ImagePeople], sigma: Array, area: tuple[float, float]) -> Array:
    """Return the average precision (10,) at each threshold; (0,) where no person counts."""
    scores, right, looked_past, people = [], [], [], 0
    for image in images:
        ignored = ~image.counted.any(axis=1) | _outside(image.area_px2, area)
        people += int((~ignored).sum())
        order = np.argsort(-image.score, kind="stable")[:MOST_PREDICTIONS]
        pred = image.pred_px[order]
        similar = oks(pred, image, sigma)
        matched, past = _match(similar, ignored)
        past |= ~matched & ~past & _outside(_box_area(pred), area)[None]
        scores.append(image.score[order])
        right.append(matched & ~past)
        looked_past.append(past)
    if not people:
        return np.empty(0)
    order = np.argsort(-np.concatenate(scores), kind="stable")
    is_right = np.concatenate(right, axis=1)[:, order]
    is_past = np.concatenate(looked_past, axis=1)[:, order]
    return np.array([_area_under(is_right[t, ~is_past[t]], people) for t in range(len(is_right))])


def _match(
    similar: Array, ignored: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Give each prediction the most similar person that no surer one has taken.

    Returns:
        (10, P) bool, whether it has a person, and (10, P) bool, whether that one is ignored.
    """
    shape = (len(OKS_THRESHOLDS), len(similar))
    matched, past = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    # people that count come before those that are looked past
    people = np.argsort(ignored, kind="stable")
    for t, threshold in enumerate(OKS_THRESHOLDS):
        taken: set[int] = set()
        for p in range(len(similar)):
            best, chosen = min(threshold, 1 - 1e-10), -1
            for g in people:
                if g in taken:
                    continue
                if chosen >= 0 and not ignored[chosen] and ignored[g]:
                    break
                if similar[p, g] >= best:
                    best, chosen = similar[p, g], int(g)
            if chosen >= 0:
                taken.add(chosen)
                matched[t, p], past[t, p] = True, bool(ignored[chosen])
    return matched, past


def _area_under(right: npt.NDArray[np.bool_], people: int) -> float:
    """Return the mean of the interpolated precision over the recall levels."""
    hits = np.cumsum(right)
    recall = hits / people
    precision = hits / np.maximum(np.arange(1, len(right) + 1), np.spacing(1.0))
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, RECALL_LEVELS, side="left")
    padded = np.append(highest, np.zeros(1))
    return float(padded[np.minimum(at, len(highest))].mean())


def _outside(area_px2: Array, limits: tuple[float, float]) -> npt.NDArray[np.bool_]:
    out: npt.NDArray[np.bool_] = (area_px2 < limits[0]) | (area_px2 > limits[1])
    return out


def _box_area(pred_px: Array) -> Array:
    """Return the area (P,) of the box round each prediction."""
    if not len(pred_px):
        return np.empty(0)
    finite = np.where(np.isfinite(pred_px), pred_px, np.nan)
    with np.errstate(invalid="ignore"):
        sides = np.fmax.reduce(finite, axis=1) - np.fmin.reduce(finite, axis=1)
    area: Array = np.nan_to_num(sides.prod(axis=1))
    return area
