"""The same net finetuned on dirty, filtered and clean labels of the same recording.

For each seed there is one recording in which the simulator's own faults follow each other, with
injected faults on top, a net that was pretrained on wild scenes, and four data sets: the sensor's
labels as they are, those that ``kincap build`` keeps, those that a perfect filter keeps (oracle:
all and only labels within 0.1 torso of the truth), and the truth. The nets are judged by the
truth of another recording of that outfit, without faults. The filters are worth the share of the
gap between dirty and clean that they close.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import tomli_w

from kincap.checks.filters.registry import FILTER_NAMES

from .faults import inject
from .labels import write_labels
from .recordings import FaultyCopy, record
from .score import mean

SEEDS: Final = (1, 2, 3)
KINDS: Final = ("clean", "dirty", "filtered", "oracle")
"""In the order in which they are made: all nets are judged on the test split of the clean one."""
OWN_FAULTS: Final = (
    "crossed_arms@1-7+side_swap@8-12+outliers@13-21+lag@22-28+freeze@29-31+frozen_joints@32-34+"
    "feet_noise@35-38"
)
INJECTED: Final = (("limb_swap", 5), ("jump", 5), ("drift", 4), ("occlusion", 4))
"""Faults and their sizes, places in ``faults.SIZES``."""
KEPT_FILTERS: Final = ("tracking", "range", "edge")
"""Filters of all three data sets."""
GROUPS: Final = ("wrist", "all")
FRAMES: Final = 2250
"""Of each recording that is learnt from: 75 s, 35 of them with the simulator's own faults."""
SIZE: Final = 64
WIDTH: Final = 0.5
STEPS: Final = 384
"""Of each finetuning: twelve passes over the clean data set, more over a smaller one."""
PRETRAIN_EPOCHS: Final = 20


def measure_training(folder: Path) -> dict[str, Any]:
    """Train all nets that are not there yet, and return the PCK of wrists and of all keypoints.

    Args:
        folder: For recordings, data sets and checkpoints.
    """
    prepare(folder)
    found = {kind: [train(folder, seed, kind) for seed in SEEDS] for kind in KINDS}
    return {"seeds": list(SEEDS), "pck": found, **_closed(found)}


def prepare(folder: Path) -> None:
    """Record what is not there yet, and pretrain a net."""
    recordings = folder / "recordings"
    recordings.mkdir(parents=True, exist_ok=True)
    off = folder / "off.toml"
    off.write_text(tomli_w.dumps({"off": [n for n in FILTER_NAMES if n not in KEPT_FILTERS]}))
    record(recordings, "wild", "scene=wild,seed=901,frames=1200,fps=10")
    if not (folder / "pretrain.ckpt").exists():
        _kincap(folder, "build", "--sessions", "wild", "--out", "wild13.h5", "--size", SIZE)
        _kincap(folder, "pretrain", "--data", "wild13.h5", "--model", "compact", "--size", SIZE,
                "--width", WIDTH, "--epochs", PRETRAIN_EPOCHS,
                "--out", "pretrain.ckpt")  # fmt: skip
    for seed in SEEDS:
        own = folder / f"seed-{seed}" / "recordings"
        own.mkdir(parents=True, exist_ok=True)
        record(own, "test", f"outfit={seed}1,seed=95{seed},frames=200,fps=10")
        name = f"dirty-{seed}1"
        options = f"outfit={seed}1,seed=94{seed}1,frames={FRAMES},faults={OWN_FAULTS}"
        record(recordings, name, options)
        if not (own / "dirty").exists():
            copy = FaultyCopy(recordings / name, own / "dirty")
            track = copy.track()
            for fault, level in INJECTED:
                track = inject(fault, level, track, seed)
            copy.write(track)


def train(folder: Path, seed: int, kind: str) -> dict[str, Any]:
    """Return the PCK of a net that was finetuned on one data set."""
    work = folder / f"seed-{seed}"
    kept = work / f"{kind}.json"
    if kept.exists():
        return dict(json.loads(kept.read_text()))
    data, checkpoint = f"{kind}.h5", f"{kind}.ckpt"
    words: list[object] = ["build", "--test", "test", "--size", SIZE, "--labels", f"{kind}.csv",
                           "--decoding", "fast"]  # fmt: skip
    true = ["test", *(["dirty"] if kind == "clean" else [])]
    write_labels(
        work / "recordings",
        true,
        ["dirty"] if kind == "dirty" else [],
        work / f"{kind}.csv",
        ["dirty"] if kind == "oracle" else [],
    )
    if kind != "filtered":
        words += ["--filters", "../off.toml"]
    if not (work / data).exists():
        _kincap(work, *words, "--out", data)
    if not (work / checkpoint).exists():
        _kincap(work, "finetune", "--init", "../pretrain.ckpt", "--data", data, "--steps", STEPS,
                "--seed", seed, "--out", checkpoint)  # fmt: skip
    report = _kincap(work, "evaluate", checkpoint, "--data", f"{KINDS[0]}.h5", "--split", "test")
    pck = {f"{group}@{a}": report["pck"][a][group] for a in ("0.1", "0.2") for group in GROUPS}
    found = {
        "samples": report["samples"],
        **pck,
        "median_error_torso": report["median_error_torso"],
    }
    kept.write_text(json.dumps(found))
    return found


def _closed(found: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return the share of the gap between dirty and clean that is closed, by figure."""
    closed = {}
    for figure in ("wrist@0.1", "all@0.1"):
        means = {kind: mean(one[figure] for one in found[kind]) or 0.0 for kind in KINDS}
        gap = means["clean"] - means["dirty"]
        shares = {
            f"{kind} closed": (means[kind] - means["dirty"]) / gap if gap else None
            for kind in ("filtered", "oracle")
        }
        closed[figure] = {**means, **shares}
    return {"closed": closed}


def _kincap(folder: Path, *words: object) -> dict[str, Any]:
    """Run a command in the folder and return its report."""
    command = [sys.executable, "-m", "kincap", *map(str, words), "--json"]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout))


def training_tables(report: dict[str, Any]) -> list[str]:
    """Return the lines of a table of Markdown."""
    lines = [
        "| labels | seed | wrist @0.1 | all @0.1 | wrist @0.2 | all @0.2 |",
        "|" + " --- |" * 6,
    ]
    for kind in KINDS:
        for seed, one in zip(report["seeds"], report["pck"][kind], strict=True):
            figures = (one["wrist@0.1"], one["all@0.1"], one["wrist@0.2"], one["all@0.2"])
            lines.append(f"| {kind} | {seed} | " + " | ".join(f"{v:.1f}" for v in figures) + " |")
    for figure, one in report["closed"].items():
        words = ", ".join(f"{kind} {one[kind]:.1f}" for kind in KINDS)
        for kind in ("filtered", "oracle"):
            share = one[f"{kind} closed"]
            closes = "-" if share is None else f"{100 * share:.0f} %"
            words += f"; {kind} closes {closes} of the gap"
        lines.append(f"{figure}: {words}")
    return lines
