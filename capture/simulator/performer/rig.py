"""The rigid frames that carry the simulated body's surface.

A frame's columns are the bone's right, up and back in camera space; in the rest pose (standing
upright, facing the sensor, arms hanging) every frame is the identity. ``Pose`` is what the motion
hands to the renderer: joints, frames and hands of one person at some times.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ....core.skeleton import JOINT
from .subject import Bones

Floats = NDArray[np.float64]


class Bone(IntEnum):
    """The rigid pieces of the body."""

    PELVIS = 0
    CHEST = 1
    HEAD = 2
    UPPER_ARM_RIGHT = 3
    UPPER_ARM_LEFT = 4
    FOREARM_RIGHT = 5
    FOREARM_LEFT = 6
    HAND_RIGHT = 7
    HAND_LEFT = 8
    THIGH_RIGHT = 9
    THIGH_LEFT = 10
    SHIN_RIGHT = 11
    SHIN_LEFT = 12
    FOOT_RIGHT = 13
    FOOT_LEFT = 14


ORIGIN_JOINT: Final = np.array(
    [
        JOINT[name]
        for name in (
            "SpineBase", "SpineMid", "Neck", "ShoulderRight", "ShoulderLeft", "ElbowRight",
            "ElbowLeft", "WristRight", "WristLeft", "HipRight", "HipLeft", "KneeRight", "KneeLeft",
            "AnkleRight", "AnkleLeft",
        )
    ]
)  # fmt: skip
"""(15,) the joint at which each bone's frame has its origin."""


@dataclass(frozen=True, slots=True)
class Pose:
    """One person at T times.

    Attributes:
        joints: (T, 25, 3) metres, camera space.
        frames: (T, 15, 3, 3) rotations of the bones.
        hands: (T, 2) SDK hand states, right and left.
        gestures: (T,) indices into ``gestures.GESTURES``.
        turn: (T,) how far the whole person is turned away on purpose, radians.
        crossed: (T,) how far the arms are crossed on purpose, 0 to 1.
    """

    joints: Floats
    frames: Floats
    hands: NDArray[np.uint8]
    gestures: NDArray[np.int64]
    turn: Floats
    crossed: Floats

    def __getitem__(self, index: slice) -> "Pose":
        """Return some of the times."""
        return Pose(
            self.joints[index],
            self.frames[index],
            self.hands[index],
            self.gestures[index],
            self.turn[index],
            self.crossed[index],
        )

    @property
    def origins(self) -> Floats:
        """(T, 15, 3) where the bones' frames are, metres, camera space."""
        return self.joints[:, ORIGIN_JOINT]


def rest_origins(bones: Bones) -> Floats:
    """Return (15, 3) origins of the bones in the rest pose, metres, the floor at y = 0."""
    base, drop = bones.standing, bones.shoulder_drop
    mid = base + bones.base_to_mid
    shoulder = mid + bones.mid_to_shoulder - drop
    hip = base - bones.hip_drop
    origins = np.zeros((len(Bone), 3))
    origins[Bone.PELVIS, 1] = base
    origins[Bone.CHEST, 1] = mid
    origins[Bone.HEAD, 1] = shoulder + drop + bones.shoulder_to_neck
    for side, offset in ((1.0, 0), (-1.0, 1)):
        for bone, out, up in (
            (Bone.UPPER_ARM_RIGHT, bones.shoulder_out, shoulder),
            (Bone.FOREARM_RIGHT, bones.shoulder_out, shoulder - bones.upper_arm),
            (Bone.HAND_RIGHT, bones.shoulder_out, shoulder - bones.upper_arm - bones.forearm),
            (Bone.THIGH_RIGHT, bones.hip_out, hip),
            (Bone.SHIN_RIGHT, bones.hip_out, hip - bones.thigh),
            (Bone.FOOT_RIGHT, bones.hip_out, hip - bones.thigh - bones.shin),
        ):
            origins[bone + offset] = (side * out, up, 0.0)
    return origins


def normalize(vectors: Floats) -> Floats:
    """Scale (..., 3) vectors to length 1; a zero vector stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / (length + 1e-12))


def frame(up: Floats, right: Floats) -> Floats:
    """Build (..., 3, 3) frames from an exact up axis and a rough right axis."""
    up = normalize(up)
    right = normalize(right - (right * up).sum(-1, keepdims=True) * up)
    return np.stack([right, up, np.cross(right, up)], axis=-1)


def two_bone(
    start: Floats, end: Floats, first: float, second: float, pole: Floats
) -> tuple[Floats, Floats, Floats]:
    """Solve a chain of two bones.

    Args:
        start: (T, 3) where the chain begins.
        end: (T, 3) where it should end; pulled in where it is out of reach.
        first: Length of the first bone.
        second: Length of the second bone.
        pole: (T, 3) direction toward which the middle joint bends.

    Returns:
        (T, 3) the middle joint, (T, 3) the end reached, (T, 3) the bend's direction, of length 1.
    """
    way = end - start
    distance = np.linalg.norm(way, axis=1, keepdims=True)
    reach = np.clip(distance, abs(first - second) + 0.06, (first + second) * 0.999)
    along = way / (distance + 1e-12)
    forward = (first**2 - second**2 + reach**2) / (2 * reach)
    aside = np.sqrt(np.maximum(first**2 - forward**2, 0))
    bend = normalize(pole - (pole * along).sum(1, keepdims=True) * along)
    return start + along * forward + bend * aside, start + along * reach, bend
