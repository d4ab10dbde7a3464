"""Random numbers of a batch: a function of the seed, the step and the row."""

import numpy as np
import torch
from torch import Tensor

from .batch_source import WHOLE, RankRows


class BatchRandom:
    """Draws a number for each row of a batch.

    The numbers of a whole batch are drawn whatever the device and the number of processes, so they
    are the same everywhere; each process takes those of its rows.

    Args:
        seed: Of the run.
        step: Which step, from 0.
        batch: Samples in the whole batch.
        device: The device that the numbers are put on.
        part: The rows that are returned.
    """

    def __init__(
        self, seed: int, step: int, batch: int, device: torch.device, part: RankRows = WHOLE
    ) -> None:
        self._generator = torch.Generator().manual_seed(step_seed(seed, step))
        self._batch, self._device, self._rows = batch, device, part.rows(batch)

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Return (B, *shape) float32 between two bounds."""
        drawn = torch.rand((self._batch, *shape), generator=self._generator)
        return self._own(low + (high - low) * drawn)

    def normal(self, *shape: int) -> Tensor:
        """Return (B, *shape) float32 of the standard normal distribution."""
        return self._own(torch.randn((self._batch, *shape), generator=self._generator))

    def chance(self, probability: float) -> Tensor:
        """Return (B,) bool, true with a probability."""
        return self.uniform(0.0, 1.0) < probability

    def orders(self, count: int) -> Tensor:
        """Return (B, count) int64, an order of 0 to count - 1 in each row."""
        drawn = torch.rand((self._batch, count), generator=self._generator)
        return self._own(drawn.argsort(dim=1))

    def _own(self, drawn: Tensor) -> Tensor:
        return drawn[self._rows].to(self._device, non_blocking=True)


def step_seed(seed: int, step: int, rank: int = 0) -> int:
    """Return a seed of 63 bits for one step of a run, and for one process of it."""
    state = np.random.SeedSequence((seed, step, rank)).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))
