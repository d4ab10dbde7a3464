"""The loss of a net of several people: squared errors of all maps, at every supervised output."""

from collections.abc import Callable, Sequence
from typing import Final

import torch
from torch import Tensor

from ...core.skeleton import Skeleton
from ..batch_source import PeopleBatch
from ..data import normalised
from ..nets.transfer import PeopleMaps
from .targets import STRIDE, joint_maps, limb_maps

NEAR: Final = 0.05
"""A cell of a joint map whose target is higher is near a known keypoint."""


def people_loss(
    net: Callable[[Tensor], Sequence[PeopleMaps]],
    batch: PeopleBatch,
    skeleton: Skeleton,
    keypoint_weight: float = 1.0,
) -> Tensor:
    """Return the loss of a net on a batch: a sum over maps and cells, a mean over the images.

    Args:
        net: Returns ``PeopleMaps`` for each supervised output.
        batch: The batch.
        skeleton: The keypoints.
        keypoint_weight: Factor on the errors of the keypoints' maps; 1 in the paper. These are a
            tenth of all errors while a net finds nothing, since limbs cover many more cells.
    """
    images = batch.images.permute(0, 3, 1, 2).float()
    return maps_loss(net(normalised(images)), batch, skeleton, keypoint_weight)


def maps_loss(
    outputs: Sequence[PeopleMaps],
    batch: PeopleBatch,
    skeleton: Skeleton,
    keypoint_weight: float = 1.0,
) -> Tensor:
    """Return the loss of a net's outputs on a batch, see ``people_loss``."""
    wanted = target_maps(batch, skeleton)
    weights = _with_known(map_weights(batch, skeleton), wanted)
    if keypoint_weight != 1:
        joints, background = weights.joints[:, :-1], weights.joints[:, -1:]
        joints = torch.cat([keypoint_weight * joints, background], dim=1)
        weights = weights._replace(joints=joints)
    total = sum(
        (weight * (found - target) ** 2).sum()
        for output in outputs
        for found, target, weight in zip(output, wanted, weights, strict=True)
    )
    return torch.as_tensor(total) / len(batch.images)


def target_maps(batch: PeopleBatch, skeleton: Skeleton) -> PeopleMaps:
    """Return the maps that a batch teaches."""
    height, width = (side // STRIDE for side in batch.images.shape[1:3])
    known = batch.weight > 0
    return PeopleMaps(
        joint_maps(batch.targets, known, height, width),
        limb_maps(batch.targets, known, skeleton.bone_indices, height, width),
    )


def map_weights(batch: PeopleBatch, skeleton: Skeleton) -> PeopleMaps:
    """Return the cells that count: 1, and 0 where a person has a keypoint that is not known.

    The maps of that keypoint, of its limbs and of the background don't count in the person's box.
    A person without labels (the filters rejected it) so counts in no map.
    """
    height, width = (side // STRIDE for side in batch.images.shape[1:3])
    x, y = (
        (torch.arange(count, device=batch.boxes.device) + 0.5) * STRIDE - 0.5
        for count in (width, height)
    )
    low, high = batch.boxes[..., :2], batch.boxes[..., 2:]
    reach = float(STRIDE)
    across = (x >= low[..., :1] - reach) & (x <= high[..., :1] + reach)
    down = (y >= low[..., 1:] - reach) & (y <= high[..., 1:] + reach)
    inside = down[..., :, None] & across[..., None, :]  # (B, P, h, w)
    unknown = batch.weight <= 0  # (B, P, K)
    ends = torch.tensor(skeleton.bone_indices, device=unknown.device)
    limbs = unknown[..., ends].any(dim=-1)
    hidden = [_any(part, inside) for part in (unknown, unknown.any(-1, keepdim=True), limbs)]
    joints, background, of_limbs = (1.0 - one.float() for one in hidden)
    return PeopleMaps(torch.cat([joints, background], dim=1), of_limbs.repeat_interleave(2, dim=1))


def _with_known(weights: PeopleMaps, wanted: PeopleMaps) -> PeopleMaps:
    """Let cells near a known keypoint or limb count wherever they are: two people may overlap."""
    near = wanted.joints[:, :-1] > NEAR
    vectors = (wanted.limbs[:, ::2].abs() + wanted.limbs[:, 1::2].abs()) > 0
    along = vectors.repeat_interleave(2, dim=1)
    ends = torch.zeros_like(wanted.joints[:, -1:], dtype=torch.bool)
    return PeopleMaps(
        torch.where(torch.cat([near, ends], dim=1), 1.0, weights.joints),
        torch.where(along, 1.0, weights.limbs),
    )


def _any(which: Tensor, inside: Tensor) -> Tensor:
    """Return (B, C, h, w) bool: cells inside the box of a person for whom (B, P, C) holds."""
    return (which[..., None, None] & inside[:, :, None]).any(dim=1)
