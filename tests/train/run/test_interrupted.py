"""A run that ends early or loses its disk: the weights come first."""

import math
import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kincap.core.errors import KincapError
from kincap.train.checkpoint import load_checkpoint
from kincap.train.finetune import finetune
from kincap.train.run.interrupt import Interrupt
from kincap.train.settings import TrainOptions

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX")


@pytest.fixture
def options(figures_h5: Path, tmp_path: Path) -> TrainOptions:
    """Return options of a short run that validates after 25 steps of 16 of 400 crops."""
    return TrainOptions(
        data=figures_h5, runs=tmp_path / "runs", model="compact", width=0.25, size=32, steps=50,
        batch=16, device="cpu",
    )  # fmt: skip


def _at(step: int, act: Callable[[], object]) -> Callable[[int, int, str], None]:
    """Return a listener to progress that acts once, after a step."""
    waiting = [act]

    def listen(done: int, _steps: int, note: str) -> None:
        if done == step and "validating" not in note and waiting:
            waiting.pop()()

    return listen


def _run(options: TrainOptions) -> Path:
    (run,) = (options.runs / "finetune").iterdir()
    return run


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_saves_the_weights_of_its_step(options: TrainOptions, name: str) -> None:
    options = replace(options, optimizer="sgd")
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    send = _at(3, lambda: os.kill(os.getpid(), getattr(signal, name)))
    with pytest.raises(KincapError, match="interrupted after 3 of 50 steps") as caught:
        finetune(options, None, send)
    assert caught.value.exit_code == 130
    last = load_checkpoint(_run(options) / "last.ckpt")
    assert last.trained["step"] == 3
    assert last.trained["val_pck"] is None, "no figures of another step"
    assert load_checkpoint(_run(options) / "best.ckpt").trained["step"] == 0
    after = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    assert after == before

    # they are those of a run of three steps; with sgd the rate does not depend on the run's length
    whole = finetune(replace(options, steps=3, runs=options.runs / "other"), None)
    wanted = load_checkpoint(whole.last).weights
    assert all(torch.equal(tensor, wanted[key]) for key, tensor in last.weights.items())


def test_a_signal_just_after_a_validation_keeps_its_figures(options: TrainOptions) -> None:
    with pytest.raises(KincapError, match="after 25 of 50 steps"):
        finetune(options, None, _at(25, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    trained = load_checkpoint(_run(options) / "last.ckpt").trained
    assert trained["step"] == 25
    assert trained["val_pck"] is not None


def test_a_signal_during_the_first_validation_saves_the_start(options: TrainOptions) -> None:
    def listen(_done: int, _steps: int, note: str) -> None:
        if "validating" in note:
            os.kill(os.getpid(), signal.SIGHUP)

    with pytest.raises(KincapError, match="after 0 of 50 steps; the weights of step 0"):
        finetune(options, None, listen)
    assert load_checkpoint(_run(options) / "last.ckpt").trained["step"] == 0


def test_a_second_signal_ends_at_once() -> None:
    interrupt = Interrupt()
    interrupt.check()
    interrupt.ask()
    assert not interrupt.is_urgent
    with pytest.raises(KeyboardInterrupt):
        interrupt.check()
    with pytest.raises(KeyboardInterrupt):
        interrupt.ask()
    assert interrupt.is_urgent


def test_a_second_signal_keeps_the_weights_of_the_last_validation(options: TrainOptions) -> None:
    def twice() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(
        KincapError, match=r"after 28 of 50 steps; the weights of step 25"
    ) as caught:
        finetune(options, None, _at(28, twice))
    assert caught.value.exit_code == 130
    assert load_checkpoint(_run(options) / "last.ckpt").trained["step"] == 25


def test_figures_that_can_not_be_written_do_not_end_the_run(options: TrainOptions) -> None:
    def spoil() -> None:
        (_run(options) / "metrics.csv").unlink()
        (_run(options) / "metrics.csv").mkdir()

    notices: list[str] = []
    done = finetune(options, None, _at(2, spoil), notices.append)
    assert done.learned.steps == 50
    assert load_checkpoint(done.last).trained["step"] == 50
    assert sum("metrics.csv can't be written" in notice for notice in notices) == 1


def test_a_full_disk_keeps_what_was_saved_and_goes_on(options: TrainOptions) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))

    def free() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    filling, freeing = _at(2, fill), _at(40, free)
    notices: list[str] = []

    def listen(done: int, steps: int, note: str) -> None:
        filling(done, steps, note)
        freeing(done, steps, note)

    try:
        done = finetune(options, None, listen, notices.append)
    finally:
        free()
    assert any("step 25: the weights can't be saved" in notice for notice in notices)
    assert load_checkpoint(done.last).trained["step"] == 50
    assert load_checkpoint(done.best).trained["step"] == done.learned.best_step != 25


def test_a_disk_that_stays_full_ends_with_what_was_saved(options: TrainOptions) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    fill = _at(2, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1])))
    try:
        with pytest.raises(
            KincapError, match=r"weights of step 50 can't be saved .* step 0"
        ) as err:
            finetune(options, None, fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert err.value.exit_code == 1
    assert load_checkpoint(_run(options) / "last.ckpt").trained["step"] == 0


def test_a_run_folder_that_is_deleted_is_reported(options: TrainOptions) -> None:
    with pytest.raises(KincapError, match=r"weights of step 50 can't be saved") as caught:
        finetune(options, None, _at(2, lambda: shutil.rmtree(_run(options))))
    assert caught.value.exit_code == 1


def test_an_output_that_someone_else_made_meanwhile_is_left_alone(
    options: TrainOptions, tmp_path: Path
) -> None:
    out = tmp_path / "mine.ckpt"
    with pytest.raises(KincapError, match=r"mine\.ckpt exists .* best checkpoint is") as caught:
        finetune(
            replace(options, out=out, steps=4), None, _at(2, lambda: out.write_text("my notes"))
        )
    assert caught.value.exit_code == 1
    assert out.read_text() == "my notes"
    best = load_checkpoint(_run(options) / "best.ckpt")
    assert all(math.isfinite(float(tensor.sum())) for tensor in best.weights.values())


def test_the_start_is_not_replaced(options: TrainOptions, tmp_path: Path) -> None:
    start = tmp_path / "start.ckpt"
    finetune(replace(options, out=start, steps=2), None)
    whole = start.read_bytes()
    link = tmp_path / "link.ckpt"
    link.symlink_to(start)
    plain = replace(options, model=None, width=None, size=None, runs=tmp_path / "again")
    for out in (start, link):
        with pytest.raises(KincapError, match="which the run starts from") as caught:
            finetune(replace(plain, out=out), start)
        assert caught.value.exit_code == 2
    assert start.read_bytes() == whole
    assert not plain.runs.exists()
    assert torch.equal(
        load_checkpoint(start).mean_pose, load_checkpoint(_run(options) / "best.ckpt").mean_pose
    )
