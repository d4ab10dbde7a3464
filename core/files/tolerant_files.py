"""Read what a failing disk still gives: a place that can't be read counts as zeros."""

import errno
from pathlib import Path
from typing import Final

from .file_io import FileIO

_PAGE: Final = 4096


class PatientIO(FileIO):
    """Reads through another FileIO; never gives up a whole file for one bad sector.

    Args:
        io: Does the reading.

    Attributes:
        bad_pages: How many pages could not be read.
    """

    def __init__(self, io: FileIO) -> None:
        self._io = io
        self.bad_pages = 0

    def open_read(self, path: Path) -> int:
        """Open a file for reading, and return its descriptor."""
        return self._io.open_read(path)

    def read_at(self, fd: int, length: int, offset: int) -> bytes:
        """Read up to ``length`` bytes at a place, zeros for the pages that can't be read."""
        try:
            return self._io.read_at(fd, length, offset)
        except OSError as err:
            if err.errno != errno.EIO:
                raise
        return b"".join(
            self._page(fd, min(_PAGE - at % _PAGE, offset + length - at), at)
            for at in self._starts(fd, length, offset)
        )

    def _starts(self, fd: int, length: int, offset: int) -> list[int]:
        """Return where each page of a part of the file begins."""
        end = min(offset + length, self._io.size(fd))
        return [offset, *range(offset - offset % _PAGE + _PAGE, end, _PAGE)] if offset < end else []

    def _page(self, fd: int, length: int, offset: int) -> bytes:
        """Read within one page."""
        try:
            return self._io.read_at(fd, length, offset)
        except OSError as err:
            if err.errno != errno.EIO:
                raise
        self.bad_pages += 1
        return bytes(min(length, self._io.size(fd) - offset))
