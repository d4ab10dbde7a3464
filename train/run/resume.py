"""Go on with a run that was interrupted, from its last.ckpt."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...core.errors import KincapError
from ...core.progress import OnProgress
from ...core.skeleton import KEYPOINTS_13, Skeleton
from ..cascade.run import are_finished
from ..cascade.view import load_view
from ..checkpoint import Checkpoint, check_output, load_resumable
from ..finetune import PreparedRun, TrainResult, first_steps
from ..loop import choose_device
from ..mixing.choice import DataChoice
from ..mixing.pool import load_splits, open_sets
from ..ranks.group import joined, own_device, ranks_of
from .config_file import CONFIG, DataFile, RunConfig, data_sha256, read_config
from .device_use import check_device_use
from .first_steps import threads
from .interrupt import interrupt_on_signals
from .run_folder import RunFolder
from .run_plan import OnNotice
from .tensor_board import Board, check_tensorboard, has_board


@dataclass(frozen=True)
class ResumeOptions:
    """Options of a run that goes on.

    Attributes:
        run: The run's folder.
        kind: The command, ``"pretrain"`` or ``"finetune"``.
        device: The device; None: that of the run.
        out: File that the best checkpoint is copied to; None: that of the run.
        data: Where data sets are now that have moved; the others are where they were.
    """

    run: Path
    kind: str
    device: str | None = None
    out: Path | None = None
    data: tuple[Path, ...] = ()


def resume(
    options: ResumeOptions,
    on_progress: OnProgress | None = None,
    on_notice: OnNotice | None = None,
    skeleton: Skeleton = KEYPOINTS_13,
) -> TrainResult:
    """Go on with a run exactly: on the same device, threads and torch, bit for bit.

    Args:
        options: The run.
        on_progress: See ``loop.learn``.
        on_notice: See ``finetune.finetune``.
        skeleton: The keypoints of the data set and of the net.

    Raises:
        CheckpointError: last.ckpt is damaged, or has no state.
        DatasetError: The data set is not one.
        KincapError: The folder is not that of a run of this kind; the run is finished, or goes on
            in another process; the data set is not the one that it started with.
    """
    config = _config(options)
    run = RunFolder.reopen(options.run)
    choices = _found(config.data, options.data, options.run)
    if has_board(run.folder):
        check_tensorboard()
    ranks = ranks_of(os.environ)
    named = choose_device(config.device if options.device is None else options.device)
    device = own_device(named, ranks)
    with (
        joined(ranks, device),
        open_sets(choices, skeleton, config.leave_out, config.outfit) as sets,
        interrupt_on_signals() as interrupt,
        run.hold(ranks.is_first),
        threads(config.threads),
    ):
        recipe = config.settings.recipe
        check_device_use(recipe.precision, recipe.compile, device)
        last, state = load_resumable(run.last, skeleton)
        _check_same_net(config, last, options.run)
        splits = load_splits(sets, config.settings, config.homogeneous)
        ranks.check_batch(splits.source.batch_size)
        done, steps = last.trained.get("step"), first_steps(config, splits.source)
        if done == steps or state.get("stopped"):
            _check_unfinished(config, run, options.run, done)
        if has_board(run.folder) and ranks.is_first:
            run.board = Board(run.folder)
        if on_notice is not None and ranks.is_first:
            on_notice(f"{options.kind}: {options.run} goes on after step {done} of {steps}")
        job = PreparedRun(
            config, splits, last.trained.get("sessions"), last.build(), run, device, interrupt,
            ranks, state, load_view(sets, config.settings, config.cascade, config.homogeneous),
        )  # fmt: skip
        return job.carry_out(on_progress, on_notice)


def _config(options: ResumeOptions) -> RunConfig:
    """Return the config of the run, with another ``--out`` where that was asked for."""
    config = read_config(options.run)
    if config.settings.kind != options.kind:
        raise KincapError(
            f"--resume: {options.run} is a run of {config.settings.kind}; use "
            f"kincap {config.settings.kind} --resume {options.run}"
        )
    if options.out is None:
        return config
    check_output(options.out, keep=None if config.init == "none" else Path(config.init))
    return replace(config, out=str(options.out))


def _check_same_net(config: RunConfig, last: Checkpoint, named: Path) -> None:
    """Refuse a config.toml that names another net than that of last.ckpt: one of them was changed.

    Raises:
        KincapError: It does.
    """
    first, settings = last.first_stages(1), config.settings
    for name in ("model", "width", "size"):
        wanted, found = getattr(settings, name), getattr(first, name)
        if wanted != found:
            raise KincapError(
                f"{named / CONFIG}: {name} is {wanted}, the net of last.ckpt has {found}; one of "
                "the two files is not as the run wrote it, bring it back or start a new run"
            )


def _check_unfinished(config: RunConfig, run: RunFolder, named: Path, steps: int | None) -> None:
    """Refuse a run of which nothing is left to do; its first stage has all its steps."""
    if config.cascade is None or are_finished(run.folder):
        raise KincapError(
            f"--resume: {named} is finished ({steps} steps); start a new run with --init {run.best}"
        )


def _found(files: Sequence[DataFile], moved: Sequence[Path], run: Path) -> tuple[DataChoice, ...]:
    """Return the data sets of a run, after comparing them with those that it started with.

    Args:
        files: What its config.toml has.
        moved: Where some of them are now.
        run: Its folder.

    Raises:
        DatasetError: One can't be read.
        KincapError: One is another file.
    """
    now = {data_sha256(path): path for path in moved}
    choices = []
    for one in files:
        path = now.pop(one.sha256, None)
        if path is None and len(files) == len(moved) == 1:
            raise _other_file(moved[0], run)
        if path is None and data_sha256(Path(one.path)) != one.sha256:
            raise _other_file(Path(one.path), run)
        choices.append(one.choice(path))
    for path in now.values():
        raise _other_file(path, run)
    return tuple(choices)


def _other_file(path: Path, run: Path) -> KincapError:
    return KincapError(
        f"--resume: {path} is not a file that {run} learnt from (its SHA-256 is another); name the "
        f"unchanged one with --data, or start a new run with --init {run / 'last.ckpt'}"
    )
