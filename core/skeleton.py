"""Skeletons: the sensor's 25 joints, the 13 keypoints of the data set, and what connects them.

Sides are anatomical: the person's own left and right, in every image. Orders and names follow the
Kinect SDK's ``JointType`` (25 joints) and Linna, Kannala and Rahtu 2016 (13 keypoints). A skeleton
is one value; every index is derived from the names in it.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

_SIDES: Final = (("Left", "Right"), ("left", "right"), ("LEFT", "RIGHT"))
_SIDE_PREFIXES: Final = {"l_": "r_", "r_": "l_"}


def other_side(name: str) -> str:
    """Return the name of the same point on the other side of the body.

    A side is ``Left`` or ``Right`` anywhere in the name, or the prefix ``l_`` or ``r_``; a name
    without a side is returned as it is.
    """
    for left, right in _SIDES:
        if left in name:
            return name.replace(left, right)
        if right in name:
            return name.replace(right, left)
    return _SIDE_PREFIXES.get(name[:2], name[:2]) + name[2:]


def side_of(name: str) -> str | None:
    """Return ``"left"`` or ``"right"`` for a point of that side, None for one of neither."""
    for side, prefix in (("left", "l_"), ("right", "r_")):
        if side in name.lower() or name.startswith(prefix):
            return side
    return None


class TrackingState(IntEnum):
    """The sensor's knowledge of a joint: the values of ``joint_state`` and ``lean_state``."""

    not_tracked = 0
    inferred = 1
    tracked = 2
    unknown = 3
    """The source has no tracking state (from version 2 of the shard on)."""


@dataclass(frozen=True)
class Skeleton:
    """The named points of a body and what connects them.

    Attributes:
        name: Names the skeleton in messages and files.
        points: Names of the points, in the order of their indices.
        bones: Pairs of names, from the root outward.
        torso: The two ends of the torso diagonal that PCK divides by; () where there is none.
        joints: For keypoints, the sensor's joint of each point; () for a sensor's own skeleton.
        groups: Names of the columns of a result table and the points in each, in order.
    """

    name: str
    points: tuple[str, ...]
    bones: tuple[tuple[str, str], ...]
    torso: tuple[str, ...] = ()
    joints: tuple[str, ...] = ()
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.points)

    @cached_property
    def index(self) -> dict[str, int]:
        """Index of each point by name."""
        return {name: i for i, name in enumerate(self.points)}

    @cached_property
    def bone_indices(self) -> tuple[tuple[int, int], ...]:
        """The bones as pairs of indices."""
        return tuple((self.index[a], self.index[b]) for a, b in self.bones)

    @cached_property
    def flip(self) -> NDArray[np.intp]:
        """(N,) order of the points after an image was mirrored; its own inverse."""
        return np.array([self.index[other_side(name)] for name in self.points], np.intp)

    @cached_property
    def torso_indices(self) -> tuple[int, int]:
        """The two ends of the torso diagonal; a skeleton without one has none to give."""
        first, second = self.torso
        return self.index[first], self.index[second]

    @cached_property
    def group_indices(self) -> dict[str, tuple[int, ...]]:
        """Indices of the points of each group."""
        return {group: tuple(self.index[name] for name in names) for group, names in self.groups}

    def joint_indices(self, sensor: "Skeleton") -> NDArray[np.intp]:
        """Return which joint of a sensor each keypoint is.

        Args:
            sensor: The sensor's skeleton; has every joint that ``joints`` names.

        Returns:
            (N,) indices into the sensor's joints.
        """
        return np.array([sensor.index[name] for name in self.joints], np.intp)


KINECT_V2_SKELETON: Final = Skeleton(
    "kinect-v2-25",
    (
        "SpineBase", "SpineMid", "Neck", "Head",
        "ShoulderLeft", "ElbowLeft", "WristLeft", "HandLeft",
        "ShoulderRight", "ElbowRight", "WristRight", "HandRight",
        "HipLeft", "KneeLeft", "AnkleLeft", "FootLeft",
        "HipRight", "KneeRight", "AnkleRight", "FootRight",
        "SpineShoulder", "HandTipLeft", "ThumbLeft", "HandTipRight", "ThumbRight",
    ),
    (
        ("SpineBase", "SpineMid"), ("SpineMid", "SpineShoulder"), ("SpineShoulder", "Neck"),
        ("Neck", "Head"),
        ("SpineShoulder", "ShoulderLeft"), ("ShoulderLeft", "ElbowLeft"),
        ("ElbowLeft", "WristLeft"), ("WristLeft", "HandLeft"), ("HandLeft", "HandTipLeft"),
        ("WristLeft", "ThumbLeft"),
        ("SpineShoulder", "ShoulderRight"), ("ShoulderRight", "ElbowRight"),
        ("ElbowRight", "WristRight"), ("WristRight", "HandRight"), ("HandRight", "HandTipRight"),
        ("WristRight", "ThumbRight"),
        ("SpineBase", "HipLeft"), ("HipLeft", "KneeLeft"), ("KneeLeft", "AnkleLeft"),
        ("AnkleLeft", "FootLeft"),
        ("SpineBase", "HipRight"), ("HipRight", "KneeRight"), ("KneeRight", "AnkleRight"),
        ("AnkleRight", "FootRight"),
    ),
)  # fmt: skip

KEYPOINTS_13: Final = Skeleton(
    "linna-13",
    (
        "head",
        "r_shoulder", "r_elbow", "r_wrist",
        "l_shoulder", "l_elbow", "l_wrist",
        "r_hip", "r_knee", "r_ankle",
        "l_hip", "l_knee", "l_ankle",
    ),
    (
        ("head", "r_shoulder"), ("head", "l_shoulder"),
        ("r_shoulder", "r_elbow"), ("r_elbow", "r_wrist"),
        ("l_shoulder", "l_elbow"), ("l_elbow", "l_wrist"),
        ("r_shoulder", "r_hip"), ("l_shoulder", "l_hip"),
        ("r_hip", "r_knee"), ("r_knee", "r_ankle"),
        ("l_hip", "l_knee"), ("l_knee", "l_ankle"),
    ),
    torso=("r_shoulder", "l_hip"),
    joints=(
        "Head",
        "ShoulderRight", "ElbowRight", "WristRight",
        "ShoulderLeft", "ElbowLeft", "WristLeft",
        "HipRight", "KneeRight", "AnkleRight",
        "HipLeft", "KneeLeft", "AnkleLeft",
    ),
    groups=(
        ("head", ("head",)),
        ("wrist", ("r_wrist", "l_wrist")),
        ("elbow", ("r_elbow", "l_elbow")),
        ("shoulder", ("r_shoulder", "l_shoulder")),
        ("hip", ("r_hip", "l_hip")),
        ("knee", ("r_knee", "l_knee")),
        ("ankle", ("r_ankle", "l_ankle")),
    ),
)  # fmt: skip
"""The keypoints that the data set, the nets and the figures use."""

JOINT_NAMES: Final = KINECT_V2_SKELETON.points
JOINTS: Final = len(KINECT_V2_SKELETON)
JOINT: Final = KINECT_V2_SKELETON.index
JOINT_BONES: Final = KINECT_V2_SKELETON.bone_indices
"""The 24 bones as pairs of joint indices, from the spine's base outward."""

KEYPOINT_NAMES: Final = KEYPOINTS_13.points
KEYPOINTS: Final = len(KEYPOINTS_13)
KEYPOINT: Final = KEYPOINTS_13.index
KEYPOINT_JOINT: Final = KEYPOINTS_13.joint_indices(KINECT_V2_SKELETON)
"""(13,) the sensor's joint of each keypoint."""
FLIP: Final = KEYPOINTS_13.flip
"""(13,) keypoint order after mirroring an image; its own inverse."""
LIMBS: Final = KEYPOINTS_13.bone_indices
"""The limb tree of the 13 keypoints as pairs of indices."""
GROUPS: Final = KEYPOINTS_13.group_indices
"""Keypoint indices of each column of the paper's table, in its order."""
TORSO: Final = KEYPOINTS_13.torso_indices
"""The two ends of the torso diagonal that PCK divides by (Linna et al. 2016)."""
