"""Copy one large file and read the copy back, with reading, writing and checking side by side.

Three threads share the work: the caller's reads and hashes the source, one writes and syncs, one
reads the copy back from the disk and hashes it. On two disks all three run at the disks' speed.
"""

import errno
import hashlib
import os
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from ...core.files.file_io import FileIO

CHUNK: Final = 1 << 20
"""Bytes that are read at a time."""
SEGMENT: Final = 64 * CHUNK
"""Bytes after which the copy is synced and read back."""
_WAITING: Final = 16
"""Chunks that may wait for the writer."""

OnBytes = Callable[[int, int], None]
"""Given the bytes of the file that are written, and those that were read back."""

_Work = TypeVar("_Work")
_Piece = tuple[int, bytes | None, int]
"""Where it begins, its bytes (None: in the copy already), and its length."""


class CopyMismatchError(Exception):
    """A copy reads back otherwise than it was written."""


def copy_verified(source: Path, copy: Path, io: FileIO, on_bytes: OnBytes) -> str:
    """Copy a file, read the copy back and compare.

    A copy that was begun earlier goes on where it ends; what is there is read back like the rest.

    Args:
        source: The file.
        copy: Its copy; made, or gone on with.
        io: File handling.
        on_bytes: Told the progress.

    Returns:
        SHA-256 of both, as hex.

    Raises:
        CopyMismatchError: The copy reads back otherwise; it is deleted.
        OSError: A file can't be read or written; the disk is full.
    """
    reading = io.open_read(source)
    try:
        size = io.size(reading)
        writing, checking = io.open_write(copy), -1
        try:
            # of its own: on Windows two threads can't share the place of one descriptor
            checking = io.open_read(copy)
            work = _Copying(writing, checking, io, size)
            wanted = work.run(reading, on_bytes)
        finally:
            io.close(writing)
            if checking >= 0:
                io.close(checking)
    finally:
        io.close(reading)
    if work.read_back.hexdigest() != wanted:
        io.discard(copy)
        raise CopyMismatchError(f"{copy}: reads back otherwise than it was written")
    return wanted


def read_back_sha256(path: Path, io: FileIO, on_bytes: Callable[[int], None]) -> str:
    """Return the SHA-256 of a file as it is on the disk, as hex.

    Args:
        path: The file.
        io: File handling.
        on_bytes: Told the bytes that were read.
    """
    found = hashlib.sha256()
    fd = io.open_read(path)
    try:
        _drop_cache(fd, 0, 0)
        at = 0
        while data := io.read_at(fd, CHUNK, at):
            found.update(data)
            at += len(data)
            on_bytes(at)
    finally:
        io.close(fd)
    return found.hexdigest()


class _Copying:
    """The two threads that write and read back, and what they share.

    Args:
        fd: The copy, open for writing.
        checking: The copy, open for reading.
        io: File handling.
        size: Size of the source.

    Attributes:
        read_back: Hash of what was read back so far.
    """

    def __init__(self, fd: int, checking: int, io: FileIO, size: int) -> None:
        self._fd, self._checking, self._io, self._size = fd, checking, io, size
        self.read_back = hashlib.sha256()
        self._to_write: queue.Queue[_Piece | None] = queue.Queue(_WAITING)
        self._to_check: queue.Queue[tuple[int, int] | None] = queue.Queue()
        self._error: BaseException | None = None
        self._stop = threading.Event()
        self._checked = 0

    def run(self, reading: int, on_bytes: OnBytes) -> str:
        """Copy all of the source; return its SHA-256."""
        threads = [
            threading.Thread(target=self._guarded, args=(task,), name=f"copy {name}", daemon=True)
            for name, task in (("writer", self._write), ("checker", self._check))
        ]
        for thread in threads:
            thread.start()
        try:
            found = self._read(reading, on_bytes)
            self._put(None)
            for thread in threads:
                while thread.is_alive():
                    thread.join(0.2)
                    on_bytes(self._size, self._checked)
        except BaseException:
            self._stop.set()
            raise
        finally:
            for thread in threads:
                thread.join()
        if self._error is not None:
            raise self._error
        return found

    def _read(self, reading: int, on_bytes: OnBytes) -> str:
        """Read and hash the source, and hand what the copy lacks to the writer."""
        found = hashlib.sha256()
        have = min(self._io.size(self._fd), self._size) // CHUNK * CHUNK
        at = 0
        while at < self._size and self._error is None:
            data = self._io.read_at(reading, min(CHUNK, self._size - at), at)
            if not data:
                raise OSError(errno.EIO, "became shorter while it was read")
            self._put((at, data if at >= have else None, len(data)))
            found.update(data)
            at += len(data)
            on_bytes(at, self._checked)
        return found.hexdigest()

    def _put(self, piece: _Piece | None) -> None:
        """Give the writer a piece; it may have ended with an error."""
        while self._error is None:
            with suppress(queue.Full):
                self._to_write.put(piece, timeout=0.2)
                return

    def _guarded(self, task: Callable[[], None]) -> None:
        """Run a thread's task; its error ends the others."""
        try:
            task()
        except BaseException as error:
            self._error = self._error or error
            self._stop.set()

    def _take(self, waiting: "queue.Queue[_Work | None]") -> _Work | None:
        """Return the next piece of work; None at the end or when the others have stopped."""
        while not self._stop.is_set():
            with suppress(queue.Empty):
                return waiting.get(timeout=0.2)
        return None

    def _write(self) -> None:
        """Write the pieces; sync each segment and hand it to the check."""
        begin = end = 0
        while (piece := self._take(self._to_write)) is not None:
            at, data, length = piece
            if data is not None:
                self._io.write_at(self._fd, data, at)
            end = at + length
            if end - begin >= SEGMENT:
                self._io.sync(self._fd)
                self._to_check.put((begin, end))
                begin = end
        if not self._stop.is_set():
            self._io.cut(self._fd, end)
            self._io.sync(self._fd)
            self._to_check.put((begin, end))
        self._to_check.put(None)

    def _check(self) -> None:
        """Read back what is synced."""
        while (span := self._take(self._to_check)) is not None:
            begin, end = span
            _drop_cache(self._checking, begin, end - begin)
            for at in range(begin, end, CHUNK):
                if self._stop.is_set():
                    return
                self.read_back.update(self._io.read_at(self._checking, min(CHUNK, end - at), at))
                self._checked = min(at + CHUNK, end)


def _drop_cache(fd: int, offset: int, length: int) -> None:
    """Have the system read a part of a file from the disk again, where it can be asked to."""
    advise = getattr(os, "posix_fadvise", None)
    if advise is not None:
        # some mounts don't know the call; then the check sees what the system remembers
        with suppress(OSError):
            advise(fd, offset, length, os.POSIX_FADV_DONTNEED)
