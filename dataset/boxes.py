"""The square box that a person's crop is cut from."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..core.geometry import Floats, scale_box, snap_box, square_box, tight_box

WIDEN: Final = 0.15
"""Untrusted keypoints make a box wider, and higher, by at most this share of it."""
_NO_BOX: Final = (0, 0, 2)

Bools = NDArray[np.bool_]


def person_boxes(
    points: Floats, visibility: NDArray[np.uint8], trusted: Bools
) -> NDArray[np.int64]:
    """Return the box of each person.

    The tight box around the trusted keypoints, widened a little for other labelled ones, 1.2 times
    as large, squared and put on whole pixels.

    Args:
        points: (N, 13, 2) un-mirrored pixels.
        visibility: (N, 13); 0 where a keypoint has no position.
        trusted: (N, 13) keypoints that nothing speaks against.

    Returns:
        (N, 3) int64 x0, y0, side; may reach outside of the image. A box of 2 pixels for a person
        without a trusted keypoint.
    """
    tight = tight_box(points, trusted & (visibility > 0))
    known = np.isfinite(tight).all(axis=-1)
    placed = np.tile(np.array(_NO_BOX, np.int64), (len(tight), 1))
    whole = tight_box(points, visibility > 0)
    placed[known] = snap_box(square_box(scale_box(_widened(tight[known], whole[known]))))
    return placed


def _widened(tight: Floats, whole: Floats) -> Floats:
    """Return boxes that reach towards larger ones, by at most ``WIDEN`` in width and in height.

    Args:
        tight: (N, 4) x0, y0, x1, y1.
        whole: (N, 4) boxes around them.
    """
    low, high = tight[:, :2], tight[:, 2:]
    more_low, more_high = low - whole[:, :2], whole[:, 2:] - high
    wanted = more_low + more_high
    # a widening of less than a pixel needs no limit
    share = np.minimum(1.0, WIDEN * (high - low) / np.maximum(wanted, 1.0))
    return np.concatenate([low - share * more_low, high + share * more_high], axis=-1)


def outside_share(placed: NDArray[np.int64], size_px: tuple[int, int]) -> NDArray[np.float64]:
    """Return the share of each box that is outside of the image, and black in its crop.

    Args:
        placed: (N, 3) x0, y0, side.
        size_px: Width and height of the image.
    """
    corner, side = placed[:, :2], placed[:, 2:]
    inside = np.minimum(corner + side, size_px) - np.maximum(corner, 0)
    area = side[:, 0].astype(np.float64) ** 2
    return np.asarray(1.0 - inside.clip(min=0).prod(axis=1) / area, np.float64)
