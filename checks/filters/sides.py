"""Left and right of a body exchanged: the steps at which they change places, and runs of them."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.geometry import lengths
from ...core.skeleton import JOINT, JOINTS, KEYPOINT, KINECT_V2_SKELETON
from ...core.units import TICK_S
from .bodies import Bools, Floats
from .runs import by_person, quantile
from .settings import FilterSettings

OTHER_SIDE: Final = KINECT_V2_SKELETON.flip
"""(25,) the joint on the other side of the body; its own inverse."""
SIDED: Final = np.arange(JOINTS) != OTHER_SIDE
"""(25,) bool, joints that have a left and a right."""
_SIDED: Final = np.flatnonzero(SIDED)
_TRUNK: Final = [JOINT[part + side] for part in ("Shoulder", "Hip") for side in ("Left", "Right")]
LIMBS: Final = tuple(
    np.array([JOINT[part + side] for part in parts for side in ("Left", "Right")])
    for parts in (("Elbow", "Wrist", "Hand"), ("Wrist", "Hand"), ("Knee", "Ankle", "Foot"))
)
"""Joints that change places together: of arms, of hands alone, of legs."""
_ARM_ENDS: Final = [KEYPOINT[f"{side}_{part}"] for side in "lr" for part in ("elbow", "wrist")]


def swap_steps(joints: Floats, linked: Bools, settings: FilterSettings) -> Bools:
    """Return between which bodies left and right change places.

    Args:
        joints: (N, 25, 3) metres.
        linked: (N,) whether each follows the one before it.
        settings: ``swap_share`` and ``swap_m``.

    Returns:
        (N,) bool: exchanging the sides of this body makes the jump of all joints from the one
        before it smaller by more than the share and the distance of the settings.
    """
    steps = np.zeros(len(joints), np.bool_)
    if len(joints) < 2:
        return steps
    before: Floats = joints[:-1, _SIDED]
    now: Floats = joints[1:]
    jump = _total(now[:, _SIDED] - before)
    swapped = _total(now[:, OTHER_SIDE[_SIDED]] - before)
    saved = jump - swapped
    steps[1:] = linked[1:] & (saved > settings.swap_m) & (saved > settings.swap_share * jump)
    # where the trunk stays as it is, arms or legs alone have changed places
    trunk_before: Floats = joints[:-1, _TRUNK]
    trunk_jump = _total(now[:, _TRUNK] - trunk_before)
    trunk_swapped = _total(now[:, OTHER_SIDE[_TRUNK]] - trunk_before)
    known = np.isfinite(joints[1:, _TRUNK]).all(axis=(1, 2))
    steps[1:] &= (trunk_swapped < trunk_jump) | ~known
    return steps


def limb_swap_steps(joints: Floats, linked: Bools, settings: FilterSettings) -> Bools:
    """Return between which bodies both lower arms, or both lower legs, change places.

    Args:
        joints: (N, 25, 3) metres.
        linked: (N,) whether each follows the one before it.
        settings: ``swap_share`` and ``limb_swap_m``.

    Returns:
        (N, 25) bool: joints of arms or legs whose exchange makes their jump smaller by more than
        the share and the distance, in a body whose trunk does not change sides.
    """
    steps = np.zeros(joints.shape[:2], np.bool_)
    if len(joints) < 2:
        return steps
    whole = swap_steps(joints, linked, settings)
    for limbs in LIMBS:
        before: Floats = joints[:-1, limbs]
        now: Floats = joints[1:]
        jump = _total(now[:, limbs] - before)
        saved = jump - _total(now[:, OTHER_SIDE[limbs]] - before)
        swaps = linked[1:] & ~whole[1:] & (saved > settings.limb_swap_m)
        steps[1:, limbs] = (swaps & (saved > settings.swap_share * jump))[:, None]
    return steps


def _total(moves: Floats) -> NDArray[np.floating]:
    """Return (N,) the sum of the lengths of (N, J, 3) moves, metres."""
    return np.asarray(np.nansum(lengths(moves), axis=-1))


def swapped_state(
    steps: Bools,
    run: NDArray[np.integer],
    time_s: Floats | None = None,
    settings: FilterSettings | None = None,
) -> Bools:
    """Return which bodies have their sides exchanged: from a swap until the sides swap back.

    A step that is missed would leave all bodies after it exchanged: an exchange is over after
    ``swap_most_s``, too.

    Args:
        steps: (N,) from ``swap_steps``, bodies of one run one after another.
        run: (N,) number of the run that each belongs to; sides are right at its beginning.
        time_s: (N,) seconds; None: 30 in a second.
        settings: ``swap_most_s``.
    """
    most_s = (settings or FilterSettings()).swap_most_s
    times = TICK_S * np.arange(len(steps)) if time_s is None else time_s
    swapped = np.zeros(len(steps), np.bool_)
    ends = np.append(np.flatnonzero(np.diff(run)) + 1, len(run))
    begins_at = -1
    for at in [*np.flatnonzero(steps).tolist(), -1]:
        if begins_at >= 0:
            run_end = int(ends[np.searchsorted(ends, begins_at, side="right")])
            own = times[begins_at:run_end]
            end = begins_at + int(np.searchsorted(own, own[0] + most_s, side="right"))
            if begins_at < at < end:
                swapped[begins_at:at] = True
                begins_at = -1
                continue
            swapped[begins_at:end] = True
        begins_at = at
    return swapped


def limbs_swapped(
    steps: Bools,
    run: NDArray[np.integer],
    time_s: Floats,
    settings: FilterSettings,
    arms_off_m: Floats | None = None,
) -> Bools:
    """Return which joints of arms and legs are on the wrong side.

    A joint is named from the step at which its limbs change places until they change back. Where
    they do not within ``limb_swap_s``, nothing tells which side of the step is wrong: both of its
    ends are named. An arm on the wrong side hangs on a bone of another length. Where a step was
    missed, the time between two exchanges looks like one: there the bones have their usual lengths.

    Args:
        steps: (N, 25) from ``limb_swap_steps``, bodies of one run one after another.
        run: (N,) number of the run that each belongs to.
        time_s: (N,) seconds.
        settings: ``limb_swap_s`` and ``bone_m``.
        arms_off_m: (N,) from ``arms_off``; None: unknown.
    """
    named = steps.copy()
    named[:-1] |= steps[1:]
    for joint in np.flatnonzero(steps.any(axis=0)):
        at = np.flatnonzero(steps[:, joint])
        first = 0
        while first < len(at) - 1:
            begin, end = int(at[first]), int(at[first + 1])
            back = run[begin] == run[end] and time_s[end] - time_s[begin] <= settings.limb_swap_s
            if back and arms_off_m is not None and joint in LIMBS[0]:
                back = not np.median(arms_off_m[begin:end]) < settings.bone_m
            if back:
                named[begin:end, joint] = True
                # at home again before and after it
                named[[begin - 1, end], joint] = False
                first += 1
            first += 1
    return named


def arms_off(length: Floats, person: NDArray[np.integer] | None) -> Floats:
    """Return (N,) how far the bones of the arms are from their usual lengths, the worst of them.

    Args:
        length: (N, 15) metres, from ``bone_ends``.
        person: (N,) a number for each person; None: one.

    Returns:
        Metres; NaN where a bone is not known.
    """
    worst = np.full(len(length), np.nan)
    for own in by_person(person, len(length)):
        arms = length[own][:, _ARM_ENDS]
        worst[own] = np.abs(arms - quantile(arms)).max(axis=1)
    return worst
