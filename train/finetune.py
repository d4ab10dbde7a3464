"""Finetune: learn from the user's own frames, from a checkpoint or from fresh weights."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import __version__
from ..core.errors import CheckpointError, KincapError
from ..core.progress import OnProgress
from ..core.skeleton import KEYPOINTS_13, Skeleton
from ..dataset.kinect13.reader import Kinect13, open_kinect13
from .batch_source import SplitBatches
from .checkpoint import Checkpoint, check_output, copy_checkpoint, load_checkpoint
from .data import Samples, load_samples
from .loop import choose_device, count_steps, learn
from .metrics.pck import Score
from .nets.registry import build_net, count_weights
from .run.interrupt import interrupt_on_signals
from .run.run_folder import RunFolder, check_run_name
from .run.run_plan import COPIES, OnNotice, Pace, RunPlan, check_space
from .run.track import Learned, Track
from .settings import TrainOptions, TrainSettings, resolve
from .validate import Validation

SCHEMA = "kincap/train/1"


@dataclass(frozen=True)
class TrainResult:
    """Files and figures of a finished run.

    Attributes:
        kind: ``"pretrain"`` or ``"finetune"``.
        run: The run's folder.
        best: The best checkpoint in it.
        last: The last one.
        out: The copy of the best one that was asked for, or None.
        model: Name of the net.
        size: Side of its input, pixels.
        device: The device that trained it.
        learned: Its figures.
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
    options: TrainOptions,
    init: Path | None,
    on_progress: OnProgress | None = None,
    on_notice: OnNotice | None = None,
    skeleton: Skeleton = KEYPOINTS_13,
) -> TrainResult:
    """Train on a data set and leave the best and the last checkpoint.

    Args:
        options: The options.
        init: A checkpoint to take the weights from (the weights only), or None for fresh ones.
        on_progress: See ``loop.learn``.
        on_notice: Takes lines for the person: the plan of the run, and problems on the way.
        skeleton: The keypoints of the data set and of the net.

    Raises:
        CheckpointError: ``init`` is not a checkpoint, or ``--out`` would replace it or something
            that kincap did not make.
        DatasetError: The data set is not one, or lacks a split.
        KincapError: A flag contradicts the checkpoint; the disk is full; the loss diverged; the
            run was interrupted.
    """
    return train_run("finetune", options, init, on_progress, on_notice, skeleton)


def train_run(
    kind: str,
    options: TrainOptions,
    init: Path | None,
    on_progress: OnProgress | None,
    on_notice: OnNotice | None,
    skeleton: Skeleton,
) -> TrainResult:
    """Check everything, then train; what ``pretrain`` and ``finetune`` share."""
    if options.out is not None:
        check_output(options.out, keep=init)
    if options.name is not None:
        check_run_name(options.name)
    device = choose_device(options.device)
    start = None if init is None else _load_start(init, skeleton)
    with open_kinect13(options.data, skeleton) as dataset, interrupt_on_signals() as interrupt:
        settings = resolve(kind, options, start, dataset.size, device.type)
        train = load_samples(dataset, "train", settings.size, options.leave_out)
        val = load_samples(dataset, "val", settings.size, options.leave_out)
        seen = trained_sessions(dataset, options.leave_out, start)
        interrupt.check()
        plan = _plan(settings, init, device, train, val)
        check_space("--runs", options.runs, COPIES * plan.checkpoint_bytes)
        if options.out is not None:
            check_space("--out", options.out.parent, plan.checkpoint_bytes)
        torch.manual_seed(settings.seed)
        net = (
            start.build()
            if start
            else build_net(settings.model, settings.width, settings.size, len(skeleton))
        )
        run = RunFolder(options.runs, kind, options.name or settings.model)
        run.write_config(_config(settings, options, init, device))
        if on_notice is not None:
            for line in plan.lines(run.folder):
                on_notice(line)
        pace = Pace(plan.steps, plan.validations, on_notice)
        track = Track(settings, options.data.name, seen, train, val, run, device, pace, on_notice)
        seed = settings.seed
        labelled = train.shuffled(seed) if settings.shuffle_labels else train
        source = SplitBatches(labelled, settings.recipe.batch, seed)
        learned = learn(settings, net, source, track, device, interrupt, on_progress)
        if options.out is not None:
            _copy_best(run.best, options.out, init)
    return TrainResult(
        kind, run.folder, run.best, run.last, options.out, settings.model, settings.size,
        str(device), learned,
    )  # fmt: skip


def trained_sessions(
    dataset: Kinect13, leave_out: Collection[str], start: Checkpoint | None
) -> list[dict[str, str]] | None:
    """Return every session that a net of this run has learnt from.

    Args:
        dataset: The data set.
        leave_out: Names of its sessions that are left out.
        start: The checkpoint that the run starts from, or None.

    Returns:
        Name and uuid (empty: a set without one) of each session with a row in train or val, and
        those of the start. None where the start does not say.
    """
    known = [] if start is None else start.trained.get("sessions")
    if not isinstance(known, list):
        return None
    splits = [dataset.split(name) for name in ("train", "val")]
    used = {int(k) for rows in splits for k in np.unique(rows.session)}
    uuids = {str(one.get("session")): str(one.get("uuid", "")) for one in dataset.meta.sources}
    own = [
        {"session": name, "uuid": uuids.get(name, "")}
        for k, name in enumerate(dataset.meta.sessions)
        if k in used and name not in leave_out
    ]
    return [*known, *(one for one in own if one not in known)]


def _plan(
    settings: TrainSettings, init: Path | None, device: torch.device, train: Samples, val: Samples
) -> RunPlan:
    """Return the plan of a run."""
    steps, every = count_steps(settings.recipe, len(train))
    weights = count_weights(settings.model, settings.width, settings.size, len(train.skeleton))
    return RunPlan(
        kind=settings.kind,
        model=settings.model,
        model_from=settings.model_from,
        weights=weights,
        init=init,
        size=settings.size,
        device=str(device),
        steps=steps,
        batch=min(settings.recipe.batch, len(train)),
        samples=len(train),
        val_samples=len(val),
        validations=1 + math.ceil(steps / every),
        checkpoint_bytes=4 * weights,
    )


def _copy_best(best: Path, out: Path, init: Path | None) -> None:
    """Copy the best checkpoint to ``--out``, as long as nothing else got that name meanwhile.

    Raises:
        KincapError: It can't be copied (exit 1); it still is in the run's folder.
    """
    try:
        check_output(out, keep=init)
        copy_checkpoint(best, out)
    except CheckpointError as error:
        raise KincapError(f"{error}; the best checkpoint is {best}", exit_code=1) from None
    except OSError as error:
        raise KincapError(
            f"--out: {out} can't be written ({error.strerror}); the best checkpoint is {best}",
            exit_code=1,
        ) from None


def _config(
    settings: TrainSettings, options: TrainOptions, init: Path | None, device: torch.device
) -> dict[str, Any]:
    """Return the content of config.toml: enough to make the run again."""
    return {
        "kincap_version": __version__,
        "torch_version": str(torch.__version__),
        "data": str(options.data),
        "leave_out": list(options.leave_out),
        "init": "none" if init is None else str(init),
        "device": str(device),
        "threads": torch.get_num_threads(),
        "settings": settings.to_toml(),
    }


def _load_start(init: Path, skeleton: Skeleton) -> Checkpoint:
    """Load the checkpoint of ``--init``; an error names the flag and where to get one."""
    try:
        return load_checkpoint(init, skeleton)
    except CheckpointError as error:
        advice = (
            ""
            if init.exists()
            else (
                f"; kincap pretrain --data FILE --out {init} makes one, "
                "without --init the weights are fresh"
            )
        )
        raise CheckpointError(f"--init: {error}{advice}") from None


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
