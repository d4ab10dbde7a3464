"""Cascades from the command that trains them to the one that uses them."""

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from kincap.core.errors import CheckpointError, KincapError
from kincap.dataset.kinect13.reader import open_kinect13, write_kinect13
from kincap.predict.load_engine import load_engine
from kincap.train.cascade.settings import cascade_settings
from kincap.train.checkpoint import load_checkpoint, save_checkpoint
from kincap.train.data import load_samples
from kincap.train.evaluation.evaluate import EvaluateSettings, evaluate
from kincap.train.finetune import TrainResult, finetune
from kincap.train.nets.registry import load_net
from kincap.train.run.resume import ResumeOptions, resume
from kincap.train.settings import TrainOptions
from kincap.train.validate import run_net

from ..resume_cases import differences, run_folder

CPU = torch.device("cpu")
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def data(figures: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data set of few crops: a cascade looks at each joint of each."""
    path = tmp_path_factory.mktemp("few") / "kinect13.h5"
    splits = {"train": figures(60, seed=1), "val": figures(16, seed=2), "test": figures(12, seed=3)}
    return write_kinect13(path, splits)


@pytest.fixture(scope="module")
def options(data: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainOptions:
    """Return options of a cascade of three stages that takes a few seconds."""
    return TrainOptions(
        data=data, runs=tmp_path_factory.mktemp("runs"), model="compact", width=0.125,
        size=32, steps=8, batch=16, device="cpu", stages="3", stage_steps=6,
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole(options: TrainOptions) -> TrainResult:
    """Return a run that was never interrupted."""
    return finetune(options, None)


def test_a_cascade_is_one_net_for_all_commands(
    kincap: Run, whole: TrainResult, data: Path, tmp_path: Path
) -> None:
    assert whole.stages is not None
    assert [one["stage"] for one in whole.stages.stages] == [1, 2, 3]
    assert whole.best == whole.run / "stage3" / "best.ckpt"
    checkpoint = load_checkpoint(whole.best)
    assert (checkpoint.stages, checkpoint.size, checkpoint.model) == (3, 48, "compact")
    with open_kinect13(data) as dataset:
        first = load_samples(dataset, "test", 32)
        view = load_samples(dataset, "test", 48)
        alone = run_net(load_checkpoint(whole.run / "best.ckpt").build(), first, CPU).poses
        inside = run_net(checkpoint.first_stages(1).at_view(48), view, CPU).poses
        # it differs by the rounding of the resized crops alone
        assert abs(alone - inside).max() < 0.02

    words = ("evaluate", whole.best, "--data", data, "--split", "test")
    shown = kincap(*words, "--report", "page.html")
    assert "gain@0.1" in shown.stdout, shown.stderr
    asked = EvaluateSettings(whole.best, data, "test", device="cpu")
    stages = evaluate(asked).to_json()["stages"]
    assert [one["stage"] for one in stages] == [1, 2, 3]
    assert stages[0]["gain"] is None
    for before, after in zip(stages, stages[1:], strict=False):
        points = after["pdj"]["0.1"]["all"] - before["pdj"]["0.1"]["all"]
        assert after["gain"]["0.1"]["points"] == pytest.approx(points, abs=1e-6)
    assert {"strict", "loose"} == set(stages[0]["pcp"])
    assert "By stage" in (tmp_path / "page.html").read_text()
    with open_kinect13(data) as dataset:
        view = load_samples(dataset, "test", 48)
        images = view.images(np.arange(len(view)))
        poses = run_net(checkpoint.build(), view, CPU).poses
    engine = load_engine(whole.best, "cpu")
    np.testing.assert_allclose(engine.poses(images).coords, poses, atol=1e-4)
    cv2.imwrite(str(tmp_path / "one.png"), images[0])
    done = kincap("predict", "one.png", "--weights", whole.best, "--poses", "p.jsonl")
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "p.jsonl").read_text().splitlines()) == 1


def test_a_cascade_goes_on_between_and_inside_its_stages(
    options: TrainOptions, whole: TrainResult, tmp_path: Path
) -> None:
    options = replace(options, runs=tmp_path / "runs", set=("save_every_s=0",))
    plain = finetune(replace(options, runs=tmp_path / "plain"), None)

    def stop_at(what: str, step: int):
        def listen(done: int, _of: int, note: str) -> None:
            if done == step and note.startswith(what) and "validating" not in note:
                raise KeyboardInterrupt

        return listen

    with pytest.raises(KincapError, match="goes on") as caught:
        finetune(options, None, stop_at("stage 2", 4))
    run = run_folder(options.runs)
    assert f"--resume {run} goes on" in str(caught.value)
    assert caught.value.exit_code == 130
    for what, step in (("displacements", 60), ("stage 3", 2)):
        with pytest.raises(KincapError, match=r"goes on") as caught:
            resume(ResumeOptions(run, "finetune"), stop_at(what, step))
        assert caught.value.exit_code == 130
    done = resume(ResumeOptions(run, "finetune"))
    assert done.best == run / "stage3" / "best.ckpt"
    for stage in ("stage2", "stage3"):
        assert differences(plain.run / stage, run / stage) == []
    with pytest.raises(KincapError, match="is finished"):
        resume(ResumeOptions(run, "finetune"))


def test_auto_stops_where_a_stage_gains_nothing_and_sigma_is_chosen(
    options: TrainOptions, whole: TrainResult, tmp_path: Path
) -> None:
    lines: list[str] = []
    # one step of learning makes the second stage worse than nothing
    auto = replace(
        options, runs=tmp_path / "runs", model=None, width=None, size=None, stages="auto",
        stage_steps=1, keep_first=True, sigma="0.8,1.5",
    )  # fmt: skip
    done = finetune(auto, whole.run / "best.ckpt", on_notice=lines.append)
    assert done.stages is not None
    assert [(one["stage"], one["kept"]) for one in done.stages.stages] == [(1, True), (2, False)]
    assert done.best == done.run / "best.ckpt"
    tried = json.loads((done.run / "sigma.json").read_text())
    assert set(tried) == {"0.8", "1.5"}
    assert done.stages.sigma == max(tried, key=lambda s: (tried[s]["0.2"], tried[s]["mean"])) or 1
    assert any("stage 2 is left out" in line for line in lines)
    kept, start = load_checkpoint(done.best), load_checkpoint(whole.run / "best.ckpt")
    assert all(torch.equal(kept.weights[name], start.weights[name]) for name in start.weights)


def test_stages_learn_as_in_the_paper_unless_the_nets_recipe_is_asked_for() -> None:
    first = load_net("deeppose").recipe("finetune", None)
    assert (first.optimizer, first.lr, first.batch) == ("adagrad", 5e-4, 128)
    for flags, optimizer in (({}, "adagrad"), ({"stage_recipe": "net"}, "adamw")):
        asked = cascade_settings(TrainOptions(stages="3", **flags), has_init=False)
        assert asked is not None
        later = asked.stage_recipe(replace(first, dropout=0.2), "compact", "finetune")
        assert (later.optimizer, later.epochs, later.steps) == (optimizer, 2 * 40, None)
        assert (later.augment.mirror, later.augment.shift, later.dropout) == (0.5, 0, 0.2)
        if optimizer == "adagrad":
            assert (later.lr, later.batch, later.weight_decay) == (5e-4, 128, 0)


def test_flags_of_a_cascade_are_checked_in_a_line(
    options: TrainOptions, whole: TrainResult
) -> None:
    for change, words in (
        ({"stages": "1"}, "--stages: '1' is not 2 to 9 or auto"),
        ({"stages": "many"}, "--stages: 'many'"),
        ({"stages": None, "sigma": "1"}, "--sigma: only with --stages"),
        ({"stages": None}, "--stage-steps: only with --stages"),
        ({"keep_first": True}, "--keep-first: there is no first stage"),
        ({"sigma": "wide"}, "--sigma: 'wide'"),
        ({"sigma": "0"}, "--sigma: '0'"),
        ({"stage_steps": 0}, "--stage-steps: 0"),
        ({"stage_recipe": "mine"}, "--stage-recipe: 'mine'"),
        ({"shuffle_labels": True}, "--shuffle-labels: not with --stages"),
    ):
        with pytest.raises(KincapError) as caught:
            finetune(replace(options, **change), None)
        assert str(caught.value).startswith(words)
        assert caught.value.exit_code == 2
    plain = replace(
        options, stages=None, stage_steps=None, model=None, width=None, size=None
    )  # fmt: skip
    with pytest.raises(KincapError, match="is a cascade of 3 stages"):
        finetune(plain, whole.best)


def test_a_damaged_cascade_is_refused_in_a_line(whole: TrainResult, tmp_path: Path) -> None:
    checkpoint = load_checkpoint(whole.best)
    cascade = checkpoint.cascade
    assert cascade is not None
    path = tmp_path / "net.ckpt"
    stage = cascade.stages[0]
    short = dict(list(stage.weights.items())[1:])
    for change in (
        {"sigma": float("nan")},
        {"first_size": 64},
        {"stages": ()},
        {"stages": (replace(stage, model="none"),)},
        {"stages": (replace(stage, weights=short),)},
        {"stages": (replace(stage, mean=stage.mean[:5]),)},
        {"stages": (replace(stage, covariance=stage.covariance * float("inf")),)},
    ):
        save_checkpoint(path, replace(checkpoint, cascade=replace(cascade, **change)))
        with pytest.raises(CheckpointError) as caught:
            load_checkpoint(path)
        assert "\n" not in str(caught.value)
    shutil.copy(whole.best, path)
    Path(f"{path}.sha256").unlink()
    assert torch.load(path, weights_only=True)["format_version"] == 2
