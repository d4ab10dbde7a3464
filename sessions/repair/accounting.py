"""Account for every item of a session: stored once, or covered by one drop event."""

from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..manifest import ManifestRecord
from ..schema import STREAM_TABLE, Stream
from .shard_check import Damage, ShardCheck

Interval = tuple[int, int]
"""First and last seq, both included."""


@dataclass(frozen=True)
class Hole:
    """Items that are neither stored nor covered by an event.

    Attributes:
        stream: Their stream.
        first: First seq.
        last: Last seq, included.
        take: Take of the stored item next to them; 0 where there is none.
        shard: The shard that an event about them belongs into; None: there is no shard.
    """

    stream: Stream
    first: int
    last: int
    take: int
    shard: str | None


@dataclass(frozen=True)
class Twice:
    """Items that are accounted for more than once.

    Attributes:
        stream: Their stream.
        seqs: Which, rising; of an event the first one.
        shard: The shard that says so again.
        event: Row of the event that does; None: rows of the stream do.
    """

    stream: Stream
    seqs: tuple[int, ...]
    shard: str
    event: int | None


@dataclass
class Accounts:
    """Items of a session that are not accounted for."""

    holes: list[Hole] = field(default_factory=list)
    twice: list[Twice] = field(default_factory=list)

    def damage(self) -> list[Damage]:
        """Return it as damage."""
        found = []
        for hole in self.holes:
            text = f"{_range(hole.first, hole.last)}: neither stored nor covered by a drop event"
            found.append(Damage("lost", text, hole.shard, hole.stream.name, hole.first))
        for again in self.twice:
            how = "stored again" if again.event is None else f"event {again.event} covers it again"
            text = f"{_range(again.seqs[0], again.seqs[-1])}: {how}"
            found.append(Damage("twice", text, again.shard, again.stream.name, again.seqs[0]))
        return found


def _range(first: int, last: int) -> str:
    """Return a range of seqs in words."""
    return f"seq {first}" if first == last else f"seq {first} to {last}"


def account(
    checks: Sequence[ShardCheck], missing: Iterable[ManifestRecord] = (), *, explained: bool
) -> Accounts:
    """Add up a session's items from seq 0 to the last one known.

    Args:
        checks: Its shards, in their order.
        missing: Lines of shards that are not there any more.
        explained: Whether items that are known to be damaged or missing count as accounted for:
            verify reports them once, repair has to cover them.
    """
    accounts = Accounts()
    gone = list(missing)
    for stream in STREAM_TABLE:
        spans = [record.streams[stream.name] for record in gone if stream.name in record.streams]
        lost = [(span.seq_first, span.seq_last) for span in spans]
        lost += [(seq, seq) for check in checks for seq in check.bad_seqs(stream)]
        known = _stored(stream, checks, accounts)
        known, doubtful = _dropped(stream, checks, known, accounts)
        lost += doubtful
        end = max((last for _, last in known + lost), default=-1)
        for first, last in _gaps(_merge(known + lost if explained else known), end):
            accounts.holes.append(_hole(stream, first, last, checks))
    return accounts


def _stored(stream: Stream, checks: Sequence[ShardCheck], accounts: Accounts) -> list[Interval]:
    """Return what is stored; take down what is stored again in a later shard or row."""
    before = np.zeros(0, np.uint64)
    for check in checks:
        seqs = check.stored.get(stream, before[:0])
        unique, counts = np.unique(seqs, return_counts=True)
        again = unique[(counts > 1) | np.isin(unique, before)]
        if len(again):
            accounts.twice.append(Twice(stream, tuple(map(int, again)), check.name, None))
        before = np.union1d(before, unique)
    return _runs(before)


def _runs(seqs: NDArray[np.uint64]) -> list[Interval]:
    """Return sorted, distinct seqs as intervals."""
    if not len(seqs):
        return []
    cuts = np.flatnonzero(np.diff(seqs) != 1)
    firsts = seqs[np.concatenate([[0], cuts + 1])]
    lasts = seqs[np.concatenate([cuts, [len(seqs) - 1]])]
    return [(int(first), int(last)) for first, last in zip(firsts, lasts, strict=True)]


def _dropped(
    stream: Stream, checks: Sequence[ShardCheck], known: list[Interval], accounts: Accounts
) -> tuple[list[Interval], list[Interval]]:
    """Return what is stored or dropped, and what events cover that contradict it."""
    known, doubtful = list(known), []
    for check in checks:
        for of, first, last, row in check.drops:
            if of is not stream:
                continue
            # what is known is sorted and apart: only neighbours can overlap
            at = bisect_right(known, (first, last))
            near = known[max(at - 1, 0) : at + 1]
            again = [max(first, a) for a, b in near if a <= last and first <= b]
            if again:
                accounts.twice.append(Twice(stream, (again[0],), check.name, row))
                doubtful.append((first, last))
            else:
                insort(known, (first, last))
    return known, doubtful


def _merge(intervals: list[Interval]) -> list[Interval]:
    """Return the union of intervals, sorted and apart."""
    merged: list[Interval] = []
    for first, last in sorted(intervals):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def _gaps(merged: list[Interval], end: int) -> list[Interval]:
    """Return what lies between 0 and the end, included, and in none of the intervals."""
    gaps = []
    behind = 0
    for first, last in merged:
        if first > behind:
            gaps.append((behind, first - 1))
        behind = last + 1
    if behind <= end:
        gaps.append((behind, end))
    return gaps


def _hole(stream: Stream, first: int, last: int, checks: Sequence[ShardCheck]) -> Hole:
    """Return the place of a gap: the shard that lost its items, else beside the next stored one."""
    take, home = 0, checks[-1].name if checks else None
    for check in checks:
        seqs = check.stored.get(stream)
        if seqs is None or not len(seqs):
            continue
        before = int((seqs < first).sum())
        take = int(check.takes[stream][max(before - 1, 0)]) if before or not take else take
        home = check.name
        if before < len(seqs):
            break
    for check in checks:
        if any(first <= seq <= last for seq in check.bad_seqs(stream)):
            home = check.name
            break
    return Hole(stream, first, last, take, home)
