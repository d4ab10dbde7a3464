"""Pixels of one dataset of kinect13.h5, read by place straight into the caller's buffer."""

import math
import os
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ...core.errors import DatasetError
from .format import Images

_WIDE_BLOCK: Final = 64
"""Images with a margin that are read at a time to take their crops out."""


def check_out(out: Images, shape: tuple[int, ...]) -> None:
    """Refuse a buffer that images can't be read into."""
    if out.shape != shape or out.dtype != np.uint8 or not out.flags.c_contiguous:
        raise ValueError(f"out: expected {shape} uint8, C-contiguous")


class PixelRows:
    """A dataset of pixels of one split, read by place."""

    def __init__(
        self, path: Path, fd: int | None, offset: int, count: int, row: tuple[int, ...]
    ) -> None:
        self.path = path
        self.fd = fd
        self.offset = offset
        self.count = count
        self.row = row
        self.row_bytes = math.prod(row)
        # without preadv (Windows; not tried) the system maps the file; an empty map is refused
        self._map: Images | None = None
        if fd is None and count:
            self._map = np.memmap(path, np.uint8, mode="r", offset=offset, shape=(count, *row))

    def middle(self, indices: npt.ArrayLike, out: Images | None, border: int) -> Images:
        """Read rows without a border around them."""
        if not border:
            return self.read(indices, out)
        height, width, *channels = self.row
        rows, columns = slice(border, height - border), slice(border, width - border)
        wanted = np.asarray(indices, dtype=np.int64).reshape(-1)
        shape = (len(wanted), height - 2 * border, width - 2 * border, *channels)
        if out is None:
            out = np.empty(shape, np.uint8)
        check_out(out, shape)
        for start in range(0, len(wanted), _WIDE_BLOCK):
            block = slice(start, start + _WIDE_BLOCK)
            out[block] = self.read(wanted[block], None)[:, rows, columns]
        return out

    def read(self, indices: npt.ArrayLike, out: Images | None) -> Images:
        """Read rows, in the order asked for, into a buffer or a new array."""
        wanted = np.asarray(indices, dtype=np.int64).reshape(-1)
        if len(wanted) and not (wanted.min() >= 0 and wanted.max() < self.count):
            raise IndexError(f"{self.path}: picture outside 0..{self.count - 1}")
        shape = (len(wanted), *self.row)
        if out is None:
            out = np.empty(shape, np.uint8)
        check_out(out, shape)
        if self._map is not None:
            np.take(self._map, wanted, axis=0, out=out)
        elif len(wanted):
            self._read_runs(wanted, out.reshape(-1).data)
        return out

    def _read_runs(self, wanted: npt.NDArray[np.int64], into: memoryview) -> None:
        """Read each run of neighbouring pictures with one call where the system allows."""
        ends = [*(np.flatnonzero(np.diff(wanted) != 1) + 1).tolist(), len(wanted)]
        begin = 0
        for end in ends:
            offset = self.offset + int(wanted[begin]) * self.row_bytes
            self._read_all(into[begin * self.row_bytes : end * self.row_bytes], offset)
            begin = end

    def _read_all(self, into: memoryview, offset: int) -> None:
        """Fill a buffer; one call gives at most 2 GiB."""
        if self.fd is None:
            raise DatasetError(f"{self.path}: read after it was closed", exit_code=1)
        while len(into):
            got = os.preadv(self.fd, [into], offset)
            if got == 0:
                raise DatasetError(
                    f"{self.path}: ends at byte {offset}, inside its pictures; build it again",
                    exit_code=1,
                )
            into, offset = into[got:], offset + got

    def close(self) -> None:
        """Forget the file."""
        self.fd = None
        self._map = None
