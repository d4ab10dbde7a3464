"""Small grey windows of a JPEG, decoded alone where its restart markers allow that.

Between two restart markers nothing depends on what came before. A picture with few of them around a
hand is a tenth of the work: no other part of it has to be read bit by bit.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from .errors import KincapError
from .jpeg import MAX_PIXELS, jpeg_size

Grey = NDArray[np.uint8]

SMALL_HEIGHT: Final = 270
_SOF0, _SOS, _DRI, _RST0, _EOI = 0xC0, 0xDA, 0xDD, 0xD0, 0xD9
_MARKER: Final = bytes([0xFF, _EOI])


@dataclass(frozen=True)
class _Tiles:
    """A baseline JPEG cut at its restart markers: ``rows`` x ``across`` tiles of one height.

    Attributes:
        head: All up to the scan's data.
        size_at: Where in it height and width stand.
        tile: Height and width of a tile, pixels.
        across: Tiles in a row.
        spans: (N, 2) where each tile's data begins and ends.
    """

    head: bytes
    size_at: int
    tile: tuple[int, int]
    across: int
    spans: NDArray[np.int64]


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
        if width * height > MAX_PIXELS:
            raise KincapError(
                f"a JPEG of more than {MAX_PIXELS} pixels is not decoded", exit_code=1
            )
        self._by = next(by for by in (8, 4, 2, 1) if height >= by * SMALL_HEIGHT or by == 1)
        self.height, self.width = -(-height // self._by), -(-width // self._by)
        self._data = data
        self._tiles = _cut(data, width, height)
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
        self, tiles: _Tiles, x0: int, y0: int, x1: int, y1: int
    ) -> tuple[tuple[int, int], Grey]:
        """Decode the tiles around a window, a row more on both sides for the next one's sake.

        Returns:
            Top and left of what was decoded, and its pixels.
        """
        high, wide = (side // self._by for side in tiles.tile)
        count = len(tiles.spans) // tiles.across
        rows = range(max(y0 // high - 1, 0), min(-(-y1 // high) + 1, count))
        columns = range(x0 // wide, -(-x1 // wide))
        data = _joined(self._data, tiles, rows, columns)
        part = _decode(data, high * len(rows), wide * len(columns))
        return (rows[0] * high, columns[0] * wide), part


def _decode(data: bytes, height: int, width: int) -> Grey:
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


def _joined(data: bytes, tiles: _Tiles, rows: range, columns: range) -> bytes:
    """Return a JPEG of some tiles only."""
    sides = b"".join(
        (side * len(part)).to_bytes(2, "big")
        for side, part in zip(tiles.tile, (rows, columns), strict=True)
    )
    joined = bytearray(tiles.head[: tiles.size_at] + sides + tiles.head[tiles.size_at + 4 :])
    begin = len(joined)
    spans = tiles.spans.reshape(-1, tiles.across, 2)[
        rows.start : rows.stop, columns.start : columns.stop
    ]
    # the tiles of a row follow each other, each with its marker; that of the last one is added
    for first, last in zip(spans[:, 0, 0].tolist(), spans[:, -1, 1].tolist(), strict=True):
        joined += data[first:last]
        joined += _MARKER
    sizes = (spans[..., 1] - spans[..., 0]).ravel() + len(_MARKER)
    ends = begin + np.cumsum(sizes) - 1
    markers = np.frombuffer(joined, np.uint8)
    markers[ends] = _RST0 + np.arange(len(ends)) % 8
    markers[ends[-1]] = _EOI
    return bytes(joined)


def _cut(data: bytes, width: int, height: int) -> _Tiles | None:
    """Find the tiles of a picture; None where it has none, or not as many as it must have."""
    at, size_at, mcu, interval = 2, 0, (0, 0), 0
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _SOF0:
            size_at = at + 5
            factors = data[at + 11 : at + 2 + length : 3]
            mcu = (8 * max((f & 15 for f in factors), default=0),
                   8 * max((f >> 4 for f in factors), default=0))  # fmt: skip
        elif marker == _DRI:
            interval = int.from_bytes(data[at + 4 : at + 6], "big")
        at += 2 + length
        if marker == _SOS:
            break
    if not (size_at and interval and all(mcu)):
        return None
    tile = mcu[0], mcu[1] * interval
    across, rest = divmod(width, tile[1])
    count = math.ceil(height / tile[0]) * across
    flat = np.frombuffer(data, np.uint8)[at:]
    marks = np.flatnonzero(flat[:-1] == 0xFF)
    kinds = flat[marks + 1]
    marks = at + marks[(kinds & 0xF8) == _RST0].astype(np.int64)
    if rest or len(marks) != count - 1 or data[-2:] != bytes([0xFF, _EOI]):
        return None
    spans = np.stack([np.append(at, marks + 2), np.append(marks, len(data) - 2)], axis=1)
    return _Tiles(data[:at], size_at, tile, across, spans)
