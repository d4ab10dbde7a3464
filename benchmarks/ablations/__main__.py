"""Parts of a recipe, each taken away or added: what is it worth in boxes that follow the person?

All nets start from one pretrained on wild scenes, learn 600 steps at 96 px from six simulated
outfits, and are judged on one that none has seen, with boxes of the labels and tracked ones. Every
cell is one part and one seed; its figures are in a file of its own, so a run that was ended goes on
where it was. A part is worth its place if its mean gain is more than two standard errors.

``python -m benchmarks.ablations --folder FOLDER [--parts PART,...] [--seeds N]``
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from kincap.dataset.kinect13.reader import open_kinect13
from kincap.train.augment import AugmentSettings
from kincap.train.batch_source import SplitBatches
from kincap.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from kincap.train.data import Images, Indices, Samples, load_samples, mean_pose
from kincap.train.evaluation.boxes import BoxCutter, tracked_poses
from kincap.train.nets.compact import STRONG, recipe
from kincap.train.nets.registry import build_net, load_net, takes_pose
from kincap.train.run.trainer import Trainer
from kincap.train.settings import TrainSettings
from kincap.train.validate import run_net, score_poses

SIZE: Final = 96
STEPS: Final = 600
SEEDS: Final = (1, 2, 3)
OUTFITS: Final = 6
FRAMES: Final = 300
WILD_FRAMES: Final = 700
CPU: Final = torch.device("cpu")
LIGHTS: Final = ((0.7, 0.7, 0.7), (1.3, 1.3, 1.3), (1.15, 1.0, 0.8))
"""Factors on red, green and blue: a darker and a brighter exposure, and warmer light."""
FIGURES: Final = (
    "truth all", "truth wrist", "tracked all", "tracked wrist", "truth mean", "other light all",
    "other light wrist",
)  # fmt: skip


@dataclass(frozen=True)
class Part:
    """A recipe that differs from the default in one thing.

    Attributes:
        about: The difference, in a few words.
        model: The net.
        augment: Changes of the training copies.
        recipe: Other figures of the recipe that differ.
        margin: Whether training sees what is around the crops.
    """

    about: str
    model: str = "compact"
    augment: AugmentSettings = STRONG
    recipe: Mapping[str, Any] = field(default_factory=dict)
    margin: bool = True

    @property
    def masked(self) -> bool:
        """Return True if training needs the masks of people."""
        return self.augment.needs_masks


PARTS: Final = {
    "default": Part("the recipe as it is"),
    "narrow": Part(
        "shift 6 %, scale 1.15, no margin: black",
        augment=replace(STRONG, shift=0.06, scale=1.15, stay_inside=False, clothing=0.0),
        margin=False,
    ),
    "simcc": Part("compact-simcc", model="compact-simcc"),
    "maps": Part("compact-maps", model="compact-maps"),
    "no-margin-black": Part(
        "shift 12 %, scale 1.25, no margin: black", augment=replace(STRONG, stay_inside=False),
        margin=False,
    ),
    "no-margin-inside": Part("the same, inside of the image", margin=False),
    "no-colour": Part("colours as they are", augment=replace(STRONG, gain=0.0, shuffle=0.0)),
    "no-shuffle": Part("channels in their order", augment=replace(STRONG, shuffle=0.0)),
    "no-gain": Part("gain of each colour as it is", augment=replace(STRONG, gain=0.0)),
    "no-turn": Part("no rotation", augment=replace(STRONG, rotation_deg=0.0)),
    "no-mean": Part("last weights instead of their running mean", recipe={"ema": 0.0}),
    "no-cosine": Part("the same rate to the end", recipe={"cosine": False}),
    "sgd": Part(
        "SGD at 0.01 instead of AdamW",
        recipe={"optimizer": "sgd", "lr": 1e-2, "weight_decay": 5e-4},
    ),
    "light-end": Part("last fifth of the steps without colours", recipe={"light_end": 0.2}),
    "patches": Part("patches over half of the copies", augment=replace(STRONG, patches=0.5)),
    "half-body": Part("half a body in 3 of 10 copies", augment=replace(STRONG, half_body=0.3)),
    "no-clothing": Part("clothes of their own colours", augment=replace(STRONG, clothing=0.0)),
    "background": Part(
        "other background in half of the copies", augment=replace(STRONG, background=0.5)
    ),
    "forearm": Part("a forearm turned in 3 of 10 copies", augment=replace(STRONG, forearm=0.3)),
    "previous": Part("the pose of the frame before as input", model="compact-previous"),
}  # fmt: skip


def prepare(folder: Path) -> None:
    """Record and build what is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    sessions = {f"wild{n}": f"scene=wild,seed=50{n},frames={WILD_FRAMES}" for n in (1, 2)}
    sessions |= {f"clothing{n + 1}": f"outfit={n},seed={n},frames={FRAMES}" for n in range(OUTFITS)}
    sessions["unseen"] = f"outfit=7,seed=9001,frames={FRAMES}"
    for name, scene in sessions.items():
        if not (folder / "recordings" / name).exists():
            source = f"simulator:{scene},fps=10,pace=fast"
            _kincap(
                folder, "record", "--session", name, "--source", source, "--shard-mib", "256",
                "--streams", "color,bodies,mask,depth",
            )  # fmt: skip
    stored = ("--size", str(SIZE), "--margin", "1.5")
    for words in (
        ("--sessions", "wild*", "--out", "wild13.h5"),
        ("--sessions", "[cu]*", "--test", "unseen", "--out", "own13.h5"),
    ):
        if not (folder / words[-1]).exists():
            _kincap(folder, "build", *words, *stored, "--masks")


def _kincap(folder: Path, *words: str) -> None:
    command = [sys.executable, "-m", "kincap", *words, "--json"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def learn(
    data: Path,
    part: Part,
    seed: int,
    start: Checkpoint | None,
    steps: int = STEPS,
    size: int = SIZE,
) -> Checkpoint:
    """Return the net of a part after its steps."""
    own = replace(recipe("finetune", None), steps=steps, augment=part.augment, **part.recipe)
    settings = TrainSettings("finetune", part.model, "ablations", 1.0, size, own, seed)
    torch.manual_seed(seed)
    net = start.build_as(part.model, size) if start else build_net(part.model, 1.0, size)
    with open_kinect13(data) as dataset:
        train = load_samples(
            dataset, "train", size, with_margin=part.margin, with_mask=part.masked,
            with_previous=takes_pose(part.model),
        )  # fmt: skip
        source = SplitBatches(train, own.batch, seed)
        trainer = Trainer(settings, net, steps, CPU)
        for step in range(steps):
            trainer.learn(source.batch(step))
    return Checkpoint(
        part.model, 1.0, size, dict(trainer.kept.state_dict()),
        torch.from_numpy(mean_pose(train.targets, train.weight)), mirror_training=True,
    )  # fmt: skip


def judge(data: Path, checkpoint: Checkpoint) -> dict[str, float]:
    """Return PCK@0.1 on the unseen outfit, in boxes of the labels and in tracked ones.

    *Other light* is the mean over the labels' boxes in ``LIGHTS``.
    """
    net = checkpoint.build()
    with open_kinect13(data) as dataset:
        samples, rows = load_samples(dataset, "test", checkpoint.size), dataset.split("test")
        truth = score_poses(run_net(net, samples, CPU).poses, samples)
        followed = tracked_poses(net, BoxCutter(rows, checkpoint.size), samples, rows, CPU)
        tracked = score_poses(followed.single, samples)
        others = [
            score_poses(run_net(net, in_light(samples, light), CPU).poses, samples)
            for light in LIGHTS
        ]
    found = {
        f"{name} {group}": score.pck["0.1"][group]
        for name, score in (("truth", truth), ("tracked", tracked))
        for group in ("all", "wrist")
    }
    found["truth mean"] = truth.mean_pck
    for group in ("all", "wrist"):
        figures = [one.pck["0.1"][group] or 0.0 for one in others]
        found[f"other light {group}"] = statistics.mean(figures)
    return {name: float(value) for name, value in found.items() if value is not None}


def in_light(samples: Samples, light: tuple[float, float, float]) -> Samples:
    """Return the same samples in another light: factors on red, green and blue."""

    def images(at: Indices) -> Images:
        return np.clip(samples.images(at) * np.float32(light), 0, 255).astype(np.uint8)

    return replace(samples, images=images)


def run_cell(folder: Path, name: str, seed: int, steps: int = STEPS) -> dict[str, float]:
    """Return the figures of a part and a seed, from its file where it was run before."""
    kept = folder / "cells" / f"{name}-{seed}.json"
    if kept.exists():
        return dict(json.loads(kept.read_text()))
    part = PARTS[name]
    first_model = load_net(part.model).starts_from or part.model
    start = folder / f"start-{first_model}.ckpt"
    if not start.exists():
        first = learn(folder / "wild13.h5", Part("start", first_model), 0, None, steps)
        save_checkpoint(start, first)
    began = time.process_time()
    own = folder / "own13.h5"
    found = judge(own, learn(own, part, seed, load_checkpoint(start), steps))
    found["cpu_s"] = round(time.process_time() - began, 1)
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(found))
    return found


def gain(folder: Path, name: str, figure: str) -> dict[str, float | bool] | None:
    """Return the mean gain of a part, its standard error, and whether it is worth its place.

    Args:
        folder: Of the cells.
        name: The part.
        figure: The figure that is compared.

    Returns:
        None where fewer than two seeds of the part and of the default were run.
    """
    found, base = _cells(folder, name), _cells(folder, "default")
    gains = _gains(found, base, figure)
    if name == "default" or len(gains) < 2:
        return None
    mean, error = statistics.mean(gains), statistics.stdev(gains) / math.sqrt(len(gains))
    return {"mean": round(mean, 2), "error": round(error, 2), "is_worth": mean > 2 * error}


def _cells(folder: Path, name: str) -> dict[int, dict[str, float]]:
    """Return the figures of a part by seed, as far as it was run."""
    return {
        seed: json.loads(path.read_text()) for seed in SEEDS
        if (path := folder / "cells" / f"{name}-{seed}.json").exists()
    }  # fmt: skip


def _gains(
    found: Mapping[int, Mapping[str, float]], base: Mapping[int, Mapping[str, float]], figure: str
) -> list[float]:
    return [found[seed][figure] - base[seed][figure] for seed in sorted(found.keys() & base.keys())]


def table(folder: Path) -> list[str]:
    """Return the lines of a Markdown table of all cells that were run, each with its gain."""
    cells = {name: _cells(folder, name) for name in PARTS}
    lines = [
        "| recipe | seeds | " + " | ".join(FIGURES) + " | CPU s |",
        "|" + " --- |" * (len(FIGURES) + 3),
    ]
    for name, found in cells.items():
        if not found:
            lines.append(f"| {PARTS[name].about} | not run |" + " |" * (len(FIGURES) + 1))
            continue
        words = [_with_gain(found, cells["default"], figure) for figure in FIGURES]
        cost = statistics.mean(one["cpu_s"] for one in found.values())
        lines.append(f"| {PARTS[name].about} | {len(found)} | {' | '.join(words)} | {cost:.0f} |")
    return lines


def _with_gain(
    found: Mapping[int, Mapping[str, float]], base: Mapping[int, Mapping[str, float]], figure: str
) -> str:
    """Return the mean, and the mean difference to the default with its standard error."""
    text = f"{statistics.mean(one[figure] for one in found.values()):.1f}"
    gains = _gains(found, base, figure)
    if found == base or len(gains) < 2:
        return text
    error = statistics.stdev(gains) / math.sqrt(len(gains))
    return f"{text} ({statistics.mean(gains):+.1f} ± {error:.1f})"


def main(words: Sequence[str] | None = None) -> int:
    """Run the cells that are missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="for data and figures")
    parser.add_argument("--parts", default=",".join(PARTS), help="parts to run")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="seeds of each part")
    parser.add_argument("--steps", type=int, default=STEPS, help="of the start and of each part")
    parser.add_argument("--table", action="store_true", help="only print what there is")
    asked = parser.parse_args(words)
    if not asked.table:
        prepare(asked.folder)
        for seed in SEEDS[: asked.seeds]:
            for name in asked.parts.split(","):
                found = run_cell(asked.folder, name, seed, asked.steps)
                print(name, seed, found, file=sys.stderr, flush=True)
    print("\n".join(table(asked.folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
