"""Shape and posture of bodies from their joints: bone lengths, turn, lean.

All functions are pure and take joints in camera space (metres; x to the sensor's left, y up, z away
from the sensor), in the sensor's order of 25 joints. NaN goes in, NaN comes out.
"""

import numpy as np
from numpy.typing import NDArray

from .geometry import lengths
from .skeleton import JOINT, JOINT_BONES

FloatArray = NDArray[np.floating]

_BONE_ENDS = np.array(JOINT_BONES)


def bone_lengths(joints_xyz: FloatArray) -> FloatArray:
    """Measure the 24 bones.

    Args:
        joints_xyz: (..., 25, 3) joints, metres, camera space.

    Returns:
        (..., 24) lengths in metres, in the order of ``JOINT_BONES``.
    """
    ends = joints_xyz[..., _BONE_ENDS[:, 1], :] - joints_xyz[..., _BONE_ENDS[:, 0], :]
    return lengths(ends)


def yaw_from_shoulders(joints_xyz: FloatArray) -> FloatArray:
    """Measure how far the body is turned about the vertical, from the line of the shoulders.

    Zero faces the sensor; positive when the right shoulder is the nearer one, that is when the
    person looks to their own left.

    Args:
        joints_xyz: (..., 25, 3) joints, metres, camera space.

    Returns:
        (...,) angle in radians, -pi to pi.
    """
    line = joints_xyz[..., JOINT["ShoulderRight"], :] - joints_xyz[..., JOINT["ShoulderLeft"], :]
    return np.arctan2(-line[..., 2], line[..., 0])


def lean_angles(joints_xyz: FloatArray) -> FloatArray:
    """Measure how far the spine leans from the vertical.

    Args:
        joints_xyz: (..., 25, 3) joints, metres, camera space.

    Returns:
        (..., 2) angles in radians: toward +x, and toward the sensor.
    """
    spine = joints_xyz[..., JOINT["SpineShoulder"], :] - joints_xyz[..., JOINT["SpineBase"], :]
    return np.stack(
        [
            np.arctan2(spine[..., 0], spine[..., 1]),
            np.arctan2(-spine[..., 2], spine[..., 1]),
        ],
        axis=-1,
    )
