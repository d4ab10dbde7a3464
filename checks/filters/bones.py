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
from .bodies import Bools, Floats
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
_LEAST_ROWS: Final = 15
"""A median over fewer rows than this is not a length."""
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


BONE_PARENT: Final = np.array([_parent(name) for name in KEYPOINT_NAMES])
"""(13,) the joint at which the bone begins that ends in each keypoint."""
_NEXT: Final = [
    (KEYPOINT[name], KEYPOINT[f"{side}_{_FURTHER[part]}"])
    for name in KEYPOINT_NAMES
    for side, part in [_parts(name)]
    if part in _FURTHER
]
"""Pairs of a keypoint and the one behind it along its limb, from the trunk outward."""
_IS_ARM: Final = np.array([_parts(name)[1] in _ARMS for name in KEYPOINT_NAMES])
_IS_LIMB: Final = np.array([_parts(name)[1] in _LIMBS for name in KEYPOINT_NAMES])


def bone_ends(joints: Floats, state: NDArray[np.uint8]) -> tuple[Floats, Bools]:
    """Measure the bones that end in the keypoints.

    Args:
        joints: (N, 25, 3) metres.
        state: (N, 25) tracking states.

    Returns:
        (N, 13) lengths, metres, NaN where an end has no place; (N, 13) whether the sensor is sure
        of both ends.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        length = lengths(joints[:, KEYPOINT_JOINT] - joints[:, BONE_PARENT])
    sure = state >= TrackingState.tracked
    return length, np.asarray(sure[:, KEYPOINT_JOINT] & sure[:, BONE_PARENT])


def odd_lengths(
    length: Floats, sure: Bools, person: NDArray[np.integer] | None, settings: FilterSettings
) -> Bools:
    """Return which keypoints are too near to, or too far from, the joint they hang on.

    A keypoint is named if the bone that ends in it is odd. Where the bone before is odd too, that
    explains it: only the joint between them is out of place. Where the bone before is odd and this
    one is not, the keypoint has moved along with the joint that it hangs on.

    Args:
        length: (N, 13) metres, from ``bone_ends``.
        sure: (N, 13), from ``bone_ends``.
        person: (N,) a number for each person: medians are taken over one person; None: one.
        settings: ``bone_arm``, ``bone_body``, ``bone_sd`` and ``bone_m``.

    Returns:
        (N, 13) bool.
    """
    odd = np.zeros(length.shape, np.bool_)
    share = np.where(_IS_ARM, settings.bone_arm, settings.bone_body)
    for own in _by_person(person, len(length)):
        known = np.where(sure[own], length[own], np.nan)
        median = _median(known)
        off = np.abs(length[own] - median)
        spread = _SD * _median(np.abs(known - median))
        with np.errstate(invalid="ignore"):
            odd[own] = (
                (off > share * median) & (off > settings.bone_sd * spread) & (off > settings.bone_m)
            )
    odd &= sure  # a guess at the other end says nothing about this one
    named = odd.copy()
    for near, far in _NEXT:
        along = sure[:, far] & ~odd[:, far]
        named[:, far] = np.where(odd[:, near], along, odd[:, far])
    return named


def odd_sizes(
    length: Floats, sure: Bools, person: NDArray[np.integer] | None, settings: FilterSettings
) -> Bools:
    """Return which bodies are too large or too small as a whole.

    Of a body that is misplaced in depth, or of another person under the same id, every bone is off
    by a little; together they show it long before any single one does.

    Args:
        length: (N, 13) metres, from ``bone_ends``.
        sure: (N, 13), from ``bone_ends``.
        person: (N,) a number for each person; None: one.
        settings: ``body_size`` and ``bone_sd``.

    Returns:
        (N,) bool.
    """
    odd = np.zeros(len(length), np.bool_)
    for own in _by_person(person, len(length)):
        known = np.where(sure[own], length[own], np.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.sort(known / _median(known), axis=1)
        count = np.isfinite(ratio).sum(axis=1)
        middle = np.take_along_axis(ratio, ((count - 1).clip(min=0) // 2)[:, None], axis=1)[:, 0]
        size = np.where(count >= _LEAST_BONES, middle, np.nan)
        usual = np.sort(size[np.isfinite(size)])
        if len(usual) < _LEAST_ROWS:
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
        length: (N, 13) metres, from ``bone_ends``.
        sure: (N, 13), from ``bone_ends``.
        person: (N,) a number for each person; None: one.
        settings: ``symmetry`` and ``bone_m``.

    Returns:
        (N, 13) bool.
    """
    twin = length[:, FLIP]
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.maximum(length, twin) / np.minimum(length, twin)
        uneven = (ratio > settings.symmetry) & (np.abs(length - twin) > settings.bone_m) & _IS_LIMB
    uneven &= sure & sure[:, FLIP]
    worse = np.ones(length.shape, np.bool_)
    for own in _by_person(person, len(length)):
        known = np.where(sure[own], length[own], np.nan)
        median = _median(np.concatenate([known, known[:, FLIP]]))
        with np.errstate(invalid="ignore"):
            better = np.abs(length[own] - median) < np.abs(twin[own] - median)
        worse[own] = ~better
    return np.asarray(uneven & worse)


def _by_person(person: NDArray[np.integer] | None, count: int) -> list[NDArray[np.intp]]:
    """Return the rows of each person."""
    if person is None:
        return [np.arange(count)]
    order = np.argsort(person, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(person[order])) + 1)


def _median(values: Floats) -> Floats:
    """Return (13,) the median of each column, NaN left out; NaN where too few are known."""
    ordered = np.sort(values, axis=0)  # NaN last
    known = np.isfinite(ordered).sum(axis=0)
    if not len(values):
        return np.full(KEYPOINTS, np.nan)
    middle = np.take_along_axis(ordered, ((known - 1).clip(min=0) // 2)[None], axis=0)[0]
    return np.where(known >= _LEAST_ROWS, middle, np.nan)
