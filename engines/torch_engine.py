"""Run a torch module on crops."""

import numpy as np
import torch
from torch import nn

from .engine import Floats, Images, PoseResult


class TorchPoseEngine:
    """A module that gives coordinates and confidences.

    Args:
        module: Takes (N, 3, S, S) float32 pixels, ``(v - 127) / 128``, RGB, and returns coords
            (N, K, 2) in crop units and confidence (N, K); moved to the device.
        size: Side S of its input.
        keypoint_names: Names of its K keypoints.
        device: Where it computes.
    """

    def __init__(
        self, module: nn.Module, size: int, keypoint_names: tuple[str, ...], device: torch.device
    ) -> None:
        self.size, self.keypoint_names = size, keypoint_names
        self._device = device
        self._module = module.eval().to(device)

    def poses(self, crops: Images) -> PoseResult:
        """Return the poses of crops (N, size, size, 3) uint8, RGB."""
        if not len(crops):
            keypoints = len(self.keypoint_names)
            return PoseResult(
                np.empty((0, keypoints, 2), np.float32), np.empty((0, keypoints), np.float32)
            )
        return self._run(crops)

    def _run(self, crops: Images, *others: Floats) -> PoseResult:
        """Return the poses of one crop or more, from further inputs of the module as well."""
        stored = torch.from_numpy(np.ascontiguousarray(crops)).to(self._device)
        pixels = (stored.permute(0, 3, 1, 2).float() - 127) / 128
        given = [torch.from_numpy(one).to(self._device) for one in others]
        with torch.inference_mode():
            coords, confidence = self._module(pixels, *given)
        return PoseResult(coords.float().cpu().numpy(), confidence.float().cpu().numpy())


class TorchFollowingEngine(TorchPoseEngine):
    """A module that can take the pose of the frame before, (N, K, 3), as a second input."""

    def poses_after(self, crops: Images, previous: Floats) -> PoseResult:
        """Return the poses of crops whose people have a pose in the frame before.

        Args:
            crops: (N, size, size, 3) uint8, RGB.
            previous: (N, K, 3) float32 in the units of these crops: x, y, and 1 where the keypoint
                is known, else 0.
        """
        return self._run(crops, previous) if len(crops) else self.poses(crops)

    def _run(self, crops: Images, *others: Floats) -> PoseResult:
        # as in onnxruntime: a small net on two threads waits for the slower one
        count = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return super()._run(crops, *others)
        finally:
            torch.set_num_threads(count)
