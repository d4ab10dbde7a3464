"""Looks of clothes: enough to tell two people apart who have just crossed."""

from typing import Final

import numpy as np
import numpy.typing as npt

from ..core.skeleton import KEYPOINT
from ..engines.engine import Images

Look = npt.NDArray[np.float32]

_GRID: Final = 6
_DIFFERENT: Final = 64.0
"""Grey levels between two looks that have nothing in common."""


def _weights() -> npt.NDArray[np.float64]:
    """Return the shares (2 * _GRID^2, 13) of keypoints in points on the torso and the thighs."""
    inside = (np.arange(_GRID) + 0.5) / _GRID
    rows = []
    for upper, lower in (("shoulder", "hip"), ("hip", "knee")):
        for down in inside:
            # knees and elbows stick out: the middle part is the person's for sure
            for across in 0.15 + 0.7 * inside:
                row = np.zeros(len(KEYPOINT))
                row[KEYPOINT[f"r_{upper}"]] = (1 - down) * (1 - across)
                row[KEYPOINT[f"l_{upper}"]] = (1 - down) * across
                row[KEYPOINT[f"r_{lower}"]] = down * (1 - across)
                row[KEYPOINT[f"l_{lower}"]] = down * across
                rows.append(row)
    return np.array(rows)


_WEIGHTS: Final = _weights()


def look_of(image: Images, pose_px: npt.NDArray[np.float64]) -> Look:
    """Return the colours of a person's clothes.

    Args:
        image: (H, W, 3) uint8, RGB.
        pose_px: (13, 2) pixels.

    Returns:
        (4, 3) float32: median colours of the upper and lower half of torso and of thighs.
    """
    at = np.rint(_WEIGHTS @ pose_px).astype(np.intp)
    x = np.clip(at[:, 0], 0, image.shape[1] - 1)
    y = np.clip(at[:, 1], 0, image.shape[0] - 1)
    parts = image[y, x].reshape(4, -1, 3)
    return np.asarray(np.median(parts, axis=1), np.float32)


def difference(one: Look, other: Look) -> float:
    """Return how different two looks are, 0 to 1."""
    return min(float(np.abs(one - other).mean()) / _DIFFERENT, 1.0)
