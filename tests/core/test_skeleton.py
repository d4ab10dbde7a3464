"""Skeletons and sensor shapes as values: what is derived from names, and what a file may say."""

import dataclasses

import numpy as np
import pytest

from kincap.core.sensor_shape import KINECT_V2, shape_from_json
from kincap.core.skeleton import KEYPOINTS_13, KINECT_V2_SKELETON, Skeleton, other_side

COCO_17 = Skeleton(
    "coco-17",
    (
        "nose", "left_eye", "right_eye", "left_ear", "right_ear",
        "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
        "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
    ),
    (("left_shoulder", "left_elbow"), ("right_shoulder", "right_elbow")),
    torso=("right_shoulder", "left_hip"),
    groups=(("wrist", ("left_wrist", "right_wrist")),),
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("ShoulderLeft", "ShoulderRight"), ("ThumbRight", "ThumbLeft"), ("SpineMid", "SpineMid"),
        ("l_hip", "r_hip"), ("r_hip", "l_hip"), ("head", "head"), ("left_ear", "right_ear"),
        ("EYE_LEFT", "EYE_RIGHT"),
    ],
)  # fmt: skip
def test_the_other_side_of_a_name(name: str, other: str) -> None:
    assert other_side(name) == other
    assert other_side(other) == name


@pytest.mark.parametrize("skeleton", [KINECT_V2_SKELETON, KEYPOINTS_13, COCO_17])
def test_indices_come_from_names(skeleton: Skeleton) -> None:
    assert [skeleton.index[name] for name in skeleton.points] == list(range(len(skeleton)))
    assert (skeleton.flip[skeleton.flip] == np.arange(len(skeleton))).all()
    for (a, b), (i, j) in zip(skeleton.bones, skeleton.bone_indices, strict=True):
        assert (skeleton.points[i], skeleton.points[j]) == (a, b)


def test_keypoints_know_their_joints_in_any_sensor() -> None:
    assert [KINECT_V2_SKELETON.points[j] for j in KEYPOINTS_13.joint_indices(KINECT_V2_SKELETON)][
        :4
    ] == ["Head", "ShoulderRight", "ElbowRight", "WristRight"]
    turned = dataclasses.replace(KINECT_V2_SKELETON, points=KINECT_V2_SKELETON.points[::-1])
    joints = KEYPOINTS_13.joint_indices(turned)
    assert [turned.points[j] for j in joints] == list(KEYPOINTS_13.joints)


def test_a_shape_comes_back_from_json() -> None:
    shape = dataclasses.replace(
        KINECT_V2, skeleton=COCO_17, bodies=4, plane_size_px=(640, 576), tick_100ns=666_667
    )
    back = shape_from_json(shape.to_json(), shape.color_size_px)
    assert back.to_json() == shape.to_json()
    assert back.skeleton.bone_indices == COCO_17.bone_indices
    assert shape_from_json(None) == KINECT_V2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"joints": ["a", "a"]}, "appears twice"),
        ({"joints": []}, "1 to 256 names"),
        ({"joints": ["x" * 65]}, "expected names"),
        ({"joints": 7}, "1 to 256 names"),
        ({"joints": ["ShoulderLeft"], "bones": []}, "other side"),
        ({"bones": [["Head", "Tail"]]}, "not a pair of joints"),
        ({"bodies": 0}, "bodies is 0"),
        ({"bodies": True}, "bodies is True"),
        ({"bodies": 10**12}, "expected 1 to 64"),
        ({"plane_size_px": [512]}, "expected [width, height]"),
        ({"plane_size_px": [512, 2**40]}, "expected [width, height]"),
        ({"tick_100ns": "fast"}, "tick_100ns is 'fast'"),
    ],
)
def test_a_shape_that_is_odd_is_named(change: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says.replace("[", r"\[")):
        shape_from_json({**KINECT_V2.to_json(), **change})
