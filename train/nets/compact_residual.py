"""A residual body of depthwise convolutions with one of two heads, for 96 to 192 pixels.

The body is the usual inverted one: depthwise 5x5, then two 1x1 layers around a rectifier, added to
the input (MobileNetV2, ConvNeXt). Features at strides 4, 8, 16 and 32 are joined from the coarse to
the fine. Heads:

- ``compact-maps``: thirteen maps at stride 4, read out as the mean of their softmax (Sun et al.
  2018).
- ``compact-simcc``: for each keypoint a row and a column of bins, two pixels wide, from
  features at stride 8 (SimCC, Li et al. 2022).

Maps and bins go past the crop's edges, so a keypoint at the edge or a little outside is as exact as
others. After few steps both are less exact than ``compact`` (docs/benchmarks.md).
"""

from collections.abc import Callable
from functools import partial
from typing import Final, Literal

import torch
from torch import Tensor, nn

from .compact import recipe
from .net import Net
from .output import NetOutput

ABOUT: Final = {
    "compact-maps": "depthwise residual, maps",
    "compact-simcc": "depthwise residual, rows and columns of bins",
}

REACH: Final = 0.125
"""Part of maps and bins past each edge of the crop, in its sides."""
BIN_PX: Final = 2
BIN_SIGMA: Final = 2.0
HIDDEN: Final = 256


class CompactResidual(nn.Module):
    """Say where 13 keypoints are in a crop.

    Args:
        width: Factor on every number of channels.
        size: Side of the square input, pixels; a multiple of 32.
        keypoints: Number of keypoints.
        head: ``"maps"`` or ``"simcc"``.
    """

    def __init__(
        self, width: float, size: int, keypoints: int, head: Literal["maps", "simcc"]
    ) -> None:
        super().__init__()
        c1, c2, c3, c4, join = (max(8, round(n * width / 8) * 8) for n in (32, 64, 128, 256, 96))
        self.stride4 = nn.Sequential(_conv(3, c1, 2), _conv(c1, c1, 2), _Block(c1), _Block(c1))
        self.stride8 = nn.Sequential(_conv(c1, c2, 2), *(_Block(c2) for _ in range(3)))
        self.stride16 = nn.Sequential(_conv(c2, c3, 2), *(_Block(c3) for _ in range(4)))
        self.stride32 = nn.Sequential(_conv(c3, c4, 2), *(_Block(c4) for _ in range(2)))
        self.side = nn.ModuleList(nn.Conv2d(c, join, 1, bias=False) for c in (c1, c2, c3, c4))
        self.joined = nn.ModuleList(_Block(join) for _ in range(3))
        self.twice = nn.Upsample(scale_factor=2)
        self.head = (_MapHead if head == "maps" else _BinHead)(join, size, keypoints)
        self._finest = 0 if head == "maps" else 1

    def forward(self, pixels: Tensor) -> NetOutput:
        """Return the poses of (B, 3, S, S) pixels and the maps that they were read from."""
        levels = [pixels]
        for stage in (self.stride4, self.stride8, self.stride16, self.stride32):
            levels.append(stage(levels[-1]))
        features = self.side[3](levels[4])
        for level in (2, 1, 0)[: 3 - self._finest]:
            features = self.twice(features) + self.side[level](levels[level + 1])
            features = self.joined[level](features)
        maps, sigma = self.head(features)
        return NetOutput(read_out(maps, REACH), maps, None, REACH, sigma)


class _Block(nn.Module):
    """Depthwise 5x5 and two 1x1 convolutions, added to the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 5, padding=2, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.Conv2d(channels, 2 * channels, 1, bias=False),
            nn.BatchNorm2d(2 * channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(2 * channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return (B, C, H, W) of the same shape."""
        changed: Tensor = self.layers(features)
        return features + changed


class _MapHead(nn.Module):
    """Maps at stride 4 with a border past the crop."""

    def __init__(self, channels: int, size: int, keypoints: int) -> None:
        super().__init__()
        border = round(REACH * size / 4)
        self.layers = nn.Sequential(
            nn.BatchNorm2d(channels), nn.ReLU(), nn.ZeroPad2d(border),
            nn.Conv2d(channels, keypoints, 5, padding=2),
        )  # fmt: skip

    def forward(self, features: Tensor) -> tuple[Tensor, float]:
        """Return the maps and the standard deviation of a target on them."""
        return self.layers(features), 1.0


class _BinHead(nn.Module):
    """A row and a column of bins for each keypoint; their outer sum is its map."""

    def __init__(self, channels: int, size: int, keypoints: int) -> None:
        super().__init__()
        bins = round(size * (1 + 2 * REACH) / BIN_PX)
        self.planes = nn.Sequential(
            nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, keypoints, 5, padding=2)
        )
        self.mixed = nn.Sequential(
            nn.LayerNorm((size // 8) ** 2), nn.Linear((size // 8) ** 2, HIDDEN), nn.ReLU()
        )
        self.columns, self.rows = nn.Linear(HIDDEN, bins), nn.Linear(HIDDEN, bins)

    def forward(self, features: Tensor) -> tuple[Tensor, float]:
        """Return the maps and the standard deviation of a target on them."""
        mixed = self.mixed(self.planes(features).flatten(2))
        maps = self.rows(mixed)[:, :, :, None] + self.columns(mixed)[:, :, None, :]
        return maps, BIN_SIGMA


def read_out(maps: Tensor, reach: float = 0.0) -> Tensor:
    """Return the mean position (B, K, 2) under the softmax of each map, crop units.

    Args:
        maps: (B, K, H, W) logits.
        reach: How far they go past each edge of the crop, in its sides.
    """
    share = maps.flatten(2).softmax(dim=2).view_as(maps)
    places = []
    for axis, cells in ((2, maps.shape[3]), (3, maps.shape[2])):
        centres = (torch.arange(cells, device=maps.device) + 0.5) / cells
        places.append((share.sum(dim=axis) * centres).sum(dim=2))
    return torch.stack(places, dim=2) * (1 + 2 * reach) - reach


def _conv(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _net(head: Literal["maps", "simcc"]) -> Net:
    build: Callable[[float, int, int], nn.Module] = partial(CompactResidual, head=head)
    return Net(build, least_px=64, multiple_px=32, default_px=128, recipe=recipe)


NETS: Final = {"compact-maps": _net("maps"), "compact-simcc": _net("simcc")}
