"""The lag of joints after the images, measured from the images themselves.

Where a hand moves, the image changes: the speed of a projected wrist and the change of the image
around it rise and fall together. The shift in time at which they agree best is the lag.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ...core.units import TICK_S
from .screening import is_suspicious
from .stretches import Stretch, late_stretches
from .whole_take import whole_lag
from .wrist_images import MOVES, Floats, TakeImages, WristChanges, WristTrack, look, speeds

LAG_WARNING_MS: Final = 33.0
LAGS_S: Final = np.arange(-6, 7) * TICK_S
"""Shifts that are tried: five frames either way, and one more on each side for the parabola."""
LEAST_MOTION_S: Final = 10.0
PIECE_S: Final = 3.0
SPREAD: Final = 5
"""Pieces, spread over the take, that are looked at before all others."""
ENOUGH_MOTION_S: Final = 20.0
"""With this much motion, the lag of the whole take is known well enough."""
MOST_IMAGES: Final = 1500
"""Images that are decoded of a session: about 1.5 s of work, on every machine the same ones."""
MOST_CLOSE: Final = 0.5
"""Share of the images that the lag of the whole take may need."""

_MARGIN: Final = 30
"""Images before and after a suspicious piece that are looked at with it."""
_LEAST_PEAK: Final = 0.5
_LEAST_GAIN: Final = 0.05


@dataclass(frozen=True)
class Lag:
    """A lag of joints.

    Attributes:
        ms: Positive: joints come after the images; NaN if unknown.
        peak: Correlation at that shift, -1 to 1.
        gain: Correlation there minus that without a shift.
        motion_s: Time in which a wrist moved in the images that were decoded.
        frames: Images that were decoded.
        stretches: Stretches with a large and certain lag of their own.
        sure: The lag in multiples of its uncertainty, where it was measured by the place of the
            changes; NaN: by their amount, or unknown.
    """

    ms: float
    peak: float
    gain: float
    motion_s: float
    frames: int
    stretches: tuple[Stretch, ...] = ()
    sure: float = np.nan

    @property
    def is_late(self) -> bool:
        """True if it is certain and longer than a frame."""
        certain = self.peak >= _LEAST_PEAK and self.gain >= _LEAST_GAIN
        return abs(self.ms) > LAG_WARNING_MS and (certain or np.isfinite(self.sure))


UNKNOWN: Final = Lag(np.nan, np.nan, np.nan, 0.0, 0)


def measure_lag(
    images: TakeImages, persons: list[WristTrack], *, most: int | None = MOST_IMAGES
) -> Lag:
    """Measure the lag of a take.

    Whole pieces are looked at until the lag of the take is known. Where it is in time, the other
    pieces are screened, and those in which joints may be late are looked at as a whole.

    Args:
        images: The take's.
        persons: Wrists of all people.
        most: Images that are decoded at most; None: as many as needed.

    Returns:
        The lag, by the wrists of the person who moved most; ``ms`` is NaN if that was for less
        than 10 s of the images that were decoded.
    """
    persons = [track for track in persons if len(track.time_s) > 1]
    if not persons or len(images.time_s) < 2:
        return UNKNOWN
    pieces, frames = choose_pieces(images, persons), 0
    if not pieces:
        return UNKNOWN
    changes = WristChanges.unknown(len(images.time_s), len(persons))
    close = np.inf if most is None else max(MOST_CLOSE * most, PIECE_S / TICK_S)
    looked = 0
    for first, last in pieces:
        if frames + last - first > close:
            break
        look(images, persons, first, last, changes)
        frames, looked = frames + last - first, looked + 1
        if looked >= SPREAD:
            moving = _most_motion(images, persons, changes).seconds(images.width)
            if moving >= ENOUGH_MOTION_S:
                break
    motion = _most_motion(images, persons, changes)
    lag = _lag_of(motion, images.width, frames)
    if np.isfinite(lag.peak):
        placed = whole_lag(images, persons, changes, pieces[:looked])
        if placed is not None:
            frames += placed.frames
            lag = replace(lag, ms=placed.ms, sure=placed.sure, frames=frames)
    if lag.is_late:
        return lag
    for first, last in pieces[looked:]:
        if most is not None and frames >= most:
            break
        suspicious, decoded = is_suspicious(images, persons, (first, last))
        frames += decoded
        if suspicious:
            around = max(first - _MARGIN, 0), min(last + _MARGIN, len(images.time_s) - 1)
            look(images, persons, *around, changes)
            frames += around[1] - around[0]
    stretches = late_stretches(images, persons, changes)
    return replace(lag, frames=frames, stretches=stretches)


def _most_motion(images: TakeImages, persons: list[WristTrack], changes: WristChanges) -> "_Motion":
    """Return the motion of the person who moved most in the images that were decoded."""
    motions = [_Motion.of(images, persons, who, changes) for who in range(len(persons))]
    return max(motions, key=lambda one: one.seconds(images.width))


def _lag_of(motion: "_Motion", width: int, frames: int) -> Lag:
    """Return the lag by one person's motion; unknown where that is too little."""
    moving = motion.seconds(width)
    if moving < LEAST_MOTION_S:
        return Lag(np.nan, np.nan, np.nan, moving, frames)
    ms, peak, gain = best_shift(_correlations(motion, width))
    return Lag(ms, peak, gain, moving, frames)


def choose_pieces(pictures: TakeImages, persons: list[WristTrack]) -> list[tuple[int, int]]:
    """Return pieces of 3 s in which wrists move, the first and last image of each.

    The first ones are spread over the take; then come those in which wrists move most.
    """
    begin, end = pictures.time_s[0], pictures.time_s[-1]
    if (end - begin) / PIECE_S > len(pictures.time_s):
        return []  # its clock jumped by hours: no piece of it has images in a row
    edges = np.arange(begin, end + 1e-9, PIECE_S)
    moved = np.zeros(len(edges))
    for track in persons:
        times, px_s = speeds(track)
        fast = np.linalg.norm(np.nan_to_num(px_s), axis=-1) > MOVES * pictures.width
        place = np.clip((times - begin) / PIECE_S, 0, len(edges) - 1).astype(int)
        moved += np.bincount(place, fast.sum(axis=1), minlength=len(edges))
    parts = np.array_split(np.arange(len(edges)), min(SPREAD, len(edges)))
    order = [int(part[np.argmax(moved[part])]) for part in parts]
    order += [int(piece) for piece in np.argsort(-moved, kind="stable")]
    pieces = []
    for piece in dict.fromkeys(order):
        # the image before it belongs to it: the change since then is its first one
        first = int(np.searchsorted(pictures.time_s, edges[piece])) - 1
        last = int(np.searchsorted(pictures.time_s, edges[piece] + PIECE_S)) - 1
        if moved[piece] and last > max(first, 0):
            pieces.append((max(first, 0), last))
    return pieces


@dataclass(frozen=True)
class _Motion:
    """One person's wrists and the changes around them.

    Attributes:
        time_s: (E,) times of the changes.
        change: (E, 2) changes, NaN unknown.
        known_s: (R,) times of the speeds.
        px_s: (R, 2) speeds, pixels a second, NaN unknown.
    """

    time_s: Floats
    change: Floats
    known_s: Floats
    px_s: Floats

    @classmethod
    def of(
        cls, pictures: TakeImages, persons: list[WristTrack], who: int, changes: WristChanges
    ) -> "_Motion":
        """Take one person's."""
        times, px_s = speeds(persons[who])
        return cls(pictures.middle_s, changes.value[:, who], times, np.linalg.norm(px_s, axis=-1))

    def speed(self, shift_s: float, side: int) -> Floats:
        """Return (E,) the speed of a wrist at a time after the images."""
        return np.interp(self.time_s + shift_s, self.known_s, self.px_s[:, side])

    def seconds(self, width: int) -> float:
        """Return how long a wrist moved while images could be compared."""
        speed = np.stack([self.speed(0.0, side) for side in range(2)], axis=-1)
        moves = ((speed > MOVES * width) & np.isfinite(self.change)).any(axis=1)
        return float(moves.sum() * TICK_S)


def _correlations(motion: _Motion, width: int) -> Floats:
    """Return (13,) the correlation of speed and change at each of ``LAGS_S``, -1 to 1."""
    curve = np.zeros(len(LAGS_S))
    looked = np.isfinite(motion.change).any(axis=1)
    seen = _Motion(motion.time_s[looked], motion.change[looked], motion.known_s, motion.px_s)
    for place, shift in enumerate(LAGS_S):
        sides = [
            _correlation(
                np.log1p(seen.change[:, side]), np.log1p(seen.speed(shift, side) / (0.025 * width))
            )
            for side in range(2)
        ]
        curve[place] = np.nanmean(sides) if np.isfinite(sides).any() else np.nan
    return curve


def _correlation(a: Floats, b: Floats) -> float:
    """Return the correlation of two series where both are known; NaN where one never changes."""
    known = np.isfinite(a) & np.isfinite(b)
    a, b = a[known], b[known]
    if len(a) < 15 or a.std() < 1e-6 or b.std() < 1e-6:
        return np.nan
    return float(np.corrcoef(a, b)[0, 1])


def best_shift(curve: Floats) -> tuple[float, float, float]:
    """Find the peak of a curve over ``LAGS_S``, between the shifts by a parabola.

    Returns:
        The shift in ms, the curve there, and its height above the curve without a shift;
        NaN where the curve is unknown or its peak is at its end.
    """
    if not np.isfinite(curve).all():
        return np.nan, np.nan, np.nan
    top = int(np.argmax(curve))
    if not 0 < top < len(curve) - 1:
        return np.nan, float(curve[top]), np.nan
    before, peak, behind = curve[top - 1 : top + 2]
    bend = before - 2 * peak + behind
    part = (before - behind) / (2 * bend) if bend else 0.0
    ms = 1e3 * (LAGS_S[top] + part * TICK_S)
    return float(ms), float(peak), float(peak - curve[len(curve) // 2])
