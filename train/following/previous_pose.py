"""The pose of the frame before as a net sees it: of labels while it learns, its own in use.

A net that is given the true pose of the frame before copies it. So what it learns from is displaced
as its own poses are, with keypoints far off and missing ones, and a quarter of the copies have
none: then it looks at the picture alone, as it does in the first frame of a person.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..batch_random import BatchRandom

NOISE: Final = 0.03
"""Mean over the copies of the standard deviation of a displacement, crop units."""
FAR: Final = 0.08
"""Share of keypoints that are displaced by more."""
FAR_FACTOR: Final = 5.0
NO_POSE: Final = 0.25
"""Share of copies without a pose."""
NO_KEYPOINT: Final = 0.05
"""Share of keypoints that are missing in the others."""


def as_in_use(neighbours: Tensor, random: BatchRandom) -> Tensor:
    """Return poses of frames before as a net's own would be.

    Args:
        neighbours: (B, 2, K, 3) float32 of ``neighbours.neighbour_poses``, in units of the copies.
        random: Source of the random numbers.

    Returns:
        (B, K, 3) float32: x, y and 1 where there is a keypoint, else 0.
    """
    keypoints = neighbours.shape[2]
    later = random.chance(0.5)[:, None, None]
    pose = torch.where(later, neighbours[:, 1], neighbours[:, 0])
    far = random.uniform(0.0, 1.0, keypoints, 1) < FAR
    spread = random.uniform(0.0, 2 * NOISE, 1, 1) * torch.where(far, FAR_FACTOR, 1.0)
    has_pose = ~random.chance(NO_POSE)[:, None]
    there = pose[..., 2] * has_pose * (random.uniform(0.0, 1.0, keypoints) >= NO_KEYPOINT)
    moved = pose[..., :2] + spread * random.normal(keypoints, 2)
    return torch.cat([moved, there[..., None]], dim=2)


def in_box(
    pose_px: npt.NDArray[np.float64], box: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """Return a pose (K, 2) of the frame before in the units of a square box (4,), (K, 3)."""
    moved = (pose_px - box[:2]) / (box[2] - box[0])
    return np.concatenate([moved, np.ones((len(moved), 1))], axis=1).astype(np.float32)


def mirrored(
    previous: npt.NDArray[np.float32], flip: npt.NDArray[np.intp]
) -> npt.NDArray[np.float32]:
    """Return poses (B, K, 3) of the frame before for mirrored crops."""
    turned = previous[:, flip].copy()
    turned[..., 0] = 1 - turned[..., 0]
    return turned
