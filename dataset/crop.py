"""Pass 2: cut persons' crops out of stored pictures and write them to their places in the file.

A block of rows is the unit of work: any process may do it, in any order, any number of times; it
always writes the same bytes.
"""

import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DatasetError, KincapError
from ..core.files.fault_injection import default_io
from ..core.files.file_io import FileIO
from ..core.geometry import stored_x0
from ..sessions.schema import Rows
from ..sessions.shard.shard_reader import ShardReader
from ..sessions.shards import reopen_stored_shard
from .images.parts import (
    Image,
    ImagePart,
    PartDecoder,
    StoredImage,
    Window,
    choose_reduction,
    shared_windows,
)
from .images.resample import resample_window, resize_window
from .scheduler.token import BuildToken

EXACT: Final = "exact"
FAST: Final = "fast"
DECODING: Final = (EXACT, FAST)
"""All pixels of a crop averaged by area; or its image decoded at a fraction, then resampled."""

_WARP_LIMIT: Final = 1 << 15
"""OpenCV resamples no image with a side as long as this."""


class DamagedPictureError(DatasetError):
    """A stored picture can't be decoded; names shard and frame."""

    exit_code = 1


class CropReader(Protocol):
    """Reads the crops of one picture source."""

    def crop(self, row: int, size: int) -> Image:
        """Return the un-mirrored crop of a row: (S, S, 3) uint8 RGB, or of a mask (S, S).

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
        placed: (N, 4) int64 x0, y0, width, height of each crop in the un-mirrored image.
        mirrored: (N,) bool, whether the stored image is.
        size_px: (N, 2) int64 width and height of the stored image.
        decoding: One of ``DECODING``.
        columns_px: Columns of the crops where they are not square.
    """

    shards: tuple[Path, ...]
    shard: NDArray[np.int32]
    color: Rows
    placed: NDArray[np.int64]
    mirrored: NDArray[np.bool_]
    size_px: NDArray[np.int64]
    decoding: str = EXACT
    columns_px: int | None = None

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
            decoding=self.decoding,
            columns_px=self.columns_px,
        )

    def open(self) -> "PictureReader":
        """Return a reader of the crops."""
        return PictureReader(self)

    def windows(self) -> list[Window]:
        """Return where each crop is in its image as stored, mirrored or not."""
        placed = self.placed.copy()
        turned = self.mirrored
        placed[turned, 0] = (
            self.size_px[turned, 0] - self.placed[turned, 0] - self.placed[turned, 2]
        )
        return [Window(*row) for row in placed.tolist()]

    def first_of_frame(self) -> NDArray[np.int64]:
        """Return (N,) the first row of each row's image; rows of an image follow each other."""
        seq = self.color["seq"]
        new = np.ones(len(self), np.bool_)
        new[1:] = (seq[1:] != seq[:-1]) | (self.shard[1:] != self.shard[:-1])
        return np.asarray(np.flatnonzero(new)[np.cumsum(new) - 1], np.int64)


BLOCK_ROWS: Final = 256
"""Rows of pictures that are made, synced and marked together: whole pages of the file."""


@dataclass(frozen=True)
class Block:
    """Neighbouring rows of a dataset of pixels.

    Attributes:
        dataset: ``train/images`` and so on.
        number: Which block of it.
        path: The file to write into.
        offset: Where the block's first picture goes, bytes.
        size: Side S of the crops, pixels.
        pictures: Where they come from.
        token: Of the build; None where no other one can take over.
    """

    dataset: str
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
    x0, y0, side = (int(value) for value in placed)
    if mirrored:
        x0 = int(stored_x0(x0, side, image.shape[1]))
    return resize_window(
        ImagePart(image, 0, 0, 1), Window(x0, y0, side, side), mirrored, (size, size)
    )


class PictureReader:
    """Cuts crops out of stored pictures; bodies of one frame share what is decoded.

    Args:
        pictures: Where the crops come from; shards are opened when they are needed.
    """

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures
        self._windows = pictures.windows()
        self._first = pictures.first_of_frame()
        self._readers: dict[int, ShardReader] = {}
        self._decoder = PartDecoder()
        self._crops: tuple[int, int, list[Image]] = (0, 0, [])

    def __enter__(self) -> "PictureReader":
        return self

    def __exit__(self, *_: object) -> None:
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()

    def crop(self, row: int, size: int) -> Image:
        """Return the crop of a row, ``size`` pixels high: (S, S, 3) uint8 RGB, or a whole frame.

        Raises:
            DamagedPictureError: Its picture is damaged (exit 1).
        """
        first = int(self._first[row])
        if self._crops[:2] != (first, size):
            image = self._open(first)
            with self._named(first):
                self._crops = (
                    first,
                    size,
                    self._cut(image, self._rows(first), self._size_px(size)),
                )
        return self._crops[2][row - first]

    def _size_px(self, size: int) -> tuple[int, int]:
        """Return width and height of crops of a height."""
        return self._pictures.columns_px or size, size

    def check(self, row: int) -> None:
        """Decode what a row needs of its picture.

        Raises:
            DamagedPictureError: Its picture is damaged (exit 1).
        """
        image = self._open(row)
        with self._named(row):
            image.part(self._windows[row], 1, self._decoder)

    def _open(self, row: int) -> StoredImage:
        """Read the picture of a row and check its checksum and header."""
        shard = int(self._pictures.shard[row])
        if shard not in self._readers:
            self._readers[shard] = reopen_stored_shard(self._pictures.shards[shard])
        try:
            data = self._readers[shard].blob(self._pictures.color[row])
        except KincapError as err:
            raise DamagedPictureError(f"{err}; --skip-damaged leaves it out") from err
        width, height = self._pictures.size_px[row].tolist()
        with self._named(row):
            return StoredImage(data, (width, height))

    @contextmanager
    def _named(self, row: int) -> Iterator[None]:
        """Name shard and frame in the error of a picture that can't be decoded."""
        try:
            yield
        except KincapError as err:
            path = self._pictures.shards[int(self._pictures.shard[row])]
            raise DamagedPictureError(
                f"{path}: color {int(self._pictures.color[row]['seq'])}: {err}; "
                "--skip-damaged leaves it out"
            ) from err

    def _rows(self, first: int) -> range:
        """Return the rows of the frame that begins at a row."""
        return range(first, int(np.searchsorted(self._first, first, side="right")))

    def _cut(self, image: StoredImage, rows: range, size_px: tuple[int, int]) -> list[Image]:
        """Cut the crops of one picture, decoding each part of it once."""
        mirrored = bool(self._pictures.mirrored[rows.start])
        fast = self._pictures.decoding == FAST and max(image.size_px) < _WARP_LIMIT
        windows = [
            (window, choose_reduction(window, *size_px) if fast else 1)
            for window in self._windows[rows.start : rows.stop]
        ]
        cut = resample_window if fast else resize_window
        crops: dict[int, Image] = {}
        for around, reduction, members in shared_windows(image, windows):
            part = image.part(around, reduction, self._decoder)
            for member in members:
                crops[member] = cut(part, windows[member][0], mirrored, size_px)
        return [crops[index] for index in range(len(rows))]


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
                data = reader.crop(row, block.size).reshape(-1).data
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
                reader.check(row)
            except DamagedPictureError:
                damaged[row] = True
    return damaged
