"""Nets for an audit, trained in folds: each on all sessions but those that it will judge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import KincapError
from ..core.progress import OnProgress
from ..dataset.kinect13.reader import Kinect13, open_kinect13
from ..train.finetune import finetune
from ..train.run.run_plan import OnNotice
from ..train.settings import TrainOptions
from .audit import AuditResult, AuditSettings, audit, choose, load_audit_net


@dataclass(frozen=True)
class FoldSettings:
    """Settings of the nets that are trained.

    Attributes:
        folds: Number of nets; sessions of one outfit are in one fold.
        init: A checkpoint to start from, not trained on the sessions either; None: fresh weights.
        training: Options of each run; its data set, its name and the sessions that it leaves out
            are those of the fold.
    """

    folds: int
    init: Path | None
    training: TrainOptions


def audit_folds(
    settings: AuditSettings,
    folds: FoldSettings,
    on_progress: OnProgress | None = None,
    on_notice: OnNotice | None = None,
) -> AuditResult:
    """Train a net for each fold, then audit each session with the net that left it out.

    Args:
        settings: What to audit; without checkpoints.
        folds: What to train.
        on_progress: Called with steps or rows done, in all, and the present step.
        on_notice: Takes lines for the person.

    Raises:
        KincapError: The folds are impossible, or the init was trained on a session; before any
            training. Else see ``audit.audit`` and ``train.finetune.finetune``.
    """
    with open_kinect13(settings.data) as dataset:
        chosen = choose(dataset, settings)
        groups = fold_sessions(dataset, chosen, folds.folds)
        for group in groups:
            _check_rest(dataset, group, settings.data)
    if folds.init is not None:
        _check_init(folds.init, chosen)
    made = []
    for number, group in enumerate(groups, 1):
        if on_notice:
            on_notice(f"fold {number} of {len(groups)}: trained without {', '.join(group)}")
        name = f"fold{number}of{len(groups)}"
        options = replace(folds.training, data=settings.data, name=name, leave_out=tuple(group))
        made.append(finetune(options, folds.init, on_progress, on_notice).best)
    return audit(replace(settings, checkpoints=tuple(made)), on_progress)


def fold_sessions(dataset: Kinect13, chosen: Mapping[str, str], folds: int) -> list[list[str]]:
    """Return the sessions of each fold; those of one outfit are together.

    Args:
        dataset: The data set.
        chosen: The sessions that are audited, by name.
        folds: Number of folds.

    Raises:
        KincapError: There are fewer outfits than folds.
    """
    outfits: dict[str, list[str]] = {}
    said: dict[str, Any] = {str(one.get("session")): one for one in dataset.meta.sources}
    for name in sorted(chosen):
        outfits.setdefault(str(said.get(name, {}).get("outfit") or name), []).append(name)
    if not 2 <= folds <= len(outfits):
        most = f"2 to {len(outfits)}" if len(outfits) > 2 else "2"
        why = "record another outfit" if len(outfits) < 2 else "sessions of one outfit are together"
        raise KincapError(
            f"--folds {folds}: {dataset.path} has sessions of {len(outfits)} outfits, expected "
            f"{most}; {why}"
        )
    groups: list[list[str]] = [[] for _ in range(folds)]
    largest_first = sorted(outfits.values(), key=lambda names: -_rows(dataset, names))
    for names in largest_first:
        min(groups, key=lambda group: _rows(dataset, group)).extend(names)
    return groups


def _rows(dataset: Kinect13, names: Sequence[str]) -> int:
    """Return how many rows of a data set belong to some sessions."""
    return sum(_count(dataset, split, names) for split in dataset.splits)


def _count(dataset: Kinect13, split: str, names: Sequence[str]) -> int:
    index = [k for k, name in enumerate(dataset.meta.sessions) if name in names]
    return int(np.isin(dataset.split(split).session, index).sum())


def _check_rest(dataset: Kinect13, group: Sequence[str], data: Path) -> None:
    """Refuse a fold without which nothing is left to train or to validate on."""
    for split in ("train", "val"):
        rest = [name for name in dataset.meta.sessions if name not in group]
        if split not in dataset.splits or not _count(dataset, split, rest):
            raise KincapError(
                f"--folds: {data} has no {split} row without {', '.join(group)}; build it from "
                "longer takes, so that --val as a share of the time divides each, or from more "
                "sessions"
            )


def _check_init(init: Path, chosen: Mapping[str, str]) -> None:
    """Refuse a start that has learnt from a session which its net would judge."""
    net = load_audit_net(init)
    for name, uuid in chosen.items():
        if not net.may_judge(name, uuid):
            raise KincapError(
                f"--init {init}: was trained on session {name}; start from a net that was not, or "
                "leave --init out"
            )
