"""Builds that are refused for what the sessions hold, or for a split that nothing is left for."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...core.errors import DatasetError
from ..counts.candidate_counts import lacks_states, why_rejected
from ..rows import SessionPlan
from ..session_data import Recording
from ..settings import BuildSettings
from .dealing import Dealt
from .flags import SplitSettings


def refuse_bodies_alone(recordings: Sequence[Recording], settings: BuildSettings) -> None:
    """Refuse sessions that hold no picture at all: there is nothing to cut out."""
    if any(len(one.color) for one in recordings):
        return
    if not any(len(one.bodies.seq) for one in recordings):
        return
    names = ", ".join(one.name for one in recordings[:6])
    raise DatasetError(
        f"--sessions {settings.sessions}: no colour pictures in {names}, recorded from bodies "
        "alone; record with colour, or name other sessions"
    )


def refuse_unknown_ids(recordings: Sequence[Recording], settings: BuildSettings) -> None:
    """Refuse a tracking id that no session has."""
    tracked = [one.bodies.tracking_id[one.bodies.tracked] for one in recordings]
    there = np.unique(np.concatenate(tracked))
    for number in settings.labelling().body_ids:
        if number not in there:
            few = ", ".join(map(str, there[:3].tolist())) or "none"
            more = f" and {len(there) - 3} more" if len(there) > 3 else ""
            raise DatasetError(
                f"--bodies {number}: no body with this tracking id in the sessions; expected of "
                f"{few}{more}"
            )


def refuse_same_uuid(recordings: Iterable[Recording]) -> None:
    """Refuse a recording that is there twice: its frames could come into two splits."""
    seen: dict[str, Recording] = {}
    for one in recordings:
        first = seen.setdefault(one.info.uuid, one)
        if first is not one:
            raise DatasetError(
                f"{one.folder}: a copy of session {first.name} (the same uuid); "
                "move one of them away, or leave it out with --sessions"
            )


def check_splits(
    split: SplitSettings,
    settings: BuildSettings,
    sessions: Sequence[SessionPlan],
    counts: dict[str, Any],
    dealt: Dealt,
) -> None:
    """Refuse a build that would leave a split empty."""
    for name in split.asked_for:
        if counts["splits"].get(name):
            continue
        val = f"--val {settings.val}"
        test = "" if settings.test is None else f"--test {settings.test}"
        flags = {"train": f"{val} {test}".rstrip(), "val": val, "test": test}[name]
        kept = ", ".join(f"{other} {n}" for other, n in counts["splits"].items())
        help_with = "record more, or name other sessions"
        if counts["rejected"]["guard"]:
            help_with += f", or set a --guard shorter than {split.guard_s:g} s"
        if not settings.unknown_weight and lacks_states(sessions):
            help_with = (
                "pass --unknown-weight W (0 to 1): the source has no tracking states, so its "
                "joints have weight 0"
            )
        raise DatasetError(
            f"{flags}: nothing is left for {name} of {counts['candidates']} candidates "
            f"(kept: {kept or 'none'}; rejected: {why_rejected(sessions)}); "
            f"{'; '.join([*dealt.warnings[:2], help_with])}"
        )
