"""All file handling of sessions and shards: positioned writes, reserving, syncing, locking.

Everything that a recording's safety depends on goes through a ``FileIO`` object, so that tests can
put in one that fails (``fault_injection``). Links are not followed, and only regular files are
opened. The branches for Windows are written from documentation and have not been tried.
"""

import contextlib
import errno
import os
import re
import secrets
import stat
import struct
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

PRIVATE_FILE: Final = 0o600
SEALED_FILE: Final = 0o400
PRIVATE_FOLDER: Final = 0o700
TEMPORARY: Final = ".tmp"
UNIQUE: Final = re.compile(r"\.[0-9]+-[0-9a-f]{8}\.kincap-tmp")
"""End of a temporary name that only kincap gives."""

Data = bytes | bytearray | memoryview

if sys.platform == "win32":  # not tried
    import msvcrt

    _FLAGS = os.O_BINARY | os.O_NOINHERIT
    _NO_FOLLOW = _NO_WAIT = 0

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
        """Lock the first byte, which may be after the end of an empty file."""
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

    def _is_locked(fd: int) -> bool:
        """Ask by taking the lock for a moment: there is no other way."""
        if not _try_lock(fd):
            return True
        _unlock(fd)
        return False

else:
    import fcntl

    _FLAGS = os.O_CLOEXEC
    _NO_FOLLOW, _NO_WAIT = os.O_NOFOLLOW, os.O_NONBLOCK
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
        if _CAN_ASK:
            # flock excludes; this second lock is there to be asked about. Where a network file
            # system takes both for the same thing, it can't be had and need not be.
            with contextlib.suppress(OSError):
                fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _lock_of_all(fcntl.F_WRLCK))
        return True

    def _unlock(fd: int) -> None:
        """Free the lock."""
        if _CAN_ASK:
            with contextlib.suppress(OSError):
                fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _lock_of_all(fcntl.F_UNLCK))
        fcntl.flock(fd, fcntl.LOCK_UN)

    _CAN_ASK = hasattr(fcntl, "F_OFD_GETLK") and struct.calcsize("l") == 8
    _LOCK = struct.Struct("hhqqi4x")
    """struct flock of 64-bit Linux: type, whence, start, length, pid."""

    def _lock_of_all(kind: int) -> bytes:
        """Return a lock of a whole file as the system takes it."""
        return _LOCK.pack(kind, os.SEEK_SET, 0, 0, 0)

    def _is_locked(fd: int) -> bool:
        """Ask the system; elsewhere than on Linux, share the lock for a moment."""
        if _CAN_ASK:
            # some kernels know the call and not its meaning
            with contextlib.suppress(OSError):
                answer = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _lock_of_all(fcntl.F_WRLCK))
                return bool(_LOCK.unpack(answer)[0] != fcntl.F_UNLCK)
        try:
            # those who look share it: they never see each other
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(fd, fcntl.LOCK_UN)
        return False


@contextlib.contextmanager
def held_folder(folder: Path) -> Iterator[int | None]:
    """Hold a folder, so that files of it are opened and renamed in it and in no other.

    A folder that is deleted meanwhile gives FileNotFoundError, also where another one has its
    name by then. None on Windows (not tried): there any open file keeps its folder in place.

    Args:
        folder: The folder.

    Yields:
        Its descriptor: the ``folder_fd`` of the functions here.
    """
    if sys.platform == "win32":
        yield None
        return
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | _FLAGS)
    try:
        yield fd
    finally:
        os.close(fd)


def _within(path: Path, folder_fd: int | None) -> Path:
    """Return a path as a call with ``dir_fd`` takes it."""
    return path if folder_fd is None else Path(path.name)


def open_regular(
    path: Path, flags: int, mode: int = PRIVATE_FILE, folder_fd: int | None = None
) -> int:
    """Open a regular file and return its descriptor; nothing else is opened, nothing waited for.

    Args:
        path: The file; a link is not followed.
        flags: As ``os.open`` takes them.
        mode: Permissions of a file that is made.
        folder_fd: Its folder, see ``held_folder``; None takes the folder that the path names.

    Raises:
        OSError: It can't be opened, or is a link, a folder, a FIFO or a device.
    """
    try:
        # without O_NONBLOCK the open of a FIFO waits for its other end
        fd = os.open(
            _within(path, folder_fd), flags | _FLAGS | _NO_FOLLOW | _NO_WAIT, mode, dir_fd=folder_fd
        )
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "is a link, which is not followed", str(path)) from error
        if error.errno == errno.ENXIO:
            raise OSError(errno.EINVAL, "not a regular file", str(path)) from error
        raise
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if sys.platform == "win32" and not os.path.samestat(os.lstat(path), found):  # not tried
            raise OSError(errno.ELOOP, "is a link, which is not followed", str(path))
    except OSError:
        os.close(fd)
        raise
    return fd


class FileIO:
    """Files by descriptor. Errors are plain OSErrors; the caller says what they mean."""

    def create(self, path: Path, mode: int = PRIVATE_FILE, folder_fd: int | None = None) -> int:
        """Make a new file for reading and writing, and return its descriptor."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS
        return os.open(_within(path, folder_fd), flags, mode, dir_fd=folder_fd)

    def open_read(self, path: Path) -> int:
        """Open a file for reading, and return its descriptor."""
        return open_regular(path, os.O_RDONLY)

    def open_write(self, path: Path) -> int:
        """Open a file for reading and writing, made where it is missing."""
        return open_regular(path, os.O_RDWR | os.O_CREAT)

    def close(self, fd: int) -> None:
        """Close a descriptor."""
        os.close(fd)

    def size(self, fd: int) -> int:
        """Return the file's size in bytes."""
        return os.fstat(fd).st_size

    def is_at(self, fd: int, path: Path) -> bool:
        """Return True if a path still names the open file; False once it was moved or deleted."""
        try:
            found = os.stat(path, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True  # a disk that fails is found by what is written to it
        mine = os.fstat(fd)
        return (found.st_dev, found.st_ino) == (mine.st_dev, mine.st_ino)

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
        """Wait until what was written is on the disk."""
        _sync(fd)

    def sync_file(self, path: Path) -> None:
        """Wait until all of a file that others wrote is on the disk."""
        if sys.platform == "win32":  # not tried: it syncs only what a descriptor may write
            # a sealed shard that lost its line; sealing protects it again
            _change_mode(path, PRIVATE_FILE)
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

    def rename(self, source: Path, target: Path, folder_fd: int | None = None) -> None:
        """Put a file in another's place, whole or not at all, and sync the folder."""
        if folder_fd is None:
            source.replace(target)
            self.sync_folder(target.parent)
        else:
            os.rename(source.name, target.name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
            os.fsync(folder_fd)

    def remove(self, path: Path) -> None:
        """Delete a file and sync the folder."""
        if sys.platform == "win32":  # not tried: a read-only file can't be deleted there
            _change_mode(path, PRIVATE_FILE)
        path.unlink()
        self.sync_folder(path.parent)

    def discard(self, path: Path, folder_fd: int | None = None) -> None:
        """Delete what means nothing, where it is there; a power cut may bring it back."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_within(path, folder_fd), dir_fd=folder_fd)

    def sync_folder(self, folder: Path) -> None:
        """Make what was made, renamed or deleted in a folder outlive a power cut."""
        _sync_folder(folder)

    def protect(self, path: Path) -> None:
        """Make a sealed file read-only."""
        _change_mode(path, SEALED_FILE)

    def make_folder(self, path: Path) -> None:
        """Make a folder, and those missing above it, that only its owner can look into."""
        if not path.is_dir():
            self.make_folder(path.parent)
            path.mkdir(PRIVATE_FOLDER, exist_ok=True)
            self.sync_folder(path.parent)

    def write_atomic(
        self,
        path: Path,
        data: Data,
        mode: int = PRIVATE_FILE,
        *,
        unique: bool = False,
        folder_fd: int | None = None,
    ) -> None:
        """Replace a small file's content whole or not at all, and sync it.

        Args:
            path: The file; one writer at a time.
            data: Its new content.
            mode: Its permissions.
            unique: Take a temporary name that no other writer and no user has, for folders that
                are not kincap's own; a killed process leaves it (``UNIQUE``).
            folder_fd: Its folder, see ``held_folder``; None takes the folder that the path names.
        """
        # file handling that tests put in place knows paths alone
        within = {} if folder_fd is None else {"folder_fd": folder_fd}
        suffix = f".{os.getpid()}-{secrets.token_hex(4)}.kincap-tmp" if unique else TEMPORARY
        temporary = path.with_name(path.name + suffix)
        if not unique:
            self.discard(temporary, **within)
        try:
            fd = self.create(temporary, mode, **within)
            try:
                self.write_at(fd, data, 0)
                self.sync(fd)
            finally:
                self.close(fd)
            self.rename(temporary, path, **within)
        except OSError as error:
            # a write by descriptor names no file, and the temporary one means nothing to anybody
            error.filename = str(path)
            # keep the first error, whatever a second one says about the leftover
            with contextlib.suppress(OSError):
                self.discard(temporary, **within)
            raise


def _change_mode(path: Path, mode: int) -> None:
    """Change the mode of a regular file; what a link points at is left alone."""
    if sys.platform == "win32":  # not tried: descriptors have no mode there
        if not path.is_symlink():
            path.chmod(mode)
        return
    fd = open_regular(path, os.O_RDONLY)
    try:
        os.fchmod(fd, mode)
    finally:
        os.close(fd)


def write_atomic(path: Path, data: Data, mode: int = PRIVATE_FILE) -> None:
    """Replace a small file's content whole or not at all (``FileIO.write_atomic``)."""
    FileIO().write_atomic(path, data, mode)


class LockFile:
    """An empty file that is locked by the operating system, so that a stale lock frees itself.

    Args:
        path: The file; made where it is missing, never deleted (deleting would let two hold it).
        folder_fd: Its folder, see ``held_folder``; None takes the folder that the path names.
    """

    def __init__(self, path: Path, folder_fd: int | None = None) -> None:
        self.path, self._folder_fd = path, folder_fd
        self._fd: int | None = None

    def try_acquire(self, wait_s: float = 0.5) -> bool:
        """Lock it; False where another holds it.

        Args:
            wait_s: Seconds to go on trying: where the system can't be asked about a lock, a
                process that just looks (``is_held``) takes it for a moment.
        """
        fd = open_regular(self.path, os.O_RDWR | os.O_CREAT, folder_fd=self._folder_fd)
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
        """Return True if any process (this one too) holds the lock; others are not disturbed.

        Raises:
            OSError: The file can't be looked at, or is not a regular file.
        """
        try:
            fd = open_regular(self.path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            return _is_locked(fd)
        finally:
            os.close(fd)
