"""Statistics of the errors of a stage, and simulated poses that have the same errors."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ...core.skeleton import Skeleton
from ..mirror import Floats
from .net import torso_diameter

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Displacements:
    """Statistics of ``pose - truth`` of each keypoint, in torso diameters of the truth.

    Attributes:
        mean: (K, 2) float64.
        covariance: (K, 2, 2) float64; zero off its diagonals unless it was asked for in full.
    """

    mean: Array
    covariance: Array

    def draw(self, joints: npt.NDArray[np.int64], rng: np.random.Generator) -> Array:
        """Return simulated displacements (M, 2) of keypoints (M,)."""
        values, vectors = np.linalg.eigh(self.covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
        drawn = rng.standard_normal((len(joints), 2))
        moved: Array = self.mean[joints] + np.einsum("mij,mj->mi", root[joints], drawn)
        return moved


def measure_displacements(
    poses: Floats, targets: Floats, weight: Floats, skeleton: Skeleton, *, full: bool = False
) -> Displacements:
    """Return the statistics of the poses of a stage on the training split.

    Args:
        poses: (N, K, 2) float32, crop units.
        targets: (N, K, 2) float32, crop units.
        weight: (N, K) float32; keypoints of weight 0 are left out.
        skeleton: The keypoints.
        full: Keep the covariance of x and y too.

    Returns:
        Of a keypoint with fewer than two labels: no displacement.
    """
    known = weight > 0
    moved = (poses.astype(np.float64) - targets) / diameters(targets, known, skeleton)[
        :, None, None
    ]
    keypoints = targets.shape[1]
    mean, covariance = np.zeros((keypoints, 2)), np.zeros((keypoints, 2, 2))
    for k in range(keypoints):
        own = moved[known[:, k] & np.isfinite(moved[:, k]).all(axis=1), k]
        if len(own) > 1:
            mean[k] = own.mean(axis=0)
            spread = np.cov(own, rowvar=False, bias=True)
            covariance[k] = spread if full else np.diag(np.diag(spread))
    return Displacements(mean, covariance)


def diameters(poses: Floats, known: npt.NDArray[np.bool_], skeleton: Skeleton) -> Array:
    """Return the torso diameters (N,) float64 of poses (N, K, 2), see ``net.torso_diameter``."""
    found = torso_diameter(
        torch.from_numpy(poses.astype(np.float64)), skeleton, torch.from_numpy(known)
    )
    return np.asarray(found.numpy(), dtype=np.float64)
