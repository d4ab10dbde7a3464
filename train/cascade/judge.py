"""Measure a stage while it learns: poses of the stages before are computed once."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from ..checkpoint import Checkpoint
from ..data import Samples, to_pixels
from ..loss import masked_l2
from ..metrics.pck import THRESHOLDS, distances, pck
from ..mirror import Floats
from ..validate import NetRun, OnBatch, Validation, counted, in_image, score_poses
from .displacements import Displacements
from .net import CascadeNet
from .stored import Cascade, CascadeStage

_CROPS: int = 16
"""Crops at a time; each gives as many cuts as there are keypoints."""


class StageJudge:
    """Validates a stage, and puts the stages before it into its checkpoints.

    Args:
        before: The checkpoint of the stages before.
        cascade: Its stages; those of an earlier checkpoint and none of the new one.
        new: The new stage; its weights are ignored.
        view: Side of the images, pixels.
        val: The validation split, its images as large as the cascade takes them.
        run: Output of the stages before on that split.
        device: Device of the net.
    """

    def __init__(
        self,
        before: Checkpoint,
        cascade: Cascade,
        new: CascadeStage,
        view: int,
        val: Samples,
        run: NetRun,
        device: torch.device,
    ) -> None:
        self._before, self._cascade, self._new = before, cascade, new
        self._view, self._val, self._run, self._device = view, val, run, device

    def validate(self, net: nn.Module, on_batch: OnBatch | None) -> Validation:
        """Return the figures of the cascade with this net as its last stage."""
        poses = refine_poses(
            net, self._new.size, self._cascade.sigma, self._view, self._val, self._run.poses,
            self._device, on_batch,
        )  # fmt: skip
        targets, weight = map(torch.from_numpy, (self._val.targets, self._val.weight))
        loss = masked_l2(torch.from_numpy(poses), targets, weight)
        return Validation(poses, float(loss), score_poses(poses, self._val), self._run.spread)

    def complete(self, checkpoint: Checkpoint) -> Checkpoint:
        """Return the checkpoint of the whole cascade."""
        stage = replace(self._new, weights=checkpoint.weights)
        return replace(
            self._before,
            size=self._view,
            mean_pose=checkpoint.mean_pose,
            trained=checkpoint.trained,
            calibration=checkpoint.calibration,
            cascade=replace(self._cascade, stages=(*self._cascade.stages, stage)),
        )


def refine_poses(
    net: nn.Module,
    size: int,
    sigma: float,
    view: int,
    samples: Samples,
    poses: Floats,
    device: torch.device,
    on_batch: OnBatch | None = None,
) -> Floats:
    """Return the poses (N, K, 2) that a stage makes of those of the stage before.

    Args:
        net: The net of the stage; left in evaluation mode.
        size: Side of its input, pixels.
        sigma: Side of the squares, torso diameters.
        view: Side of the images, pixels.
        samples: The split.
        poses: (N, K, 2) float32, crop units.
        device: Device of the net.
        on_batch: Called after each batch with crops done and crops in all.
    """
    # a cascade without a first stage, so that squares are cut and read in one place
    alone = CascadeNet(nn.Identity(), view, [(net, size)], view, sigma, samples.skeleton).eval()
    refined = np.empty_like(poses)
    with torch.inference_mode():
        for start in range(0, len(samples), _CROPS):
            part = np.arange(start, min(start + _CROPS, len(samples)))
            pixels = to_pixels(samples.images(part), device)
            moved = alone.refine(0, pixels, torch.from_numpy(poses[part]).to(device))
            refined[part] = moved.float().cpu().numpy()
            if on_batch:
                on_batch(start + len(part), len(samples))
    return refined


def stage_of(net_of: Checkpoint, errors: Displacements) -> CascadeStage:
    """Return a stage with a net of the first stage's kind, without weights yet."""
    first = net_of.first_stages(1)
    return CascadeStage(
        model=first.model, width=first.width, size=first.size, weights={},
        mean=torch.from_numpy(errors.mean), covariance=torch.from_numpy(errors.covariance),
    )  # fmt: skip


def pdj(poses: Floats, samples: Samples) -> dict[str, Any]:
    """Return PDJ of all keypoints at each threshold, and the mean as ``mean``; None: no torso."""
    pred, truth = in_image(poses, samples)
    known = counted(samples, include_inferred=False)
    distance, torso = distances(pred, truth, known, samples.skeleton, other_diagonal=True)
    used = known & ~np.isnan(torso)[:, None]
    found = {f"{a:g}": pck(distance, torso, used, a, samples.skeleton)["all"] for a in THRESHOLDS}
    values = [value for value in found.values() if value is not None]
    return {**found, "mean": sum(values) / len(values) if values else None}
