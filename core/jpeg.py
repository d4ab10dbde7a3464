"""JPEG: size from the header, checks, decoding with a cap on pixels, encoding.

A size is read from the bytes before a decoder sees them: a few hundred bytes can ask it for
gigabytes. simplejpeg decodes; cv2 encodes, because it takes the sensor's BGRA as it is and can set
restart intervals, by which single parts of a picture can be cut out later.
"""

from typing import Any, Final

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from .errors import KincapError

MAX_PIXELS: Final = 64_000_000
QUALITY: Final = 90
"""JPEG quality of recorded images."""
RESTART_INTERVAL: Final = 5
"""Restart markers every 5 MCUs (80 pixels of a row): small tiles at 2 % of the size."""

_START: Final = b"\xff\xd8"
_END: Final = b"\xff\xd9"
_SOF: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Read a picture's size from its frame header.

    Args:
        data: A JPEG file.

    Returns:
        Width and height, pixels.

    Raises:
        KincapError: It is not a JPEG, or ends before its frame header.
    """
    if data[:2] != _START:
        raise KincapError("not a JPEG: it does not begin with FFD8", exit_code=1)
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _STANDALONE:
            at += 2
        elif marker in _SOF:
            height = int.from_bytes(data[at + 5 : at + 7], "big")
            width = int.from_bytes(data[at + 7 : at + 9], "big")
            if not width or not height:
                break
            return width, height
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise KincapError("damaged JPEG: no frame header with a size", exit_code=1)


def check_jpeg(data: bytes, size: tuple[int, int] | None = None) -> None:
    """Check a stored picture without decoding it.

    Args:
        data: A JPEG file.
        size: Width and height that it must have; None for any.

    Raises:
        KincapError: It does not begin or end as a JPEG, or has another size.
    """
    found = jpeg_size(data)
    if data[-2:] != _END:
        raise KincapError("damaged JPEG: it does not end with FFD9", exit_code=1)
    if size is not None and found != tuple(size):
        raise KincapError(
            f"JPEG of {found[0]}x{found[1]} pixels, expected {size[0]}x{size[1]}", exit_code=1
        )


def decode_jpeg(
    data: bytes, *, max_pixels: int = MAX_PIXELS, rgb: bool = True
) -> NDArray[np.uint8]:
    """Decode a picture.

    Args:
        data: A JPEG file.
        max_pixels: More are refused before anything is allocated.
        rgb: RGB, or else BGR.

    Returns:
        (H, W, 3) uint8.

    Raises:
        KincapError: It can't be decoded or is too large.
    """
    width, height = jpeg_size(data)
    if width * height > max_pixels:
        raise KincapError(
            f"JPEG of {width}x{height} pixels; at most {max_pixels} are decoded", exit_code=1
        )
    try:
        image: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, "RGB" if rgb else "BGR")
    except ValueError as err:
        raise KincapError(f"damaged JPEG: {' '.join(str(err).split())}", exit_code=1) from err
    if image.shape != (height, width, 3):
        raise KincapError("damaged JPEG: its header and its pixels differ in size", exit_code=1)
    return image


def decode_small(data: bytes, by: int) -> NDArray[np.uint8]:
    """Decode a picture at a fraction of its size, a third of the work of all of it.

    Args:
        data: A JPEG file.
        by: 1, 2, 4 or 8.

    Returns:
        (ceil(H / by), ceil(W / by), 3) uint8, BGR.

    Raises:
        KincapError: It can't be decoded or is too large.
    """
    width, height = jpeg_size(data)
    if width * height > MAX_PIXELS:
        raise KincapError(
            f"JPEG of {width}x{height} pixels; at most {MAX_PIXELS} are decoded", exit_code=1
        )
    size = -(-height // by), -(-width // by)
    try:
        image: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            data, "BGR", min_height=size[0], min_width=size[1], min_factor=1, fastdct=True
        )
    except ValueError as err:
        raise KincapError(f"damaged JPEG: {' '.join(str(err).split())}", exit_code=1) from err
    if image.shape != (*size, 3):
        raise KincapError(f"JPEG of another size than {size[1]}x{size[0]} when made small")
    return image


def encode_jpeg(image: NDArray[np.uint8], quality: int = QUALITY) -> bytes:
    """Encode a picture as a baseline JPEG, 4:2:0, with restart markers.

    Args:
        image: (H, W, 3) BGR or (H, W, 4) BGRA, uint8.
        quality: 1 to 100.

    Raises:
        KincapError: The encoder refused it.
    """
    import cv2

    settings: list[Any] = [cv2.IMWRITE_JPEG_QUALITY, quality]
    settings += [cv2.IMWRITE_JPEG_RST_INTERVAL, RESTART_INTERVAL]
    settings += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420]
    done, data = cv2.imencode(".jpg", image, settings)
    if not done:
        raise KincapError(f"the JPEG encoder refused an image of shape {image.shape}", exit_code=1)
    return bytes(data)
