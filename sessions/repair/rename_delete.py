"""Rename and delete sessions."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...core.errors import SessionError
from ...core.files.fault_injection import default_io
from ...core.files.file_io import PRIVATE_FILE, FileIO
from ..folders import check_session_name, find_folders, session_folder
from ..lock import HOLDER_FILE, SessionLock
from ..session_file import load_session, save_session

GOING: Final = ".deleting-"
"""Prefix of a folder's name while it is deleted: no session's name begins with a dot."""


def rename(recordings: Path, old: str, new: str, io: FileIO | None = None) -> Path:
    """Give a session another name; its outfit and all else stay.

    Args:
        recordings: The folder of all sessions.
        old: Its name.
        new: Its new name.
        io: File handling.

    Returns:
        Its new folder.

    Raises:
        SessionError: There is no such session, the new name is taken or not allowed, or
            session.json is damaged.
        SessionLockedError: It is being recorded.
    """
    io = io or default_io()
    target = check_rename(recordings, old, new)
    folder = recordings / old
    lock = SessionLock(folder, io).acquire(f"kincap sessions rename {old} {new}")
    try:
        info = load_session(folder)
        if sys.platform == "win32":
            lock.release()  # not tried: a folder with an open file in it can't be renamed there
        io.rename(folder, target)
        # the lock is held on the file, which has moved with the folder
        lock.folder = target
        info.name = new
        save_session(target, info, io)
    finally:
        lock.release()
        io.discard(target / HOLDER_FILE)
    return target


def check_rename(recordings: Path, old: str, new: str) -> Path:
    """Return the folder that a session would get under another name.

    Raises:
        SessionError: There is no such session, or the new name is taken or not allowed.
    """
    find_folders(recordings, [old])
    check_session_name(new)
    target = recordings / new
    if old.casefold() != new.casefold():
        target = session_folder(recordings, new)
    if new == old or (target.exists() and not target.samefile(recordings / old)):
        raise SessionError(f"{target}: is there already; take another name")
    return target


@dataclass(frozen=True)
class Contents:
    """Content of a session's folder.

    Attributes:
        folder: The folder.
        files: Name and size of each file.
    """

    folder: Path
    files: list[tuple[str, int]]

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(size for _, size in self.files)


def contents(recordings: Path, name: str) -> Contents:
    """Return what would be deleted with a session.

    Raises:
        SessionError: There is no such session, or its folder is a link to another place.
    """
    folder = find_folders(recordings, [name])[0]
    if folder.is_symlink():
        raise SessionError(f"{folder}: a link to {folder.resolve()}; delete that yourself")
    files = [
        (path.relative_to(folder).as_posix(), path.lstat().st_size)
        for path in sorted(folder.rglob("*"))
        if not path.is_dir()
    ]
    return Contents(folder, files)


def delete(recordings: Path, name: str, io: FileIO | None = None) -> Contents:
    """Delete a session with everything in its folder.

    Args:
        recordings: The folder of all sessions.
        name: Which.
        io: File handling.

    Returns:
        What was deleted.

    Raises:
        SessionError: There is no such session.
        SessionLockedError: It is being recorded.
    """
    io = io or default_io()
    gone = contents(recordings, name)
    delete_leftovers(recordings)
    going = gone.folder.with_name(f"{GOING}{name}")
    # deleting is what helps on a full disk: nothing may have to be written for it
    lock = SessionLock(gone.folder, io).acquire(f"kincap sessions delete {name}", must_say=False)
    try:
        if sys.platform == "win32":
            lock.release()  # not tried: a folder with an open file in it can't be renamed there
        # from here on there is no such session, however long the rest takes
        io.rename(gone.folder, going)
        lock.folder = going
    finally:
        lock.release()
    _remove_all(going)
    return gone


def delete_leftovers(recordings: Path) -> None:
    """Delete what a deletion that was cut off has left; there is no such session any more.

    Args:
        recordings: The folder of all sessions.
    """
    for leftover in recordings.glob(f"{GOING}*"):
        _remove_all(leftover, ignore_errors=True)


def _remove_all(folder: Path, *, ignore_errors: bool = False) -> None:
    """Delete a folder with all in it."""
    if sys.platform == "win32":  # not tried: a read-only file can't be deleted there
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                path.chmod(PRIVATE_FILE)
    shutil.rmtree(folder, ignore_errors=ignore_errors)
