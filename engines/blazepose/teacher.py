"""BlazePose full as kincap uses it: 13 keypoints in a given box, or of a person it finds."""

import time
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ..detection import Detection
from ..engine import Images
from ..litert import LitertNet, check_litert
from ..rotated_crop import Region, cut_region, region_of_box
from ..teacher import TeacherPose
from ..weights.packages import BLAZEPOSE, DETECTION, LANDMARKS
from ..weights.store import weights_file
from .regions import BlazeDetector, PersonRegion, upright_region

SIZE: Final = 256
LEAST_FLAG: Final = 0.5
"""Presence below which the person is lost."""
_EARS: Final = (7, 8)
_LIMBS: Final = (12, 14, 16, 11, 13, 15, 24, 26, 28, 23, 25, 27)
"""Landmarks of r_shoulder, r_elbow, r_wrist, the same of the left, r_hip ... l_ankle."""
_HIPS, _CIRCLE = 33, 34
"""Landmarks that give the region of the next image."""


class BlazePose:
    """The detector and the landmark net.

    Args:
        folder: The folder of weights; None: this user's.

    Raises:
        MissingPartError: LiteRT or the weights are missing.
    """

    name = "blazepose"

    def __init__(self, folder: Path | None = None) -> None:
        check_litert(self.name)
        detection, landmarks = (
            weights_file(BLAZEPOSE, name, folder) for name in (DETECTION, LANDMARKS)
        )
        self._detector, self._net = BlazeDetector(detection), LitertNet(landmarks)
        self._region: Region | None = None
        self.cpu_s = 0.0

    def begin(self) -> None:
        """Forget the person who is followed."""
        self._region = None

    def pose_in_box(self, image: Images, bbox_xyxy_px: npt.NDArray[np.float64]) -> TeacherPose:
        """Return the pose in a square box: a pass in it, and one in the region that it gives."""
        began = time.process_time()
        _, region = self._landmarks(image, region_of_box(bbox_xyxy_px))
        pose, _ = self._landmarks(image, region)
        self.cpu_s += time.process_time() - began
        return pose

    def follow(self, image: Images) -> TeacherPose | None:
        """Return the pose of the surest person, or of the one who is followed."""
        began = time.process_time()
        region = self._region
        if region is None:
            found = self._detector.regions(image)
            region = found[0].region if found else None
        pose, self._region = None, None
        if region is not None:
            seen, following = self._landmarks(image, region)
            if seen.score >= LEAST_FLAG:
                pose, self._region = seen, following
        self.cpu_s += time.process_time() - began
        return pose

    def detect(self, image: Images) -> list[Detection]:
        """Return tight boxes of the people in an image, the surest first."""
        began = time.process_time()
        found = [self._detection(image, one) for one in self._detector.regions(image)]
        self.cpu_s += time.process_time() - began
        return [one for one in found if one is not None]

    def _detection(self, image: Images, person: PersonRegion) -> Detection | None:
        pose, _ = self._landmarks(image, person.region)
        if pose.score < LEAST_FLAG:
            return None
        low, high = pose.keypoints_px.min(axis=0), pose.keypoints_px.max(axis=0)
        return Detection(np.concatenate([low, high]), person.score)

    def _landmarks(self, image: Images, region: Region) -> tuple[TeacherPose, Region]:
        """Return the pose in a region, and the region that it gives for the next image."""
        crop = cut_region(image, region, SIZE)
        outputs = self._net.run(crop[None].astype(np.float32) / np.float32(255))
        values = outputs[0].reshape(39, 5).astype(np.float64)
        # MediaPipe takes a position for the number of a pixel, whose middle is half a pixel on
        points = region.to_image((values[:, :2] + 0.5) / SIZE)
        # a landmark counts as far as it is visible and inside of the crop
        sure = 1 / (1 + np.exp(-np.clip(values[:, 3:].min(axis=1), -50, 50)))
        ears = list(_EARS)
        pose = TeacherPose(
            np.vstack([points[ears].mean(axis=0), points[list(_LIMBS)]]),
            np.concatenate([[sure[ears].mean()], sure[list(_LIMBS)]]),
            float(np.clip(outputs[1].ravel()[0], 0, 1)),
        )
        return pose, upright_region(points[_HIPS], points[_CIRCLE])
