"""Check one shard: its size and header, every row, every blob, and its SHA-256 where it is sealed.

What can't be checked in a shard without a line in the manifest (it is being recorded, or a killed
recorder left it): the part of ``blobs`` after the last frame. It may hold the beginning of a
frame whose row was never written, so nothing says what belongs there. Rows never written hold
zeros, and anything else in them is found.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.errors import KincapError, ShardError
from ...core.files.file_io import FileIO
from ...core.files.tolerant_files import PatientIO
from ...core.jpeg import check_jpeg
from ..manifest import ManifestRecord
from ..schema import BLOB_TABLES, COVERING_KINDS, TABLE_STREAM, Rows, Stream, good_rows
from ..shard.find_layout import FoundLayout
from ..shard.sealing import file_sha256
from ..shard.shard_reader import ShardReader
from ..shards import EMPTY, LEFT, OPEN, SEALED
from .bit_flips import mend_row

FOREIGN: Final = "foreign"

DAMAGE_KINDS: Final = {
    "row": "a row of a table does not hold its checksum, or is gone",
    "blob": "a frame does not hold its checksum, lies outside the shard, or is not an image",
    "header": "the shard's first bytes differ from its layout",
    "unused": "bytes that were never written are not zero",
    "size": "the shard is shorter or longer than it was",
    "missing": "the manifest names a shard that is not there, or a repair was cut off",
    "foreign": "a shard belongs to another session",
    "lost": "items are neither stored nor covered by a drop event",
    "twice": "items are stored twice, or stored and covered by a drop event",
    "order": "rows of a stream do not rise in seq",
    "session": "session.json does not hold its checksum, or is gone",
    "manifest": "a line of manifest.jsonl does not hold its checksum, or is gone",
    "edits": "edits.json does not hold its checksum",
}
"""Every kind of damage that verify tells apart."""

_PNG: Final = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Damage:
    """One thing that is not as it was written.

    Attributes:
        kind: One of DAMAGE_KINDS.
        what: In words.
        shard: The shard's file name; None where it is about none.
        stream: The stream's name; None where it is about none.
        seq: The item's number; of an event the first item that it is about.
    """

    kind: str
    what: str
    shard: str | None = None
    stream: str | None = None
    seq: int | None = None

    def to_json(self) -> dict[str, object]:
        """Return it as ``kincap sessions verify --json`` prints it."""
        keys = ("shard", "kind", "stream", "seq", "what")
        return {key: getattr(self, key) for key in keys}


@dataclass(frozen=True)
class Expected:
    """Expected state of a shard.

    Attributes:
        layout: Places of its datasets.
        record: Its line in the manifest; None: it has none.
        live: Whether it may be written right now.
        color_size_px: Width and height of the colour images; None: not known.
        jpeg: Whether colour is stored as JPEG.
        before: Last seq of each stream in the shards before.
    """

    layout: FoundLayout
    record: ManifestRecord | None = None
    live: bool = False
    color_size_px: tuple[int, int] | None = None
    jpeg: bool = True
    before: Mapping[Stream, int] = field(default_factory=dict)


@dataclass
class ShardCheck:
    """Result of the check of one shard.

    Attributes:
        name: Its file name.
        state: SEALED, OPEN, LEFT, EMPTY, UNREADABLE or FOREIGN.
        bytes: Its size.
        expected: What it was compared with; None where no layout is known.
        damage: What is damaged.
        notes: What a person may want to know and is not damage.
        bad: By table: rows that don't count although they were written (the row or its blob is
            damaged), and the seq of each as far as it is known.
        unused: By table: rows never written that hold something.
        stored: By stream: seq of the items that count.
        takes: By stream: their takes.
        drops: Lost items by its events: stream, first and last seq, row of the event.
        bad_pages: How many pages of it the disk could not read; zeros stood for them.
    """

    name: str
    state: str
    bytes: int
    expected: Expected | None = None
    damage: list[Damage] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    bad: dict[str, dict[int, int | None]] = field(default_factory=dict)
    unused: dict[str, list[int]] = field(default_factory=dict)
    stored: dict[Stream, NDArray[np.uint64]] = field(default_factory=dict)
    takes: dict[Stream, NDArray[np.uint16]] = field(default_factory=dict)
    drops: list[tuple[Stream, int, int, int]] = field(default_factory=list)
    bad_pages: int = 0

    def bad_seqs(self, stream: Stream) -> list[int]:
        """Return the seqs of a stream's damaged items, as far as they are known."""
        tables = [table for table, of in TABLE_STREAM.items() if of is stream]
        return [s for t in tables for s in self.bad.get(t, {}).values() if s is not None]


OnBytes = Callable[[int], None]
"""Told how many bytes of the shard's blobs are checked."""


def check_shard(
    path: Path, expected: Expected, io: FileIO, on_bytes: OnBytes | None = None
) -> ShardCheck:
    """Check one shard. Memory: its largest table and its largest blob, twice.

    Args:
        path: The shard.
        expected: What it should be.
        io: File handling.
        on_bytes: Told how far it is.

    Raises:
        ShardError: It can't be opened.
    """
    record = expected.record
    io = PatientIO(io)
    with ShardReader(path, expected.layout.layout, io) as shard, ThreadPoolExecutor(1) as beside:
        # hashing and checksums both let other threads run: two cores take half the time
        # a file of another size has another hash, and may have a hole of a terabyte
        sizes = {shard.size(), expected.layout.layout.size, record.bytes if record else -1}
        digest = beside.submit(_sha256, path, io) if len(sizes) == 1 else None
        found = ShardCheck(path.name, _state(shard, expected), shard.size(), expected)
        _check_size(found, expected)
        if expected.layout.problem:
            found.damage.append(Damage("header", expected.layout.problem, path.name))
        elif shard.header() != expected.layout.layout.header:
            found.damage.append(Damage("header", "differs from the shard's layout", path.name))
        _check_events(found, shard, expected)
        for table in shard.layout.tables:
            if table in TABLE_STREAM:
                _check_stream(found, shard, table, expected, on_bytes)
        holds = digest is not None and record is not None and digest.result() == record.sha256
        if record is not None and not holds:
            _check_unused(found)
        elif record is not None:
            # the hash holds: the bytes after the last row were so when it was sealed
            found.unused.clear()
            found.notes.clear()
    _tell_unused(found)
    found.bad_pages = io.bad_pages
    if io.bad_pages:
        found.notes.append(f"{path.name}: the disk can't read it in {io.bad_pages} places; save it")
    return found


def _sha256(path: Path, io: FileIO) -> str:
    """Return a shard's SHA-256, as hex.

    Raises:
        ShardError: The disk can't read it.
    """
    try:
        return file_sha256(path, io)
    except OSError as err:
        raise ShardError(f"{path}: {err.strerror or err}", exit_code=1) from err


def _state(shard: ShardReader, expected: Expected) -> str:
    """Return the shard's state."""
    if expected.record is not None:
        return SEALED
    if shard.is_empty():
        return EMPTY
    return OPEN if expected.live else LEFT


def _check_size(found: ShardCheck, expected: Expected) -> None:
    """Compare the file's size with what it should be."""
    size = expected.record.bytes if expected.record else expected.layout.layout.size
    if found.bytes != size:
        how = "cut short" if found.bytes < size else "too long"
        text = f"{how}: {found.bytes} bytes, expected {size}"
        found.damage.append(Damage("size", text, found.name))


def _check_unused(found: ShardCheck) -> None:
    """Say that a sealed shard's SHA-256 differs where nothing else explains it."""
    if not found.damage and not any(found.unused.values()):
        text = "its SHA-256 differs from the manifest's, all rows, blobs and the header are whole"
        found.damage.append(Damage("unused", text, found.name))


def _tell_unused(found: ShardCheck) -> None:
    """Add the never-written rows that hold something to the damage."""
    for table, rows in found.unused.items():
        for row in rows:
            text = f"row {row} of {table} was never written and is not zero"
            found.damage.append(Damage("unused", text, found.name))


def _all_rows(shard: ShardReader, table: str, expected: Expected) -> Rows:
    """Return a table; zeros stand for rows that were cut off the file and that the manifest counts.

    What a layout says of its room alone makes no memory be taken.
    """
    there = shard.all_rows(table)
    counted = expected.record.rows.get(table, 0) if expected.record else 0
    cut_off = min(counted, shard.layout.tables[table].rows) - len(there)
    return there if cut_off <= 0 else np.concatenate([there, np.zeros(cut_off, there.dtype)])


def _sort_rows(
    rows: Rows, expected: Expected, table: str
) -> tuple[NDArray[np.bool_], list[int], list[int], int | None]:
    """Sort a table's rows by what they are.

    Rows are written one after another, so one that is empty before one that was written lost what
    it held. After the last one all is zero, but for the beginning of a row that a kill cut off.

    Returns:
        (N,) bool of good rows; damaged rows; rows never written that are not zero; the row cut off.
    """
    good = good_rows(rows)
    raw = np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), rows.dtype.itemsize)
    bits = np.zeros(len(rows), np.int64)
    odd = np.flatnonzero(~good & raw.any(axis=1))
    bits[odd] = np.bitwise_count(raw[odd]).sum(axis=1)
    # a row is longer than a bit: one alone was flipped in a row never written
    written = np.flatnonzero(good | ((rows["row_crc"] != 0) & (bits > 1)))
    end = int(written[-1]) + 1 if len(written) else 0
    if expected.record is not None:
        end = min(max(end, expected.record.rows.get(table, 0)), len(rows))
    bad = [int(i) for i in np.flatnonzero(~good[:end])]
    behind = [int(i) for i in odd if i >= end]
    cut_off = end if end in behind and bits[end] > 1 else None
    return good, bad, [i for i in behind if i != cut_off], cut_off


def _row_damage(rows: Rows, row: int, table: str) -> str:
    """Say what is wrong with a damaged row."""
    if not rows[row : row + 1].tobytes().strip(b"\0"):
        return f"row {row} of {table} is zero, rows behind it or the manifest say it was written"
    return f"row {row} of {table}: its checksum differs"


def _mended(rows: Rows, row: int) -> np.void | None:
    """Return a damaged row as it was where one bit was flipped."""
    raw = mend_row(rows[row : row + 1].tobytes())
    mended: np.void | None = None if raw is None else np.frombuffer(raw, rows.dtype)[0]
    return mended


def _check_events(found: ShardCheck, shard: ShardReader, expected: Expected) -> None:
    """Check the events, and take down what they say was lost."""
    rows = _all_rows(shard, "events", expected)
    good, bad, unused, _ = _sort_rows(rows, expected, "events")
    found.unused["events"] = unused
    found.bad["events"] = dict.fromkeys(bad)
    for i in bad:
        was = _mended(rows, i)
        number = 0 if was is None else int(was["stream"])
        about = was is not None and number in list(Stream) and number > 0
        stream = Stream(number).name if about else None
        seq = int(was["seq_first"]) if was is not None and about else None
        text = _row_damage(rows, i, "events")
        found.damage.append(Damage("row", text, found.name, stream, seq))
    for i in map(int, np.flatnonzero(good & np.isin(rows["kind"], COVERING_KINDS))):
        number, first, last = (int(rows[name][i]) for name in ("stream", "seq_first", "seq_last"))
        if number in list(Stream) and first <= last:
            found.drops.append((Stream(number), first, last, i))


def _check_stream(
    found: ShardCheck,
    shard: ShardReader,
    table: str,
    expected: Expected,
    on_bytes: OnBytes | None,
) -> None:
    """Check a stream's rows and blobs."""
    stream = TABLE_STREAM[table]
    rows = _all_rows(shard, table, expected)
    good, bad, unused, cut_off = _sort_rows(rows, expected, table)
    found.unused[table] = unused
    if cut_off is not None and not expected.live:
        found.notes.append(
            f"{found.name}: row {cut_off} of {table} was not finished when recording was cut off"
        )
    seqs = _seqs_of_bad(rows, good, bad, stream, found, expected)
    found.bad[table] = dict(seqs)
    for i in bad:
        text = _row_damage(rows, i, table)
        found.damage.append(Damage("row", text, found.name, stream.name, seqs[i]))
    if table in BLOB_TABLES:
        for i in map(int, np.flatnonzero(good)):
            problem = _blob_problem(shard, rows[i], stream, expected)
            if problem:
                seq = int(rows["seq"][i])
                good[i] = False
                found.bad[table][i] = seq
                found.damage.append(Damage("blob", problem, found.name, stream.name, seq))
            if on_bytes:
                on_bytes(int(rows["length"][i]))
    stored = rows["seq"][good]
    for before, seq in zip(stored[:-1], stored[1:], strict=True):
        if seq <= before:
            text = f"{table}: comes after seq {before}"
            found.damage.append(Damage("order", text, found.name, stream.name, int(seq)))
    found.stored[stream], found.takes[stream] = stored.copy(), rows["take"][good].copy()


def _blob_problem(
    shard: ShardReader, row: np.void, stream: Stream, expected: Expected
) -> str | None:
    """Say what is wrong with a row's blob, or None."""
    try:
        data = shard.blob(row, stream)
        if stream is Stream.color and expected.jpeg:
            check_jpeg(data, expected.color_size_px)
        elif stream is not Stream.color and not data.startswith(_PNG):
            return "is not a PNG image"
    except ShardError as err:
        return str(err).removeprefix(f"{shard.path}: {stream.name} {int(row['seq'])}: ")
    except KincapError as err:
        return str(err)
    return None


def _seqs_of_bad(
    rows: Rows,
    good: NDArray[np.bool_],
    bad: list[int],
    stream: Stream,
    found: ShardCheck,
    expected: Expected,
) -> dict[int, int]:
    """Return the seq of each damaged row: its own, or one that fits between its neighbours."""
    seqs: dict[int, int] = {}
    places = np.flatnonzero(good)
    span = expected.record.streams.get(stream.name) if expected.record else None
    lost = sorted((first, last) for of, first, last, _ in found.drops if of is stream)
    for i in bad:
        before = seqs.get(i - 1, int(rows["seq"][i - 1]) if i else expected.before.get(stream, -1))
        nearest = int(np.searchsorted(places, i))
        if nearest < len(places):
            end, limit = int(places[nearest]), int(rows["seq"][places[nearest]])
        else:
            end, limit = bad[-1] + 1, span.seq_last + 1 if span else len(rows) + before + 1
        was = _mended(rows, i)
        claims = [int(was["seq"])] if was is not None else []
        if limit - before == end - i + 1:
            claims.append(before + 1)
        claims.append(int(rows["seq"][i]))
        free = before + 1
        for first, last in lost:
            free = last + 1 if first <= free <= last else free
        seqs[i] = next((s for s in (*claims, free) if before < s < limit), before + 1)
    return seqs
