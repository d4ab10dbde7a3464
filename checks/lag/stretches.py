"""Stretches of a take in which joints come late for a few seconds.

The change around a moving wrist is the arm itself. Where joints are late, it is ahead of the wrist
by the lag times the wrist's velocity, in whichever direction the wrist moves. In three seconds this
is more certain than the amount of the change.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .wrist_images import MOVES, Floats, TakeImages, WristChanges, WristTrack, at, look, speeds

WINDOW_S: Final = 3.0
_STEP_S: Final = 0.5
_LEAST_WINDOWS: Final = 3
"""A lag shows in more than one moment: one window, or two, may be late by chance."""
_LEAST_STEPS: Final = 45
"""Moves of a wrist from image to image that a window needs."""
_LEAST_CHANGE: Final = 1.0
_LEAST_AHEAD_S: Final = 0.018
_LEAST_MATCH: Final = 0.5
_LEAST_SURE: Final = 5.0
LEAST_LAG_S: Final = 0.05
_MOST_LAG_S: Final = 0.25
_GUESS: Final = 1.4
_LOOKS: Final = 3
_MOST_LEFT: Final = 0.85
"""Reject a guess of the lag if more than this share of the distance ahead is left."""
_GONE: Final = 0.35
"""Accept a guess of the lag if less than this share of the distance ahead is left."""


@dataclass(frozen=True)
class Ahead:
    """Distance of the image ahead of the wrists in a window.

    Attributes:
        seconds: In time of the wrists' motion; the window cuts it to half the lag or more.
        match: Correlation of velocity and distance, -1 to 1.
        sure: ``seconds`` in multiples of its own uncertainty.
    """

    seconds: float
    match: float
    sure: float

    @property
    def is_late(self) -> bool:
        """True if a lag is likely."""
        return (
            abs(self.seconds) >= _LEAST_AHEAD_S
            and abs(self.match) >= _LEAST_MATCH
            and abs(self.sure) >= _LEAST_SURE
        )


@dataclass(frozen=True)
class Stretch:
    """A stretch with a lag of its own.

    Attributes:
        first: The first of its images, an index into the take's.
        last: The last one, included.
        ms: The lag; positive: joints come after the images.
    """

    first: int
    last: int
    ms: float


def late_stretches(
    pictures: TakeImages, persons: list[WristTrack], changes: WristChanges
) -> tuple[Stretch, ...]:
    """Find stretches in the images that were decoded.

    Args:
        pictures: The take's; those of a suspected stretch are decoded once more.
        persons: Whose wrists.
        changes: The changes around them.
    """
    middle = pictures.middle_s
    moves = velocities(middle, persons)
    late: list[tuple[float, Ahead]] = []
    for start in window_starts(middle, changes):
        first, last = np.searchsorted(middle, [start, start + WINDOW_S])
        ahead = measure_ahead(moves[first:last], changes, slice(first, last), pictures.width)
        if ahead is not None and ahead.is_late:
            late.append((start, ahead))
    groups = [group for group in _groups(late) if len(group) >= _LEAST_WINDOWS]
    found = [_stretch(group, pictures, persons) for group in groups]
    return tuple(stretch for stretch in found if stretch is not None)


def window_starts(middle: Floats, changes: WristChanges) -> list[float]:
    """Return the starts of windows in which enough images were decoded."""
    if not len(middle):
        return []
    known = np.append(0, np.cumsum(np.isfinite(changes.off_px[..., 0]).sum(axis=(1, 2))))
    starts = np.arange(middle[0], max(middle[-1] - WINDOW_S, middle[0]) + 1e-9, _STEP_S)
    first, last = np.searchsorted(middle, starts), np.searchsorted(middle, starts + WINDOW_S)
    return [float(start) for start in starts[known[last] - known[first] >= _LEAST_STEPS]]


def velocities(middle: Floats, persons: list[WristTrack]) -> Floats:
    """Return (E, P, 2, 2) velocities of the wrists between images, pixels/s; NaN unknown."""
    moves = [at(middle, time, px_s.reshape(-1, 4)) for time, px_s in map(speeds, persons)]
    return np.stack(moves, axis=1).reshape(len(middle), len(persons), 2, 2)


def measure_ahead(
    moves: Floats, changes: WristChanges, where: slice | NDArray[np.intp], width: int
) -> Ahead | None:
    """Compare velocities with the places of changes in some steps; None if little moves.

    Args:
        moves: (E, P, 2, 2) velocities in these steps, pixels/s.
        changes: Of the whole take.
        where: Its steps.
        width: Of the image, pixels.
    """
    value, off = changes.value[where], changes.off_px[where]
    known = (np.linalg.norm(moves, axis=-1) > MOVES * width) & (value > _LEAST_CHANGE)
    known &= np.isfinite(off).all(axis=-1)
    xs, ys = [], []
    for who, side in np.ndindex(known.shape[1:]):
        good = known[:, who, side]
        if good.sum() >= _LEAST_STEPS // 4:
            # a hand is beside its wrist on the same side, however it moves
            xs.append(moves[good, who, side] - moves[good, who, side].mean(axis=0))
            ys.append(off[good, who, side] - off[good, who, side].mean(axis=0))
    if sum(map(len, xs)) < _LEAST_STEPS:
        return None
    return fit_ahead(np.concatenate(xs).ravel(), np.concatenate(ys).ravel())


def fit_ahead(x: Floats, y: Floats) -> Ahead | None:
    """Fit y = seconds * x, outliers weighing less."""
    power = float(x @ x)
    if not power or not y.any():
        return None
    seconds = float(x @ y) / power
    for _ in range(3):
        apart = np.abs(y - seconds * x)
        weight = 1 / np.maximum(1, apart / (1.5 * np.median(apart) + 1e-9))
        seconds = float((weight * x) @ y) / float((weight * x) @ x)
    # steps that follow each other are not independent: their noise counts twice
    error = 2 * 1.4826 * float(np.median(np.abs(y - seconds * x))) / power**0.5
    return Ahead(seconds, float(np.corrcoef(x, y)[0, 1]), seconds / max(error, 1e-6))


def _groups(late: list[tuple[float, Ahead]]) -> list[list[tuple[float, Ahead]]]:
    """Join windows that overlap and are late in the same direction."""
    groups: list[list[tuple[float, Ahead]]] = []
    for start, ahead in late:
        before = groups[-1][-1] if groups else None
        together = before is not None and start - before[0] < WINDOW_S
        if together and before is not None and before[1].seconds * ahead.seconds > 0:
            groups[-1].append((start, ahead))
        else:
            groups.append([(start, ahead)])
    return groups


def _stretch(
    group: list[tuple[float, Ahead]],
    pictures: TakeImages,
    persons: list[WristTrack],
) -> Stretch | None:
    """Decode again around the places of the wrists by a first guess, to measure the lag itself.

    Returns:
        None if the guess does not hold: then something else moved there.
    """
    start, ahead = max(group, key=lambda one: abs(one[1].sure))
    first, last = (int(i) for i in np.searchsorted(pictures.middle_s, [start, start + WINDOW_S]))
    lag = _GUESS * ahead.seconds
    for _ in range(_LOOKS):
        guess = float(np.clip(lag, -_MOST_LAG_S, _MOST_LAG_S))
        rest = _ahead_at(guess, pictures, persons, first, last)
        if rest is None or rest.seconds / ahead.seconds > _MOST_LEFT:
            return None
        lag = guess * ahead.seconds / (ahead.seconds - rest.seconds)
        if abs(rest.seconds) < _GONE * abs(ahead.seconds):
            break
    else:
        return None
    if not LEAST_LAG_S <= abs(lag) <= _MOST_LAG_S:
        return None
    # its outermost windows reach beyond it
    begin, end = group[0][0] + WINDOW_S / 4, group[-1][0] + WINDOW_S * 3 / 4
    frames = np.searchsorted(pictures.time_s, [begin, end]).clip(max=len(pictures.time_s) - 1)
    return Stretch(int(frames[0]), int(frames[1]), 1e3 * lag)


def _ahead_at(
    shift_s: float, pictures: TakeImages, persons: list[WristTrack], first: int, last: int
) -> Ahead | None:
    """Measure once more, with wrists from rows later by a shift."""
    changes = WristChanges.unknown(len(pictures.time_s), len(persons))
    look(pictures, persons, first, last, changes, shift_s=shift_s)
    moves = velocities(pictures.middle_s[first:last] + shift_s, persons)
    return measure_ahead(moves, changes, slice(first, last), pictures.width)
