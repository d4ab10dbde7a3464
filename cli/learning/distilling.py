"""``--distill`` of pretrain and finetune: frames with the labels of a teacher join the data."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.errors import KincapError
from ..console import progress, say

if TYPE_CHECKING:
    from ...train.settings import TrainOptions


@dataclass(frozen=True)
class DistillFlags:
    """The frames to label, and the run that learns from them.

    Attributes:
        sources: The values of ``--distill``.
        teacher: The value of ``--teacher``.
        kind: ``"pretrain"`` or ``"finetune"``.
        init: The checkpoint of ``--init``, or None.
        processes: Processes that will share each batch.
    """

    sources: Sequence[str]
    teacher: str | None
    kind: str
    init: Path | None
    processes: int


def with_distilled(options: "TrainOptions", flags: DistillFlags) -> "TrainOptions":
    """Return the options of a run with data sets of a teacher's labels, made now or earlier.

    Labelling takes minutes, so everything else that the run checks is checked before.

    Args:
        options: The options, with the data sets of ``--data`` and ``--replay``.
        flags: The frames to label.

    Raises:
        KincapError: See ``predict.distill.distill`` and ``finetune.finetune``; or ``--teacher``
            without ``--distill``; or one of several processes would have to label.
    """
    if not flags.sources:
        if flags.teacher is not None:
            raise KincapError("--teacher: labels the frames of --distill SOURCE; give both")
        return options
    from ...dataset.forget.places import DISTILLED
    from ...predict.distill.distill import (
        DEFAULT_TEACHER,
        DistillSettings,
        label_frames,
        plan_labels,
    )
    from ...train.mixing.choice import parse_data

    data, folder = tuple(one.path for one in options.choices), options.runs / DISTILLED
    choices = [parse_data(text, "--distill") for text in flags.sources]
    teacher = flags.teacher or DEFAULT_TEACHER
    plans = [plan_labels(DistillSettings(str(one.path), data, folder, teacher)) for one in choices]
    if not all(plan.is_done for plan in plans):
        _check(options, flags)
    found = []
    for choice, plan in zip(choices, plans, strict=True):
        with progress(f"labelling {choice.path}", unit="frames") as bar:
            made = label_frames(plan, bar.update)
        say(made.text(plan.settings))
        found.append(replace(choice, path=made.path))
    return replace(options, data=(*options.choices, *found))


def _check(options: "TrainOptions", flags: DistillFlags) -> None:
    """Check the run, and that this process alone labels."""
    from ...train.ranks.group import ranks_of
    from ...train.run.checked_run import check_before_labelling

    if ranks_of(os.environ).ranks > 1:
        raise KincapError(
            "--distill: its frames have no labels yet, and each process would make them; run this "
            "command once without torchrun and with --steps 1, then with torchrun"
        )
    check_before_labelling(flags.kind, options, flags.init, flags.processes)
