"""A run in several processes: the curve of one process, a lost process, and the way on."""

import csv
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from kincap.core.errors import KincapError
from kincap.core.progress import OnProgress
from kincap.train.finetune import finetune
from kincap.train.ranks.group import Ranks, ranks_of
from kincap.train.ranks.launch import processes_asked
from kincap.train.run.resume import ResumeOptions, resume
from kincap.train.settings import TrainOptions

from ..resume_cases import ENVIRONMENT, last_step, run_folder

SMALL = [
    "--model", "compact", "--width", "0.25", "--size", "32", "--batch", "16", "--device", "cpu",
]  # fmt: skip


def _curve(run: Path) -> list[list[float]]:
    with (run / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [[float(row[name] or 0) for name in ("step", "train_loss", "val_loss")] for row in rows]


def test_two_processes_learn_what_one_learns_until_one_is_lost_and_resume_goes_on(
    figures_h5: Path, tmp_path: Path
) -> None:
    command = ["finetune", "--data", figures_h5, *SMALL, "--steps", 1250, "--gpus", 2]
    two = tmp_path / "two"
    with subprocess.Popen(
        [sys.executable, "-m", "kincap", *map(str, command), "--runs", str(two)],
        env=ENVIRONMENT, stderr=subprocess.PIPE, text=True,
    ) as started:  # fmt: skip
        patience = time.monotonic() + 120
        while not any(last_step(p.parent) >= 25 for p in two.glob("*/*/config.toml")):
            assert started.poll() is None, started.communicate()
            assert time.monotonic() < patience
            time.sleep(0.02)
        second = next(
            one for one in psutil.Process(started.pid).children() if one.environ()["RANK"] == "1"
        )
        second.send_signal(signal.SIGKILL)
        _, errors = started.communicate(timeout=60)
    run = run_folder(two)
    assert started.returncode == 1
    assert "process 1 of 2 was ended by SIGKILL" in errors
    assert f"kincap finetune --resume {run} goes on" in errors
    assert "Traceback" not in errors
    assert "Warning" not in errors

    with pytest.raises(KincapError, match="interrupted"):
        finetune(
            TrainOptions(
                data=figures_h5, runs=tmp_path / "one", model="compact", width=0.25, size=32,
                steps=1250, batch=16, device="cpu",
            ),
            None,
            _interrupt_after(25),
        )  # fmt: skip
    alone = _curve(run_folder(tmp_path / "one"))
    assert alone[1][2] < alone[0][2] - 0.1
    # a change of one weight by a millionth of it makes as large a difference
    assert _curve(run)[:2] == [pytest.approx(row, rel=1e-4) for row in alone]

    saved = last_step(run)
    assert processes_asked(None, run, None) == 2  # unless --gpus says otherwise
    config = run / "config.toml"
    config.write_text(config.read_text().replace("steps = 1250", f"steps = {saved + 5}"))
    assert resume(ResumeOptions(run, "finetune")).learned.steps == saved + 5


def _interrupt_after(step: int) -> OnProgress:
    def listen(done: int, _steps: int, note: str) -> None:
        if done == step and "validating" not in note:
            signal.raise_signal(signal.SIGINT)

    return listen


def test_impossible_numbers_of_processes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KincapError, match="--gpus: 0 is too few"):
        processes_asked(0, None, None)
    with pytest.raises(KincapError, match="--gpus 99: torch finds"):
        processes_asked(99, None, None)
    with pytest.raises(KincapError, match="can't share batches of 9 equally; give --batch 8"):
        Ranks(0, 2).check_batch(9)
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(KincapError, match="torchrun has started 4 processes"):
        processes_asked(2, None, None)
    assert processes_asked(None, None, None) == 1


def test_bad_input_is_told_once_by_all_processes(
    kincap: Callable[..., subprocess.CompletedProcess[str]], figures_h5: Path
) -> None:
    asked = ("--data", figures_h5, "--gpus", 3, "--device", "cpu", "--batch", 8, "--steps", 1)
    done = kincap("finetune", *asked)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "can't share batches of 8" in done.stderr


def test_the_place_of_a_process_is_read_from_the_environment() -> None:
    assert ranks_of({}) == Ranks(0, 1, 0)
    assert ranks_of({"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}) == Ranks(5, 8, 1)
    for rank in ("8", "-1", "first"):
        with pytest.raises(KincapError, match="torchrun"):
            ranks_of({"RANK": rank, "WORLD_SIZE": "8"})
