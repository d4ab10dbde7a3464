"""Is a net better for frames that a teacher labelled? Two pretrained nets a seed, judged alike.

Both learn from the people of LSP-extended and PARSE that are not held out, from the samples of
other sets and from simulated scenes; one of them from the videos too, which no one labelled. Steps,
batch and the rest are the same. The last weights are judged, so that nothing is chosen on the
held-out people: these in their whole pictures, the NTU clip that no net saw, and its last frames
after finetuning on its first 52.
"""

import argparse
import shutil
from pathlib import Path
from statistics import mean, stdev
from typing import Final

from benchmarks.off_the_shelf.__main__ import held_out_people, line_of
from benchmarks.off_the_shelf.command import kincap
from benchmarks.targets.clip import Clip, finetuned
from benchmarks.targets.data import VIDEOS, build_more, build_public, build_wild
from benchmarks.targets.people import off_the_shelf, rows_of
from kincap.engines.teacher_process import TeacherProcess
from kincap.predict.distill.distill import DistillSettings, distill

ARMS: Final = ("labels", "labels + distilled")
MEDIAN: Final = "clip, finetuned: median error, % of the torso"
_CHANGES: Final = (
    "augment.scale=1.3",
    "augment.half_body=0.1",
    "augment.shuffle=0.3",
)
_TURN: Final = 30
_BATCH: Final = 16
"""At the same cost smaller batches take a net further in so few steps."""
LEAST_SEEDS: Final = 3
_WILD_FRAMES: Final = 700


def gain_line(name: str, values: dict[str, list[float]]) -> str:
    """Return the means of a figure of both arms, the mean gain and its standard error."""
    one, other = (values[arm] for arm in ARMS)
    gains = [b - a for a, b in zip(one, other, strict=True)]
    error = stdev(gains) / len(gains) ** 0.5 if len(gains) > 1 else float("nan")
    better = -mean(gains) if name == MEDIAN else mean(gains)
    word = "gain" if better > 2 * error else "loss" if better < -2 * error else "no difference"
    if len(gains) < LEAST_SEEDS:
        word = "too few seeds to say"
    return f"{name:44}{mean(one):8.1f}{mean(other):20.1f}  {mean(gains):+.1f} ({error:.1f}): {word}"


def pretrain(asked: argparse.Namespace, arm: str, seed: int) -> Path:
    """Return the last weights of a net that is pretrained on real frames."""
    net = f"{asked.size}-{asked.steps}-{seed}"
    if asked.model != "compact":
        net = f"{asked.model}-{net}"
    name = f"{'distilled' if arm == ARMS[1] else 'labels'}-{net}"
    kept: Path = asked.folder / f"{name}.ckpt"
    if kept.exists():
        return kept
    data, folder = asked.data, asked.folder
    words = [
        "--data", f"{build_public(data, folder)}:6,rotation={_TURN}",
        "--data", f"{build_more(data, folder)}:6,rotation={_TURN}",
        "--data", f"{build_wild(folder, _WILD_FRAMES)}:0.5",
    ]  # fmt: skip
    if arm == ARMS[1]:
        for one in VIDEOS:
            # as --distill, with public sets alone: a simulated sensor's offsets are not wanted here
            source = DistillSettings(
                str(data / one), (build_public(data, folder),), folder / "distilled", asked.teacher
            )
            words += ["--data", f"{distill(source).path}:0.4"]
    for change in _CHANGES:
        words += ["--set", change]
    if asked.model == "compact":
        words += ["--set", "precision=bf16"]  # depthwise layers are slower so
    if asked.trunk:
        words += ["--trunk", asked.trunk]
    runs = folder / "runs"
    before = sorted(runs.glob(f"pretrain/*-{name}"))
    if before:
        kincap("pretrain", "--resume", before[-1])
    else:
        kincap("pretrain", *words, "--model", asked.model, "--size", asked.size, "--batch", _BATCH,
               "--steps", asked.steps, "--seed", seed, "--runs", runs, "--name", name)  # fmt: skip
    (run,) = runs.glob(f"pretrain/*-{name}")
    for ending in (".sha256", ""):
        shutil.copy(run / f"last.ckpt{ending}", f"{kept}{ending}")
    return kept


def distillation_rows(asked: argparse.Namespace) -> None:
    """Print the rows of both nets of each seed, or of one of them, and the table of both."""
    people = held_out_people(asked.data, build_public(asked.data, asked.folder))
    clip = Clip.load(asked.data)
    found: dict[str, dict[str, list[float]]] = {}

    def note(figure: str, arm: str, value: float | None) -> None:
        found.setdefault(figure, {}).setdefault(arm, []).append(value or 0.0)

    with TeacherProcess(asked.teacher) as teacher:
        print(line_of(off_the_shelf(teacher, people)))
        print(*map(line_of, clip.off_the_shelf(teacher)), sep="\n", flush=True)
        for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
            for arm in asked.arm or ARMS:
                path = pretrain(asked, arm, seed)
                for way, one in rows_of(path, people).items():
                    print(line_of(one), flush=True)
                    note(f"held-out people, {way}: PCK@0.2", arm, one.pck["0.2"])
                for way, one in (
                    ("tracked", clip.seen(path)), ("as predict", clip.predicted(path, teacher)),
                ):  # fmt: skip
                    print(line_of(one), flush=True)
                    note(f"clip, never seen, {way}: PCK@0.2", arm, one.pck["0.2"])
                    note(f"clip, never seen, {way}: wrist@0.2", arm, one.wrist)
                one = clip.late(finetuned(asked, path, seed), f"{path.name} finetuned on 52 frames")
                print(line_of(one), flush=True)
                note("clip, finetuned: PCK@0.1", arm, one.pck["0.1"])
                note("clip, finetuned: wrist@0.2", arm, one.wrist)
                note(MEDIAN, arm, one.median)
    if asked.arm:
        return
    print(f"{'':44}{ARMS[0]:>8}{ARMS[1]:>20}  gain (standard error)")
    for name, values in found.items():
        print(gain_line(name, values), flush=True)
