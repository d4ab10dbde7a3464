"""The box of the next frame from the pose of this one."""

from typing import Final

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float64]

TRACK_FACTOR: Final = 1.15
"""Side of a tracked box, in longest sides of the tight box round the pose before: nets are trained
on 1.2. In a larger box they find people too large, so the next box grows, too (docs/predict.md)."""
LEAST_SIDE_PX: Final = 8.0


def box_of_pose(pose_px: npt.NDArray[np.float64], factor: float = TRACK_FACTOR) -> Boxes:
    """Return the square box (4,) round a pose (K, 2), ``factor`` times its longest side."""
    low, high = pose_px.min(axis=0), pose_px.max(axis=0)
    half = max(float((high - low).max()), LEAST_SIDE_PX) * factor / 2
    centre = (low + high) / 2
    box: Boxes = np.concatenate([centre - half, centre + half])
    return box
