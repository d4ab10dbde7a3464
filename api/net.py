"""A trained net for notebooks and scripts: crops in, keypoints out."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ..core.errors import CheckpointError, KincapError
from ..core.skeleton import KEYPOINTS_13, Skeleton
from ..train.checkpoint import load_checkpoint
from ..train.data import to_pixels
from ..train.loop import choose_device
from ..train.mirror import mirror_images, mirror_targets
from ..train.nets.registry import finds_people, whole_images

_BATCH = 64


class TrainedNet:
    """A net with the weights of a checkpoint; ``kincap.load_net`` makes it.

    Attributes:
        path: The checkpoint.
        model: Name of the net, as ``--model`` takes it.
        size: Side of its input, pixels.
        module: The torch module, in evaluation mode; takes (B, 3, size, size) float32 pixels,
            ``(v - 127) / 128``, RGB.
        trained: How it was trained: kind, step, seed, data, scores.
        keypoint_names: Names of the K keypoints, in order.
    """

    def __init__(self, path: Path, device: str = "auto", skeleton: Skeleton = KEYPOINTS_13) -> None:
        checkpoint = load_checkpoint(path, skeleton)
        if finds_people(checkpoint.model):
            raise CheckpointError(whole_images(path, "load_net"))
        self.path = path
        self._device = choose_device(device)
        self.model, self.size = checkpoint.model, checkpoint.size
        self.module: nn.Module = checkpoint.build().to(self._device)
        self.trained: dict[str, Any] = checkpoint.trained
        self.keypoint_names = checkpoint.skeleton.points
        self._skeleton = checkpoint.skeleton
        self._mirror = checkpoint.mirror_training

    def __repr__(self) -> str:
        return f"<kincap net {self.model} at {self.size} px from {str(self.path)!r}>"

    def predict(
        self, images: Sequence[npt.NDArray[np.uint8]] | npt.NDArray[np.uint8]
    ) -> npt.NDArray[np.float32]:
        """Return the keypoints of crops; a net trained with mirrored copies averages over both.

        Args:
            images: N square crops around a person, each (S, S, 3) uint8, RGB, of any size.

        Returns:
            (N, K, 2) float32, pixels of each crop.

        Raises:
            KincapError: An image is not a square (S, S, 3) uint8 array.
        """
        poses = [np.empty((0, len(self._skeleton), 2), np.float32)]
        for start in range(0, len(images), _BATCH):
            some = [self._checked(image) for image in images[start : start + _BATCH]]
            sides = np.array([len(image) for image in some], np.float32)[:, None, None]
            # pixel centres are at integers, and 0 and 1 are the crop's edges
            poses.append(self._coords(np.stack([self._resized(i) for i in some])) * sides - 0.5)
        return np.concatenate(poses)

    def _coords(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return poses (B, K, 2) in crop units."""
        with torch.inference_mode():
            found = self.module(to_pixels(images, self._device)).coords.float().cpu().numpy()
            if not self._mirror:
                return np.asarray(found, np.float32)
            other = self.module(to_pixels(mirror_images(images), self._device)).coords
        mirrored = mirror_targets(other.float().cpu().numpy(), self._skeleton)
        return np.asarray(0.5 * (found + mirrored), np.float32)

    def _resized(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        if len(image) == self.size:
            return image
        method = cv2.INTER_AREA if self.size < len(image) else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(image, (self.size, self.size), interpolation=method), np.uint8)

    def _checked(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        image = np.asarray(image)
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise KincapError(f"image of {image.dtype} {image.shape}: expected (S, S, 3) of uint8")
        if image.shape[0] != image.shape[1]:
            raise KincapError(f"image of {image.shape}: expected a square crop around a person")
        return image


def load_net(
    path: str | os.PathLike[str], device: str = "auto", skeleton: Skeleton = KEYPOINTS_13
) -> TrainedNet:
    """Load a net from a checkpoint of ``kincap pretrain`` or ``kincap finetune``.

    Args:
        path: The checkpoint, for example ``"runs/finetune/.../best.ckpt"``.
        device: Where it computes: ``"auto"`` (a GPU where torch finds one), ``"cpu"``, ``"cuda"``.
        skeleton: The keypoints that it must have learnt.

    Raises:
        CheckpointError: It is missing, damaged, or not a checkpoint that this kincap reads.
        MissingPartError: This machine has no such device.
    """
    return TrainedNet(Path(path), device, skeleton)
