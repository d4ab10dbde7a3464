"""The file by which commands find the running daemon, and the lock that it holds.

Both are in platformdirs' ``user_runtime_path``. The operating system frees the lock of a process
that ends in any way, so the file of a killed daemon is known to be stale, whichever process has its
number now.
"""

import json
import os
import stat
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from ...core.closing import Closing
from ...core.errors import KincapError
from ...core.files.file_io import FileIO, LockFile
from ...core.files.small_files import KIB, read_small

FILE: Final = "daemon.json"
LOCK: Final = "daemon.lock"
_MOST_BYTES: Final = 64 * KIB


@dataclass(frozen=True)
class DaemonFile:
    """A running daemon, as its file describes it.

    Attributes:
        url: Its address, without the token.
        token: Opens it (``web/access.py``).
        pid: Its process.
        recordings: The absolute path of its folder of sessions.
        source: Its source, as given to ``--source``.
        streams: Its streams, as given to ``--streams``; (): the usual ones of the source.
    """

    url: str
    token: str
    pid: int
    recordings: str
    source: str
    streams: tuple[str, ...] = ()

    @property
    def page(self) -> str:
        """The address of the page, with the token."""
        return f"{self.url}/?token={self.token}"


def runtime_folder() -> Path:
    """Return the folder of the daemon's file; it may not exist yet."""
    from platformdirs import user_runtime_path

    with warnings.catch_warnings():
        # where no login session gives a folder, platformdirs warns and names one in /tmp
        warnings.simplefilter("ignore")
        return user_runtime_path("kincap", appauthor=False)


def find_daemon() -> DaemonFile | None:
    """Return the running daemon of this user; None: there is none, or its file is stale.

    Raises:
        KincapError: The file is not this user's own, or is damaged.
    """
    folder = runtime_folder()
    try:
        _check_own(folder)
        if not LockFile(folder / LOCK).is_held():
            return None
        return _parse(folder / FILE, read_small(folder / FILE, _MOST_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise KincapError(
            f"{error.filename or folder}: {error.strerror or error}; remove it, or record without "
            "the daemon by --standalone"
        ) from error


class DaemonLock(Closing):
    """Held by the one daemon of this user; also writes and removes its file.

    Args:
        io: File handling.

    Raises:
        KincapError: Another daemon runs, or the folder can't be used.
    """

    def __init__(self, io: FileIO | None = None) -> None:
        self._io = io or FileIO()
        self._folder = runtime_folder()
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_own(self._folder)
            self._lock = LockFile(self._folder / LOCK)
            is_ours = self._lock.try_acquire()
        except OSError as error:
            raise KincapError(
                f"{error.filename or self._folder}: {error.strerror or error}; the daemon keeps "
                "its address there"
            ) from error
        if not is_ours:
            other = find_daemon()
            who = "" if other is None else f" (process {other.pid}, {other.source})"
            raise KincapError(
                f"a daemon runs already{who}; use it, or end it by kincap daemon stop"
            )
        # that of a killed daemon names a process that is not this one
        self._io.discard(self._folder / FILE)

    def announce(self, about: DaemonFile) -> None:
        """Write the file: from now on, commands find this daemon."""
        self._io.write_atomic(self._folder / FILE, json.dumps(asdict(about)).encode())

    def close(self) -> None:
        """Remove the file, and free the place for another daemon."""
        self._io.discard(self._folder / FILE)
        self._lock.release()


def _check_own(folder: Path) -> None:
    """Refuse a folder that another user made: what is in it could lead anywhere.

    Raises:
        OSError: It is missing, a link, of another user, or others may write into it.
    """
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise OSError(0, "not a folder", str(folder))
    if not hasattr(os, "getuid"):
        return  # Windows: the folder is in the user's own profile
    if status.st_uid != os.getuid():
        raise OSError(0, f"owned by user {status.st_uid}, expected {os.getuid()}", str(folder))
    if status.st_mode & 0o022:
        raise OSError(0, "others may write into it, expected mode 700", str(folder))


def _parse(path: Path, content: bytes) -> DaemonFile:
    """Return the content of the file.

    Raises:
        KincapError: It is damaged.
    """
    try:
        said: dict[str, Any] = json.loads(content)
        return DaemonFile(
            url=str(said["url"]),
            token=str(said["token"]),
            pid=int(said["pid"]),
            recordings=str(said["recordings"]),
            source=str(said["source"]),
            streams=tuple(map(str, said["streams"])),
        )
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise KincapError(
            f"{path}: damaged ({type(error).__name__}: {error}); end the daemon by its process "
            "number and start it again, or record without it by --standalone"
        ) from error
