"""The guard: frames too near in time to one on the other side, on any clock, or equal to it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.units import SECOND_NS
from .frame_times import FrameTimes

Bools = NDArray[np.bool_]


def too_near(
    sessions: Sequence[FrameTimes],
    asked: Sequence[Bools],
    others: Sequence[Bools],
    guard_s: float,
) -> list[Bools]:
    """Find frames within the guard of frames on the other side, or with the same picture.

    Args:
        sessions: All sessions of the build.
        asked: By session (F,) the frames in question.
        others: By session (F,) the frames that they must not be near to.
        guard_s: Seconds, included.

    Returns:
        By session (F,) bool, True only where ``asked`` is.
    """
    found = [np.zeros(len(one), np.bool_) for one in sessions]
    _by_picture(sessions, others, found)
    _by_run(sessions, others, found, guard_s)
    _by_wall_clock(sessions, others, found, guard_s)
    _by_host_clock(sessions, others, found, guard_s)
    return [near & mine for near, mine in zip(found, asked, strict=True)]


def _by_picture(
    sessions: Sequence[FrameTimes], others: Sequence[Bools], found: list[Bools]
) -> None:
    """Mark frames whose picture is also on the other side."""
    there = [one.pictures[theirs] for one, theirs in zip(sessions, others, strict=True)]
    known = np.unique(np.concatenate([np.empty(0, np.uint64), *there]))
    for index, one in enumerate(sessions):
        found[index] |= np.isin(one.pictures, known)


def _by_run(
    sessions: Sequence[FrameTimes], others: Sequence[Bools], found: list[Bools], guard_s: float
) -> None:
    """Mark frames near others of their own run."""
    for index, one in enumerate(sessions):
        for run in np.unique(one.run[others[index]]):
            own = np.flatnonzero(one.run == run)
            theirs = np.sort(one.run_s[own][others[index][own]])
            found[index][own] |= nearest(theirs, one.run_s[own]) <= guard_s


def _by_wall_clock(
    sessions: Sequence[FrameTimes], others: Sequence[Bools], found: list[Bools], guard_s: float
) -> None:
    """Mark frames near others by the wall clock, in whatever session those are."""
    there = [one.wall_ns[theirs & one.walled] for one, theirs in zip(sessions, others, strict=True)]
    walls = np.sort(np.concatenate([np.empty(0, np.int64), *there]))
    for index, one in enumerate(sessions):
        found[index] |= one.walled & (nearest(walls, one.wall_ns) <= guard_s * SECOND_NS)


@dataclass(frozen=True)
class _Span:
    """A live take: its session, its frames there, its first and last host time, ns."""

    session: int
    rows: NDArray[np.intp]
    first: int
    last: int


def _by_host_clock(
    sessions: Sequence[FrameTimes], others: Sequence[Bools], found: list[Bools], guard_s: float
) -> None:
    """Mark frames near others by the host's clock.

    It counts from when the machine was started, so takes of two days may have the same times. One
    sensor can't record two takes at once: takes that overlap are of two days, or of two machines.
    """
    spans = list(_live_takes(sessions))
    first = np.array([span.first for span in spans], np.int64)
    last = np.array([span.last for span in spans], np.int64)
    for number, span in enumerate(spans):
        theirs = np.sort(sessions[span.session].host_ns[span.rows][others[span.session][span.rows]])
        if not len(theirs):
            continue
        apart = np.maximum(first - span.last, span.first - last)
        for near in np.flatnonzero((apart >= 0) & (apart <= guard_s * SECOND_NS)).tolist():
            _mark(sessions, found, spans[near], theirs, guard_s)
        _mark(sessions, found, spans[number], theirs, guard_s)


def _mark(
    sessions: Sequence[FrameTimes],
    found: list[Bools],
    span: _Span,
    theirs: NDArray[np.int64],
    guard_s: float,
) -> None:
    """Mark the frames of a take near some host times."""
    host = sessions[span.session].host_ns[span.rows]
    found[span.session][span.rows] |= nearest(theirs, host) <= guard_s * SECOND_NS


def _live_takes(sessions: Sequence[FrameTimes]) -> list[_Span]:
    """Return the takes whose host times say when they were recorded."""
    spans = []
    for index, one in enumerate(sessions):
        for number in np.unique(one.take[one.live]):
            rows = np.flatnonzero((one.take == number) & one.live)
            host = one.host_ns[rows]
            spans.append(_Span(index, rows, int(host.min()), int(host.max())))
    return spans


def nearest(
    there: NDArray[np.integer] | NDArray[np.floating],
    values: NDArray[np.integer] | NDArray[np.floating],
) -> NDArray[np.float64]:
    """Return how far each value is from the nearest of some sorted ones; infinite if none are."""
    if not len(there):
        return np.full(len(values), np.inf)
    after = np.searchsorted(there, values).clip(max=len(there) - 1)
    before = (after - 1).clip(min=0)
    apart = np.minimum(np.abs(there[after] - values), np.abs(values - there[before]))
    return np.asarray(apart, np.float64)
