"""Heat maps of keypoints: where they are in the crops, and where the arms are about the trunk."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ...checks.coverage.grid import CoverageGrid
from ...checks.coverage.places import CELL, CELLS, body_outline
from ..kinect13.reader import Kinect13

BINS: Final = 40
_ROWS_AT_ONCE: Final = 4096
_ACCENT_BGR: Final = (222, 128, 38)
"""One colour and its opacity: readable on light and on dark paper."""
_TRUNK_BGRA: Final = (128, 128, 128, 255)
_WANT_BGRA: Final = (77, 96, 214, 200)
_CELL_PX: Final = 20
"""Pixels of the image for each cell of the coverage, so that lines are thin."""

Counts = NDArray[np.float64]


def crop_counts(dataset: Kinect13, keypoint: int) -> Counts:
    """Return (BINS, BINS) how often a keypoint with weight was where in the crop."""
    total = np.zeros((BINS, BINS))
    for name in dataset.splits:
        split = dataset.split(name)
        own = split.keypoints_px[split.weight[:, keypoint] > 0, keypoint]
        edges = np.linspace(-0.5, split.size - 0.5, BINS + 1)
        total += np.histogram2d(own[:, 1], own[:, 0], [edges, edges])[0]
    return total


def heat_map(counts: Counts) -> bytes:
    """Return a PNG of counts: the more, the less transparent."""
    return _png(_shaded(counts))


def arm_map(grid: CoverageGrid, limb: str) -> bytes:
    """Return a PNG of a wrist's or elbow's cells: its reach, and outlines of trunk and head."""
    image = _shaded(grid.counts[limb].astype(np.float64))
    image = np.repeat(np.repeat(image, _CELL_PX, axis=0), _CELL_PX, axis=1)
    for row, column in np.argwhere(grid.reach(limb) & ~grid.visited(limb)):
        corner = int(column) * _CELL_PX + 2, int(row) * _CELL_PX + 2
        other = corner[0] + _CELL_PX - 5, corner[1] + _CELL_PX - 5
        cv2.rectangle(image, corner, other, _WANT_BGRA, 1)
    trunk, head, radius = body_outline(1 if limb.startswith("l_") else -1)
    cv2.polylines(image, [np.array([_at(*place) for place in trunk])], True, _TRUNK_BGRA, 1)
    cv2.circle(image, _at(*head), round(radius * _CELL_PX / CELL), _TRUNK_BGRA, 1)
    return _png(image)


def arm_coverage(dataset: Kinect13) -> CoverageGrid:
    """Return the coverage of all rows; keypoints with weight count."""
    grid = CoverageGrid()
    for name in dataset.splits:
        split = dataset.split(name)
        for first in range(0, len(split), _ROWS_AT_ONCE):
            some = slice(first, first + _ROWS_AT_ONCE)
            grid.add_points(split.keypoints_px[some].astype(np.float64), split.weight[some] > 0)
    return grid


def _at(right: float, down: float) -> tuple[int, int]:
    """Return the pixel of a place in trunk lengths from the shoulder."""
    scale, middle = _CELL_PX / CELL, _CELL_PX * CELLS / 2
    return round(middle + right * scale), round(middle + down * scale)


def _shaded(counts: Counts) -> NDArray[np.uint8]:
    """Return (BINS, BINS, 4) BGRA; the root, so that rare places show beside the usual ones."""
    share = np.sqrt(counts / max(float(counts.max(initial=0)), 1.0))
    image = np.empty((*counts.shape, 4), np.uint8)
    image[..., :3] = _ACCENT_BGR
    # a place that was seen once has to show
    image[..., 3] = np.where(counts > 0, 36 + np.round(219 * share), 0)
    return image


def _png(image: NDArray[np.uint8]) -> bytes:
    """Encode an image of our own making."""
    done, data = cv2.imencode(".png", image)
    assert done, "OpenCV encodes BGRA as PNG"
    return data.tobytes()
