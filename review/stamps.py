"""Stamps of a session's files: values that differ when a file has changed."""

import contextlib
import hashlib
from pathlib import Path

from ..sessions.edits.journal import EDITS_FILE
from ..sessions.folders import SESSION_FILE, find_sessions
from ..sessions.lock import in_use
from ..sessions.repair.verify import QUALITY_FILE


def file_identity(folder: Path) -> object:
    """Return something that changes when session.json is written, also by another session."""
    status = (folder / SESSION_FILE).stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def edits_stamp(folder: Path) -> object:
    """Return something that changes with the decisions."""
    try:
        status = (folder / EDITS_FILE).lstat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size


def recording_stamp(folder: Path) -> object:
    """Return something that changes whenever the recorder, not the reviewer, changed a file."""
    found = []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("edits."):
            continue
        # a recorder renames and deletes files of its own
        with contextlib.suppress(FileNotFoundError):
            status = entry.lstat()
            found.append((entry.name, status.st_mtime_ns, status.st_size))
    return in_use(folder), found


def list_stamp(folder: Path) -> object:
    """Return something that changes with a session's files; None where they can't be looked at."""
    try:
        return recording_stamp(folder), edits_stamp(folder)
    except OSError:
        return None


def quality_stamp(folder: Path) -> object:
    """Return something that changes with the report of a session."""
    try:
        status = (folder / QUALITY_FILE).stat()
    except OSError:
        return folder.name, None
    return folder.name, status.st_mtime_ns, status.st_size


def session_marks(recordings: Path) -> dict[str, dict[str, str]]:
    """Return what changes of each session in a folder, in words that differ when it does."""
    names = find_sessions(recordings) if recordings.is_dir() else []
    return {name: mark for name in names if (mark := _mark(recordings / name)) is not None}


def _mark(folder: Path) -> dict[str, str] | None:
    try:
        status = (folder / SESSION_FILE).stat()
        return {
            "session": _word((status.st_ino, status.st_mtime_ns)),
            "files": _word(recording_stamp(folder)),
            "edits": _word(edits_stamp(folder)),
        }
    except OSError:
        return None


def _word(stamp: object) -> str:
    """Return a short word that differs where stamps differ."""
    return hashlib.sha256(repr(stamp).encode()).hexdigest()[:16]
