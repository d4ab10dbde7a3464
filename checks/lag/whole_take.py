"""The lag of a whole take, by the place of changes beside the wrists.

Where joints are late all the time, the change around each moving wrist is ahead of it, in every
part of the take. Looked at again around the places of later rows, it is not: the shift at which
nothing is left is the lag. This is more certain than the amount of the change, which tells little
apart in slow motion.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from .stretches import WINDOW_S, Ahead, measure_ahead, velocities, window_starts
from .wrist_images import TakeImages, WristChanges, WristTrack, look

_LEAST_SURE: Final = 5.0
_LEAST_MATCH: Final = 0.2
_LEAST_WINDOWS: Final = 4
_AGREE: Final = 0.75
"""Share of the windows that must be late by at least ``_OF_ALL`` of what the take is."""
_OF_ALL: Final = 0.3
_GUESS: Final = 1.4
_LOOKS: Final = 4
_LEFT_S: Final = 0.003
"""A shift at which less than this is left is the lag."""
_LEFT_SHARE: Final = 0.15
"""The best guess holds if at most this share of the first distance is left."""
_MOST_GROWTH: Final = 1.8
_MOST_LAG_S: Final = 0.4
_MOST_IMAGES: Final = 360
"""Images that are looked at again at each guess: 12 s."""

Piece = tuple[int, int]


@dataclass(frozen=True)
class WholeLag:
    """A lag of a whole take.

    Attributes:
        ms: Positive: joints come after the images.
        sure: In multiples of its own uncertainty.
        frames: Images that were decoded again to measure it.
    """

    ms: float
    sure: float
    frames: int


def whole_lag(
    images: TakeImages, persons: list[WristTrack], changes: WristChanges, pieces: list[Piece]
) -> WholeLag | None:
    """Measure the lag of a take of which some pieces were looked at; None: none is certain.

    Args:
        images: The take's.
        persons: Whose wrists.
        changes: The changes around them.
        pieces: First and last image of the pieces that were looked at, the most telling ones first.
    """
    ahead = _ahead(images, persons, changes, pieces, 0.0)
    if ahead is None or abs(ahead.sure) < _LEAST_SURE or abs(ahead.match) < _LEAST_MATCH:
        return None
    if not _all_agree(images, persons, changes, ahead):
        return None
    again = _first_of(pieces)
    first = _ahead(images, persons, changes, again, 0.0)
    if first is None or first.seconds * ahead.seconds <= 0:
        return None
    search = _Search(first.seconds)
    for _ in range(_LOOKS):
        guess = search.guess()
        shifted = WristChanges.unknown(len(images.time_s), len(persons))
        for begin, end in again:
            look(images, persons, begin, end, shifted, shift_s=guess)
        rest = _ahead(images, persons, shifted, again, guess)
        if rest is None:
            return None
        search.add(guess, rest.seconds)
        if search.left_s < _LEFT_S:
            break
    if search.left_s > abs(first.seconds) * _LEFT_SHARE:
        return None  # no guess holds: something else moves there
    frames = sum(end - begin for begin, end in again) * search.looks
    return WholeLag(1e3 * search.best_s, ahead.sure, frames)


class _Search:
    """Finds the shift at which nothing is left, from 0 on in the direction of the first distance.

    Args:
        first_s: What the images are ahead without a shift, in seconds of the wrists' motion.
    """

    def __init__(self, first_s: float) -> None:
        self._sign = 1.0 if first_s > 0 else -1.0
        # by the size of the shift what is left of it, positive where the shift is too small
        self._left = {0.0: abs(first_s)}

    @property
    def looks(self) -> int:
        """Guesses that were tried."""
        return len(self._left) - 1

    @property
    def best_s(self) -> float:
        """The shift at which least is left, seconds."""
        return self._sign * min(self._left, key=lambda shift: abs(self._left[shift]))

    @property
    def left_s(self) -> float:
        """The distance that is left at the best shift, seconds."""
        return min(map(abs, self._left.values()))

    def add(self, shift_s: float, left_s: float) -> None:
        """Take what is left at a shift."""
        self._left[abs(shift_s)] = self._sign * left_s

    def guess(self) -> float:
        """Return the next shift to try, seconds."""
        low = max(shift for shift, left in self._left.items() if left > 0)
        beyond = [shift for shift in self._left if shift > low]
        if beyond:
            high = min(beyond)
            share = self._left[low] / (self._left[low] - self._left[high])
            size = low + float(np.clip(share, 0.1, 0.9)) * (high - low)
        elif low:
            gone = self._left[0.0] - self._left[low]
            steep = gone / low if gone > 0 else 0.0
            size = low + self._left[low] / steep if steep else _MOST_GROWTH * low
            size = min(size, _MOST_GROWTH * low)
        else:
            size = _GUESS * self._left[0.0]
        return self._sign * min(size, _MOST_LAG_S)


def _first_of(pieces: list[Piece]) -> list[Piece]:
    """Return the first pieces, as many as may be looked at again."""
    total = 0
    chosen: list[Piece] = []
    for begin, end in pieces:
        total += end - begin
        if chosen and total > _MOST_IMAGES:
            break
        chosen.append((begin, end))
    return chosen


def _ahead(
    images: TakeImages,
    persons: list[WristTrack],
    changes: WristChanges,
    pieces: list[Piece],
    shift_s: float,
) -> Ahead | None:
    """Compare velocities with the places of changes in all steps of some pieces."""
    steps = np.unique(np.concatenate([np.arange(begin, end) for begin, end in pieces]))
    moves = velocities(images.middle_s[steps] + shift_s, persons)
    return measure_ahead(moves, changes, steps, images.width)


def _all_agree(
    images: TakeImages, persons: list[WristTrack], changes: WristChanges, ahead: Ahead
) -> bool:
    """Return True if the take is late in nearly all of its windows, not in one stretch of it."""
    middle = images.middle_s
    moves = velocities(middle, persons)
    late = []
    for start in window_starts(middle, changes):
        own = slice(*np.searchsorted(middle, [start, start + WINDOW_S]).tolist())
        one = measure_ahead(moves[own], changes, own, images.width)
        if one is not None:
            late.append(one.seconds / ahead.seconds > _OF_ALL)
    return len(late) >= _LEAST_WINDOWS and float(np.mean(late)) >= _AGREE
