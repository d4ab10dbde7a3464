"""CPU time until today's recipe has the PCK@0.1 that an earlier one ends with.

Takes the recordings and the ``pretrain.ckpt`` of a finished ``kincap demo``. The earlier recipe is
the part ``narrow`` of ``benchmarks.ablations``: crops without a margin, shifted by up to 6 % and
scaled by up to 1.15. It finetunes for as many steps as the demo; today's, with a margin, for shares
of them, each run with a cosine of its own. Both have one thread, the same start and the same rows.
Figures are those of the validation split and of the outfit that no training session has, in
the labels' boxes and in tracked ones, without mirror averaging. They are kept in the folder: a
run that was ended goes on.

``python -m benchmarks.targets.pace DEMO [--seeds N]``
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from benchmarks.ablations.__main__ import PARTS, judge, learn
from benchmarks.off_the_shelf.command import kincap
from kincap.cli.demo.plan import DemoSettings
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.train.checkpoint import load_checkpoint
from kincap.train.data import load_samples
from kincap.train.nets.compact import recipe
from kincap.train.validate import validate

CPU: Final = torch.device("cpu")
LEVEL: Final = "val all"
"""The figure whose level is to be reached."""


@dataclass(frozen=True)
class Pace:
    """A recipe and how long it learns.

    Attributes:
        part: Its name in the ablations.
        share: Its steps, as a share of the demo's.
    """

    part: str
    share: float

    @property
    def name(self) -> str:
        """Return what the row is called."""
        return f"{'earlier' if self.part == 'narrow' else 'today'}, {self.share:.0%} of the steps"


EARLIER: Final = Pace("narrow", 1.0)
TODAY: Final = (Pace("default", 0.25), Pace("default", 1 / 3), Pace("default", 0.5))


def run_cell(demo: Path, data: Path, one: Pace, seed: int) -> dict[str, float]:
    """Return the figures of a recipe and a seed, from its file where it was run before."""
    kept = demo / "pace" / f"{one.part}-{one.share:.2f}-{seed}.json"
    if kept.exists():
        return dict(json.loads(kept.read_text()))
    start = load_checkpoint(demo / "pretrain.ckpt")
    with open_kinect13(data) as dataset:
        batches = len(dataset.split("train")) / recipe("finetune", None).batch
    steps = round(one.share * DemoSettings().epochs * batches)
    began = time.process_time()
    made = learn(data, PARTS[one.part], seed, start, steps, start.size)
    found: dict[str, float] = {"steps": steps, "cpu_s": time.process_time() - began}
    with open_kinect13(data) as dataset:
        val = validate(made.build(), load_samples(dataset, "val", start.size), CPU).score
    for group in ("all", "wrist"):
        found[f"val {group}"] = val.pck["0.1"][group] or 0.0
    found |= judge(data, made)
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(found))
    return found


def table(cells: dict[Pace, list[dict[str, float]]]) -> list[str]:
    """Return the lines of a Markdown table of means over the seeds."""
    figures = ("val all", "val wrist", "truth all", "truth wrist", "tracked all", "tracked wrist")
    lines = ["| recipe | steps | CPU s | of the earlier | level reached | "
             + " | ".join(figures) + " |", "|" + " --- |" * 11]  # fmt: skip
    earlier = cells[EARLIER]
    for one, found in cells.items():
        pairs = list(zip(found, earlier, strict=True))
        share = statistics.mean(a["cpu_s"] / b["cpu_s"] for a, b in pairs)
        reached = sum(a[LEVEL] >= b[LEVEL] for a, b in pairs)
        means = [f"{statistics.mean(a[name] for a in found):.1f}" for name in figures]
        lines.append(
            f"| {one.name} | {found[0]['steps']:.0f} | "
            f"{statistics.mean(a['cpu_s'] for a in found):.0f} | {share:.2f} | "
            f"{reached} of {len(found)} | {' | '.join(means)} |"
        )
    return lines


def main(words: Sequence[str] | None = None) -> int:
    """Run the cells that are missing and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("demo", type=Path, help="folder of a finished kincap demo")
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args(words)
    torch.set_num_threads(1)
    data = asked.demo / "pace13.h5"
    if not data.exists():
        kincap("build", "--recordings", asked.demo / "recordings", "--sessions", "[cu]*",
               "--test", "unseen", "--margin", "1.5", "--size", DemoSettings().size, "--out",
               data)  # fmt: skip
    cells: dict[Pace, list[dict[str, float]]] = {one: [] for one in (EARLIER, *TODAY)}
    for seed in range(1, asked.seeds + 1):
        for one, found in cells.items():
            found.append(run_cell(asked.demo, data, one, seed))
            print(f"{one.name}, seed {seed}: {found[-1]}", file=sys.stderr, flush=True)
    print("\n".join(table(cells)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
