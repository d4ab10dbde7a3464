"""A pose that a teacher gives as a label: seen twice, in the image and in its mirror image."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ...core.geometry import scale_box, square_box, unmirror_points
from ...core.skeleton import KEYPOINTS_13, TORSO
from ...engines.constant_offsets import span
from ...engines.engine import Images
from ...engines.teacher import Teacher, TeacherPose
from ..teacher_audit import LEAST_CONFIDENCE, LEAST_TRUSTED, LEAST_WEIGHT, WORTHLESS_TORSO

BOX_FACTOR: Final = 1.25
"""Side of the teacher's box, in longest sides of the pose that it followed."""
LEAST_TORSO: Final = 1 / 6
"""A torso seen from above or the side counts as this share of the pose's longest side at least."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TaughtPose:
    """A pose as a label.

    Attributes:
        keypoints_px: (13, 2) float64, pixels of the image.
        weight: (13,) float64 in [0, 1]; 0 where the teacher is not sure.
    """

    keypoints_px: Floats
    weight: Floats


def taught_pose(teacher: Teacher, image: Images) -> TaughtPose | None:
    """Return the label of the person that a teacher follows; None: no one is worth a label.

    The teacher looks again in the box of the pose that it found, and at the mirrored box. The label
    is the mean of both; its weight is the lower confidence, less as the two disagree: 0 from
    ``WORTHLESS_TORSO`` on. A net that sees something gives the same pose in a mirror.

    Args:
        teacher: It follows a person from image to image.
        image: (H, W, 3) uint8, RGB.
    """
    found = teacher.follow(image)
    if found is None or not np.isfinite(found.keypoints_px).all():
        return None
    low, high = found.keypoints_px.min(axis=0), found.keypoints_px.max(axis=0)
    box = square_box(scale_box(np.concatenate([low, high]), BOX_FACTOR))
    width = image.shape[1]
    x0, y0, x1, y1 = box.tolist()
    turned_box = np.array([width - 1 - x1, y0, width - 1 - x0, y1])
    seen = teacher.pose_in_box(image, box)
    mirrored = teacher.pose_in_box(np.ascontiguousarray(image[:, ::-1]), turned_box)
    return _joined(seen, _unmirrored(mirrored, width))


def _unmirrored(pose: TeacherPose, width: int) -> TeacherPose:
    flip = KEYPOINTS_13.flip
    points = unmirror_points(pose.keypoints_px, width)[flip]
    return TeacherPose(points, pose.confidence[flip], pose.score)


def _joined(one: TeacherPose, other: TeacherPose) -> TaughtPose | None:
    """Return the mean of two poses of one person, weighted by how far they agree."""
    points = (one.keypoints_px + other.keypoints_px) / 2
    if not np.isfinite(points).all():
        return None
    longest = float(span(points))
    torso = float(np.hypot(*(points[TORSO[0]] - points[TORSO[1]])))
    apart = np.hypot(*(one.keypoints_px - other.keypoints_px).T)
    apart_torso = apart / max(torso, longest * LEAST_TORSO, 1.0)
    confidence = np.minimum(one.confidence * one.score, other.confidence * other.score)
    weight = confidence * np.clip(1 - apart_torso / WORTHLESS_TORSO, 0, 1)
    weight[(confidence < LEAST_CONFIDENCE) | (weight < LEAST_WEIGHT)] = 0
    if (weight > 0).sum() < LEAST_TRUSTED:
        return None
    return TaughtPose(points, weight)
