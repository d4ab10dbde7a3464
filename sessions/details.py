"""Everything about one session: what ``kincap sessions show`` prints."""

import contextlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import SessionError
from ..core.skeleton import JOINT_NAMES, TrackingState
from .edits.journal import load_edits
from .folders import find_folders
from .info import SessionInfo
from .lock import holder, in_use
from .repair.kept_files import kept_files
from .schema import DROP_KINDS, STREAM_TABLE, EventKind, Rows, Stream
from .shard.shard_reader import ShardReader
from .shards import open_shards
from .summary import CLOSED, SessionSummary, drop_reason, summarise


@dataclass
class SessionDetails:
    """Everything about one session.

    Attributes:
        summary: Its line in the list.
        lost: Lost items by stream and reason.
        noticed: What else events report, by kind: how often it began (docs/recording.md).
        bodies: Bodies tracked over all rows (two people in one row count as two).
        empty_rows: Body rows in which no one was tracked.
        joints: For each joint the share of tracked bodies in which it was (tracked, inferred, not
            tracked).
        edits: The reviewer's decisions in force: first and last seq, verdict.
        notes: The reviewer's notes.
        recording_by: Who holds its lock.
        kept: Files that repairs have kept.
    """

    summary: SessionSummary
    lost: dict[str, Counter[str]] = field(default_factory=dict)
    noticed: Counter[str] = field(default_factory=Counter)
    bodies: int = 0
    empty_rows: int = 0
    joints: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    edits: list[tuple[int, int, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
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
            "edits": [
                {"seq_first": first, "seq_last": last, "verdict": verdict}
                for first, last, verdict in self.edits
            ],
            "edit_notes": self.notes,
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
    details = SessionDetails(summarise(folder))
    if details.summary.state == CLOSED:
        return details
    begun: set[tuple[int, int, int]] = set()
    frames = range(0)
    info = details.summary.info
    names = info.shape.skeleton.points if info else JOINT_NAMES
    states = np.zeros((len(TrackingState), len(names)), np.int64)
    for opened in open_shards(folder, info):
        shard = opened.reader
        if shard is None:
            continue
        frames = _with_frames(frames, shard, info)
        bodies = shard.rows("bodies")
        if bodies["joint_state"].shape[2] != len(names):
            continue  # another sensor's shard, which verify names
        tracked = bodies["tracked"] == 1
        details.bodies += int(tracked.sum())
        details.empty_rows += int((~tracked.any(axis=1)).sum())
        joint_state = bodies["joint_state"][tracked]
        for state in TrackingState:
            states[state] += (joint_state == state).sum(axis=0)
        _count_lost(details, shard.rows("events"))
        _count_noticed(details, shard.rows("events"), begun)
    if details.bodies:
        shares = states / details.bodies
        details.joints = {
            name: (float(shares[2, j]), float(shares[1, j]), float(shares[0, j]))
            for j, name in enumerate(names)
        }
    _add_edits(details, folder, frames)
    details.recording_by = holder(folder) if in_use(folder) else None
    details.kept = [path.name for path in kept_files(folder)]
    return details


def _count_lost(details: SessionDetails, events: Rows) -> None:
    """Count lost items by stream and reason."""
    for event in events[np.isin(events["kind"], DROP_KINDS)]:
        stream = int(event["stream"])
        name = Stream(stream).name if stream in list(Stream) else str(stream)
        reason = drop_reason(int(event["kind"]))
        details.lost.setdefault(name, Counter())[reason] += int(event["count"])


def _with_frames(frames: range, shard: ShardReader, info: SessionInfo | None) -> range:
    """Return the range of a session's frames, those of one more shard in it."""
    paged = Stream.bodies if info is not None and info.is_bodies_alone else Stream.color
    table = STREAM_TABLE[paged]
    if table not in shard.layout.tables or not len(shard.rows(table)):
        return frames
    seqs = shard.rows(table)["seq"]
    first, behind = int(seqs[0]), int(seqs[-1]) + 1
    return (
        range(min(first, frames.start), max(behind, frames.stop))
        if frames
        else range(first, behind)
    )


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


def _add_edits(details: SessionDetails, folder: Path, frames: range) -> None:
    """Add the reviewer's decisions; ``frames`` reaches from the first seq to the last."""
    # a file that can't be read is among the summary's problems
    with contextlib.suppress(SessionError):
        edits = load_edits(folder)
        details.edits = list(edits.ranges_within(frames.start, frames.stop - 1))
        details.notes = [str(one["note"]) for one in edits.notes()]
