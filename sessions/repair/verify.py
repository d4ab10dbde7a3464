"""Verify sessions: every byte that can be checked, against what was written down about it.

A session is well when session.json and the manifest hold their checksums, every sealed shard its
SHA-256, every row and every blob its CRC-32, and when each item from seq 0 on is stored once or
covered by one drop event. A shard without a line in the manifest (being recorded, or left by a
killed recorder) is checked by its rows and blobs; ``sealed: false`` alone is not damage.
"""

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ...core.checked_json import is_whole
from ...core.errors import KincapError, SessionError, ShardError
from ...core.files.fault_injection import default_io
from ...core.files.file_io import SEALED_FILE, FileIO
from ...core.files.small_files import MIB, read_small
from ...core.progress import OnProgress
from ..edits.journal import EDITS_FILE, load_edits
from ..folders import NOT_READABLE, SESSION_FILE, find_folders, may_read, shard_names
from ..info import SessionInfo
from ..lock import holder, in_use
from ..manifest import (
    MANIFEST,
    ManifestRecord,
    check_manifest,
    read_manifest,
    read_raw,
    readable_records,
    torn_tail,
)
from ..schema import STREAM_TABLE, Stream
from ..session_file import check_session_file, load_session
from ..shard.find_layout import find_layout
from ..shard.shard_writer import NEW
from ..shards import LEFT, OPEN, UNREADABLE, ShardFile, list_shards
from .accounting import account
from .kept_files import cut_off_repairs, kept_files
from .shard_check import (
    FOREIGN,
    Damage,
    Expected,
    ShardCheck,
    check_shard,
)

QUALITY_FILE: Final = "quality.json"
"""The report about a session: it is worked out from the rest and can be made again."""
_LINE: Final = b'{"name": "'
"""Beginning of a line of the manifest."""
MOST_QUALITY: Final = 16 * MIB
"""Bytes of quality.json."""
_SETTLE_S: Final = 0.3
_TRIES: Final = 3


@dataclass
class SessionReport:
    """Result of verify for one session.

    Attributes:
        name: The session's name.
        recording: Whether its lock was held.
        damage: What is damaged.
        notes: What a person may want to know and is not damage.
        shards: What was found in each shard.
        missing: Lines of the manifest whose shard is gone.
        info: What session.json says; None where it can't be read at all.
    """

    name: str
    recording: bool = False
    damage: list[Damage] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    shards: list[ShardCheck] = field(default_factory=list)
    missing: list[ManifestRecord] = field(default_factory=list)
    info: SessionInfo | None = None

    @property
    def ok(self) -> bool:
        """Return True if nothing is damaged."""
        return not self.damage

    @property
    def sealed(self) -> bool:
        """Return True if every shard with content has its line in the manifest."""
        return not any(shard.state in (OPEN, LEFT, UNREADABLE) for shard in self.shards)

    def to_json(self) -> dict[str, Any]:
        """Return it as ``kincap sessions verify --json`` prints it."""
        return {
            "name": self.name,
            "ok": self.ok,
            "sealed": self.sealed,
            "recording": self.recording,
            "damaged": [damage.to_json() for damage in self.damage],
            "shards": [
                {"shard": shard.name, "state": shard.state, "bytes": shard.bytes}
                for shard in self.shards
            ],
            "notes": self.notes,
        }


def verify(
    recordings: Path, names: Sequence[str] = (), on_progress: OnProgress | None = None
) -> list[SessionReport]:
    """Verify sessions.

    Args:
        recordings: The folder of all sessions.
        names: Which; none: all.
        on_progress: Told how far it is.

    Raises:
        SessionError: One asked for, or the folder itself, is not there (exit 2); nothing was
            checked.
    """
    if not recordings.is_dir():
        raise SessionError(f"{recordings}: no such folder; --recordings says where sessions are")
    folders = find_folders(recordings, names)
    sizes = [_bytes_of(folder) for folder in folders]
    total, done = sum(sizes), 0
    reports = []
    for folder, size in zip(folders, sizes, strict=True):

        def tell(part: int, _total: int, note: str, before: int = done) -> None:
            if on_progress:
                on_progress(before + part, total, note)

        reports.append(_verify_any(folder, tell))
        done += size
    return reports


def _verify_any(folder: Path, on_progress: OnProgress) -> SessionReport:
    """Verify a session, whatever it is: one that can't be checked is damaged."""
    if not may_read(folder):
        return _closed(folder)
    try:
        return verify_session(folder, on_progress)
    except KincapError as err:
        return SessionReport(folder.name, damage=[Damage("session", str(err))])
    except OSError as err:
        text = f"{err.filename or folder}: {err.strerror or err}"
        return SessionReport(folder.name, damage=[Damage("session", text)])


def _closed(folder: Path) -> SessionReport:
    """Return the report about a session that may not be looked into."""
    return SessionReport(folder.name, damage=[Damage("session", NOT_READABLE)])


def _bytes_of(folder: Path) -> int:
    """Return the size of a session's shards; a recorder may be deleting an empty one."""
    size = 0
    for name in shard_names(folder) if may_read(folder) else ():
        with contextlib.suppress(FileNotFoundError):
            size += (folder / name).stat().st_size
    return size


def verify_session(
    folder: Path, on_progress: OnProgress | None = None, io: FileIO | None = None
) -> SessionReport:
    """Verify one session; it may be recorded meanwhile.

    Args:
        folder: Its folder.
        on_progress: Told how far it is, in bytes of its shards.
        io: File handling.

    Raises:
        ShardError: The disk can't read it (exit 1).
    """
    io = io or default_io()
    recording = in_use(folder)
    report = verify_locked(folder, on_progress, io, live=recording)
    if report.damage and not recording and in_use(folder):
        # a recorder began meanwhile: what it is writing is not damage
        recording = True
        report = verify_locked(folder, on_progress, io, live=True)
    if recording:
        by = holder(folder) or {}
        who = f" by process {by['pid']} ({by.get('command', '?')})" if "pid" in by else ""
        report.notes.append(f"in use{who}: checked what was written until now")
    return report


def verify_locked(
    folder: Path, on_progress: OnProgress | None, io: FileIO, *, live: bool
) -> SessionReport:
    """Verify a session of which the caller knows whether it is being written.

    Args:
        folder: Its folder.
        on_progress: Told how far it is, in bytes of its shards.
        io: File handling.
        live: Whether another process may be writing it.
    """
    report = SessionReport(folder.name, live)
    _check_session_file(folder, report)
    _check_manifest(folder, report)
    _check_edits(folder, report)
    _check_shards(folder, report, on_progress, io)
    if not live:
        report.damage += account(report.shards, report.missing, explained=True).damage()
    _note_leftovers(folder, report)
    return report


def _check_session_file(folder: Path, report: SessionReport) -> None:
    """Check session.json, and read what can be read of it."""
    problem = check_session_file(folder)
    try:
        report.info = load_session(folder, strict=False)
        if problem is None and report.info.name != folder.name:
            report.notes.append(f"{SESSION_FILE} calls it {report.info.name}; rename it once more")
    except SessionError as err:
        problem = problem or str(err).removeprefix(f"{folder / SESSION_FILE}: ")
    if problem:
        report.damage.append(Damage("session", f"{SESSION_FILE}: {problem}"))


def _check_manifest(folder: Path, report: SessionReport) -> None:
    """Check the manifest's lines, and that what follows the last is the beginning of one."""
    try:
        damage, torn = check_manifest(folder), torn_tail(read_raw(folder))
    except SessionError as err:
        damage, torn = [str(err).removeprefix(f"{folder / MANIFEST}: ")], b""
    report.damage += [Damage("manifest", f"{MANIFEST}: {text}") for text in damage]
    if b"\0" in torn or torn[: len(_LINE)] != _LINE[: len(torn)]:
        text = f"{MANIFEST}: ends in {len(torn)} bytes that no line begins with"
        report.damage.append(Damage("manifest", text))


def _check_edits(folder: Path, report: SessionReport) -> None:
    """Check the reviewer's decisions."""
    try:
        load_edits(folder)
    except SessionError as err:
        text = str(err).removeprefix(f"{folder / EDITS_FILE}: ")
        report.damage.append(Damage("edits", f"{EDITS_FILE}: {text}"))


def _check_shards(
    folder: Path, report: SessionReport, on_progress: OnProgress | None, io: FileIO
) -> None:
    """Check all shards in their order."""
    before: dict[Stream, int] = {}
    done, total = 0, _bytes_of(folder)
    for shard in list_shards(folder):
        name = shard.name
        if shard.record is not None and shard.bytes < 0:
            report.missing.append(shard.record)
            continue
        note = f"{folder.name}/{name}"
        part = 0

        def tell(more: int, start: int = done, note: str = note) -> None:
            nonlocal part
            part += more
            if on_progress:
                on_progress(start + part, total, note)

        check = _check_steady(folder, shard, report, before, io, tell)
        if check is None:
            continue
        report.shards.append(check)
        _check_line(shard, check, report)
        report.damage += check.damage
        report.notes += check.notes
        for stream in STREAM_TABLE:
            seqs = [int(seq) for seq in check.stored.get(stream, ())[-1:]] + check.bad_seqs(stream)
            before[stream] = max([before.get(stream, -1), *seqs])
        done += check.bytes
        if on_progress:
            on_progress(done, total, note)
    for record in report.missing:
        rows = ", ".join(f"{span.rows} {name}" for name, span in record.streams.items())
        text = f"the manifest lists it ({rows or 'no items'}), the file does not exist"
        report.damage.append(Damage("missing", text, record.name))


def _check_line(shard: ShardFile, check: ShardCheck, report: SessionReport) -> None:
    """Find shards whose line was lost: a shard gets its line first, then its mode."""
    mode = shard.path.lstat().st_mode & 0o777
    unsealed = check.state in (LEFT, OPEN) and mode == SEALED_FILE
    if not unsealed or shard.record is not None:
        return
    # its recorder may have sealed it since the manifest was read: the line comes before the mode
    if check.name not in read_manifest(shard.path.parent):
        text = f"{MANIFEST}: has no line about it, its mode says that it was sealed"
        report.damage.append(Damage("manifest", text, check.name))


def _check_steady(
    folder: Path,
    shard: ShardFile,
    report: SessionReport,
    before: dict[Stream, int],
    io: FileIO,
    tell: Callable[[int], None],
) -> ShardCheck | None:
    """Check a shard; while it may be written, only what stays damaged counts.

    Returns:
        None where a recorder deleted it meanwhile.
    """
    if not report.recording:
        return _check_one(folder, shard, report, before, io, tell)
    check = None
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_SETTLE_S)
        try:
            check = _check_one(folder, shard, report, before, io, tell)
        except (FileNotFoundError, ShardError):
            if os.path.lexists(shard.path):
                raise
            return None
        if not check.damage:
            break
    return check


def _check_one(
    folder: Path,
    shard: ShardFile,
    report: SessionReport,
    before: dict[Stream, int],
    io: FileIO,
    tell: Callable[[int], None],
) -> ShardCheck:
    """Check a shard as it is now."""
    name, path, info, record = shard.name, shard.path, report.info, shard.record
    if report.recording:
        record = readable_records(folder).get(name)
    if report.recording and info is not None:
        # a recorder may have begun since, with a layout of its own
        info = load_session(folder, strict=False)
    found = find_layout(path, info, record, io)
    if found is None:
        text = "can't be read, and neither session.json nor the manifest knows its layout"
        damage = [Damage("header", text, name)]
        return ShardCheck(name, UNREADABLE, path.lstat().st_size, damage=damage)
    whole = not any(damage.kind == "session" for damage in report.damage)
    if found.foreign and whole:
        text = "belongs to another session"
        damage = [Damage("foreign", text, name)]
        return ShardCheck(name, FOREIGN, path.lstat().st_size, damage=damage)
    expected = Expected(
        layout=found,
        record=record,
        live=report.recording,
        color_size_px=info.device.color_size_px if info and whole else None,
        jpeg=info is None or info.settings.get("codec", "jpeg") == "jpeg",
        before=before,
    )
    return check_shard(path, expected, io, tell)


def kept_note(path: Path) -> str:
    """Return the note about a file that a repair has kept."""
    return f"{path.name}: kept by repair, until --discard"


def _note_leftovers(folder: Path, report: SessionReport) -> None:
    """Mention other files in the session's folder."""
    for path, kept in cut_off_repairs(folder).items():
        text = f"{kept.name} is there, the shard is not: a repair was cut off"
        report.damage.append(Damage("missing", text, path.name))
    report.notes += map(kept_note, kept_files(folder))
    quality = folder / QUALITY_FILE
    again = f"kincap sessions report {folder.name} makes it again"
    try:
        if not is_whole(read_small(quality, MOST_QUALITY)):
            report.notes.append(f"{QUALITY_FILE}: its checksum differs; {again}")
    except FileNotFoundError:
        pass
    except OSError as err:
        report.notes.append(f"{QUALITY_FILE}: {err.strerror or err}; {again}")
    if report.recording:
        return
    for path in sorted(folder.glob(f"*.h5{NEW}")):
        report.notes.append(f"{path.name}: left from preparing a shard")
    for shard in report.shards:
        if shard.state == LEFT:
            report.notes.append(f"{shard.name}: not sealed, its recorder did not end cleanly")
