"""Changed copies of crops, so that a net learns bodies and not images.

Pictures and keypoints always go through the same map. Pixel centres are at integers; in crop
units ``t = (u + 0.5) / S`` (docs/format.md), so mirroring is ``u -> S-1-u`` and ``t -> 1-t``, and
left and right change names.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ..core.skeleton import KEYPOINTS_13, Skeleton
from .batch_random import BatchRandom
from .batch_source import Batch


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


def augment(
    batch: Batch,
    settings: AugmentSettings,
    random: BatchRandom,
    skeleton: Skeleton = KEYPOINTS_13,
) -> Batch:
    """Return changed copies of a batch, on the batch's device; the batch is left as it is.

    Args:
        batch: Images (B, S, S, 3) uint8, RGB.
        settings: Largest changes of the copies.
        random: Source of all random numbers.
        skeleton: The keypoints.

    Returns:
        Images (B, 3, S, S) float32, 0 to 255, targets and weights. A keypoint that was moved out of
        the crop keeps its target and its weight.
    """
    images = batch.images.permute(0, 3, 1, 2).float()
    targets, weight = batch.targets, batch.weight
    mirrored = random.chance(settings.mirror)
    flip = torch.as_tensor(skeleton.flip, device=targets.device)
    turned = targets[:, flip] * targets.new_tensor((-1, 1)) + targets.new_tensor((1, 0))
    targets = torch.where(mirrored[:, None, None], turned, targets)
    weight = torch.where(mirrored[:, None], weight[:, flip], weight)
    images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    if settings.warps:
        images, targets = _warp(images, targets, settings, random)
    if settings.gain or settings.shuffle:
        images = _recolour(images, settings, random)
    return Batch(images, targets, weight)


def _warp(
    images: Tensor, targets: Tensor, settings: AugmentSettings, random: BatchRandom
) -> tuple[Tensor, Tensor]:
    """Turn, scale and shift about the crop's centre; what comes in from outside is black."""
    limit = math.radians(settings.rotation_deg)
    turn = random.uniform(-limit, limit)
    scale = 1 + random.uniform(-settings.scale, settings.scale)
    cos, sin = scale * turn.cos(), scale * turn.sin()
    matrix = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)  # (B, 2, 2)
    shift = random.uniform(-settings.shift, settings.shift, 2)
    moved = (targets - 0.5) @ matrix.mT + 0.5 + shift[:, None]

    # the grid has -1 and 1 at the crop's edges: its units are two crop units about the centre
    back = torch.linalg.inv(matrix)
    offset = -back @ (2 * shift)[:, :, None]
    grid = functional.affine_grid(
        torch.cat([back, offset], dim=2), list(images.shape), align_corners=False
    )
    warped = functional.grid_sample(images, grid, mode="bilinear", align_corners=False)
    return warped, moved


def _recolour(images: Tensor, settings: AugmentSettings, random: BatchRandom) -> Tensor:
    """Change each channel's gain and, for some images, the order of the channels."""
    gain = 1 + random.uniform(-settings.gain, settings.gain, 3)
    coloured = (images * gain[:, :, None, None]).clamp(0, 255)
    shuffled = random.chance(settings.shuffle)[:, None]
    orders = torch.where(shuffled, random.orders(3), torch.arange(3, device=images.device))
    return coloured.gather(1, orders[:, :, None, None].expand_as(coloured))
