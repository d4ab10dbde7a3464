"""Clothes of other colours: limbs and torso are dyed, folds and shadows stay."""

from typing import Final

import torch
from torch import Tensor

from ...core.skeleton import Skeleton
from ..batch_random import BatchRandom

UPPER: Final = (("shoulder", "elbow"), ("elbow", "wrist"))
LOWER: Final = (("hip", "knee"), ("knee", "ankle"))
TORSO: Final = ("r_shoulder", "l_shoulder", "r_hip", "l_hip")
LIMB_WIDTH: Final = 0.16
"""Half the width of a limb, in lengths of the torso."""
EDGE_PX: Final = 1.5
"""Pixels over which the dye fades at its edge."""
LEAST_DYE: Final = 0.4
MOST_DYE: Final = 0.9
MIDDLE_GREY: Final = 110.0
"""A pixel of this brightness gets the dye's own colour."""


def dye(
    images: Tensor,
    targets: Tensor,
    weight: Tensor,
    probability: float,
    random: BatchRandom,
    skeleton: Skeleton,
) -> Tensor:
    """Return images of which some show other clothes: one colour above the hips, one below.

    Args:
        images: (B, 3, S, S) float32, 0 to 255.
        targets: (B, K, 2) float32, crop units of these images.
        weight: (B, K) float32; a limb with an end of weight 0 is left as it is, and so is a person
            without a whole torso.
        probability: Of other clothes.
        random: Source of the random numbers.
        skeleton: The keypoints; one without these names has no clothes.
    """
    colour = random.uniform(0.0, 255.0, 2, 3)
    strength = random.uniform(LEAST_DYE, MOST_DYE, 2)
    chosen = random.chance(probability)
    if not set(TORSO) <= set(skeleton.points):
        return images
    corners = [skeleton.index[name] for name in TORSO]
    chosen = chosen & (weight[:, corners] > 0).all(dim=1)
    rows = chosen.nonzero()[:, 0]
    if not len(rows):
        return images
    part, known = targets[rows], weight[rows] > 0
    shares = _shares(part, known, images.shape[-1], skeleton) * strength[rows][:, :, None, None]
    changed = images[rows]
    brightness = changed.mean(dim=1, keepdim=True) / MIDDLE_GREY
    for k in range(2):
        dyed = (colour[rows][:, k, :, None, None] * brightness).clamp(0, 255)
        changed = changed + shares[:, k, None] * (dyed - changed)
    return images.index_copy(0, rows, changed)


def _shares(targets: Tensor, known: Tensor, size: int, skeleton: Skeleton) -> Tensor:
    """Return how much of each pixel is cloth above and below the hips.

    Args:
        targets: (B, K, 2), crop units.
        known: (B, K) bool.
        size: Side of the images, pixels.
        skeleton: The keypoints.

    Returns:
        (B, 2, S, S) float32, 0 to 1.
    """
    corner = {name: targets[:, skeleton.index[name]] for name in TORSO}
    neck, seat = ((corner[f"r_{name}"] + corner[f"l_{name}"]) / 2 for name in ("shoulder", "hip"))
    length = (neck - seat).norm(dim=1).clamp(min=1e-3)
    width = (corner["r_shoulder"] - corner["l_shoulder"]).norm(dim=1) / 2
    torso = capsule(neck, seat, torch.maximum(width, LIMB_WIDTH * length), size)
    found = []
    for pairs, first in ((UPPER, torso), (LOWER, torch.zeros_like(torso))):
        share = first
        for start, end in pairs:
            for side in ("r", "l"):
                a, b = (skeleton.index[f"{side}_{name}"] for name in (start, end))
                there = (known[:, a] & known[:, b])[:, None, None]
                limb = capsule(targets[:, a], targets[:, b], LIMB_WIDTH * length, size)
                share = torch.where(there, torch.maximum(share, limb), share)
        found.append(share)
    return torch.stack(found, dim=1)


def capsule(start: Tensor, end: Tensor, radius: Tensor, size: int) -> Tensor:
    """Return (B, S, S) float32: 1 within a radius (B,) of the line from start to end, then 0."""
    at = (torch.arange(size, device=start.device) + 0.5) / size
    way = end - start
    squared = (way**2).sum(dim=1).clamp(min=1e-9)[:, None, None]
    x, y = at[None, None, :] - start[:, 0, None, None], at[None, :, None] - start[:, 1, None, None]
    dx, dy = way[:, 0, None, None], way[:, 1, None, None]
    along = ((x * dx + y * dy) / squared).clamp(0, 1)
    distance = ((x - along * dx) ** 2 + (y - along * dy) ** 2).sqrt()
    return ((radius[:, None, None] - distance) * size / EDGE_PX + 0.5).clamp(0, 1)
