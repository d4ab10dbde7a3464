"""Poses in mirror images: put back into the source's pixels; sides that look exchanged."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..core.skeleton import KEYPOINTS_13
from .outputs.frame_poses import FramePoses


def faces_us(pose_px: npt.NDArray[np.float64]) -> bool | None:
    """Return True if the left shoulder is right of the right one, as from the front.

    None where the shoulders are too near to each other to say.
    """
    index = KEYPOINTS_13.index
    left, right = pose_px[index["l_shoulder"]], pose_px[index["r_shoulder"]]
    a, b = KEYPOINTS_13.torso_indices
    torso = float(np.hypot(*(pose_px[a] - pose_px[b])))
    apart = float(left[0] - right[0])
    return apart > 0 if abs(apart) > 0.3 * torso else None


def mirrored_poses(frame: FramePoses) -> FramePoses:
    """Return the people of a mirrored image in the pixels that the source has."""
    width = frame.size_px[0]
    people = tuple(
        replace(
            one,
            bbox_xyxy_px=mirrored_box(one.bbox_xyxy_px, width),
            keypoints_px=mirrored_points(one.keypoints_px, width),
        )
        for one in frame.people
    )
    smoothed = tuple(mirrored_points(pose, width) for pose in frame.smoothed_px)
    return replace(frame, people=people, smoothed_px=smoothed)


def mirrored_points(points: npt.NDArray[np.float64], width: int) -> npt.NDArray[np.float64]:
    """Return points (K, 2) of an image in the pixels of its mirror image."""
    turned = points.copy()
    turned[:, 0] = width - 1 - turned[:, 0]
    return turned


def mirrored_box(box: npt.NDArray[np.float64], width: int) -> npt.NDArray[np.float64]:
    """Return a box (4,) of an image in the pixels of its mirror image."""
    return np.array([width - 1 - box[2], box[1], width - 1 - box[0], box[3]])
