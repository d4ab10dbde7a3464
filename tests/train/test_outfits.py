"""--outfit: phases of training by outfit, on one file."""

import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kincap.core.errors import DatasetError, KincapError
from kincap.dataset.kinect13.format import plain_meta
from kincap.dataset.kinect13.reader import open_kinect13, write_kinect13
from kincap.train.checkpoint import load_checkpoint
from kincap.train.finetune import finetune
from kincap.train.outfits import sessions_left_out
from kincap.train.pretrain import pretrain
from kincap.train.run.resume import ResumeOptions, resume
from kincap.train.settings import TrainOptions

from .resume_cases import differences

OUTFITS = {"a": "clothing1", "b": "clothing2", "c": "clothing7", "d": ""}


@pytest.fixture(scope="module")
def wardrobe(figures: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data set of four sessions, one without an outfit; validation lacks the last."""
    meta = replace(
        plain_meta(tuple(OUTFITS)),
        sources=[{"session": name, "uuid": name * 8, "outfit": o} for name, o in OUTFITS.items()],
    )
    train = figures(40, seed=1) | {"session": np.arange(40) % 4}
    val = figures(12, seed=2) | {"session": np.arange(12) % 3}
    path = tmp_path_factory.mktemp("wardrobe") / "kinect13.h5"
    return write_kinect13(path, {"train": train, "val": val}, meta)


@pytest.fixture
def options(wardrobe: Path, tmp_path: Path) -> TrainOptions:
    """Return options of a run of four steps on two of the outfits."""
    return TrainOptions(
        data=wardrobe, runs=tmp_path / "runs", model="compact", width=0.25, size=32, steps=4,
        batch=8, device="cpu", outfit="clothing[2-7]",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("outfit", "away"),
    [
        (None, ("b",)),
        ("clothing[2-7]", ("b", "a", "d")),
        ("clothing*", ("b", "d")),
        ("d", ("b", "a", "c")),
        ("*", ("b",)),
    ],
)
def test_sessions_of_other_outfits_are_left_out(
    wardrobe: Path, outfit: str | None, away: tuple[str, ...]
) -> None:
    with open_kinect13(wardrobe) as dataset:
        assert sessions_left_out(dataset, ("b",), outfit) == away


@pytest.mark.parametrize("outfit", ["Clothing*", "clothing", "", "a"])
def test_a_glob_that_matches_nothing_names_the_outfits(options: TrainOptions, outfit: str) -> None:
    with pytest.raises(DatasetError, match="clothing1, clothing2, clothing7, d$") as caught:
        finetune(replace(options, outfit=outfit), None)
    assert caught.value.exit_code == 2
    assert str(caught.value).startswith(f"--outfit: {outfit!r} matches no outfit of ")
    assert not options.runs.exists()


def test_an_outfit_without_validation_is_refused(options: TrainOptions) -> None:
    with pytest.raises(DatasetError, match="its val split is of a session that is left out"):
        finetune(replace(options, outfit="d"), None)


def test_a_run_learns_from_the_outfit_only_and_goes_on_with_it(
    options: TrainOptions, tmp_path: Path
) -> None:
    plans: list[str] = []
    whole = finetune(options, None, on_notice=plans.append)
    assert any("of 20 crops, 3 validations of 8 crops" in line for line in plans), plans
    assert tomllib.loads((whole.run / "config.toml").read_text())["outfit"] == "clothing[2-7]"

    def stop(done: int, _steps: int, note: str) -> None:
        if done == 2 and "validating" not in note:
            raise KeyboardInterrupt

    other = replace(options, runs=tmp_path / "other")
    with pytest.raises(KincapError, match="goes on"):
        finetune(other, None, stop)
    (run,) = (other.runs / "finetune").iterdir()
    resume(ResumeOptions(run, "finetune"))
    assert differences(whole.run, run) == []


def test_the_checkpoint_names_the_sessions_of_the_outfit(options: TrainOptions) -> None:
    done = pretrain(replace(options, steps=1, outfit="clothing1"))
    seen = load_checkpoint(done.best).trained["sessions"]
    assert [one["session"] for one in seen] == ["a"]
