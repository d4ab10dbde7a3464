"""What there is: one line for each session, or everything about one.

Only tables are read, never frames, and a damaged session is listed with what is wrong with it:
``verify`` is the one that checks every byte.
"""

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..core.errors import KincapError, SessionError
from ..core.files.fault_injection import default_io
from ..core.skeleton import JOINT_NAMES, TrackingState
from ..core.units import SECOND_100NS
from .edits import REJECT, load_edits
from .folders import SESSION_FILE, find_folders, may_read, shard_names
from .info import SessionInfo
from .kept_files import kept_files
from .lock import holder, in_use
from .manifest import MANIFEST, ManifestRecord, check_manifest, read_manifest
from .repair.shard_check import DROPS, EMPTY, LEFT, OPEN, SEALED, UNREADABLE
from .repair.verify import NOT_READABLE
from .schema import STREAM_TABLE, EventKind, Rows, Stream
from .session_file import check_session_file, load_session
from .shard.find_layout import find_layout
from .shard.shard_reader import ShardReader

RECORDING: Final = "recording"
DAMAGED: Final = "damaged"
CLOSED: Final = "closed"

_COUNTED: Final = {s: STREAM_TABLE[s] for s in (Stream.color, Stream.bodies)}


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

    def cover(self, first: int, last: int) -> None:
        """Let it reach over the device times of some of its items, 100 ns."""
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)


@dataclass
class SessionSummary:
    """A session in one line.

    Attributes:
        name: Its name.
        state: ``sealed``, ``recording``, ``left`` (its recorder did not end cleanly), ``empty``,
            ``closed`` (may not be looked into) or ``damaged`` (as far as that is seen without
            reading everything).
        problems: What is wrong with it.
        bytes: Size of its folder.
        shards: Name, state and size of each shard.
        items: Items stored by stream.
        takes: Its takes; what it counts by take is whole only in ``show_session``.
        dropped: Lost items by reason.
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
    info: SessionInfo | None = None

    @property
    def duration_s(self) -> float:
        """Time covered by its takes, s."""
        return sum(take.duration_s for take in self.takes.values())

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
            "dropped": dict(sorted(self.dropped.items())),
            "duration_s": round(self.duration_s, 3),
            "takes": len(self.takes),
            "outfit": info.outfit if info else None,
            "subject": info.subject if info else None,
            "tags": info.tags if info else [],
            "created_utc": info.created_utc if info else None,
        }


def list_sessions(recordings: Path) -> list[SessionSummary]:
    """Return all sessions of a folder, by name.

    Args:
        recordings: The folder of all sessions; one that does not exist has none.
    """
    return [_summarise_any(folder) for folder in find_folders(recordings)]


def _summarise_any(folder: Path) -> SessionSummary:
    """Sum up a session, also one that can't be looked into."""
    if may_read(folder):
        return summarise(folder)
    return SessionSummary(folder.name, CLOSED, [NOT_READABLE])


def summarise(folder: Path, *, every_row: bool = False) -> SessionSummary:
    """Sum up one session.

    Args:
        folder: Its folder.
        every_row: Read all rows; else a sealed shard is counted by its line in the manifest.
    """
    found = SessionSummary(folder.name, info=_info(folder))
    live = in_use(folder)
    found.problems = _problems(folder)
    found.bytes = _bytes_of(folder)
    _count(found, folder, live, every_row)
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
    return found


def _bytes_of(folder: Path) -> int:
    """Return the size of a folder's files; a recorder may be replacing or deleting some."""
    size = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            size += path.lstat().st_size if path.is_file() else 0
    return size


def _info(folder: Path) -> SessionInfo | None:
    """Return what session.json says, its checksum ignored, or None."""
    try:
        return load_session(folder, strict=False)
    except SessionError:
        return None


def _problems(folder: Path) -> list[str]:
    """Return what can be seen to be wrong without reading the shards."""
    found = []
    problem = check_session_file(folder)
    if problem:
        found.append(f"{SESSION_FILE}: {problem}")
    elif _info(folder) is None:
        found.append(f"{SESSION_FILE}: of another version")
    found += [f"{MANIFEST}: {text}" for text in check_manifest(folder)]
    for record in read_manifest(folder).values():
        path = folder / record.name
        if not path.exists():
            found.append(f"{record.name}: missing")
        elif path.stat().st_size != record.bytes:
            found.append(f"{record.name}: {path.stat().st_size} bytes, expected {record.bytes}")
    try:
        load_edits(folder)
    except SessionError as err:
        found.append(str(err).removeprefix(f"{folder}/"))
    return found


def _shards(
    folder: Path, info: SessionInfo | None
) -> Iterator[tuple[str, ManifestRecord | None, ShardReader | None]]:
    """Yield each shard with its line in the manifest and an open reader, None if unreadable."""
    io, records = default_io(), read_manifest(folder)
    for name in shard_names(folder):
        record = records.get(name)
        try:
            layout = find_layout(folder / name, info, record, io)
            if layout is None:
                yield name, record, None
                continue
            with ShardReader(folder / name, layout.layout, io) as shard:
                yield name, record, shard
        except (KincapError, FileNotFoundError):
            if (folder / name).exists():
                yield name, record, None
            # else its recorder has deleted it: nothing was in it


def _count(found: SessionSummary, folder: Path, live: bool, every_row: bool) -> None:
    """Count frames, bodies and lost items of all shards."""
    for name, record, shard in _shards(folder, found.info):
        if shard is None:
            found.shards.append((name, UNREADABLE, (folder / name).stat().st_size))
            continue
        state = SEALED if record else EMPTY if shard.is_empty() else OPEN if live else LEFT
        found.shards.append((name, state, shard.size()))
        if record is not None and not every_row:
            _count_sealed(found, record, shard)
            continue
        for stream, table in _COUNTED.items():
            _count_rows(found, stream, shard.rows(table))
        events = shard.rows("events")
        for event in events[np.isin(events["kind"], DROPS)]:
            found.dropped[_reason(int(event["kind"]))] += int(event["count"])


def _count_sealed(found: SessionSummary, record: ManifestRecord, shard: ShardReader) -> None:
    """Count a sealed shard by its line in the manifest; an hour of bodies is 600 MB to read."""
    for name, lost in record.drops.items():
        found.dropped[name.removeprefix("drop_")] += lost
    takes = [take.get("take") for take in found.info.takes] if found.info else []
    for stream, table in _COUNTED.items():
        span = record.streams.get(stream.name)
        if span is None:
            continue
        if len(takes) == 1 and isinstance(takes[0], int):
            take = found.takes.setdefault(takes[0], TakeSummary(takes[0]))
            take.cover(span.time_first, span.time_last)
            take.items[stream] += span.rows
        elif stream is Stream.color or "color" not in record.streams:
            _count_rows(found, stream, shard.rows(table))
            continue
        found.items[stream] += span.rows


def _count_rows(found: SessionSummary, stream: Stream, rows: Rows) -> None:
    """Count a stream's rows, take by take."""
    found.items[stream] += len(rows)
    for number in map(int, np.unique(rows["take"])):
        take = found.takes.setdefault(number, TakeSummary(number))
        times = rows["time_device"][rows["take"] == number]
        take.cover(int(times.min()), int(times.max()))
        take.items[stream] += len(times)


def _reason(kind: int) -> str:
    """Return why items were lost."""
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


@dataclass
class SessionDetails:
    """Everything about one session.

    Attributes:
        summary: Its line in the list.
        lost: Lost items by stream and reason.
        noticed: What else events tell of, by kind: how often it began (docs/recording.md).
        bodies: Bodies tracked over all rows (two people in one row count as two).
        empty_rows: Body rows in which nobody was tracked.
        joints: For each joint the share of tracked bodies in which it was (tracked, inferred, not
            tracked).
        rejected: Colour frames that the reviewer rejected.
        edits: The reviewer's decisions in force: first and last seq, verdict.
        recording_by: Who holds its lock.
        kept: Files that repairs have kept.
    """

    summary: SessionSummary
    lost: dict[str, Counter[str]] = field(default_factory=dict)
    noticed: Counter[str] = field(default_factory=Counter)
    bodies: int = 0
    empty_rows: int = 0
    joints: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    rejected: int = 0
    edits: list[tuple[int, int, str]] = field(default_factory=list)
    recording_by: dict[str, Any] | None = None
    kept: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return it as ``kincap sessions show --json`` prints it."""
        summary = self.summary
        content = summary.info.to_json() if summary.info else {}
        said = ("uuid", "note", "consent", "source", "device", "settings", "kincap_version")
        keys = ("tracked", "inferred", "not_tracked")
        return {
            "schema": "kincap/session/1",
            **summary.to_json(),
            **{name: content.get(name) for name in said},
            "takes": [
                {
                    "take": take.take,
                    "color_frames": take.items[Stream.color],
                    "body_frames": take.items[Stream.bodies],
                    "duration_s": round(take.duration_s, 3),
                    "wall_utc_ns": take.wall_utc_ns,
                    "source": take.source,
                }
                for _, take in sorted(summary.takes.items())
            ],
            "shards": [
                {"shard": name, "state": state, "bytes": size}
                for name, state, size in summary.shards
            ],
            "dropped_by_stream": {stream: dict(lost) for stream, lost in self.lost.items()},
            "noticed": dict(self.noticed),
            "bodies_tracked": self.bodies,
            "rows_without_body": self.empty_rows,
            "joints": {
                name: {key: round(share, 4) for key, share in zip(keys, shares, strict=True)}
                for name, shares in self.joints.items()
            },
            "rejected_frames": self.rejected,
            "edits": [
                {"seq_first": first, "seq_last": last, "verdict": verdict}
                for first, last, verdict in self.edits
            ],
            "recording_by": self.recording_by,
            "kept": self.kept,
        }


def show_session(recordings: Path, name: str) -> SessionDetails:
    """Return everything about one session.

    Args:
        recordings: The folder of all sessions.
        name: Which.

    Raises:
        SessionError: There is no such session.
    """
    folder = find_folders(recordings, [name])[0]
    details = SessionDetails(summarise(folder, every_row=True))
    begun: set[tuple[int, int, int]] = set()
    info = details.summary.info
    names = info.shape.skeleton.points if info else JOINT_NAMES
    states = np.zeros((len(TrackingState), len(names)), np.int64)
    seqs = []
    for _, _, shard in _shards(folder, details.summary.info):
        if shard is None:
            continue
        bodies = shard.rows("bodies")
        if bodies["joint_state"].shape[2] != len(names):
            continue  # another sensor's shard, which verify names
        tracked = bodies["tracked"] == 1
        details.bodies += int(tracked.sum())
        details.empty_rows += int((~tracked.any(axis=1)).sum())
        joint_state = bodies["joint_state"][tracked]
        for state in TrackingState:
            states[state] += (joint_state == state).sum(axis=0)
        seqs.append(shard.rows("color_index")["seq"])
        _count_lost(details, shard.rows("events"))
        _count_noticed(details, shard.rows("events"), begun)
    if details.bodies:
        shares = states / details.bodies
        details.joints = {
            name: (float(shares[2, j]), float(shares[1, j]), float(shares[0, j]))
            for j, name in enumerate(names)
        }
    _add_edits(details, folder, np.concatenate(seqs) if seqs else np.zeros(0, np.uint64))
    details.recording_by = holder(folder) if in_use(folder) else None
    details.kept = [path.name for path in kept_files(folder)]
    return details


def _count_lost(details: SessionDetails, events: Rows) -> None:
    """Count lost items by stream and reason."""
    for event in events[np.isin(events["kind"], DROPS)]:
        stream = int(event["stream"])
        name = Stream(stream).name if stream in list(Stream) else str(stream)
        reason = _reason(int(event["kind"]))
        details.lost.setdefault(name, Counter())[reason] += int(event["count"])


def _count_noticed(details: SessionDetails, events: Rows, begun: set[tuple[int, int, int]]) -> None:
    """Count what was noticed and lost nothing; what lasts has two events and counts once."""
    names = {int(kind): kind.name for kind in EventKind if not kind.is_drop}
    for event in events:
        kind, stream, first = (int(event[name]) for name in ("kind", "stream", "seq_first"))
        if kind not in names or kind == EventKind.take_start:
            continue
        if stream == Stream.none or (kind, stream, first) not in begun:
            details.noticed[names[kind]] += 1
        begun.add((kind, stream, first))


def _add_edits(details: SessionDetails, folder: Path, seqs: Any) -> None:
    """Add the reviewer's decisions."""
    try:
        edits = load_edits(folder)
    except SessionError:
        return  # among the summary's problems
    details.edits = list(edits.ranges())
    details.rejected = int((edits.verdicts(seqs) == REJECT).sum())
