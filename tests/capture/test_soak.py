"""``python -m benchmarks.soak``: flat while nothing leaks, and it does find what leaks."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


def soak(*args: object, timeout: float) -> tuple[int, dict]:
    """Run the benchmark as a process; return its code and its report."""
    command = [sys.executable, "-m", "benchmarks.soak", "--json", *map(str, args)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


@pytest.fixture
def samples(monkeypatch) -> ModuleType:
    """Return the module that judges series."""
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("benchmarks.samples")


@pytest.mark.timeout(300)
def test_some_seconds_at_four_times_the_pace_are_flat_and_account_for_every_item(tmp_path):
    # an hour of it: python -m tests.nightly soak
    code, report = soak("--seconds", 16, "--speed", 4, "--folder", tmp_path, timeout=240)
    assert report["reasons"] == []
    assert (code, report["ok"]) == (0, True)
    assert report["accounting_closed"]
    assert report["handed_over"] == {"color": 1920, "bodies": 1920}
    assert report["shards"] >= 5
    assert report["samples"] >= 8
    assert list(tmp_path.iterdir()) == []


@pytest.mark.timeout(200)
def test_leaks_of_every_kind_are_found_and_named(tmp_path):
    leaks = [word for kind in ("frames", "descriptors", "threads") for word in ("--leak", kind)]
    code, report = soak("--seconds", 14, "--speed", 8, "--folder", tmp_path, *leaks, timeout=180)
    assert (code, report["ok"], report["accounting_closed"]) == (1, False, True)
    inside = [text.split()[0] for text in report["reasons"] if "inside a session" in text]
    assert inside == ["rss_mib", "descriptors", "threads"]
    after = [text.split(":")[0] for text in report["reasons"] if "after the last" in text]
    assert after == ["descriptors", "threads", "malloc_mib"]


def test_a_slope_is_found_under_noise_and_outliers_and_none_where_there_is_none(samples):
    rng = np.random.default_rng(0)
    seconds = np.arange(1.0, 3601.0)
    noise = rng.normal(0, 0.5, len(seconds))
    noise[rng.permutation(len(seconds))[:600]] += 80  # a queue that was full now and then
    flat = samples.steady_slope(list(seconds), list(100 + noise))
    rising = samples.steady_slope(list(seconds), list(100 + 0.3 * seconds / 60 + noise))
    assert abs(flat) < 0.02
    assert rising == pytest.approx(0.3, abs=0.03)


def test_growth_is_that_inside_sessions_behind_their_warm_up(samples):
    """Three sessions of 20 s; 5 s of each fill pools, and between them an allocator takes more."""
    session = [k // 20 for k in range(60)]
    seconds = [float(k % 20) for k in range(60)]
    pools = [
        100.0 + 10 * one + 3 * min(second, 5) for one, second in zip(session, seconds, strict=True)
    ]
    leaks = [100.0 + 0.5 * second for second in seconds]
    threads = [9.0 + second // 5 for second in seconds]
    series = samples.Series(session, seconds, pools, [7.0] * 60, threads).after(5.0)
    assert (min(series.seconds), len(series.seconds)) == (5, 45)
    assert series.per_min("rss_mib") == 0
    assert series.per_min("descriptors") == 0
    assert series.per_min("threads") == pytest.approx(12, abs=3)
    # freed at the end of each session: nothing is left behind, and yet it grows
    assert samples.steady_slope(seconds, leaks, session) == pytest.approx(30)
    assert samples.Series().per_min("rss_mib") == 0
