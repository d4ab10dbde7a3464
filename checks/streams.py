"""Faults of the streams of one take: times, images, pairs, tracked bodies.

Pure functions over rows of one take in the order in which they were written. They need no event:
an old recording or one from another source is judged like a new one.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..core.pairing import NO_BODY, PAIR_WITHIN_100NS, pair_nearest
from ..core.units import MS_100NS, NS_PER_100NS, SECOND_100NS, TICK_100NS
from ..sessions.schema import BODIES, ColorFlag, Rows
from .findings import Finding, find_runs
from .limits import (
    APART_100NS,
    FROZEN_ITEMS,
    LATE_100NS,
    LOW_LIGHT_STEPS,
    RECENT_ITEMS,
    STALL_100NS,
    body_changes,
    is_low_light_step,
    missing_items,
)

UNPAIRED_S: Final = 0.3
_AROUND: Final = 15

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class StreamSteps:
    """Steps of a stream's device times, row by row.

    Attributes:
        step: (N,) int64 time since the row before it in time, whenever that came, 100 ns; 0 for
            the first of a clock and for a repeated time.
        missing: (N,) int64 items missing right before it that nothing accounts for.
        before: (N,) index of the row before it in time.
        duplicate: (N,) bool, it has the time of a row shortly before it.
        late: (N,) bool, it is older than one that came before it.
        jump: (N,) bool, the clock jumped right before it.
    """

    step: NDArray[np.int64]
    missing: NDArray[np.int64]
    before: NDArray[np.int64]
    duplicate: Bools
    late: Bools
    jump: Bools

    @property
    def regular(self) -> NDArray[np.int64]:
        """The steps that a clock took between two rows, 100 ns."""
        return self.step[(self.step > 0) & ~self.jump]


def measure_steps(rows: Rows) -> StreamSteps:
    """Measure the steps of the device times of a stream in a take.

    Args:
        rows: (N,) with ``seq``, ``time_device`` (100 ns) and ``time_host`` (ns), as they came.
    """
    time, count = rows["time_device"].astype(np.int64), len(rows)
    came = np.diff(time, prepend=time[:1])
    back = came < -LATE_100NS
    clock = np.cumsum(back)
    newest = time.copy()
    for number in np.unique(clock):
        own = clock == number
        newest[own] = np.maximum.accumulate(time[own])
    duplicate = np.zeros(count, np.bool_)
    for by in range(1, min(RECENT_ITEMS, count - 1) + 1):
        duplicate[by:] |= (time[by:] == time[:-by]) & (clock[by:] == clock[:-by])
    # a late item fills the hole that it left: holes are looked for in the order of times
    order = np.lexsort((time, clock))
    before = np.zeros(count, np.int64)
    step = np.zeros(count, np.int64)
    # of items with the same time the first one: the others are its duplicates
    new = np.append(True, (np.diff(time[order]) != 0) | (np.diff(clock[order]) != 0))[:count]
    before[order[1:]] = order[np.maximum.accumulate(np.where(new, np.arange(count), 0))[:-1]]
    step[order[1:]] = np.diff(time[order])
    step[order[1:]] *= clock[order[1:]] == clock[order[:-1]]
    host = np.diff(rows["time_host"].astype(np.int64), prepend=0) // NS_PER_100NS
    jump = back | ((step > APART_100NS) & (host < step // 2))
    jump[:1] = False
    expected = np.full(count, float(TICK_100NS))
    expected[order] = _usual_steps(step[order])
    lost = _lost_between(rows["seq"].astype(np.int64), before)
    missing = np.zeros(count, np.int64)
    # most steps are no longer than expected
    for i in np.flatnonzero((step > expected) & ~jump):
        missing[i] = missing_items(float(step[i]), float(expected[i]), int(lost[i]))
    late = (time < newest) & ~duplicate
    return StreamSteps(step, missing, before, duplicate, late, jump)


def _lost_between(seq: NDArray[np.int64], before: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (N,) how many items are lost, by their seqs, between each row and the one before."""
    lost = np.cumsum((np.diff(seq, prepend=seq[:1]) - 1).clip(min=0))
    return np.asarray((lost - lost[before]).clip(min=0))


def _usual_steps(step: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (N,) the median of the steps around each, 100 ns."""
    usual = np.full(len(step), float(TICK_100NS))
    there = np.flatnonzero(step > 0)
    if not len(there):
        return usual
    steps = step[there]
    padded = np.pad(steps, _AROUND, mode="reflect" if len(steps) > _AROUND else "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _AROUND + 1)
    usual[there] = np.median(windows, axis=1)
    return usual


def time_findings(rows: Rows, steps: StreamSteps, stream: str, take: int) -> list[Finding]:
    """Name gaps, silences, jumps of the clock, repeated and late items of a stream."""
    seq = rows["seq"]
    found = []
    for i in np.flatnonzero(steps.missing > 0):
        step, missing = int(steps.step[i]), int(steps.missing[i])
        kind = "stall" if step >= STALL_100NS else "gap"
        what = "silent for" if kind == "stall" else "gap of"
        text = f"{stream}: {what} {step / MS_100NS:.0f} ms, {missing} missing"
        first, last = sorted((int(seq[steps.before[i]]), int(seq[i])))
        found.append(Finding(kind, stream, take, first, last, missing, text))
    for i in np.flatnonzero(steps.jump):
        moved = int(rows["time_device"][i]) - int(rows["time_device"][i - 1])
        way = "back" if moved < 0 else "on"
        text = f"the sensor's clock jumped {abs(moved) / SECOND_100NS:.1f} s {way}"
        found.append(Finding("clock_step", stream, take, int(seq[i]), int(seq[i]), 1, text))
    for kind, named, what in (
        ("duplicate", steps.duplicate, "with the time of an item before them"),
        ("out_of_order", steps.late, "older than an item before them"),
    ):
        seconds = rows["time_device"] / SECOND_100NS
        for run in find_runs(named, seconds, join_s=1.0):
            text = f"{stream}: {run.count} {what}"
            first, last = int(seq[run.first]), int(seq[run.last])
            found.append(Finding(kind, stream, take, first, last, run.count, text))
    return found


def low_light(color: Rows, steps: StreamSteps, bodies_step: float) -> Bools:
    """Return which colour frames were taken at half the sensor's rate.

    Args:
        color: (F,) rows.
        steps: Theirs.
        bodies_step: Usual step of the bodies in this take, 100 ns; NaN unknown.

    Returns:
        (F,) bool: marked so by the sensor, or in a run of at least five at half rate in a take
        whose rate is the sensor's full one.
    """
    marked = (color["flags"] & ColorFlag.low_light) != 0
    slow = np.array([is_low_light_step(step) for step in steps.step.tolist()], np.bool_)
    usual = np.median(steps.regular) if len(steps.regular) else np.nan
    full = np.nanmin([usual, bodies_step]) if np.isfinite([usual, bodies_step]).any() else np.nan
    if not 0.75 * TICK_100NS < full < 1.25 * TICK_100NS:
        return np.asarray(marked)
    index = np.arange(len(color), dtype=float)
    for run in find_runs(slow, index, least=LOW_LIGHT_STEPS):
        marked[max(run.first - 1, 0) : run.last + 1] = True
    return np.asarray(marked)


def frozen_pictures(color: Rows) -> Bools:
    """Return which colour frames are, bit for bit, one of at least four equal ones in a row."""
    same = np.zeros(len(color), np.bool_)
    same[1:] = (color["crc32"][1:] == color["crc32"][:-1]) & (
        color["length"][1:] == color["length"][:-1]
    )
    frozen = np.zeros(len(color), np.bool_)
    for run in find_runs(same, np.arange(len(color), dtype=float), least=FROZEN_ITEMS - 1):
        frozen[run.first - 1 : run.last + 1] = True
    return frozen


@dataclass(frozen=True)
class TakePairs:
    """Pairs of colour frames and body rows of a take.

    Attributes:
        body: (F,) row of the nearest body row, NO_BODY where none is near enough.
        residual_ms: (F,) body time minus colour time; NaN without one.
        alone: (M,) bool, body rows that no colour frame is near to.
    """

    body: NDArray[np.int64]
    residual_ms: NDArray[np.float64]
    alone: Bools


def pair_take(color: Rows, bodies: Rows, within: int = PAIR_WITHIN_100NS) -> TakePairs:
    """Pair the rows of one take that are at most ``within`` apart, 100 ns."""
    zeros = [np.zeros(len(rows), np.int64) for rows in (color, bodies)]
    times = [rows["time_device"].astype(np.int64) for rows in (color, bodies)]
    body, residual = pair_nearest(zeros[0], times[0], zeros[1], times[1], within)
    frame, _ = pair_nearest(zeros[1], times[1], zeros[0], times[0], within)
    residual_ms = np.where(body == NO_BODY, np.nan, residual / MS_100NS)
    return TakePairs(body, residual_ms, frame == NO_BODY)


def row_findings(
    named: Bools,
    rows: Rows,
    kind: str,
    stream: str,
    take: int,
    text: str,
    *,
    join_s: float = 0.5,
    least_s: float = 0.3,
    least: int = 1,
    breaks: Bools | None = None,
) -> list[Finding]:
    """Return findings for the runs of rows that a check names.

    Args:
        named: (N,) bool.
        rows: (N,) of one stream and take.
        kind: Of the findings.
        stream: Their stream.
        take: Their take.
        text: Their text; ``{seconds}``, ``{count}`` and ``{share}`` (of the run's rows) are
            filled in.
        join_s: See ``find_runs``.
        least_s: See ``find_runs``.
        least: See ``find_runs``.
        breaks: See ``find_runs``.
    """
    order = np.argsort(rows["time_device"], kind="stable")
    seconds = rows["time_device"][order] / SECOND_100NS
    breaks = None if breaks is None else breaks[order]
    runs = find_runs(
        named[order], seconds, join_s=join_s, least_s=least_s, least=least, breaks=breaks
    )
    found = []
    for run in runs:
        seqs = rows["seq"][order[run.first : run.last + 1]]
        said = text.format(
            seconds=f"{seconds[run.last] - seconds[run.first]:.1f} s",
            count=run.count,
            share=f"{run.count / (run.last - run.first + 1):.0%}",
        )
        found.append(Finding(kind, stream, take, int(seqs.min()), int(seqs.max()), run.count, said))
    return found


def tracking_findings(people: Rows, bodies: Rows, take: int) -> list[Finding]:
    """Name bodies that were lost, found and moved to another slot, from one row to the next.

    Args:
        people: (P,) ``seq``, ``tracking_id`` and ``slot`` of the take's tracked bodies.
        bodies: (M,) ``seq`` of the take's body rows.
        take: The take.
    """
    seqs = np.sort(bodies["seq"])
    row = np.searchsorted(seqs, people["seq"])
    slots = max(BODIES, int(people["slot"].max(initial=0)) + 1)
    ids = np.zeros((len(seqs), slots), np.uint64)
    tracked = np.zeros((len(seqs), slots), np.bool_)
    ids[row, people["slot"]], tracked[row, people["slot"]] = people["tracking_id"], True
    differs = (ids[1:] != ids[:-1]).any(axis=1) | (tracked[1:] != tracked[:-1]).any(axis=1)
    found = []
    for at in np.flatnonzero(differs) + 1:
        before, now = _slots(ids[at - 1], tracked[at - 1]), _slots(ids[at], tracked[at])
        changes = body_changes(before, now)
        texts = [
            *(("body_lost", body, f"lost from slot {before[body]}") for body in changes.lost),
            *(("body_found", body, f"found in slot {now[body]}") for body in changes.found),
            *(
                ("body_moved", body, f"moved from slot {before[body]} to slot {now[body]}")
                for body in changes.moved
            ),
        ]
        seq = int(seqs[at])
        for kind, body, text in texts:
            slot = now.get(body, before.get(body))
            found.append(
                Finding(
                    kind, "bodies", take, seq, seq, 1, f"body {body} {text}",
                    tracking_id=body, slot=slot,
                )
            )  # fmt: skip
    return found


def _slots(ids: NDArray[np.uint64], tracked: Bools) -> dict[int, int]:
    """Return the slot of each tracking id in a row; of an id that is there twice the first one."""
    slots: dict[int, int] = {}
    for slot in np.flatnonzero(tracked):
        slots.setdefault(int(ids[slot]), int(slot))
    return slots
