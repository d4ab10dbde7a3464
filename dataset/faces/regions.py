"""Face regions: a disk around each person's head, worked out from the keypoints alone.

The head keypoint is the sensor's, the middle of the head. A face reaches about 0.54 times as far
from it as the middle of the shoulders is away, 0.22 times the torso, 0.35 times the width of the
shoulders, and 5.5 % of the side of the person's box (a standing adult, by the proportions of the
simulator). Each of these can be foreshortened to nothing, but not all at once: the largest counts,
times a margin for the noise of the joints.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.errors import DatasetError
from ...core.geometry import Floats, image_to_crop
from ...core.skeleton import KEYPOINTS_13, Skeleton
from ..boxes import person_boxes

MARGIN: Final = 1.4
GUESSED: Final = 1.7
"""Factor where the sensor guessed the head."""
WITHOUT_HEAD: Final = 2.2
"""Factor where there is no head, and the shoulders show where it should be."""
_NEEDED: Final = ("head", "r_shoulder", "l_shoulder", "r_hip", "l_hip")
_OF_NECK, _OF_TORSO, _OF_SHOULDERS, _OF_BOX = 0.54, 0.22, 0.35, 0.055
_HEAD_OVER_SHOULDERS: Final = 0.45
"""Height of the head over the shoulders, in lengths of the trunk."""


def check_has_head(skeleton: Skeleton) -> None:
    """Refuse keypoints that don't show where the head is.

    Raises:
        DatasetError: A keypoint is missing.
    """
    missing = [name for name in _NEEDED if name not in skeleton.index]
    if missing:
        raise DatasetError(
            f"--blur-faces: the keypoints of {skeleton.name} have no {missing[0]}; blur the "
            "pictures with another tool"
        )


def face_disks(
    points: Floats, visibility: NDArray[np.uint8], side_px: Floats, skeleton: Skeleton
) -> Floats:
    """Return the disk that covers each person's face.

    Args:
        points: (N, K, 2) pixels of any image; any value where visibility is 0.
        visibility: (N, K) 0 no position, 1 guessed or hidden, 2 visible.
        side_px: (N,) side of the person's square box, in the same pixels.
        skeleton: The K keypoints, see ``check_has_head``.

    Returns:
        (N, 3) x, y, radius; NaN where neither the head nor a shoulder has a position: the face may
        be anywhere.
    """
    head, right, left, right_hip, left_hip = (skeleton.index[name] for name in _NEEDED)
    there = visibility > 0
    known = np.where(there[..., None], points, np.nan).astype(np.float64)
    shoulders = _middle(known[:, right], known[:, left])
    hips = _middle(known[:, right_hip], known[:, left_hip])
    trunk = np.linalg.norm(shoulders - hips, axis=-1)
    width = np.linalg.norm(known[:, right] - known[:, left], axis=-1)
    torso = np.fmax(
        np.linalg.norm(known[:, right] - known[:, left_hip], axis=-1),
        np.linalg.norm(known[:, left] - known[:, right_hip], axis=-1),
    )
    neck = np.linalg.norm(known[:, head] - shoulders, axis=-1)
    sizes = (_OF_NECK * neck, _OF_TORSO * torso, _OF_SHOULDERS * width, _OF_BOX * side_px)
    radius = MARGIN * np.fmax.reduce(sizes)
    # without hips the trunk is as long as it is in most people: 1.4 times the shoulders' width
    trunk = np.where(np.isfinite(trunk), trunk, np.fmax(1.4 * width, 0.2 * side_px))
    up = np.nan_to_num((shoulders - hips) / np.maximum(trunk, 1e-9)[:, None], nan=0.0)
    up[~np.isfinite(hips).all(axis=-1)] = (0.0, -1.0)
    expected = shoulders + (_HEAD_OVER_SHOULDERS * trunk)[:, None] * up
    has_head = there[:, head]
    factor = np.where(visibility[:, head] > 1, 1.0, GUESSED)
    factor[~has_head] = WITHOUT_HEAD
    center = np.where(has_head[:, None], known[:, head], expected)
    return np.concatenate([center, (radius * factor)[:, None]], axis=-1)


def faces_in_crop(
    points: Floats, visibility: NDArray[np.uint8], box_xyxy_px: Floats, size: int
) -> Floats:
    """Return the disks over the faces of people of the 13 keypoints, in pixels of one crop.

    Args:
        points: (P, 13, 2) pixels of the image.
        visibility: (P, 13) as in ``face_disks``.
        box_xyxy_px: (1, 4) the crop's square in the image.
        size: Side of the crop, pixels.

    Returns:
        (P, 3) x, y, radius; NaN as in ``face_disks``.
    """
    side = person_boxes(points, visibility, visibility > 0)[:, 2].astype(np.float64)
    disks = face_disks(points, visibility, side, KEYPOINTS_13)
    disks[:, :2] = image_to_crop(disks[None, :, :2], box_xyxy_px, size)[0]
    disks[:, 2] *= size / float(box_xyxy_px[0, 2] - box_xyxy_px[0, 0])
    return disks


def _middle(one: Floats, other: Floats) -> Floats:
    """Return the middle of two points, one of them where the other has no position."""
    one, other = np.where(np.isnan(one), other, one), np.where(np.isnan(other), one, other)
    return np.asarray((one + other) / 2)
