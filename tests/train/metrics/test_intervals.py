"""Intervals: they hold the truth about as often as they say, and know that neighbours resemble."""

import numpy as np
import pytest

from kincap.train.metrics.intervals import blocks_of, interval, paired_interval


def test_blocks_are_of_one_session_and_take_and_two_seconds_long() -> None:
    time_s = np.array([0.0, 1.9, 2.0, 0.0, 0.0, 3.9])
    block = blocks_of([0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 0, 0], time_s)
    assert len(set(block.tolist())) == 5
    assert block[0] == block[1]


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    rng = np.random.default_rng(1)
    held = 0
    truth = 100 * np.clip(rng.normal(0.7, 0.15, 1_000_000), 0, 1).mean()
    for trial in range(200):
        # each block of 30 frames has a share of its own: frames in it are not independent
        share = np.clip(rng.normal(0.7, 0.15, 40), 0, 1)
        right = rng.binomial(13, np.repeat(share, 30))
        found = interval(right, np.full(1200, 13), np.repeat(np.arange(40), 30), seed=trial)
        assert found is not None
        held += found[0] <= truth <= found[1]
    assert 180 <= held <= 198


def test_frames_that_resemble_their_neighbours_give_a_wider_interval() -> None:
    right = np.repeat(np.array([13, 0] * 10), 30)
    total, alone = np.full(600, 13), np.arange(600)
    wide = interval(right, total, np.repeat(np.arange(20), 30))
    narrow = interval(right, total, alone)
    assert wide is not None
    assert narrow is not None
    assert wide[1] - wide[0] > 4 * (narrow[1] - narrow[0])


def test_a_small_difference_on_the_same_frames_is_seen_where_each_interval_is_wide() -> None:
    rng = np.random.default_rng(2)
    first = rng.binomial(13, np.repeat(rng.uniform(0.2, 1, 30), 20))
    second = np.maximum(first - (rng.random(600) < 0.3), 0)
    block, total = np.repeat(np.arange(30), 20), np.full(600, 13)
    difference = paired_interval(first, second, total, block)
    alone = interval(first, total, block)
    assert difference is not None
    assert alone is not None
    assert 0 < difference[0] < difference[1] < 5
    assert alone[1] - alone[0] > 10


@pytest.mark.parametrize("blocks", [0, 1])
def test_one_block_has_no_interval(blocks: int) -> None:
    count = 10 * blocks
    assert interval(np.ones(count), np.ones(count), np.zeros(count, dtype=np.int64)) is None
