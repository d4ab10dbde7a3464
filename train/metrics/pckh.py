"""PCKh of MPII (Andriluka et al. 2014): distances in sizes of the head.

The size of a head is 0.6 times the diagonal of the box that the set has of it. A keypoint is right
at ``a`` within ``a`` times that size; inclusive. Pelvis and thorax, which MPII leaves out of its
mean too, are not among the keypoints; *all* is pooled, so it is weighted by counts.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from ...core.skeleton import KEYPOINTS_13, Skeleton
from .pck import Array, Pck, pck

HEAD_SHARE: Final = 0.6
"""Size of a head, in diagonals of its box."""
THRESHOLDS_H: Final = (0.5, 0.1)
"""Sizes of the head that ``evaluate`` reports."""


def pckh(
    distance: Array,
    head_px: Array,
    known: npt.NDArray[np.bool_],
    threshold: float,
    skeleton: Skeleton = KEYPOINTS_13,
) -> Pck:
    """Return the share of keypoints within a share of the head's size, in percent.

    Args:
        distance: (N, 13) pixels; infinite where a prediction is not a number.
        head_px: (N,) diagonal of the head's box, pixels of the same image. Rows where it is NaN or
            0 are left out.
        known: (N, 13) bool, what is counted; no torso is needed.
        threshold: Share of the head's size.
        skeleton: The keypoints.

    Returns:
        By group, and all keypoints pooled; None where nothing is counted.
    """
    has_head = head_px > 0
    size = np.where(has_head, HEAD_SHARE * head_px, 0.0)
    return pck(distance, size, known & has_head[:, None], threshold, skeleton)
