"""By which figure to choose the best checkpoint, and when to stop: a trial on three seeds.

Two trainings from one start: of the real NTU clip (52 frames to learn from, the next ones to
choose by, the last 31 to judge) and of simulated outfits (judged on an outfit, a pattern and a
motion that no other session has). Every validation is measured on the held-out frames too. For each
figure the table has the held-out figures of the step that it chooses, and how far they are from the
best of all steps; for each patience, those of the step that a run ended so early hands over.

``python -m benchmarks.best_figure --data DIR --init FILE [--folder FOLDER] [--seeds N]``
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import torch

from benchmarks.off_the_shelf.command import CLIP, kincap
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.train.batch_source import SplitBatches
from kincap.train.checkpoint import Checkpoint, load_checkpoint
from kincap.train.data import load_samples
from kincap.train.nets.registry import load_net
from kincap.train.run.early_stop import stop_rule
from kincap.train.run.history import StepFigures, rank
from kincap.train.run.trainer import Trainer
from kincap.train.settings import TrainSettings
from kincap.train.validate import validate

CPU: Final = torch.device("cpu")
OUTFITS: Final = 4
FRAMES: Final = 100
VALIDATIONS: Final = 30
PATIENCES: Final = (3, 5, 10)
JUDGED: Final = ("pck@0.1", "wrist@0.1", "mean pck", "median")


@dataclass(frozen=True)
class Case:
    """A training that is judged on frames that nothing was chosen by.

    Attributes:
        name: Of the row.
        file: The data set, with a test split.
        steps: Steps of the training.
    """

    name: str
    file: str
    steps: int


CASES: Final = (Case("real clip", "clip.h5", 120), Case("simulated", "own.h5", 210))

FIGURES: Final[dict[str, Callable[[StepFigures], Any]]] = {
    "PCK@0.2": lambda one: one.score.pck["0.2"]["all"],
    "mean PCK with wrists and elbows": rank,
    "validation loss": lambda one: -one.loss,
    "last step": lambda one: one.step,
}
"""The figures that may choose; the larger is the better."""


def prepare(folder: Path, data: Path, size: int) -> None:
    """Record and build what is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    recordings = ("--recordings", folder / "recordings")
    sessions = {"clip": f"ntu:{data / CLIP}"}
    for n in range(OUTFITS):
        scene = f"outfit={n},seed={n},frames={FRAMES},fps=10,pace=fast"
        sessions[f"outfit{n}"] = f"simulator:{scene}"
    sessions["unseen"] = f"simulator:outfit=7,seed=9001,frames={FRAMES},fps=10,pace=fast"
    for name, source in sessions.items():
        if not (folder / "recordings" / name).exists():
            kincap("record", "--session", name, "--source", source, *recordings, "--no-report")
    common = (*recordings, "--size", size, "--margin", "1.5", "--guard", "0.2")
    if not (folder / "clip.h5").exists():
        kincap("build", "--sessions", "clip", "--val", "0.2", "--test", "0.3", *common,
               "--out", folder / "clip.h5")  # fmt: skip
    if not (folder / "own.h5").exists():
        kincap("build", "--sessions", "[ou]*", "--val", "0.2", "--test", "unseen", *common,
               "--out", folder / "own.h5")  # fmt: skip


def run_case(folder: Path, case: Case, start: Checkpoint, seed: int) -> list[dict[str, Any]]:
    """Return every validation of a training: its own figures and those of the held-out frames."""
    own = replace(load_net(start.model).recipe("finetune", None), steps=case.steps)
    settings = TrainSettings(
        "finetune", start.model, "best_figure", start.width, start.size, own, seed
    )
    torch.manual_seed(seed)
    found = []
    with open_kinect13(folder / case.file) as dataset:
        train = load_samples(dataset, "train", start.size, with_margin=True)
        val, test = (load_samples(dataset, split, start.size) for split in ("val", "test"))
        source = SplitBatches(train, own.batch, seed)
        trainer = Trainer(settings, start.build(), case.steps, CPU)
        for step in range(case.steps + 1):
            if step % (case.steps // VALIDATIONS) == 0:
                here, there = (validate(trainer.kept, split, CPU) for split in (val, test))
                pck = there.score.pck["0.1"]
                found.append({
                    "own": StepFigures(step, here.loss, here.score).to_plain(),
                    "pck@0.1": pck["all"], "wrist@0.1": pck["wrist"],
                    "mean pck": there.score.mean_pck, "median": there.score.median_error_torso,
                })  # fmt: skip
            if step < case.steps:
                trainer.learn(source.batch(step))
    return found


def chosen_by(figure: str, found: Sequence[dict[str, Any]]) -> int:
    """Return the place of the validation that a figure chooses: the first of the best."""
    values = [FIGURES[figure](StepFigures.from_plain(one["own"])) for one in found]
    return max(range(len(values)), key=lambda k: (values[k], -k))


def stopped_at(patience: int, found: Sequence[dict[str, Any]]) -> int:
    """Return how many validations a run with a patience has."""
    rule = stop_rule(patience)
    history = [StepFigures.from_plain(one["own"]) for one in found]
    for count in range(1, len(history)):
        if rule is not None and rule(history[:count]) is not None:
            return count
    return len(history)


def table(cells: dict[str, list[list[dict[str, Any]]]]) -> list[str]:
    """Return the lines of a Markdown table; in brackets the distance to the best of all steps."""
    lines = ["| frames | chosen by | step | " + " | ".join(JUDGED) + " |", "|" + " --- |" * 7]
    for name, runs in cells.items():
        rows = {figure: [(run, chosen_by(figure, run)) for run in runs] for figure in FIGURES}
        for patience in PATIENCES:
            ends = [run[: stopped_at(patience, run)] for run in runs]
            steps = statistics.mean(run[-1]["own"]["step"] for run in ends)
            rows[f"mean PCK, patience {patience}: ends at {steps:.0f}"] = [
                (run, chosen_by("mean PCK with wrists and elbows", end))
                for run, end in zip(runs, ends, strict=True)
            ]
        for figure, picks in rows.items():
            step = statistics.mean(run[k]["own"]["step"] for run, k in picks)
            words = " | ".join(_figure(picks, judged) for judged in JUDGED)
            lines.append(f"| {name} | {figure} | {step:.0f} | {words} |")
    return lines


def _figure(picks: Sequence[tuple[Sequence[dict[str, Any]], int]], judged: str) -> str:
    best = min if judged == "median" else max
    values = [run[k][judged] for run, k in picks]
    short = [value - best(one[judged] for one in run)
             for value, (run, _) in zip(values, picks, strict=True)]  # fmt: skip
    return f"{statistics.mean(values):.1f} ({statistics.mean(short):+.1f})"


def main(words: Sequence[str] | None = None) -> int:
    """Run the trainings and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of real recordings")
    parser.add_argument("--init", type=Path, required=True, help="checkpoint to start from")
    parser.add_argument("--folder", type=Path, default=Path("best-figure"))
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args(words)
    start = load_checkpoint(asked.init)
    prepare(asked.folder, asked.data, start.size)
    cells: dict[str, list[list[dict[str, Any]]]] = {}
    for case in CASES:
        for seed in range(asked.seeds):
            kept = asked.folder / f"{case.file}-{seed}.json"
            if not kept.exists():
                kept.write_text(json.dumps(run_case(asked.folder, case, start, seed)))
            cells.setdefault(case.name, []).append(json.loads(kept.read_text()))
            print(case.name, seed, file=sys.stderr, flush=True)
    print("\n".join(table(cells)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
