"""The spread of people's labels of each keypoint: what OKS divides a distance by."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from .skeleton import KEYPOINTS_13, Skeleton

OKS_SIGMAS: Final = {
    "head": 0.035, "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062, "hip": 0.107,
    "knee": 0.087, "ankle": 0.089,
}  # fmt: skip
"""By group of keypoints, in units of the square root of a person's area: COCO's values; the head
has those of its ears."""
OTHER_SIGMA: Final = 0.079
"""Sigma of a keypoint of no such group."""


def oks_sigmas(skeleton: Skeleton = KEYPOINTS_13) -> NDArray[np.float64]:
    """Return the sigma (K,) of each keypoint of a skeleton, in shares of the root of the area."""
    return np.array(
        [
            next((sigma for part, sigma in OKS_SIGMAS.items() if part in name), OTHER_SIGMA)
            for name in skeleton.points
        ]
    )
