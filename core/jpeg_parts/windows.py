"""Small grey windows of a JPEG, decoded alone where its restart markers allow that.

A few tiles around a hand are a tenth of the work: no other part of the picture has to be read bit
by bit.
"""

from typing import Final

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from ..errors import KincapError
from ..jpeg import jpeg_size
from .tiles import JpegTiles, find_tiles

Grey = NDArray[np.uint8]

SMALL_HEIGHT: Final = 270


class SmallPicture:
    """A picture, grey and at a fraction of its size, of which only windows are looked at.

    Args:
        data: A JPEG file.

    Attributes:
        height: Of the small picture, pixels.
        width: Of the small picture, pixels.

    Raises:
        KincapError: It is not a JPEG, or too large.
    """

    def __init__(self, data: bytes) -> None:
        """Look at its header and markers; nothing is decoded yet."""
        width, height = jpeg_size(data)
        self._tiles = find_tiles(data)
        self._by = next(by for by in (8, 4, 2, 1) if height >= by * SMALL_HEIGHT or by == 1)
        self.height, self.width = -(-height // self._by), -(-width // self._by)
        self._data = data
        self._whole: Grey | None = None
        self._parts: list[tuple[tuple[int, int], Grey]] = []

    def window(self, x0: int, y0: int, x1: int, y1: int) -> Grey:
        """Return (y1 - y0, x1 - x0) pixels; the window lies inside the small picture.

        Raises:
            KincapError: It can't be decoded.
        """
        tiles = self._tiles
        if tiles is None:
            if self._whole is None:
                self._whole = _decode(self._data, self.height, self.width)
            return self._whole[y0:y1, x0:x1]
        for (top, left), part in self._parts:
            if top <= y0 and left <= x0 and y1 <= top + len(part) and x1 <= left + part.shape[1]:
                return part[y0 - top : y1 - top, x0 - left : x1 - left]
        (top, left), part = self._decode_part(tiles, x0, y0, x1, y1)
        self._parts.append(((top, left), part))
        return part[y0 - top : y1 - top, x0 - left : x1 - left]

    def _decode_part(
        self, tiles: JpegTiles, x0: int, y0: int, x1: int, y1: int
    ) -> tuple[tuple[int, int], Grey]:
        """Decode the tiles around a window, a row more on both sides for the next one's sake.

        Returns:
            Top and left of what was decoded, and its pixels.
        """
        by = self._by
        rows, columns = tiles.under(by * x0, by * y0, by * x1, by * y1)
        rows = range(max(rows.start - 1, 0), min(rows.stop + 1, tiles.down))
        width, height = tiles.size_of(rows, columns)
        part = _decode(tiles.joined(rows, columns), -(-height // by), -(-width // by))
        wide, high = tiles.tile_px
        return (rows.start * high // by, columns.start * wide // by), part


def _decode(data: bytes | bytearray, height: int, width: int) -> Grey:
    """Decode at the given size, a fraction of the picture's.

    Raises:
        KincapError: It is damaged.
    """
    try:
        image = simplejpeg.decode_jpeg(data, "GRAY", min_height=height, min_width=width,
                                       min_factor=1, fastdct=True)  # fmt: skip
    except ValueError as err:
        raise KincapError(f"damaged JPEG: {' '.join(str(err).split())}", exit_code=1) from err
    if image.shape[:2] != (height, width):
        raise KincapError(
            f"JPEG of another size than {width}x{height} when made small", exit_code=1
        )
    return np.asarray(image[..., 0])
