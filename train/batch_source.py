"""Batches of a training run: each is a function of the seed and the step, and of nothing else.

So a run can go on after any step without a stored sampler, and every process of a distributed run
reads its own rows of the same batch.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from ..core.skeleton import Skeleton
from .data import READ_BLOCK, Indices, Samples

BATCHES_AHEAD: Final = 2
"""Batches that are read while a step runs."""


class Batch(NamedTuple):
    """Samples of one step, as they are stored.

    Attributes:
        images: (B, R, R, 3) uint8, RGB; R is the net's size, or larger where there is a margin.
        targets: (B, K, 2) float32, crop units; 0.5 where not labelled.
        weight: (B, K) float32 in [0, 1].
        limits: (B, 2) float32: how far the stored image of a sample reaches, in sides of its crop
            (what is further out is black), and the largest turn of its copies, degrees. None: every
            sample has an image as large as ``images``, and the turn of the recipe.
        previous: (B, 2, K, 3) float32 of ``following.neighbours.neighbour_poses``; after
            ``augment`` (B, K, 3), the pose of the frame before. None: the net takes none.
    """

    images: Tensor
    targets: Tensor
    weight: Tensor
    limits: Tensor | None = None
    previous: Tensor | None = None


class PeopleBatch(NamedTuple):
    """Images with everyone in them, of one step.

    Attributes:
        images: (B, S, S, 3) uint8, RGB.
        targets: (B, P, K, 2) float32, pixels of the copies.
        weight: (B, P, K) float32: 1 for known keypoints, else 0.
        boxes: (B, P, 4) float32, where the people are, xyxy, pixels; empty for the places of people
            that a frame has not.
    """

    images: Tensor
    targets: Tensor
    weight: Tensor
    boxes: Tensor


StepBatch = Batch | PeopleBatch


def each_tensor(batch: StepBatch, change: Callable[[Tensor], Tensor]) -> StepBatch:
    """Return a batch with each of its tensors changed."""
    return type(batch)(*(None if one is None else change(one) for one in batch))  # type: ignore[arg-type]  # None stays where it was


class RankRows(NamedTuple):
    """The share of one process in every batch.

    Attributes:
        rank: Which process, from 0.
        ranks: Number of processes.
    """

    rank: int = 0
    ranks: int = 1

    def rows(self, batch: int) -> slice:
        """Return the rows of this process in a batch, whose size is a multiple of ``ranks``."""
        each = batch // self.ranks
        return slice(self.rank * each, (self.rank + 1) * each)


WHOLE: Final = RankRows()


class BatchSource(Protocol):
    """Gives the batch of each step; ``len()`` is the number of samples of an epoch."""

    @property
    def skeleton(self) -> Skeleton:
        """Return the keypoints."""

    @property
    def batch_size(self) -> int:
        """Return the number of samples in each batch."""

    @property
    def image_bytes(self) -> int:
        """Return the size of all images."""

    def __len__(self) -> int: ...

    def batch(self, step: int, part: RankRows = WHOLE) -> StepBatch:
        """Return a batch.

        Args:
            step: Which one, from 0; no batch depends on the ones before it.
            part: The rows of it to return.
        """

    def on_device(self, device: torch.device) -> "BatchSource":
        """Return a source of the same batches that keeps all images on a device."""


class SamplesSource:
    """Common part of the sources of batches of one split.

    Args:
        samples: The split.
        batch: Samples in a batch.
    """

    def __init__(self, samples: Samples, batch: int) -> None:
        self._split, self._batch = samples, batch

    @property
    def skeleton(self) -> Skeleton:
        """Return the keypoints."""
        return self._split.skeleton

    @property
    def batch_size(self) -> int:
        """Return the number of samples in each batch."""
        return self._batch

    @property
    def image_bytes(self) -> int:
        """Return the size of all images."""
        return len(self._split) * self._split.images(np.zeros(1, dtype=np.int64)).nbytes


class SplitBatches(SamplesSource):
    """Batches of one split: every sample once before any comes again.

    Args:
        samples: The split.
        batch: Samples in a batch; all of them where there are fewer.
        seed: The order follows from it.
        stored: All images of the split on a device, or None to read them from ``samples``.
    """

    def __init__(
        self, samples: Samples, batch: int, seed: int, stored: Tensor | None = None
    ) -> None:
        super().__init__(samples, min(batch, len(samples)))
        self._samples, self._seed, self._stored = samples, seed, stored

    def __len__(self) -> int:
        return len(self._samples)

    def batch(self, step: int, part: RankRows = WHOLE) -> Batch:
        """Return the batch of a step, from 0."""
        rows = shuffled_rows(len(self._samples), self._batch, step, self._seed)
        rows = rows[part.rows(self._batch)]
        targets, weight = self._samples.targets[rows], self._samples.weight[rows]
        if self._stored is None:
            images = torch.from_numpy(np.ascontiguousarray(self._samples.images(rows)))
        else:
            images = self._stored[torch.from_numpy(rows).to(self._stored.device)]
        found = self._samples.previous
        previous = None if found is None else torch.from_numpy(found[rows])
        return Batch(images, torch.from_numpy(targets), torch.from_numpy(weight), previous=previous)

    def on_device(self, device: torch.device) -> "SplitBatches":
        """Return a source of the same batches that keeps all images on a device."""
        stored = stored_images(self._samples, device)
        return SplitBatches(self._samples, self._batch, self._seed, stored)


def stored_images(samples: Samples, device: torch.device) -> Tensor:
    """Return all images of a split on a device, (N, R, R, 3) uint8."""
    every = np.arange(len(samples))
    blocks = [every[k : k + READ_BLOCK] for k in range(0, len(every), READ_BLOCK)]
    return torch.cat([torch.from_numpy(samples.images(block)).to(device) for block in blocks])


def shuffled_rows(count: int, batch: int, step: int, seed: int) -> Indices:
    """Return the rows of a step's batch, in an order of its own for each epoch.

    Args:
        count: Number of samples.
        batch: Samples in a batch, at most ``count``.
        step: Which batch, from 0.
        seed: The orders follow from it.
    """
    return stream_rows(count, np.arange(step * batch, (step + 1) * batch), (seed,))


def stream_rows(count: int, places: Indices, key: tuple[int, ...]) -> Indices:
    """Return the rows at some places of an endless order in which each epoch has every row once.

    Args:
        count: Number of rows.
        places: (M,) places, from 0.
        key: The orders follow from it.
    """
    rows = np.empty(len(places), dtype=np.int64)
    epochs = places // count
    for epoch in np.unique(epochs):
        here = epochs == epoch
        order = np.random.default_rng((*key, int(epoch))).permutation(count)
        rows[here] = order[places[here] % count]
    return rows


Loading = Iterator[StepBatch]


@contextmanager
def load_ahead(
    source: BatchSource, first: int, steps: int, device: torch.device, part: RankRows = WHOLE
) -> Iterator[Loading]:
    """Read batches in a thread of its own while steps run.

    Args:
        source: The batches.
        first: The first step, from 0.
        steps: The number of steps of the whole run: that of the last batch, plus 1.
        device: The device that the batches are for.
        part: The rows of each batch to read.

    Yields:
        An iterator of the batches, on the device.
    """

    def read(step: int) -> StepBatch:
        batch = source.batch(step, part)
        # only pages that stay in place are copied to a GPU while it computes
        return each_tensor(batch, lambda t: t.pin_memory() if _pins(t, device) else t)

    def load() -> Loading:
        waiting: list[Future[StepBatch]] = []
        for step in range(first, steps):
            while len(waiting) < BATCHES_AHEAD and step + len(waiting) < steps:
                waiting.append(pool.submit(read, step + len(waiting)))
            batch = waiting.pop(0).result()
            yield each_tensor(batch, lambda tensor: tensor.to(device, non_blocking=True))

    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        try:
            yield load()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _pins(tensor: Tensor, device: torch.device) -> bool:
    return device.type == "cuda" and tensor.device.type == "cpu"
