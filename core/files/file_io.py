"""All file handling of sessions and shards: positioned writes, reserving, syncing, locking.

Everything that a recording's safety hangs on goes through a ``FileIO`` object, so that tests can
put in one that fails (``faultio``). The branches for Windows are written from documentation and
have not been tried.
"""

import contextlib
import errno
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

PRIVATE_FILE: Final = 0o600
SEALED_FILE: Final = 0o400
PRIVATE_FOLDER: Final = 0o700
TEMPORARY: Final = ".tmp"

Data = bytes | bytearray | memoryview

if sys.platform == "win32":  # not tried
    import msvcrt

    _FLAGS = os.O_BINARY | os.O_NOINHERIT

    _LOCKED_FOR_S = 0.5

    def _write_some(fd: int, data: Data, offset: int) -> int:
        """Write at a place; only one thread writes a file, so the file pointer is its own.

        HDF5's own readers take mandatory locks there: a write that meets one is tried again.
        """
        until = time.monotonic() + _LOCKED_FOR_S
        while True:
            os.lseek(fd, offset, os.SEEK_SET)
            try:
                return os.write(fd, data)
            except PermissionError:
                if time.monotonic() >= until:
                    raise
                time.sleep(0.01)

    def _read_some(fd: int, length: int, offset: int) -> bytes:
        """Read at a place."""
        os.lseek(fd, offset, os.SEEK_SET)
        return os.read(fd, length)

    def _reserve(fd: int, size: int) -> None:
        """Give the file its size; NTFS then holds the clusters, as the file is not sparse."""
        os.ftruncate(fd, size)

    _sync = os.fsync

    def _sync_folder(folder: Path) -> None:
        """Do nothing: Windows can't sync a folder, NTFS keeps renames in its journal."""

    def _try_lock(fd: int) -> bool:
        """Lock the first byte, which may lie behind the end of an empty file."""
        os.lseek(fd, 0, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(fd: int) -> None:
        """Free the lock."""
        os.lseek(fd, 0, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    _FLAGS = os.O_CLOEXEC
    _write_some: Callable[[int, Data, int], int] = os.pwrite
    _read_some: Callable[[int, int, int], bytes] = os.pread
    # macOS has neither: there fsync is the nearest thing, and space can't be promised
    _sync: Callable[[int], Any] = getattr(os, "fdatasync", os.fsync)

    def _reserve(fd: int, size: int) -> None:
        """Have the file system promise the space, or fail now with ENOSPC."""
        allocate = getattr(os, "posix_fallocate", None)
        if allocate is None:
            os.ftruncate(fd, size)
        else:
            allocate(fd, 0, size)

    def _sync_folder(folder: Path) -> None:
        """Make a rename in the folder outlive a power cut."""
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def _try_lock(fd: int) -> bool:
        """Lock the file; the system frees it when the process ends, however it ends."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(fd: int) -> None:
        """Free the lock."""
        fcntl.flock(fd, fcntl.LOCK_UN)


class FileIO:
    """Files by descriptor. Errors are plain OSErrors; the caller says what they mean."""

    def create(self, path: Path, mode: int = PRIVATE_FILE) -> int:
        """Make a new file for reading and writing, and return its descriptor."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS, mode)

    def open_read(self, path: Path) -> int:
        """Open a file for reading, and return its descriptor."""
        return os.open(path, os.O_RDONLY | _FLAGS)

    def open_write(self, path: Path) -> int:
        """Open a file for reading and writing, made where it is missing."""
        return os.open(path, os.O_RDWR | os.O_CREAT | _FLAGS, PRIVATE_FILE)

    def close(self, fd: int) -> None:
        """Close a descriptor."""
        os.close(fd)

    def size(self, fd: int) -> int:
        """Return the file's size in bytes."""
        return os.fstat(fd).st_size

    def write_at(self, fd: int, data: Data, offset: int) -> None:
        """Write all of the data at a place."""
        written = self.write_some(fd, data, offset)
        if written == len(data):
            return
        rest = memoryview(data)
        while written < len(rest):
            # a full disk first writes a part, then says so
            more = self.write_some(fd, rest[written:], offset + written)
            if not more:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            written += more

    def write_some(self, fd: int, data: Data, offset: int) -> int:
        """Write the beginning of the data at a place; return how many bytes that were."""
        return _write_some(fd, data, offset)

    def read_at(self, fd: int, length: int, offset: int) -> bytes:
        """Read up to ``length`` bytes at a place; fewer only at the end of the file."""
        data = _read_some(fd, length, offset)
        if len(data) == length or not data:
            return data
        parts = [data]
        got = len(data)
        while got < length and (data := _read_some(fd, length - got, offset + got)):
            parts.append(data)
            got += len(data)
        return b"".join(parts)

    def reserve(self, fd: int, size: int) -> None:
        """Give a new file its whole size, zeros, so that no later write can find the disk full."""
        _reserve(fd, size)

    def sync(self, fd: int) -> None:
        """Wait until what was written lies on the disk."""
        _sync(fd)

    def sync_file(self, path: Path) -> None:
        """Wait until all of a file that others wrote lies on the disk."""
        if sys.platform == "win32":  # not tried: it syncs only what a descriptor may write
            path.chmod(PRIVATE_FILE)  # a sealed shard that lost its line; sealing protects it again
            fd = self.open_write(path)
        else:
            fd = self.open_read(path)
        try:
            self.sync(fd)
        finally:
            self.close(fd)

    def cut(self, fd: int, size: int) -> None:
        """Shorten a file."""
        os.ftruncate(fd, size)

    def rename(self, source: Path, target: Path) -> None:
        """Put a file in another's place, whole or not at all, and sync the folder."""
        source.replace(target)
        self.sync_folder(target.parent)

    def remove(self, path: Path) -> None:
        """Delete a file and sync the folder."""
        if sys.platform == "win32":  # not tried: a read-only file can't be deleted there
            path.chmod(PRIVATE_FILE)
        path.unlink()
        self.sync_folder(path.parent)

    def discard(self, path: Path) -> None:
        """Delete what means nothing, where it is there; a power cut may bring it back."""
        path.unlink(missing_ok=True)

    def sync_folder(self, folder: Path) -> None:
        """Make what was made, renamed or deleted in a folder outlive a power cut."""
        _sync_folder(folder)

    def protect(self, path: Path) -> None:
        """Make a sealed file read-only."""
        path.chmod(SEALED_FILE)

    def make_folder(self, path: Path) -> None:
        """Make a folder, and those missing above it, that only its owner can look into."""
        if not path.is_dir():
            self.make_folder(path.parent)
            path.mkdir(PRIVATE_FOLDER, exist_ok=True)
            self.sync_folder(path.parent)

    def write_atomic(self, path: Path, data: Data, mode: int = PRIVATE_FILE) -> None:
        """Replace a small file's content whole or not at all, and sync it.

        Args:
            path: The file; one writer at a time.
            data: Its new content.
            mode: Its permissions.
        """
        temporary = path.with_name(path.name + TEMPORARY)
        self.discard(temporary)
        try:
            fd = self.create(temporary, mode)
            try:
                self.write_at(fd, data, 0)
                self.sync(fd)
            finally:
                self.close(fd)
            self.rename(temporary, path)
        except OSError as error:
            # a write by descriptor names no file, and the temporary one means nothing to anybody
            error.filename = str(path)
            # keep the first error, whatever a second one says about the leftover
            with contextlib.suppress(OSError):
                self.discard(temporary)
            raise


def write_atomic(path: Path, data: Data, mode: int = PRIVATE_FILE) -> None:
    """Replace a small file's content whole or not at all (``FileIO.write_atomic``)."""
    FileIO().write_atomic(path, data, mode)


class LockFile:
    """An empty file that is locked by the operating system, so that a stale lock frees itself.

    Args:
        path: The file; made where it is missing, never deleted (deleting would let two hold it).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def try_acquire(self, wait_s: float = 0.5) -> bool:
        """Lock it; False where another holds it.

        Args:
            wait_s: Seconds to go on trying: somebody may just be looking (``is_held``).
        """
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | _FLAGS, PRIVATE_FILE)
        deadline = time.monotonic() + wait_s
        while not _try_lock(fd):
            if time.monotonic() >= deadline:
                os.close(fd)
                return False
            time.sleep(0.01)
        self._fd = fd
        return True

    def release(self) -> None:
        """Free the lock; nothing happens where it is not held."""
        if self._fd is not None:
            _unlock(self._fd)
            os.close(self._fd)
            self._fd = None

    def is_held(self) -> bool:
        """Say whether any process (this one too) holds the lock."""
        if not self.path.exists():
            return False
        try:
            fd = os.open(self.path, os.O_RDWR | _FLAGS)
        except OSError:  # a folder that we may only read; some network file systems need O_RDWR
            fd = os.open(self.path, os.O_RDONLY | _FLAGS)
        try:
            if not _try_lock(fd):
                return True
            _unlock(fd)
            return False
        finally:
            os.close(fd)
