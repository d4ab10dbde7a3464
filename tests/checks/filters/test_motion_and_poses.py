"""Checks of tracked bodies on hand-made joints: each finds what it is for and nothing else."""

import numpy as np
import pytest

from kincap.checks.filters.motion import feet_noise, frozen_joints, spikes
from kincap.checks.filters.poses import crossed_arms, turned_away
from kincap.checks.filters.settings import FilterSettings
from kincap.checks.filters.sides import OTHER_SIDE, swap_steps, swapped_state
from kincap.core.skeleton import JOINT, JOINT_NAMES

ROWS = 60
SETTINGS = FilterSettings()
_PLACES = {
    "SpineBase": (0, 0, 0), "SpineMid": (0, 0.3, 0), "SpineShoulder": (0, 0.5, 0),
    "Neck": (0, 0.58, 0), "Head": (0, 0.72, 0), "Shoulder": (0.18, 0.45, 0),
    "Elbow": (0.24, 0.2, 0), "Wrist": (0.26, -0.03, -0.05), "Hand": (0.26, -0.1, -0.06),
    "HandTip": (0.26, -0.18, -0.07), "Thumb": (0.23, -0.12, -0.08), "Hip": (0.09, -0.03, 0),
    "Knee": (0.1, -0.45, 0), "Ankle": (0.1, -0.85, 0.02), "Foot": (0.1, -0.9, -0.1),
}  # fmt: skip


def standing(rows: int = ROWS, yaw: float = 0.0, noise: float = 0.004) -> np.ndarray:
    """(T, 25, 3) a person at 2.5 m who sways a little; facing the sensor, the own left is at -x."""
    body = np.zeros((25, 3))
    for name, joint in JOINT.items():
        part = name.removesuffix("Left").removesuffix("Right")
        side = -1 if name.endswith("Left") else 1
        body[joint] = np.array(_PLACES[part]) * (side, 1, 1)
    turn = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
    sway = 0.02 * np.sin(np.arange(rows) / 10)[:, None, None] * (1, 0, 0)
    rng = np.random.default_rng(1)
    return body @ turn.T + (0, 0, 2.5) + sway + noise * rng.standard_normal((rows, 25, 3))


def tracked(rows: int = ROWS) -> np.ndarray:
    return np.full((rows, 25), 2, np.uint8)


def linked(rows: int = ROWS) -> np.ndarray:
    after = np.ones(rows, np.bool_)
    after[0] = False
    return after


def test_a_person_who_just_stands_there_is_named_by_no_check() -> None:
    joints = standing()
    assert not crossed_arms(joints, tracked()).any()
    assert not turned_away(joints, SETTINGS).any()
    assert not swap_steps(joints, linked(), SETTINGS).any()
    assert not spikes(joints, linked(), SETTINGS).any()
    assert not feet_noise(joints, linked()).any()
    assert not frozen_joints(joints, tracked(), linked(), SETTINGS).any()


def arms_before_the_chest(joints: np.ndarray, beyond: float, front: float = -0.2) -> np.ndarray:
    """Put the wrists so far beyond the middle, left over right."""
    joints = joints.copy()
    for side, sign in (("Left", 1), ("Right", -1)):
        for part in ("Wrist", "Hand", "HandTip", "Thumb"):
            joints[:, JOINT[part + side]] = [sign * beyond, 0.25, 2.5 + front]
    return joints


def test_crossed_arms_are_wrists_on_the_wrong_side_or_guesses_before_the_trunk() -> None:
    guessed = tracked()
    for side in ("Left", "Right"):
        for part in ("Wrist", "Hand", "HandTip", "Thumb"):
            guessed[:, JOINT[part + side]] = 1
    far, near, apart = (arms_before_the_chest(standing(), x) for x in (0.15, 0.05, -0.04))
    behind = arms_before_the_chest(standing(), -0.04, front=0.15)
    assert crossed_arms(far, tracked()).all()
    assert not crossed_arms(near, tracked()).any()  # hands that play before the body
    assert crossed_arms(near, guessed).all()
    assert crossed_arms(apart, guessed).all()
    assert not crossed_arms(apart, tracked()).any()
    assert not crossed_arms(behind, guessed).any()  # behind the back


@pytest.mark.parametrize(("degrees", "away"), [(50, False), (70, True), (-70, True), (-50, False)])
def test_turned_away_is_beyond_sixty_degrees(degrees: float, away: bool) -> None:
    assert (turned_away(standing(yaw=np.deg2rad(degrees)), SETTINGS) == away).all()


def test_sides_are_exchanged_from_the_swap_until_it_swaps_back() -> None:
    joints = standing()
    joints[20:45] = joints[20:45][:, OTHER_SIDE]
    steps = swap_steps(joints, linked(), SETTINGS)
    assert np.flatnonzero(steps).tolist() == [20, 45]
    state = swapped_state(steps, np.zeros(ROWS, int))
    assert np.flatnonzero(state).tolist() == list(range(20, 45))
    # another run begins with right sides, whatever the one before it ended with
    assert not swapped_state(np.array([0, 1, 0, 0]), np.array([0, 0, 1, 1]))[2:].any()


def test_a_step_between_two_people_is_no_swap() -> None:
    joints = standing()
    joints[30:] = joints[30:][:, OTHER_SIDE]
    after = linked()
    after[30] = False
    assert not swap_steps(joints, after, SETTINGS).any()


@pytest.mark.parametrize(
    ("joint", "jump", "alone"),
    [("ElbowLeft", 0.2, True), ("ElbowLeft", 0.08, False), ("WristRight", 0.15, False),
     ("WristRight", 0.25, True), ("HandTipLeft", 0.2, False), ("HandTipLeft", 0.4, True)],
)  # fmt: skip
def test_a_joint_that_jumps_away_for_one_row_stands_alone(joint, jump, alone) -> None:
    joints = standing()
    joints[30, JOINT[joint], 1] += jump
    named = spikes(joints, linked(), SETTINGS)
    assert named[30, JOINT[joint]] == alone
    assert named.sum() == alone


def test_a_joint_that_moves_on_and_stays_is_no_outlier() -> None:
    joints = standing()
    joints[30:, JOINT["WristLeft"], 1] += 0.6
    assert not spikes(joints, linked(), SETTINGS).any()


def test_feet_that_jump_about_are_named_and_a_single_leap_is_not() -> None:
    feet = [JOINT[part + side] for part in ("Ankle", "Foot") for side in ("Left", "Right")]
    joints = standing()
    joints[30, feet] += 0.5
    assert not feet_noise(joints, linked()).any()
    rng = np.random.default_rng(2)
    joints = standing()
    joints[20:50, feet[:2]] += 0.03 * rng.standard_normal((30, 2, 3))
    joints[20:50, feet[2:]] += 0.07 * rng.standard_normal((30, 2, 3))
    named = np.flatnonzero(feet_noise(joints, linked()))
    assert len(named) >= 20
    assert named.min() >= 15
    assert named.max() <= 55


def test_what_does_not_move_for_four_rows_is_frozen() -> None:
    joints = standing()
    joints[10:13] = joints[10]
    assert not frozen_joints(joints, tracked(), linked(), SETTINGS).any()
    joints[20:24] = joints[20]
    elbow = JOINT["ElbowRight"]
    joints[40:50, elbow] = joints[40, elbow]
    named = frozen_joints(joints, tracked(), linked(), SETTINGS)
    assert np.flatnonzero(named.all(axis=1)).tolist() == [20, 21, 22, 23]
    assert np.flatnonzero(named[:, elbow]).tolist() == [20, 21, 22, 23, *range(40, 50)]
    lost = tracked()
    lost[:, elbow] = 0
    assert np.flatnonzero(frozen_joints(joints, lost, linked(), SETTINGS)[:, elbow]).tolist() == []


@pytest.mark.parametrize("rows", [0, 1, 2, 3])
def test_few_rows_and_joints_without_a_place_are_no_trouble(rows: int) -> None:
    joints = np.full((rows, 25, 3), np.nan)
    with np.errstate(all="ignore"):
        for named in (
            crossed_arms(joints, tracked(rows)),
            turned_away(joints, SETTINGS),
            swap_steps(joints, np.zeros(rows, np.bool_), SETTINGS),
            spikes(joints, np.zeros(rows, np.bool_), SETTINGS),
            feet_noise(joints, np.zeros(rows, np.bool_)),
            frozen_joints(joints, tracked(rows), np.zeros(rows, np.bool_), SETTINGS),
        ):
            assert len(named) == rows
            assert not named.any()


def test_the_other_side_of_a_joint_is_its_namesake() -> None:
    assert (OTHER_SIDE[OTHER_SIDE] == np.arange(25)).all()
    assert JOINT_NAMES[OTHER_SIDE[JOINT["ThumbLeft"]]] == "ThumbRight"
    assert OTHER_SIDE[JOINT["Head"]] == JOINT["Head"]
