"""Crops of people: the box around the labels, the detector's, or both (Linna et al., Table 2)."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.geometry import Floats, scale_box, snap_box, square_box, tight_box

GOOD_IOU, FAIR_IOU = 0.7, 0.5
"""Above the first a detection replaces the box around the labels; down to the second, included,
both are used; below, the box around the labels alone."""
NO_DETECTION: Final = 0.0


@dataclass(frozen=True)
class PersonCrops:
    """The M crops of people.

    Attributes:
        person: (M,) index of the person; a person's crops follow each other.
        placed: (M, 3) int64 x0, y0, side.
    """

    person: NDArray[np.int64]
    placed: NDArray[np.int64]


def truth_boxes(xy: Floats, labelled: NDArray[np.bool_]) -> Floats:
    """Return the ground-truth box of each person: 1.2 times the tight box of the labels.

    Args:
        xy: (N, 13, 2) pixels.
        labelled: (N, 13) bool; at least one of each person.

    Returns:
        (N, 4).
    """
    return scale_box(tight_box(xy, labelled))


def best_detections(
    truth: Floats, size_px: NDArray[np.int64], detections: list[Floats]
) -> tuple[Floats, NDArray[np.float64]]:
    """Return the detection with the largest IoU for each person, and that IoU.

    Args:
        truth: (N, 4) from ``truth_boxes``; clipped to the picture for the IoU only.
        size_px: (N, 2) width and height of each person's picture.
        detections: By person (D, 4) boxes in their picture.

    Returns:
        (N, 4) boxes, NaN where there is no detection, and (N,) IoU, 0 there.
    """
    best = np.full(truth.shape, np.nan)
    overlap = np.full(len(truth), NO_DETECTION)
    low = np.clip(truth[:, :2], -0.5, size_px - 0.5)
    high = np.clip(truth[:, 2:], -0.5, size_px - 0.5)
    for person, found in enumerate(detections):
        if not len(found):
            continue
        shared = np.minimum(found[:, 2:], high[person]) - np.maximum(found[:, :2], low[person])
        area = shared.clip(min=0).prod(axis=1)
        both = (found[:, 2:] - found[:, :2]).prod(axis=1) + (high[person] - low[person]).prod()
        iou = area / np.maximum(both - area, 1e-9)
        index = int(np.argmax(iou))
        best[person], overlap[person] = found[index], iou[index]
    return best, overlap


def crops_of(
    truth: Floats, best: Floats, overlap: NDArray[np.float64], training: NDArray[np.bool_]
) -> PersonCrops:
    """Return the crops that people yield.

    Args:
        truth: (N, 4) boxes around the labels.
        best: (N, 4) the detections, NaN for none.
        overlap: (N,) their IoU.
        training: (N,) bool; a person of another split yields one crop.
    """
    use_detection = overlap >= FAIR_IOU
    use_truth = np.where(training, overlap <= GOOD_IOU, ~use_detection)
    person, kind = np.nonzero(np.column_stack([use_detection, use_truth]))
    boxes = np.where((kind == 0)[:, None], best[person], truth[person])
    return PersonCrops(person.astype(np.int64), snap_box(square_box(boxes)))
