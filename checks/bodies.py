"""Faults of tracked bodies: pure functions over the joints of a stretch of a take.

All take N bodies, each after the one that it follows: (N, 25, 3) joints in metres, camera space,
in the sensor's order, and ``linked`` (N,) bool, whether a body is the same person as the one before
it in the array, at most a few frames later. Inputs are not modified, NaN never triggers a check.
Thresholds follow from logs of real sensors, in which less than one frame in a hundred is named.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..core.kinematics import yaw_from_shoulders
from ..core.skeleton import JOINT, JOINTS, KEYPOINT_JOINT, KINECT_V2_SKELETON, TrackingState
from .limits import FROZEN_ITEMS

Bools = NDArray[np.bool_]
Joints = NDArray[np.floating]

TURNED_AWAY_RAD: Final = np.deg2rad(60)
CROSSED_BY_M: Final = 0.02
"""Both wrists are this far on the wrong side of the trunk's middle, where one is guessed."""
FAR_CROSSED_BY_M: Final = 0.10
"""The same where the sensor is sure of both: hands in front of the body do cross a little."""
FOOT_NOISE_M: Final = 0.09
ANKLE_NOISE_M: Final = 0.03
"""Mean distance of a foot and its ankle from the mean of their neighbours in time, over half a
second. A single guessed foot is not steady either; what counts is that ankle and foot jump."""
STILL_M: Final = 1e-6
SWAP_SAVES_M: Final = 0.3
SWAP_SAVES_SHARE: Final = 0.5
SPIKE_M: Final = np.full(JOINTS, 0.25)
"""(25,) a joint farther than this from the mean of its neighbours in time is an outlier, metres."""
SPIKE_M[KEYPOINT_JOINT] = 0.12
SPIKE_M[[JOINT["WristLeft"], JOINT["WristRight"]]] = 0.18

_FEET: Final = [JOINT[part + side] for part in ("Ankle", "Foot") for side in ("Left", "Right")]
_ARM: Final = ("Elbow", "Wrist", "Hand", "HandTip", "Thumb")
_WINDOW: Final = 15

OTHER_SIDE: Final = KINECT_V2_SKELETON.flip
"""(25,) the joint on the other side of the body; its own inverse."""
SIDED: Final = np.arange(JOINTS) != OTHER_SIDE
"""(25,) bool, joints that have a left and a right."""
_SIDED: Final = np.flatnonzero(SIDED)


def crossed_arms(joints: Joints, state: NDArray[np.uint8]) -> Bools:
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
    joints: Joints, side: str, place: NDArray[np.floating], width: NDArray[np.floating]
) -> Bools:
    """Return where a wrist is between the shoulders, above the hips, and not behind the back."""
    height, depth = joints[:, JOINT[f"Wrist{side}"], 1], joints[:, JOINT[f"Wrist{side}"], 2]
    low = joints[:, JOINT["SpineBase"], 1] + 0.05
    high = joints[:, JOINT["SpineShoulder"], 1] + 0.05
    front = depth < joints[:, JOINT["SpineMid"], 2]
    return np.asarray((place < 0.35 * width) & (height > low) & (height < high) & front)


def turned_away(joints: Joints) -> Bools:
    """Return where a person is turned by more than 60 degrees from facing the sensor.

    Args:
        joints: (N, 25, 3) metres.
    """
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(yaw_from_shoulders(joints)) > TURNED_AWAY_RAD)


def swap_steps(joints: Joints, linked: Bools) -> Bools:
    """Return between which bodies left and right change places.

    Args:
        joints: (N, 25, 3) metres.
        linked: (N,) whether each follows the one before it.

    Returns:
        (N,) bool: exchanging the sides of this body makes the jump of all joints from the one
        before it smaller by more than half, and by more than 0.3 m.
    """
    steps = np.zeros(len(joints), np.bool_)
    if len(joints) < 2:
        return steps
    before: Joints = joints[:-1, _SIDED]
    now: Joints = joints[1:]
    jump = _total(now[:, _SIDED] - before)
    swapped = _total(now[:, OTHER_SIDE[_SIDED]] - before)
    saved = jump - swapped
    steps[1:] = linked[1:] & (saved > SWAP_SAVES_M) & (saved > SWAP_SAVES_SHARE * jump)
    return steps


def _total(moves: Joints) -> NDArray[np.floating]:
    """Return (N,) the sum of the lengths of (N, J, 3) moves, metres."""
    return np.asarray(np.nansum(np.linalg.norm(moves, axis=-1), axis=-1))


def swapped_state(steps: Bools, run: NDArray[np.integer]) -> Bools:
    """Return which bodies have their sides exchanged: from a swap until the sides swap back.

    Args:
        steps: (N,) from ``swap_steps``, bodies of one run one after another.
        run: (N,) number of the run that each belongs to; sides are right at its beginning.
    """
    swaps = np.cumsum(steps)
    _, first, of = np.unique(run, return_index=True, return_inverse=True)
    before: NDArray[np.int64] = swaps[first] - steps[first]
    return np.asarray((swaps - before[of]) % 2 == 1)


def spikes(joints: Joints, linked: Bools) -> Bools:
    """Return which joints are for one frame far from where they are before and after.

    Args:
        joints: (N, 25, 3) metres.
        linked: (N,) whether each follows the one before it.

    Returns:
        (N, 25) bool.
    """
    alone = np.zeros(joints.shape[:2], np.bool_)
    if len(joints) < 3:
        return alone
    off, apart = _from_neighbours(joints)
    both = linked[1:-1] & linked[2:]
    with np.errstate(invalid="ignore"):
        alone[1:-1] = (off > SPIKE_M) & (apart < off) & both[:, None]
    return alone


def _from_neighbours(joints: Joints) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return (N - 2, J) how far from the mean of its neighbours each is, and how far those are."""
    before: Joints = joints[:-2]
    behind: Joints = joints[2:]
    off = np.linalg.norm(joints[1:-1] - (before + behind) / 2, axis=-1)
    return np.asarray(off), np.asarray(np.linalg.norm(behind - before, axis=-1))


def feet_noise(joints: Joints, linked: Bools) -> Bools:
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


def frozen_joints(joints: Joints, state: NDArray[np.uint8], linked: Bools) -> Bools:
    """Return which joints have not moved at all for some frames, which noise rules out.

    Args:
        joints: (N, 25, 3) metres.
        state: (N, 25) tracking states; a joint that is not tracked has no place.
        linked: (N,) whether each follows the one before it.

    Returns:
        (N, 25) bool: one of at least ``FROZEN_ITEMS`` equal ones in a row.
    """
    same = np.zeros(joints.shape[:2], np.bool_)
    with np.errstate(invalid="ignore"):
        same[1:] = (np.abs(joints[1:] - joints[:-1]) <= STILL_M).all(axis=-1) & linked[1:, None]
    same &= state > 0
    steps = FROZEN_ITEMS - 1
    frozen = np.zeros_like(same)
    if len(same) > steps:
        windows = np.lib.stride_tricks.sliding_window_view(same, steps, axis=0)
        whole = np.asarray(windows.all(axis=-1))
        for shift in range(FROZEN_ITEMS):
            # window k covers the steps into k .. k + 2: bodies k - 1 .. k + 2 are equal
            frozen[shift : shift + len(whole) - 1] |= whole[1:]
    return frozen
