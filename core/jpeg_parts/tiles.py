"""JPEG tiles: the parts of a picture between restart markers, of which some are decoded alone.

Nothing after a restart marker depends on the bytes before it. So the parts under a window can be
joined to a small JPEG of their own. Its pixels are those of the whole picture, bit for bit, except
next to its own borders, where smoothed chroma needs a neighbour (``TILE_MARGIN_PX``).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..errors import KincapError
from ..jpeg import MAX_PIXELS, jpeg_size

TILE_MARGIN_PX: Final = 2
"""Pixels at a border inside the picture that may differ from the whole picture's."""

_SOF0, _SOS, _DRI, _RST0, _EOI = 0xC0, 0xDA, 0xDD, 0xD0, 0xD9
_OTHER_SOF: Final = frozenset({*range(0xC1, 0xD0)} - {0xC4, 0xC8, 0xCC})
_STANDALONE: Final = frozenset({0x00, 0x01, 0xFF, *range(0xD0, 0xDA)})
_MARKER: Final = bytes([0xFF, _EOI])
_GROUP: Final = 64


@dataclass(frozen=True)
class JpegTiles:
    """A baseline JPEG cut at its restart markers: ``down`` x ``across`` tiles of one size.

    Attributes:
        data: The JPEG.
        size_px: Width and height of the picture.
        tile_px: Width and height of a tile; those at the right and lower edge may be smaller.
        down: Rows of tiles.
        across: Tiles in a row.
    """

    data: bytes
    size_px: tuple[int, int]
    tile_px: tuple[int, int]
    down: int
    across: int
    _head: bytes
    _size_at: int
    _spans: NDArray[np.int64]

    def under(self, x0: int, y0: int, x1: int, y1: int) -> tuple[range, range]:
        """Return the rows and columns of tiles that a window inside the picture needs.

        Args:
            x0: First column of the window.
            y0: First row.
            x1: Column after the last one.
            y1: Row after the last one.
        """
        wide, high = self.tile_px
        rows = range(y0 // high, min(-(-y1 // high), self.down))
        return rows, range(x0 // wide, min(-(-x1 // wide), self.across))

    def size_of(self, rows: range, columns: range) -> tuple[int, int]:
        """Return width and height, pixels, of the picture that some tiles make."""
        wide, high = self.tile_px
        width, height = self.size_px
        return (
            min(columns.stop * wide, width) - columns.start * wide,
            min(rows.stop * high, height) - rows.start * high,
        )

    def joined(self, rows: range, columns: range) -> bytearray:
        """Return a JPEG of some neighbouring tiles only."""
        width, height = self.size_of(rows, columns)
        at = self._size_at
        size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
        joined = bytearray(self._head[:at] + size + self._head[at + 4 :])
        begin = len(joined)
        spans = self._spans[rows.start : rows.stop, columns.start : columns.stop]
        # the tiles of a row follow each other, each with its marker; that of the last one is added
        data = memoryview(self.data)
        ends_of_rows = zip(spans[:, 0, 0].tolist(), spans[:, -1, 1].tolist(), strict=True)
        joined += _MARKER.join([data[first:last] for first, last in ends_of_rows])
        joined += _MARKER
        sizes = (spans[..., 1] - spans[..., 0]).ravel() + len(_MARKER)
        ends = begin + np.cumsum(sizes) - 1
        markers = np.frombuffer(joined, np.uint8)
        markers[ends] = _RST0 + np.arange(len(ends)) % 8
        markers[ends[-1]] = _EOI
        return joined


@dataclass(frozen=True)
class _Header:
    """The header of a JPEG: its end, place of the size, sides of an MCU, restart interval."""

    end: int
    size_at: int
    mcu_px: tuple[int, int]
    interval: int


def find_tiles(data: bytes) -> JpegTiles | None:
    """Find the tiles of a picture.

    Args:
        data: A JPEG file; its bytes are not trusted.

    Returns:
        Its tiles; None where it has to be decoded whole: it has no restart markers, they do not
        divide its rows, there are more or fewer of them than its header says, or it is not a
        baseline JPEG of a single scan.

    Raises:
        KincapError: It is not a JPEG, or too large to be decoded.
    """
    width, height = jpeg_size(data)
    if width * height > MAX_PIXELS:
        raise KincapError(
            f"JPEG of {width}x{height} pixels; at most {MAX_PIXELS} are decoded", exit_code=1
        )
    header = _read_header(data)
    if header is None or data[-2:] != _MARKER:
        return None
    mcu_wide, mcu_high = header.mcu_px
    across, rest = divmod(-(-width // mcu_wide), header.interval)
    down = -(-height // mcu_high)
    if rest:
        return None
    spans = _find_spans(data, header.end, down * across)
    if spans is None:
        return None
    return JpegTiles(
        data=data,
        size_px=(width, height),
        tile_px=(mcu_wide * header.interval, mcu_high),
        down=down,
        across=across,
        _head=data[: header.end],
        _size_at=header.size_at,
        _spans=spans.reshape(down, across, 2),
    )


def _find_spans(data: bytes, begin: int, count: int) -> NDArray[np.int64] | None:
    """Return (count, 2) where each tile's data begins and ends; None where markers are amiss."""
    flat = np.frombuffer(data, np.uint8)[begin:-2]
    marks = _places_of_ff(flat)
    if len(marks) and marks[-1] == len(flat) - 1:
        return None
    kinds = flat[marks + 1]
    # a zero says that the 0xFF is data
    is_marker = kinds != 0
    kinds, markers = kinds[is_marker], marks[is_marker]
    if len(markers) != count - 1:
        return None
    if (kinds != _RST0 + (np.arange(count - 1) & 7)).any():
        return None
    spans = np.empty((count, 2), np.int64)
    spans[1:, 0] = markers + (begin + 2)
    spans[:-1, 1] = markers + begin
    spans[0, 0], spans[-1, 1] = begin, len(data) - 2
    return spans


def _places_of_ff(flat: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return the places of 0xFF; groups of 64 and of eight bytes without one are passed over."""
    found = np.zeros(-(-len(flat) // _GROUP) * _GROUP, np.bool_)
    np.equal(flat, 0xFF, out=found[: len(flat)])
    eights = found.view(np.uint64) != 0
    groups = np.flatnonzero(eights.view(np.uint64) != 0)
    return _within(found, _within(eights, groups))


def _within(found: NDArray[np.bool_], groups: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the places of True in some groups of eight."""
    there = np.flatnonzero(found.view(np.uint64)[groups].view(np.bool_))
    return np.asarray(8 * groups[there >> 3] + (there & 7))


def _read_header(data: bytes) -> _Header | None:
    """Read the segments before a picture's data; None where it can't be cut into tiles."""
    at, size_at, mcu_px, parts, interval = 2, 0, (0, 0), 0, 0
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        segment = data[at + 4 : at + 2 + length]
        if marker in _STANDALONE or marker in _OTHER_SOF or len(segment) != length - 2:
            return None
        if marker == _SOF0:
            found = _mcu_px(segment)
            if size_at or found is None:
                return None
            size_at, mcu_px, parts = at + 5, found, segment[5]
        elif marker == _DRI and length == 4:
            interval = int.from_bytes(segment, "big")
        at += 2 + length
        if marker == _SOS:
            one_scan = parts and segment[:1] == bytes([parts])
            return _Header(at, size_at, mcu_px, interval) if one_scan and interval else None
    return None


def _mcu_px(segment: bytes) -> tuple[int, int] | None:
    """Return width and height of an MCU, pixels; None for a frame header that is not usual."""
    if len(segment) < 6 or segment[0] != 8 or len(segment) != 6 + 3 * segment[5]:
        return None
    factors = segment[7::3]
    if not all(1 <= f >> 4 <= 4 and 1 <= f & 15 <= 4 for f in factors):
        return None
    if len(factors) == 1:
        # the data of a picture with one component come block by block, whatever its factors say
        return (8, 8) if factors[0] == 0x11 else None
    if len(factors) != 3:
        return None
    return 8 * max(f >> 4 for f in factors), 8 * max(f & 15 for f in factors)
