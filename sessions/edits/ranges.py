"""Ranges of frames: what a list of decisions, later ones on top of earlier ones, decides."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .operations import MOST_UINT64, Operation

NONE: Final = 0
KEEP: Final = 1
REJECT: Final = 2

Decision = Literal["keep", "reject"]
Range = tuple[int, int, Decision]
"""First and last seq, included, and the verdict."""
_VERDICT: Final[dict[Decision, int]] = {"keep": KEEP, "reject": REJECT}


def trim_of(decisions: Sequence[Operation]) -> tuple[int, int] | None:
    """Return the range that the latest trim leaves, or None where nothing is trimmed."""
    for one in reversed(decisions):
        if one["op"] == "trim":
            return one["seq_first"], one["seq_last"]
    return None


def layers(decisions: Sequence[Operation]) -> list[Range]:
    """Return the ranges that decisions keep and reject, oldest first.

    A trim rejects everything before and after its range; only the latest one counts.
    """
    last_trim = max((i for i, one in enumerate(decisions) if one["op"] == "trim"), default=-1)
    found: list[Range] = []
    for i, one in enumerate(decisions):
        if one["op"] in _VERDICT:
            found.append((one["seq_first"], one["seq_last"], one["op"]))
        elif i == last_trim:
            if one["seq_first"] > 0:
                found.append((0, one["seq_first"] - 1, "reject"))
            if one["seq_last"] < MOST_UINT64:
                found.append((one["seq_last"] + 1, MOST_UINT64, "reject"))
    return found


def flatten(stack: Sequence[Range]) -> list[Range]:
    """Return ranges that don't overlap, sorted, equal neighbours merged; later ones win.

    Args:
        stack: Ranges, oldest first.
    """
    cuts = sorted({first for first, _, _ in stack} | {last + 1 for _, last, _ in stack})
    verdicts: list[Decision | None] = [None] * len(cuts)
    # from the latest to the oldest; ``following`` leads over what is decided already
    following = list(range(len(cuts) + 1))
    for first, last, verdict in reversed(stack):
        end = bisect_left(cuts, last + 1)
        at = _free(following, bisect_left(cuts, first))
        while at < end:
            verdicts[at], following[at] = verdict, at + 1
            at = _free(following, at)
    found: list[Range] = []
    for first, behind, decided in zip(cuts, cuts[1:], verdicts, strict=False):
        if decided is None:
            continue
        if found and found[-1][1] == first - 1 and found[-1][2] == decided:
            first = found.pop()[0]
        found.append((first, behind - 1, decided))
    return found


def _free(following: list[int], at: int) -> int:
    """Return the first place from ``at`` on that is not decided, and shorten the way to it."""
    end = at
    while following[end] != end:
        end = following[end]
    while following[at] != end and at != end:
        following[at], at = end, following[at]
    return end


def verdicts_of(ranges: Sequence[Range], color_seq: ArrayLike) -> NDArray[np.uint8]:
    """Return what flat ranges decide about frames.

    Args:
        ranges: From ``flatten``.
        color_seq: (N,) seq of colour frames.

    Returns:
        (N,) uint8: 0 nothing, 1 keep, 2 reject.
    """
    seq = np.asarray(color_seq, np.uint64)
    if not ranges:
        return np.full(seq.shape, NONE, np.uint8)
    first = np.array([one[0] for one in ranges], np.uint64)
    last = np.array([one[1] for one in ranges], np.uint64)
    verdict = np.array([_VERDICT[one[2]] for one in ranges], np.uint8)
    at = np.searchsorted(first, seq, side="right") - 1
    inside = (at >= 0) & (seq <= last[at])
    return np.where(inside, verdict[at], np.uint8(NONE)).astype(np.uint8)
