"""The interface of nets of others that serve as yardstick and teacher."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .engine import Images


@dataclass(frozen=True)
class TeacherPose:
    """The pose of one person.

    Attributes:
        keypoints_px: (13, 2) float64, pixels of the image, in the order of ``KEYPOINTS_13``.
        confidence: (13,) float64 in [0, 1].
        score: In [0, 1], that there is a person.
    """

    keypoints_px: npt.NDArray[np.float64]
    confidence: npt.NDArray[np.float64]
    score: float


class Teacher(Protocol):
    """A net that was trained elsewhere.

    Attributes:
        name: As ``--teacher`` takes it.
        cpu_s: CPU time of all calls so far, seconds: cutting, nets and what follows.
    """

    name: str
    cpu_s: float

    def pose_in_box(self, image: Images, bbox_xyxy_px: npt.NDArray[np.float64]) -> TeacherPose:
        """Return the pose of the person in a square box (4,) of an image (H, W, 3) uint8, RGB."""

    def follow(self, image: Images) -> TeacherPose | None:
        """Return the pose of the person who is followed; None where no one is found.

        The net finds the person by itself, and uses the pose of the image before.
        """

    def begin(self) -> None:
        """Forget the person who is followed."""
