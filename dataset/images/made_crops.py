"""Crops that a finished data set has already: copied to the next fold instead of cut anew."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ...core.files.file_io import FileIO
from ..crop import PictureReader, Pictures, PictureSource
from ..kinect13.format import LAYOUTS
from ..kinect13.reader import open_kinect13
from .parts import Image

_NOT_MADE = -1
_Key = tuple[str, int, int, int, int, int]
"""Shard, the image's place in it, and the crop's x0, y0, width and height."""
_Status = tuple[int, int, int]


def _status(found: os.stat_result) -> _Status:
    """Return what tells a file from another one that took its name."""
    return found.st_ino, found.st_size, found.st_mtime_ns


@dataclass(frozen=True)
class MadeCrops:
    """Places of the crops in the file of a data set.

    Attributes:
        path: The file.
        status: Of the file.
        offsets: By image and box, where a crop begins, bytes.
    """

    path: Path
    status: _Status
    offsets: Mapping[_Key, int]

    @classmethod
    def of(cls, path: Path, pictures: Mapping[str, PictureSource]) -> Self:
        """Return the places of the crops of a finished file.

        Args:
            path: The file.
            pictures: By split, where its crops came from, in the order of its rows.
        """
        offsets: dict[_Key, int] = {}
        with open_kinect13(path, layouts=LAYOUTS) as dataset:
            for split, source in pictures.items():
                if isinstance(source, Pictures):
                    places = dataset.split(split).image_offsets().tolist()
                    offsets.update(zip(_keys(source), places, strict=True))
        return cls(path, _status(path.stat()), offsets)

    def within(self, source: PictureSource) -> PictureSource:
        """Return a source that copies the crops which the file has, and cuts the others."""
        if not isinstance(source, Pictures):
            return source
        found = [self.offsets.get(key, _NOT_MADE) for key in _keys(source)]
        return CopiedPictures(source, self.path, self.status, np.array(found, np.int64))


def _keys(pictures: Pictures) -> Iterator[_Key]:
    """Yield what decides the pixels of each crop, next to size and decoding of the build."""
    rows = zip(
        pictures.shard.tolist(),
        pictures.color["offset"].tolist(),
        pictures.placed.tolist(),
        strict=True,
    )
    for shard, offset, (x0, y0, width, height) in rows:
        yield str(pictures.shards[shard]), offset, x0, y0, width, height


@dataclass(frozen=True)
class CopiedPictures:
    """Sources of N crops, of which a file has some already.

    Attributes:
        pictures: Where the others come from.
        path: The file.
        status: Of the file when it was finished; nothing is taken from another one.
        offsets: (N,) where a crop begins in the file; -1: it is not in it.
    """

    pictures: Pictures
    path: Path
    status: _Status
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.pictures)

    def take(self, rows: slice | NDArray[np.integer]) -> "CopiedPictures":
        """Return some of the rows."""
        return replace(self, pictures=self.pictures.take(rows), offsets=self.offsets[rows])

    def open(self) -> "CopyingReader":
        """Return a reader of the crops."""
        return CopyingReader(self)


class CopyingReader:
    """Copies crops out of a file, and cuts those that it does not have.

    Args:
        source: What to read.
    """

    def __init__(self, source: CopiedPictures) -> None:
        self._source = source
        self._cutting = PictureReader(source.pictures)
        self._io = FileIO()
        self._stack = ExitStack()
        self._fd: int | None = None

    def __enter__(self) -> "CopyingReader":
        self._stack.enter_context(self._cutting)
        try:
            fd = self._io.open_read(self._source.path)
        except OSError:
            return self
        self._stack.callback(self._io.close, fd)
        if _status(os.fstat(fd)) == self._source.status:
            self._fd = fd
        return self

    def __exit__(self, *_: object) -> None:
        self._fd = None
        self._stack.close()

    def crop(self, row: int, size: int) -> Image:
        """Return the crop of a row as ``PictureReader`` does.

        Raises:
            DamagedPictureError: Its picture is damaged (exit 1).
        """
        offset = int(self._source.offsets[row])
        if self._fd is None or offset == _NOT_MADE:
            return self._cutting.crop(row, size)
        columns = self._source.pictures.columns_px or size
        length = size * columns * 3
        data = self._io.read_at(self._fd, length, offset)
        if len(data) < length:
            return self._cutting.crop(row, size)
        return np.frombuffer(data, np.uint8).reshape(size, columns, 3)
