"""Batches are a function of seed and step: any one can be made without those before it."""

from pathlib import Path

import numpy as np
import torch

from kincap.dataset.kinect13.reader import open_kinect13
from kincap.train.batch_random import step_seed
from kincap.train.batch_source import RankRows, SplitBatches, load_ahead, shuffled_rows
from kincap.train.data import load_samples

CPU = torch.device("cpu")


def test_every_sample_comes_once_before_any_comes_again() -> None:
    rows = np.concatenate([shuffled_rows(10, 4, step, seed=3) for step in range(10)])
    epochs = rows.reshape(4, 10)
    for epoch in epochs:
        assert sorted(epoch) == list(range(10))
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    late = shuffled_rows(100, 8, 70, seed=1)
    assert late.tolist() == shuffled_rows(100, 8, 70, seed=1).tolist()
    assert late.tolist() != shuffled_rows(100, 8, 70, seed=2).tolist()
    assert len({step_seed(1, 2), step_seed(2, 1), step_seed(1, 2, 1)}) == 3


def test_parts_are_equal_and_make_up_the_batch(figures_h5: Path) -> None:
    with open_kinect13(figures_h5) as dataset:
        source = SplitBatches(load_samples(dataset, "train", 32), 16, seed=5)
        whole = source.batch(30)
        parts = [source.batch(30, RankRows(rank, 4)) for rank in range(4)]
        kept = source.on_device(CPU).batch(30)
    assert whole.limits is None
    for index, tensor in enumerate(whole[:3]):
        assert torch.equal(torch.cat([part[index] for part in parts]), tensor)
        assert torch.equal(kept[index], tensor)
    assert whole.images.dtype == torch.uint8
    assert source.image_bytes == 400 * 32 * 32 * 3


def test_batches_that_are_read_ahead_come_in_order(figures_h5: Path) -> None:
    with open_kinect13(figures_h5) as dataset:
        source = SplitBatches(load_samples(dataset, "train", 48), 16, seed=5)
        with load_ahead(source, 3, 9, CPU) as batches:
            found = [batch.targets for batch in batches]
        assert len(found) == 6
        for step, targets in enumerate(found, 3):
            assert torch.equal(targets, source.batch(step).targets)
