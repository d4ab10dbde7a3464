"""Read small files that others may have put in place: regular files only, no waiting, a size limit.

A link, a FIFO, a device or a file of a terabyte where a small file is expected is an OSError that
says so; it never blocks and never fills the memory.
"""

import errno
import os
from pathlib import Path
from typing import Final

from .file_io import open_regular

KIB: Final = 1 << 10
MIB: Final = 1 << 20
_AT_ONCE: Final = 1 << 16
"""Bytes that are read at a time after the size that the file had."""


def read_small(path: Path, most: int, folder_fd: int | None = None) -> bytes:
    """Return the bytes of a small file.

    Args:
        path: The file; a link is not followed.
        most: The largest size that is read, bytes.
        folder_fd: Its folder, see ``held_folder``; None takes the folder that the path names.

    Raises:
        FileNotFoundError: It does not exist.
        OSError: It is not a regular file, larger than ``most``, or can't be read; ``strerror`` says
            which, in words for a message.
    """
    fd = open_regular(path, os.O_RDONLY, folder_fd=folder_fd)
    try:
        size = os.fstat(fd).st_size
        if size > most:
            raise _too_large(path, size, most)
        parts, got = [], 0
        # a file that grows meanwhile is read up to the limit, too; the system reserves what is
        # asked for, and after a reservation of many MiB the C library keeps freed memory
        while part := os.read(fd, min(most + 1 - got, max(size + 1 - got, _AT_ONCE))):
            parts.append(part)
            got += len(part)
            if got > most:
                raise _too_large(path, got, most)
        return b"".join(parts)
    finally:
        os.close(fd)


def _too_large(path: Path, size: int, most: int) -> OSError:
    """Return the error about a file that is larger than allowed."""
    return OSError(errno.EFBIG, f"{size} bytes, expected at most {most}", str(path))
