"""Values and flags over runs of rows: a median in time, and flags that reach over their neighbours.

``linked`` (N,) is whether each row closely follows the one before it: a run is a row and all that
are linked to it. NaN is unknown.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from .bodies import Bools, Floats

LEAST_ROWS: Final = 15
"""A median over fewer rows than this is not a length."""
UPPER: Final = 0.75
SD_OF_UPPER: Final = 1 / 1.15
"""Lengths change with the pose: where a quarter of the rows differ, differing is usual. Standard
deviations in that quantile of the distances from the median."""
_REACH: Final = 3
"""Rows before and after each that its median is taken over."""


def running_median(values: Floats, linked: Bools) -> Floats:
    """Return (N, K) the median of each value and its neighbours, three rows either way.

    Args:
        values: (N, K).
        linked: (N,).
    """
    if not len(values):
        return values
    run = np.cumsum(~linked)
    rows = np.arange(len(values))
    around = np.full((2 * _REACH + 1, *values.shape), np.nan)
    for place, step in enumerate(range(-_REACH, _REACH + 1)):
        at = (rows + step).clip(0, len(rows) - 1)
        same = (run[at] == run) & (at == rows + step)
        around[place][same] = values[at[same]]
    around.sort(axis=0)  # NaN last
    middle = (np.isfinite(around).sum(axis=0) - 1).clip(min=0) // 2
    return np.asarray(np.take_along_axis(around, middle[None], axis=0)[0])


def grown(strong: Bools, weak: Bools, linked: Bools) -> Bools:
    """Return (N, K) the weak flags of runs in which one is strong, and all strong ones.

    Args:
        strong: (N, K) where something is certain.
        weak: (N, K) where it is likely.
        linked: (N,) whether each row follows the one before it.
    """
    either = strong | weak
    if not len(either):
        return either
    begins = either.copy()
    begins[1:] &= ~(either[:-1] & linked[1:, None])
    # each stretch has a number; 0: before the first one
    number = np.cumsum(begins, axis=0)
    found = np.zeros_like(either)
    for column in range(either.shape[1]):
        certain = np.bincount(number[:, column], strong[:, column])
        found[:, column] = either[:, column] & (certain[number[:, column]] > 0)
    return found


def filled(named: Bools, linked: Bools, most: int, least: int) -> Bools:
    """Return (N, K) flags with those between two stretches of a run, too, where they are close.

    Args:
        named: (N, K).
        linked: (N,) whether each row follows the one before it.
        most: Rows between two stretches that are filled.
        least: Rows that each of the two must have.
    """
    found = named.copy()
    run = np.cumsum(~linked)
    for column in np.flatnonzero(named.any(axis=0)):
        edges = np.flatnonzero(np.diff(named[:, column].astype(np.int8), prepend=0, append=0))
        begins, ends = edges[::2], edges[1::2]
        long = ends - begins >= least
        close = (begins[1:] - ends[:-1] <= most) & long[1:] & long[:-1]
        close &= run[ends[:-1] - 1] == run[begins[1:]]
        for at in np.flatnonzero(close):
            found[ends[at] : begins[at + 1], column] = True
    return found


def by_person(person: NDArray[np.integer] | None, count: int) -> list[NDArray[np.intp]]:
    """Return the rows of each person."""
    if person is None:
        return [np.arange(count)]
    order = np.argsort(person, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(person[order])) + 1)


def quantile(values: Floats, share: float = 0.5) -> Floats:
    """Return a quantile of each column, NaN left out; NaN where too few are known."""
    ordered = np.sort(values, axis=0)  # NaN last
    known = np.isfinite(ordered).sum(axis=0)
    if not len(values):
        return np.full(values.shape[1], np.nan)
    place = ((known - 1).clip(min=0) * share).astype(np.int64)
    found = np.take_along_axis(ordered, place[None], axis=0)[0]
    return np.where(known >= LEAST_ROWS, found, np.nan)
