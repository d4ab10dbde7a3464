"""``python -m benchmarks.record``: what it prints, and when it calls a run bad."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
TIMING = {
    "append": {"p50": 0.2, "p95": 0.4, "p99": 0.6, "max": 1.0},
    "sensor_to_disk": {"p50": 8.0, "p95": 12.0, "p99": 20.0, "max": 30.0},
}


@pytest.fixture
def benchmark(monkeypatch) -> ModuleType:
    """Return the benchmark as a module."""
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("benchmarks.record")


def judge(benchmark, *, others=0.0, problems=(), error=None, **changes) -> dict:
    """Judge a run of a minute that reached every goal, but for the changes."""
    result = {
        "timing_ms": TIMING, "dropped": {}, "handed_over": {"color": 1800, "bodies": 1800},
        "color_frames": 1800, "body_frames": 1800, "wall_s": 60.0, "color_bytes": 660_000_000,
        **changes,
    }  # fmt: skip
    late = {"p50": 0.1, "p95": 0.2, "p99": 0.5, "max": 3.0}
    answer = {"result": result, "late_ms": late, "error": error}
    seconds = [float(k) for k in range(60)]
    held = ([700.0] * 60, [7.0] * 60, [9.0] * 60)
    series = importlib.import_module("benchmarks.samples").Series([0] * 60, seconds, *held)
    before = benchmark.Load(0.0, 0.0, 0.0, 0.0, 0.0)
    after = benchmark.Load(60.0, 20.0 + 60 * others, 0.0, 19.0, 1.0)
    return benchmark.report(answer, list(problems), series, before, after)


def test_a_missed_goal_counts_on_a_quiet_machine_and_is_only_told_on_a_loaded_one(benchmark):
    good = judge(benchmark)
    assert (good["ok"], good["noisy"], good["goals_missed"]) == (True, False, [])
    assert (good["fps"], good["cpu_cores"]) == (30.0, 0.317)
    slow = {**TIMING, "append": {**TIMING["append"], "p99": 7.0}}
    missed = judge(benchmark, timing_ms=slow, dropped={"ring_full": 3})
    assert not missed["ok"]
    assert missed["goals_missed"] == ["3 items dropped", "append: p99 7.0 ms"]
    loaded = judge(benchmark, others=1.2, timing_ms=slow, dropped={"ring_full": 3})
    assert (loaded["ok"], loaded["noisy"]) == (True, True)
    assert loaded["goals_missed"] == missed["goals_missed"]


def test_an_item_unaccounted_for_counts_on_any_machine(benchmark):
    lost = judge(benchmark, others=1.2, problems=["color: 1800 given, 1799 stored"])
    assert (lost["ok"], lost["accounting_closed"]) == (False, False)
    assert not judge(benchmark, others=1.2, error="the disk is full")["ok"]


@pytest.mark.timeout(200)
def test_some_seconds_at_full_size_account_for_every_item(tmp_path):
    command = [sys.executable, "-m", "benchmarks.record", "--seconds", "3", "--json"]
    done = subprocess.run(
        [*command, "--pictures", "6", "--folder", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert report["reasons"] == []
    assert report["accounting_closed"]
    assert report["handed_over"] == {"color": 90, "bodies": 90}
    assert sum(report["stored"].values()) + sum(report["dropped"].values()) == 180
    assert set(report["timing_ms"]["sensor_to_disk"]) == {"p50", "p95", "p99", "max"}
    assert list(tmp_path.iterdir()) == []
