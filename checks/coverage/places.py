"""Places of wrists and elbows in the image plane, relative to the trunk.

The origin is the shoulder of the same arm, the unit the length of the trunk (middle of the
shoulders to middle of the hips) in the image. Axes are those of an un-mirrored image: right, down.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.geometry import lengths
from ...core.skeleton import KEYPOINT

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]

CELL: Final = 0.25
"""Side of a cell, trunk lengths: about 12 cm."""
CELLS: Final = 12
"""Cells across and down; the shoulder is in the middle."""
EDGES: Final = (np.arange(CELLS + 1) - CELLS / 2) * CELL
"""(CELLS + 1,) edges of the cells, trunk lengths from the shoulder."""
NOWHERE: Final = -1
"""Cell of a place that is unknown or outside the grid."""

LIMBS: Final = ("l_wrist", "r_wrist", "l_elbow", "r_elbow")
"""The keypoints whose places are counted."""
WRIST_ZONES: Final = (
    "above the head", "above the shoulder", "far to the side", "in front of the trunk",
    "across the body", "at the hips or below",
)  # fmt: skip
ELBOW_ZONES: Final = ("above the shoulder", "out to the side", "in front of the trunk")
_HEAD_TOP: Final = -0.7
_FAR_OUT: Final = 0.6
_ELBOW_OUT: Final = 0.35
_HIPS: Final = 0.8
_HALF_SHOULDERS: Final = 0.36
_HALF_HIPS: Final = 0.2
_HEAD: Final = (-0.46, 0.19)
"""Height and radius; like the two above, trunk lengths of a usual body."""
_TRUNK: Final = [KEYPOINT[name] for name in ("l_shoulder", "r_shoulder", "l_hip", "r_hip")]


@dataclass(frozen=True)
class LimbPlaces:
    """Places of one wrist or elbow in N bodies.

    Attributes:
        at: (N, 2) right and down of the shoulder, trunk lengths; NaN where unknown.
        middle: (N,) across from the trunk's middle, to the person's own side, trunk lengths.
        own_side: (N,) 1 where the own side is right in the image, -1 where it is left.
    """

    at: Floats
    middle: Floats
    own_side: Floats

    @property
    def is_known(self) -> Bools:
        """(N,) True where the place is known."""
        return np.asarray(np.isfinite(self.at).all(axis=-1))


def is_wrist(limb: str) -> bool:
    """Return True for a wrist, False for an elbow."""
    return limb.endswith("wrist")


def zones_of(limb: str) -> tuple[str, ...]:
    """Return the names of the zones that are counted for a limb."""
    return WRIST_ZONES if is_wrist(limb) else ELBOW_ZONES


def limb_places(points: Floats, trusted: Bools, limb: str) -> LimbPlaces:
    """Return where a wrist or elbow is, relative to its shoulder.

    Args:
        points: (N, 13, 2) in the un-mirrored image plane, x right, y down, any unit.
        trusted: (N, 13) keypoints that count. A place is known where the limb, both shoulders and
            both hips do.
        limb: One of ``LIMBS``.
    """
    left_shoulder, right_shoulder, left_hip, right_hip = (points[:, k] for k in _TRUNK)
    own, other = left_shoulder, right_shoulder
    if limb.startswith("r_"):
        own, other = other, own
    top, bottom = (left_shoulder + right_shoulder) / 2, (left_hip + right_hip) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        trunk = lengths(bottom - top)[:, None]
        at = (points[:, KEYPOINT[limb]] - own) / trunk
        own_side = np.where(own[:, 0] >= other[:, 0], 1.0, -1.0)
        middle = own_side * (points[:, KEYPOINT[limb]] - top)[:, 0] / trunk[:, 0]
    known = trusted[:, [*_TRUNK, KEYPOINT[limb]]].all(axis=-1) & np.isfinite(at).all(axis=-1)
    at = np.where(np.asarray(known)[:, None], at, np.nan)
    return LimbPlaces(at, np.where(known, middle, np.nan), own_side)


def cells_of(at: Floats) -> NDArray[np.int64]:
    """Return the cell of each place.

    Args:
        at: (N, 2) right and down of the shoulder, trunk lengths.

    Returns:
        (N,) row * CELLS + column of the grid, from the top left; ``NOWHERE`` for what is unknown or
        outside.
    """
    with np.errstate(invalid="ignore"):
        fields = np.floor(at / CELL) + CELLS // 2
        inside = ((fields >= 0) & (fields < CELLS)).all(axis=-1)
    whole = np.where(inside[:, None], fields, 0).astype(np.int64)
    return np.where(inside, whole[:, 1] * CELLS + whole[:, 0], NOWHERE)


def zone_members(places: LimbPlaces, limb: str) -> Bools:
    """Return (N, zones) which zones of ``zones_of(limb)`` each place is in; unknown: none."""
    right, down = places.at[:, 0], places.at[:, 1]
    with np.errstate(invalid="ignore"):
        out = places.own_side * right
        # the trunk is as wide as its shoulders: |middle| < half of that, and below them
        half = places.middle - out
        inside = (np.abs(places.middle) < half) & (down > 0) & (down < 1)
        if not is_wrist(limb):
            return np.stack([down < 0, out > _ELBOW_OUT, inside], axis=-1)
        return np.stack(
            [
                down < _HEAD_TOP,
                down < 0,
                out > _FAR_OUT,
                inside,
                places.middle < 0,
                down > _HIPS,
            ],
            axis=-1,
        )


def body_outline(side: int) -> tuple[list[tuple[float, float]], tuple[float, float], float]:
    """Return the outline of a usual body that faces the camera, for pictures of the grid.

    Args:
        side: 1 where the arm's own side is right in the image (the left arm), else -1.

    Returns:
        Corners of the trunk, centre and radius of the head; trunk lengths from the shoulder.
    """
    middle = -side * _HALF_SHOULDERS
    trunk = [
        (middle - _HALF_SHOULDERS, 0.0), (middle + _HALF_SHOULDERS, 0.0),
        (middle + _HALF_HIPS, 1.0), (middle - _HALF_HIPS, 1.0),
    ]  # fmt: skip
    return trunk, (middle, _HEAD[0]), _HEAD[1]
