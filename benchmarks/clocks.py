"""The simulator's clocks beside real ones: python -m benchmarks.clocks --data DIR --out clocks.png.

DIR is the folder that KINCAP_TEST_DATA names: body times of real Kinect v2 in kinect2_laban/
(100 ns) and kinect2_irds/ (whole milliseconds). From each log come the steps from one frame to the
next, in ms; the simulated clock of the same name gives as many steps as it is asked for. Printed
are medians, the total variation distance of the usual steps (0: the same histogram, 1: nothing in
common), and how many steps are gaps and of which lengths. A plain clock of 33.333 ms is
measured too, as the control that must fail. The picture shows the histograms.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from kincap.capture.simulator.clock import SimulatedClock
from kincap.capture.sources.registry import open_source
from kincap.capture.sources.sensor import BodyFrame

Floats = npt.NDArray[np.float64]

GAP_MS: Final = 50.0
"""A longer step is a gap: at least one frame is missing."""
BIN_MS: Final = {"laban": 0.05, "irds": 1.0}
"""Width of a bin of the histogram of a log's usual steps."""
_RANGE_MS: Final = (13.5, GAP_MS)
_LOGS: Final = {"laban": "kinect2_laban/*.csv", "irds": "kinect2_irds/*.txt"}


@dataclass(frozen=True)
class Steps:
    """Steps from one frame to the next, ms.

    Attributes:
        usual: (N,) those of one frame.
        gaps: (M,) those in which frames are missing.
    """

    usual: Floats
    gaps: Floats

    @classmethod
    def between(cls, times_100ns: list[npt.NDArray[np.int64]]) -> "Steps":
        """Return the steps of some runs of times."""
        steps = np.concatenate([np.diff(times) for times in times_100ns]) / 1e4
        return cls(steps[steps < GAP_MS], steps[steps >= GAP_MS])

    @property
    def median_ms(self) -> float:
        """Median of all steps."""
        return float(np.median(np.concatenate([self.usual, self.gaps])))

    @property
    def gap_share(self) -> float:
        """Share of the steps that are gaps."""
        return len(self.gaps) / (len(self.gaps) + len(self.usual))


@dataclass(frozen=True)
class Comparison:
    """Real steps against simulated ones.

    Attributes:
        clock: Which clock.
        steps: How many real steps there are.
        median_ms: Real and simulated median step.
        distance: Total variation distance of the usual steps' histograms, 0 to 1.
        chance: The distance that two draws of one clock, as long as these, stay below in 99 %.
        gap_share: Real and simulated share of gaps.
        gap_error: How many standard deviations (of so short a log) these are apart.
        gap_ms: Real and simulated quartiles of the gaps' lengths; NaN where there is none.
    """

    clock: str
    steps: int
    median_ms: tuple[float, float]
    distance: float
    chance: float
    gap_share: tuple[float, float]
    gap_error: float
    gap_ms: tuple[list[float], list[float]]


def real_steps(data: Path, clock: str) -> Steps:
    """Return the steps of all logs of a kind.

    Args:
        data: The folder of real recordings.
        clock: "laban" or "irds".
    """
    pattern = _LOGS[clock]
    paths = sorted(path for path in data.glob(pattern) if not path.stem.startswith("."))
    if not paths:
        raise SystemExit(f"{data}: no {pattern} here; --data names the folder of real recordings")
    return Steps.between([_times(f"{clock}:{path}") for path in paths])


def _times(source: str) -> npt.NDArray[np.int64]:
    """Return the times of a log, 100 ns."""
    items = open_source(source).items()
    return np.array([int(i.row["time_device"][0]) for i in items if isinstance(i, BodyFrame)])


def simulated_steps(clock: str, count: int, seeds: range = range(8)) -> Steps:
    """Return about ``count`` steps of a simulated clock, from several sensors.

    Args:
        clock: As the simulator's option.
        count: How many steps.
        seeds: One sensor each.
    """
    times = []
    for seed in seeds:
        ticks = SimulatedClock(seed, 30.0, clock, skips=1.0)
        there = [k for k in range(count // len(seeds) + 1) if not ticks.is_skipped(k, 1)]
        times.append(np.array([ticks.body(k) for k in there]))
    return Steps.between(times)


def compare(clock: str, real: Steps, simulated: Steps) -> Comparison:
    """Compare real steps with simulated ones.

    Args:
        clock: Whose bins are taken.
        real: Of the logs.
        simulated: Of a simulated clock.
    """
    width = BIN_MS[clock]
    there = _histogram(real.usual, width)
    ours = _histogram(simulated.usual, width)
    share, count = simulated.gap_share, len(real.usual) + len(real.gaps)
    spread = np.sqrt(max(share * (1 - share), 1e-6) / count)
    return Comparison(
        clock=clock,
        steps=count,
        median_ms=(real.median_ms, simulated.median_ms),
        distance=_distance(there, ours),
        chance=_chance(ours, len(real.usual)),
        gap_share=(real.gap_share, share),
        gap_error=float(abs(real.gap_share - share) / spread),
        gap_ms=(_quartiles(real.gaps), _quartiles(simulated.gaps)),
    )


def _histogram(steps_ms: Floats, width: float) -> Floats:
    """Return the share of steps in each bin; bins are centred on multiples of their width."""
    low, high = (round(edge / width) for edge in _RANGE_MS)
    edges = (np.arange(low, high + 1) - 0.5) * width
    return np.histogram(steps_ms, edges)[0] / max(len(steps_ms), 1)


def _distance(one: Floats, other: Floats) -> float:
    """Return the total variation distance of two histograms."""
    return float(0.5 * np.abs(one - other).sum())


def _chance(shares: Floats, count: int) -> float:
    """Return the distance that a draw of ``count`` steps keeps from its own source in 99 %."""
    rng = np.random.default_rng(0)
    whole = shares / shares.sum()
    draws = rng.multinomial(count, whole, 300) / count
    return float(np.quantile([_distance(draw, whole) for draw in draws], 0.99))


def _quartiles(gaps_ms: Floats) -> list[float]:
    if not len(gaps_ms):
        return [float("nan")] * 3
    return [float(value) for value in np.quantile(gaps_ms, (0.25, 0.5, 0.75))]


def draw(pairs: dict[str, tuple[Steps, Steps]], out: Path) -> None:
    """Draw the histograms side by side.

    Args:
        pairs: Real and simulated steps by clock.
        out: The picture.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.6 * len(pairs)), layout="constrained")
    axes = figure.subplots(len(pairs), 2, squeeze=False)
    for row, (clock, both) in zip(axes, pairs.items(), strict=True):
        width = BIN_MS[clock]
        usual = (32.6, 34.4) if clock == "laban" else (26.0, 42.0)
        spans = {"usual": usual, "gaps": (50.0, 76.0)}
        for axis, (part, span) in zip(row, spans.items(), strict=True):
            wide = max(width, 0.25 if part == "gaps" else 0)
            edges = np.arange(span[0] - wide / 2, span[1] + wide, wide)
            total = [len(steps.usual) + len(steps.gaps) for steps in both]
            values = [getattr(steps, part) for steps in both]
            weights = [np.full(len(v), 100 / n) for v, n in zip(values, total, strict=True)]
            labels = [f"{name}, {n} steps" for name, n in zip(("logs", "simulated"), total,
                                                              strict=True)]  # fmt: skip
            axis.hist(values, edges, weights=weights, label=labels)
            axis.set_title(f"{clock}: {'steps' if part == 'usual' else 'gaps'}")
            axis.set_xlabel("ms")
            axis.set_ylabel("% of all steps")
            axis.legend()
    figure.savefig(out, dpi=110)


def main() -> int:
    """Compare both clocks; print the figures and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of real recordings")
    parser.add_argument("--out", type=Path, help="picture to draw")
    parser.add_argument("--steps", type=int, default=24_000, help="simulated steps of each clock")
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    args = parser.parse_args()
    pairs, found = {}, {}
    for clock in BIN_MS:
        real = real_steps(args.data, clock)
        pairs[clock] = (real, simulated_steps(clock, args.steps))
        found[clock] = compare(clock, *pairs[clock])
        found[f"{clock}, plain clock"] = compare(clock, real, simulated_steps("steady", args.steps))
    if args.out is not None:
        draw(pairs, args.out)
    if args.json:
        told = {name: asdict(one) for name, one in found.items()}
        print(json.dumps({"schema": "kincap/benchmark-clocks/1", "clocks": told}))
        return 0
    for name, one in found.items():
        print(
            f"{name}: median {one.median_ms[0]:.3f} ms, simulated {one.median_ms[1]:.3f}; "
            f"distance of the steps {one.distance:.3f} (by chance up to {one.chance:.3f}); "
            f"gaps {100 * one.gap_share[0]:.2f} %, simulated {100 * one.gap_share[1]:.2f} "
            f"({one.gap_error:.1f} sd), quartiles {_words(one.gap_ms[0])} ms, "
            f"simulated {_words(one.gap_ms[1])}"
        )
    return 0


def _words(values: list[float]) -> str:
    return " ".join(f"{value:.2f}" for value in values)


if __name__ == "__main__":
    sys.exit(main())
