"""kincap's own small network: batch-normalised convolutions and a map for each keypoint.

Plain regression sits on the mean pose for as long as a demo lasts; a network that says *where*
leaves it within a minute of two CPU cores. Features at stride 16 see the whole body, those at
strides 8 and 4 say where its parts are. They are joined from the coarse to the fine, and thirteen
maps at stride 4 are read out as the mean of their spatial softmax (integral regression, Sun et al.
2018), so coordinates are finer than cells. Fewer than a million weights at width 1, whatever the
size of the input (a multiple of 16).
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ...core.skeleton import KEYPOINTS
from ..augment import AugmentSettings
from ..recipe import Recipe
from .net import Net
from .output import NetOutput

ABOUT: Final = {"compact": "small, learns on a CPU"}

STRONG: Final = AugmentSettings(
    mirror=0.5, rotation_deg=10.0, scale=1.25, shift=0.12, stay_inside=True, gain=0.25, shuffle=0.5,
    clothing=0.5,
)  # fmt: skip
"""Changes that carry the net over to a garment that it never saw and to boxes that are not the
label's: scales and shifts are those of a box from the pose in the frame before."""


def recipe(kind: str, optimizer: str | None) -> Recipe:
    """Return the net's recipe: AdamW, or SGD at the paper's rates."""
    lr = 1e-2 if kind == "pretrain" else 1e-3
    own = Recipe(epochs=20, least_steps=500, batch=32, lr=lr, ema=0.998, augment=STRONG)
    return own.with_optimizer(optimizer or "adamw", 2e-3)


class Compact(nn.Module):
    """Say where 13 keypoints are in a crop.

    Args:
        width: Factor on every number of channels.
        size: Side of the square input, pixels; a multiple of 16.
        keypoints: Number of keypoints.
    """

    def __init__(self, width: float = 1.0, size: int = 64, keypoints: int = KEYPOINTS) -> None:
        super().__init__()
        c1, c2, c3, c4, head = (max(4, round(n * width)) for n in (24, 48, 96, 192, 64))
        self.stride4 = nn.Sequential(_layer(3, c1, 2), _layer(c1, c2, 2), _layer(c2, c2))
        self.stride8 = nn.Sequential(_layer(c2, c3, 2), _layer(c3, c3))
        self.stride16 = nn.Sequential(_layer(c3, c4, 2), _layer(c4, c4), _mix(c4, c3))
        self.join8 = nn.Sequential(_layer(2 * c3, c3), _mix(c3, head))
        self.skip4 = _mix(c2, head)
        self.join4 = nn.Sequential(nn.BatchNorm2d(head), nn.ReLU(), _layer(head, head))
        self.maps = nn.Conv2d(head, keypoints, 1)
        self.twice = nn.Upsample(scale_factor=2)
        centres = cell_middles(size // 4) / np.float32(size // 4)
        self.register_buffer("centres", torch.tensor(centres), persistent=False)

    def forward(self, pixels: Tensor) -> NetOutput:
        """Return the poses of (B, 3, S, S) pixels and the maps that they were read from."""
        fine = self.stride4(pixels)
        middle = self.stride8(fine)
        return self._finished(fine, middle)

    def _finished(self, fine: Tensor, middle: Tensor) -> NetOutput:
        """Return the output from the features at strides 4 and 8."""
        coarse = self.twice(self.stride16(middle))
        joined = self.twice(self.join8(torch.cat([middle, coarse], dim=1)))
        maps: Tensor = self.maps(self.join4(joined + self.skip4(fine)))
        return NetOutput(self._read_out(maps), maps)

    def _read_out(self, maps: Tensor) -> Tensor:
        """Return the mean position (B, 13, 2) under the softmax of each map, crop units."""
        share = maps.flatten(2).softmax(dim=2).view_as(maps)
        centres = self.get_buffer("centres")
        x = (share.sum(dim=2) * centres).sum(dim=2)
        y = (share.sum(dim=3) * centres).sum(dim=2)
        return torch.stack([x, y], dim=2)


def cell_middles(cells: int) -> npt.NDArray[np.float32]:
    """Return the middles (cells,) of the cells of one side, in cells.

    By numpy: ``torch.arange`` on the meta device, where checkpoints are checked, imports sympy,
    which takes a second.
    """
    return np.arange(cells, dtype=np.float32) + np.float32(0.5)


def _layer(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _mix(inputs: int, outputs: int) -> nn.Conv2d:
    """Return a layer that changes the number of channels and nothing else."""
    return nn.Conv2d(inputs, outputs, 1, bias=False)


NETS: Final = {
    "compact": Net(Compact, least_px=32, multiple_px=16, default_px=64, recipe=recipe),
}
"""The small net; its default size learns on a CPU."""
