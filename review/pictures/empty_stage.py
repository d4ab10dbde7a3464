"""Pictures for sessions that have none, such as skeleton logs: an empty stage to see joints on."""

from typing import Final

import cv2
import numpy as np

from ...core.errors import SessionError
from ...core.jpeg import encode_jpeg
from ...core.skeleton import JOINT_BONES

LARGEST_PX: Final = 8192
_QUALITY: Final = 75
_FLOOR_BGR: Final = (40, 36, 32)
_BONE_BGR: Final = (210, 200, 190)


def empty_picture(size_px: tuple[int, int]) -> bytes:
    """Return a JPEG of one dark colour.

    Raises:
        SessionError: session.json names a size that no picture has.
    """
    if not 1 <= min(size_px) <= max(size_px) <= LARGEST_PX:
        raise SessionError(f"no picture of {size_px[0]}x{size_px[1]} can be shown")
    return encode_jpeg(empty_image(size_px), _QUALITY)


def stick_picture(
    size_px: tuple[int, int], joints_px: np.ndarray, within_px: tuple[int, int]
) -> np.ndarray:
    """Draw bones on a small stage.

    Args:
        size_px: (width, height) of the picture.
        joints_px: (P, 25, 2) pixels in the large picture; NaN where there is none.
        within_px: (width, height) of the large picture.

    Returns:
        (height, width, 3) uint8 BGR.
    """
    picture = empty_image(size_px)
    for joints in joints_px * (np.array(size_px) / np.array(within_px)):
        for a, b in JOINT_BONES:
            ends = joints[[a, b]]
            if np.isfinite(ends).all() and np.abs(ends).max() < LARGEST_PX:
                start, end = ends.round().astype(int).tolist()
                cv2.line(picture, start, end, _BONE_BGR, 2, cv2.LINE_AA)
    return picture


def empty_image(size_px: tuple[int, int]) -> np.ndarray:
    """Return (height, width, 3) uint8 BGR of one dark colour."""
    return np.full((size_px[1], size_px[0], 3), _FLOOR_BGR, np.uint8)
