"""Batches of a later stage: squares round simulated poses, each to be moved onto the truth."""

import numpy as np
import torch

from ..batch_source import WHOLE, Batch, RankRows, SamplesSource, shuffled_rows
from ..data import Samples, normalised
from .displacements import Displacements, diameters
from .net import cut_squares, samples_a_pixel


class StageBatches(SamplesSource):
    """Batches of squares; a sample is one labelled keypoint of one image.

    Every pass draws a new simulated pose for each sample, so 40 passes are the paper's 40 crops a
    joint and image. The batch of a step follows from the seed and the step alone.

    Args:
        samples: The training split; its images are the crops that squares are cut from.
        view: Side of these crops, pixels.
        errors: Displacements to simulate.
        sigma: Side of a square, torso diameters.
        size: Side of the cuts, pixels.
        batch: Cuts in a batch.
        seed: Everything random follows from it.
    """

    def __init__(
        self,
        samples: Samples,
        view: int,
        errors: Displacements,
        sigma: float,
        size: int,
        batch: int,
        seed: int,
    ) -> None:
        known = samples.weight > 0
        self._rows, self._joints = np.nonzero(known)
        super().__init__(samples, min(batch, len(self._rows)))
        self._samples, self._errors = samples, errors
        self._sigma, self._size, self._seed = sigma, size, seed
        self._torso = diameters(samples.targets, known, samples.skeleton)
        self._finer = samples_a_pixel(sigma, view, size)

    def __len__(self) -> int:
        return len(self._rows)

    def batch(self, step: int, part: RankRows = WHOLE) -> Batch:
        """Return the batch of a step, from 0."""
        chosen = shuffled_rows(len(self._rows), self._batch, step, self._seed)
        rows, joints = self._rows[chosen], self._joints[chosen]
        rng = np.random.default_rng((self._seed, step, 1))
        moved = self._errors.draw(joints, rng)
        own = part.rows(self._batch)
        rows, joints, moved = rows[own], joints[own], moved[own]
        torso = self._torso[rows]
        centres = self._samples.targets[rows, joints] + moved * torso[:, None]
        images = torch.from_numpy(np.ascontiguousarray(self._samples.images(rows)))
        cuts = cut_squares(
            normalised(images.permute(0, 3, 1, 2).float()),
            torch.from_numpy(centres.astype(np.float32))[:, None],
            torch.from_numpy((self._sigma * torso).astype(np.float32)),
            self._size, self._finer,
        )  # fmt: skip
        stored = (cuts * 128 + 127).round().clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous()
        count, keypoints = len(rows), len(self.skeleton)
        targets = torch.full((count, keypoints, 2), 0.5)
        weight = torch.zeros(count, keypoints)
        every = np.arange(count)
        targets[every, joints] = torch.from_numpy((0.5 - moved / self._sigma).astype(np.float32))
        weight[every, joints] = torch.from_numpy(self._samples.weight[rows, joints])
        return Batch(stored, targets, weight)

    def on_device(self, _device: torch.device) -> "StageBatches":
        """Return itself: cuts are made on the CPU."""
        return self
