"""A hash of a crop that stays nearly the same when its picture is encoded anew."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..crop import DamagedPictureError, Pictures

BITS: Final = 256
CLOSE_BITS: Final = 16
"""Crops whose hashes differ in at most this many bits are near-copies. In simulated sessions the
same picture encoded with quality 30 or at half its size differs in at most 13, any of another
session in 25 or more."""
_SIZE: Final = 64
_BRIGHTER: Final = 2
"""Grey levels: less is noise where a picture is plain."""
_CHUNK_PAIRS: Final = 1 << 20
_ACROSS, _DOWN = 17, 16


def hash_crop(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the hash of a crop: whether each of 16 x 16 fields is darker than the next one.

    Args:
        crop: (S, S, 3) uint8 RGB.

    Returns:
        (32,) uint8: 256 bits.
    """
    import cv2

    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    fields = cv2.resize(grey, (_ACROSS, _DOWN), interpolation=cv2.INTER_AREA).astype(np.int16)
    return np.packbits(fields[:, 1:] > fields[:, :-1] + _BRIGHTER)


def hash_pictures(pictures: Pictures) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return the hashes of crops; ``pictures.decoding`` should be the fast one.

    Returns:
        (N, 32) uint8, and (N,) bool: False where a picture can't be decoded.
    """
    hashes = np.zeros((len(pictures), BITS // 8), np.uint8)
    good = np.ones(len(pictures), np.bool_)
    with pictures.open() as reader:
        for row in range(len(pictures)):
            try:
                hashes[row] = hash_crop(reader.crop(row, _SIZE))
            except DamagedPictureError:
                # cutting it will say so
                good[row] = False
    return hashes, good


def nearest_hashes(
    asked: NDArray[np.uint8], others: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find for each hash the one of some others that differs least.

    Args:
        asked: (N, 32).
        others: (M, 32), M at least 1.

    Returns:
        (N,) index into ``others``, and (N,) in how many bits it differs.
    """
    index, bits = np.zeros(len(asked), np.int64), np.zeros(len(asked), np.int64)
    words, other_words = (
        np.ascontiguousarray(hashes).view(np.uint64) for hashes in (asked, others)
    )
    chunk = max(1, _CHUNK_PAIRS // len(others))
    for first in range(0, len(asked), chunk):
        some = words[first : first + chunk, None]
        differ = np.bitwise_count(some ^ other_words[None]).sum(axis=-1, dtype=np.int64)
        index[first : first + chunk] = differ.argmin(axis=1)
        bits[first : first + chunk] = differ.min(axis=1)
    return index, bits
