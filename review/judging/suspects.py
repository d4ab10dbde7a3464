"""Frames that match a query, the worst first, with the reasons in words."""

from typing import Any, Final

import numpy as np

from ...core.skeleton import KEYPOINT_NAMES
from ...sessions.edits.journal import REJECT
from ..errors import BadRequestError
from .frame_facts import KEYPOINT_FILTERS, FrameFacts, keypoints_of, reasons_of
from .query import find_frames, is_suspect, parse_query
from .words import frame_words

MOST_HITS: Final = 5000
JOIN_FRAMES: Final = 15
"""Hits at most this many frames apart are one run, by default."""
ORDERS: Final = ("score", "seq")


def find_suspects(
    facts: FrameFacts, query: str, limit: int, order: str, group: bool
) -> dict[str, Any]:
    """Return the frames that match.

    Args:
        facts: Of the session.
        query: Words; empty: every frame that a person should look at.
        limit: Hits at most.
        order: "score" (the worst first) or "seq".
        group: One hit for each run of frames: its worst one.

    Raises:
        BadRequestError: The query or the order is not one.
    """
    if order not in ORDERS:
        raise BadRequestError(f"order: expected one of {', '.join(ORDERS)}")
    words = parse_query(query)
    found = find_frames(facts, words) if words else is_suspect(facts)
    at = np.flatnonzero(found)
    runs = _runs(at) if group else [(i, i) for i in at.tolist()]
    hits = [(_worst(facts, at, first, last), first, last) for first, last in runs]
    if order == "score":
        hits.sort(key=lambda hit: (-float(facts.score[hit[0]]), hit[0]))
    return {
        "total": len(at),
        "runs": len(runs),
        "hits": [_hit(facts, *hit) for hit in hits[: min(limit, MOST_HITS)]],
        "counts": _counts(facts, found),
    }


def _worst(facts: FrameFacts, at: np.ndarray, first: int, last: int) -> int:
    """Return the worst of the matching frames of a run."""
    begin, end = np.searchsorted(at, [first, last + 1])
    own = at[begin:end]
    return int(own[np.argmax(facts.score[own])])


def _runs(at: np.ndarray) -> list[tuple[int, int]]:
    """Return the first and last of rising numbers that follow each other closely."""
    if not len(at):
        return []
    cuts = np.flatnonzero(np.diff(at) > JOIN_FRAMES)
    firsts = at[np.append(0, cuts + 1)]
    lasts = at[np.append(cuts, len(at) - 1)]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))


def _hit(facts: FrameFacts, at: int, first: int, last: int) -> dict[str, Any]:
    return {
        "seq": int(facts.seq[at]),
        "first": int(facts.seq[first]),
        "last": int(facts.seq[last]),
        "time_s": round(float(facts.time_s[at]), 3),
        "take": int(facts.take[at]),
        "score": round(float(facts.score[at]), 1),
        "reasons": reasons_of(facts, at),
        "keypoints": keypoints_of(facts, at),
        "rejected": bool(facts.verdict[at] == REJECT),
        "text": "; ".join(frame_words(facts, at)),
    }


def _counts(facts: FrameFacts, found: np.ndarray) -> dict[str, dict[str, int]]:
    """Return how many of the frames found have each reason, keypoint, cue and tag."""
    reasons: dict[str, int] = {}
    for source in ({n: v.any(axis=1) for n, v in facts.named.items()}, facts.findings):
        for name, frames in source.items():
            count = int((frames & found).sum())
            reasons[name] = max(count, reasons.get(name, 0))
    named = np.zeros(facts.states.shape, np.bool_)
    for name in KEYPOINT_FILTERS:
        if name in facts.named:
            named |= facts.named[name]
    keypoints = (named & found[:, None]).sum(axis=0)
    cues = np.bincount(facts.cue[found], minlength=len(facts.cues))
    tags: dict[str, int] = {}
    for tag, first, last in facts.tags:
        inside = found
        if first is not None and last is not None:
            inside = found & (facts.seq >= first) & (facts.seq <= last)
        tags[tag] = tags.get(tag, 0) + int(inside.sum())
    return {
        "reason": {name: count for name, count in reasons.items() if count},
        "keypoint": {
            name: int(count) for name, count in zip(KEYPOINT_NAMES, keypoints, strict=True) if count
        },
        "cue": {name: int(cues[place]) for place, name in enumerate(facts.cues) if place},
        "tag": tags,
    }
