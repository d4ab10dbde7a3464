"""Finetune: learn from the user's own frames, from a checkpoint or from fresh weights."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from .. import __version__
from ..core.errors import CheckpointError, KincapError
from ..core.progress import OnProgress
from ..core.skeleton import KEYPOINTS_13, Skeleton
from .batch_source import BatchSource
from .cascade.run import StagesResult, StageWork, train_stages
from .cascade.view import View, load_view
from .checkpoint import Checkpoint, check_output, copy_checkpoint
from .loop import count_steps, follow, learn, validate_every
from .metrics.pck import Score
from .mixing.pool import OpenSet, Splits, mixture_lines, open_sets
from .nets.registry import load_net
from .ranks.group import ALONE, Ranks, joined, ranks_of
from .run.checked_run import Beginning, CheckedRun, begin_run, check_with_data
from .run.config_file import DataFile, RunConfig
from .run.device_use import keep_on_gpu
from .run.early_stop import stop_rule
from .run.first_steps import choose_threads, threads
from .run.history import StepFigures
from .run.interrupt import Interrupt, interrupt_on_signals
from .run.run_folder import RunFolder
from .run.run_plan import OnNotice, Pace
from .run.tensor_board import Board
from .run.track import Learned, Track
from .run.trainer import Trainer
from .settings import TrainOptions
from .validate import has_torso, torso_words

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
        learned: Its figures; of a cascade those of its first stage.
        stages: The stages of a cascade, or None.
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
    stages: StagesResult | None = None

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
            "stopped": learned.stopped,
            "best_step": learned.best_step,
            "seconds": round(learned.seconds, 2),
            "val": _figures(learned.best),
            "first": _figures(learned.first),
            "final": _figures(learned.last),
            "mean_pose": _score(learned.mean_pose),
            "sigma": None if self.stages is None else self.stages.sigma,
            "stages": None if self.stages is None else self.stages.stages,
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
    ranks = ranks_of(os.environ)
    begun = begin_run(options, init, skeleton, ranks)
    with (
        joined(ranks, begun.device),
        open_sets(options.choices, skeleton, options.leave_out, options.outfit) as sets,
        interrupt_on_signals() as interrupt,
    ):
        checked = check_with_data(kind, options, begun, sets, skeleton)
        interrupt.check()
        config = _config(options, begun, checked)
        ranks.check_same("--data", " ".join(one.sha256 for one in config.data))
        run = _open_folder(options, config, ranks)
        if options.tensorboard and ranks.is_first:
            run.board = Board(run.folder)
        if on_notice is not None and ranks.is_first:
            for line in _plan_lines(options, begun, checked, run):
                on_notice(line)
        job = PreparedRun(
            config, checked.splits, trained_sessions(sets, begun.start), checked.net, run,
            begun.device, interrupt, ranks,
            view=load_view(sets, checked.settings, begun.cascade, options.homogeneous),
        )  # fmt: skip
        with run.hold(ranks.is_first), threads(config.threads):
            return job.carry_out(on_progress, on_notice)


def _plan_lines(
    options: TrainOptions, begun: Beginning, checked: CheckedRun, run: RunFolder
) -> list[str]:
    """Return the plan of a run as lines for a person."""
    lines = [*checked.plan.lines(run.folder), *mixture_lines(options.choices, checked.splits)]
    val = checked.splits.val
    if not has_torso(val):
        lines.append(
            f"no row of the validation split has {torso_words(val.skeleton)} with weight, so PCK "
            "can't be measured: best.ckpt is chosen by the loss"
        )
    published = load_net(checked.settings.model).trunk
    if checked.trunk is not None and options.trunk is not None:
        lines.append(f"trunk: {checked.trunk.text(options.trunk)}")
    elif begun.start is None and published is not None:
        lines.append(f"trunk: fresh weights; --trunk {published} starts from published ones")
    return lines


def _config(options: TrainOptions, begun: Beginning, checked: CheckedRun) -> RunConfig:
    """Return the content of config.toml; measures how many threads are the fastest."""
    settings, ranks, device = checked.settings, begun.ranks, begun.device
    steps = checked.plan.steps
    return RunConfig(
        data=tuple(DataFile.of(one) for one in options.choices),
        leave_out=options.leave_out,
        outfit=options.outfit,
        init="none" if begun.init is None else str(begun.init),
        out=None if options.out is None else str(options.out),
        device=str(device) if ranks.ranks == 1 else device.type,
        threads=ranks.first(
            choose_threads(checked.net, checked.splits.source, steps, device, settings.size)
        ),
        processes=ranks.ranks,
        settings=settings,
        homogeneous=options.homogeneous,
        trunk=None if options.trunk is None else str(options.trunk),
        cascade=begun.cascade,
    )


def _open_folder(options: TrainOptions, config: RunConfig, ranks: Ranks) -> RunFolder:
    """Return the run's folder, which the first process makes and writes to."""
    folder = None
    if ranks.is_first:
        name = options.name or config.settings.model
        folder = RunFolder(options.runs, config.settings.kind, name)
        folder.write_config(
            {"kincap_version": __version__, "torch_version": str(torch.__version__)}
            | config.to_toml()
        )
    path = ranks.first(None if folder is None else folder.folder)
    assert path is not None
    return folder or RunFolder.reopen(path)


@dataclass(frozen=True)
class PreparedRun:
    """A run that is checked and ready to start, or to go on.

    Attributes:
        config: What config.toml has.
        splits: The samples.
        seen: Every session that the net learns from or has learnt from; None: not known.
        net: The net with its first weights, or those to go on with.
        run: The folder.
        device: The device.
        interrupt: The request to end early.
        ranks: This process among those of the run.
        state: What last.ckpt has beside its weights, to go on from there; None: a new run.
        view: What the later stages of a cascade look at; None: there are none.
    """

    config: RunConfig
    splits: Splits
    seen: list[dict[str, str]] | None
    net: nn.Module
    run: RunFolder
    device: torch.device
    interrupt: Interrupt
    ranks: Ranks = ALONE
    state: dict[str, Any] | None = None
    view: View | None = None

    def carry_out(self, on_progress: OnProgress | None, on_notice: OnNotice | None) -> TrainResult:
        """Train, and copy the best checkpoint to ``--out``.

        Raises:
            CheckpointError: The state doesn't fit the run.
            KincapError: See ``loop.learn``.
        """
        config, settings = self.config, self.config.settings
        learned = self._learn(on_progress, on_notice)
        stages = self._later_stages(on_progress, on_notice)
        run, out = self.run, None if config.out is None else Path(config.out)
        best, last = (run.best, run.last) if stages is None else (stages.best, stages.last)
        if out is not None and self.ranks.is_first:
            _copy_best(best, out, None if config.init == "none" else Path(config.init))
        return TrainResult(
            settings.kind, run.folder, best, last, out, settings.model, settings.size,
            str(self.device), learned, stages,
        )  # fmt: skip

    def _learn(self, on_progress: OnProgress | None, on_notice: OnNotice | None) -> Learned:
        """Train the net, of a cascade its first stage; return the first process's figures."""
        settings, ranks, source = self.config.settings, self.ranks, self.splits.source
        if settings.recipe.on_device:
            source = keep_on_gpu(source, self.device)
        steps = first_steps(self.config, source)
        trainer = Trainer(settings, self.net, steps, self.device, source.skeleton, ranks)
        track = None
        if ranks.is_first:
            pace = Pace(steps, validate_every(steps, source), on_notice)
            track = Track(
                settings, self.config.data_name, self.seen, self.splits.train, self.splits.val,
                self.run, self.device, pace, on_notice,
            )  # fmt: skip
        self._go_on(trainer, track)
        learned = None
        if track is None:
            follow(trainer, source, self.device, self.interrupt, ranks)
        else:
            stop = stop_rule(settings.recipe.patience)
            learned = learn(
                trainer, source, track, self.device, self.interrupt, on_progress, stop, ranks
            )
        learned = ranks.first(learned)
        assert learned is not None
        return learned

    def _go_on(self, trainer: Trainer, track: Track | None) -> None:
        """Take the state of a run that goes on.

        Raises:
            CheckpointError: It doesn't fit the run.
        """
        if self.state is None:
            return
        try:
            trainer.load_state(self.state["trainer"])
            if track is not None:
                track.load_state(self.state, trainer.step)
        except (KeyError, TypeError, ValueError, RuntimeError, IndexError, AttributeError):
            raise CheckpointError(
                f"{self.run.last}: its state doesn't fit the run of config.toml; start a new "
                f"one with --init {self.run.last}"
            ) from None

    def _later_stages(
        self, on_progress: OnProgress | None, on_notice: OnNotice | None
    ) -> StagesResult | None:
        """Train the later stages of a cascade; None where there are none."""
        config = self.config
        if config.cascade is None or self.view is None:
            return None
        return train_stages(
            StageWork(
                config.settings, config.cascade, config.data_name, self.seen,
                self.view.train, self.view.val, self.view.size, self.run, self.device,
                self.interrupt, on_progress, on_notice,
            )
        )  # fmt: skip


def first_steps(config: RunConfig, source: BatchSource) -> int:
    """Return the steps of a run, of a cascade those of its first stage."""
    if config.cascade is not None and config.cascade.keep_first:
        return 0
    return count_steps(config.settings.recipe, source)


def trained_sessions(
    sets: Sequence[OpenSet], start: Checkpoint | None
) -> list[dict[str, str]] | None:
    """Return every session that a net of this run has learnt from.

    Args:
        sets: The data sets, also those that are rehearsed.
        start: The checkpoint that the run starts from, or None.

    Returns:
        Name and uuid (empty: a set without one) of each session with a row in train or val, and
        those of the start. None where the start does not say.
    """
    known = [] if start is None else start.trained.get("sessions")
    if not isinstance(known, list):
        return None
    seen = list(known)
    for _, dataset, away in sets:
        splits = [dataset.split(name) for name in ("train", "val") if name in dataset.splits]
        used = {int(k) for rows in splits for k in np.unique(rows.session)}
        uuids = {str(one.get("session")): str(one.get("uuid", "")) for one in dataset.meta.sources}
        for k, name in enumerate(dataset.meta.sessions):
            one = {"session": name, "uuid": uuids.get(name, "")}
            if k in used and name not in away and one not in seen:
                seen.append(one)
    return seen


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


def _figures(found: StepFigures) -> dict[str, Any]:
    """Return a validation: PCK@0.2 of all keypoints, the loss, and the whole table."""
    return {
        "pck": found.score.pck["0.2"]["all"],
        "loss": found.loss,
        "pck_single": found.score.pck,
        "median_error_torso": found.score.median_error_torso,
    }


def _score(score: Score) -> dict[str, Any]:
    return {"pck": score.pck, "median_error_torso": score.median_error_torso}
