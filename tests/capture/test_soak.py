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


@pytest.mark.timeout(400)
def test_a_minute_at_four_times_the_pace_is_flat_and_accounts_for_every_item(tmp_path):
    code, report = soak("--seconds", 60, "--speed", 4, "--folder", tmp_path, timeout=360)
    assert report["reasons"] == []
    assert (code, report["ok"]) == (0, True)
    assert report["accounting_closed"]
    assert report["handed_over"] == {"color": 7200, "bodies": 7200}
    assert report["shards"] >= 20
    assert report["samples"] >= 30
    assert list(tmp_path.iterdir()) == []


@pytest.mark.timeout(200)
def test_leaks_of_every_kind_are_found_and_named(tmp_path):
    leaks = [word for kind in ("frames", "descriptors", "threads") for word in ("--leak", kind)]
    code, report = soak("--seconds", 18, "--speed", 8, "--folder", tmp_path, *leaks, timeout=180)
    assert (code, report["ok"], report["accounting_closed"]) == (1, False, True)
    grown = [reason.split(" grew")[0] for reason in report["reasons"] if " grew by " in reason]
    assert grown == ["rss_mib", "descriptors", "threads"]
    left = [reason for reason in report["reasons"] if "after the first session" in reason]
    assert len(left) == 2


def test_a_slope_is_found_under_noise_and_outliers_and_none_where_there_is_none(samples):
    rng = np.random.default_rng(0)
    seconds = np.arange(1.0, 3601.0)
    noise = rng.normal(0, 0.5, len(seconds))
    noise[rng.permutation(len(seconds))[:600]] += 80  # a queue that was full now and then
    flat = samples.steady_slope(list(seconds), list(100 + noise))
    rising = samples.steady_slope(list(seconds), list(100 + 0.3 * seconds / 60 + noise))
    assert abs(flat) < 0.02
    assert rising == pytest.approx(0.3, abs=0.03)


def test_growth_speaks_of_what_comes_after_the_warm_up(samples):
    seconds = [float(k) for k in range(60)]
    rss = [100.0 + min(k, 10) * 5 for k in range(60)]
    threads = [9.0 + k // 20 for k in range(60)]
    series = samples.Series(seconds, rss, [7.0] * 60, threads)
    assert series.growth("rss_mib") == 0
    assert series.after(12.0).growth("rss_mib") == 0
    assert series.after(12.0).seconds[0] == 12
    assert series.growth("descriptors") == 0
    # one thread more for each of three sessions
    assert series.growth("threads") > 1.5
    assert samples.Series().growth("rss_mib") == 0
