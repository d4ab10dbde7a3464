"""Repair a session: the only thing that ever rewrites what was recorded.

Everything that is whole is kept, byte for byte. What is damaged is restored where a checksum proves
it, else left out and covered by a ``drop_damaged`` event, so that the session adds up again. What
is replaced stays beside it, as ``NAME.damaged``, until it is discarded. A repair may be killed at
any moment: nothing is lost, and the next one goes on.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...core.errors import KincapError, ShardError
from ...core.files.fault_injection import default_io
from ...core.files.file_io import TEMPORARY, FileIO
from ...core.progress import OnProgress
from ..folders import find_folders
from ..info import SessionInfo
from ..lock import SessionLock
from ..manifest import ManifestRecord, read_manifest, rewrite_manifest
from ..schema import STREAM_TABLE, TABLES, EventKind, Stream, event_row
from ..session_file import save_session
from ..shard.find_layout import FoundLayout
from ..shard.layout import MIB
from ..shard.recovery import recover, settle
from ..shard.sealing import seal
from ..shards import EMPTY, UNREADABLE
from .accounting import Accounts, Hole, account
from .kept_files import ASIDE_FILE, DAMAGED_FILE, free_name, kept_files
from .repair_files import Log, repair_edits, repair_manifest, repair_session_file
from .repair_shard import Changes, restore, rewrite
from .shard_check import (
    FOREIGN,
    ShardCheck,
    check_shard,
)
from .verify import SessionReport, kept_note, verify_locked

_GONE = "gone"
_MOST_COUNTED = 2**32 - 1
"""Largest count of an event; its seqs say more."""


class RepairReport(Log):
    """Result of a repair.

    Attributes:
        name: The session's name.
        discarded: Names of the kept files that were deleted.
        unreadable: Names of the shards that the disk could not read in places.
        after: What verify finds now.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.discarded: list[str] = []
        self.unreadable: list[str] = []
        self.after = SessionReport(name)

    def to_json(self) -> dict[str, Any]:
        """Return it as ``kincap sessions repair --json`` prints it."""
        return {
            "schema": "kincap/repair/1",
            "name": self.name,
            "ok": self.after.ok,
            "done": self.done,
            "look_at": self.look_at,
            "kept": self.kept,
            "discarded": self.discarded,
            "damaged": [damage.to_json() for damage in self.after.damage],
        }


def repair(
    recordings: Path,
    name: str,
    *,
    discard: bool = False,
    on_progress: OnProgress | None = None,
    io: FileIO | None = None,
) -> RepairReport:
    """Repair a session.

    Args:
        recordings: The folder of all sessions.
        name: Which session.
        discard: Delete what this and earlier repairs kept, once the session verifies.
        on_progress: Told how far it is.
        io: File handling.

    Raises:
        SessionError: There is no such session (exit 2).
        SessionLockedError: It is being recorded or repaired (exit 2).
        KincapError: The disk failed or is full (exit 1); nothing is lost, it can be run again.
    """
    folder = find_folders(recordings, [name])[0]
    io = io or default_io()
    report = RepairReport(name)
    try:
        with SessionLock(folder, io).acquire(f"kincap sessions repair {name}"):
            _Repair(folder, report, on_progress, io).run()
            # what the disk can't read today it may read tomorrow
            if discard and report.after.ok and not report.unreadable:
                for path in kept_files(folder):
                    io.remove(path)
                    report.discarded.append(path.name)
                    report.after.notes.remove(kept_note(path))
    except OSError as err:
        raise KincapError(
            f"{err.filename or folder}: repair stopped ({err.strerror or err}); nothing is lost, "
            "mend that and run it again",
            exit_code=1,
        ) from err
    return report


class _Repair:
    """One repair of a session whose lock is held."""

    def __init__(
        self, folder: Path, report: RepairReport, on_progress: OnProgress | None, io: FileIO
    ) -> None:
        self.folder, self.report, self.io = folder, report, io
        self.on_progress = on_progress
        self.info: SessionInfo
        self.records: dict[str, ManifestRecord] = {}

    def run(self) -> None:
        """Repair small files, then shards, then what does not add up; then verify."""
        for shard in settle(self.folder, self.io):
            self._did(f"{shard}: brought back, an earlier repair was cut off")
        for leftover in sorted(self.folder.glob(f"*{TEMPORARY}")):
            self.io.remove(leftover)
        repair_manifest(self.folder, self.io, self.report)
        self.info = repair_session_file(self.folder, self.io, self.report)
        repair_edits(self.folder, self.io, self.report)
        self.records = read_manifest(self.folder)
        before = verify_locked(self.folder, self._tell("checking"), self.io, live=False)
        for check in before.shards:
            if check.bad_pages:
                self.report.unreadable.append(check.name)
                self.report.look_at.append(
                    f"{check.name}: the disk can't read it in {check.bad_pages} places; what was "
                    "replaced stays until it can be read"
                )
        tried = [self._restored(check) for check in before.shards]
        checks = [check for check in tried if check is not None]
        checks += [self._gone(record) for record in before.missing]
        checks.sort(key=lambda check: check.name)
        changes = self._changes(checks, account(checks, explained=False))
        for check in checks:
            self._rewritten(check, changes[check.name])
        tidied = recover(self.folder, self.io)
        for record in tidied.sealed:
            self._did(f"{record.name}: sealed")
        for leftover_name in tidied.removed:
            self._did(f"{leftover_name}: deleted, nothing was recorded in it")
        self.report.after = verify_locked(self.folder, self._tell("verifying"), self.io, live=False)

    def _did(self, text: str) -> None:
        self.report.done.append(text)

    def _tell(self, stage: str) -> Callable[[int, int, str], None]:
        def tell(done: int, total: int, note: str) -> None:
            if self.on_progress:
                self.on_progress(done, total, f"{stage} {note}")

        return tell

    def _aside(self, name: str, why: str) -> None:
        """Take a shard out of the session."""
        if name in self.records:
            # the line first: a line without its shard would read as loss
            del self.records[name]
            rewrite_manifest(self.folder, self.records.values(), self.io)
        path = self.folder / name
        # what was kept of it first: without its shard it would look like a repair cut off
        for one in [*self.folder.glob(f"{name}{DAMAGED_FILE}*"), path]:
            kept = free_name(path, ASIDE_FILE)
            self.io.rename(one, kept)
            self.report.kept = [was for was in self.report.kept if was != one.name]
            self.report.kept.append(kept.name)
        self._did(f"{name}: {why}; taken out of the session")

    def _gone(self, record: ManifestRecord) -> ShardCheck:
        """Return what is to be done about a shard of which only the manifest's line is left."""
        bad: dict[str, dict[int, int | None]] = {}
        for stream, span in record.streams.items():
            # its ends say where it lay; the number between them was never checked
            ends = (span.seq_first, span.seq_last)
            bad[STREAM_TABLE[Stream[stream]]] = dict(enumerate(ends))
        return ShardCheck(record.name, _GONE, 0, bad=bad)

    def _restored(self, check: ShardCheck) -> ShardCheck | None:
        """Restore a damaged shard exactly where that can be proven; None where it was set aside."""
        name, expected = check.name, check.expected
        if check.damage and check.state in (UNREADABLE, EMPTY):
            self._must_read(check)
        if check.state == FOREIGN:
            self._aside(name, "belongs to another session")
            return None
        if check.state == UNREADABLE and name in self.records:
            return self._gone(self.records[name])
        if check.damage and (check.state in (UNREADABLE, EMPTY) or expected is None):
            self._aside(name, "holds nothing that can be read")
            return None
        if not check.damage or expected is None:
            return check
        if self._only_lacks_its_line(check):
            record = seal(
                self.folder, name, expected.layout.layout, self.io, recovered=True, own_layout=True
            )
            self._did(f"{name}: sealed, an earlier repair was cut off")
            return replace(check, damage=[], expected=replace(expected, record=record))
        kept = restore(self.folder, check, self.io)
        if kept is None:
            return check
        self.report.kept.append(kept)
        proof = "its SHA-256 holds again" if expected.record else "all rows and frames are whole"
        self._did(f"{name}: restored as it was, {proof}")
        layout = FoundLayout(expected.layout.layout, expected.layout.own)
        return check_shard(self.folder / name, replace(expected, layout=layout), self.io)

    def _must_read(self, check: ShardCheck) -> None:
        """Stop where the disk itself gives nothing of a shard: tomorrow it may.

        Raises:
            OSError: The disk can't read it.
            ShardError: Likewise.
        """
        path = self.folder / check.name
        if check.bad_pages:
            text = (
                f"{path}: the disk can't read it in {check.bad_pages} places; nothing was touched"
            )
            raise ShardError(text, exit_code=1)
        fd = self.io.open_read(path)
        try:
            self.io.read_at(fd, MIB, 0)
        finally:
            self.io.close(fd)

    def _only_lacks_its_line(self, check: ShardCheck) -> bool:
        """Return True if a repair that was killed before sealing it wrote a shard again."""
        expected = check.expected
        if expected is None or expected.record is None or any(check.bad.values()):
            return False
        other = expected.layout.layout.id != expected.record.layout_id
        return other and not any(check.unused.values()) and not expected.layout.problem

    def _changes(self, checks: Sequence[ShardCheck], accounts: Accounts) -> dict[str, Changes]:
        """Return what has to change in which shard so that the session adds up."""
        changes: dict[str, Changes] = defaultdict(Changes)
        for check in checks:
            if check.state == _GONE:
                rows = self.records[check.name].rows
                changes[check.name].tables = tuple(name for name in TABLES if name in rows)
        for again in accounts.twice:
            if again.event is not None:
                changes[again.shard].skip_events.add(again.event)
                continue
            earlier = {
                int(seq)
                for check in checks[: [c.name for c in checks].index(again.shard)]
                for seq in check.stored.get(again.stream, ())
            }
            changes[again.shard].skip[again.stream] = earlier.intersection(again.seqs)
        for hole in accounts.holes:
            if hole.shard is not None:
                changes[hole.shard].holes.append(hole)
                changes[hole.shard].events.append(_event_of(hole))
        if accounts.holes and EventKind.drop_damaged.name not in self.info.event_kinds:
            self.info.event_kinds[EventKind.drop_damaged.name] = int(EventKind.drop_damaged)
            save_session(self.folder, self.info, self.io)
        return changes

    def _rewritten(self, check: ShardCheck, changes: Changes) -> None:
        """Write a shard again where something has to change in it."""
        if not check.damage and not changes.any() and check.state != _GONE:
            return
        stored = {of: set(map(int, seqs)) for of, seqs in check.stored.items() if len(seqs)}
        again = all(seqs <= changes.skip.get(of, set()) for of, seqs in stored.items())
        if stored and again and not changes.events:
            self._aside(check.name, "all its frames are stored in other shards")
            return
        kept = rewrite(self.folder, check, self.info, changes, self.io)
        if kept is not None:
            self.report.kept.append(kept)
        left_out = [_words(hole) for hole in changes.holes]
        how = "written anew" if check.state == _GONE else "written again"
        lost = f" without {', '.join(left_out)}" if left_out else ", nothing is lost"
        self._did(f"{check.name}: {how}{lost}")


def _words(hole: Hole) -> str:
    """Return lost items in words."""
    last = f"-{hole.last}" if hole.last > hole.first else ""
    return f"{hole.stream.name} {hole.first}{last}"


def _event_of(hole: Hole) -> Any:
    """Return the event that covers lost items."""
    return event_row(
        EventKind.drop_damaged,
        take=hole.take,
        stream=hole.stream,
        seq_first=hole.first,
        seq_last=hole.last,
        count=min(hole.last - hole.first + 1, _MOST_COUNTED),
        text="damaged, left out by repair",
    )
