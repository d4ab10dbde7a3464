"""The sensor's 25 joints, the 13-joint schema (keypoints), and what connects them.

Sides are anatomical: the person's own left and right, in every image. Orders and names follow the
Kinect SDK's ``JointType`` (25 joints) and Linna, Kannala and Rahtu 2016 (13 keypoints). All other
indices are derived from the names here, never typed twice.
"""

from enum import IntEnum
from typing import Final

import numpy as np


class TrackingState(IntEnum):
    """How the sensor knows a joint's position: the values of ``joint_state`` and ``lean_state``."""

    not_tracked = 0
    inferred = 1
    tracked = 2
    unknown = 3
    """The source has no tracking state (from version 2 of the shard on)."""


JOINT_NAMES: Final[tuple[str, ...]] = (
    "SpineBase", "SpineMid", "Neck", "Head",
    "ShoulderLeft", "ElbowLeft", "WristLeft", "HandLeft",
    "ShoulderRight", "ElbowRight", "WristRight", "HandRight",
    "HipLeft", "KneeLeft", "AnkleLeft", "FootLeft",
    "HipRight", "KneeRight", "AnkleRight", "FootRight",
    "SpineShoulder", "HandTipLeft", "ThumbLeft", "HandTipRight", "ThumbRight",
)  # fmt: skip

KEYPOINT_NAMES: Final[tuple[str, ...]] = (
    "head",
    "r_shoulder", "r_elbow", "r_wrist",
    "l_shoulder", "l_elbow", "l_wrist",
    "r_hip", "r_knee", "r_ankle",
    "l_hip", "l_knee", "l_ankle",
)  # fmt: skip

JOINTS: Final = len(JOINT_NAMES)
KEYPOINTS: Final = len(KEYPOINT_NAMES)

JOINT: Final[dict[str, int]] = {name: i for i, name in enumerate(JOINT_NAMES)}
KEYPOINT: Final[dict[str, int]] = {name: i for i, name in enumerate(KEYPOINT_NAMES)}

_BONES_BY_NAME = (
    ("SpineBase", "SpineMid"), ("SpineMid", "SpineShoulder"), ("SpineShoulder", "Neck"),
    ("Neck", "Head"),
    ("SpineShoulder", "ShoulderLeft"), ("ShoulderLeft", "ElbowLeft"), ("ElbowLeft", "WristLeft"),
    ("WristLeft", "HandLeft"), ("HandLeft", "HandTipLeft"), ("WristLeft", "ThumbLeft"),
    ("SpineShoulder", "ShoulderRight"), ("ShoulderRight", "ElbowRight"),
    ("ElbowRight", "WristRight"), ("WristRight", "HandRight"), ("HandRight", "HandTipRight"),
    ("WristRight", "ThumbRight"),
    ("SpineBase", "HipLeft"), ("HipLeft", "KneeLeft"), ("KneeLeft", "AnkleLeft"),
    ("AnkleLeft", "FootLeft"),
    ("SpineBase", "HipRight"), ("HipRight", "KneeRight"), ("KneeRight", "AnkleRight"),
    ("AnkleRight", "FootRight"),
)  # fmt: skip

JOINT_BONES: Final[tuple[tuple[int, int], ...]] = tuple(
    (JOINT[a], JOINT[b]) for a, b in _BONES_BY_NAME
)
"""The 24 bones as pairs of joint indices, from the spine's base outward."""


def _joint_of(keypoint: str) -> int:
    """Return the sensor's joint that stands for a keypoint."""
    if keypoint == "head":
        return JOINT["Head"]
    side, part = keypoint.split("_")
    return JOINT[part.capitalize() + {"l": "Left", "r": "Right"}[side]]


def _other_side(keypoint: str) -> str:
    """Return the keypoint's name on the other side of the body."""
    return {"l_": "r_", "r_": "l_"}.get(keypoint[:2], keypoint[:2]) + keypoint[2:]


KEYPOINT_JOINT: Final = np.array([_joint_of(name) for name in KEYPOINT_NAMES])
"""(13,) the sensor's joint of each keypoint."""

FLIP: Final = np.array([KEYPOINT[_other_side(name)] for name in KEYPOINT_NAMES])
"""(13,) keypoint order after mirroring an image; its own inverse."""

LIMBS: Final[tuple[tuple[int, int], ...]] = tuple(
    (KEYPOINT[a], KEYPOINT[b])
    for a, b in (
        ("head", "r_shoulder"), ("head", "l_shoulder"),
        ("r_shoulder", "r_elbow"), ("r_elbow", "r_wrist"),
        ("l_shoulder", "l_elbow"), ("l_elbow", "l_wrist"),
        ("r_shoulder", "r_hip"), ("l_shoulder", "l_hip"),
        ("r_hip", "r_knee"), ("r_knee", "r_ankle"),
        ("l_hip", "l_knee"), ("l_knee", "l_ankle"),
    )
)  # fmt: skip
"""The limb tree of the 13 keypoints as pairs of indices."""

GROUPS: Final[dict[str, tuple[int, ...]]] = {
    group: tuple(i for i, name in enumerate(KEYPOINT_NAMES) if name.split("_")[-1] == group)
    for group in ("head", "wrist", "elbow", "shoulder", "hip", "knee", "ankle")
}
"""Keypoint indices of each column of the paper's table, in its order."""

TORSO: Final[tuple[int, int]] = (KEYPOINT["r_shoulder"], KEYPOINT["l_hip"])
"""The two ends of the torso diagonal that PCK divides by (Linna et al. 2016)."""
