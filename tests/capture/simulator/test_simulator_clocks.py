"""The simulator's clocks step as those of real Kinect v2: ``python -m benchmarks.clocks``."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from kincap.capture.simulator.clock import CLOCKS, SimulatedClock

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the module that compares clocks."""
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("benchmarks.clocks")


def is_alike(found) -> bool:
    """Say whether real and simulated steps could come from one clock.

    The distance may be twice what chance alone explains, the share of gaps three standard
    deviations of so short a log off, their median length a millisecond and a half.
    """
    medians, lengths = found.median_ms, found.gap_ms
    return (
        abs(medians[0] - medians[1]) < 0.01
        and found.distance < 2 * found.chance
        and found.gap_error < 3
        and bool(np.abs(np.subtract(*lengths)).max() < 1.5)
    )


@pytest.mark.parametrize("clock", ["laban", "irds"])
def test_the_histograms_of_steps_and_gaps_are_those_of_real_logs(
    clocks: ModuleType, data_dir: Path, clock: str
) -> None:
    real = clocks.real_steps(data_dir, clock)
    found = clocks.compare(clock, real, clocks.simulated_steps(clock, 24_000))
    assert found.steps > 900
    assert is_alike(found), found
    # and the comparison can fail: neither a plain clock nor the other real one passes
    for other in ("steady", *({"laban", "irds"} - {clock})):
        assert not is_alike(clocks.compare(clock, real, clocks.simulated_steps(other, 24_000)))


@pytest.mark.parametrize("clock", ["laban", "irds"])
def test_gaps_alone_or_steps_alone_are_not_enough(
    clocks: ModuleType, data_dir: Path, clock: str
) -> None:
    real, ours = clocks.real_steps(data_dir, clock), clocks.simulated_steps(clock, 24_000)
    without_gaps = clocks.Steps(ours.usual, ours.gaps[:0])
    longer_gaps = clocks.Steps(ours.usual, ours.gaps + 33.3)
    plain_steps = clocks.Steps(np.full_like(ours.usual, 33.333), ours.gaps)
    for wrong in (without_gaps, longer_gaps, plain_steps):
        assert not is_alike(clocks.compare(clock, real, wrong))


def test_the_command_prints_both_clocks_and_draws_them(data_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "clocks.png"
    command = [sys.executable, "-m", "benchmarks.clocks", "--data", data_dir, "--out", out]
    done = subprocess.run(
        [*map(str, command), "--steps", "4000", "--json"],
        cwd=ROOT, capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    told = json.loads(done.stdout)["clocks"]
    assert set(told) == {"laban", "laban, plain clock", "irds", "irds, plain clock"}
    assert told["laban"]["distance"] < 0.1 < told["laban, plain clock"]["distance"]
    assert out.read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("kind", sorted(CLOCKS))
def test_times_rise_and_keep_thirty_frames_a_second(kind: str) -> None:
    clock = SimulatedClock(seed=11, fps=30, kind=kind, skips=1)
    for stream, tick in ((0, clock.color), (1, clock.body)):
        times = np.array([tick(k) for k in range(3000)])
        assert np.diff(times).min() > 100_000
        assert abs((times[-1] - times[0]) / 2999 - 333_333) < 100
        skipped = np.mean([clock.is_skipped(k, stream) for k in range(3000)])
        assert skipped == pytest.approx(CLOCKS[kind].skip_share, abs=0.012)
        assert not SimulatedClock(seed=11, fps=30, kind=kind).is_skipped(int(skipped), stream)
    if kind == "irds":
        assert clock.body(7) % 10_000 == 0
