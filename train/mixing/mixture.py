"""Batches from several data sets, each a function of the seed and the step like those of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from ...core.errors import KincapError
from ...core.skeleton import Skeleton
from ..augment import AugmentSettings
from ..batch_source import WHOLE, Batch, RankRows, shuffled_rows, stored_images, stream_rows
from ..data import Indices, Samples
from .choice import DataChoice

_ORDER: Final = 1
"""Part of the key of a batch's order, apart from the keys of the sets."""


@dataclass(frozen=True)
class MixedSet:
    """One of the sets of a mixture.

    Attributes:
        choice: Weight, share and rotation.
        samples: Its training split.
    """

    choice: DataChoice
    samples: Samples


class MixedBatches:
    """Batches drawn from the union of several sets.

    An epoch has the samples of all sets, in an order of its own. Where weights differ, the set of
    the largest weight comes with each of its samples once, and the others with as many as their
    weight says, in turn; so weights of 1 and 1 draw as if both were one set. Sets with a share are
    rehearsed: they have that share of every batch, besides the others.

    Args:
        sets: The sets, at least one without a share.
        batch: Samples in a batch; fewer where an epoch has fewer.
        seed: The order follows from it.
        size: Side of the crops, pixels; images of a set with a margin are larger.
        augment: Changes of the copies; its rotation is that of the sets that say nothing else.
        stored: All images of each set on a device, or None to read them from the samples.

    Raises:
        KincapError: A share is less than one sample of a batch, or leaves none for the others.
    """

    def __init__(
        self,
        sets: Sequence[MixedSet],
        batch: int,
        seed: int,
        size: int,
        augment: AugmentSettings,
        stored: Sequence[Tensor] | None = None,
    ) -> None:
        self._sets, self._asked, self._seed = tuple(sets), batch, seed
        self._size, self._augment, self._stored = size, augment, stored
        self._counts = np.array([len(one.samples) for one in sets])
        self._shares = np.array([one.choice.share or 0.0 for one in sets])
        self._entries = _entries(sets)
        self._epoch = int(self._entries.sum())
        rest = 1 - self._shares.sum()
        self._batch = min(batch, int(self._epoch / rest))
        self._rehearsed = np.round(self._shares * self._batch).astype(int)
        self._own = self._batch - int(self._rehearsed.sum())
        self._check()
        self._warps = warps(augment, [one.choice for one in sets])
        shapes = [one.samples.images(np.zeros(1, dtype=np.int64)).shape for one in sets]
        self._sides = [shape[1] for shape in shapes]
        self._channels = [shape[3] for shape in shapes]

    @property
    def skeleton(self) -> Skeleton:
        """Return the keypoints."""
        return self._sets[0].samples.skeleton

    @property
    def batch_size(self) -> int:
        """Return the number of samples in each batch."""
        return self._batch

    @property
    def image_bytes(self) -> int:
        """Return the size of all images."""
        sizes = zip(self._counts, self._sides, self._channels, strict=True)
        return sum(int(n) * side * side * channels for n, side, channels in sizes)

    def __len__(self) -> int:
        return round(self._epoch * self._batch / self._own)

    @property
    def set_shares(self) -> dict[Path, float]:
        """Return the share of each set in what is drawn, by its path."""
        own = self._own / self._batch * self._entries / self._epoch
        drawn = np.where(self._shares > 0, self._rehearsed / self._batch, own)
        return {one.choice.path: float(x) for one, x in zip(self._sets, drawn, strict=True)}

    def rows(self, step: int) -> tuple[Indices, Indices]:
        """Return the set (B,) of each sample of a batch, and its row (B,) in that set."""
        mixed = shuffled_rows(self._epoch, self._own, step, self._seed)
        round_ = np.arange(step * self._own, (step + 1) * self._own) // self._epoch
        ends = np.cumsum(self._entries)
        which = np.searchsorted(ends, mixed, side="right")
        # the how-manieth sample that this set gives in all
        places = round_ * self._entries[which] + mixed - (ends - self._entries)[which]
        rows = np.empty(self._own, dtype=np.int64)
        for k in np.unique(which):
            here = which == k
            rows[here] = stream_rows(int(self._counts[k]), places[here], (self._seed, int(k), 0))
        if self._own == self._batch:
            return which, rows
        for k in np.flatnonzero(self._rehearsed):
            each = int(self._rehearsed[k])
            turn = np.arange(step * each, (step + 1) * each)
            old = stream_rows(int(self._counts[k]), turn, (self._seed, int(k), 0))
            which = np.concatenate([which, np.full(each, k)])
            rows = np.concatenate([rows, old])
        # mixed, so that each process of a distributed run has some of them
        order = np.random.default_rng((self._seed, step, 0, _ORDER)).permutation(self._batch)
        return which[order], rows[order]

    def batch(self, step: int, part: RankRows = WHOLE) -> Batch:
        """Return the batch of a step, from 0; smaller images are centred in the largest."""
        which, rows = (one[part.rows(self._batch)] for one in self.rows(step))
        side = max(self._sides)
        targets = np.empty((len(rows), len(self.skeleton), 2), dtype=np.float32)
        weight = np.empty(targets.shape[:2], dtype=np.float32)
        limits = np.empty((len(rows), 2), dtype=np.float32)
        device = None if self._stored is None else self._stored[0].device
        # crops without a mask get an empty one beside those that have one
        shape = (len(rows), side, side, max(self._channels))
        images = torch.zeros(shape, dtype=torch.uint8, device=device)
        previous = None
        if any(one.samples.previous is not None for one in self._sets):
            # sets without times have no frame before
            previous = np.zeros((len(rows), 2, len(self.skeleton), 3), dtype=np.float32)
        for k in np.unique(which):
            here, samples = np.flatnonzero(which == k), self._sets[k].samples
            chosen, own = rows[here], self._sides[k]
            targets[here], weight[here] = samples.targets[chosen], samples.weight[chosen]
            if previous is not None and samples.previous is not None:
                previous[here] = samples.previous[chosen]
            turn = self._sets[k].choice.rotation_deg
            limits[here] = (own / self._size, self._augment.rotation_deg if turn is None else turn)
            if self._stored is None:
                found = torch.from_numpy(np.ascontiguousarray(samples.images(chosen)))
            else:
                found = self._stored[k][torch.from_numpy(chosen).to(device)]
            first = (side - own) // 2
            into = images[:, first : first + own, first : first + own, : self._channels[k]]
            into[torch.from_numpy(here).to(images.device)] = found
        return Batch(
            images,
            torch.from_numpy(targets),
            torch.from_numpy(weight),
            torch.from_numpy(limits) if self._warps else None,
            None if previous is None else torch.from_numpy(previous),
        )

    def on_device(self, device: torch.device) -> "MixedBatches":
        """Return a source of the same batches that keeps all images on a device."""
        stored = [stored_images(one.samples, device) for one in self._sets]
        return MixedBatches(self._sets, self._asked, self._seed, self._size, self._augment, stored)

    def _check(self) -> None:
        """Refuse shares that a batch can't have."""
        for one, count in zip(self._sets, self._rehearsed, strict=True):
            if one.choice.share is not None and count < 1:
                raise KincapError(
                    f"--replay: {one.choice.share:g} of a batch of {self._batch} is less than one "
                    f"crop of {one.choice.path}; give a larger share or --batch"
                )
        if self._own < 1:
            raise KincapError(
                f"--replay: the shares leave no crop of --data in a batch of {self._batch}; give "
                "smaller ones or a larger --batch"
            )


def warps(augment: AugmentSettings, choices: Sequence[DataChoice]) -> bool:
    """Return True if copies are resampled: then images with their margin are worth reading."""
    return augment.warps or any(one.rotation_deg for one in choices)


def _entries(sets: Sequence[MixedSet]) -> Indices:
    """Return how many samples each set gives to an epoch; none where it is rehearsed."""
    most = max(one.choice.weight for one in sets if one.choice.share is None)
    return np.array(
        [
            0 if one.choice.share is not None
            else max(1, round(len(one.samples) * one.choice.weight / most))
            for one in sets
        ]
    )  # fmt: skip
