"""Changed copies of crops, so that a net learns bodies and not images.

Pictures and keypoints always go through the same map. Pixel centres are at integers; in crop
units ``t = (u + 0.5) / S`` (docs/format.md), so mirroring is ``u -> S-1-u`` and ``t -> 1-t``, and
left and right change names.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ..core.skeleton import KEYPOINTS_13, Skeleton

Images = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class AugmentSettings:
    """Limits of the changes of a crop. The defaults only mirror, as Linna et al. did.

    Attributes:
        mirror: Probability of a mirrored copy.
        rotation_deg: Largest turn either way.
        scale: Largest change of scale, as a share: 0.15 gives 0.85 to 1.15.
        shift: Largest shift in x and in y, as a share of the crop's side.
        gain: Largest change of each colour channel, as a share.
        shuffle: Probability that the colour channels change places (so that no garment's colour is
            what a net goes by).
    """

    mirror: float = 0.5
    rotation_deg: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    gain: float = 0.0
    shuffle: float = 0.0

    @property
    def warps(self) -> bool:
        """Return True if pictures are resampled."""
        return bool(self.rotation_deg or self.scale or self.shift)


def mirror_images(images: Images) -> Images:
    """Return (B, S, S, 3) pictures mirrored left to right."""
    return images[:, :, ::-1]


def mirror_targets(targets: Floats, skeleton: Skeleton = KEYPOINTS_13) -> Floats:
    """Return (B, 13, 2) crop coordinates of the mirrored images, keypoints renamed."""
    mirrored = targets[:, skeleton.flip].copy()
    mirrored[..., 0] = 1 - mirrored[..., 0]
    return mirrored


def augment(
    images: Images,
    targets: Floats,
    weight: Floats,
    settings: AugmentSettings,
    rng: np.random.Generator,
    skeleton: Skeleton = KEYPOINTS_13,
) -> tuple[Images, Floats, Floats]:
    """Return changed copies of a batch; the inputs are left as they are.

    Args:
        images: (B, S, S, 3) uint8, RGB.
        targets: (B, 13, 2) float32, crop units.
        weight: (B, 13) float32.
        settings: Largest changes of the copies.
        rng: Source of all random numbers.
        skeleton: The keypoints.

    Returns:
        Pictures, targets and weights of the same shapes. A keypoint that was moved out of the
        crop keeps its target and its weight.
    """
    images, targets, weight = images.copy(), targets.copy(), weight.copy()
    mirrored = rng.random(len(images)) < settings.mirror
    images[mirrored] = mirror_images(images[mirrored])
    targets[mirrored] = mirror_targets(targets[mirrored], skeleton)
    weight[mirrored] = weight[mirrored][:, skeleton.flip]
    if settings.warps:
        images, targets = _warp(images, targets, settings, rng)
    if settings.gain or settings.shuffle:
        images = _recolour(images, settings, rng)
    return images, targets, weight


def _warp(
    images: Images, targets: Floats, settings: AugmentSettings, rng: np.random.Generator
) -> tuple[Images, Floats]:
    """Turn, scale and shift about the crop's centre; what comes in from outside is black."""
    count, size = len(images), images.shape[1]
    turn = np.deg2rad(rng.uniform(-settings.rotation_deg, settings.rotation_deg, count))
    scale = 1 + rng.uniform(-settings.scale, settings.scale, count)
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    matrix = np.stack([np.stack([cos, -sin], 1), np.stack([sin, cos], 1)], 1)  # (B, 2, 2)
    middle = 0.5 + rng.uniform(-settings.shift, settings.shift, (count, 2))
    moved = np.einsum("bij,bkj->bki", matrix, targets - 0.5) + middle[:, None]

    # the same map in pixels: u = t * S - 0.5 on both sides
    offset = size * middle - 0.5 - np.einsum("bij,j->bi", matrix, np.full(2, size / 2 - 0.5))
    warped = np.empty_like(images)
    for image, linear, shift, out in zip(images, matrix, offset, warped, strict=True):
        cv2.warpAffine(image, np.column_stack([linear, shift]), (size, size), dst=out)
    return warped, moved.astype(np.float32)


def _recolour(images: Images, settings: AugmentSettings, rng: np.random.Generator) -> Images:
    """Change each channel's gain and, for some pictures, the order of the channels."""
    count = len(images)
    gain = 1 + rng.uniform(-settings.gain, settings.gain, (count, 1, 1, 3))
    coloured = np.clip(images * gain.astype(np.float32), 0, 255).astype(np.uint8)
    for index in np.flatnonzero(rng.random(count) < settings.shuffle):
        coloured[index] = coloured[index][..., rng.permutation(3)]
    return coloured
