"""Balance training rows by pose: no bin of poses holds far more rows than the mean one."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...checks.coverage.places import CELLS, NOWHERE, cells_of, limb_places
from ..rows import SessionPlan

REASON: Final = "balance"
LARGEST_FACTOR: Final = 1000.0
_WRISTS: Final = ("l_wrist", "r_wrist")
_FIELDS: Final = CELLS // 2 + 1
"""Fields across and down: 2 x 2 cells of the coverage each, those at the border half as wide."""


def pose_bins(points: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return the bin of each pose: where both wrists are, seen from their shoulders.

    Args:
        points: (N, 13, 2) un-mirrored pixels; NaN where a keypoint has no place.

    Returns:
        (N,) numbers of bins: for each wrist 7 x 7 fields, and one for a wrist without a place.
    """
    trusted = np.isfinite(points).all(axis=-1)
    number = np.zeros(len(points), np.int64)
    for wrist in _WRISTS:
        cells = cells_of(limb_places(points, trusted, wrist).at)
        row, column = np.divmod(cells, CELLS)
        # borders between the shoulder's height and the hips', where hands do not rest
        field = (row + 1) // 2 * _FIELDS + (column + 1) // 2
        field[cells == NOWHERE] = _FIELDS**2
        number = number * (_FIELDS**2 + 1) + field
    return number


def chosen_rows(bins: NDArray[np.int64], most: int) -> NDArray[np.bool_]:
    """Return which rows stay when no bin may hold more than ``most``: evenly spread ones.

    Args:
        bins: (N,) the bin of each row, in the order of time.
        most: Rows of a bin.

    Returns:
        (N,) bool.
    """
    stays = np.zeros(len(bins), np.bool_)
    for number in np.unique(bins):
        rows = np.flatnonzero(bins == number)
        if len(rows) > most:
            rows = rows[np.linspace(0, len(rows) - 1, most).round().astype(np.int64)]
        stays[rows] = True
    return stays


def balance_poses(
    sessions: Sequence[SessionPlan], factor: float
) -> tuple[list[SessionPlan], dict[str, Any]]:
    """Leave out training rows of poses that are there far more often than others.

    Validation and test stay as they were recorded.

    Args:
        sessions: The sessions; every row has its split.
        factor: No bin keeps more than this many times the mean of the bins that have rows.

    Returns:
        The sessions, and the report: ``bins`` with rows, rows of the fullest one before and after
        (``fullest``, ``most``), ``rows`` before and ``kept``.
    """
    train = [np.flatnonzero(one.goes_to == "train") for one in sessions]
    bins = np.concatenate(
        [np.empty(0, np.int64)]
        + [
            pose_bins(one.candidates.points[rows])
            for one, rows in zip(sessions, train, strict=True)
        ]
    )
    _, counts = np.unique(bins, return_counts=True)
    most = max(1, round(factor * len(bins) / max(len(counts), 1)))
    stays = chosen_rows(bins, most)
    report = {
        "factor": factor,
        "bins": len(counts),
        "fullest": int(counts.max(initial=0)),
        "most": most,
        "rows": len(bins),
        "kept": int(stays.sum()),
    }
    balanced = []
    ends = np.cumsum([len(rows) for rows in train])
    for one, rows, stay in zip(sessions, train, np.split(stays, ends[:-1]), strict=True):
        named = np.zeros(len(one.goes_to), np.bool_)
        named[rows[~stay]] = True
        balanced.append(
            replace(
                one,
                failed={**one.failed, REASON: named},
                goes_to=np.where(named, REASON, one.goes_to),
            )
        )
    return balanced, report
