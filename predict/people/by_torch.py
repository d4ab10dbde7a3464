"""A net of several people in torch: as it runs, and as it is exported."""

import torch
from torch import Tensor, nn

from ...train.checkpoint import Checkpoint
from ...train.nets.transfer import PeopleMaps
from ...train.people.find import FindSettings
from ...train.people.run import torch_maps
from .engine import PeopleEngine


class LastMaps(nn.Module):
    """A net of several people as it is exported: the maps of its last output.

    Args:
        checkpoint: Its weights.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__()
        self.net = checkpoint.build()

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return joint maps (N, K + 1, H/8, W/8) and limb maps (N, 2 n, H/8, W/8)."""
        last: PeopleMaps = self.net(pixels)[-1]
        return last.joints, last.limbs


def people_engine(checkpoint: Checkpoint, device: torch.device) -> PeopleEngine:
    """Return the engine that runs a checkpoint with torch."""
    run = torch_maps(checkpoint.build().to(device), device)
    return PeopleEngine(run, FindSettings(checkpoint.size), checkpoint.skeleton.points)
