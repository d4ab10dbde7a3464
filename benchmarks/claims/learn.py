"""The nets of one seed of the claims, and their figures."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from benchmarks.claims.data import CLOSE, COMPLETE, FEW, GENERAL, OWN, PARTIAL
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.train.checkpoint import load_checkpoint
from kincap.train.data import Samples, load_samples
from kincap.train.finetune import finetune
from kincap.train.mirror import Floats
from kincap.train.mixing.choice import DataChoice
from kincap.train.pretrain import pretrain
from kincap.train.settings import TrainOptions
from kincap.train.validate import frame_errors, run_net, score_poses

CPU: Final = torch.device("cpu")
MEAN_POSE: Final = "mean pose"


@dataclass(frozen=True)
class Learner:
    """A net of the trial, and how long it learns.

    Attributes:
        name: Of its column.
        model: The net.
        width: Factor on its channels.
        size: Side of its input, pixels.
        pretrain_steps: Batches of each pretraining.
        steps: Batches of each finetuning.
        batch: Samples in a batch.
    """

    name: str
    model: str
    width: float
    size: int
    pretrain_steps: int
    steps: int
    batch: int


FAST: Final = Learner("compact", "compact", 0.5, 64, 1500, 500, 32)
PAPER: Final = Learner("linna at 1/8 width", "linna", 0.125, 64, 600, 300, 256)
LEARNERS: Final = {"compact": FAST, "linna": PAPER}


def run_seed(folder: Path, learner: Learner, seed: int) -> dict[str, Any]:
    """Return the figures of all nets of a seed, from their file where they were made before."""
    place = folder / f"{learner.model}-{seed}"
    kept = place / "figures.json"
    if kept.exists():
        return dict(json.loads(kept.read_text()))
    nets = _learn(folder, place, learner, seed)
    found: dict[str, Any] = {}
    for judged in (GENERAL, OWN):
        with open_kinect13(folder / judged) as dataset:
            found[judged] = _judge(load_samples(dataset, "test", learner.size), nets)
    kept.write_text(json.dumps(found))
    return found


def _learn(folder: Path, place: Path, learner: Learner, seed: int) -> dict[str, Path]:
    """Return the checkpoint of each net by its name."""
    common = TrainOptions(
        runs=place / "runs", width=learner.width, size=learner.size, batch=learner.batch,
        seed=seed, device="cpu", steps=learner.pretrain_steps, model=learner.model,
    )  # fmt: skip
    complete, partial = DataChoice(folder / COMPLETE), DataChoice(folder / PARTIAL)
    close = DataChoice(folder / CLOSE)
    nets: dict[str, Path] = {}
    for name, data, homogeneous in (
        ("pretrain", (complete, partial), False),
        ("pretrain, homogeneous", (complete, partial), True),
        ("pretrain, close-ups", (complete, close), False),
    ):
        asked = replace(common, data=data, homogeneous=homogeneous)
        nets[name] = pretrain(asked).best
    own, few = DataChoice(folder / OWN), DataChoice(folder / FEW)
    old = DataChoice(folder / COMPLETE, share=0.25)
    after = replace(common, steps=learner.steps)
    for name, start, data, outfit in (
        ("phase 1", "pretrain", (own,), "clothing[2-7]"),
        ("phase 2", "phase 1", (own,), "clothing1"),
        ("full", "pretrain", (own,), None),
        ("full, rehearsed", "pretrain", (own, old), None),
        ("few frames", "pretrain", (few,), None),
        ("few frames, scratch", None, (few,), None),
        ("full, scratch", None, (own,), None),
    ):
        asked = replace(after, data=data, outfit=outfit)
        nets[name] = finetune(asked, None if start is None else nets[start]).best
    return nets


def _judge(samples: Samples, nets: Mapping[str, Path]) -> dict[str, Any]:
    """Return the figures of the mean pose and of each net, with and without mirror averaging."""
    mean = load_checkpoint(nets["pretrain"]).mean_pose.numpy()
    found = {MEAN_POSE: _figures(mean, samples)}
    for name, path in nets.items():
        net = load_checkpoint(path).build()
        single = run_net(net, samples, CPU).poses
        turned = run_net(net, samples, CPU, mirrored=True).poses
        found[name] = _figures((single + turned) / 2, samples)
        found[f"{name}, no mirror"] = _figures(single, samples)
    return found


def _figures(poses: Floats, samples: Samples) -> Mapping[str, Any]:
    """Return PCK@0.2 by group, PCK@0.1, and the mean error in % of the torso."""
    score = score_poses(poses, samples)
    return {
        "pck": score.pck["0.2"],
        "pck@0.1": score.pck["0.1"]["all"],
        "wrist@0.1": score.pck["0.1"]["wrist"],
        "error": float(np.nanmean(frame_errors(poses, samples))),
    }
