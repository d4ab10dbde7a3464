"""The interface of every engine that finds keypoints in crops."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PoseResult:
    """Poses of N crops.

    Attributes:
        coords: (N, K, 2) float32, crop units: 0 and 1 are the crop's edges.
        confidence: (N, K) float32 in [0, 1]; 1 everywhere for a net that has none.
    """

    coords: Floats
    confidence: Floats


class PoseEngine(Protocol):
    """Finds the keypoints of the person in each crop.

    Attributes:
        size: Side of the crops, pixels.
        keypoint_names: Names of the K keypoints, in order.
    """

    size: int
    keypoint_names: tuple[str, ...]

    def poses(self, crops: Images) -> PoseResult:
        """Return the poses of crops (N, size, size, 3) uint8, RGB; N may be 0."""


@runtime_checkable
class FollowingEngine(PoseEngine, Protocol):
    """Finds keypoints from where they were in the frame before as well."""

    def poses_after(self, crops: Images, previous: Floats) -> PoseResult:
        """Return the poses of crops after some poses (N, K, 3): x, y in crop units, 1 if known."""
