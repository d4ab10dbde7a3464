"""Pair colour frames with body rows: the nearest in device time, within half a tick.

On request the joints are moved to the colour frame's own time, between the two body rows around it.
"""

from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from .units import MS_100NS, TICK_100NS

PAIR_WITHIN_100NS: Final = 167 * MS_100NS // 10
"""Half a tick of a 30 Hz sensor, 16.7 ms: a body farther away is stale and never paired."""
BRACKET_WITHIN_100NS: Final = 50 * MS_100NS
"""50 ms, one tick and a half at 30 Hz: two rows farther apart have a gap between them."""
NO_BODY: Final = -1


def pair_within(tick_100ns: int) -> int:
    """Return half a tick of a sensor, 100 ns: the largest distance in time of a pair.

    Args:
        tick_100ns: The sensor's usual period.
    """
    return PAIR_WITHIN_100NS * tick_100ns // TICK_100NS


def pair_nearest(
    color_take: NDArray[np.integer],
    color_time: NDArray[np.integer],
    body_take: NDArray[np.integer],
    body_time: NDArray[np.integer],
    within: int = PAIR_WITHIN_100NS,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the body row nearest in device time to each colour frame, inside the same take.

    Args:
        color_take: (F,) take of each colour frame.
        color_time: (F,) device time, 100 ns, in any order.
        body_take: (M,) take of each body row.
        body_time: (M,) device time, 100 ns, in any order.
        within: Largest distance in time, 100 ns, included.

    Returns:
        (F,) int64 index of the body row, NO_BODY where none is near enough; of two equally near
        ones the earlier. (F,) int64 residual, body time minus colour time, 100 ns; 0 where there
        is no body.
    """
    index = np.full(len(color_time), NO_BODY, np.int64)
    residual = np.zeros(len(color_time), np.int64)
    for take in np.unique(color_take):
        frames = np.flatnonzero(color_take == take)
        bodies = np.flatnonzero(body_take == take)
        if not len(bodies):
            continue
        bodies = bodies[np.argsort(body_time[bodies], kind="stable")]
        times = body_time[bodies].astype(np.int64)
        wanted = color_time[frames].astype(np.int64)
        behind = np.searchsorted(times, wanted).clip(max=len(times) - 1)
        before = (behind - 1).clip(min=0)
        nearer = np.abs(times[before] - wanted) <= np.abs(times[behind] - wanted)
        # of rows with the same time the first one, whichever way it was found
        nearest = np.searchsorted(times, times[np.where(nearer, before, behind)])
        apart = times[nearest] - wanted
        near = np.abs(apart) <= within
        index[frames[near]] = bodies[nearest[near]]
        residual[frames[near]] = apart[near]
    return index, residual


@dataclass(frozen=True)
class Brackets:
    """For C bodies in colour frames the two body rows around the frame's time.

    Attributes:
        before: (C,) row at or before the colour time; the nearest row where ``both`` is False.
        before_slot: (C,) the body's slot there.
        behind: (C,) row behind the colour time; the nearest row where ``both`` is False.
        behind_slot: (C,) the body's slot there.
        share: (C,) float64, place of the colour time from ``before`` to ``behind``, 0 to 1.
        both: (C,) bool, whether there are such rows: of the same take, at most
            ``BRACKET_WITHIN_100NS`` apart, with the same tracking id in both. Else the joints stay
            those of the nearest row.
    """

    before: NDArray[np.int64]
    before_slot: NDArray[np.int64]
    behind: NDArray[np.int64]
    behind_slot: NDArray[np.int64]
    share: NDArray[np.float64]
    both: NDArray[np.bool_]


def bracket_bodies(
    color_time: NDArray[np.integer],
    nearest: NDArray[np.integer],
    slot: NDArray[np.integer],
    bodies: Any,
    tick_100ns: int = TICK_100NS,
    by_time: NDArray[np.integer] | None = None,
) -> Brackets:
    """Find the two body rows around each colour frame.

    Args:
        color_time: (C,) device time of the colour frames, 100 ns.
        nearest: (C,) body row paired with each, see ``pair_nearest``; none is NO_BODY.
        slot: (C,) slot of the body in that row.
        bodies: M rows: ``take`` (M,), ``time_device`` (M,) 100 ns, ``tracked`` (M, 6) and
            ``tracking_id`` (M, 6), as fields of a structured array or keys of a mapping.
        tick_100ns: The sensor's usual period.
        by_time: (M,) the rows in the order of take and time; None: it is worked out.
    """
    order = by_time
    if order is None:
        order = np.lexsort((bodies["time_device"], bodies["take"]))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    near, slot = np.asarray(nearest, np.int64), np.asarray(slot, np.int64)
    is_behind = bodies["time_device"][near] > color_time
    first = (place[near] - is_behind).clip(min=0)
    before, behind = order[first], order[(first + 1).clip(max=len(order) - 1)]
    body_id = bodies["tracking_id"][near, slot]
    before_slot, in_before = _slot_of(body_id, before, bodies)
    behind_slot, in_behind = _slot_of(body_id, behind, bodies)
    t0, t1 = (bodies["time_device"][row].astype(np.int64) for row in (before, behind))
    both = in_before & in_behind & (t0 <= color_time) & (color_time < t1)
    within = BRACKET_WITHIN_100NS * tick_100ns // TICK_100NS
    both &= (bodies["take"][before] == bodies["take"][behind]) & (t1 - t0 <= within)
    share = np.where(both, (color_time - t0) / np.where(both, t1 - t0, 1), 0.0)
    return Brackets(
        before=np.where(both, before, near),
        before_slot=np.where(both, before_slot, slot),
        behind=np.where(both, behind, near),
        behind_slot=np.where(both, behind_slot, slot),
        share=share,
        both=both,
    )


def _slot_of(
    body_id: NDArray[np.integer], row: NDArray[np.int64], bodies: Any
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return (C,) the slot of a tracking id in a row, and (C,) whether it is tracked there."""
    there = (bodies["tracking_id"][row] == body_id[:, None]) & (bodies["tracked"][row] != 0)
    return np.argmax(there, axis=1).astype(np.int64), there.any(axis=1)


class ByRowAndSlot(Protocol):
    """Values of bodies, asked for by row and slot: an array of (M, 6, ...), or what acts as one."""

    def __getitem__(self, at: tuple[NDArray[np.int64], NDArray[np.int64]], /) -> NDArray[Any]: ...


def interpolate_joints(values: ByRowAndSlot, brackets: Brackets) -> NDArray[np.float64]:
    """Move positions of joints to the time of their colour frames.

    Args:
        values: (M, 6, J, D) of all body rows: ``joint_xyz_m``, or ``joint_color_px``; not finite
            where a joint has no position, and then there is none between the rows either.
        brackets: For C bodies.

    Returns:
        (C, J, D) float64; those of the nearest row where ``brackets.both`` is False.
    """
    before = values[brackets.before, brackets.before_slot].astype(np.float64)
    behind = values[brackets.behind, brackets.behind_slot].astype(np.float64)
    known = np.isfinite(before) & np.isfinite(behind)
    share = brackets.share[:, None, None]
    with np.errstate(invalid="ignore"):
        between = before + share * (behind - before)
    return np.where(known, between, np.nan)


def worse_states(states: ByRowAndSlot, brackets: Brackets) -> NDArray[np.uint8]:
    """Return (C, J) the worse tracking state of each joint in the two rows.

    Args:
        states: (M, 6, J) of all body rows: 0 not tracked, 1 inferred, 2 tracked.
        brackets: For C bodies.
    """
    worse: NDArray[np.uint8] = np.minimum(
        states[brackets.before, brackets.before_slot],
        states[brackets.behind, brackets.behind_slot],
    )
    return worse
