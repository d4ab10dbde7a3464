"""Copies that show the upper or the lower half of a body, as when a table hides the rest."""

from typing import Final, NamedTuple

import torch
from torch import Tensor

from ...core.skeleton import Skeleton
from ..batch_random import BatchRandom

LOWER: Final = ("hip", "knee", "ankle")
"""Words in the names of the lower half's keypoints."""
ROOM: Final = 1.3
"""Side of the copy, in sides of the square around the half's keypoints."""
MOST_ZOOM: Final = 2.5
FEWEST: Final = 3
"""Labelled keypoints that a half needs."""


class Halves(NamedTuple):
    """The choice of copies that show half a body, and of their places.

    Attributes:
        chosen: (B,) bool.
        centre: (B, 2) float32, crop units.
        zoom: (B,) float32, factor on all lengths, at least 1.
    """

    chosen: Tensor
    centre: Tensor
    zoom: Tensor


def choose_halves(
    targets: Tensor, weight: Tensor, probability: float, random: BatchRandom, skeleton: Skeleton
) -> Halves:
    """Return the squares around one half of some people.

    Args:
        targets: (B, K, 2) float32, crop units.
        weight: (B, K) float32; keypoints of weight 0 are not looked at.
        probability: Of a copy of half a body, where enough of it is labelled.
        random: Source of the random numbers.
        skeleton: The keypoints.
    """
    is_low = torch.tensor(
        [any(word in name for word in LOWER) for name in skeleton.points], device=targets.device
    )
    low = random.chance(0.5)[:, None]
    used = (is_low == low) & (weight > 0)
    most = torch.where(used[..., None], targets, -torch.inf).amax(dim=1)
    least = torch.where(used[..., None], targets, torch.inf).amin(dim=1)
    chosen = random.chance(probability) & (used.sum(dim=1) >= FEWEST)
    side = torch.where(chosen, (most - least).amax(dim=1), 1.0).clamp(min=1e-3)
    centre = torch.where(chosen[:, None], (most + least) / 2, 0.5)
    return Halves(chosen, centre, (1 / (ROOM * side)).clamp(1.0, MOST_ZOOM))
