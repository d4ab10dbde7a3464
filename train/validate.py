"""Run a net over a split: the one way that training validates and ``evaluate`` measures."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ..core.skeleton import Skeleton
from .confidence import THRESHOLD, Calibration, fit_calibration, map_spread
from .data import Samples, to_pixels
from .loss import pose_loss
from .metrics.pck import Score, distances, error_torso, score
from .mirror import Floats, mirror_images, mirror_targets
from .people.frames import PeopleSamples
from .people.run import validate_people
from .presence.score import PresenceScore, score_presence

OnBatch = Callable[[int, int], None]

BATCH: Final = 64
"""Crops at a time; fixed, so that the same weights give the same figures everywhere."""


class NetRun(NamedTuple):
    """Output of a net over a split.

    Attributes:
        poses: (N, 13, 2) float32, crop units.
        loss: Mean loss.
        spread: (N, 13) float32, see ``confidence.map_spread``; None: the net has no maps.
        presence: (N, 13) float32 logits of the keypoints' presence; None: there is no such head.
    """

    poses: Floats
    loss: float
    spread: Floats | None
    presence: Floats | None = None


@dataclass(frozen=True)
class Validation:
    """Poses of a net on a split, and how good they are.

    Attributes:
        poses: (N, 13, 2) float32, crop units.
        loss: Mean loss over the split.
        score: PCK and median error over keypoints of weight above 0.
        spread: (N, 13) float32, how wide the maps are; None: the net has none.
        presence: Figures of the presence head; None: the net has none.
    """

    poses: Floats
    loss: float
    score: Score
    spread: Floats | None = None
    presence: PresenceScore | None = None


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
    poses, loss, spread, logits = run_net(net, samples, device, on_batch=on_batch)
    presence = None
    if logits is not None:
        presence = score_presence(logits, samples.weight, samples.skeleton)
    return Validation(poses, loss, score_poses(poses, samples), spread, presence)


def run_net(
    net: nn.Module,
    samples: Samples,
    device: torch.device,
    mirrored: bool = False,
    on_batch: OnBatch | None = None,
) -> NetRun:
    """Return the poses of every crop and the mean loss.

    Args:
        net: The net; left in evaluation mode.
        samples: The split.
        device: Device of the net.
        mirrored: Give the net mirrored crops and mirror its poses back.
        on_batch: Called after each batch with crops done and crops in all; may raise.

    Returns:
        Poses in crop units of the crops as they are, the loss (0 where ``mirrored``), and how wide
        the maps are. Of a net of several people: the poses of the people it finds, NaN where it
        finds none, and the loss over whole frames.
    """
    if isinstance(samples, PeopleSamples):
        return NetRun(*validate_people(net, samples, device, on_batch), None)
    net.eval()
    poses = np.empty_like(samples.targets)
    spread = np.zeros(poses.shape[:2], dtype=np.float32)
    has_maps, total = False, 0.0
    presence: Floats | None = None
    with torch.inference_mode():
        for start in range(0, len(samples), BATCH):
            part = np.arange(start, min(start + BATCH, len(samples)))
            images = samples.images(part)
            output = net(to_pixels(mirror_images(images) if mirrored else images, device))
            coords = output.coords.float().cpu().numpy()
            poses[part] = mirror_targets(coords, samples.skeleton) if mirrored else coords
            if output.maps is not None:
                has_maps, wide = True, map_spread(output.maps.float()).cpu().numpy()
                spread[part] = wide[:, samples.skeleton.flip] if mirrored else wide
            if output.presence is not None:
                presence = np.empty_like(spread) if presence is None else presence
                logits = output.presence.float().cpu().numpy()
                presence[part] = logits[:, samples.skeleton.flip] if mirrored else logits
            if not mirrored:
                targets = torch.from_numpy(samples.targets[part]).to(device)
                weight = torch.from_numpy(samples.weight[part]).to(device)
                total += float(pose_loss(output, targets, weight)) * len(images)
            if on_batch:
                on_batch(start + len(part), len(samples))
    return NetRun(poses, total / len(samples), spread if has_maps else None, presence)


def score_poses(poses: Floats, samples: Samples, include_inferred: bool = False) -> Score:
    """Compare poses in crop units with the labels, in pixels of the original images.

    Args:
        poses: (N, 13, 2) in crop units, or (13, 2) to be placed in every crop.
        samples: The split.
        include_inferred: Count every labelled keypoint, else those of weight above 0.
    """
    return score(*in_image(poses, samples), counted(samples, include_inferred), samples.skeleton)


def calibrate(found: Validation, samples: Samples) -> Calibration | None:
    """Return how wide maps and misses go together on a split; None: the net has no maps.

    Args:
        found: The net's output on the split.
        samples: The split.
    """
    if found.spread is None:
        return None
    known = counted(samples, include_inferred=False)
    distance, torso = distances(*in_image(found.poses, samples), known, samples.skeleton)
    used = known & ~np.isnan(torso)[:, None]
    right = (distance <= (THRESHOLD * torso)[:, None]) & used
    return fit_calibration(found.spread, right, used, samples.skeleton)


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


def has_torso(samples: Samples, include_inferred: bool = False) -> bool:
    """Return whether any row has both ends of its torso counted, without which none is measured."""
    known = counted(samples, include_inferred)
    torso = distances(*in_image(samples.targets, samples), known, samples.skeleton)[1]
    return bool(np.isfinite(torso).any())


def torso_words(skeleton: Skeleton) -> str:
    """Return the ends of the torso for a person: ``r_shoulder and l_hip``."""
    return " and ".join(skeleton.points[k] for k in skeleton.torso_indices)


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
