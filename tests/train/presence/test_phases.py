"""Nets with a presence head: two phases of training, and what is measured of them."""

import copy
import csv
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from kincap.core.errors import KincapError
from kincap.core.skeleton import KEYPOINTS_13
from kincap.train.augment import AugmentSettings
from kincap.train.batch_source import Batch
from kincap.train.checkpoint import load_checkpoint
from kincap.train.finetune import finetune
from kincap.train.loss import presence_loss
from kincap.train.nets.registry import build_net
from kincap.train.presence.learning_curves import read_curves
from kincap.train.presence.score import score_presence
from kincap.train.run.resume import ResumeOptions, resume
from kincap.train.run.trainer import Trainer
from kincap.train.settings import TrainOptions, resolve

from ..resume_cases import differences, run_folder

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def options(figures_h5: Path, tmp_path: Path) -> TrainOptions:
    """Return options of 20 steps, half of them of presence."""
    return TrainOptions(
        data=figures_h5, runs=tmp_path / "runs", model="ucsd-baseline1", width=1 / 16, size=16,
        steps=20, batch=100, lr=0.05, device="cpu",
    )  # fmt: skip


def _heads(path: Path) -> dict[str, dict[str, torch.Tensor]]:
    heads: dict[str, dict[str, torch.Tensor]] = {}
    for name, weights in load_checkpoint(path).weights.items():
        heads.setdefault(name.partition(".")[0], {})[name] = weights
    return heads


def _changed(a: dict[str, dict[str, torch.Tensor]], b: dict[str, dict[str, torch.Tensor]]):
    return {head for head in a if any(not torch.equal(a[head][n], b[head][n]) for n in a[head])}


@pytest.mark.parametrize("frozen", ["true", "false"])
def test_phase_1_trains_trunk_and_presence_and_phase_2_the_location(
    options: TrainOptions, frozen: str
) -> None:
    options = replace(options, set=(f"freeze_trunk={frozen}", "save_every_s=0"))
    after = {}

    def listen(done: int, _of: int, note: str) -> None:
        last = run_folder(options.runs) / "last.ckpt"
        if "validating" not in note and done in (1, 10, 11) and last.exists():
            after[done] = _heads(last)  # that of the step before

    finetune(options, None, listen)
    after[20] = _heads(run_folder(options.runs) / "last.ckpt")
    assert _changed(after[1], after[10]) == {"trunk", "branch", "presence"}
    moved = {"location"} if frozen == "true" else {"trunk", "branch", "location"}
    assert _changed(after[11], after[20]) == moved


def test_locations_begin_in_the_middle_whatever_presence_has_made_of_the_branch() -> None:
    torch.manual_seed(0)
    net = build_net("ucsd-baseline1", 1 / 16, 16)
    with torch.no_grad():
        for weights in net.get_submodule("branch").parameters():
            weights.mul_(1000)
    output = net(torch.rand(3, 3, 16, 16))
    assert (output.coords == 0.5).all()
    assert output.presence.abs().max() > 1


def test_both_heads_learn_together_where_no_phases_are_asked_for(options: TrainOptions) -> None:
    done = finetune(replace(options, steps=2, set=("presence_share=0",)), None)
    torch.manual_seed(0)
    fresh = build_net("ucsd-baseline1", 1 / 16, 16).state_dict()
    learnt = load_checkpoint(done.run / "last.ckpt").weights
    assert all(not torch.equal(learnt[n], fresh[n]) for n in fresh if n.endswith("weight"))
    with pytest.raises(KincapError, match=r"presence_share=1 is outside 0 to 0\.95"):
        finetune(replace(options, set=("presence_share=1",)), None)


@pytest.mark.parametrize(("frozen", "losses"), [(True, 1), (False, 2)])
def test_the_location_head_learns_from_what_a_frozen_trunk_gives_in_use(
    options: TrainOptions, frozen: bool, losses: int
) -> None:
    """The branch has dropout, which only a trunk that learns itself is trained with."""
    options = replace(options, model="ucsd-alexnet", size=160)
    settings = resolve("finetune", options, None, 160, "cpu")
    recipe = replace(
        settings.recipe, freeze_trunk=frozen, presence_share=0.5, augment=AugmentSettings(mirror=0)
    )
    torch.manual_seed(0)
    images = torch.randint(0, 255, (4, 160, 160, 3), dtype=torch.uint8)
    batch = Batch(images, torch.rand(4, 13, 2), torch.ones(4, 13))
    net, found = build_net("ucsd-alexnet", 1 / 16, 160), set()
    nn.init.ones_(net.get_submodule("location.2").weight)
    for seed in range(2):
        own = replace(settings, recipe=recipe, seed=seed)
        trainer = Trainer(own, copy.deepcopy(net), 2, torch.device("cpu"))
        trainer.step = 1  # the first one of phase 2
        found.add(float(trainer.learn(batch)))
    assert len(found) == losses


def test_a_run_in_phases_goes_on_bit_for_bit(options: TrainOptions, tmp_path: Path) -> None:
    whole = finetune(replace(options, runs=tmp_path / "whole"), None)

    def stop_at(step: int):
        def listen(done: int, _of: int, note: str) -> None:
            if done == step and "validating" not in note:
                raise KeyboardInterrupt

        return listen

    with pytest.raises(KincapError, match="goes on"):
        finetune(options, None, stop_at(6))
    run = run_folder(options.runs)
    with pytest.raises(KincapError, match="goes on"):
        resume(ResumeOptions(run, "finetune"), stop_at(15))
    resume(ResumeOptions(run, "finetune"))
    assert differences(whole.run, run) == []


def test_the_commands_learn_both_phases_and_print_presence_beside_the_majority_class(
    kincap: Run, figures_h5: Path, tmp_path: Path
) -> None:
    learnt = kincap(
        "finetune", "--model", "ucsd-baseline1", "--width", 1 / 16, "--size", 16, "--steps", 20,
        "--batch", 100, "--lr", 0.05, "--device", "cpu", "--data", figures_h5,
    )  # fmt: skip
    assert learnt.returncode == 0, learnt.stderr
    best = run_folder(tmp_path / "runs") / "best.ckpt"
    done = kincap("evaluate", best, "--data", figures_h5, "--report", "page.html")
    assert done.returncode == 0, done.stderr
    assert "presence accuracy" in done.stdout
    assert "majority class" in done.stdout
    page = (tmp_path / "page.html").read_text()
    for part in ("presence", "learning", "filters", "density", "cases"):
        assert f'<a href="#{part}">' in page
    with (best.parent / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["phase"] for row in rows] == ["1"] * 3 + ["2"] * 3
    # the trunk is frozen in phase 2: presence stays what it was, the locations learn
    assert len({row["val_presence_loss"] for row in rows[3:]}) == 1
    assert len({row["val_loss"] for row in rows[3:]}) == 3
    first, second = read_curves(best)
    assert (first.phase, first.figure, second.phase) == (1, "presence accuracy", 2)
    said = first.to_json()
    assert said["best"] == max(first.values)
    assert said["converged_step"] in first.steps
    json.dumps([said, second.to_json()], allow_nan=False)


def test_presence_is_scored_as_a_loop_does() -> None:
    rng = np.random.default_rng(3)
    weight = (rng.random((40, 13)) < rng.random(13)).astype(np.float32)
    logits = rng.normal(0, 2, (40, 13)).astype(np.float32)
    found = score_presence(logits, weight, KEYPOINTS_13, np.arange(40))
    right = usual = 0
    for k in range(13):
        present = int((weight[:, k] > 0).sum())
        usual += max(present, 40 - present)
        for n in range(40):
            right += (logits[n, k] > 0) == (weight[n, k] > 0)
    assert found.accuracy == pytest.approx(100 * right / 520)
    assert found.majority == pytest.approx(100 * usual / 520)
    wanted = presence_loss(torch.from_numpy(logits), torch.from_numpy(weight))
    assert found.loss == pytest.approx(float(wanted), rel=1e-5)
    assert found.interval is not None
    assert found.interval[0] < found.accuracy - found.majority < found.interval[1]
    perfect = score_presence(weight * 2 - 1, weight, KEYPOINTS_13)
    assert perfect.accuracy == 100
