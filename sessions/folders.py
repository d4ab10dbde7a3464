"""Session folders: allowed names, paths, and what a folder of recordings holds."""

import fnmatch
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ..core.errors import SessionError
from .kept_files import DAMAGED_FILE
from .manifest import MANIFEST, SHARD_NAME, read_manifest

SESSION_FILE: Final = "session.json"

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


def session_folder(recordings: Path, name: str) -> Path:
    """Return where a session of this name lies or would lie.

    Args:
        recordings: The folder of all sessions; need not exist.
        name: The session's name.

    Raises:
        SessionError: No allowed name, or one that differs from an existing one by case alone.
    """
    check_session_name(name)
    if recordings.is_dir():
        for other in os.listdir(recordings):
            if other != name and other.casefold() == name.casefold():
                raise SessionError(
                    f"session name {name!r}: {recordings / other} differs by upper and lower case "
                    "alone; take another name"
                )
    return recordings / name


def find_sessions(recordings: Path, pattern: str = "*") -> list[str]:
    """Return the names of the sessions in a folder, sorted.

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
        and (recordings / name / SESSION_FILE).is_file()
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
    """Say whether a folder holds a session or what is left of one."""
    if path.name.startswith(".") or not path.is_dir():
        return False
    if not may_read(path):
        return True  # most likely somebody else's session: it is named, others are not held up
    if (path / SESSION_FILE).is_file() or (path / MANIFEST).is_file():
        return True
    return bool(shard_names(path)) or any(path.glob(f"[0-9]*.h5{DAMAGED_FILE}"))


def may_read(folder: Path) -> bool:
    """Say whether a session's folder may be looked into; somebody else's may not."""
    return os.access(folder, os.R_OK | os.X_OK)
