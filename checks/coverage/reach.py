"""The cells of the grid that an arm can reach, from its length.

The elbow reaches a disc about the shoulder, cut off where the upper arm would have to pass through
the chest. The wrist reaches every place within a forearm's length of a place of the elbow.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .places import CELL, CELLS, EDGES, is_wrist

UPPER_ARM: Final = 0.56
FOREARM: Final = 0.5
"""Usual lengths, trunk lengths: where no body has been measured yet."""
_ACROSS: Final = 0.5
"""Share of the upper arm that the elbow moves across the chest, to the other side."""
_SLACK: Final = 1.08
"""Noise and a trunk that leans a little make an arm look longer by this factor."""
_PARTS: Final = 8
"""Points of a cell that are looked at, in each direction."""
_CELL_SHARE: Final = 0.05
"""A cell counts if at least this share of it is in reach."""


def reachable(limb: str, upper_arm: float, forearm: float) -> NDArray[np.bool_]:
    """Return which cells a wrist or elbow of a person who faces the sensor can reach.

    Args:
        limb: One of ``places.LIMBS``.
        upper_arm: Its length, trunk lengths.
        forearm: Its length, trunk lengths.

    Returns:
        (CELLS, CELLS) bool, rows from the top.
    """
    mask = _reach(is_wrist(limb), round(upper_arm, 2), round(forearm, 2))
    # the own side of a left arm is right in the image
    return mask if limb.startswith("l_") else mask[:, ::-1]


@lru_cache(maxsize=64)
def _reach(wrist: bool, upper_arm: float, forearm: float) -> NDArray[np.bool_]:
    """Return the cells that a left arm can reach."""
    upper_arm, forearm = _SLACK * upper_arm, _SLACK * forearm
    points = EDGES[0] + (np.arange(CELLS * _PARTS) + 0.5) * CELL / _PARTS
    right, down = np.meshgrid(points, points)
    if wrist:
        step = np.linspace(-upper_arm, upper_arm, 2 * _PARTS + 1)
        x, y = np.meshgrid(step, step)
        elbow = _elbow_reaches(x, y, upper_arm)
        apart = np.hypot(right[..., None] - x[elbow], down[..., None] - y[elbow])
        inside = apart.min(axis=-1) <= forearm
    else:
        inside = _elbow_reaches(right, down, upper_arm)
    share = inside.reshape(CELLS, _PARTS, CELLS, _PARTS).mean(axis=(1, 3))
    return np.asarray(share >= _CELL_SHARE)


def _elbow_reaches(
    right: NDArray[np.floating], down: NDArray[np.floating], upper_arm: float
) -> NDArray[np.bool_]:
    """Return where a left elbow can be."""
    # a little more than its length, or sampling would lose the place of a hanging arm
    in_disc = np.hypot(right, down) <= upper_arm * (1 + 1e-9)
    return np.asarray(in_disc & (right >= -_ACROSS * upper_arm))
