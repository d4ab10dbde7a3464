"""The maps that a net of several people learns: a bump at each joint, a direction along each limb.

A joint map is ``max over people of exp(-d^2 / sigma^2)``, without a factor of 2 (CVIU 2019). A limb
map is the unit vector from the first to the second joint near the limb, and the mean of these where
the limbs of several people overlap.
"""

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

STRIDE: Final = 8
"""Pixels of a cell of the maps."""

SIGMA_PX: Final = 7.0
"""Spread of a joint, in pixels of the net's input."""

REACH_CELLS: Final = 1.0
"""A cell belongs to a limb if its centre is this near, or nearer."""


def joint_maps(keypoints_px: Tensor, labelled: Tensor, height: int, width: int) -> Tensor:
    """Return the joint maps of a batch.

    Args:
        keypoints_px: (B, P, K, 2) float32, pixels of the net's input; P is the most people of an
            image of the batch.
        labelled: (B, P, K) bool; False also fills the places of people that an image has not.
        height: Height of the maps, cells.
        width: Width of the maps, cells.

    Returns:
        (B, K + 1, height, width) float32; the last map is the background, 1 less the highest.
    """
    x, y = _centres(height, width, keypoints_px.device)
    at = torch.where(labelled[..., None], keypoints_px, 0.0)
    # exp(-(dx^2 + dy^2)) is a product of a row and a column
    across = torch.exp(-(((x - at[..., 0, None]) / SIGMA_PX) ** 2)) * labelled[..., None]
    down = torch.exp(-(((y - at[..., 1, None]) / SIGMA_PX) ** 2))
    bumps = (down[..., :, None] * across[..., None, :]).amax(dim=1)
    return torch.cat([bumps, 1 - bumps.amax(dim=1, keepdim=True)], dim=1)


def limb_maps(
    keypoints_px: Tensor,
    labelled: Tensor,
    pairs: Sequence[tuple[int, int]],
    height: int,
    width: int,
) -> Tensor:
    """Return the limb maps of a batch.

    Args:
        keypoints_px: (B, P, K, 2) float32, pixels of the net's input.
        labelled: (B, P, K) bool.
        pairs: The n limbs as pairs of joints.
        height: Height of the maps, cells.
        width: Width of the maps, cells.

    Returns:
        (B, 2 n, height, width) float32; x and y of the direction of each limb in turn.
    """
    x, y = _centres(height, width, keypoints_px.device)
    firsts, seconds = (torch.tensor(ends, device=x.device) for ends in zip(*pairs, strict=True))
    there = labelled[:, :, firsts] & labelled[:, :, seconds]
    at = torch.where(labelled[..., None], keypoints_px, 0.0)
    start, way = at[:, :, firsts], at[:, :, seconds] - at[:, :, firsts]
    length = way.norm(dim=-1)
    there &= length > 0
    unit = way / length.clamp_min(1e-6)[..., None]
    # (B, P, n, height, width): the nearest point of the limb, and how far it is
    dx = x - start[..., 0, None, None]
    dy = y[:, None] - start[..., 1, None, None]
    ux, uy = unit[..., 0, None, None], unit[..., 1, None, None]
    along = torch.minimum((dx * ux + dy * uy).clamp_min(0), length[..., None, None])
    squared = (dx - along * ux) ** 2 + (dy - along * uy) ** 2
    near = (squared <= (REACH_CELLS * STRIDE) ** 2) & there[..., None, None]
    people = near.sum(dim=1).clamp_min(1)
    both = torch.stack([(near * part).sum(dim=1) / people for part in (ux, uy)], dim=2)
    return both.flatten(1, 2)


def _centres(height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the x (width,) and y (height,) of the centres of the cells, pixels of the input."""
    x, y = (
        (torch.arange(count, device=device, dtype=torch.float32) + 0.5) * STRIDE - 0.5
        for count in (width, height)
    )
    return x, y
