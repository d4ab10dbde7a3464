"""Plan a copy: which files, whether there is room, and what is at the destination already."""

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ...core.errors import SessionError
from ...core.files.file_io import TEMPORARY, UNIQUE
from ...core.files.small_files import MIB, read_small
from ...core.sizes import size_text
from ..edits.journal import EDITS_LOCK
from ..folders import SESSION_FILE, find_folders, may_read
from ..lock import HOLDER_FILE, LOCK_FILE, holder, in_use
from ..repair.verify import QUALITY_FILE
from ..session_file import load_session
from ..shard.shard_writer import NEW
from ..suggestions import SUGGESTIONS_FILE

MAKING: Final = ".copying-"
"""Prefix of a copy's folder until it is whole: no session's name begins with a dot."""
_NOT_COPIED: Final = (LOCK_FILE, HOLDER_FILE, EDITS_LOCK)
_DERIVED: Final = (QUALITY_FILE, SUGGESTIONS_FILE)
"""Files that may differ in a copy: they are worked out from the rest."""
_COMPARED_AT_ONCE: Final = MIB
"""Files up to this size are compared before anything is copied."""


@dataclass(frozen=True)
class SourceFile:
    """One file of a session.

    Attributes:
        name: Its path in the session's folder, with ``/``.
        bytes: Its size.
        mtime_ns: When it was last changed.
    """

    name: str
    bytes: int
    mtime_ns: int

    @property
    def is_derived(self) -> bool:
        """Return True if the file is worked out from the rest of the session."""
        return self.name in _DERIVED


@dataclass
class SessionCopyPlan:
    """One session that is to be copied.

    Attributes:
        source: Its folder.
        target: Where it goes.
        files: Its files, large and small.
        uuid: Of the session; "": session.json can't be read.
        is_there: Whether the destination has a copy with this name; it is only compared.
        links: Files that are not copied because they are links or not regular.
    """

    source: Path
    target: Path
    files: list[SourceFile]
    uuid: str
    is_there: bool = False
    links: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The session's name."""
        return self.source.name

    @property
    def making(self) -> Path:
        """The folder of the copy until it is whole."""
        return self.target.with_name(f"{MAKING}{self.name}")

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.bytes for file in self.files)


@dataclass(frozen=True)
class CopyPlan:
    """All that is to be copied.

    Attributes:
        sessions: The sessions, by name.
        left_out: Why a session of the folder is not copied, by name; with ``everything`` alone.
    """

    sessions: list[SessionCopyPlan]
    left_out: dict[str, str]

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(session.bytes for session in self.sessions)


def plan_copy(
    recordings: Path, names: Sequence[str], destination: Path, *, everything: bool
) -> CopyPlan:
    """Check everything that can be checked before a byte is copied.

    Args:
        recordings: The folder of all sessions.
        names: The sessions.
        destination: The folder of sessions that they are copied into.
        everything: Copy all sessions; those that can't be copied now are left out.

    Raises:
        SessionError: A session does not exist, is being recorded or differs from the one at the
            destination; the destination is not a folder or has too little room.
    """
    folders = find_folders(recordings, names)
    if not folders:
        raise SessionError(f"{recordings}: no sessions; --recordings says where they are")
    _check_destination(recordings, destination)
    found, left_out = [], {}
    for folder in folders:
        why = _why_not(folder)
        if why is None:
            found.append(_plan_session(folder, destination / folder.name))
        elif everything:
            left_out[folder.name] = why
        else:
            raise SessionError(f"{folder}: {why}")
    plan = CopyPlan(found, left_out)
    _check_room(plan, destination)
    return plan


def _check_destination(recordings: Path, destination: Path) -> None:
    """Refuse a destination that sessions can't be copied into."""
    if not destination.is_dir():
        what = "not a folder" if os.path.lexists(destination) else "there is no such folder"
        raise SessionError(
            f"{destination}: {what}; the last argument is the folder to copy into: make it first"
        )
    if destination.samefile(recordings):
        raise SessionError(f"{destination}: the sessions are there already; name another folder")
    inside = destination.resolve()
    for folder in (inside, *inside.parents):
        if os.path.lexists(folder / SESSION_FILE):
            raise SessionError(
                f"{destination}: is inside the session {folder}; name a folder of sessions"
            )
    if not os.access(destination, os.W_OK | os.X_OK):
        raise SessionError(f"{destination}: the folder can't be written to; name another")


def _why_not(folder: Path) -> str | None:
    """Return why a session can't be copied now, or None."""
    if not may_read(folder):
        return "its folder may not be read; the user who recorded it can copy it"
    if folder.is_symlink():
        return f"a link to {folder.resolve()}; copy from there: --recordings DIR"
    if in_use(folder):
        by = holder(folder) or {}
        return (
            f"in use by process {by.get('pid', '?')} ({by.get('command', '?')}): a copy made now "
            "would lack what comes; copy it when that has ended"
        )
    return None


def _plan_session(folder: Path, target: Path) -> SessionCopyPlan:
    """Plan one session, compared with what is at the destination as far as that is quick."""
    plan = SessionCopyPlan(folder, target, [], _uuid(folder))
    plan.files = list(list_files(folder, plan.links))
    if os.path.lexists(target):
        _check_there(plan)
        plan.is_there = True
    return plan


def list_files(folder: Path, links: list[str]) -> Iterator[SourceFile]:
    """Yield the files of a session that are copied, by name.

    Args:
        folder: The session's folder.
        links: Gets the names of those that are not copied: links, and what is not a regular file.
    """
    for base, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names + [f for f in folders if (Path(base) / f).is_symlink()]):
            path = Path(base) / name
            inside = path.relative_to(folder).as_posix()
            if inside in _NOT_COPIED or _is_leftover(name):
                continue
            try:
                found = path.lstat()
            except FileNotFoundError:
                continue
            if stat.S_ISREG(found.st_mode):
                yield SourceFile(inside, found.st_size, found.st_mtime_ns)
            else:
                links.append(inside)


def _is_leftover(name: str) -> bool:
    """Return True if a file is what a killed process left: it means nothing."""
    return name.endswith((NEW, TEMPORARY)) or UNIQUE.search(name) is not None


def _check_there(plan: SessionCopyPlan) -> None:
    """Refuse a destination that has another session under this name, or another state of it."""
    target = plan.target
    if target.is_symlink() or not target.is_dir():
        raise SessionError(f"{target}: exists and is not a session; move it away")
    if not plan.uuid or _uuid(target) != plan.uuid:
        raise SessionError(
            f"{target}: another session with this name is there; rename one of them, or copy to "
            "another folder"
        )
    apart = [file.name for file in plan.files if not file.is_derived and _differs(plan, file)]
    if apart:
        raise refuse_difference(target, apart)


def refuse_difference(target: Path, names: Sequence[str]) -> SessionError:
    """Return the error about a copy that is not as the session is."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return SessionError(
        f"{target}: is there already and differs ({', '.join(names[:3])}{more}); move it away or "
        "copy to another folder"
    )


def _differs(plan: SessionCopyPlan, file: SourceFile) -> bool:
    """Return True if a file at the destination is another one; large ones are looked at later."""
    here, there = plan.source / file.name, plan.target / file.name
    try:
        if there.lstat().st_size != file.bytes:
            return True
        if file.bytes > _COMPARED_AT_ONCE:
            return False
        return read_small(here, _COMPARED_AT_ONCE) != read_small(there, _COMPARED_AT_ONCE)
    except OSError:
        return True


def _uuid(folder: Path) -> str:
    """Return a session's uuid; "" where session.json can't be read."""
    try:
        return load_session(folder, strict=False).uuid
    except SessionError:
        return ""


def _check_room(plan: CopyPlan, destination: Path) -> None:
    """Refuse what does not fit onto the disk."""
    needed = 0
    for session in plan.sessions:
        if session.is_there:
            continue
        have = (
            sum(file.bytes for file in list_files(session.making, []))
            if (session.making.is_dir())
            else 0
        )
        needed += max(0, session.bytes - have)
    free = shutil.disk_usage(destination).free
    if needed > free:
        raise SessionError(
            f"{destination}: {size_text(needed)} are to be copied, {size_text(free)} are free; "
            "make room or name fewer sessions"
        )
