"""More than one person in a picture: boxes that overlap, and someone else in a crop."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.geometry import has_place_px, tight_box
from .bodies import Bools, Floats
from .settings import FilterSettings

_LEAST_INSIDE: Final = 2
"""A second person is in a crop if this many of its keypoints are."""


def body_boxes(points: Floats, size_px: tuple[int, int]) -> Floats:
    """Return the box around each body's keypoints.

    Args:
        points: (N, 13, 2) pixels.
        size_px: Width and height of the image; places far outside of it are none.

    Returns:
        (N, 4) x0, y0, x1, y1, pixels; NaN without a keypoint.
    """
    return tight_box(points, has_place_px(points, size_px))


def overlapped(boxes: Floats, row: NDArray[np.integer], settings: FilterSettings) -> Bools:
    """Return which bodies' boxes overlap that of another body of the same row.

    Args:
        boxes: (N, 4) x0, y0, x1, y1, pixels; NaN for none.
        row: (N,) the row that each belongs to.
        settings: ``overlap``, the largest IoU.
    """
    named = np.zeros(len(boxes), np.bool_)
    for first, second in _pairs(row):
        low = np.maximum(boxes[first, :2], boxes[second, :2])
        high = np.minimum(boxes[first, 2:], boxes[second, 2:])
        shared = (high - low).clip(min=0).prod(axis=-1)
        areas = [(boxes[own, 2:] - boxes[own, :2]).prod(axis=-1) for own in (first, second)]
        with np.errstate(invalid="ignore", divide="ignore"):
            over = shared / (areas[0] + areas[1] - shared) > settings.overlap
        named[first[over]] = True
        named[second[over]] = True
    return named


def someone_else_inside(
    crops: Floats, points: Floats, trusted: Bools, row: NDArray[np.integer]
) -> Bools:
    """Return in which crops there is a second person.

    Args:
        crops: (N, 4) x0, y0, x1, y1, pixels, the crop of each body.
        points: (N, 13, 2) pixels of its keypoints.
        trusted: (N, 13) keypoints that are known.
        row: (N,) the picture that each is in.

    Returns:
        (N,) bool: at least two known keypoints of another body of the picture are in the crop.
    """
    named = np.zeros(len(crops), np.bool_)
    for first, second in _pairs(row):
        for own, other in ((first, second), (second, first)):
            with np.errstate(invalid="ignore"):
                inside = (points[other] >= crops[own, None, :2]).all(axis=-1)
                inside &= (points[other] <= crops[own, None, 2:]).all(axis=-1)
            count = (inside & trusted[other]).sum(axis=-1)
            named[own[count >= _LEAST_INSIDE]] = True
    return named


def _pairs(row: NDArray[np.integer]) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return all pairs of bodies of the same row, by their distance in the order of rows."""
    order = np.argsort(row, kind="stable")
    ordered = np.asarray(row)[order]
    found = []
    for apart in range(1, len(row)):
        same = np.flatnonzero(ordered[apart:] == ordered[:-apart])
        if not len(same):
            break
        found.append((order[same], order[same + apart]))
    return found
