"""Constant offsets between two conventions of where a keypoint is: one (x, y) for each keypoint.

A Kinect's joints are inside of the body, and each net puts them where its labels had them. What is
constant of the distance says nothing about how good a net is.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LEAST_POSES: Final = 10
"""Keypoints that are trusted in fewer poses have no offset."""


@dataclass(frozen=True)
class ConstantOffsets:
    """Offsets of the keypoints of one net.

    Attributes:
        shares: (13, 2) float64, shares of the span of the net's pose; 0 where too few labels are
            trusted.
        poses: (13,) int64, poses that each was fitted on.
    """

    shares: Floats
    poses: npt.NDArray[np.int64]

    def apply(self, poses_px: Floats) -> Floats:
        """Return poses (..., 13, 2) with the offsets added."""
        moved: Floats = poses_px + self.shares * span(poses_px)[..., None, None]
        return moved


def span(poses_px: Floats) -> Floats:
    """Return the longest side (...) of the tight box round each pose (..., 13, 2)."""
    sides: Floats = (poses_px.max(axis=-2) - poses_px.min(axis=-2)).max(axis=-1)
    return sides


def fit_offsets(found_px: Floats, labels_px: Floats, trusted: Bools) -> ConstantOffsets:
    """Return the median offset of each keypoint.

    Args:
        found_px: (N, 13, 2) of the net; NaN where it found no one.
        labels_px: (N, 13, 2).
        trusted: (N, 13), labels that count.
    """
    counted = trusted & np.isfinite(found_px).all(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = (labels_px - found_px) / span(found_px)[:, None, None]
    offsets = np.zeros((found_px.shape[1], 2))
    for k in range(len(offsets)):
        if counted[:, k].sum() >= LEAST_POSES:
            offsets[k] = np.median(shares[counted[:, k], k], axis=0)
    return ConstantOffsets(offsets, counted.sum(axis=0).astype(np.int64))
