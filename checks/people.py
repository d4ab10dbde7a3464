"""People: followed through a take over losses of tracking, and the one whom it is about.

A sensor gives a person a new tracking id when it has lost and found them again.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..core.units import SECOND_100NS

Floats = NDArray[np.floating]

NEAR_S: Final = 2.0
"""Longest time between the loss and the return of a person who is recognised by the place."""
NEAR_M: Final = 0.8
"""Longest way between those two places."""
SAME_SIZE: Final = 0.12
"""Largest mean relative difference of the bone lengths of one person, measured twice. It decides
after a longer absence."""
_LOOKS_BACK: Final = 16
"""People who were lost last and may be found again."""
_END_ROWS: Final = 5


@dataclass
class _Track:
    """One tracking id in one take: its rows, in time."""

    rows: NDArray[np.intp]
    start: int
    end: int
    first_m: Floats
    last_m: Floats
    bones_m: Floats


def follow_people(
    take: NDArray[np.integer],
    tracking_id: NDArray[np.integer],
    time_100ns: NDArray[np.integer],
    place_m: Floats,
    length_m: Floats,
) -> NDArray[np.int64]:
    """Number the people of a session.

    Args:
        take: (P,) take of each tracked body.
        tracking_id: (P,) the sensor's id.
        time_100ns: (P,) device time.
        place_m: (P, 3) where it is, metres; NaN unknown.
        length_m: (P, L) lengths of its bones, metres; NaN unknown.

    Returns:
        (P,) int64, the same number for all ids of one person in one take, counted from 0.
    """
    person = np.zeros(len(take), np.int64)
    count = 0
    for number in np.unique(take):
        own = np.flatnonzero(take == number)
        lost: list[tuple[_Track, int]] = []
        for track in _tracks(own, tracking_id, time_100ns, place_m, length_m):
            before = _same_person(track, lost)
            if before is None:
                who, count = count, count + 1
            else:
                who = lost.pop(before)[1]
            lost = [*lost, (track, who)][-_LOOKS_BACK:]
            person[track.rows] = who
    return person


def _tracks(
    own: NDArray[np.intp],
    tracking_id: NDArray[np.integer],
    time_100ns: NDArray[np.integer],
    place_m: Floats,
    length_m: Floats,
) -> list[_Track]:
    """Return the tracks of a take, the first to begin first."""
    order = own[np.lexsort((time_100ns[own], tracking_id[own]))]
    found = []
    for rows in np.split(order, np.flatnonzero(np.diff(tracking_id[order])) + 1):
        if not len(rows):
            continue
        found.append(
            _Track(
                rows=rows,
                start=int(time_100ns[rows[0]]),
                end=int(time_100ns[rows[-1]]),
                first_m=_middle(place_m[rows[:_END_ROWS]]),
                last_m=_middle(place_m[rows[-_END_ROWS:]]),
                bones_m=_middle(length_m[rows]),
            )
        )
    return sorted(found, key=lambda one: one.start)


def _middle(values: Floats) -> Floats:
    """Return the median of each column, NaN left out; NaN for a column of them."""
    return np.array([_middle_of(column) for column in values.T])


def _middle_of(values: Floats) -> float:
    """Return the median of the values that are known; NaN for none."""
    known = np.sort(values[np.isfinite(values)])
    return float(known[(len(known) - 1) // 2]) if len(known) else float("nan")


def _same_person(track: _Track, lost: list[tuple[_Track, int]]) -> int | None:
    """Return which of the lost people a track goes on with; None: someone new.

    Args:
        track: The track that begins.
        lost: Tracks that began before, and who they are.
    """
    best: tuple[float, int] | None = None
    for at, (one, _) in enumerate(lost):
        away_s = (track.start - one.end) / SECOND_100NS
        if away_s <= 0:
            continue
        moved = float(np.linalg.norm(track.first_m - one.last_m))
        near = away_s <= NEAR_S and moved <= NEAR_M
        if (near or _same_size(track, one)) and (best is None or away_s < best[0]):
            best = away_s, at
    return None if best is None else best[1]


def _same_size(track: _Track, one: _Track) -> bool:
    """Return True if the bones of two tracks have the same lengths."""
    known = np.isfinite(track.bones_m) & np.isfinite(one.bones_m)
    if known.sum() < len(known) / 2:
        return False
    a, b = track.bones_m[known], one.bones_m[known]
    off = np.abs(a - b) / np.maximum(np.maximum(a, b), 1e-3)
    return bool(off.mean() <= SAME_SIZE)


def main_people(
    take: NDArray[np.integer], person: NDArray[np.integer], boxes: Floats, size_px: tuple[int, int]
) -> NDArray[np.bool_]:
    """Return which bodies belong to the person that a take is about.

    That is the one who is largest and most central: over the take, the sum of each body's height in
    the picture, less what its middle is off the picture's, is greatest.

    Args:
        take: (P,) take of each body.
        person: (P,) from ``follow_people``.
        boxes: (P, 4) x0, y0, x1, y1 of its keypoints, pixels; NaN for none.
        size_px: Width and height of the image.

    Returns:
        (P,) bool, one person in each take.
    """
    width, height = size_px
    tall = (boxes[:, 3] - boxes[:, 1]) / height
    off = np.abs((boxes[:, 0] + boxes[:, 2]) / 2 - (width - 1) / 2) / (width / 2)
    score = np.nan_to_num(tall * np.maximum(1.0 - 0.5 * off, 0.1)).clip(min=0.0)
    named = np.zeros(len(take), np.bool_)
    for number in np.unique(take):
        own = take == number
        who, of = np.unique(person[own], return_inverse=True)
        total = np.bincount(of, score[own], minlength=len(who))
        named |= own & (person == who[np.argmax(total)])
    return named
