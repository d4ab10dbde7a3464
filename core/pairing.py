"""Which body belongs to which colour frame: the nearest in device time, within half a tick."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

PAIR_WITHIN_100NS: Final = 167_000
"""Half a tick of a 30 Hz sensor, 16.7 ms: a body farther away is stale and never paired."""
NO_BODY: Final = -1


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
