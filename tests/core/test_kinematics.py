import numpy as np
import pytest

from kincap.core.kinematics import (
    bone_lengths,
    lean_angles,
    yaw_from_shoulders,
)
from kincap.core.skeleton import JOINT, JOINT_BONES, JOINTS


def body(**places: tuple[float, float, float]) -> np.ndarray:
    """A body whose unnamed joints lie in one point at 2 m."""
    joints = np.tile([0.0, 0.0, 2.0], (JOINTS, 1))
    for name, place in places.items():
        joints[JOINT[name]] = place
    return joints


def test_bone_lengths_follow_the_order_of_the_bones() -> None:
    joints = body(ElbowLeft=(-0.3, 0.0, 2.0), WristLeft=(-0.3, -0.4, 2.3))
    lengths = bone_lengths(joints)
    assert lengths.shape == (len(JOINT_BONES),)
    upper = JOINT_BONES.index((JOINT["ShoulderLeft"], JOINT["ElbowLeft"]))
    fore = JOINT_BONES.index((JOINT["ElbowLeft"], JOINT["WristLeft"]))
    assert lengths[[upper, fore]] == pytest.approx([0.3, 0.5])


def test_lengths_of_many_bodies_keep_their_axes_and_nan() -> None:
    joints = np.random.default_rng(0).normal(size=(4, 6, JOINTS, 3))
    joints[1, 2] = np.nan
    lengths = bone_lengths(joints)
    assert lengths.shape == (4, 6, len(JOINT_BONES))
    assert np.isnan(lengths[1, 2]).all()
    assert np.isfinite(np.delete(lengths.reshape(24, -1), 8, axis=0)).all()


@pytest.mark.parametrize("degrees", [-60, -10, 0, 35, 80])
def test_yaw_is_positive_when_the_right_shoulder_is_nearer(degrees: float) -> None:
    yaw = np.radians(degrees)
    side = 0.2 * np.array([np.cos(yaw), 0, -np.sin(yaw)])
    joints = body(ShoulderRight=tuple(side + [0, 0, 2.5]), ShoulderLeft=tuple(-side + [0, 0, 2.5]))
    assert float(yaw_from_shoulders(joints)) == pytest.approx(yaw)
    if degrees > 0:
        assert joints[JOINT["ShoulderRight"], 2] < joints[JOINT["ShoulderLeft"], 2]


def test_lean_is_zero_upright_and_signed() -> None:
    upright = body(SpineShoulder=(0.0, 0.5, 2.0))
    assert lean_angles(upright) == pytest.approx([0, 0])
    leaning = body(SpineShoulder=(0.5, 0.5, 1.5))
    assert lean_angles(leaning) == pytest.approx([np.pi / 4, np.pi / 4])
