"""Run a net over a split: the one way that training validates and ``evaluate`` measures."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from .augment import Floats, mirror_images, mirror_targets
from .data import Samples, to_pixels
from .loss import pose_loss
from .metrics.pck import Score, error_torso, score

OnBatch = Callable[[int, int], None]

BATCH: Final = 64
"""Crops at a time; fixed, so that the same weights give the same figures everywhere."""


@dataclass(frozen=True)
class Validation:
    """Poses of a net on a split, and how good they are.

    Attributes:
        poses: (N, 13, 2) float32, crop units.
        loss: Mean loss over the split.
        score: PCK and median error over keypoints of weight above 0.
    """

    poses: Floats
    loss: float
    score: Score


def validate(
    net: nn.Module, samples: Samples, device: torch.device, on_batch: OnBatch | None = None
) -> Validation:
    """Measure a net on a split, without mirror averaging.

    Args:
        net: The net; left in evaluation mode.
        samples: The split.
        device: Device of the net.
        on_batch: See ``run_net``.
    """
    poses, loss = run_net(net, samples, device, on_batch=on_batch)
    return Validation(poses, loss, score_poses(poses, samples))


def run_net(
    net: nn.Module,
    samples: Samples,
    device: torch.device,
    mirrored: bool = False,
    on_batch: OnBatch | None = None,
) -> tuple[Floats, float]:
    """Return the poses of every crop and the mean loss.

    Args:
        net: The net; left in evaluation mode.
        samples: The split.
        device: Device of the net.
        mirrored: Give the net mirrored crops and mirror its poses back.
        on_batch: Called after each batch with crops done and crops in all; may raise.

    Returns:
        (N, 13, 2) float32 in crop units of the crops as they are, and the loss.
    """
    net.eval()
    poses = np.empty_like(samples.targets)
    total = 0.0
    with torch.inference_mode():
        for start in range(0, len(samples), BATCH):
            part = np.arange(start, min(start + BATCH, len(samples)))
            images = samples.images(part)
            output = net(to_pixels(mirror_images(images) if mirrored else images, device))
            coords = output.coords.float().cpu().numpy()
            poses[part] = mirror_targets(coords, samples.skeleton) if mirrored else coords
            if not mirrored:
                targets = torch.from_numpy(samples.targets[part]).to(device)
                weight = torch.from_numpy(samples.weight[part]).to(device)
                total += float(pose_loss(output, targets, weight)) * len(images)
            if on_batch:
                on_batch(start + len(part), len(samples))
    return poses, total / len(samples)


def score_poses(poses: Floats, samples: Samples, include_inferred: bool = False) -> Score:
    """Compare poses in crop units with the labels, in pixels of the original images.

    Args:
        poses: (N, 13, 2) in crop units, or (13, 2) to be placed in every crop.
        samples: The split.
        include_inferred: Count every labelled keypoint, else those of weight above 0.
    """
    return score(*in_image(poses, samples), counted(samples, include_inferred), samples.skeleton)


def frame_errors(
    poses: Floats, samples: Samples, include_inferred: bool = False
) -> npt.NDArray[np.float64]:
    """Return each frame's mean error (N,) in % of its torso, NaN where nothing is counted."""
    return error_torso(
        *in_image(poses, samples), counted(samples, include_inferred), samples.skeleton
    )


def counted(samples: Samples, include_inferred: bool) -> npt.NDArray[np.bool_]:
    """Return which keypoints (N, 13) metrics look at."""
    return samples.visibility >= 1 if include_inferred else samples.weight > 0


def in_image(
    poses: Floats, samples: Samples
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return poses and labels (N, 13, 2) in pixels of the original images.

    Args:
        poses: (N, 13, 2) in crop units, or (13, 2) to be placed in every crop.
        samples: The split.
    """
    every = np.broadcast_to(poses, samples.targets.shape)
    return samples.to_image_px(every), samples.to_image_px(samples.targets)
