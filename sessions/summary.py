"""One summary of a session: state, problems, size, duration and counts.

Every place that says how long or how large a session is, or what is wrong with it, asks here:
``record``, ``sessions list``, ``show``, ``report`` and the review page. Only tables are read, never
frames, and a damaged session has a summary with what is wrong with it; ``verify`` is the one that
checks every byte.
"""

import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..core.errors import SessionError
from ..core.units import SECOND_100NS
from .edits.journal import REJECT, Edits, load_edits
from .folders import NOT_READABLE, SESSION_FILE, find_folders, may_read, name_problem
from .info import SessionInfo
from .lock import HOLDER_FILE, in_use
from .manifest import MANIFEST, check_manifest
from .schema import DROP_KINDS, STREAM_TABLE, EventKind, Rows, Stream, good_rows
from .session_file import check_session_file, load_session
from .shard.shard_reader import ShardReader
from .shards import EMPTY, GONE, LEFT, SEALED, UNREADABLE, ShardFile, open_shards

RECORDING: Final = "recording"
DAMAGED: Final = "damaged"
CLOSED: Final = "closed"


@dataclass
class TakeSummary:
    """One take: a recorder's uninterrupted run.

    Attributes:
        take: Its number.
        items: Items stored by stream.
        first: Device time of the first item, 100 ns.
        last: Device time of the last item, 100 ns.
        wall_utc_ns: When it began, where session.json knows.
        source: What it was recorded from.
    """

    take: int
    items: Counter[Stream] = field(default_factory=Counter)
    first: int | None = None
    last: int | None = None
    wall_utc_ns: int | None = None
    source: str = ""

    @property
    def duration_s(self) -> float:
        """Time from its first to its last item, s."""
        if self.first is None or self.last is None:
            return 0.0
        return max(0, self.last - self.first) / SECOND_100NS

    def add(self, stream: Stream, count: int, first: int, last: int) -> None:
        """Add items of a stream, their first and last device time in 100 ns."""
        self.items[stream] += count
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)


@dataclass
class SessionSummary:
    """A session in one line.

    Attributes:
        name: Its name.
        state: ``sealed``, ``recording``, ``left`` (its recorder did not end cleanly), ``empty``,
            ``closed`` (may not be read) or ``damaged`` (as far as that shows without reading
            everything).
        problems: What is wrong with it.
        bytes: Size of its files.
        shards: Name, state and size of each shard.
        items: Items stored by stream.
        takes: Its takes by number.
        dropped: Lost items by reason.
        rejected: Frames that the reviewer rejected, or trimmed off.
        edits: How many of the reviewer's decisions of each kind are in force.
        edit_tags: Tags that the reviewer gave.
        info: What session.json says, as far as it can be read.
    """

    name: str
    state: str = SEALED
    problems: list[str] = field(default_factory=list)
    bytes: int = 0
    shards: list[tuple[str, str, int]] = field(default_factory=list)
    items: Counter[Stream] = field(default_factory=Counter)
    takes: dict[int, TakeSummary] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)
    rejected: int = 0
    edits: dict[str, int] = field(default_factory=dict)
    edit_tags: list[str] = field(default_factory=list)
    info: SessionInfo | None = None

    @property
    def tags(self) -> list[str]:
        """All tags: those of session.json, then those of the reviewer."""
        return list(dict.fromkeys([*(self.info.tags if self.info else ()), *self.edit_tags]))

    @property
    def duration_s(self) -> float:
        """Time that its takes cover, s."""
        return sum(take.duration_s for take in self.takes.values())

    def duration_from(self, first_take: int) -> float:
        """Time that its takes from a number on cover, s."""
        return sum(take.duration_s for n, take in self.takes.items() if n >= first_take)

    def to_json(self) -> dict[str, Any]:
        """Return it as ``kincap sessions list --json`` prints it."""
        info = self.info
        return {
            "name": self.name,
            "state": self.state,
            "problems": self.problems,
            "bytes": self.bytes,
            "shards": len(self.shards),
            "color_frames": self.items[Stream.color],
            "body_frames": self.items[Stream.bodies],
            "mask_frames": self.items[Stream.mask],
            "depth_frames": self.items[Stream.depth],
            "dropped": dict(sorted(self.dropped.items())),
            "duration_s": round(self.duration_s, 3),
            "takes": len(self.takes),
            "rejected_frames": self.rejected,
            "outfit": info.outfit if info else None,
            "subject": info.subject if info else None,
            "consent": info.consent if info else None,
            "edit_counts": self.edits,
            "tags": self.tags,
            "created_utc": info.created_utc if info else None,
        }


def list_sessions(recordings: Path) -> list[SessionSummary]:
    """Return all sessions of a folder, by name.

    Args:
        recordings: The folder of all sessions; one that does not exist has none.
    """
    return [summarise(folder) for folder in find_folders(recordings)]


def summarise(folder: Path) -> SessionSummary:
    """Return the summary of one session, whatever state it is in.

    Args:
        folder: Its folder.
    """
    found = SessionSummary(folder.name)
    if not may_read(folder):
        found.state, found.problems = CLOSED, [NOT_READABLE]
        return found
    try:
        _fill(found, folder)
    except OSError as err:
        # a folder that is deleted meanwhile, or a disk that fails
        found.problems.append(f"{err.filename or folder}: {err.strerror or err}")
        found.state = DAMAGED
    return found


def _fill(found: SessionSummary, folder: Path) -> None:
    """Fill in everything about a session that may be read."""
    live = in_use(folder)
    _look_at_files(found, folder)
    edits = _edits(found, folder)
    found.bytes = sum(_sizes(folder))
    for shard in open_shards(folder, found.info):
        state = shard.state(live=live)
        if state == GONE:
            found.problems.append(f"{shard.name}: missing")
            continue
        found.shards.append((shard.name, state, shard.bytes))
        found.problems += _shard_problems(shard)
        if shard.reader is not None:
            _count(found, shard, shard.reader)
            if edits is not None:
                found.rejected += _rejected(shard.reader, edits, found.info)
    states = {state for _, state, _ in found.shards}
    if found.problems or UNREADABLE in states:
        found.state = DAMAGED
    elif live:
        found.state = RECORDING
    elif LEFT in states:
        found.state = LEFT
    elif states <= {EMPTY}:
        found.state = EMPTY
    _add_anchors(found)


def _look_at_files(found: SessionSummary, folder: Path) -> None:
    """Read the small files, and take down what is wrong with them."""
    odd_name = name_problem(folder)
    if odd_name:
        found.problems.append(odd_name)
    problem = check_session_file(folder)
    try:
        found.info = load_session(folder, strict=False)
    except SessionError as err:
        problem = problem or str(err).removeprefix(f"{folder / SESSION_FILE}: ")
    if problem:
        found.problems.append(f"{SESSION_FILE}: {problem}")
    try:
        found.problems += [f"{MANIFEST}: {text}" for text in check_manifest(folder)]
    except SessionError as err:
        found.problems.append(str(err).removeprefix(f"{folder}/"))


def _edits(found: SessionSummary, folder: Path) -> Edits | None:
    """Return the reviewer's decisions, None where no frame is rejected."""
    try:
        edits = load_edits(folder, found.info.uuid if found.info else None)
    except SessionError as err:
        found.problems.append(str(err).removeprefix(f"{folder}/"))
        return None
    found.edits = edits.counts()
    found.edit_tags = list(dict.fromkeys(tag for tag, *_ in edits.tags()))
    return edits if any(op == "reject" for *_, op in edits.ranges()) else None


def _rejected(reader: ShardReader, edits: Edits, info: SessionInfo | None) -> int:
    """Return how many frames of a shard the reviewer rejected."""
    frames = Stream.bodies if info is not None and info.is_bodies_alone else Stream.color
    seqs = reader.rows(STREAM_TABLE[frames])["seq"]
    return int((edits.verdicts(seqs) == REJECT).sum())


def _sizes(folder: Path) -> Iterator[int]:
    """Yield the size of each file of a session; a recorder may be deleting some."""
    for path in folder.rglob("*"):
        try:
            status = path.lstat()
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode) and path.name != HOLDER_FILE:
            yield status.st_size


def _shard_problems(shard: ShardFile) -> Iterator[str]:
    """Yield what shows to be wrong with a shard without reading it whole."""
    if shard.problem:
        yield f"{shard.name}: {shard.problem}"
    elif shard.record is not None and shard.bytes != shard.record.bytes:
        yield f"{shard.name}: {shard.bytes} bytes, expected {shard.record.bytes}"
    elif shard.found is not None and shard.found.foreign:
        yield f"{shard.name}: belongs to another session"
    elif shard.found is not None and shard.found.problem:
        yield f"{shard.name}: {shard.found.problem}"


def _count(found: SessionSummary, shard: ShardFile, reader: ShardReader) -> None:
    """Count a shard's frames, bodies and lost items."""
    for stream, table in STREAM_TABLE.items():
        spans = None
        if shard.record is not None and stream.name in shard.record.streams:
            spans = _spans_by_ends(reader, table, shard.record.streams[stream.name].rows)
        if spans is None:
            spans = _spans_of(reader.rows(table))
        for number, count, first, last in spans:
            found.items[stream] += count
            take = found.takes.setdefault(number, TakeSummary(number))
            take.add(stream, count, first, last)
    if shard.record is not None:
        for name, lost in shard.record.drops.items():
            found.dropped[name.removeprefix("drop_")] += lost
        return
    events = reader.rows("events")
    for event in events[np.isin(events["kind"], DROP_KINDS)]:
        found.dropped[drop_reason(int(event["kind"]))] += int(event["count"])


_Span = tuple[int, int, int, int]
"""A take's number, its items, device time of the first and of the last, 100 ns."""


def _spans_of(rows: Rows) -> list[_Span]:
    """Return the takes of some rows."""
    spans = []
    for number in map(int, np.unique(rows["take"])):
        times = rows["time_device"][rows["take"] == number]
        spans.append((number, len(times), int(times[0]), int(times[-1])))
    return spans


def _spans_by_ends(reader: ShardReader, table: str, count: int) -> list[_Span] | None:
    """Return the takes of a sealed table without reading all of it: an hour of bodies is 600 MB.

    Args:
        reader: The shard.
        table: The table.
        count: Its rows by the manifest.

    Returns:
        None where the rows that are looked at are not as the manifest says.
    """
    place = reader.layout.tables.get(table)
    if place is None or not 0 < count <= place.rows:
        return None
    behind = reader.all_rows(table, count, 1)
    if len(behind) and behind["row_crc"][0]:
        return None

    def look(i: int) -> tuple[int, int] | None:
        rows = reader.all_rows(table, i, 1)
        if not len(rows) or not good_rows(rows)[0]:
            return None
        return int(rows["take"][0]), int(rows["time_device"][0])

    spans: list[_Span] = []
    first, end = 0, look(count - 1)
    while first < count:
        begin = look(first)
        if begin is None or end is None or begin[0] > end[0]:
            return None
        low, high = first, count - 1  # the last row of this take is in low .. high
        while low < high:
            middle = (low + high + 1) // 2
            there = look(middle)
            if there is None:
                return None
            low, high = (middle, high) if there[0] == begin[0] else (low, middle - 1)
        last = look(low)
        if last is None:
            return None
        spans.append((begin[0], low - first + 1, begin[1], last[1]))
        first = low + 1
    return spans


def drop_reason(kind: int) -> str:
    """Return why items were lost, by the number of the kind of event."""
    return EventKind(kind).name.removeprefix("drop_")


def _add_anchors(found: SessionSummary) -> None:
    """Add what session.json says about the takes."""
    for kept in found.info.takes if found.info else []:
        number = kept.get("take")
        take = found.takes.get(number) if isinstance(number, int) else None
        if take is not None:
            wall = kept.get("wall_utc_ns")
            take.wall_utc_ns = wall if isinstance(wall, int) else None
            take.source = str(kept.get("source", ""))
