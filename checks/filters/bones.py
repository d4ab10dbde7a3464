"""Bones that grow or shrink: a body's bones have one length, and the same one on both sides."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.geometry import lengths
from ...core.skeleton import (
    FLIP,
    JOINT,
    KEYPOINT,
    KEYPOINT_JOINT,
    KEYPOINT_NAMES,
    KEYPOINTS,
    TrackingState,
)
from ...core.units import TICK_S
from .bodies import Bools, Floats
from .runs import LEAST_ROWS, SD_OF_UPPER, UPPER, by_person, filled, grown, quantile, running_median
from .settings import FilterSettings

_PARENT: Final = {
    "head": "Neck", "shoulder": "SpineShoulder", "elbow": "Shoulder", "wrist": "Elbow",
    "hip": "SpineBase", "knee": "Hip", "ankle": "Knee",
}  # fmt: skip
_SIDES: Final = {"l": "Left", "r": "Right"}
_FURTHER: Final = {"shoulder": "elbow", "elbow": "wrist", "hip": "knee", "knee": "ankle"}
_ARMS: Final = ("elbow", "wrist")
_LIMBS: Final = ("elbow", "wrist", "knee", "ankle")
_SD: Final = 1.4826
"""Standard deviations in a median absolute deviation of normal noise."""
_LASTS: Final = 3
"""A keypoint that is odd for fewer rows than this has jumped, and was not on its way."""
_LEAST_BONES: Final = 6
"""Fewer bones than this do not show the size of a body."""


def _parts(keypoint: str) -> tuple[str, str]:
    """Return side and part of a keypoint's name; no side for the head."""
    side, _, part = keypoint.rpartition("_")
    return side, part


def _parent(keypoint: str) -> int:
    """Return the joint at the other end of the bone that ends in a keypoint."""
    side, part = _parts(keypoint)
    name = _PARENT[part]
    return JOINT[name if name in JOINT else name + _SIDES[side]]


_BRACED: Final = ("r_hip", "l_hip")
"""Keypoints of the trunk, which hardly move against its middle."""
BONE_KEYPOINT: Final = np.array([*range(KEYPOINTS), *(KEYPOINT[name] for name in _BRACED)])
"""(15,) the keypoint at the end of each length: a bone for each keypoint, then two braces."""
_END: Final = KEYPOINT_JOINT[BONE_KEYPOINT]
BONE_PARENT: Final = np.array(
    [*(_parent(name) for name in KEYPOINT_NAMES), *(JOINT["SpineMid"] for _ in _BRACED)]
)
"""(15,) the joint at the other end."""
LENGTHS: Final = len(BONE_PARENT)
_NEXT: Final = [
    (KEYPOINT[name], KEYPOINT[f"{side}_{_FURTHER[part]}"])
    for name in KEYPOINT_NAMES
    for side, part in [_parts(name)]
    if part in _FURTHER
]
"""Pairs of a keypoint and the one behind it along its limb, from the trunk outward."""
_IS_ARM: Final = np.array([_parts(KEYPOINT_NAMES[k])[1] in _ARMS for k in BONE_KEYPOINT])
_IS_LIMB: Final = np.array([_parts(name)[1] in _LIMBS for name in KEYPOINT_NAMES])


def bone_ends(joints: Floats, state: NDArray[np.uint8]) -> tuple[Floats, Bools]:
    """Measure the bones that end in the keypoints, and the braces of the trunk.

    Args:
        joints: (N, 25, 3) metres.
        state: (N, 25) tracking states.

    Returns:
        (N, 15) lengths, metres, NaN where an end has no place; (N, 15) whether the sensor is sure
        of both ends.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        length = lengths(joints[:, _END] - joints[:, BONE_PARENT])
    sure = state >= TrackingState.tracked
    return length, np.asarray(sure[:, _END] & sure[:, BONE_PARENT])


def odd_lengths(
    length: Floats,
    sure: Bools,
    linked: Bools,
    person: NDArray[np.integer] | None,
    settings: FilterSettings,
) -> Bools:
    """Return which keypoints are too near to, or too far from, the joint they hang on.

    A keypoint is named if the bone that ends in it is odd: by a lot in one row, or by less in most
    rows of a quarter of a second. Where the keypoint before it is out of place and this bone is odd
    too, that explains it: this one is at home. Where the bone is not odd then, this keypoint has
    moved along.

    Args:
        length: (N, 15) metres, from ``bone_ends``; rows of each person in the order of time.
        sure: (N, 15), from ``bone_ends``.
        linked: (N,) whether each closely follows the one before it of the same person.
        person: (N,) a number for each person: medians are taken over one person; None: one.
        settings: ``bone_arm``, ``bone_body``, ``bone_sd``, ``bone_m``, ``bone_most_m``,
            ``bone_steady_sd``, ``bone_steady_m``, ``bone_guess_m``, ``brace_m`` and ``bone_gap_s``.

    Returns:
        (N, 13) bool.
    """
    odd = np.zeros(length.shape, np.bool_)
    for own in by_person(person, len(length)):
        known = np.where(sure[own], length[own], np.nan)
        odd[own] = _odd_of_person(known, linked[own], settings) & sure[own]
        guessed = np.where(sure[own], np.nan, length[own])
        odd[own] |= _odd_guesses(guessed, quantile(known), linked[own], settings)
    named = odd[:, :KEYPOINTS].copy()
    for brace, keypoint in enumerate(BONE_KEYPOINT[KEYPOINTS:], KEYPOINTS):
        named[:, keypoint] |= odd[:, brace]
    for near, far in _NEXT:
        named[:, far] = np.where(named[:, near], ~odd[:, far], odd[:, far])
    most = round(settings.bone_gap_s / TICK_S)
    for own in by_person(person, len(length)):
        # a joint on its way out and back passes places at the right distance
        named[own] = filled(named[own], linked[own], most, _LASTS)
    return named


def _odd_of_person(known: Floats, linked: Bools, settings: FilterSettings) -> Bools:
    """Return (N, 15) which lengths of one person are odd, by (N, 15) lengths, NaN unknown."""
    share = np.where(_IS_ARM, settings.bone_arm, settings.bone_body)
    least = np.where(np.arange(LENGTHS) < KEYPOINTS, settings.bone_steady_m, settings.brace_m)
    median = quantile(known)
    off = np.abs(known - median)
    steady = np.abs(running_median(known, linked) - median)
    usual = quantile(np.where(np.isnan(known), np.nan, steady), UPPER)
    with np.errstate(invalid="ignore"):
        most = np.maximum(share * median, settings.bone_sd * SD_OF_UPPER * quantile(off, UPPER))
        large = off > np.minimum(np.maximum(most, settings.bone_m), settings.bone_most_m)
        most = np.maximum(settings.bone_steady_sd * SD_OF_UPPER * usual, least)
        return np.asarray(large | grown(steady > most, steady > most / 2, linked))


def _odd_guesses(guessed: Floats, median: Floats, linked: Bools, settings: FilterSettings) -> Bools:
    """Return (N, 15) which lengths to a guessed joint are odd even for guesses.

    Args:
        guessed: (N, 15) metres, NaN where the sensor is sure, or there is no place.
        median: (15,) of those of which it is sure.
        linked: (N,) whether each row follows the one before it.
        settings: ``bone_steady_sd`` and ``bone_guess_m``.
    """
    off = np.where(np.isnan(guessed), np.nan, np.abs(running_median(guessed, linked) - median))
    with np.errstate(invalid="ignore"):
        most = settings.bone_steady_sd * SD_OF_UPPER * quantile(off, UPPER)
        odd = off > np.maximum(most, settings.bone_guess_m)
    return np.asarray(odd)


def odd_sizes(
    length: Floats, sure: Bools, person: NDArray[np.integer] | None, settings: FilterSettings
) -> Bools:
    """Return which bodies are too large or too small as a whole.

    Of a body that is misplaced in depth, or of another person under the same id, every bone is off
    by a little; together they show it long before any single one does.

    Args:
        length: (N, 15) metres, from ``bone_ends``.
        sure: (N, 15), from ``bone_ends``.
        person: (N,) a number for each person; None: one.
        settings: ``body_size`` and ``bone_sd``.

    Returns:
        (N,) bool.
    """
    odd = np.zeros(len(length), np.bool_)
    length, sure = length[:, :KEYPOINTS], sure[:, :KEYPOINTS]
    for own in by_person(person, len(length)):
        known = np.where(sure[own], length[own], np.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.sort(known / quantile(known), axis=1)
        count = np.isfinite(ratio).sum(axis=1)
        middle = np.take_along_axis(ratio, ((count - 1).clip(min=0) // 2)[:, None], axis=1)[:, 0]
        size = np.where(count >= _LEAST_BONES, middle, np.nan)
        usual = np.sort(size[np.isfinite(size)])
        if len(usual) < LEAST_ROWS:
            continue
        median = usual[len(usual) // 2]
        off = np.abs(size - median)
        spread = _SD * np.median(np.abs(usual - median))
        with np.errstate(invalid="ignore"):
            odd[own] = (off > settings.body_size) & (off > settings.bone_sd * spread)
    return odd


def uneven_sides(
    length: Floats, sure: Bools, person: NDArray[np.integer] | None, settings: FilterSettings
) -> Bools:
    """Return which ends of arms and legs are on a bone much longer or shorter than its twin.

    Of the two, the one is named whose length is farther from the median of both sides.

    Args:
        length: (N, 15) metres, from ``bone_ends``.
        sure: (N, 15), from ``bone_ends``.
        person: (N,) a number for each person; None: one.
        settings: ``symmetry`` and ``bone_m``.

    Returns:
        (N, 13) bool.
    """
    length, sure = length[:, :KEYPOINTS], sure[:, :KEYPOINTS]
    twin = length[:, FLIP]
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.maximum(length, twin) / np.minimum(length, twin)
        uneven = (ratio > settings.symmetry) & (np.abs(length - twin) > settings.bone_m) & _IS_LIMB
    uneven &= sure & sure[:, FLIP]
    worse = np.ones(length.shape, np.bool_)
    for own in by_person(person, len(length)):
        known = np.where(sure[own], length[own], np.nan)
        median = quantile(np.concatenate([known, known[:, FLIP]]))
        with np.errstate(invalid="ignore"):
            better = np.abs(length[own] - median) < np.abs(twin[own] - median)
        worse[own] = ~better
    return np.asarray(uneven & worse)
