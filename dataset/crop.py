"""Pass 2: cut persons' crops out of stored pictures and write them to their places in the file.

A block of rows is the unit of work: any process may do it, in any order, any number of times; it
always writes the same bytes.
"""

import zlib
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DatasetError, KincapError
from ..core.files.fault_injection import default_io
from ..core.files.file_io import FileIO
from ..core.geometry import stored_x0
from ..core.jpeg import check_jpeg, decode_jpeg
from ..sessions.schema import Rows
from ..sessions.shard.shard_reader import ShardReader
from .scheduler.token import BuildToken

Image = NDArray[np.uint8]


class DamagedPictureError(DatasetError):
    """A stored picture can't be decoded; names shard and frame."""

    exit_code = 1


class CropReader(Protocol):
    """Reads the crops of one picture source."""

    def crop(self, row: int, size: int) -> Image:
        """Return the (S, S, 3) uint8 RGB crop of a row, un-mirrored.

        Raises:
            DamagedPictureError: Its picture can't be decoded.
        """


class PictureSource(Protocol):
    """Source of N crops: shards of sessions, or picture files of public sets."""

    def __len__(self) -> int: ...

    def take(self, rows: slice | NDArray[np.integer]) -> Self:
        """Return some of the rows; can be pickled."""

    def open(self) -> AbstractContextManager[CropReader]:
        """Return a reader of the crops."""


@dataclass(frozen=True)
class Pictures:
    """Sources of N crops in shards.

    Attributes:
        shards: Paths of shards.
        shard: (N,) index into ``shards``.
        color: (N,) rows of color_index.
        placed: (N, 3) int64 x0, y0, side of each crop in the un-mirrored image.
        mirrored: (N,) bool, whether the stored image is.
        size_px: (N, 2) int64 width and height of the stored image.
    """

    shards: tuple[Path, ...]
    shard: NDArray[np.int32]
    color: Rows
    placed: NDArray[np.int64]
    mirrored: NDArray[np.bool_]
    size_px: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.shard)

    def take(self, rows: slice | NDArray[np.integer]) -> "Pictures":
        """Return some of them, with the shards that they need."""
        used, shard = np.unique(self.shard[rows], return_inverse=True)
        return Pictures(
            shards=tuple(self.shards[i] for i in used),
            shard=shard.astype(np.int32),
            color=self.color[rows],
            placed=self.placed[rows],
            mirrored=self.mirrored[rows],
            size_px=self.size_px[rows],
        )

    def open(self) -> "PictureReader":
        """Return a reader of the crops."""
        return PictureReader(self)


@dataclass(frozen=True)
class Block:
    """Neighbouring rows of one split's ``images``.

    Attributes:
        split: Of which split.
        number: Which block of it.
        path: The file to write into.
        offset: Where the block's first picture goes, bytes.
        size: Side S of the crops, pixels.
        pictures: Where they come from.
        token: Of the build; None where no other one can take over.
    """

    split: str
    number: int
    path: Path
    offset: int
    size: int
    pictures: PictureSource
    token: BuildToken | None = None


def cut_crop(image: Image, placed: NDArray[np.int64], mirrored: bool, size: int) -> Image:
    """Cut a square out of a picture and resize it.

    Args:
        image: (H, W, 3) uint8, as stored.
        placed: (3,) x0, y0, side in the un-mirrored image; outside of it is black.
        mirrored: Whether the stored picture is mirrored.
        size: Side S of the crop, pixels.

    Returns:
        (S, S, 3) uint8, un-mirrored: by area where it gets smaller, bilinear where it gets larger.
    """
    # late: reading sessions (for a dry run) needs no OpenCV
    import cv2

    height, width = image.shape[:2]
    x0, y0, side = (int(value) for value in placed)
    if mirrored:
        x0 = int(stored_x0(x0, side, width))
    left, top = max(x0, 0), max(y0, 0)
    right, bottom = min(x0 + side, width), min(y0 + side, height)
    square = np.zeros((side, side, 3), np.uint8)
    if left < right and top < bottom:
        square[top - y0 : bottom - y0, left - x0 : right - x0] = image[top:bottom, left:right]
    if mirrored:
        square = np.ascontiguousarray(square[:, ::-1])
    if side == size:
        return square
    how = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (size, size), interpolation=how), np.uint8)


class PictureReader:
    """Decodes stored pictures; keeps the last one for further bodies in the same frame.

    Args:
        pictures: What to decode; shards are opened when they are needed.
    """

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures
        self._shards = pictures.shards
        self._readers: dict[int, ShardReader] = {}
        self._last: tuple[tuple[int, int], Image] | None = None

    def __enter__(self) -> "PictureReader":
        return self

    def __exit__(self, *_: object) -> None:
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()

    def crop(self, row: int, size: int) -> Image:
        """Return the crop of a row, (S, S, 3) uint8 RGB.

        Raises:
            DamagedPictureError: Its picture is damaged (exit 1).
        """
        mirrored = bool(self._pictures.mirrored[row])
        return cut_crop(self.image(row), self._pictures.placed[row], mirrored, size)

    def image(self, row: int) -> Image:
        """Return the whole picture of a row, (H, W, 3) uint8 RGB, as stored.

        Raises:
            DamagedPictureError: It is damaged (exit 1).
        """
        color = self._pictures.color[row]
        shard = int(self._pictures.shard[row])
        key = (shard, int(color["seq"]))
        if self._last is None or self._last[0] != key:
            width, height = self._pictures.size_px[row].tolist()
            self._last = (key, self._decode(shard, color, (width, height)))
        return self._last[1]

    def _decode(self, shard: int, row: np.void, size_px: tuple[int, int]) -> Image:
        """Read, check and decode a picture."""
        path = self._shards[shard]
        if shard not in self._readers:
            self._readers[shard] = ShardReader(path)
        try:
            data = self._readers[shard].blob(row)
        except KincapError as err:
            raise DamagedPictureError(f"{err}; --skip-damaged leaves it out") from err
        try:
            check_jpeg(data, size_px)
            return decode_jpeg(data)
        except KincapError as err:
            raise DamagedPictureError(
                f"{path}: color {int(row['seq'])}: {err}; --skip-damaged leaves it out"
            ) from err


@cache
def _process_io() -> FileIO:
    """Return this process's file handling; one that injects faults counts over all blocks."""
    return default_io()


def cut_block(block: Block) -> int:
    """Cut the crops of a block, write them to their places and sync them.

    Args:
        block: What to do.

    Returns:
        CRC-32 of the bytes written.

    Raises:
        DamagedPictureError: A picture is damaged (exit 1).
        OutlivedError: The build has ended or another one makes the file; nothing was written.
        OSError: The file could not be written.
    """
    pictures, io, crc = block.pictures, _process_io(), 0
    fd = io.open_write(block.path)
    try:
        if block.token is not None:
            # after the file was opened: see BuildToken
            block.token.check()
        with pictures.open() as reader:
            for row in range(len(pictures)):
                data = reader.crop(row, block.size).tobytes()
                crc = zlib.crc32(data, crc)
                io.write_at(fd, data, block.offset + row * len(data))
        io.sync(fd)
    finally:
        io.close(fd)
    return crc


def find_damaged(pictures: Pictures) -> NDArray[np.bool_]:
    """Return which pictures can't be decoded.

    Args:
        pictures: Where they come from; neighbours in a frame next to each other.

    Returns:
        (N,) bool.
    """
    damaged = np.zeros(len(pictures), np.bool_)
    with pictures.open() as reader:
        for row in range(len(pictures)):
            try:
                reader.image(row)
            except DamagedPictureError:
                damaged[row] = True
    return damaged
