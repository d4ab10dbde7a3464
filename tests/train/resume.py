"""Runs killed at random moments: ``python -m tests.nightly resume``."""

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from kincap.dataset.kinect13.reader import write_kinect13

from .conftest import draw_figures, in_time
from .resume_cases import ENVIRONMENT, KILL_AT, differences, run_folder

STEPS = 150
UNLABELLED = range(6, 13)
"""Keypoints that the second data set does not have."""

NETS = {
    "compact": ("--model", "compact", "--width", "0.5", "--size", "48", "--batch", "16"),
    "linna": ("--model", "linna", "--width", "0.0625", "--size", "48", "--batch", "16"),
    "compact-previous": (
        "--model",
        "compact-previous",
        "--width",
        "0.5",
        "--size",
        "48",
        "--batch",
        "16",
    ),
}


def run(runs: int, seed: int, jobs: int) -> dict[str, Any]:
    """Kill runs on two data sets three times at random and once in the writing of last.ckpt.

    Args:
        runs: Number of runs.
        seed: The moments follow from it.
        jobs: Not used: the moments are of one process.
    """
    rng = random.Random(seed)
    counts: dict[str, Any] = {"runs": runs, "kills": 0, "wrong": 0, "failures": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = folder / "kinect13.h5"
        # in time: compact-previous learns from the frames before
        whole_set = {"train": in_time(draw_figures(400, 1)), "val": in_time(draw_figures(60, 2))}
        write_kinect13(data, whole_set)
        old, half = folder / "old13.h5", draw_figures(150, 3)
        for part in ("visibility", "weight"):
            half[part][:, UNLABELLED] = 0
        write_kinect13(old, {"train": half, "val": draw_figures(30, 4)})
        mixed = ["--data", f"{old}:2,rotation=25"]
        two = {"compact": mixed, "linna": ["--replay", f"{old}:0.25"], "compact-previous": mixed}
        for number in range(runs):
            for net, words in NETS.items():
                common = ["--data", str(data), "--steps", str(STEPS), "--device", "cpu", *words]
                common += two[net]
                common += ["--seed", str(number), "--set", f"save_every_s={rng.choice([0, 1])}"]
                whole, killed = (folder / f"{kind}{number}{net}" for kind in ("whole", "killed"))
                began = time.monotonic()
                _finish(["finetune", *common, "--runs", str(whole)])
                counts["kills"] += _kill(
                    ["finetune", *common, "--runs", str(killed)],
                    killed, rng, time.monotonic() - began,
                )  # fmt: skip
                found = differences(run_folder(whole), run_folder(killed))
                if found:
                    counts["wrong"] += 1
                    counts["failures"].append(f"{net} seed {number}: {', '.join(found[:3])}")
    return counts


def _kill(first: list[str], runs: Path, rng: random.Random, takes_s: float) -> int:
    """Kill a run three times at a random moment and once in a write, then let it end."""
    kills, words = 0, first
    die_in_write = rng.randrange(3)
    for turn in range(3):
        if turn == die_in_write:
            done = subprocess.run(
                [sys.executable, "-c", KILL_AT, str(rng.randrange(4, 12)), *words],
                env=ENVIRONMENT, capture_output=True, check=False,
            )  # fmt: skip
            kills += done.returncode == -9
            words = _resume(runs) or words
        process = subprocess.Popen(
            [sys.executable, "-m", "kincap", *words], env=ENVIRONMENT, stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            process.wait(2 + rng.random() * takes_s / 3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
        words = _resume(runs) or words
    _finish(words)
    return kills


def _resume(runs: Path) -> list[str] | None:
    """Return the command that goes on with the run below a folder, once it has a last.ckpt."""
    found = list(runs.glob("*/*/last.ckpt"))
    if found:
        return ["finetune", "--resume", str(found[0].parent)]
    for config in runs.glob("*/*/config.toml"):  # killed before the first checkpoint
        config.unlink()
    return None


def _finish(words: list[str]) -> None:
    """Let a command end. A run that is finished already is refused."""
    done = subprocess.run(
        [sys.executable, "-m", "kincap", *words], env=ENVIRONMENT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0 or "is finished" in done.stderr, done.stderr
