"""Bodies that can't be people: impossible sizes, and bodies that never move.

A sensor may track a chair, a coat or a mirror image as a body. Its joints are as steady and as
"tracked" as a person's; only its size or its stillness shows what it is. Bounds are wide enough for
a child of 1 m and for the errors of a sensor that sees half a person; logs of real people are far
from them.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..core.geometry import lengths
from ..core.skeleton import JOINT, KEYPOINT_JOINT

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]

WINDOW_S: Final = 2.0
"""Sizes are medians over this time."""
_LEAST_SAMPLES: Final = 5
_LEAST_SIZES: Final = 3
_BETWEEN_SAMPLES_S: Final = 0.15
STILL_S: Final = 10.0
"""A body must be seen at least this long before it can be called motionless."""
STILL_M: Final = 0.015
"""No keypoint's mean over a window leaves a box of this diagonal, metres."""

_POSSIBLE_M: Final = {
    "body": (0.6, 2.2),
    "trunk": (0.2, 1.0),
    "shoulders": (0.1, 0.8),
    "leg": (0.25, 1.5),
}
"""Bounds of lengths along the bones, metres: real bodies of 1 to 2.2 m, with room for errors."""
SIZES: Final = tuple(_POSSIBLE_M)


def _path(joints: Floats, *names: str) -> Floats:
    """Return (N,) the length of the way from joint to joint, metres."""
    places = joints[:, [JOINT[name] for name in names]]
    with np.errstate(invalid="ignore"):
        return np.asarray(lengths(np.diff(places, axis=1)).sum(axis=-1))


def body_sizes(joints: Floats) -> Floats:
    """Measure bodies along their bones, in any pose.

    Args:
        joints: (N, 25, 3) metres, camera space; NaN where not tracked.

    Returns:
        (N, 4) metres, in the order of ``SIZES``: head to ankle, spine's base to shoulders, shoulder
        to shoulder, hip to ankle (the longer leg). NaN where a joint is missing.
    """
    trunk = _path(joints, "SpineBase", "SpineMid", "SpineShoulder")
    head = _path(joints, "SpineShoulder", "Neck", "Head")
    shoulders = _path(joints, "ShoulderLeft", "ShoulderRight")
    legs = [
        _path(joints, f"Hip{side}", f"Knee{side}", f"Ankle{side}") for side in ("Left", "Right")
    ]
    leg = np.fmax(*legs)
    return np.stack([trunk + head + leg, trunk, shoulders, leg], axis=-1)


def impossible_size(joints: Floats) -> tuple[str, float] | None:
    """Return which size of one body is impossible.

    Args:
        joints: (N, 25, 3) the body over a short time, metres; NaN where not tracked.

    Returns:
        Name of the size and its median, metres; None if all are possible or unknown.
    """
    sizes = body_sizes(joints)
    for name, size in zip(SIZES, sizes.T, strict=True):
        known = size[np.isfinite(size)]
        if len(known) < max(_LEAST_SIZES, len(size) / 2):
            continue
        median, (least, most) = float(np.median(known)), _POSSIBLE_M[name]
        if not least <= median <= most:
            return name, median
    return None


def is_motionless(joints: Floats, time_s: Floats) -> bool:
    """Return True if a body never moves while it is seen.

    Args:
        joints: (N, 25, 3) all of one body, metres; NaN where not tracked for sure.
        time_s: (N,) rising times.
    """
    if not len(time_s) or time_s[-1] - time_s[0] < STILL_S:
        return False
    window = ((time_s - time_s[0]) / WINDOW_S).astype(int)
    points = joints[:, KEYPOINT_JOINT]
    lowest, highest = np.full((2, points.shape[1], 3), np.nan)
    windows = np.zeros(points.shape[1], int)
    for own in np.split(points, np.flatnonzero(np.diff(window)) + 1):
        known: Bools = np.asarray(np.isfinite(own).all(axis=-1))
        seen = known.sum(axis=0)
        total = np.where(known[..., None], own, 0.0).sum(axis=0)
        enough = seen >= _LEAST_SAMPLES
        mean = np.where(enough[:, None], total / np.maximum(seen, 1)[:, None], np.nan)
        lowest, highest = np.fmin(lowest, mean), np.fmax(highest, mean)
        windows += enough
    span = lengths(highest - lowest)
    # a keypoint that is seen half the time or less says nothing
    steady = span[windows > (window[-1] + 1) / 2]
    return len(steady) > 0 and bool((steady <= STILL_M).all())


@dataclass(frozen=True)
class Implausible:
    """A stretch of a body that can't be a person.

    Attributes:
        tracking_id: Whose.
        start_s: Where it begins, in the times that were given.
        end_s: Where it is over.
        text: Why.
    """

    tracking_id: int
    start_s: float
    end_s: float
    text: str


_WORDS: Final = {
    "body": "{:.2f} m from head to ankle",
    "trunk": "a trunk of {:.2f} m",
    "shoulders": "shoulders {:.2f} m apart",
    "leg": "legs of {:.2f} m",
}


def implausible_stretches(
    tracking_id: int, joints: Floats, sure: Bools, time_s: Floats
) -> list[Implausible]:
    """Return where one body can't be a person.

    Args:
        tracking_id: Its id.
        joints: (N, 25, 3) metres, NaN where not tracked.
        sure: (N, 25) tracked, not inferred.
        time_s: (N,) rising times.
    """
    if not len(time_s):
        return []
    # a clock that jumps by years within a take must not make more windows than samples
    count = min(int((time_s[-1] - time_s[0]) / WINDOW_S), len(time_s))
    edges = np.linspace(time_s[0], time_s[-1], max(count, 1) + 1)
    window = np.searchsorted(edges[1:-1], time_s, side="right")
    # not every row is a sample: those before the first and after the last one are like them
    edges[0], edges[-1] = edges[0] - _BETWEEN_SAMPLES_S, edges[-1] + _BETWEEN_SAMPLES_S
    if is_motionless(np.where(sure[..., None], joints, np.nan), time_s):
        text = f"it does not move in {time_s[-1] - time_s[0]:.0f} s"
        return [Implausible(tracking_id, float(edges[0]), float(edges[-1]), text)]
    found: list[Implausible] = []
    before = -2
    for number in np.unique(window):
        odd = impossible_size(joints[window == number])
        if odd is None:
            continue
        start, end = float(edges[number]), float(edges[number + 1])
        if number == before + 1:
            found[-1] = replace(found[-1], end_s=end)
        else:
            least, most = _POSSIBLE_M[odd[0]]
            text = f"{_WORDS[odd[0]].format(odd[1])} (expected {least} to {most} m)"
            found.append(Implausible(tracking_id, start, end, text))
        before = int(number)
    return found
