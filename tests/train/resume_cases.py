"""Runs that are killed and go on: shared by the suite and by ``python -m tests.nightly resume``."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from kincap.train.checkpoint import load_checkpoint, load_resumable

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}

KILL_AT = """
import os, signal, sys
from kincap.train import checkpoint_files
from kincap.core.files.file_io import FileIO

die_at = int(sys.argv[1])

class DyingIO(FileIO):
    '''A disk on which the process dies in the middle of a write.'''
    writes = 0
    def write_at(self, fd, data, offset):
        if len(data) > 10_000:
            DyingIO.writes += 1
            if DyingIO.writes == die_at:
                super().write_at(fd, data[: len(data) // 2], offset)
                os.kill(os.getpid(), signal.SIGKILL)
        super().write_at(fd, data, offset)

checkpoint_files.FileIO = DyingIO
sys.argv = ["kincap", *sys.argv[2:]]
from kincap.cli.main import main
main()
"""
"""Runs a command of kincap that is killed half way through its Nth large write."""


def run_folder(runs: Path) -> Path:
    """Return the only run below a folder."""
    (run,) = (path.parent for path in runs.glob("*/*/config.toml"))
    return run


def kill_after(command: list[str], run: Path | None, runs: Path, step: int) -> None:
    """Run a command and kill it once metrics.csv has a line of a step, or later.

    Args:
        command: Its words after ``kincap``.
        run: The run that it goes on with, or None for a new one.
        runs: Folder of all runs.
        step: Kill it when this step is validated.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "kincap", *command], env=ENVIRONMENT, stderr=subprocess.PIPE
    )
    try:
        patience = time.monotonic() + 120
        while True:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < patience
            found = run or next((p.parent for p in runs.glob("*/*/config.toml")), None)
            if found and last_step(found) >= step:
                return
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


def last_step(run: Path) -> int:
    """Return the last step that metrics.csv has; -1 for none."""
    try:
        lines = (run / "metrics.csv").read_text().splitlines()[1:]
        return int(lines[-1].partition(",")[0])
    except (OSError, IndexError, ValueError):
        return -1


def differences(one: Path, other: Path) -> list[str]:
    """Return what differs in the bits of two runs: weights, optimiser and figures."""
    found = []
    (a, a_state), (b, b_state) = (load_resumable(run / "last.ckpt") for run in (one, other))
    for name, tensor in a.weights.items():
        if not torch.equal(tensor, b.weights[name]):
            found.append(f"last.ckpt {name}")
    found += [f"trainer {where}" for where in _unequal(a_state["trainer"], b_state["trainer"])]
    found += [f"history {where}" for where in _unequal(a_state["history"], b_state["history"])]
    best, other_best = (load_checkpoint(run / "best.ckpt") for run in (one, other))
    found += [f"best.ckpt {where}" for where in _unequal(best.weights, other_best.weights)]
    return found


def _unequal(a: Any, b: Any, where: str = "") -> list[str]:
    if isinstance(a, torch.Tensor):
        return [] if torch.equal(a, b) else [where]
    if isinstance(a, dict):
        if a.keys() != b.keys():
            return [where]
        return [one for key in a for one in _unequal(a[key], b[key], f"{where}.{key}")]
    if isinstance(a, list):
        if len(a) != len(b):
            return [where]
        return [one for k in range(len(a)) for one in _unequal(a[k], b[k], f"{where}.{k}")]
    return [] if a == b else [where]
