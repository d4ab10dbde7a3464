"""Poses that look at no picture: what a net has to beat."""

from typing import Final

import numpy as np

from ...core.skeleton import KEYPOINTS_13, Skeleton
from ..mirror import Floats

_UPRIGHT: Final = {
    "head": (0.5, 0.09),
    "shoulder": (0.095, 0.23),
    "elbow": (0.125, 0.37),
    "wrist": (0.14, 0.50),
    "hip": (0.06, 0.50),
    "knee": (0.065, 0.71),
    "ankle": (0.07, 0.90),
}
"""Of a standing person with hanging arms, in a crop 1.2 times as high as the person: x of a side is
the distance from the middle; proportions of Drillis and Contini 1966, rounded."""


def upright_pose(skeleton: Skeleton = KEYPOINTS_13) -> Floats:
    """Return a person (K, 2) who stands upright and faces the camera, crop units.

    Args:
        skeleton: The keypoints; one of no known group is put in the middle.
    """
    pose = np.full((len(skeleton), 2), 0.5, dtype=np.float32)
    for group, indices in skeleton.group_indices.items():
        for k in indices:
            x, y = _UPRIGHT.get(group, (0.5, 0.5))
            # the person's right is at the left of the picture
            side = {"r": -1, "l": 1}.get(skeleton.points[k].partition("_")[0])
            pose[k] = (x if side is None else 0.5 + side * x, y)
    return pose
