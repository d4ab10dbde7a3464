"""Occluding patches: rectangles of one colour over a copy (random erasing, Zhong et al. 2020)."""

from typing import Final

import torch
from torch import Tensor

from ..batch_random import BatchRandom

COUNT: Final = 3
LEAST_SIDE: Final = 0.08
MOST_SIDE: Final = 0.3
"""Sides of a patch, in sides of the crop."""


def cover(images: Tensor, probability: float, random: BatchRandom) -> Tensor:
    """Return images of which some are covered by patches; labels below them stay.

    Args:
        images: (B, 3, S, S) float32, 0 to 255.
        probability: Of patches in an image.
        random: Source of the random numbers.
    """
    size = images.shape[-1]
    chosen = random.chance(probability)
    centre = random.uniform(0.0, 1.0, COUNT, 2)
    half = random.uniform(LEAST_SIDE / 2, MOST_SIDE / 2, COUNT, 2)
    colour = random.uniform(0.0, 255.0, COUNT, 3)
    at = (torch.arange(size, device=images.device) + 0.5) / size
    for k in range(COUNT):
        x, y = ((at - centre[:, k, axis, None]).abs() <= half[:, k, axis, None] for axis in (0, 1))
        inside = y[:, :, None] & x[:, None, :] & chosen[:, None, None]
        images = torch.where(inside[:, None], colour[:, k, :, None, None], images)
    return images
