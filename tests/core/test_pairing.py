"""Pairing in time against a slow loop."""

import numpy as np

from kincap.core.pairing import NO_BODY, PAIR_WITHIN_100NS, pair_nearest


def slow_pairs(color_take, color_time, body_take, body_time):
    """For each colour frame the body row nearest in time, of equal ones the earliest, first."""
    found = []
    for take, time in zip(color_take, color_time, strict=True):
        best = None
        for index in range(len(body_time)):
            if body_take[index] != take:
                continue
            apart = int(body_time[index]) - int(time)
            key = (abs(apart), apart, index)
            if abs(apart) <= PAIR_WITHIN_100NS and (best is None or key < best):
                best = key
        found.append((NO_BODY, 0) if best is None else (best[2], best[1]))
    return found


def test_pairs_agree_with_a_slow_loop() -> None:
    rng = np.random.default_rng(1)
    for _ in range(30):
        frames, bodies = rng.integers(0, 60, 2)
        color_take = rng.integers(0, 3, frames).astype(np.uint16)
        body_take = rng.integers(0, 4, bodies).astype(np.uint16)
        # steps of a quarter tick: many equally near, equal and just too far
        color_time = rng.integers(0, 60, frames) * 83_500 + 10**15
        body_time = rng.integers(0, 60, bodies) * 83_500 + 10**15
        index, residual = pair_nearest(color_take, color_time, body_take, body_time)
        expected = slow_pairs(color_take, color_time, body_take, body_time)
        assert list(zip(index.tolist(), residual.tolist(), strict=True)) == expected


def test_half_a_tick_is_near_enough_and_no_more() -> None:
    take = np.zeros(1, np.uint16)
    for apart, expected in ((167_000, 0), (167_001, NO_BODY), (-167_000, 0), (-167_001, NO_BODY)):
        index, _ = pair_nearest(take, np.array([10**9]), take, np.array([10**9 + apart]))
        assert index[0] == expected


def test_a_body_of_another_take_is_never_paired() -> None:
    index, _ = pair_nearest(np.array([0]), np.array([5]), np.array([1]), np.array([5]))
    assert index[0] == NO_BODY
