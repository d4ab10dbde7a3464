"""A run ends early where validations are no longer better, and says why and what was best."""

from dataclasses import replace
from pathlib import Path

import pytest

from kincap.core.errors import KincapError
from kincap.train.checkpoint import load_checkpoint
from kincap.train.finetune import finetune
from kincap.train.run.resume import ResumeOptions, resume
from kincap.train.settings import TrainOptions

from ..resume_cases import run_folder


@pytest.fixture
def options(figures_h5: Path, tmp_path: Path) -> TrainOptions:
    """Return options of a run that learns nothing: 5 validations in 100 steps."""
    return TrainOptions(
        data=figures_h5, runs=tmp_path / "runs", model="linna", width=1 / 32, size=48, steps=100,
        batch=16, device="cpu", lr=1e-12, set=("weight_decay=0",),
    )  # fmt: skip


def test_a_run_that_gains_nothing_ends_and_says_what_was_best(options: TrainOptions) -> None:
    done = finetune(replace(options, patience=2), None)
    learned = done.learned
    assert learned.steps == learned.best_step + 50 < 100
    assert learned.stopped is not None
    assert learned.stopped.startswith(
        f"stopped after step {learned.steps}: the last 2 validations were not better than that of "
        f"step {learned.best_step} (mean PCK "
    )
    assert done.to_json()["stopped"] == learned.stopped
    assert load_checkpoint(done.best).trained["step"] == learned.best_step
    with pytest.raises(KincapError, match="is finished"):
        resume(ResumeOptions(done.run, "finetune"))


def test_a_run_that_died_before_it_stopped_does_not_learn_on(options: TrainOptions) -> None:
    lines: list[int] = []

    def interrupt(done: int, _steps: int, note: str) -> None:
        if done == 50 and "validating" not in note:
            raise KeyboardInterrupt

    with pytest.raises(KincapError, match="goes on"):
        finetune(options, None, interrupt)
    run = run_folder(options.runs)
    config = run / "config.toml"
    assert "patience = 0" in config.read_text()
    best = load_checkpoint(run / "best.ckpt").trained["step"]
    config.write_text(config.read_text().replace("patience = 0", "patience = 1"))
    done = resume(ResumeOptions(run, "finetune"), lambda step, *_: lines.append(step))
    assert best < 50
    assert done.learned.steps == 50
    assert done.learned.best_step == best
    assert set(lines) <= {50}  # where it stands, and no step more


def test_a_run_with_patience_that_gains_ends_at_its_last_step(options: TrainOptions) -> None:
    done = finetune(
        replace(options, lr=1e-3, optimizer="adamw", steps=75, patience=3, set=()), None
    )
    assert done.learned.stopped is None
    assert done.learned.steps == 75


def test_a_patience_below_one_is_refused(options: TrainOptions) -> None:
    with pytest.raises(KincapError, match="--patience: 0 is too few"):
        finetune(replace(options, patience=0), None)
