"""A small net that finds people in whole images: a score and a box for each cell of a grid.

Persons are points (Zhou et al. 2019): the score is high where the middle of a person is, and the
box is given by the distances from the cell to its four sides (Tian et al. 2019). There are no
anchor boxes. 0.11 GMAC for one image.
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH_PX: Final = 256
HEIGHT_PX: Final = 160
"""The input: images are scaled to fit and put in the middle of grey."""
STRIDE: Final = 8
ROWS: Final = HEIGHT_PX // STRIDE
COLUMNS: Final = WIDTH_PX // STRIDE
REACH_PX: Final = 32.0
"""Unit of the distances to the sides of a box."""
RARE: Final = -4.0
"""Bias of the scores at the start: most cells are not the middle of a person."""


class PersonNet(nn.Module):
    """Give a score and a box for each cell of an image."""

    def __init__(self) -> None:
        super().__init__()
        self.stride4 = nn.Sequential(_layer(3, 16, 2), _layer(16, 32, 2))
        self.stride8 = nn.Sequential(_layer(32, 48, 2), _layer(48, 48))
        self.stride16 = nn.Sequential(_layer(48, 96, 2), _layer(96, 96))
        self.stride32 = nn.Sequential(
            _layer(96, 128, 2), _layer(128, 128), _layer(128, 128), nn.Conv2d(128, 96, 1)
        )
        self.join16 = _layer(96, 64)
        self.skip8 = nn.Conv2d(48, 64, 1)
        self.join8 = _layer(64, 64)
        self.heads = nn.Conv2d(64, 5, 1)
        self.twice = nn.Upsample(scale_factor=2)
        with torch.no_grad():
            assert self.heads.bias is not None
            self.heads.bias.zero_()
            self.heads.bias[0] = RARE
        self.register_buffer("middles", cell_middles(), persistent=False)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (N, M) and boxes xyxy (N, M, 4) in input pixels, of the M cells."""
        fine = self.stride8(self.stride4(pixels))
        middle = self.stride16(fine)
        joined = self.join16(self.twice(self.stride32(middle)) + middle)
        found = self.heads(self.join8(self.twice(joined) + self.skip8(fine))).flatten(2)
        reach = functional.softplus(found[:, 1:]).transpose(1, 2) * REACH_PX
        middles = self.get_buffer("middles")
        boxes = torch.cat([middles - reach[..., :2], middles + reach[..., 2:]], dim=2)
        return found[:, 0], boxes


class DeployedPersonNet(nn.Module):
    """The net as it is used and exported: scores instead of logits.

    Args:
        net: The trained net.
    """

    def __init__(self, net: PersonNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores (N, M) in [0, 1] and boxes xyxy (N, M, 4) in input pixels."""
        logits, boxes = self.net(pixels)
        return logits.sigmoid(), boxes


def cell_middles() -> Tensor:
    """Return (M, 2) x and y of the middles of the cells, row by row, pixels from the edge."""
    y, x = torch.meshgrid(torch.arange(ROWS), torch.arange(COLUMNS), indexing="ij")
    return (torch.stack([x, y], dim=2).reshape(-1, 2) + 0.5) * STRIDE


def _layer(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
