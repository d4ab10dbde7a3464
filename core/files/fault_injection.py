"""A FileIO that fails on request, for tests of what a recording does on a bad day.

``KINCAP_FAULTS`` puts it into a process of its own, as a comma-separated list of
``kind:action:when``::

    write:enospc:57        the 57th write finds the disk full
    sync:stall=2.0:10+     from the 10th on, each sync first takes 2 seconds
    rename:kill:2          the process is killed at the second rename, before it happens

kinds: create, open, close, write, piece (one system call of a write), read, reserve, cut, sync,
rename, remove, discard (of a leftover), mode, mkdir, folder (its sync, after a rename for
instance).
actions: enospc, eio, short (write half of a piece and say so), stall=SECONDS, kill.
when: a number from 1, a number with ``+`` (from there on), or ``*``.
"""

import errno
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import KincapError
from .file_io import PRIVATE_FILE, Data, FileIO

ENVIRONMENT: Final = "KINCAP_FAULTS"
KINDS: Final = (
    "create", "open", "close", "write", "piece", "read", "reserve", "cut", "sync", "rename",
    "remove", "discard", "mode", "mkdir", "folder",
)  # fmt: skip
_ERRORS: Final = {"enospc": errno.ENOSPC, "eio": errno.EIO}


@dataclass(frozen=True)
class Fault:
    """One fault to inject.

    Attributes:
        kind: The call that it strikes.
        action: ``enospc``, ``eio``, ``short``, ``stall`` or ``kill``.
        first: The call's number, from 1.
        last: The last call that it strikes; None for all that follow.
        seconds: Length of a stall.
    """

    kind: str
    action: str
    first: int = 1
    last: int | None = None
    seconds: float = 0.0

    def strikes(self, kind: str, number: int) -> bool:
        """Return True if it strikes this call."""
        in_range = self.first <= number and (self.last is None or number <= self.last)
        return kind == self.kind and in_range


def parse_faults(text: str) -> list[Fault]:
    """Return the faults that a text names; the module's docstring says how.

    Raises:
        KincapError: It can't be read.
    """
    faults = []
    for part in filter(None, text.split(",")):
        try:
            kind, action, when = part.strip().split(":")
            action, _, seconds = action.partition("=")
            first = 1 if when == "*" else int(when.removesuffix("+"))
            last = first if when.isdigit() else None
            fault = Fault(kind, action, first, last, float(seconds or 0))
            if action == "short" and kind != "piece":
                raise ValueError
        except ValueError as err:
            raise KincapError(f"{ENVIRONMENT}: {part!r} is not kind:action:when") from err
        if kind not in KINDS or action not in (*_ERRORS, "short", "stall", "kill"):
            raise KincapError(f"{ENVIRONMENT}: {part!r} names no known kind or action")
        faults.append(fault)
    return faults


class FaultyFileIO(FileIO):
    """The real thing, but for the faults.

    Args:
        faults: What to inject.

    Attributes:
        calls: How often each kind was called so far.
    """

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self.faults = list(faults)
        self.calls: Counter[str] = Counter()
        self._lock = threading.Lock()

    def _strike(self, kind: str) -> bool:
        """Count a call and inject what is due; return whether the call is to be cut short."""
        with self._lock:
            self.calls[kind] += 1
            number = self.calls[kind]
        is_short = False
        for fault in self.faults:
            if not fault.strikes(kind, number):
                continue
            if fault.action == "stall":
                time.sleep(fault.seconds)
            elif fault.action == "short":
                is_short = True
            elif fault.action == "kill":
                # Windows has no SIGKILL; there SIGTERM ends a process just as hard
                os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
            else:
                code = _ERRORS[fault.action]
                raise OSError(code, os.strerror(code), f"injected at {kind} {number}")
        return is_short

    def create(self, path: Path, mode: int = PRIVATE_FILE, folder_fd: int | None = None) -> int:
        """Make a new file, or fail."""
        self._strike("create")
        return super().create(path, mode, folder_fd)

    def open_read(self, path: Path) -> int:
        """Open a file for reading, or fail."""
        self._strike("open")
        return super().open_read(path)

    def open_write(self, path: Path) -> int:
        """Open a file for reading and writing, or fail."""
        self._strike("open")
        return super().open_write(path)

    def close(self, fd: int) -> None:
        """Close a descriptor, and say that something went wrong before that."""
        super().close(fd)
        self._strike("close")

    def write_at(self, fd: int, data: Data, offset: int) -> None:
        """Write, or fail after half of it was written, as a full disk does."""
        try:
            self._strike("write")
        except OSError:
            super().write_at(fd, memoryview(data)[: len(data) // 2], offset)
            raise
        super().write_at(fd, data, offset)

    def write_some(self, fd: int, data: Data, offset: int) -> int:
        """Write the beginning of the data, less than the system would, or fail."""
        if self._strike("piece"):
            data = memoryview(data)[: (len(data) + 1) // 2]
        return super().write_some(fd, data, offset)

    def read_at(self, fd: int, length: int, offset: int) -> bytes:
        """Read, or fail."""
        self._strike("read")
        return super().read_at(fd, length, offset)

    def reserve(self, fd: int, size: int) -> None:
        """Reserve space, or fail."""
        self._strike("reserve")
        super().reserve(fd, size)

    def cut(self, fd: int, size: int) -> None:
        """Shorten a file, or fail."""
        self._strike("cut")
        super().cut(fd, size)

    def sync(self, fd: int) -> None:
        """Sync, or fail."""
        self._strike("sync")
        super().sync(fd)

    def rename(self, source: Path, target: Path, folder_fd: int | None = None) -> None:
        """Rename, or fail."""
        self._strike("rename")
        super().rename(source, target, folder_fd)

    def remove(self, path: Path) -> None:
        """Delete a file, or fail."""
        self._strike("remove")
        super().remove(path)

    def discard(self, path: Path, folder_fd: int | None = None) -> None:
        """Delete a leftover, or fail."""
        self._strike("discard")
        super().discard(path, folder_fd)

    def sync_folder(self, folder: Path) -> None:
        """Sync a folder, or fail."""
        self._strike("folder")
        super().sync_folder(folder)

    def protect(self, path: Path) -> None:
        """Make a file read-only, or fail."""
        self._strike("mode")
        super().protect(path)

    def make_folder(self, path: Path) -> None:
        """Make a folder, or fail."""
        self._strike("mkdir")
        super().make_folder(path)


def default_io() -> FileIO:
    """Return the real file handling, or a faulty one where ``KINCAP_FAULTS`` asks for it."""
    faults = os.environ.get(ENVIRONMENT, "")
    return FaultyFileIO(parse_faults(faults)) if faults else FileIO()
