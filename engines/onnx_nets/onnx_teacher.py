"""A pose net of another project, in an ONNX file, as a teacher."""

import time
from typing import Final

import numpy as np
import numpy.typing as npt

from ..box_from_pose import box_of_pose
from ..engine import Images
from ..rotated_crop import Region, region_of_box
from ..teacher import TeacherPose
from .model import choose_layout
from .pose_layouts import POSE_LAYOUTS

BOX_FACTOR: Final = 1.25
"""Side of a box from a pose, as top-down nets of others are trained with (mmpose)."""
LEAST_SCORE: Final = 0.2
"""Mean confidence below which the person is lost."""


class OnnxTeacher:
    """A pose net.

    Args:
        text: ``FILE`` or ``LAYOUT:FILE``.

    Raises:
        MissingPartError: onnxruntime is not installed.
        KincapError: The file can't be used, or its layout is not known.
    """

    def __init__(self, text: str) -> None:
        looks_like = {name: one.looks_like for name, one in POSE_LAYOUTS.items()}
        layout, self._model = choose_layout(text, looks_like, "--teacher")
        self.name = f"onnx:{self._model.path}"
        self._layout = POSE_LAYOUTS[layout]
        width, height = self._model.size_px
        # a net of upright inputs sees the middle of a square only
        self._narrow = max(width, height) / min(width, height)
        self._box: npt.NDArray[np.float64] | None = None
        self.cpu_s = 0.0

    def begin(self) -> None:
        """Forget the person who is followed."""
        self._box = None

    def pose_in_box(self, image: Images, bbox_xyxy_px: npt.NDArray[np.float64]) -> TeacherPose:
        """Return the pose of the person in a square box."""
        began = time.process_time()
        pose = self._twice(image, bbox_xyxy_px)
        self.cpu_s += time.process_time() - began
        return pose

    def follow(self, image: Images) -> TeacherPose | None:
        """Return the pose of the person who is followed, or of one in the whole image."""
        began = time.process_time()
        height, width = image.shape[:2]
        whole = np.array([-0.5, -0.5, width - 0.5, height - 0.5])
        if self._layout.finds_people:
            pose = self._pose(image, region_of_box(whole))
        elif self._box is None:
            pose = self._twice(image, whole)
            if pose.score >= LEAST_SCORE:
                pose = self._pose(image, region_of_box(box_of_pose(pose.keypoints_px, BOX_FACTOR)))
        else:
            pose = self._pose(image, region_of_box(self._box))
        is_found = pose.score >= LEAST_SCORE and bool(np.isfinite(pose.keypoints_px).all())
        self._box = box_of_pose(pose.keypoints_px, BOX_FACTOR) if is_found else None
        self.cpu_s += time.process_time() - began
        return pose if is_found else None

    def _twice(self, image: Images, box: npt.NDArray[np.float64]) -> TeacherPose:
        """Return the pose in a box; a narrow net looks at all of it first, then closer."""
        pose = self._pose(image, region_of_box(box, self._narrow))
        if self._narrow == 1 or pose.score < LEAST_SCORE:
            return pose
        return self._pose(image, region_of_box(box_of_pose(pose.keypoints_px, BOX_FACTOR)))

    def _pose(self, image: Images, region: Region) -> TeacherPose:
        return self._layout.pose(self._model, image, region)
