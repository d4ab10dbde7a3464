"""Long tables in little memory."""

import tracemalloc

import numpy as np

from kincap.core.memory.freed import give_back_freed
from kincap.core.memory.joining import join_parts


def test_parts_are_joined_in_order_and_forgotten() -> None:
    parts = [np.arange(5), np.arange(0), np.arange(5, 9)]
    assert join_parts(parts).tolist() == list(range(9))
    assert parts == []
    give_back_freed()


def test_joining_takes_the_memory_of_the_result_alone() -> None:
    tracemalloc.start()
    try:
        parts = [np.zeros((100, 100)) for _ in range(40)]
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        joined = join_parts(parts)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after < before + joined.nbytes / 10
    assert peak < before + joined.nbytes + joined.nbytes / 10
