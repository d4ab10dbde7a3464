"""Hands that point away from their forearms: a wrist that has left its arm takes the hand along."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.geometry import lengths
from ...core.skeleton import JOINT, KEYPOINT, KEYPOINTS, TrackingState
from .bodies import Bools, Floats
from .runs import SD_OF_UPPER, UPPER, by_person, grown, quantile, running_median
from .settings import FilterSettings

_ELBOW, _WRIST, _HAND = (
    [JOINT[part + side] for side in ("Left", "Right")] for part in ("Elbow", "Wrist", "Hand")
)
_NAMED: Final = [KEYPOINT["l_wrist"], KEYPOINT["r_wrist"]]


def hand_bends(joints: Floats, state: NDArray[np.uint8]) -> Floats:
    """Measure the angles between the hands and the forearms.

    Args:
        joints: (N, 25, 3) metres.
        state: (N, 25) tracking states.

    Returns:
        (N, 2) left and right, radians, zero for a straight one; NaN where the sensor is not sure of
        elbow, wrist and hand.
    """
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        arm = joints[:, _WRIST] - joints[:, _ELBOW]
        hand = joints[:, _HAND] - joints[:, _WRIST]
        straight = lengths(arm) * lengths(hand)
        bend = np.arccos(np.clip((arm * hand).sum(axis=-1) / straight, -1, 1))
    sure = state >= TrackingState.tracked
    return np.where(sure[:, _ELBOW] & sure[:, _WRIST] & sure[:, _HAND], bend, np.nan)


def bent_hands(
    bend: Floats, linked: Bools, person: NDArray[np.integer] | None, settings: FilterSettings
) -> Bools:
    """Return which wrists are bent unusually far, in most rows of a quarter of a second.

    Args:
        bend: (N, 2) radians, from ``hand_bends``; rows of each person in the order of time.
        linked: (N,) whether each closely follows the one before it of the same person.
        person: (N,) a number for each person; None: one.
        settings: ``hand_bend_deg`` and ``bone_steady_sd``.

    Returns:
        (N, 13) bool.
    """
    named = np.zeros((len(bend), KEYPOINTS), np.bool_)
    for own in by_person(person, len(bend)):
        known = bend[own]
        more = running_median(known, linked[own]) - quantile(known)
        more = np.where(np.isnan(known), np.nan, more)
        usual = SD_OF_UPPER * quantile(np.abs(more), UPPER)
        least = np.deg2rad(settings.hand_bend_deg)
        with np.errstate(invalid="ignore"):
            most = np.maximum(settings.bone_steady_sd * usual, least)
            odd = grown(more > most, more > most / 2, linked[own])
        named[own[:, None], _NAMED] = odd
    return named
