"""Poses in which the sensor guesses: arms across the trunk, and a person turned away."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.kinematics import yaw_from_shoulders
from ...core.skeleton import JOINT, TrackingState
from .bodies import Bools, Floats
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
