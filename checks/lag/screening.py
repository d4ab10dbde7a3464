"""A quick look at a piece of a take: is a closer look for late joints worth its time?

Only the wrist that moves most is looked at, where it moves most, in every second image. That is an
eighth of the work of a whole piece, and it misses little: what is late for seconds is late there.
"""

from typing import Final

import numpy as np

from .stretches import Ahead, fit_ahead
from .wrist_images import MOVES, Floats, TakeImages, WristTrack, at, look_at, speeds

SCREEN_S: Final = 1.4
STRIDE: Final = 2
_LEAST_STEPS: Final = 10
_LEAST_CHANGE: Final = 1.0
_LEAST_AHEAD_S: Final = 0.025
_LEAST_MATCH: Final = 0.4
_LEAST_SURE: Final = 1.2


def is_suspicious(
    images: TakeImages, persons: list[WristTrack], piece: tuple[int, int]
) -> tuple[bool, int]:
    """Return whether joints may be late in a piece, and how many images were decoded.

    Args:
        images: The take's.
        persons: Whose wrists.
        piece: Its first and last image.
    """
    ahead, decoded = screen(images, persons, piece)
    return ahead is not None and _may_be_late(ahead), decoded


def _may_be_late(ahead: Ahead) -> bool:
    return (
        abs(ahead.seconds) >= _LEAST_AHEAD_S
        and abs(ahead.match) >= _LEAST_MATCH
        and abs(ahead.sure) >= _LEAST_SURE
    )


def screen(
    images: TakeImages, persons: list[WristTrack], piece: tuple[int, int]
) -> tuple[Ahead | None, int]:
    """Measure how far ahead of the wrist that moves most the images are; None: can't be known."""
    first, last = piece
    middle = images.middle_s[first:last]
    best: tuple[float, WristTrack, int, Floats] | None = None
    for track in persons:
        times, px_s = speeds(track)
        moves = at(middle, times, px_s.reshape(-1, 4)).reshape(-1, 2, 2)
        speed = np.nan_to_num(np.linalg.norm(moves, axis=-1))
        for side in range(2):
            total = float(speed[:, side].sum())
            if best is None or total > best[0]:
                best = total, track, side, speed[:, side]
    if best is None:
        return None, 0
    _, track, side, speed = best
    count = max(round(SCREEN_S * len(middle) / max(middle[-1] - middle[0], 1e-6)), STRIDE)
    sums = np.convolve(speed, np.ones(min(count, len(speed))), "valid")
    begin = first + int(np.argmax(sums))
    frames = np.arange(begin, min(begin + count, last) + 1, STRIDE)
    seen = look_at(images, track, side, frames)
    times, px_s = speeds(track)
    moves = at(seen.time_s, times, px_s[:, side])
    known = (np.linalg.norm(moves, axis=-1) > MOVES * images.width) & (seen.value > _LEAST_CHANGE)
    known &= np.isfinite(seen.off_px).all(axis=-1)
    if known.sum() < _LEAST_STEPS:
        return None, len(frames)
    x, y = moves[known], seen.off_px[known]
    return fit_ahead((x - x.mean(axis=0)).ravel(), (y - y.mean(axis=0)).ravel()), len(frames)
