"""Poses of people in their crops, and the pairs of them that are nearly equal.

Coordinates are whole numbers, so that sums of products are exact: the pairs are the same on every
machine and with any number of threads.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Poses = NDArray[np.float32]

WITHIN: Final = 0.03
"""Two poses are close if their coordinates differ by at most this share of the crop's side (root
mean square)."""
_SCALE: Final = 256
"""Steps of a crop's side."""
_FARTHEST: Final = 1.5
"""Keypoints farther than this from the crop's centre, in sides, are put there."""
_AXES: Final = 3
"""Directions of the grid that leaves out most of the pairs."""
_WIDER: Final = 1.001
"""Cells are a little wider than they must be: rounding leaves out no pair."""
_ROWS_AT_ONCE: Final = 4096
_CHUNK: Final = 512
"""Poses of a side that are compared at a time: their distances take 1 MB."""


def crop_poses(points: NDArray[np.floating], placed: NDArray[np.int64]) -> Poses:
    """Return poses as they are in the crop: place and size of the person don't count.

    Args:
        points: (N, 13, 2) un-mirrored pixels; NaN where a keypoint has no place.
        placed: (N, 3) x0, y0, side of the crops.

    Returns:
        (N, 26) float32, whole 256ths of the side from the crop's centre; 0 for what has no place.
    """
    width = points.shape[1] * points.shape[2]
    found = np.zeros((len(points), width), np.float32)
    for first in range(0, len(points), _ROWS_AT_ONCE):
        some = slice(first, first + _ROWS_AT_ONCE)
        side = np.maximum(placed[some, None, 2:3], 1)
        poses = (points[some] - placed[some, None, :2]) / side
        flat = (poses - 0.5).reshape(len(poses), width)
        near = np.clip(np.where(np.isfinite(flat), flat, 0), -_FARTHEST, _FARTHEST)
        found[some] = np.round(near * _SCALE)
    return found


def nearest_poses(
    asked: Poses, others: Poses, within: float = WITHIN
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find for each pose the nearest of some others, if one is close.

    Args:
        asked: (N, 26) from ``crop_poses``.
        others: (M, 26).
        within: Largest distance, root mean square of the coordinates, shares of the side.

    Returns:
        (N,) index into ``others``, -1 where none is close; (N,) distance, infinite there.
    """
    best = np.full(len(asked), -1, np.int64)
    apart = np.full(len(asked), np.inf, np.float32)
    if not len(asked) or not len(others):
        return best, apart
    radius = within * _SCALE * np.sqrt(asked.shape[1])
    axes, centre = _widest(others)
    cell, other_cell = (
        np.concatenate(
            [np.floor((some - centre) @ axes / (radius * _WIDER)) for some in _cut(poses)]
        ).astype(np.int64)
        for poses in (asked, others)
    )
    in_cell = _by_cell(other_cell)
    for place, rows in _by_cell(cell).items():
        near = [in_cell[key] for key in _around(place) if key in in_cell]
        if not near:
            continue
        there = np.sort(np.concatenate(near))
        for first in range(0, len(rows), _CHUNK):
            some = rows[first : first + _CHUNK]
            index, distance = _nearest(asked[some], others, there)
            close = distance <= radius
            best[some[close]] = index[close]
            apart[some[close]] = distance[close] / (_SCALE * np.sqrt(asked.shape[1]))
    return best, apart


def _widest(poses: Poses) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the directions in which poses differ most, and their mean.

    A step along one is never longer than the distance of two poses, so close ones are in
    neighbouring cells.
    """
    centre = poses.mean(axis=0, dtype=np.float64)
    spread = np.zeros((poses.shape[1], poses.shape[1]))
    for some in _cut(poses):
        apart = some - centre
        spread += apart.T @ apart
    _, vectors = np.linalg.eigh(spread)
    return vectors[:, -_AXES:], centre


def _cut(poses: Poses) -> list[Poses]:
    """Return the poses in pieces of at most ``_ROWS_AT_ONCE``."""
    return [poses[first : first + _ROWS_AT_ONCE] for first in range(0, len(poses), _ROWS_AT_ONCE)]


def _by_cell(cells: NDArray[np.int64]) -> dict[tuple[int, ...], NDArray[np.int64]]:
    """Return the rows in each cell."""
    order = np.lexsort(cells.T[::-1])
    ordered = cells[order]
    begins = np.flatnonzero(np.any(ordered[1:] != ordered[:-1], axis=1)) + 1
    parts = np.split(order, begins)
    return {tuple(cells[part[0]].tolist()): part for part in parts if len(part)}


def _around(cell: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return a cell and those that touch it."""
    steps = np.stack(np.meshgrid(*[[-1, 0, 1]] * len(cell)), axis=-1).reshape(-1, len(cell))
    return [tuple(step) for step in (steps + np.array(cell)).tolist()]


def _nearest(
    asked: Poses, others: Poses, there: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the nearest of some rows of ``others``, and its distance, for each pose."""
    index = np.zeros(len(asked), np.int64)
    square = np.full(len(asked), np.inf, np.float32)
    length = (asked**2).sum(axis=1)
    for first in range(0, len(there), _CHUNK):
        rows = there[first : first + _CHUNK]
        some = others[rows]
        found = length[:, None] - 2 * (asked @ some.T) + (some**2).sum(axis=1)
        at = found.argmin(axis=1)
        least = found[np.arange(len(asked)), at]
        better = least < square
        index[better], square[better] = rows[at[better]], least[better]
    return index, np.sqrt(np.maximum(square, 0))
