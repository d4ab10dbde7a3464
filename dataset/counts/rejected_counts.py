"""Counts of a data set by keypoint: weights, filters that took them, and repairs."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from ...core.skeleton import KEYPOINT_NAMES
from ..filters import KEYPOINT_BITS, ROW_BITS, has_flag
from ..rows import SessionPlan

_NO_REJECTION: Final = ("unknown_state", "edited", "swapped_back")
REPAIRS: Final = ("swapped_back", "lag_corrected")
"""Bits of rows that were repaired."""


def count_keypoints(sessions: Sequence[SessionPlan]) -> dict[str, Any]:
    """Count the keypoints of kept rows.

    Returns:
        ``weight``: by keypoint how many have weight; ``rejected``: by filter, then by keypoint, how
        many of the others it names. Several filters may name one.
    """
    kept = [(one.candidates, one.kept) for one in sessions]
    weight = np.concatenate([found.weight[rows] for found, rows in kept])
    flags = np.concatenate([found.keypoint_quality[rows] for found, rows in kept])
    weightless = weight <= 0
    names = [name for name in KEYPOINT_BITS if name not in _NO_REJECTION]

    return {
        "weight": _by_name((~weightless).sum(axis=0)),
        "rejected": {
            name: _by_name((has_flag(flags, name) & weightless).sum(axis=0)) for name in names
        },
    }


def _by_name(counts: Any) -> dict[str, int]:
    """Return (13,) counts by the keypoint's name."""
    return dict(zip(KEYPOINT_NAMES, map(int, counts), strict=True))


def count_repairs(sessions: Sequence[SessionPlan]) -> dict[str, int]:
    """Return by repair how many kept rows it changed."""
    quality = np.concatenate([one.candidates.quality[one.kept] for one in sessions])
    return {name: int((quality >> np.uint32(ROW_BITS[name]) & 1).sum()) for name in REPAIRS}
