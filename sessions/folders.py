"""Session folders: allowed names, paths, and what a folder of recordings holds."""

import fnmatch
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ..core.errors import SessionError
from .manifest import MANIFEST, SHARD_NAME, read_manifest
from .repair.kept_files import DAMAGED_FILE

SESSION_FILE: Final = "session.json"
NOT_READABLE: Final = "its folder may not be read; the user who recorded it can"
"""The problem of another user's session."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DEVICES: Final = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def check_session_name(name: str) -> str:
    """Return a session's name, checked to be a safe folder name on every system.

    Raises:
        SessionError: It is not; says what a name may be.
    """
    if not _NAME.fullmatch(name) or ".." in name or name.endswith("."):
        raise SessionError(
            f"session name {name!r}: expected 1 to 64 of A-Z a-z 0-9 . _ -, beginning with a "
            "letter or digit, without '..' and without a dot at the end"
        )
    if _DEVICES.fullmatch(name):
        raise SessionError(f"session name {name!r}: Windows keeps this name for a device")
    return name


def name_problem(folder: Path) -> str | None:
    """Return why the name of a session's folder is not allowed, or None."""
    try:
        check_session_name(folder.name)
    except SessionError as err:
        return f"{err}; rename the folder"
    other = _same_but_for_case(folder)
    return f"{other} differs by upper and lower case alone; rename one of them" if other else None


def _same_but_for_case(folder: Path) -> Path | None:
    """Return what is beside a folder under the same name in other letters, or None."""
    name = folder.name
    for other in os.listdir(folder.parent):
        if other != name and other.casefold() == name.casefold():
            return folder.with_name(other)
    return None


def session_folder(recordings: Path, name: str) -> Path:
    """Return the folder that a session of this name has or would have.

    Args:
        recordings: The folder of all sessions; need not exist.
        name: The session's name.

    Raises:
        SessionError: No allowed name, or one that differs from an existing one by case alone.
    """
    folder = recordings / check_session_name(name)
    other = _same_but_for_case(folder) if recordings.is_dir() else None
    if other is not None:
        raise SessionError(
            f"session name {name!r}: {other} differs by upper and lower case alone; "
            "take another name"
        )
    return folder


def find_sessions(recordings: Path, pattern: str = "*") -> list[str]:
    """Return the names of the sessions in a folder, sorted; those of other users included.

    Args:
        recordings: The folder of all sessions.
        pattern: A glob that names must match.
    """
    if not recordings.is_dir():
        return []
    return sorted(
        name
        for name in os.listdir(recordings)
        if _NAME.fullmatch(name)
        and fnmatch.fnmatchcase(name, pattern)
        and (os.path.isfile(recordings / name / SESSION_FILE) or _is_closed(recordings / name))
    )


def shard_names(folder: Path) -> list[str]:
    """Return the file names of a session's shards, in order."""
    return sorted(name for name in os.listdir(folder) if SHARD_NAME.fullmatch(name))


def next_shard_number(folder: Path) -> int:
    """Return the number behind every shard that there is, or was before a repair."""
    numbers = [int(name[:6]) for name in os.listdir(folder) if SHARD_NAME.match(name)]
    numbers += [int(name[:6]) for name in read_manifest(folder)]
    return max(numbers, default=-1) + 1


def find_folders(recordings: Path, names: Sequence[str] = ()) -> list[Path]:
    """Return the folders that hold a session, also where its session.json is gone.

    Args:
        recordings: The folder of all sessions.
        names: Sessions asked for; none: all.

    Raises:
        SessionError: One asked for is not there; names those that are.
    """
    there = []
    if recordings.is_dir():
        there = sorted(path for path in recordings.iterdir() if _holds_session(path))
    by_name = {path.name: path for path in there}
    for name in names:
        if name not in by_name:
            known = ", ".join(by_name) or "none"
            raise SessionError(f"{recordings / name}: no session here; there are: {known}")
    return [by_name[name] for name in dict.fromkeys(names)] if names else there


def _holds_session(path: Path) -> bool:
    """Return True if a folder holds a session or what is left of one."""
    # os.path says False where Path raises: nothing about one folder may end the list
    if path.name.startswith(".") or not os.path.isdir(path):
        return False
    if not may_read(path):
        return True  # most likely another user's session: it is named, others are not affected
    if os.path.lexists(path / SESSION_FILE) or os.path.lexists(path / MANIFEST):
        return True
    return bool(shard_names(path)) or any(path.glob(f"[0-9]*.h5{DAMAGED_FILE}"))


def _is_closed(path: Path) -> bool:
    """Return True if a path is a folder that may not be read."""
    return os.path.isdir(path) and not may_read(path)


def may_read(folder: Path) -> bool:
    """Return True if a session's folder may be read; another user's may not."""
    return os.access(folder, os.R_OK | os.X_OK)
