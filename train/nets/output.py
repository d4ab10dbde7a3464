"""The output of every network."""

from typing import NamedTuple

from torch import Tensor


class NetOutput(NamedTuple):
    """A batch of poses, and the maps they were read from where the network has any.

    Attributes:
        coords: (B, 13, 2) float32, x and y in crop units: 0 and 1 are the crop's edges.
        maps: (B, 13, H, W) float32 logits of where each keypoint is, or None.
        presence: (B, 13) float32 logits of whether each keypoint is in the crop; None for a net
            without such a head.
        reach: How far the maps go past each edge of the crop, in its sides.
        sigma_cells: Standard deviation that a keypoint's target has on the maps, in cells.
    """

    coords: Tensor
    maps: Tensor | None
    presence: Tensor | None = None
    reach: float = 0.0
    sigma_cells: float = 1.0
