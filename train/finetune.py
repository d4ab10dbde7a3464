"""Finetune: learn from the user's own frames, from a checkpoint or from nothing."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .. import __version__
from ..core.errors import CheckpointError
from ..dataset.kinect13.reader import open_kinect13
from .checkpoint import Checkpoint, check_output, copy_checkpoint, load_checkpoint
from .data import load_samples
from .loop import OnProgress, choose_device, learn
from .metrics import Score
from .nets import build_net
from .runs import Run, check_run_name
from .settings import TrainOptions, TrainSettings, resolve
from .track import Learned, Track
from .validate import Validation

SCHEMA = "kincap/train/1"


@dataclass(frozen=True)
class TrainResult:
    """What a run left behind.

    Attributes:
        kind: ``"pretrain"`` or ``"finetune"``.
        run: The run's folder.
        best: The best checkpoint in it.
        last: The last one.
        out: The copy of the best one that was asked for, or None.
        model: Which network.
        size: Side of its input, pixels.
        device: Where it was trained.
        learned: How it went.
    """

    kind: str
    run: Path
    best: Path
    last: Path
    out: Path | None
    model: str
    size: int
    device: str
    learned: Learned

    def to_json(self) -> dict[str, Any]:
        """Return the report of ``--json``; figures are without mirror averaging."""
        learned = self.learned
        return {
            "schema": SCHEMA,
            "kind": self.kind,
            "run": str(self.run),
            "best": str(self.best),
            "last": str(self.last),
            "out": None if self.out is None else str(self.out),
            "model": self.model,
            "size": self.size,
            "device": self.device,
            "steps": learned.steps,
            "best_step": learned.best_step,
            "seconds": round(learned.seconds, 2),
            "val": _figures(learned.best),
            "first": _figures(learned.first),
            "final": _figures(learned.last),
            "mean_pose": _score(learned.mean_pose),
        }


def finetune(
    options: TrainOptions, init: Path | None, on_progress: OnProgress | None = None
) -> TrainResult:
    """Train on a data set and leave the best and the last checkpoint.

    Args:
        options: What was asked for.
        init: A checkpoint to take the weights from (the weights only), or None for fresh ones.
        on_progress: See ``loop.learn``.

    Raises:
        CheckpointError: ``init`` is no checkpoint, or ``--out`` is something else already.
        DatasetError: The data set is none, or lacks a split.
        KincapError: A flag contradicts the checkpoint; the loss diverged; Ctrl-C.
    """
    return train_run("finetune", options, init, on_progress)


def train_run(
    kind: str, options: TrainOptions, init: Path | None, on_progress: OnProgress | None
) -> TrainResult:
    """Check everything, then train; what ``pretrain`` and ``finetune`` share."""
    if options.out is not None:
        check_output(options.out)
    if options.name is not None:
        check_run_name(options.name)
    device = choose_device(options.device)
    start = None if init is None else _load_start(init)
    with open_kinect13(options.data) as dataset:
        settings = resolve(kind, options, start, dataset.size)
        train = load_samples(dataset, "train", settings.size)
        val = load_samples(dataset, "val", settings.size)
        torch.manual_seed(settings.seed)
        net = start.build() if start else build_net(settings.model, settings.width, settings.size)
        run = Run(options.runs, kind, options.name or settings.model)
        run.write_config(_config(settings, options, init, device))
        track = Track(settings, options.data.name, train, val, run, device)
        learned = learn(settings, net, train, track, device, on_progress)
    if options.out is not None:
        copy_checkpoint(run.best, options.out)
    return TrainResult(
        kind, run.folder, run.best, run.last, options.out, settings.model, settings.size,
        str(device), learned,
    )  # fmt: skip


def _config(
    settings: TrainSettings, options: TrainOptions, init: Path | None, device: torch.device
) -> dict[str, Any]:
    """Return what config.toml says: enough to make the run again."""
    return {
        "kincap_version": __version__,
        "torch_version": str(torch.__version__),
        "data": str(options.data),
        "init": "none" if init is None else str(init),
        "device": str(device),
        "threads": torch.get_num_threads(),
        "settings": settings.to_toml(),
    }


def _load_start(init: Path) -> Checkpoint:
    """Load the checkpoint of ``--init`` and say which flag an error is about."""
    try:
        return load_checkpoint(init)
    except CheckpointError as error:
        raise CheckpointError(f"--init: {error}") from None


def _figures(found: Validation) -> dict[str, Any]:
    """Return a validation: PCK@0.2 of all keypoints, the loss, and the whole table."""
    return {
        "pck": found.score.pck["0.2"]["all"],
        "loss": found.loss,
        "pck_single": found.score.pck,
        "median_error_torso": found.score.median_error_torso,
    }


def _score(score: Score) -> dict[str, Any]:
    return {"pck": score.pck, "median_error_torso": score.median_error_torso}
