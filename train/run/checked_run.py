"""Everything that is checked before the first step of a new run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from ...core.errors import CheckpointError, KincapError
from ...core.skeleton import KEYPOINTS_13, Skeleton
from ...engines.teacher_process import MaskProcess
from ..cascade.settings import CascadeSettings, cascade_settings
from ..checkpoint import Checkpoint, check_output, load_checkpoint
from ..loop import choose_device, count_steps, count_validations
from ..mixing.pool import OpenSet, Splits, load_splits, open_sets
from ..nets.dropout import set_dropout
from ..nets.pretrained import LoadedTrunk, find_trunk, load_trunk
from ..nets.registry import build_net, count_weights, load_net
from ..presence.phases import check_phases
from ..ranks.group import Ranks, own_device
from ..settings import TrainOptions, TrainSettings, resolve
from .device_use import check_device_use
from .run_folder import check_run_name
from .run_plan import RunPlan, check_space
from .tensor_board import check_tensorboard


@dataclass(frozen=True)
class Beginning:
    """The beginning of a run, known before its data is read.

    Attributes:
        init: The checkpoint of ``--init``, or None.
        ranks: This process among those of the run.
        device: Its device.
        start: What ``init`` holds; None: fresh weights.
        cascade: Settings of the later stages of a cascade, or None.
    """

    init: Path | None
    ranks: Ranks
    device: torch.device
    start: Checkpoint | None
    cascade: CascadeSettings | None


@dataclass(frozen=True)
class CheckedRun:
    """A run whose flags and data fit together.

    Attributes:
        settings: Of the training.
        splits: The samples.
        plan: What it will take.
        net: The net with its first weights.
        trunk: What was taken from ``--trunk``, or None.
    """

    settings: TrainSettings
    splits: Splits
    plan: RunPlan
    net: nn.Module
    trunk: LoadedTrunk | None


def begin_run(
    options: TrainOptions, init: Path | None, skeleton: Skeleton, ranks: Ranks
) -> Beginning:
    """Check the flags that need no data, and load the checkpoint to start from.

    Raises:
        CheckpointError, KincapError: See ``finetune.finetune``.
        MissingPartError: A device or a library is missing (exit 3).
    """
    if options.out is not None:
        check_output(options.out, keep=init)
    if options.tensorboard:
        check_tensorboard()
    if options.name is not None:
        check_run_name(options.name)
    device = own_device(choose_device(options.device), ranks)
    start = None if init is None else _load_start(init, skeleton)
    cascade = cascade_settings(options, start is not None)
    if cascade is not None and ranks.ranks > 1:
        raise KincapError("--stages: a cascade is trained by one process; leave --gpus out")
    if start is not None and start.cascade is not None:
        start = _first_stage(start, init, cascade)
    return Beginning(init, ranks, device, start, cascade)


def check_with_data(
    kind: str,
    options: TrainOptions,
    begun: Beginning,
    sets: Sequence[OpenSet],
    skeleton: Skeleton,
    *,
    more_follow: bool = False,
) -> CheckedRun:
    """Check what depends on the data, and build the net.

    Args:
        kind: ``"pretrain"`` or ``"finetune"``.
        options: The options.
        begun: Of the same run.
        sets: Its open data sets.
        skeleton: Their keypoints.
        more_follow: Some of its data sets are still to be made.

    Raises:
        DatasetError, KincapError: See ``finetune.finetune``.
    """
    start, device = begun.start, begun.device
    settings = resolve(kind, options, start, sets[0].dataset.size, device.type)
    _check_first_stage(settings.model, begun.cascade)
    splits = _read_splits(sets, settings, options.homogeneous, more_follow)
    check_device_use(settings.recipe.precision, settings.recipe.compile, device)
    begun.ranks.check_batch(splits.source.batch_size)
    plan = _plan(settings, begun, splits)
    check_space("--runs", options.runs, plan.disk_bytes)
    if options.out is not None:
        check_space("--out", options.out.parent, plan.checkpoint_bytes)
    torch.manual_seed(settings.seed)
    net = (
        start.build_as(settings.model, settings.size)
        if start
        else build_net(settings.model, settings.width, settings.size, len(skeleton))
    )
    set_dropout(net, settings.recipe.dropout)
    check_phases(net, settings.recipe)
    trunk = None
    if options.trunk is not None:
        if start is not None:
            raise KincapError("--trunk: the weights are those of --init; give one of the two")
        trunk = load_trunk(net, find_trunk(options.trunk))
    return CheckedRun(settings, splits, plan, net, trunk)


def check_before_labelling(
    kind: str, options: TrainOptions, init: Path | None, processes: int = 1
) -> None:
    """Check a run whose frames of ``--distill`` are still to be labelled, which takes minutes.

    Args:
        kind: ``"pretrain"`` or ``"finetune"``.
        options: The options, without the data sets that are to be made.
        init: The checkpoint to start from, or None.
        processes: Processes that will share each batch.

    Raises:
        Exception: What the run itself would raise before its first step.
    """
    begun = begin_run(options, init, KEYPOINTS_13, Ranks())
    if begun.cascade is not None and processes > 1:
        raise KincapError("--stages: a cascade is trained by one process; leave --gpus out")
    with open_sets(options.choices, KEYPOINTS_13, options.leave_out, options.outfit) as sets:
        checked = check_with_data(kind, options, begun, sets, KEYPOINTS_13, more_follow=True)
    Ranks(ranks=processes).check_batch(checked.splits.source.batch_size)


def _check_first_stage(model: str, cascade: CascadeSettings | None) -> None:
    """Refuse a first stage of a cascade that gives it nothing to look at."""
    if cascade is None:
        return
    net = load_net(model)
    if net.finds_people:
        raise KincapError(
            f"--stages: {model} finds several people in whole images; the first stage of a "
            "cascade is a net for one person"
        )
    if net.takes_pose:
        raise KincapError(
            f"--stages: {model} takes the pose of the frame before, which the stages of a "
            "cascade do not give; use compact"
        )


def _read_splits(
    sets: Sequence[OpenSet], settings: TrainSettings, homogeneous: bool, more_follow: bool
) -> Splits:
    """Read the samples of a run, or those that are there already."""
    if not more_follow:
        return load_splits(sets, settings, homogeneous)
    net, recipe = load_net(settings.model), settings.recipe
    if net.finds_people:
        raise KincapError(
            f"--distill: {settings.model} learns from whole frames, a teacher labels crops; leave "
            "--distill out, or use a net for one person"
        )
    if recipe.augment.needs_masks and recipe.masks == "selfie":
        # its weights are there; all masks are made once, by the run itself
        with MaskProcess():
            plain = replace(recipe.augment, background=0.0, forearm=0.0)
        settings = replace(settings, recipe=replace(recipe, augment=plain))
    # rows with all keypoints may be among those that follow
    return load_splits(sets, settings, homogeneous=False)


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


def _first_stage(
    start: Checkpoint, init: Path | None, cascade: CascadeSettings | None
) -> Checkpoint:
    """Return the first stage of a cascade to start from.

    Raises:
        KincapError: The run is not one of a cascade.
    """
    if cascade is None:
        raise KincapError(
            f"--init: {init} is a cascade of {start.stages} stages; give --stages to train one "
            "from its first stage, or --init with a net that is not a cascade"
        )
    return start.first_stages(1)


def _plan(settings: TrainSettings, begun: Beginning, splits: Splits) -> RunPlan:
    """Return the plan of a run, of a cascade that of its first stage."""
    source, recipe = splits.source, settings.recipe
    steps = count_steps(recipe, source)
    if begun.cascade is not None and begun.cascade.keep_first:
        steps = 0
    weights = count_weights(settings.model, settings.width, settings.size, len(source.skeleton))
    # the net beside its running mean, and what the optimiser keeps for each weight
    copies = bool(recipe.ema) + (2 if recipe.optimizer == "adamw" else 1)
    return RunPlan(
        kind=settings.kind,
        model=settings.model,
        model_from=settings.model_from,
        weights=weights,
        init=begun.init,
        size=settings.size,
        device=str(begun.device),
        steps=steps,
        batch=source.batch_size,
        samples=len(source),
        val_samples=len(splits.val),
        validations=count_validations(steps, source),
        checkpoint_bytes=4 * weights,
        state_bytes=4 * weights * copies,
    )
