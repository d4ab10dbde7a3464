"""Mirrored images and keypoints: left and right change names.

Pixel centres are at integers; in crop units ``t = (u + 0.5) / S`` (docs/format.md), so mirroring is
``u -> S-1-u`` and ``t -> 1-t``.
"""

import numpy as np
import numpy.typing as npt

from ..core.skeleton import KEYPOINTS_13, Skeleton

Images = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


def mirror_images(images: Images) -> Images:
    """Return (B, S, S, 3) pictures mirrored left to right."""
    return images[:, :, ::-1]


def mirror_targets(targets: Floats, skeleton: Skeleton = KEYPOINTS_13) -> Floats:
    """Return (B, 13, 2) crop coordinates of the mirrored images, keypoints renamed."""
    mirrored = targets[:, skeleton.flip].copy()
    mirrored[..., 0] = 1 - mirrored[..., 0]
    return mirrored
