"""Changed copies of crops, so that a net learns bodies and not images.

Pictures and keypoints always go through the same map. Pixel centres are at integers; in crop
units ``t = (u + 0.5) / S`` (docs/format.md), so mirroring is ``u -> S-1-u`` and ``t -> 1-t``, and
left and right change names.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from ..core.skeleton import KEYPOINTS_13, Skeleton
from .batch_random import BatchRandom
from .batch_source import Batch
from .changes.background import swap_background
from .changes.clothing import dye
from .changes.forearm import turn_forearms
from .changes.half_body import Halves, choose_halves
from .changes.patches import cover
from .following.previous_pose import as_in_use


@dataclass(frozen=True)
class AugmentSettings:
    """Limits of the changes of a crop. The defaults only mirror, as Linna et al. did.

    Attributes:
        mirror: Probability of a mirrored copy.
        rotation_deg: Largest turn either way.
        scale: Largest ratio of scales, either way: 1.25 gives 1/1.25 to 1.25.
        shift: Largest shift in x and in y, as a share of the label's crop.
        stay_inside: True to scale and shift no further than the stored image reaches. Where it has
            a margin of 1.5, a shift of 0.12 and a scale of 1.25 always are inside.
        gain: Largest change of each colour channel, as a share.
        shuffle: Probability that the colour channels change places (so that no garment's colour is
            what a net goes by).
        half_body: Probability of a copy that shows the upper or the lower half of the body alone.
        clothing: Probability of limbs and torso in other colours.
        background: Probability of another background; needs a data set with masks.
        patches: Probability of occluding patches.
        forearm: Probability of a forearm turned about the elbow; needs a data set with masks.
    """

    mirror: float = 0.5
    rotation_deg: float = 0.0
    scale: float = 1.0
    shift: float = 0.0
    stay_inside: bool = False
    gain: float = 0.0
    shuffle: float = 0.0
    half_body: float = 0.0
    clothing: float = 0.0
    background: float = 0.0
    patches: float = 0.0
    forearm: float = 0.0

    @property
    def needs_masks(self) -> bool:
        """Return True if some change needs the mask of the person."""
        return self.background > 0 or self.forearm > 0

    @property
    def warps(self) -> bool:
        """Return True if pictures are resampled."""
        return bool(self.rotation_deg or self.scale > 1 or self.shift or self.half_body)

    @property
    def light(self) -> "AugmentSettings":
        """Return the changes of the last steps: boxes still move, pictures look as they are."""
        return replace(
            self, gain=0.0, shuffle=0.0, half_body=0.0, clothing=0.0, background=0.0, patches=0.0,
            forearm=0.0,
        )  # fmt: skip


def augment(
    batch: Batch,
    settings: AugmentSettings,
    random: BatchRandom,
    skeleton: Skeleton = KEYPOINTS_13,
    size: int | None = None,
) -> Batch:
    """Return changed copies of a batch, on the batch's device; the batch is left as it is.

    Args:
        batch: Images (B, R, R, 3) uint8, RGB: crops in the middle of their margins; or (B, R, R, 4)
            with the person's mask as a fourth channel.
        settings: Largest changes of the copies.
        random: Source of all random numbers.
        skeleton: The keypoints.
        size: Side S of the crops, pixels; None: R, the images have no margin.

    Returns:
        Images (B, 3, S, S) float32, 0 to 255, targets and weights. A keypoint that was moved out of
        the crop keeps its target and its weight, unless the copy shows half a body. Poses of the
        frame before go through the same map.
    """
    images = batch.images.permute(0, 3, 1, 2).float()
    targets, weight = batch.targets, batch.weight
    size = size or images.shape[-1]
    mirrored = random.chance(settings.mirror)
    flip = torch.as_tensor(skeleton.flip, device=targets.device)
    turned = targets[:, flip] * targets.new_tensor((-1, 1)) + targets.new_tensor((1, 0))
    targets = torch.where(mirrored[:, None, None], turned, targets)
    weight = torch.where(mirrored[:, None], weight[:, flip], weight)
    previous, keypoints = batch.previous, targets.shape[1]
    if previous is not None:
        turned = previous[:, :, flip] * previous.new_tensor((-1, 1, 1))
        turned = turned + previous.new_tensor((1, 0, 0))
        previous = torch.where(mirrored[:, None, None, None], turned, previous)
    if settings.warps or batch.limits is not None:
        limits = batch.limits
        if limits is None:
            limits = images.new_tensor([images.shape[-1] / size, settings.rotation_deg])
            limits = limits.expand(len(images), 2)
        halves = None
        if settings.half_body:
            halves = choose_halves(targets, weight, settings.half_body, random, skeleton)
        points = targets
        if previous is not None:
            points = torch.cat([targets, previous[..., :2].flatten(1, 2)], dim=1)
        images, points = _warp(images, points, mirrored, limits, settings, random, size, halves)
        targets = points[:, :keypoints]
        if previous is not None:
            moved = points[:, keypoints:].reshape(-1, 2, keypoints, 2)
            previous = torch.cat([moved, previous[..., 2:]], dim=3)
        if halves is not None:
            outside = ((targets < 0) | (targets > 1)).any(dim=2)
            weight = torch.where(halves.chosen[:, None] & outside, 0.0, weight)
    else:
        border = (images.shape[-1] - size) // 2
        images = images[:, :, border : border + size, border : border + size]
        images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    images, masks = images[:, :3], images[:, 3:] / 255
    if settings.forearm and masks.shape[1]:
        images, person, targets = turn_forearms(
            images, masks[:, 0], targets, weight, settings.forearm, random, skeleton
        )
        masks = person[:, None]
    if settings.clothing:
        images = dye(images, targets, weight, settings.clothing, random, skeleton)
    if settings.background and masks.shape[1]:
        images = swap_background(images, masks[:, 0], settings.background, random)
    if settings.gain or settings.shuffle:
        images = _recolour(images, settings, random)
    if settings.patches:
        images = cover(images, settings.patches, random)
    if previous is not None:
        previous = as_in_use(previous, random)
    return Batch(images, targets, weight, previous=previous)


def _warp(
    images: Tensor,
    targets: Tensor,
    mirrored: Tensor,
    limits: Tensor,
    settings: AugmentSettings,
    random: BatchRandom,
    size: int,
    halves: Halves | None,
) -> tuple[Tensor, Tensor]:
    """Mirror, turn, scale and shift about the crop's centre; outside of the image is black.

    Args:
        images: (B, C, R, R) float32, with their margins.
        targets: (B, M, 2) points, mirrored already.
        mirrored: (B,) bool, which images are to be mirrored.
        limits: (B, 2), see ``Batch``.
        settings: Largest other changes.
        random: Source of the random numbers.
        size: Side S of the crops, pixels.
        halves: Copies of half a body, which are scaled and shifted to it; None: none.

    Returns:
        Crops (B, C, S, S) and their targets.
    """
    margin, span = images.shape[-1] / size, math.log(settings.scale)
    reach, turn = limits[:, 0], random.uniform(-1, 1) * limits[:, 1].deg2rad()
    scale = random.uniform(-span, span).exp()
    shift = random.uniform(-settings.shift, settings.shift, 2)
    if settings.stay_inside:
        scale = torch.maximum(scale, 1 / reach)
        room = (reach / 2 - 0.5 / scale).clamp(min=0)[:, None]
        shift = torch.maximum(torch.minimum(shift, room), -room)
    if halves is not None:
        scale = torch.where(halves.chosen, halves.zoom, scale)
    shift = shift * scale[:, None]  # in sides of the copy
    cos, sin = scale * turn.cos(), scale * turn.sin()
    matrix = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)  # (B, 2, 2)
    if halves is not None:
        to_middle = -((halves.centre - 0.5)[:, None] @ matrix.mT)[:, 0]
        shift = torch.where(halves.chosen[:, None], to_middle, shift)
    moved = (targets - 0.5) @ matrix.mT + 0.5 + shift[:, None]

    # the grid has -1 and 1 at the image's edges: its units are two crop units over the margin
    back = torch.linalg.inv(matrix)
    place = torch.cat([back, -back @ (2 * shift)[:, :, None]], dim=2) / margin
    side = torch.where(mirrored, -1.0, 1.0)
    place = place * torch.stack([side, torch.ones_like(side)], dim=1)[:, :, None]
    grid = functional.affine_grid(place, [*images.shape[:2], size, size], align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", align_corners=False), moved


def _recolour(images: Tensor, settings: AugmentSettings, random: BatchRandom) -> Tensor:
    """Change each channel's gain and, for some images, the order of the channels."""
    gain = 1 + random.uniform(-settings.gain, settings.gain, 3)
    coloured = (images * gain[:, :, None, None]).clamp(0, 255)
    shuffled = random.chance(settings.shuffle)[:, None]
    orders = torch.where(shuffled, random.orders(3), torch.arange(3, device=images.device))
    return coloured.gather(1, orders[:, :, None, None].expand_as(coloured))
