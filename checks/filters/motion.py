"""Motion that no body makes: joints that jump, tremble, race, or do not move at all.

All take N bodies, each after the one that it follows, and ``linked`` (N,) bool, whether a body is
the same person as the one before it in the array, at most a few frames later. Inputs are not
modified, NaN never triggers a check.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.geometry import lengths
from ...core.skeleton import JOINT, JOINTS, KEYPOINT_JOINT
from ...core.units import TICK_S
from .bodies import Bools, Floats
from .settings import FilterSettings

FOOT_NOISE_M: Final = 0.09
ANKLE_NOISE_M: Final = 0.03
"""Mean distance of a foot and its ankle from the mean of their neighbours in time, over half a
second. A single guessed foot is not steady either; what counts is that ankle and foot jump."""
_HAND_M: Final = 0.25
"""Hands, thumbs and feet are not keypoints; they may be farther from their neighbours in time."""
_WRISTS: Final = [JOINT["WristLeft"], JOINT["WristRight"]]
_ELBOWS: Final = [JOINT["ElbowLeft"], JOINT["ElbowRight"]]
_FEET: Final = [JOINT[part + side] for part in ("Ankle", "Foot") for side in ("Left", "Right")]
_WINDOW: Final = 15
_AWAY: Final = 15
"""A joint that comes back after at most this many rows was away: half a second."""


def spikes(joints: Floats, linked: Bools, settings: FilterSettings) -> Bools:
    """Return which joints are for one frame far from where they are before and after.

    Args:
        joints: (N, 25, 3) metres.
        linked: (N,) whether each follows the one before it.
        settings: ``outlier_m`` and ``outlier_wrist_m``.

    Returns:
        (N, 25) bool.
    """
    alone = np.zeros(joints.shape[:2], np.bool_)
    if len(joints) < 3:
        return alone
    most = np.full(JOINTS, _HAND_M)
    most[KEYPOINT_JOINT] = settings.outlier_m
    most[_WRISTS] = settings.outlier_wrist_m
    off, apart = _from_neighbours(joints)
    both = linked[1:-1] & linked[2:]
    with np.errstate(invalid="ignore"):
        alone[1:-1] = (off > most) & (apart < off) & both[:, None]
    return alone


def _from_neighbours(joints: Floats) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return (N - 2, J) how far from the mean of its neighbours each is, and how far those are."""
    before: Floats = joints[:-2]
    behind: Floats = joints[2:]
    return lengths(joints[1:-1] - (before + behind) / 2), lengths(behind - before)


def too_fast(
    joints: Floats, linked: Bools, time_s: Floats | None, settings: FilterSettings
) -> Bools:
    """Return which joints move faster than any body does.

    A joint that leaves too fast and comes back within half a second is named while it is away; of
    a single fast step, both ends are named: nothing tells which one is wrong.

    Args:
        joints: (N, 25, 3) metres.
        linked: (N,) whether each follows the one before it.
        time_s: (N,) device times, seconds; None: 30 in a second.
        settings: ``speed_wrist_m_s``, ``speed_elbow_m_s`` and ``speed_m_s``.

    Returns:
        (N, 25) bool, keypoints' joints only.
    """
    named = np.zeros(joints.shape[:2], np.bool_)
    if len(joints) < 2:
        return named
    most = np.full(JOINTS, np.inf)
    most[KEYPOINT_JOINT] = settings.speed_m_s
    most[_ELBOWS], most[_WRISTS] = settings.speed_elbow_m_s, settings.speed_wrist_m_s
    span = np.full(len(joints) - 1, TICK_S) if time_s is None else np.diff(time_s)
    with np.errstate(invalid="ignore"):
        moved = lengths(joints[1:] - joints[:-1])
        # a late row is compared by the sensor's own period: nothing is infinitely fast
        fast = moved > most * np.maximum(span, TICK_S / 2)[:, None]
    fast = np.vstack([named[:1], fast & linked[1:, None]])
    return _while_away(fast, joints, linked)


def _while_away(fast: Bools, joints: Floats, linked: Bools) -> Bools:
    """Return which joints are away between two steps, or at either end of a single step.

    Args:
        fast: (N, 25) where the step from the row before is too long.
        joints: (N, 25, 3) metres.
        linked: (N,) whether each follows the one before it.
    """
    joint, row = np.nonzero(fast.T)
    named = fast.copy()
    named[:-1] |= fast[1:]
    if len(row) < 2:
        return named
    run = np.cumsum(~linked)
    first, then, of = row[:-1], row[1:], joint[:-1]
    home, back = joints[first - 1, of], joints[then, of]
    with np.errstate(invalid="ignore"):
        away = np.linalg.norm(joints[first, of] - home, axis=-1)
        returned = np.linalg.norm(back - home, axis=-1) < away / 2
    returned &= (of == joint[1:]) & (then - first <= _AWAY) & (run[first] == run[then])
    # of a row of such pairs every second one is the joint at home again
    place = np.arange(len(returned))
    begins = np.maximum.accumulate(np.where(returned, -1, place))
    returned &= (place - begins) % 2 == 1
    for at in np.flatnonzero(returned):
        named[first[at] : then[at], of[at]] = True
        named[[first[at] - 1, then[at]], of[at]] = False
    return named


def feet_noise(joints: Floats, linked: Bools) -> Bools:
    """Return where feet or ankles jump about rather than move, over half a second.

    Args:
        joints: (N, 25, 3) metres.
        linked: (N,) whether each follows the one before it.
    """
    if len(joints) < _WINDOW:
        return np.zeros(len(joints), np.bool_)
    off = np.zeros((len(joints), len(_FEET)))
    inner, _ = _from_neighbours(joints[:, _FEET])
    # a leap of a metre is an outlier, not noise
    off[1:-1] = np.where(
        (linked[1:-1] & linked[2:])[:, None], np.nan_to_num(inner).clip(max=0.3), 0.0
    )
    sums = np.cumsum(np.vstack([np.zeros(len(_FEET)), off]), axis=0)
    around = np.arange(len(joints))
    first = (around - _WINDOW // 2).clip(min=0)
    last = (around + _WINDOW // 2 + 1).clip(max=len(joints))
    mean = (sums[last] - sums[first]) / _WINDOW
    ankles, feet = mean[:, :2] > ANKLE_NOISE_M, mean[:, 2:] > FOOT_NOISE_M
    return np.asarray((ankles & feet).any(axis=1))


def frozen_joints(
    joints: Floats, state: NDArray[np.uint8], linked: Bools, settings: FilterSettings
) -> Bools:
    """Return which joints have not moved at all for some frames, which noise rules out.

    Args:
        joints: (N, 25, 3) metres.
        state: (N, 25) tracking states; a joint that is not tracked has no place.
        linked: (N,) whether each follows the one before it.
        settings: ``frozen_m`` and ``frozen_rows``.

    Returns:
        (N, 25) bool: one of at least ``frozen_rows`` equal ones in a row.
    """
    same = np.zeros(joints.shape[:2], np.bool_)
    with np.errstate(invalid="ignore"):
        same[1:] = (np.abs(joints[1:] - joints[:-1]) <= settings.frozen_m).all(axis=-1) & linked[
            1:, None
        ]
    same &= state > 0
    steps = settings.frozen_rows - 1
    frozen = np.zeros_like(same)
    if len(same) > steps:
        windows = np.lib.stride_tricks.sliding_window_view(same, steps, axis=0)
        whole = np.asarray(windows.all(axis=-1))
        for shift in range(settings.frozen_rows):
            # window k covers the steps into k .. k + 2: bodies k - 1 .. k + 2 are equal
            frozen[shift : shift + len(whole) - 1] |= whole[1:]
    return frozen
