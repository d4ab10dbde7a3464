"""A trained net as it is used and exported: pixels in, coordinates and confidences out."""

import numpy as np
import torch
from torch import Tensor, nn

from ..engines.torch_engine import TorchFollowingEngine, TorchPoseEngine
from ..train.checkpoint import Checkpoint
from ..train.confidence import LEAST_SPREAD, map_spread
from ..train.nets.output import NetOutput
from ..train.nets.registry import takes_pose


class DeployedNet(nn.Module):
    """A net with the calibration of its confidence.

    A net without maps has the confidence of its presence head, or 1 where there is none; so has a
    checkpoint that was saved between two validations and has no calibration yet.

    Args:
        checkpoint: The trained net.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__()
        self.net = checkpoint.build()
        self.is_calibrated = checkpoint.calibration is not None
        keypoints = len(checkpoint.skeleton)
        offset, slope = np.zeros(keypoints), np.zeros(keypoints)
        if checkpoint.calibration is not None:
            offset, slope = checkpoint.calibration.offset, checkpoint.calibration.slope
        self.register_buffer("offset", torch.tensor(offset, dtype=torch.float32))
        self.register_buffer("slope", torch.tensor(slope, dtype=torch.float32))

    def forward(self, pixels: Tensor, *previous: Tensor) -> tuple[Tensor, Tensor]:
        """Return coords (N, K, 2) in crop units and confidence (N, K) of (N, 3, S, S) pixels.

        Args:
            pixels: The crops.
            previous: Of a net that takes it: (N, K, 3), the pose of the frame before.
        """
        output: NetOutput = self.net(pixels, *previous)
        return output.coords, self._confidence(output)

    def _confidence(self, output: NetOutput) -> Tensor:
        if output.maps is not None and self.is_calibrated:
            spread = map_spread(output.maps).clamp_min(LEAST_SPREAD)
            return torch.sigmoid(
                self.get_buffer("offset") + self.get_buffer("slope") * spread.log()
            )
        if output.presence is not None:
            return output.presence.sigmoid()
        return torch.ones_like(output.coords[..., 0])


def torch_engine(checkpoint: Checkpoint, device: torch.device) -> TorchPoseEngine:
    """Return the engine that runs a checkpoint with torch."""
    kind = TorchFollowingEngine if takes_pose(checkpoint.model) else TorchPoseEngine
    return kind(DeployedNet(checkpoint), checkpoint.size, checkpoint.skeleton.points, device)
