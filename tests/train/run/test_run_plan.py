"""The plan of a run: the net that is chosen, and what the run will take."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from kincap.core.errors import KincapError
from kincap.train.checkpoint import load_resumable
from kincap.train.finetune import finetune
from kincap.train.nets.registry import count_weights
from kincap.train.run.run_plan import Pace, check_space, duration_text
from kincap.train.settings import TrainOptions, resolve

from ..resume_cases import run_folder


@pytest.mark.parametrize(
    ("device", "change", "model", "model_from"),
    [
        ("cpu", {}, "compact", "default on cpu"),
        ("cuda", {}, "linna", "default on cuda"),
        ("cpu", {"recipe": "paper"}, "linna", "--recipe paper"),
        ("cuda", {"recipe": "paper"}, "linna", "--recipe paper"),
        ("cpu", {"model": "linna-s", "recipe": "paper"}, "linna-s", "--model"),
        ("cuda", {"model": "compact"}, "compact", "--model"),
    ],
)
def test_the_net_follows_flags_then_the_device(
    device: str, change: dict[str, str], model: str, model_from: str
) -> None:
    settings = resolve("finetune", TrainOptions(**change), None, 224, device)
    assert (settings.model, settings.model_from) == (model, model_from)
    assert settings.size == (64 if model == "compact" else 224)


@pytest.mark.parametrize(
    "change",
    [{"model": "compact"}, {"optimizer": "adamw"}, {"recipe": "papers"}],
    ids=lambda change: next(iter(change)),
)
def test_what_contradicts_the_paper_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(KincapError, match=r"^--recipe"):
        resolve("finetune", TrainOptions(**{"recipe": "paper", **change}), None, 224, "cpu")


def test_the_plan_comes_before_the_first_step_and_is_stored(
    figures_h5: Path, tmp_path: Path
) -> None:
    options = TrainOptions(
        data=figures_h5, runs=tmp_path / "runs", width=0.25, size=32, steps=12, batch=16,
        device="cpu",
    )  # fmt: skip
    said: list[str] = []
    done = finetune(options, None, lambda step, _of, note: said.append(note), said.append)
    weights = count_weights("compact", 0.25, 32)
    assert f"compact (default on cpu), {weights:,} weights, fresh weights, 32 px" in said[0]
    assert "12 steps of 16 of 400 crops, 2 validations of 60 crops; checkpoints need" in said[1]
    assert "free" in said[1]
    (pace,) = [line for line in said if "s a step" in line]
    assert "to go" in pace
    assert 5 <= said.index(pace) <= 9, "after the first few steps"
    config = tomllib.loads((done.run / "config.toml").read_text())["settings"]
    assert (config["model"], config["model_from"]) == ("compact", "default on cpu")

    again = finetune(replace(options, width=None, size=None), done.last, None, said.append)
    assert any(f"compact (--init), {weights:,} weights, weights of {done.last}" in s for s in said)
    assert again.model == "compact"


def test_slow_steps_are_reported_from_the_first() -> None:
    said: list[str] = []
    pace = Pace(100, 50, said.append)
    pace.validation_s = 20.0
    pace.add_step(1, 9.0)
    pace.add_step(2, 9.0)
    assert said == ["9 s a step, about 16 min to go"]


def test_a_run_that_goes_on_counts_what_is_left_alone(figures_h5: Path, tmp_path: Path) -> None:
    said: list[str] = []
    pace = Pace(1000, 100, said.append)
    pace.validation_s = 10.0
    # the first step of this process takes long once; at 899 the validations of 900 and 1000 follow
    for step, seconds in zip(range(894, 900), (4.0, 0.1, 0.1, 0.1, 0.1, 0.1), strict=True):
        pace.add_step(step, seconds)
    assert said == ["0.1 s a step, about 30 s to go"]

    options = TrainOptions(
        data=figures_h5, runs=tmp_path / "runs", model="compact", width=0.25, size=32, steps=40,
        batch=16, device="cpu",
    )  # fmt: skip

    def at_step_30(step: int, _of: int, note: str) -> None:
        if step == 30 and "validating" not in note:
            raise KeyboardInterrupt

    with pytest.raises(KincapError, match="goes on"):
        finetune(options, None, at_step_30)
    _, state = load_resumable(run_folder(options.runs) / "last.ckpt")
    assert state["validation_s"] > 0


def test_a_run_that_does_not_fit_on_the_disk_is_refused(tmp_path: Path) -> None:
    check_space("--runs", tmp_path / "not" / "there", 1)
    with pytest.raises(KincapError, match=r"^--runs: checkpoints need .* GiB, .* free; make room"):
        check_space("--runs", tmp_path / "not" / "there", 1 << 60)


def test_durations_are_as_exact_as_a_plan_is() -> None:
    assert [duration_text(s) for s in (3.2, 89, 600, 9000)] == ["3 s", "89 s", "10 min", "2.5 h"]
