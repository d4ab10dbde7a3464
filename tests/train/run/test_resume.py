"""A run that goes on is bit for bit the run that was never interrupted."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kincap.core.errors import CheckpointError, KincapError
from kincap.dataset.kinect13.reader import write_kinect13
from kincap.train.checkpoint import load_resumable
from kincap.train.finetune import finetune
from kincap.train.mixing.choice import DataChoice
from kincap.train.pretrain import pretrain
from kincap.train.run.resume import ResumeOptions, resume
from kincap.train.settings import TrainOptions

from ..resume_cases import ENVIRONMENT, KILL_AT, differences, kill_after, run_folder


@pytest.fixture
def options(figures_h5: Path, tmp_path: Path) -> TrainOptions:
    """Return options of a run with augmentation and a running mean, 4 validations in 75 steps."""
    return TrainOptions(
        data=figures_h5, runs=tmp_path / "runs", model="compact", width=0.25, size=32, steps=75,
        batch=16, device="cpu",
    )  # fmt: skip


def _interrupt_at(step: int):
    def listen(done: int, _steps: int, note: str) -> None:
        if done == step and "validating" not in note:
            raise KeyboardInterrupt

    return listen


def _go_on(options: TrainOptions, *steps: int, kind: str = "finetune") -> Path:
    """Start a run, interrupt it at some steps, and return its folder once it is finished."""
    first, *later = steps
    with pytest.raises(KincapError, match="goes on"):
        finetune(options, None, _interrupt_at(first))
    run = run_folder(options.runs)
    for step in later:
        with pytest.raises(KincapError, match=f"after {step} of"):
            resume(ResumeOptions(run, kind), _interrupt_at(step))
    done = resume(ResumeOptions(run, kind))
    assert done.run == run
    return run


@pytest.fixture
def two_sets(figures, figures_h5: Path, tmp_path: Path) -> tuple[DataChoice, ...]:
    """Return the data set and another one, with fewer labels, that is mixed with it."""
    fields = figures(90, seed=8)
    fields["weight"][:, 7:] = fields["visibility"][:, 7:] = 0
    other = write_kinect13(tmp_path / "other.h5", {"train": fields, "val": figures(20, seed=9)})
    return DataChoice(figures_h5), DataChoice(other, 1.5, rotation_deg=20)


@pytest.mark.parametrize("share", [None, 0.25], ids=["mixed", "rehearsed"])
def test_a_run_on_two_sets_goes_on_bit_for_bit(
    options: TrainOptions, two_sets: tuple[DataChoice, ...], share: float | None, tmp_path: Path
) -> None:
    data = (two_sets[0], replace(two_sets[1], share=share))
    options = replace(options, data=data, homogeneous=share is None, steps=40)
    whole = finetune(replace(options, runs=tmp_path / "whole"), None)
    assert differences(whole.run, _go_on(options, 7, 30)) == []


def test_a_set_that_is_another_or_has_moved_is_noticed(
    options: TrainOptions, two_sets: tuple[DataChoice, ...], tmp_path: Path
) -> None:
    with pytest.raises(KincapError, match="goes on"):
        finetune(replace(options, data=two_sets, steps=4), None, _interrupt_at(2))
    run = run_folder(options.runs)
    second, moved = two_sets[1].path, tmp_path / "moved.h5"
    shutil.copy(second, moved)
    with second.open("ab") as file:
        file.write(b"\0")
    for data in ((), (options.data,), (second,), (moved, second)):
        with pytest.raises(KincapError, match="other.h5 is not a file that") as caught:
            resume(ResumeOptions(run, "finetune", data=data))
        assert caught.value.exit_code == 2
    seen: list[int] = []
    again = resume(
        ResumeOptions(run, "finetune", data=(moved,)), lambda *told: seen.append(told[0])
    )
    assert again.run == run
    # the first count is that of the earlier process, so that its steps make this one no faster
    assert seen[0] == 2


@pytest.mark.parametrize(
    "change",
    [{}, {"model": "linna", "width": 1 / 32, "size": 48}, {"optimizer": "sgd", "set": ("ema=0",)}],
    ids=["augmentation and mean", "dropout", "momentum"],
)
def test_an_interrupted_run_goes_on_bit_for_bit(
    options: TrainOptions, change: dict, tmp_path: Path
) -> None:
    options = replace(options, **change)
    whole = finetune(replace(options, runs=tmp_path / "whole"), None)
    after = torch.get_rng_state()
    run = _go_on(options, 7, 25, 60)
    assert differences(whole.run, run) == []
    assert torch.equal(torch.get_rng_state(), after)
    lines = [(one / "metrics.csv").read_text().splitlines() for one in (whole.run, run)]
    steps = [[line.partition(",")[0] for line in file] for file in lines]
    assert steps[0] == steps[1]
    assert steps[0][0] == "step"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_process_costs_nothing_that_was_saved(
    options: TrainOptions, tmp_path: Path
) -> None:
    whole = finetune(replace(options, runs=tmp_path / "whole"), None)
    words = ["--data", str(options.data), "--model", "compact", "--width", "0.25", "--size", "32"]
    words += ["--steps", "75", "--batch", "16", "--device", "cpu", "--runs", str(options.runs)]
    # the first two checkpoints are whole; the process dies in the writing of the third last.ckpt
    dying = subprocess.run(
        [sys.executable, "-c", KILL_AT, "5", "finetune", *words], env=ENVIRONMENT, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert dying.returncode == -9, dying.stderr
    run = run_folder(options.runs)
    assert list(run.glob("*.tmp"))
    saved, _ = load_resumable(run / "last.ckpt")
    assert 0 <= saved.trained["step"] < 75
    kill_after(["finetune", "--resume", str(run)], run, options.runs, 50)
    resume(ResumeOptions(run, "finetune"))
    assert differences(whole.run, run) == []
    assert not list(run.glob("*.tmp"))


def test_weights_are_saved_between_validations_when_time_is_up(options: TrainOptions) -> None:
    steps = []

    def listen(done: int, _steps: int, note: str) -> None:
        found = list(options.runs.glob("*/*/last.ckpt"))
        if "validating" not in note and found:
            steps.append((done, load_resumable(found[0])[0].trained["step"]))

    finetune(replace(options, steps=6, set=("save_every_s=0",)), None, listen)
    assert steps == [(1, 0), (2, 1), (3, 2), (4, 3), (5, 4), (6, 6)]


def test_what_can_not_go_on_is_refused_in_a_line(options: TrainOptions, tmp_path: Path) -> None:
    data = tmp_path / "mine.h5"
    shutil.copy(options.data, data)
    with pytest.raises(KincapError, match="goes on"):
        finetune(replace(options, data=data), None, _interrupt_at(3))
    run = run_folder(options.runs)

    def refused(match: str, run: Path = run, **change: object) -> None:
        with pytest.raises(KincapError, match=match) as caught:
            resume(ResumeOptions(run, **{"kind": "finetune", **change}))
        assert caught.value.exit_code == 2
        assert "\n" not in str(caught.value)

    refused("is a run of finetune; use kincap finetune", kind="pretrain")
    refused("has no config.toml", run=tmp_path)
    with data.open("ab") as file:
        file.write(b"\0")
    refused("is not a file that .* learnt from")
    data.unlink()
    refused("mine.h5")
    config = (run / "config.toml").read_text()
    for old, new, match in (
        ("momentum =", "momentun =", r"no 'momentun'; did you mean momentum\?"),
        ("batch = 16", 'batch = "many"', "batch = 'many': expected a whole number"),
        ("kind =", "kin =", "no 'kin'"),
        ("seed = 0\n", "", "seed is missing"),
        ("[settings]", "[[settings]]", "older kincap"),
    ):
        assert old in config
        (run / "config.toml").write_text(config.replace(old, new))
        refused(match)
    (run / "config.toml").write_text(config)
    moved = resume(ResumeOptions(run, "finetune", data=(options.data,), out=tmp_path / "o.ckpt"))
    assert moved.out == tmp_path / "o.ckpt"
    refused("is finished", data=(options.data,))


def test_weights_without_a_state_are_refused(options: TrainOptions) -> None:
    with pytest.raises(KincapError, match="goes on"):
        pretrain(options, _interrupt_at(3))
    run = run_folder(options.runs)
    for suffix in ("", ".sha256"):
        shutil.copy(run / f"best.ckpt{suffix}", run / f"last.ckpt{suffix}")
    (run / "last.ckpt.sha256").unlink()
    with pytest.raises(CheckpointError, match="no state to resume from"):
        resume(ResumeOptions(run, "pretrain"))
