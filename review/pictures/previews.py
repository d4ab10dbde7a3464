"""Small pictures of frames: previews while dragging, thumbnails in the list."""

from typing import Final

import cv2
import numpy as np

from ...core.jpeg import decode_jpeg, decode_small, encode_jpeg

THUMBNAIL_PX: Final = (384, 216)
THUMBNAIL_QUALITY: Final = 82
PREVIEW_PX: Final = 240
"""Previews are at least this wide, where the frames are."""
PREVIEW_QUALITY: Final = 75


def preview_of(data: bytes, width: int) -> bytes:
    """Return a JPEG of ``width`` pixels as a small one, decoded at a fraction of its size."""
    by = next((by for by in (8, 4, 2) if width // by >= PREVIEW_PX), 1)
    return data if by == 1 else encode_jpeg(decode_small(data, by), PREVIEW_QUALITY)


def thumbnail_of(data: bytes) -> np.ndarray:
    """Return a JPEG as a picture of ``THUMBNAIL_PX``, (H, W, 3) uint8 BGR."""
    picture = decode_jpeg(data, rgb=False)
    small = cv2.resize(picture, THUMBNAIL_PX, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)
