"""Poses in which the sensor guesses: arms across the trunk, and a person turned away."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.kinematics import yaw_from_shoulders
from ...core.skeleton import JOINT, TrackingState
from .bodies import Bools, Floats
from .runs import running_median
from .settings import FilterSettings

CROSSED_BY_M: Final = 0.02
"""Both wrists are this far on the wrong side of the trunk's middle, where one is guessed."""
FAR_CROSSED_BY_M: Final = 0.10
"""The same where the sensor is sure of both: hands in front of the body do cross a little."""
_ARM: Final = ("Elbow", "Wrist", "Hand", "HandTip", "Thumb")


def crossed_arms(joints: Floats, state: NDArray[np.uint8]) -> Bools:
    """Return where the arms are across the trunk, so that hands are guessed or mistaken.

    Args:
        joints: (N, 25, 3) metres.
        state: (N, 25) tracking states.

    Returns:
        (N,) bool: both wrists are on the other side of the trunk's middle, far or guessed, or both
        are guessed and held in front of the trunk.
    """
    left, right = joints[:, JOINT["ShoulderLeft"]], joints[:, JOINT["ShoulderRight"]]
    across = (left - right) * np.array([1.0, 0.0, 1.0])
    width = np.linalg.norm(across, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        across = across / width[:, None]
        spine = joints[:, JOINT["SpineShoulder"]]
        places = {}
        for side, sign in (("Left", 1.0), ("Right", -1.0)):
            wrist = joints[:, JOINT[f"Wrist{side}"]]
            places[side] = sign * ((wrist - spine) * across).sum(axis=-1)
        beyond = -np.maximum(places["Left"], places["Right"])
        held = np.ones(len(joints), np.bool_)
        for side in places:
            held &= _before_trunk(joints, side, places[side], width)
    guessed = np.ones(len(joints), np.bool_)
    for side in places:
        arm = [JOINT[part + side] for part in _ARM]
        guessed &= (state[:, arm] == TrackingState.inferred).sum(axis=1) >= 2
        guessed &= state[:, JOINT[f"Wrist{side}"]] == TrackingState.inferred
    unsure = (state[:, [JOINT["WristLeft"], JOINT["WristRight"]]] == TrackingState.inferred).any(
        axis=1
    )
    wrong = beyond > np.where(unsure, CROSSED_BY_M, FAR_CROSSED_BY_M)
    return np.asarray(wrong | (held & guessed))


def _before_trunk(
    joints: Floats, side: str, place: NDArray[np.floating], width: NDArray[np.floating]
) -> Bools:
    """Return where a wrist is between the shoulders, above the hips, and not behind the back."""
    height, depth = joints[:, JOINT[f"Wrist{side}"], 1], joints[:, JOINT[f"Wrist{side}"], 2]
    low = joints[:, JOINT["SpineBase"], 1] + 0.05
    high = joints[:, JOINT["SpineShoulder"], 1] + 0.05
    front = depth < joints[:, JOINT["SpineMid"], 2]
    return np.asarray((place < 0.35 * width) & (height > low) & (height < high) & front)


def turned_away(joints: Floats, settings: FilterSettings) -> Bools:
    """Return where a person is turned too far from facing the sensor.

    Args:
        joints: (N, 25, 3) metres.
        settings: ``yaw_max_deg``.
    """
    with np.errstate(invalid="ignore"):
        yaw = np.abs(yaw_from_shoulders(joints))
        return np.asarray(yaw > np.deg2rad(settings.yaw_max_deg))


YAW_LINES: Final = 3


def line_yaws(joints: Floats, state: NDArray[np.uint8]) -> Floats:
    """Return how far shoulders, hips, and legs are turned about the upright axis.

    Args:
        joints: (N, 25, 3) metres.
        state: (N, 25) tracking states.

    Returns:
        (N, 3) radians, zero where a line faces the sensor; NaN where an end has no place.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        across = joints[:, _RIGHT_ENDS] - joints[:, _LEFT_ENDS]
        lines = np.stack([across[:, 0], across[:, 1], across[:, 2] + across[:, 3]], axis=1)
        yaw = np.arctan2(-lines[..., 2], lines[..., 0])
    there = (state[:, _RIGHT_ENDS] != TrackingState.not_tracked) & (
        state[:, _LEFT_ENDS] != TrackingState.not_tracked
    )
    there = np.stack([there[:, 0], there[:, 1], there[:, 2] & there[:, 3]], axis=1)
    return np.where(there, yaw, np.nan)


_LINE_PARTS: Final = ("Shoulder", "Hip", "Knee", "Ankle")
_RIGHT_ENDS: Final = [JOINT[part + "Right"] for part in _LINE_PARTS]
_LEFT_ENDS: Final = [JOINT[part + "Left"] for part in _LINE_PARTS]
_TURN_ROWS: Final = 4
"""A turn is looked for between rows this many before and after each."""


def stiff_turns(yaw: Floats, linked: Bools, time_s: Floats, settings: FilterSettings) -> Bools:
    """Return where a body turns as a stiff whole, feet included, and soon turns back.

    People turn the shoulders first, the hips later, and the feet in steps. A tracker that mistakes
    a body's direction turns all of it at once.

    Args:
        yaw: (N, 3) radians, from ``line_yaws``, the rows of one person after another.
        linked: (N,) whether each row follows the one before it.
        time_s: (N,) seconds.
        settings: ``turn_deg`` and ``turn_back_s``.

    Returns:
        (N,) bool: from a turn until it is taken back, both included.
    """
    named = np.zeros(len(yaw), np.bool_)
    reach = _TURN_ROWS
    if len(yaw) <= 2 * reach:
        return named
    smooth = _unwrapped_median(yaw, linked)
    run = np.cumsum(~linked)
    turn = np.full(smooth.shape, np.nan)
    turn[reach:-reach] = _wrapped(smooth[2 * reach :] - smooth[: -2 * reach])
    turn[reach:-reach][run[2 * reach :] != run[: -2 * reach]] = np.nan
    least = np.deg2rad(settings.turn_deg)
    way = _stiff_ways(turn, least)
    begins = np.flatnonzero((way != 0) & (way != np.append(0.0, way[:-1])))
    ends = np.flatnonzero((way != 0) & (way != np.append(way[1:], 0.0)))
    free = np.ones(len(ends), np.bool_)  # turns that are not taken back yet
    for k, end in enumerate(ends.tolist()):
        after = smooth[end + reach]
        for first in np.flatnonzero(free[:k])[::-1].tolist():
            begin = int(begins[first])
            if run[begin] != run[end] or time_s[begins[k]] - time_s[begin] > settings.turn_back_s:
                break
            before = smooth[begin - reach]
            left = np.abs(_wrapped(after - before))[:2].max()
            away = np.abs(_wrapped(smooth[(begin + end) // 2] - before))[:2].min()
            if way[begin] != way[end] and left < away / 2 + least:
                named[begin : end + 1] = True
                free[[first, k]] = False
                break
    return named


def _stiff_ways(turn: Floats, least: float) -> Floats:
    """Return (N,) 1 or -1 where shoulders, hips and legs turn together, else 0, by their turns."""
    with np.errstate(invalid="ignore"):
        size = np.abs(turn)
        trunk, legs = size[:, :2], size[:, 2]
        together = (np.sign(turn[:, 0]) == np.sign(turn[:, 1])) & (trunk.min(axis=1) > least)
        together &= trunk.max(axis=1) < _STIFF * trunk.min(axis=1) + least / 2
        together &= (np.sign(turn[:, 2]) == np.sign(turn[:, 0])) & (legs > least / 2)
    return np.where(together, np.sign(turn[:, 0]), 0.0)


_STIFF: Final = 1.5
"""Of lines that turn together, one turns at most this many times as far as another."""


def _wrapped(angle: Floats) -> Floats:
    """Return angles between -pi and pi."""
    return np.asarray((angle + np.pi) % (2 * np.pi) - np.pi)


def _unwrapped_median(yaw: Floats, linked: Bools) -> Floats:
    """Return (N, K) the direction of the medians of sine and cosine over a quarter of a second."""
    return np.arctan2(running_median(np.sin(yaw), linked), running_median(np.cos(yaw), linked))
