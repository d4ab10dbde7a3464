"""Long tables in little memory."""

import tracemalloc
from pathlib import Path

import numpy as np

from kincap.core.files.small_files import read_small
from kincap.core.memory import give_back_freed, join_parts


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


def test_a_small_file_takes_no_more_memory_because_a_large_one_is_allowed(tmp_path: Path) -> None:
    file = tmp_path / "small.json"
    file.write_bytes(b"{}\n")
    tracemalloc.start()
    try:
        assert read_small(file, 64 << 20) == b"{}\n"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20
