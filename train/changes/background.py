"""Other backgrounds behind a person whose mask is known: smooth coloured noise, never a picture.

All frames of a session have one background. A net that always sees it learns it; noise teaches
that only the person counts, and every process draws the same noise for the same row.
"""

from typing import Final

from torch import Tensor
from torch.nn import functional

from ..batch_random import BatchRandom

COARSE: Final = 3
FINE: Final = 12
"""Cells of the two layers of noise along a side."""
FINE_SHARE: Final = 0.4


def swap_background(
    images: Tensor, person: Tensor, probability: float, random: BatchRandom
) -> Tensor:
    """Return images of which some have another background.

    Args:
        images: (B, 3, S, S) float32, 0 to 255.
        person: (B, S, S) float32 in [0, 1]: how much of each pixel is the person.
        probability: Of another background; an image without a person's pixels keeps its own.
        random: Source of the random numbers.
    """
    size = images.shape[-1]
    chosen = random.chance(probability) & (person > 0.5).flatten(1).any(dim=1)
    layers = [
        functional.interpolate(
            random.uniform(0.0, 255.0, 3, cells, cells), (size, size), mode="bicubic"
        )
        for cells in (COARSE, FINE)
    ]
    noise = ((1 - FINE_SHARE) * layers[0] + FINE_SHARE * layers[1]).clamp(0, 255)
    own = person.clamp(0, 1)[:, None].where(chosen[:, None, None, None], person.new_ones(()))
    return images * own + noise * (1 - own)
