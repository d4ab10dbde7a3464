"""manifest.jsonl: one line for each sealed shard, only ever appended to.

Each line carries its own checksum. A last line without its newline was torn by a kill and does not
count; for one shard the last whole line wins.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from ..core.checked_json import dump_checked, is_whole, load_checked
from ..core.errors import SessionError, ShardError
from ..core.files.file_io import FileIO
from ..core.files.small_files import MIB, read_small
from .schema import TABLES, Stream
from .shard.layout import Layout

MANIFEST: Final = "manifest.jsonl"
MOST_BYTES: Final = 32 * MIB
"""Of a manifest: room for the lines of 20 TB of shards."""
_MOST_LINE: Final = MIB
_BEGIN: Final = b'{"name": "'
"""Beginning of a line."""
_MOST_NAMED: Final = 100
"""Damaged lines that are named one by one."""
SHARD_NAME: Final = re.compile(r"[0-9]{6}\.h5")


@dataclass(frozen=True)
class StreamSpan:
    """Items of one stream in a sealed shard.

    Attributes:
        rows: Items.
        seq_first: First seq.
        seq_last: Last seq, included.
        time_first: Device time of the first item, 100 ns.
        time_last: Device time of the last item, 100 ns.
    """

    rows: int
    seq_first: int
    seq_last: int
    time_first: int
    time_last: int


@dataclass(frozen=True)
class ManifestRecord:
    """One line of the manifest.

    Attributes:
        name: The shard's file name.
        bytes: Its size.
        sha256: Of the whole file.
        streams: What it holds of each stream that has items in it, by the stream's name.
        rows: Good rows of each table.
        drops: Lost items by reason, from its events.
        damaged: Rows and blobs by table that were damaged when it was sealed after a crash.
        recovered: Whether it was sealed by a later run or by repair, not by its recorder.
        layout_id: Its layout.
        layout: The layout itself, where it is this shard's own (repacked) and not in session.json.
    """

    name: str
    bytes: int
    sha256: str
    streams: dict[str, StreamSpan]
    rows: dict[str, int]
    drops: dict[str, int]
    layout_id: str
    damaged: dict[str, int] = field(default_factory=dict)
    recovered: bool = False
    layout: Layout | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the record as its line holds it."""
        kept: dict[str, Any] = {
            "name": self.name,
            "bytes": self.bytes,
            "sha256": self.sha256,
            "streams": {name: vars(span) for name, span in self.streams.items()},
            "rows": self.rows,
            "drops": self.drops,
            "damaged": self.damaged,
            "recovered": self.recovered,
            "layout": self.layout_id,
        }
        if self.layout is not None:
            kept["own_layout"] = self.layout.to_json()
        return kept

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "ManifestRecord":
        """Return the record of a line.

        Raises:
            KeyError, TypeError, ValueError, ShardError: It is none.
        """
        own = kept.get("own_layout")
        name = kept["name"]
        if type(name) is not str or not SHARD_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a shard")
        if not kept["streams"].keys() <= Stream.__members__.keys():
            raise ValueError("unknown stream")
        if not kept["rows"].keys() <= TABLES.keys():
            raise ValueError("unknown table")
        return cls(
            name=name,
            bytes=_count(kept["bytes"]),
            sha256=str(kept["sha256"]),
            streams={name: _span(span) for name, span in kept["streams"].items()},
            rows={table: _count(n) for table, n in kept["rows"].items()},
            drops={reason: _count(n) for reason, n in kept["drops"].items()},
            layout_id=str(kept["layout"]),
            damaged={table: _count(n) for table, n in kept["damaged"].items()},
            recovered=bool(kept["recovered"]),
            layout=None if own is None else Layout.from_json(own, where=MANIFEST),
        )


def _count(value: Any) -> int:
    """Return a count or a seq of a line, checked: another program may have written it."""
    if type(value) is not int or not 0 <= value < 2**64:
        raise ValueError(f"{value!r} is not a count")
    return value


def _span(kept: dict[str, Any]) -> StreamSpan:
    """Return what a line says of a stream, checked."""
    span = StreamSpan(**kept)
    for value in (span.rows, span.seq_first, span.seq_last):
        _count(value)
    for time in (span.time_first, span.time_last):
        if type(time) is not int or not -(2**63) <= time < 2**63:
            raise ValueError(f"{time!r} is not a time")
    if span.seq_last < span.seq_first:
        raise ValueError("seqs end before they begin")
    return span


def read_raw(folder: Path) -> bytes:
    """Return the manifest's bytes; none where there is no manifest yet."""
    try:
        return read_small(folder / MANIFEST, MOST_BYTES)
    except FileNotFoundError:
        return b""
    except OSError as err:
        raise SessionError(f"{folder / MANIFEST}: {err.strerror or err}") from err


def _lines(raw: bytes) -> Iterator[bytes]:
    """Yield the lines that have a newline, with it; a list of tiny lines would fill the memory."""
    return (line for line in BytesIO(raw) if line.endswith(b"\n"))


def torn_tail(raw: bytes) -> bytes:
    """Return what follows the last newline of a manifest."""
    return raw[raw.rfind(b"\n") + 1 :]


def _lost_newline(tail: bytes) -> bool:
    """Return True if a tail is not a torn line but a whole one whose newline was changed."""
    return is_whole(tail[:-1] + b"\n")


def parse_line(line: bytes) -> ManifestRecord | None:
    """Return the record of a line with its newline, or None where it is damaged."""
    if not line.startswith(_BEGIN) or len(line) > _MOST_LINE:
        return None
    try:
        return ManifestRecord.from_json(load_checked(line))
    except (KeyError, TypeError, ValueError, AttributeError, ShardError):
        return None


def read_manifest(folder: Path) -> dict[str, ManifestRecord]:
    """Return the records of a session's sealed shards by name; damaged lines are left out.

    Args:
        folder: The session's folder.
    """
    records = filter(None, map(parse_line, _lines(read_raw(folder))))
    return dict(sorted({record.name: record for record in records}.items()))


def check_manifest(folder: Path) -> list[str]:
    """Return what is damaged in the manifest, one text for each line concerned.

    A torn last line is not damage, but a whole line whose newline was changed is.
    """
    raw = read_raw(folder)
    damage: list[str] = []
    more = number = 0
    for number, line in enumerate(_lines(raw), start=1):
        if parse_line(line) is not None:
            continue
        if len(damage) < _MOST_NAMED:
            what = "names no shard" if is_whole(line) else "its checksum differs"
            damage.append(f"line {number}: {what}")
        else:
            more += 1
    if more:
        damage.append(f"{more} more lines")
    if _lost_newline(torn_tail(raw)):
        damage.append(f"line {number + 1}: its last byte is not a newline")
    return damage


def readable_records(folder: Path) -> dict[str, ManifestRecord]:
    """Return the records of sealed shards as ``read_manifest``; none where it can't be read."""
    try:
        return read_manifest(folder)
    except SessionError:
        return {}


def append_manifest(folder: Path, record: ManifestRecord, io: FileIO | None = None) -> None:
    """Add a line and sync it; a torn line before it is cut off.

    Args:
        folder: The session's folder, its lock held.
        record: The line.
        io: File handling.

    Raises:
        OSError: It could not be written; a torn line may be left, which does not count.
    """
    io = io or FileIO()
    raw = read_raw(folder)
    tail = torn_tail(raw)
    line = dump_checked(record.to_json(), lines=False)
    keep = len(raw) - len(tail)
    if _lost_newline(tail):
        # damage that verify must go on seeing: leave it a line of its own
        keep, line = len(raw), b"\n" + line
    is_new = not (folder / MANIFEST).exists()
    fd = io.open_write(folder / MANIFEST)
    try:
        if keep < len(raw):
            io.cut(fd, keep)
        io.write_at(fd, line, keep)
        io.sync(fd)
    finally:
        io.close(fd)
    if is_new:
        # the sync of a file says nothing about its name
        io.sync_folder(folder)


def rewrite_manifest(
    folder: Path, records: Iterable[ManifestRecord], io: FileIO | None = None
) -> None:
    """Replace the whole manifest; for repair alone.

    Args:
        folder: The session's folder, its lock held.
        records: Its lines.
        io: File handling.
    """
    text = b"".join(dump_checked(record.to_json(), lines=False) for record in records)
    (io or FileIO()).write_atomic(folder / MANIFEST, text)
