"""Counts of the candidates of a build by split and reason, and the lines that warn of sessions."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..candidates import side_warning
from ..filters import REASONS, has_flag
from ..kinect13.format import SPLITS
from ..rows import SessionPlan
from .finding_counts import count_findings, poor_lines
from .rejected_counts import count_keypoints, count_repairs


def count_candidates(sessions: Sequence[SessionPlan]) -> dict[str, Any]:
    """Return what ``meta/counts`` says: each candidate once, and every reason that applied."""
    counts: dict[str, Any] = _counts_of(sessions)
    counts["sessions"] = {one.recording.name: _counts_of([one]) for one in sessions}
    return counts


def _counts_of(sessions: Sequence[SessionPlan]) -> dict[str, Any]:
    """Count the candidates of some sessions."""
    goes_to = np.concatenate([one.goes_to for one in sessions])
    splits = {name: int((goes_to == name).sum()) for name in SPLITS}
    return {
        "candidates": len(goes_to),
        "kept": sum(splits.values()),
        "rejected": {reason: int((goes_to == reason).sum()) for reason in REASONS},
        "rejected_all": {
            reason: sum(int(one.failed[reason].sum()) for one in sessions if reason in one.failed)
            for reason in REASONS
        },
        "splits": {name: n for name, n in splits.items() if n},
        "keypoints": count_keypoints(sessions),
        "repaired": count_repairs(sessions),
        "findings": count_findings(
            [(one.reported, one.kept, one.candidates.keypoint_quality) for one in sessions]
        ),
    }


def why_rejected(sessions: Sequence[SessionPlan]) -> str:
    """Return what candidates were rejected for, in words."""
    rejected = _counts_of(sessions)["rejected"]
    return ", ".join(f"{reason} {n}" for reason, n in rejected.items() if n) or "none"


def lacks_states(sessions: Sequence[SessionPlan]) -> bool:
    """Return True if candidates were rejected whose keypoints have no tracking states."""
    return any(
        bool(
            (
                has_flag(one.candidates.keypoint_quality, "unknown_state").any(axis=1) & rejected
            ).any()
        )
        for one in sessions
        for rejected in (one.failed.get("tracking"),)
        if rejected is not None
    )


def _without_states(one: SessionPlan) -> list[str]:
    """Warn where nothing tells which joints were guessed."""
    unknown = has_flag(one.candidates.keypoint_quality, "unknown_state")
    rows = int(unknown.any(axis=1).sum())
    if not rows:
        return []
    weight = float(one.candidates.weight[unknown].max())
    what = (
        f"guessed joints may have weight {weight:g} (--unknown-weight) in {rows} rows"
        if weight
        else "its joints have weight 0; --unknown-weight W gives them one"
    )
    return [f"{one.recording.name}: its source has no tracking states, so {what}"]


def warn_of_sessions(sessions: Sequence[SessionPlan]) -> tuple[str, ...]:
    """Return lines about what needs a look."""
    found = []
    for one in sessions:
        name, kept = one.recording.name, one.kept
        if one.recording.damaged_shards:
            found.append(
                f"{name}: missing or damaged shards, only what is whole of them is used: "
                f"{', '.join(one.recording.damaged_shards)}; kincap sessions repair {name}"
            )
        if one.recording.damaged_rows:
            found.append(
                f"{name}: damaged rows of its tables, left out: {one.recording.damaged_rows}; "
                f"kincap sessions verify {name} says which"
            )
        if len(one.recording.bodies.seq) and not len(one.recording.color):
            found.append(f"{name}: holds no colour pictures, nothing of it is in the data set")
            continue
        if not kept.any():
            found.append(f"{name}: no frame of it is kept (rejected: {why_rejected([one])})")
        found += poor_lines(name, one.reported)
        found += _without_states(one)
        warning = side_warning(one.recording, one.candidates, kept)
        if warning:
            found.append(warning)
    return tuple(found)
