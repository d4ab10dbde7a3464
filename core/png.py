"""PNG, for pictures whose every number counts: body index (8 bits), depth (16 bits), exports."""

import struct
import zlib
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .errors import KincapError

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_HEADER: Final = struct.Struct(">8s4x4sIIBB")
"""Signature, length, IHDR, width, height, bits of a sample, kind of pixels."""
_END: Final = b"IEND\xaeB`\x82"
_GREY: Final = 0
_MOST_PX: Final = 1 << 14


_MARK_AT: Final = 33
"""Bytes of the signature and of the first chunk."""


def mark_png(data: bytes, maker: str) -> bytes:
    """Return a PNG with a text chunk that names its maker."""
    return data[:_MARK_AT] + _mark(maker) + data[_MARK_AT:]


def has_mark(head: bytes, maker: str) -> bool:
    """Return True if a file's begin is that of a PNG which ``mark_png`` marked."""
    mark = _mark(maker)
    return head.startswith(SIGNATURE) and head[_MARK_AT : _MARK_AT + len(mark)] == mark


def _mark(maker: str) -> bytes:
    """Return the chunk."""
    body = b"tEXtSoftware\0" + maker.encode()
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def png_size(data: bytes) -> tuple[int, int, int]:
    """Return (width, height, bits of a pixel) of a grey PNG, from its header.

    Raises:
        KincapError: It is not a grey PNG of 8 or 16 bits, or it has no end.
    """
    if len(data) < _HEADER.size or not data.endswith(_END):
        raise KincapError(f"{len(data)} bytes are not a whole PNG", exit_code=1)
    signature, chunk, width, height, bits, kind = _HEADER.unpack_from(data)
    is_grey = (kind, chunk, signature) == (_GREY, b"IHDR", SIGNATURE)
    if not is_grey or bits not in (8, 16):
        raise KincapError("not a grey PNG of 8 or 16 bits", exit_code=1)
    return width, height, bits


def decode_png(data: bytes) -> NDArray[Any]:
    """Decode a mask or depth image.

    Args:
        data: A grey PNG of 8 or 16 bits.

    Returns:
        (H, W) uint8 or uint16.

    Raises:
        KincapError: It is not one, is too large, or is damaged.
    """
    import cv2

    width, height, bits = png_size(data)
    if not 0 < width <= _MOST_PX or not 0 < height <= _MOST_PX:
        raise KincapError(f"a PNG of {width}x{height} pixels is too large", exit_code=1)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.shape != (height, width) or image.itemsize * 8 != bits:
        raise KincapError("a PNG can't be decoded", exit_code=1)
    return image


def encode_png(image: NDArray[Any] | None) -> bytes:
    """Encode a picture without loss, as fast as zlib goes.

    Args:
        image: (H, W) uint8 or uint16, or (H, W, 3) uint8 BGR.

    Raises:
        KincapError: It is none of these.
    """
    import cv2

    if image is None or not _fits(image):
        found = "no picture" if image is None else f"{image.dtype} of shape {image.shape}"
        raise KincapError(f"the source gave {found}, expected (H, W) of uint8 or uint16")
    # differences to the line above and runs of equal bytes: half the time of the default, and
    # smaller on both kinds of picture
    how = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    if hasattr(cv2, "IMWRITE_PNG_FILTER"):  # older ones choose a filter themselves
        how += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP]
    done, data = cv2.imencode(".png", image, how)
    if not done:
        raise KincapError("OpenCV can't encode a picture as PNG", exit_code=1)
    return data.tobytes()


def _fits(image: NDArray[Any]) -> bool:
    """Return True if ``encode_png`` takes such an image."""
    if image.ndim == 2:
        return image.dtype in (np.uint8, np.uint16)
    return image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8
