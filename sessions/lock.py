"""The lock of a session: held by the process that records into it or repairs it."""

import contextlib
import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from ..core.checked_json import parse_json
from ..core.closing import Closing
from ..core.errors import SessionLockedError
from ..core.files.file_io import FileIO, LockFile
from ..core.files.small_files import KIB, read_small

LOCK_FILE: Final = "lock"
HOLDER_FILE: Final = "lock.json"
_MOST_BYTES: Final = 64 * KIB


class SessionLock(Closing):
    """Held by whoever records into a session or repairs it.

    Args:
        folder: The session's folder; must exist.
        io: File handling.
    """

    def __init__(self, folder: Path, io: FileIO | None = None) -> None:
        self.folder = folder
        self._io = io or FileIO()
        self._lock = LockFile(folder / LOCK_FILE)

    def acquire(self, command: str, *, must_say: bool = True) -> Self:
        """Lock the session.

        Args:
            command: What holds it, for others to be told.
            must_say: Whether lock.json has to be written; without it, a full disk does no harm.

        Raises:
            SessionLockedError: Another process holds it; says who.
            OSError: The folder can't be written; the lock is not held.
        """
        if not self._lock.try_acquire():
            raise SessionLockedError(f"{self.folder}: locked by {_who(holder(self.folder))}")
        try:
            about = {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "command": command,
                "since": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
            self._write_holder(json.dumps(about).encode())
        except BaseException as error:
            if isinstance(error, OSError) and not must_say:
                return self
            self.release()
            raise
        return self

    def _write_holder(self, raw: bytes) -> None:
        """Write lock.json; it is not synced: after a power cut no one holds the session."""
        path = self.folder / HOLDER_FILE
        self._io.discard(path)
        try:
            fd = self._io.create(path)
            try:
                self._io.write_at(fd, raw, 0)
            finally:
                self._io.close(fd)
        except OSError as error:
            # a write knows no name; the person needs one
            raise OSError(error.errno, error.strerror, str(path)) from error

    def release(self) -> None:
        """Free the session."""
        # a lock.json that stays holds no one up: the lock alone counts
        with contextlib.suppress(OSError):
            self._io.discard(self.folder / HOLDER_FILE)
        self._lock.release()

    def close(self) -> None:
        """Free the session at the end of a with statement."""
        self.release()


def holder(folder: Path) -> dict[str, Any] | None:
    """Return what lock.json says (pid, host, command, since); None where it says nothing."""
    try:
        about = parse_json(read_small(folder / HOLDER_FILE, _MOST_BYTES))
    except (OSError, ValueError):
        return None
    return about if isinstance(about, dict) else None


def _who(about: dict[str, Any] | None) -> str:
    """Return the holder of a lock in words."""
    if about is None:
        return "another process"
    return "process {} on {} ({}, since {})".format(
        *(about.get(key, "?") for key in ("pid", "host", "command", "since"))
    )


def is_recording(folder: Path) -> bool:
    """Return True if a process holds the session's lock now."""
    return LockFile(folder / LOCK_FILE).is_held()


def in_use(folder: Path) -> bool:
    """Return True if a process holds a session's lock; False if it can't be written."""
    try:
        return is_recording(folder)
    except OSError:
        return False  # a read-only disk, or another user's session
