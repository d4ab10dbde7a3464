"""A cascade as one net: it takes the person's crop and corrects the pose stage by stage.

Stage 1 sees the whole crop. Each later stage cuts a square round every joint of the pose so far,
with a side of ``sigma`` torso diameters, and moves the joint by what its net finds there (Toshev
and Szegedy 2014). Squares are cut from the crop at the resolution that it is given in, which is
finer than the first net's input; what they reach beyond the crop is black.
"""

import math
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...core.skeleton import Skeleton
from ..nets.output import NetOutput

BLACK: Final = -127 / 128
"""A black pixel as nets take it."""

NO_TORSO: Final = 0.5
"""Torso diameter of a pose whose torso is not known, in sides of the crop."""
USUAL_TORSO: Final = 0.4
"""Torso diameter of most poses, in sides of the crop; decides how finely squares are sampled."""
MOST_SAMPLES: Final = 4
_CUTS_AT_ONCE: Final = 128


def torso_diameter(poses: Tensor, skeleton: Skeleton, known: Tensor | None = None) -> Tensor:
    """Return the torso diameters (B,) of poses, in their units.

    Args:
        poses: (B, K, 2), crop units.
        skeleton: The keypoints.
        known: (B, K) bool, which of them are known; None: all.

    Returns:
        The distance of l_shoulder and r_hip; that of the other diagonal where one of the two is
        not known, else ``NO_TORSO``.
    """
    found = torch.full_like(poses[:, 0, 0], NO_TORSO)
    if not skeleton.torso:
        return found
    ends = list(skeleton.torso_indices)
    # the more trusted diagonal last: it replaces the other
    for first, second in (ends, skeleton.flip[ends].tolist()):
        length = torch.linalg.vector_norm(poses[:, first] - poses[:, second], dim=1)
        usable = length > 1e-6
        if known is not None:
            usable = usable & known[:, first] & known[:, second]
        found = torch.where(usable, length, found)
    return found


def samples_a_pixel(sigma: float, view: int, size: int) -> int:
    """Return how many samples a pixel of a cut is the mean of, along each axis.

    Args:
        sigma: Side of the square, torso diameters.
        view: Side of the crop that it is cut from, pixels.
        size: Side of the cut, pixels.
    """
    return min(MOST_SAMPLES, max(1, math.ceil(sigma * USUAL_TORSO * view / size - 0.25)))


def cut_squares(pixels: Tensor, centres: Tensor, sides: Tensor, size: int, samples: int) -> Tensor:
    """Cut squares out of crops; what is outside of a crop is black.

    Args:
        pixels: (B, 3, R, R) float32, as nets take them.
        centres: (B, J, 2), crop units.
        sides: (B,) sides of the squares, crop units.
        size: Side of the cuts, pixels.
        samples: See ``samples_a_pixel``.

    Returns:
        (B * J, 3, size, size).
    """
    count, each = centres.shape[0], centres.shape[1]
    fine = size * samples
    steps = (torch.arange(fine, device=pixels.device, dtype=pixels.dtype) + 0.5) / fine - 0.5
    places = centres[:, :, None] + steps[None, None, :, None] * sides[:, None, None, None]
    x = places[:, :, None, :, 0].expand(-1, -1, fine, -1)
    y = places[:, :, :, None, 1].expand(-1, -1, -1, fine)
    # one tall grid for each crop, so that no crop is copied
    grid = torch.stack([x, y], dim=-1).reshape(count, each * fine, fine, 2) * 2 - 1
    cut = functional.grid_sample(pixels - BLACK, grid, mode="bilinear", align_corners=False)
    cut = cut.reshape(count, 3, each, fine, fine).transpose(1, 2).reshape(-1, 3, fine, fine) + BLACK
    return functional.avg_pool2d(cut, samples) if samples > 1 else cut


def area_weights(view: int, size: int) -> Tensor:
    """Return (size, view) float32: each row is the share of each pixel in a coarser one."""
    edges = torch.arange(size + 1, dtype=torch.float64) * view / size
    pixels = torch.arange(view, dtype=torch.float64)
    low = torch.maximum(edges[:-1, None], pixels[None])
    high = torch.minimum(edges[1:, None], pixels[None] + 1)
    return ((high - low).clamp(min=0) * size / view).float()


class CascadeNet(nn.Module):
    """Find keypoints in a crop, stage by stage.

    Args:
        first: The net of stage 1.
        first_size: Side of its input, pixels.
        stages: The nets of the later stages, each with the side of its input.
        view: Side R of the crops that the cascade takes, pixels; at least ``first_size``.
        sigma: Side of the squares round joints, torso diameters.
        skeleton: The keypoints.
    """

    def __init__(
        self,
        first: nn.Module,
        first_size: int,
        stages: Sequence[tuple[nn.Module, int]],
        view: int,
        sigma: float,
        skeleton: Skeleton,
    ) -> None:
        super().__init__()
        self.first = first
        self.stages = nn.ModuleList(net for net, _ in stages)
        self.sizes = [size for _, size in stages]
        self.view, self.sigma, self.skeleton = view, sigma, skeleton
        self.shrinks = first_size != view
        self.register_buffer("area", area_weights(view, first_size), persistent=False)

    def forward(self, pixels: Tensor) -> NetOutput:
        """Return the poses of (B, 3, R, R) pixels; maps and presence are those of stage 1."""
        output = self.look(pixels)
        coords = output.coords
        for number in range(len(self.stages)):
            coords = self.refine(number, pixels, coords)
        return output._replace(coords=coords)

    def look(self, pixels: Tensor) -> NetOutput:
        """Return the output of stage 1."""
        if self.shrinks:
            area = self.get_buffer("area")
            pixels = area @ pixels @ area.T
        output: NetOutput = self.first(pixels)
        return output

    def refine(self, number: int, pixels: Tensor, coords: Tensor) -> Tensor:
        """Return the poses of a later stage.

        Args:
            number: Which, from 0 for stage 2.
            pixels: (B, 3, R, R).
            coords: (B, K, 2), poses of the stage before, crop units.
        """
        keypoints = coords.shape[1]
        at_once = max(1, _CUTS_AT_ONCE // keypoints)
        # a traced loop would be that of the traced batch for ever
        traced = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]  # untyped in torch
        if traced or torch.compiler.is_exporting():
            return self._refine(number, pixels, coords)
        starts = range(0, len(pixels), at_once)
        parts = [slice(start, start + at_once) for start in starts]
        return torch.cat([self._refine(number, pixels[own], coords[own]) for own in parts])

    def _refine(self, number: int, pixels: Tensor, coords: Tensor) -> Tensor:
        size, keypoints = self.sizes[number], coords.shape[1]
        sides = self.sigma * torso_diameter(coords, self.skeleton)
        samples = samples_a_pixel(self.sigma, self.view, size)
        output: NetOutput = self.stages[number](cut_squares(pixels, coords, sides, size, samples))
        every = output.coords.reshape(-1, keypoints, keypoints, 2)
        # of each cut only the keypoint that it was cut round
        own = every.diagonal(dim1=1, dim2=2).transpose(1, 2)
        return coords + sides[:, None, None] * (own - 0.5)
