"""Changes of images around projected wrists: their amount, and their place beside the wrist."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.errors import KincapError
from ...core.jpeg_parts.windows import SmallPicture
from ...core.units import TICK_S

Floats = NDArray[np.float64]

MOVES: Final = 0.05
"""Speed from which a wrist counts as moving, widths of the image a second."""
_FOCAL: Final = 0.563
"""Focal length of a Kinect's colour camera in widths of its image; only sizes windows."""
_WINDOW_M: Final = 0.25
_NOISE: Final = 6
_LONGEST_STEP_S: Final = 0.05
_NEAREST_M: Final = 0.5
_KEPT_OPEN: Final = 120
"""Images that stay open, 40 MB: those of a stretch that is looked at again."""


@dataclass(frozen=True)
class WristTrack:
    """One person's wrists over R body rows that rise in time.

    Attributes:
        time_s: (R,) device time.
        px: (R, 2, 2) left and right wrist in the stored image; not finite: no position.
        depth_m: (R, 2) their distance.
    """

    time_s: Floats
    px: Floats
    depth_m: Floats


@dataclass(frozen=True)
class TakeImages:
    """The images of a take.

    Attributes:
        time_s: (F,) rising device times.
        usable: (F,) whether one changed since the one before it, and follows it closely.
        width: Of the stored image, pixels.
        read: Gives a frame's JPEG by its index; may raise KincapError.
    """

    time_s: Floats
    usable: NDArray[np.bool_]
    width: int
    read: Callable[[int], bytes]
    _opened: dict[int, SmallPicture | None] = field(default_factory=dict, init=False, repr=False)

    def open(self, frame: int) -> SmallPicture | None:
        """Return an image of which nothing is decoded yet; None if it is damaged.

        The last ones stay open: a closer look decodes little that was not decoded before.
        """
        if frame not in self._opened:
            if len(self._opened) >= _KEPT_OPEN:
                del self._opened[next(iter(self._opened))]
            try:
                self._opened[frame] = SmallPicture(self.read(frame))
            except KincapError:
                self._opened[frame] = None
        return self._opened[frame]

    @property
    def middle_s(self) -> Floats:
        """(F - 1,) times between each image and the next."""
        return (self.time_s[1:] + self.time_s[:-1]) / 2


@dataclass(frozen=True)
class WristChanges:
    """Changes around the wrists of P people between F images; NaN if unknown.

    Attributes:
        value: (F - 1, P, 2) mean change within the window of each wrist, noise taken off.
        off_px: (F - 1, P, 2, 2) its centre beside the wrist, pixels of the stored image.
    """

    value: Floats
    off_px: Floats

    @classmethod
    def unknown(cls, pictures: int, persons: int) -> "WristChanges":
        """Return changes that are all unknown."""
        steps = max(pictures - 1, 0)
        return cls(np.full((steps, persons, 2), np.nan), np.full((steps, persons, 2, 2), np.nan))


def speeds(track: WristTrack) -> tuple[Floats, Floats]:
    """Return (R - 1,) times between rows and (R - 1, 2, 2) velocities of both wrists, pixels/s.

    The noise of single joints is not motion: three steps are averaged. NaN if rows are missing.
    """
    step = np.diff(track.time_s)
    with np.errstate(invalid="ignore", divide="ignore"):
        speed = np.diff(track.px, axis=0) / step[:, None, None]
    speed[(step <= 0) | (step > 3 * TICK_S) | ~np.isfinite(speed).all(axis=(1, 2))] = np.nan
    smooth = speed.copy()
    if len(speed) > 2:
        smooth[1:-1] = (speed[:-2] + speed[1:-1] + speed[2:]) / 3
    return (track.time_s[1:] + track.time_s[:-1]) / 2, smooth


def at(times: Floats, known_s: Floats, values: Floats) -> Floats:
    """Return (T, K) values at some times, by (R,) times and (R, K) values."""
    columns = [np.interp(times, known_s, column) for column in values.T]
    return np.stack(columns, axis=-1)


def look(
    pictures: TakeImages,
    persons: list[WristTrack],
    first: int,
    last: int,
    changes: WristChanges,
    *,
    shift_s: float = 0.0,
) -> None:
    """Decode some images around the wrists and note the changes there.

    Args:
        pictures: The take's.
        persons: Whose wrists.
        first: The first image.
        last: The last one, included.
        changes: Filled in between these images.
        shift_s: Wrists are taken from rows later by this.
    """
    steps = np.arange(first, last)
    places = [_places(pictures.middle_s[first:last] + shift_s, track) for track in persons]
    before: SmallPicture | None = None
    for frame in range(first, last + 1):
        now = pictures.open(frame)
        step = frame - 1
        close = frame > first and pictures.usable[frame]
        close = close and pictures.time_s[frame] - pictures.time_s[step] < _LONGEST_STEP_S
        if now is not None and before is not None and close and before.width == now.width:
            scale = pictures.width / now.width
            for who, (centre, depth) in enumerate(places):
                i = step - steps[0]
                half = _FOCAL * _WINDOW_M * now.width / depth[i].clip(min=_NEAREST_M)
                for side in range(2):
                    found = _change(before, now, centre[i, side] / scale, half[side])
                    changes.value[step, who, side] = found[0]
                    changes.off_px[step, who, side] = np.array(found[1:]) * scale
        before = now


@dataclass(frozen=True)
class WristChange:
    """Changes around one wrist between some images, S steps.

    Attributes:
        time_s: (S,) middle of each step.
        value: (S,) as in ``WristChanges``.
        off_px: (S, 2) as in ``WristChanges``.
    """

    time_s: Floats
    value: Floats
    off_px: Floats


def look_at(
    images: TakeImages, track: WristTrack, side: int, frames: NDArray[np.integer]
) -> WristChange:
    """Decode some images around one wrist and note the changes from one to the next.

    Args:
        images: The take's.
        track: Whose wrist.
        side: 0 left, 1 right.
        frames: (S + 1,) rising indices of images.
    """
    times = images.time_s[frames]
    middle = (times[1:] + times[:-1]) / 2
    centre, depth = _places(middle, track)
    value, off_px = np.full(len(middle), np.nan), np.full((len(middle), 2), np.nan)
    before: SmallPicture | None = None
    for step, frame in enumerate(frames.tolist(), -1):
        now = images.open(frame)
        if now is not None and before is not None and step >= 0 and now.width == before.width:
            between = slice(int(frames[step]) + 1, frame + 1)
            close = times[step + 1] - times[step] < _LONGEST_STEP_S * (frame - frames[step])
            if close and images.usable[between].all():
                scale = images.width / now.width
                half = _FOCAL * _WINDOW_M * now.width / max(depth[step, side], _NEAREST_M)
                found = _change(before, now, centre[step, side] / scale, half)
                value[step], off_px[step] = found[0], np.array(found[1:]) * scale
        before = now
    return WristChange(middle, value, off_px)


def _places(times: Floats, track: WristTrack) -> tuple[Floats, Floats]:
    """Return (T, 2, 2) wrists, NaN if no rows are near, and (T, 2) their distance."""
    centre = at(times, track.time_s, track.px.reshape(len(track.px), 4)).reshape(-1, 2, 2)
    behind = np.searchsorted(track.time_s, times)
    inside = (behind > 0) & (behind < len(track.time_s))
    behind = behind.clip(1, max(len(track.time_s) - 1, 1))
    if len(track.time_s) > 1:
        inside &= track.time_s[behind] - track.time_s[behind - 1] <= 3 * TICK_S
    centre[~inside] = np.nan
    return centre, at(times, track.time_s, track.depth_m)


def _change(
    before: SmallPicture, now: SmallPicture, centre: Floats, half: float
) -> tuple[float, float, float]:
    """Return the mean change inside a window, noise taken off, and its centre beside the wrist.

    NaN if the window is not inside the image, or nothing can be decoded.
    """
    nothing = np.nan, np.nan, np.nan
    if not np.isfinite([*centre, half]).all():
        return nothing
    x0, x1 = (int(np.clip(centre[0] + d, 0, now.width)) for d in (-half, half))
    y0, y1 = (int(np.clip(centre[1] + d, 0, now.height)) for d in (-half, half))
    if x1 - x0 < half or y1 - y0 < half:
        return nothing
    try:
        old, new = (one.window(x0, y0, x1, y1).astype(np.int16) for one in (before, now))
    except KincapError:
        return nothing
    change = (np.abs(new - old) - _NOISE).clip(min=0)
    total = int(change.sum())
    whole = x1 - x0 >= 1.8 * half and y1 - y0 >= 1.8 * half
    if not total or not whole:  # a window cut by the image's edge would pull the centre inwards
        return total / change.size, np.nan, np.nan
    x = change.sum(axis=0) @ np.arange(x0, x1) / total + 0.5 - centre[0]
    y = change.sum(axis=1) @ np.arange(y0, y1) / total + 0.5 - centre[1]
    return total / change.size, float(x), float(y)
