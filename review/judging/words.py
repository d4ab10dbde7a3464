"""Everything that is known about a frame, as sentences for a person."""

from typing import Any

import numpy as np

from ...core.skeleton import KEYPOINT_NAMES
from ...dataset.filters import REASONS
from ...dataset.report_page.meanings import MEANINGS
from ...sessions.edits.journal import REJECT
from ...sessions.kinds import KINDS
from .frame_facts import KEPT, FrameFacts
from .query import SPLIT_NAMES


def frame_words(facts: FrameFacts, at: int) -> list[str]:
    """Return what is said against a frame, a sentence each."""
    found = []
    if facts.verdict[at] == REJECT:
        found.append("rejected")
    reason = int(facts.reason[at])
    if reason != KEPT and REASONS[reason] != "edits":
        found.append(f"build leaves it out: {MEANINGS.get(REASONS[reason], REASONS[reason])}")
    for name, named in facts.named.items():
        points = [KEYPOINT_NAMES[i] for i in np.flatnonzero(named[at])]
        if points and name not in ("edits", "no_body", "other_body"):
            whose = "the whole body" if len(points) == len(KEYPOINT_NAMES) else ", ".join(points)
            found.append(f"{name.replace('_', ' ')}: {whose}")
    # what is true of the whole take is said where nothing else is
    is_odd = bool(found) or any(frames[at] for frames in facts.local.values())
    for kind, frames in (facts.local if is_odd else facts.findings).items():
        if frames[at] and kind not in facts.named:
            found.append(KINDS[kind].text if kind in KINDS else kind.replace("_", " "))
    if np.isfinite(facts.speed_m_s[at]).any():
        fastest = int(np.nanargmax(facts.speed_m_s[at]))
        speed = float(facts.speed_m_s[at, fastest])
        if speed > 3:
            found.append(f"{KEYPOINT_NAMES[fastest]} moves at {speed:.1f} m/s")
    return found


def about_frame(facts: FrameFacts, seq: int) -> dict[str, Any] | None:
    """Return everything known about a frame; None where there is no such frame."""
    at = int(np.searchsorted(facts.seq, np.uint64(seq)))
    if at == len(facts) or int(facts.seq[at]) != seq:
        return None
    reason = int(facts.reason[at])
    error = facts.error[at] if len(facts.error) else np.full(len(KEYPOINT_NAMES), np.nan)
    return {
        "seq": seq,
        "time_s": round(float(facts.time_s[at]), 3),
        "take": int(facts.take[at]),
        "kept": reason == KEPT,
        "reason": None if reason == KEPT else REASONS[reason],
        "words": frame_words(facts, at),
        "keypoints": {
            name: {
                "speed_m_s": _number(facts.speed_m_s[at, i], 2),
                "error": _number(error[i], 3),
                "weight": not bool(facts.untrusted[at, i]),
                "filters": [f for f, named in facts.named.items() if named[at, i]],
            }
            for i, name in enumerate(KEYPOINT_NAMES)
        },
        "findings": [kind for kind, frames in facts.findings.items() if frames[at]],
        "tracking_id": str(int(facts.tracking_id[at])),
        "people": int(facts.people[at]),
        "distance_m": _number(facts.distance_m[at], 2),
        "lag_ms": _number(facts.lag_ms[at], 1),
        "cue": facts.cues[int(facts.cue[at])] if len(facts.cues) > 1 else "",
        "tags": [
            tag
            for tag, first, last in facts.tags
            if first is None or last is None or first <= seq <= last
        ],
        "split": SPLIT_NAMES[int(facts.split[at])] if len(facts.split) else "",
        "score": round(float(facts.score[at]), 1),
    }


def _number(value: Any, digits: int) -> float | None:
    return round(float(value), digits) if np.isfinite(value) else None
