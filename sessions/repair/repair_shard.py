"""Repair of one shard: make it again as it was, or without what is damaged.

What was sealed has a SHA-256. With the header from the layout, zeros where nothing was written and
single flipped bits put back by their CRC-32, the file often is what it was, bit for bit, and the
SHA-256 proves it. Where it does not, damaged rows and blobs are left out and events cover them.
"""

import contextlib
import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

import numpy as np

from ...core.errors import ShardError
from ...core.files.file_io import FileIO
from ...core.files.tolerant_files import PatientIO
from ..info import SessionInfo
from ..schema import (
    BLOB_TABLES,
    BLOBS,
    STREAM_TABLE,
    TABLE_STREAM,
    Rows,
    Stream,
    finish_rows,
    tables_of,
)
from ..shard.find_layout import FoundLayout
from ..shard.layout import MIB, Layout, cut_layout
from ..shard.sealing import file_sha256, seal
from ..shard.shard_reader import GOOD, ShardReader, read_layout
from ..shard.shard_writer import NEW
from .accounting import Hole
from .bit_flips import mend_bit, mend_row
from .kept_files import replace_kept
from .shard_check import Expected, ShardCheck, check_shard


@dataclass
class Changes:
    """Other changes in a shard that is written again.

    Attributes:
        tables: Tables of a shard that is gone or can't be read.
        skip: By stream: seqs that are stored elsewhere already.
        skip_events: Rows of events that say again what is known.
        holes: Items that are covered from now on.
        events: The event about each of them, (1,) EVENTS_DTYPE.
    """

    tables: tuple[str, ...] = ()
    skip: dict[Stream, set[int]] = field(default_factory=dict)
    skip_events: set[int] = field(default_factory=set)
    holes: list[Hole] = field(default_factory=list)
    events: list[Rows] = field(default_factory=list)

    def any(self) -> bool:
        """Return True if anything changes."""
        return bool(self.skip or self.skip_events or self.events)


@dataclass
class _Image:
    """A shard's file as it should be: what is there, with some bytes replaced.

    Attributes:
        path: The file that is there.
        size: How long it should be; zeros stand for what was cut off.
        patches: Offset in the file, and the bytes that belong there.
        blank: First and last offset (not included) of what should be zero.
    """

    path: Path
    size: int
    patches: list[tuple[int, bytes]]
    blank: tuple[int, int] = (0, 0)

    def pieces(self, io: FileIO) -> Iterator[tuple[int, bytes]]:
        """Yield it from its beginning, a MiB at a time, each piece behind its offset."""
        fd = io.open_read(self.path)
        try:
            for at in range(0, self.size, MIB):
                length = min(MIB, self.size - at)
                piece = bytearray(io.read_at(fd, length, at).ljust(length, b"\0"))
                for start, data in self.patches:
                    first, last = max(start, at), min(start + len(data), at + length)
                    if first < last:
                        piece[first - at : last - at] = data[first - start : last - start]
                first, last = max(self.blank[0], at), min(self.blank[1], at + length)
                if first < last:
                    piece[first - at : last - at] = bytes(last - first)
                yield at, bytes(piece)
        finally:
            io.close(fd)

    def sha256(self, io: FileIO) -> str:
        """Return its SHA-256, as hex."""
        total = hashlib.sha256()
        for _, piece in self.pieces(io):
            total.update(piece)
        return total.hexdigest()


def restore(folder: Path, check: ShardCheck, io: FileIO) -> str | None:
    """Make a damaged shard again as it was, if its checksums prove that.

    Args:
        folder: The session's folder, its lock held.
        check: What is wrong with the shard.
        io: File handling.

    Returns:
        The name under which the damaged one is kept; None where it can't be restored.

    Raises:
        OSError: There is no room for a copy, for one; the shard was not touched.
        ShardError: The disk gives less than a moment ago; the shard was not touched.
    """
    if check.expected is None:
        return None
    layout, record = check.expected.layout.layout, check.expected.record
    path = folder / check.name
    patches = _header_and_unused(check, layout)
    reading = PatientIO(io)
    if record is None:
        # without a SHA-256 nothing proves that a bit was put back rightly
        if any(check.bad.values()):
            return None
        image = _Image(path, layout.size, patches)
    else:
        if record.bytes != layout.size:
            return None  # a line that no shard of this layout fits: its hash proves nothing
        with ShardReader(path, layout, reading) as shard:
            mended = _mended(shard, check, reading)
            blank = _behind_blobs(shard, mended or [])
        if mended is None:
            return None
        whole = _Image(path, record.bytes, patches + mended)
        tries = [whole, _Image(path, record.bytes, patches + mended, blank)]
        proven = next((one for one in tries if one.sha256(reading) == record.sha256), None)
        if proven is None:
            return None
        image = proven
    before = reading.bad_pages if record is not None else check.bad_pages
    new = _write(path, image.pieces(reading), image.size, io)
    proven_again = record is None or file_sha256(new, io) == record.sha256
    if not proven_again or reading.bad_pages > before:
        io.remove(new)
        raise _reads_otherwise(path)
    kept = replace_kept(path, new, io)
    if record is not None:
        io.protect(path)
    return kept.name


def _header_and_unused(check: ShardCheck, layout: Layout) -> list[tuple[int, bytes]]:
    """Return the header as it should be, and zeros for rows never written."""
    patches = [(0, layout.header)]
    for table, rows in check.unused.items():
        place = layout.tables[table]
        size = place.dtype.itemsize
        patches += [(place.offset + row * size, bytes(size)) for row in rows]
    return patches


def _mended(shard: ShardReader, check: ShardCheck, io: FileIO) -> list[tuple[int, bytes]] | None:
    """Return damaged rows and blobs with one bit put back; None if that is not all there is."""
    patches: list[tuple[int, bytes | None]] = []
    for table, bad in check.bad.items():
        place = shard.layout.tables[table]
        rows, states = shard.all_rows(table), shard.row_states(table)
        for i in bad:
            if i >= len(rows):
                return None
            row = rows[i]
            if states[i] != GOOD:
                back = mend_row(rows[i : i + 1].tobytes())
                if back is None:
                    return None
                patches.append((place.offset + i * place.dtype.itemsize, back))
                row = np.frombuffer(back, rows.dtype)[0]
            if table in BLOB_TABLES:
                patches.append(_mended_blob(shard, row, io))
    whole = [(at, back) for at, back in patches if back is not None]
    return whole if len(whole) == len(patches) else None


def _mended_blob(shard: ShardReader, row: np.void, io: FileIO) -> tuple[int, bytes | None]:
    """Return the place of a row's blob, and the blob with a flipped bit put back."""
    place = shard.layout.tables[BLOBS]
    at, length = int(row["offset"]), int(row["length"])
    if at + length > place.rows:
        return 0, None
    data = b"".join(piece for _, piece in _copy(shard.path, place.offset + at, length, 0, io))
    if len(data) < length:
        return 0, None
    whole = zlib.crc32(data) == int(row["crc32"])
    return place.offset + at, data if whole else mend_bit(data, int(row["crc32"]))


def _copy(
    path: Path, start: int, length: int, target: int, io: FileIO
) -> Iterator[tuple[int, bytes]]:
    """Yield a part of a file in pieces of a MiB, each behind its offset in the target."""
    fd = io.open_read(path)
    try:
        for at in range(0, length, MIB):
            yield target + at, io.read_at(fd, min(MIB, length - at), start + at)
    finally:
        io.close(fd)


def _behind_blobs(shard: ShardReader, mended: list[tuple[int, bytes]]) -> tuple[int, int]:
    """Return first and last offset (not included) of the room after the last blob."""
    place = shard.layout.tables.get(BLOBS)
    if place is None:
        return 0, 0
    ends = [at + len(back) for at, back in mended if at >= place.offset]
    return max([place.offset + _blob_end(shard), *ends]), place.end


def _blob_end(shard: ShardReader) -> int:
    """Return how much of ``blobs`` its rows use."""
    ends = [0]
    for table in BLOB_TABLES:
        rows = shard.rows(table)
        ends += [int(end) for end in rows["offset"] + rows["length"]]
    return min(max(ends), shard.layout.tables[BLOBS].rows if BLOBS in shard.layout.tables else 0)


def _write(path: Path, pieces: Iterable[tuple[int, bytes]], size: int, io: FileIO) -> Path:
    """Write a shard's new file under its temporary name, and sync it."""
    new = path.with_name(path.name + NEW)
    io.discard(new)
    try:
        fd = io.create(new)
        try:
            io.reserve(fd, size)
            for at, piece in pieces:
                io.write_at(fd, piece, at)
            io.sync(fd)
        finally:
            io.close(fd)
    except OSError:
        # the first error is the one to report; a leftover is deleted by the next repair
        with contextlib.suppress(OSError):
            io.discard(new)
        raise
    return new


def rewrite(
    folder: Path, check: ShardCheck, info: SessionInfo, changes: Changes, io: FileIO
) -> str | None:
    """Write a shard again without what is damaged, and seal it.

    Args:
        folder: The session's folder, its lock held.
        check: What is wrong with the shard; one that is gone has no ``expected``.
        info: The session.
        changes: What else changes.
        io: File handling.

    Returns:
        The name under which the damaged one is kept; None where the shard was gone.

    Raises:
        OSError: There is no room for a copy, for one; the shard was not touched.
        ShardError: What was written does not read back; the shard was not touched.
    """
    path = folder / check.name
    tables = _tables_to_keep(path, info, check, changes, io)
    counts = {table: len(rows) for table, rows in tables.items()}
    indices = [tables[table] for table in BLOB_TABLES if table in tables]
    if indices:
        ends = [0, *(int(end) for rows in indices for end in rows["offset"] + rows["length"])]
        counts[BLOBS] = max(ends)
    types = tables_of(info.shape)
    if check.expected is not None:
        types = check.expected.layout.layout.types
    layout = cut_layout(info.uuid, info.created_utc, counts, types)
    parts: list[Iterable[tuple[int, bytes]]] = [[(0, layout.header)]]
    parts += [[(layout.tables[table].offset, rows.tobytes())] for table, rows in tables.items()]
    if check.expected is not None and indices:
        source = check.expected.layout.layout
        parts.append(_blobs(path, source, tables, layout.tables[BLOBS].offset, io))
    new = _write(path, chain.from_iterable(parts), layout.size, io)
    _read_back(new, layout, tables, check, io)
    kept = None
    if path.exists():
        kept = replace_kept(path, new, io).name
    else:
        io.rename(new, path)
    seal(folder, check.name, layout, io, recovered=True, own_layout=True)
    return kept


def _tables_to_keep(
    path: Path, info: SessionInfo, check: ShardCheck, changes: Changes, io: FileIO
) -> dict[str, Rows]:
    """Return what the new shard's tables hold."""
    types = tables_of(info.shape)
    tables: dict[str, Rows] = {name: np.zeros(0, types[name]) for name in changes.tables}
    if check.expected is not None:
        with ShardReader(path, check.expected.layout.layout, PatientIO(io)) as shard:
            tables = {
                table: _rows_to_keep(shard, check, table, changes)
                for table in shard.layout.tables
                if table != BLOBS
            }
        _check_same(path, check, tables, changes)
    tables["events"] = np.concatenate([tables["events"], *map(finish_rows, changes.events)])
    return tables


def _check_same(path: Path, check: ShardCheck, tables: dict[str, Rows], changes: Changes) -> None:
    """Compare what is read now with what was read when the shard was checked.

    Raises:
        ShardError: The disk gives less than a moment ago; the shard was not touched.
    """
    for stream, seqs in check.stored.items():
        expected = {int(seq) for seq in seqs} - changes.skip.get(stream, set())
        table = STREAM_TABLE[stream]
        if expected - set(map(int, tables[table]["seq"])):
            raise _reads_otherwise(path)


def _reads_otherwise(path: Path) -> ShardError:
    """Return what is said of a shard that the disk does not give any more as it did when asked."""
    text = f"{path}: can't be read as a moment ago, the disk may fail; it was not touched"
    return ShardError(text, exit_code=1)


def _blobs(
    path: Path, source: Layout, tables: dict[str, Rows], target: int, io: FileIO
) -> Iterator[tuple[int, bytes]]:
    """Yield the blobs of all rows, each behind its offset in the new shard."""
    with ShardReader(path, source, io) as shard:
        for table in BLOB_TABLES:
            for row in tables.get(table, ()):
                yield target + int(row["offset"]), shard.blob(row, TABLE_STREAM[table])


def _rows_to_keep(shard: ShardReader, check: ShardCheck, table: str, changes: Changes) -> Rows:
    """Return the rows of a table that count and are not said elsewhere, in the order of seq."""
    rows = shard.all_rows(table)
    keep = shard.row_states(table) == GOOD
    keep[[i for i in check.bad.get(table, ()) if i < len(keep)]] = False
    stream = TABLE_STREAM.get(table)
    if stream is None:
        keep[list(changes.skip_events)] = False
        events: Rows = rows[keep]
        return events
    keep &= ~np.isin(rows["seq"], np.array(sorted(changes.skip.get(stream, ())), np.uint64))
    kept: Rows = rows[keep]
    kept = kept[np.unique(kept["seq"], return_index=True)[1]]
    return kept


def _read_back(
    new: Path, layout: Layout, tables: dict[str, Rows], check: ShardCheck, io: FileIO
) -> None:
    """Compare a new shard with its intended content.

    Raises:
        ShardError: It differs; it is deleted, what it should replace is there.
    """
    expected = Expected(FoundLayout(layout, own=True))
    if check.expected is not None:
        expected = replace(check.expected, layout=expected.layout, record=None, before={})
    found = check_shard(new, expected, io)
    with ShardReader(new, layout, io) as shard:
        # bytes, because NaN differs from itself
        same = all(shard.rows(t).tobytes() == rows.tobytes() for t, rows in tables.items())
    if found.damage or not same or read_layout(new) != layout:
        io.remove(new)
        raise ShardError(f"{new}: does not read back as written; the disk may fail", exit_code=1)
