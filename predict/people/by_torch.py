"""A net of several people in torch: as it runs, and as it is exported."""

from typing import Any, Final, cast

import torch
from torch import Tensor, nn

from ...train.checkpoint import Checkpoint
from ...train.nets.transfer import PeopleMaps, Transfer
from ...train.people.find import FindSettings
from ...train.people.run import torch_maps
from .engine import PeopleEngine

BLOCK: Final = 16
"""Channels that onnxruntime keeps together on CPUs with 512-bit registers; 8 on others."""


class LastMaps(nn.Module):
    """A net of several people as it is exported: the maps of its last output.

    The first maps, which the refinement takes, are filled up with empty ones to whole blocks of
    channels: otherwise onnxruntime would put all that the refinement takes into another order.

    Args:
        checkpoint: Its weights.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__()
        self.net = cast(Transfer, checkpoint.build())
        if self.net.refinements:
            _fill_up(self.net)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return joint maps (N, K + 1, H/8, W/8) and limb maps (N, 2 n, H/8, W/8)."""
        last: PeopleMaps = self.net(pixels)[-1]
        return last.joints, last.limbs


def _fill_up(net: Transfer) -> None:
    """Add first maps that are 0, so that joint and limb maps are whole blocks of channels."""
    counts = []
    for head in cast(list[nn.Sequential], list(net.heads)):
        last = cast(nn.Conv2d, head[-1])
        counts.append(last.out_channels)
        more = -last.out_channels % BLOCK
        head[-1] = _with_channels(last, nn.functional.pad(last.weight, (0, 0) * 3 + (0, more)))
    for part in cast(list[nn.Sequential], list(net.refinements)):
        blocks: Any = part[0]
        layer: nn.Sequential = blocks.blocks[0].layers[0]
        first = cast(nn.Conv2d, layer[0])
        features = first.in_channels - sum(counts)
        parts = torch.split(first.weight, [features, *counts], dim=1)
        filled = [
            nn.functional.pad(weight, (0, 0, 0, 0, 0, -count % BLOCK))
            for weight, count in zip(parts[1:], counts, strict=True)
        ]
        layer[0] = _with_channels(first, torch.cat([parts[0], *filled], dim=1))


def _with_channels(layer: nn.Conv2d, weight: Tensor) -> nn.Conv2d:
    """Return a convolution like another one with more channels, whose bias is 0."""
    outputs, inputs, size = weight.shape[:3]
    made = nn.Conv2d(inputs, outputs, size, padding=layer.padding[0])
    assert layer.bias is not None
    bias = nn.functional.pad(layer.bias, (0, outputs - layer.out_channels))
    made.weight, made.bias = nn.Parameter(weight.detach()), nn.Parameter(bias.detach())
    return made


def people_engine(checkpoint: Checkpoint, device: torch.device) -> PeopleEngine:
    """Return the engine that runs a checkpoint with torch."""
    run = torch_maps(checkpoint.build().to(device), device)
    return PeopleEngine(run, FindSettings(checkpoint.size), checkpoint.skeleton.points)
