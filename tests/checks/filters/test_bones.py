"""Odd bones: which keypoint is named when a joint is displaced, or a bone stretched."""

import numpy as np
import pytest

from kincap.checks.filters.bones import bone_ends, odd_lengths, uneven_sides
from kincap.checks.filters.settings import FilterSettings
from kincap.core.skeleton import JOINT, KEYPOINT_NAMES

from .test_motion_and_poses import standing, tracked

SETTINGS = FilterSettings()


def linked(count: int) -> np.ndarray:
    return np.arange(count) > 0


def odd(length, sure, person, settings):
    return odd_lengths(length, sure, linked(len(length)), person, settings)


def named(joints: np.ndarray, judge=odd, row: int = 30) -> set[str]:
    length, sure = bone_ends(joints, tracked())
    found = judge(length, sure, None, SETTINGS)
    assert not np.delete(found, row, axis=0).any()
    return {name for name, where in zip(KEYPOINT_NAMES, found[row], strict=True) if where}


def test_a_steady_body_has_no_odd_bone() -> None:
    assert named(standing()) == set()
    assert named(standing(), uneven_sides) == set()


@pytest.mark.parametrize(
    ("joint", "by", "expected"),
    [("WristLeft", (0, -0.2, 0), {"l_wrist"}), ("ElbowLeft", (0.3, 0, 0), {"l_elbow"}),
     ("KneeRight", (0, 0.25, 0), {"r_knee"}), ("Head", (0, 0.2, 0), {"head"}),
     ("WristLeft", (0, -0.03, 0), set())],
)  # fmt: skip
def test_a_displaced_joint_is_named_and_its_neighbours_are_not(joint, by, expected) -> None:
    joints = standing(noise=0.001)
    joints[30, JOINT[joint]] += by
    assert named(joints) == expected


def test_what_hangs_on_a_stretched_bone_is_named_with_it() -> None:
    joints = standing(noise=0.001)
    for part in ("ElbowLeft", "WristLeft"):
        joints[30, JOINT[part]] += (0, -0.15, 0)
    assert named(joints) == {"l_elbow", "l_wrist"}


def test_of_two_uneven_bones_the_unusual_one_is_named() -> None:
    joints = standing(noise=0.001)
    joints[30, JOINT["WristRight"]] += (0, -0.15, 0)
    assert named(joints, uneven_sides) == {"r_wrist"}


def test_medians_are_those_of_one_person_and_need_enough_rows() -> None:
    joints = standing(noise=0.001)
    joints[30:] *= (1.4, 1.4, 1)
    length, sure = bone_ends(joints, tracked())
    person = np.repeat([4, 2], 30)
    assert not odd(length, sure, person, SETTINGS).any()
    few = odd(length[:10], sure[:10], None, SETTINGS)
    assert not few.any()
    assert odd(length[:0], sure[:0], None, SETTINGS).shape == (0, 13)
