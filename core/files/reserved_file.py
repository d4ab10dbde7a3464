"""A new file whose space is promised before anything is written, for libraries that write files."""

import io
from pathlib import Path
from types import TracebackType

from .file_io import Data, FileIO


class ReservedFile(io.RawIOBase):
    """A file-like object over a descriptor; a full disk shows before the first write.

    Args:
        path: The file; must not exist.
        size: Bytes to reserve, at least as many as are ever written.
        files: File handling.
        mode: The file's permissions.

    Attributes:
        error: The first error of the disk. After it, writes do nothing, so that the library can
            close the file; leaving the with block raises the error.

    Raises:
        OSError: The file can't be made, or the disk has no room for it; it is removed.
    """

    def __init__(self, path: Path, size: int, files: FileIO, mode: int = 0o644) -> None:
        super().__init__()
        self.error: OSError | None = None
        self._files = files
        self._place = 0
        self._end = 0
        self._fd = files.create(path, mode)
        try:
            files.reserve(self._fd, size)
        except BaseException:
            self.close()
            files.discard(path)
            raise

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def writable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a place; the end is after the last byte written."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._end}[whence]
        self._place = base + offset
        return self._place

    def tell(self) -> int:
        """Return the place."""
        return self._place

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # any buffer
        """Fill a buffer as far as there are bytes."""
        view = memoryview(buffer).cast("B")
        data = self._files.read_at(self._fd, len(view), self._place)
        view[: len(data)] = data
        self._place += len(data)
        return len(data)

    def write(self, data: Data) -> int:  # type: ignore[override]  # bytes-like
        """Write all of the data."""
        view = memoryview(data).cast("B")
        if self.error is None:
            try:
                self._files.write_at(self._fd, view, self._place)
            except OSError as error:
                self.error = error
                raise
        self._place += len(view)
        self._end = max(self._end, self._place)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Give the file its final size; to nothing, at the start, keeps what is reserved."""
        wanted = self._place if size is None else size
        if wanted and self.error is None:
            self._files.cut(self._fd, wanted)
        return wanted

    def flush(self) -> None:
        """Do nothing; ``sync`` waits for the disk."""

    def sync(self) -> None:
        """Wait until what was written is on the disk."""
        self._files.sync(self._fd)

    def close(self) -> None:
        """Close the descriptor."""
        if not self.closed:
            self._files.close(self._fd)
        super().close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        if self.error is not None and error is not self.error:
            raise self.error
