"""``kincap sessions copy``: sessions to another disk or machine, every byte verified.

A session is copied into ``.copying-NAME`` beside its place and gets its name when it is whole, so
no half copy is ever taken for a session. A copy that was interrupted goes on when it is run again.
"""

import errno
import os
import stat
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ...core.errors import KincapError, SessionError, SessionLockedError
from ...core.files.fault_injection import default_io
from ...core.files.file_io import FileIO
from ...core.progress import OnProgress
from ..lock import SessionLock
from ..manifest import readable_records
from ..shards import list_shards
from .plan import SessionCopyPlan, SourceFile, list_files, plan_copy, refuse_difference
from .unfinished_copy import PART, UnfinishedCopy
from .verified_copy import CopyMismatchError, copy_verified, read_back_sha256

COPIED: Final = "copied"
ALREADY: Final = "already there"
FAILED: Final = "failed"
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_CLOSED: Final = (errno.EROFS, errno.EACCES, errno.EPERM)
_TRIES: Final = 3

OnHalf = Callable[[int], None]
"""Given the bytes of a file and its copy that were read."""


class DiskFullError(SessionError):
    """The destination has no room left; the copy goes on when it is run again."""


@dataclass
class SessionCopy:
    """Result for one session.

    Attributes:
        name: The session's name.
        path: The copy.
        state: COPIED, ALREADY or FAILED.
        files: Files of the copy.
        bytes: Their size.
        resumed_bytes: Bytes that an earlier run had copied.
        links: Files that were not copied, as they are links or not regular.
        unsealed: Shards that are not sealed; copied like all others.
        damage: What is damaged in the source, and so in the copy.
        problem: Why it failed; "": it did not.
    """

    name: str
    path: Path
    state: str
    files: int = 0
    bytes: int = 0
    resumed_bytes: int = 0
    links: list[str] = field(default_factory=list)
    unsealed: list[str] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    problem: str = ""

    @property
    def source_may_be_deleted(self) -> bool:
        """Return True if the copy is whole and read back, and nothing was left out."""
        return self.state != FAILED and not self.damage and not self.links

    def to_json(self) -> dict[str, Any]:
        """Return it as ``kincap sessions copy --json`` prints it."""
        return {
            "name": self.name,
            "path": str(self.path),
            "state": self.state,
            "files": self.files,
            "bytes": self.bytes,
            "resumed_bytes": self.resumed_bytes,
            "links": self.links,
            "unsealed": self.unsealed,
            "damage": self.damage,
            "problem": self.problem or None,
            "source_may_be_deleted": self.source_may_be_deleted,
        }


@dataclass(frozen=True)
class CopyResult:
    """Result of a copy.

    Attributes:
        destination: The folder that the sessions were copied into.
        sessions: One result for each session.
        left_out: Why a session was not copied, by name.
        same_disk: Whether the copies are on the disk of the sources.
    """

    destination: Path
    sessions: list[SessionCopy]
    left_out: dict[str, str]
    same_disk: bool

    @property
    def ok(self) -> bool:
        """Return True if every session was copied and none is damaged."""
        return not any(one.state == FAILED or one.damage for one in self.sessions)

    def to_json(self) -> dict[str, Any]:
        """Return it as ``kincap sessions copy --json`` prints it."""
        return {
            "schema": "kincap/copy/1",
            "destination": str(self.destination),
            "same_disk": self.same_disk,
            "sessions": [one.to_json() for one in self.sessions],
            "left_out": self.left_out,
        }


def copy_sessions(
    recordings: Path,
    names: Sequence[str],
    destination: Path,
    *,
    everything: bool = False,
    on_progress: OnProgress = lambda done, total, note: None,
    io: FileIO | None = None,
) -> CopyResult:
    """Copy sessions and verify every byte of the copies.

    Args:
        recordings: The folder of all sessions.
        names: Which; none with ``everything``.
        destination: An existing folder of sessions.
        everything: Copy all that are not being recorded.
        on_progress: Told bytes done, bytes in all, and the file.
        io: File handling.

    Raises:
        SessionError: Something speaks against it (exit 2); nothing was copied.
    """
    io = io or default_io()
    plan = plan_copy(recordings, names, destination, everything=everything)
    for one in plan.sessions:
        if not one.is_there:
            UnfinishedCopy(one.making, one.uuid, io).check()
    results: list[SessionCopy] = []
    done = 0
    for one in plan.sessions:

        def tell(part: int, note: str, before: int = done) -> None:
            on_progress(before + part, plan.bytes, note)

        try:
            results.append(_copy_session(one, tell, io))
        except (KincapError, OSError) as error:
            what = str(error) if isinstance(error, KincapError) else _text(error, one.target)
            results.append(SessionCopy(one.name, one.target, FAILED, problem=what))
            if isinstance(error, DiskFullError):
                results += [
                    SessionCopy(rest.name, rest.target, FAILED, problem="not begun: no room")
                    for rest in plan.sessions[len(results) :]
                ]
                break
        done += one.bytes
    same = os.stat(recordings).st_dev == os.stat(destination).st_dev
    return CopyResult(destination, results, plan.left_out, same)


def _text(error: OSError, path: Path) -> str:
    """Return the error of a disk in one line."""
    return f"{error.filename or path}: {error.strerror or error}"


def _copy_session(
    plan: SessionCopyPlan, tell: Callable[[int, str], None], io: FileIO
) -> SessionCopy:
    """Copy or compare one session while nothing else may change it."""
    with _locked(plan.source, io):
        result = SessionCopy(plan.name, plan.target, ALREADY if plan.is_there else COPIED)
        sums = _compare(plan, tell, io) if plan.is_there else _copy(plan, result, tell, io)
        result.files, result.bytes = len(plan.files), plan.bytes
        result.damage = [
            f"{name}: differs from its SHA-256 in the manifest"
            for name, record in readable_records(plan.source).items()
            if sums.get(name, record.sha256) != record.sha256
        ]
        result.damage += [f"{name}: missing" for name in _missing(plan.source)]
        result.links = plan.links
        result.unsealed = [
            shard.name
            for shard in list_shards(plan.source)
            if shard.record is None and shard.bytes >= 0
        ]
    return result


def _missing(folder: Path) -> list[str]:
    """Return the shards that the manifest names and the folder lacks."""
    return [shard.name for shard in list_shards(folder) if shard.bytes < 0]


def _locked(folder: Path, io: FileIO) -> Any:
    """Hold a session's lock; a folder that can't be written can't be recorded into either."""
    lock = SessionLock(folder, io)
    try:
        return lock.acquire("kincap sessions copy", must_say=False)
    except SessionLockedError:
        raise
    except OSError as error:
        if error.errno in _CLOSED:
            return nullcontext()
        raise


def _copy(
    plan: SessionCopyPlan, result: SessionCopy, tell: Callable[[int, str], None], io: FileIO
) -> dict[str, str]:
    """Copy a session; return the SHA-256 of its files."""
    work = UnfinishedCopy(plan.making, plan.uuid, io)
    work.open()
    sums: dict[str, str] = {}
    copied: dict[str, SourceFile] = {}
    for _ in range(_TRIES):
        done = sum(file.bytes for file in plan.files if copied.get(file.name) == file)
        for file in plan.files:
            if copied.get(file.name) == file:
                continue

            def tell_file(part: int, before: int = done, name: str = file.name) -> None:
                tell(before + part, f"{plan.name}/{name}")

            sums[file.name] = _copy_file(plan, file, work, result, tell_file, io)
            copied[file.name] = file
            done += file.bytes
        plan.links.clear()
        plan.files = list(list_files(plan.source, plan.links))
        # decisions may be made meanwhile, they do not need the session's lock
        if all(copied.get(file.name) == file for file in plan.files):
            break
    else:
        raise SessionError(f"{plan.source}: changes while it is copied; copy it later", exit_code=1)
    work.finish(plan.files, plan.target)
    return {name: sha256 for name, sha256 in sums.items() if name in copied}


def _copy_file(
    plan: SessionCopyPlan,
    file: SourceFile,
    work: UnfinishedCopy,
    result: SessionCopy,
    tell: Callable[[int], None],
    io: FileIO,
) -> str:
    """Copy one file and read it back; return its SHA-256."""
    source, copy = plan.source / file.name, work.folder / file.name
    part = copy.with_name(copy.name + PART)
    try:
        known = work.known_sha256(file)
        if known is not None and read_back_sha256(copy, io, lambda done: tell(done)) == known:
            result.resumed_bytes += file.bytes
            return known
        io.make_folder(part.parent)
        if part.exists():
            result.resumed_bytes += min(part.stat().st_size, file.bytes)
        sha256 = _copied(source, part, io, lambda put, seen: tell((put + seen) // 2))
        _set_facts(source, part, file)
        io.rename(part, copy)
        work.note(file, sha256)
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFullError(
                f"{plan.target.parent}: {error.strerror}; make room and run it again: it goes on "
                f"where it was",
                exit_code=1,
            ) from error
        raise SessionError(
            f"{source}: {error.strerror or error}; run it again: it goes on where it was",
            exit_code=1,
        ) from error
    return sha256


def _copied(source: Path, part: Path, io: FileIO, on_bytes: Callable[[int, int], None]) -> str:
    """Copy a file, once more from its beginning where the copy reads back otherwise."""
    try:
        return copy_verified(source, part, io, on_bytes)
    except CopyMismatchError:
        # what a power cut left of an earlier run may be anything
        pass
    try:
        return copy_verified(source, part, io, on_bytes)
    except CopyMismatchError as error:
        raise SessionError(f"{error}; check that disk", exit_code=1) from error


def _set_facts(source: Path, copy: Path, file: SourceFile) -> None:
    """Give a copy the times of its source, and its protection."""
    with suppress(OSError):  # some mounts have neither
        os.utime(copy, ns=(file.mtime_ns, file.mtime_ns))
        if sys.platform != "win32":
            copy.chmod(stat.S_IMODE(source.stat().st_mode) & stat.S_IRWXU)


def _compare(plan: SessionCopyPlan, tell: Callable[[int, str], None], io: FileIO) -> dict[str, str]:
    """Compare a session with the one at the destination; return the SHA-256 of its files.

    Raises:
        SessionError: A file differs (exit 1).
    """
    sums: dict[str, str] = {}
    done = 0
    for file in plan.files:

        def tell_half(part: int, before: int = done, name: str = file.name) -> None:
            tell(before + part // 2, f"{plan.name}/{name}")

        def tell_rest(part: int, here: int = file.bytes, tell: OnHalf = tell_half) -> None:
            tell(here + part)

        sums[file.name] = read_back_sha256(plan.source / file.name, io, tell_half)
        if not file.is_derived:
            there = read_back_sha256(plan.target / file.name, io, tell_rest)
            if there != sums[file.name]:
                problem = refuse_difference(plan.target, [file.name])
                raise SessionError(str(problem), exit_code=1)
        done += file.bytes
    return sums
