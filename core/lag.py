"""How far the joints come behind the pictures, from the pictures themselves.

Where a hand moves, the picture changes: the speed of a projected wrist and the change of the
picture around it rise and fall together, and the shift in time at which they do so best is the lag.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .errors import KincapError
from .jpeg import decode_small

Floats = NDArray[np.float64]

LAG_WARNING_MS: Final = 33.0
TICK_S: Final = 1 / 30
LAGS_S: Final = np.arange(-6, 7) * TICK_S
"""Shifts that are tried: five frames either way, and one more on each side for the parabola."""
LEAST_MOTION_S: Final = 10.0
PIECE_S: Final = 3.0
MOST_PIECES: Final = 5
MOST_WORK_S: Final = 8.0
"""No more pictures are decoded after this time, however slow the machine."""

_FOCAL: Final = 0.563
"""Focal length of a Kinect's colour camera in widths of its picture; only sizes windows."""
_WINDOW_M: Final = 0.25
_NOISE: Final = 6
_MOVES: Final = 0.05
"""A wrist that moves so many widths of the picture a second moves."""
_LEAST_PEAK: Final = 0.5
_LEAST_GAIN: Final = 0.05
_PIECE_PEAK: Final = 0.6
_PIECE_GAIN: Final = 0.15
_LONGEST_STEP_S: Final = 0.05


@dataclass(frozen=True)
class WristTrack:
    """One person's wrists over R body rows that rise in time.

    Attributes:
        time_s: (R,) device time.
        px: (R, 2, 2) left and right wrist in the stored picture; not finite: nowhere.
        depth_m: (R, 2) their distance.
    """

    time_s: Floats
    px: Floats
    depth_m: Floats


@dataclass(frozen=True)
class Piece:
    """A stretch of consecutive pictures that the lag is measured in.

    Attributes:
        first: The first of its frames, an index into the take's.
        last: The last one, included.
    """

    first: int
    last: int


@dataclass(frozen=True)
class Lag:
    """How late the joints are.

    Attributes:
        ms: Positive: joints come behind the pictures; NaN where it can't be told.
        peak: Correlation at that shift, -1 to 1.
        gain: By how much more than without a shift.
        motion_s: How long a wrist moved in what was looked at.
        frames: Pictures that were looked at.
        pieces: Stretches whose own lag is large and certain, with it in ms.
    """

    ms: float
    peak: float
    gain: float
    motion_s: float
    frames: int
    pieces: tuple[tuple[Piece, float], ...] = ()

    @property
    def is_late(self) -> bool:
        """Whether it is sure and more than a frame."""
        return (
            abs(self.ms) > LAG_WARNING_MS and self.peak >= _LEAST_PEAK and self.gain >= _LEAST_GAIN
        )


UNKNOWN: Final = Lag(np.nan, np.nan, np.nan, 0.0, 0)


def measure_lag(
    frame_time_s: Floats,
    usable: NDArray[np.bool_],
    wrists: WristTrack,
    width: int,
    read: Callable[[int], bytes],
) -> Lag:
    """Measure the lag of a take.

    Args:
        frame_time_s: (F,) rising device times of the take's colour frames.
        usable: (F,) whether the picture changed since the one before it, and follows it closely.
        wrists: One person's.
        width: Of the picture, pixels.
        read: Gives a frame's JPEG by its index; may raise KincapError.

    Returns:
        The lag; ``ms`` is NaN where a wrist moved for less than 10 s of what was looked at.
    """
    speeds = _speeds(wrists)
    pieces = choose_pieces(frame_time_s, wrists, speeds, width)
    found, until = [], time.monotonic() + MOST_WORK_S
    for piece in pieces:
        if time.monotonic() > until:
            break
        found.append((piece, _energies(piece, frame_time_s, usable, wrists, width, read)))
    return _judge(found, speeds, width)


@dataclass(frozen=True)
class _Speeds:
    """Speed of both wrists: (S,) times between rows, (S, 2) pixels a second, NaN unknown."""

    time_s: Floats
    px_s: Floats


def _speeds(wrists: WristTrack) -> _Speeds:
    step = np.diff(wrists.time_s)
    with np.errstate(invalid="ignore", divide="ignore"):
        speed = np.linalg.norm(np.diff(wrists.px, axis=0), axis=-1) / step[:, None]
    speed[(step <= 0) | (step > 3 * TICK_S) | ~np.isfinite(speed).all(axis=1)] = np.nan
    middle = (wrists.time_s[1:] + wrists.time_s[:-1]) / 2
    smooth = speed.copy()
    if len(speed) > 2:
        # the noise of single joints is no motion
        smooth[1:-1] = (speed[:-2] + speed[1:-1] + speed[2:]) / 3
    return _Speeds(middle, smooth)


def choose_pieces(
    frame_time_s: Floats, wrists: WristTrack, speeds: "_Speeds", width: int
) -> list[Piece]:
    """Return up to ``MOST_PIECES`` stretches, spread over the take, in which wrists move most."""
    if len(frame_time_s) < 2 or len(speeds.time_s) < 2:
        return []
    start, end = frame_time_s[0], frame_time_s[-1]
    edges = np.arange(start, end + 1e-9, PIECE_S)
    parts = np.array_split(np.arange(len(edges)), min(MOST_PIECES, len(edges)))
    moves = np.nansum(np.nan_to_num(speeds.px_s) > _MOVES * width, axis=1)
    place = np.clip(((speeds.time_s - start) / PIECE_S).astype(int), 0, len(edges) - 1)
    moved = np.bincount(place, moves, minlength=len(edges))
    pieces = []
    for part in parts:
        best = part[np.argmax(moved[part])]
        first = int(np.searchsorted(frame_time_s, edges[best]))
        last = int(np.searchsorted(frame_time_s, edges[best] + PIECE_S)) - 1
        if moved[best] and last > first:
            pieces.append(Piece(first, last))
    return pieces


@dataclass(frozen=True)
class _Energy:
    """Change of the picture around each wrist: (E,) times, (E, 2) values, NaN unknown."""

    time_s: Floats
    value: Floats


def _energies(
    piece: Piece,
    frame_time_s: Floats,
    usable: NDArray[np.bool_],
    wrists: WristTrack,
    width: int,
    read: Callable[[int], bytes],
) -> _Energy:
    """Decode a piece's pictures, small and grey, and measure their change around the wrists."""
    frames = np.arange(piece.first, piece.last + 1)
    times = frame_time_s[frames]
    middle = (times[1:] + times[:-1]) / 2
    value = np.full((len(middle), 2), np.nan)
    centre = _at(middle, wrists.time_s, wrists.px.reshape(len(wrists.px), 4)).reshape(-1, 2, 2)
    depth = _at(middle, wrists.time_s, wrists.depth_m)
    before: NDArray[np.int16] | None = None
    for i, frame in enumerate(frames):
        try:
            picture = decode_small(read(int(frame))).astype(np.int16)
        except KincapError:
            before = None
            continue
        follows = i > 0 and usable[frame] and times[i] - times[i - 1] < _LONGEST_STEP_S
        if before is not None and follows and before.shape == picture.shape:
            scale = width / picture.shape[1]
            half = _FOCAL * _WINDOW_M * width / depth[i - 1].clip(min=0.5) / scale
            for side in range(2):
                value[i - 1, side] = _change(
                    before, picture, centre[i - 1, side] / scale, half[side]
                )
        before = picture
    return _Energy(middle, value)


def _at(times: Floats, known_s: Floats, values: Floats) -> Floats:
    """Return (T, K) values at some times, by (R,) times and (R, K) values."""
    columns = [np.interp(times, known_s, column) for column in values.T]
    return np.stack(columns, axis=-1)


def _change(
    before: NDArray[np.int16], now: NDArray[np.int16], centre: Floats, half: float
) -> float:
    """Return the mean change inside a window, noise taken off; NaN where it lies outside."""
    if not np.isfinite([*centre, half]).all():
        return np.nan
    height, width = now.shape
    x0, x1 = (int(np.clip(centre[0] + d, 0, width)) for d in (-half, half))
    y0, y1 = (int(np.clip(centre[1] + d, 0, height)) for d in (-half, half))
    if x1 - x0 < half or y1 - y0 < half:
        return np.nan
    change = np.abs(now[y0:y1, x0:x1] - before[y0:y1, x0:x1])
    return float((change - _NOISE).clip(min=0).mean())


def _judge(found: list[tuple[Piece, _Energy]], speeds: _Speeds, width: int) -> Lag:
    """Correlate all pieces together, and each one alone."""
    if not found:
        return UNKNOWN
    frames = sum(piece.last - piece.first + 1 for piece, _ in found)
    moving = sum(_motion_s(energy, speeds, width) for _, energy in found)
    late = []
    for piece, energy in found:
        ms, peak, gain = best_shift(correlations([energy], speeds, width))
        if abs(ms) > 1.5 * LAG_WARNING_MS and peak >= _PIECE_PEAK and gain >= _PIECE_GAIN:
            late.append((piece, ms))
    if moving < LEAST_MOTION_S:
        return Lag(np.nan, np.nan, np.nan, moving, frames, tuple(late))
    ms, peak, gain = best_shift(correlations([e for _, e in found], speeds, width))
    return Lag(ms, peak, gain, moving, frames, tuple(late))


def _motion_s(energy: _Energy, speeds: _Speeds, width: int) -> float:
    """Return how long a wrist moved while pictures could be compared."""
    speed = _at(energy.time_s, speeds.time_s, np.nan_to_num(speeds.px_s))
    moves = ((speed > _MOVES * width) & np.isfinite(energy.value)).any(axis=1)
    return float(moves.sum() * TICK_S)


def correlations(energies: list[_Energy], speeds: _Speeds, width: int) -> Floats:
    """Return (13,) how well speed and change agree at each of ``LAGS_S``, -1 to 1."""
    curve = np.zeros(len(LAGS_S))
    for place, shift in enumerate(LAGS_S):
        sides = []
        for side in range(2):
            change = np.concatenate([energy.value[:, side] for energy in energies])
            speed = np.concatenate(
                [np.interp(e.time_s + shift, speeds.time_s, speeds.px_s[:, side]) for e in energies]
            )
            sides.append(_correlation(np.log1p(change), np.log1p(speed / (0.025 * width))))
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
        The shift in ms, the curve there, and how much that is above the curve without a shift;
        NaN where the curve is unknown or its peak lies at its end.
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
