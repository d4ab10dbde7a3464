"""Read a shard, also while it is written, also when it is damaged.

HDF5 is asked once for the places of the datasets; after that rows and blobs come by positioned
reads on an own descriptor. An open HDF5 handle may show a stale table for ever; this reader has no
cache, so it sees row n right after it was written.
"""

import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...core.closing import Closing
from ...core.errors import ShardError
from ...core.files.file_io import FileIO
from ...core.hdf5.reading import file_offset, open_checked
from ...core.hdf5.structure import DatasetSpec
from ..schema import (
    BLOB_TABLES,
    BLOBS,
    FORMAT,
    STREAM_TABLE,
    TABLES,
    Rows,
    Stream,
    good_rows,
)
from .layout import BODIES_TABLE, EVENTS_TABLE, Layout, TablePlace, is_row_type
from .versions import READABLE, check_version, event_types, to_current

EMPTY: Final = 0
GOOD: Final = 1
DAMAGED: Final = 2

MIN_BLOB: Final = 4

SHARD_SCHEMA: Final[dict[str, DatasetSpec]] = {
    **{name: DatasetSpec(dtype, (None,), optional=True) for name, dtype in TABLES.items()},
    BLOBS: DatasetSpec(np.dtype("u1"), (None,), optional=True),
    EVENTS_TABLE: DatasetSpec(
        TABLES[EVENTS_TABLE], (None,), admits=lambda dtype: is_row_type(EVENTS_TABLE, dtype)
    ),
    BODIES_TABLE: DatasetSpec(
        TABLES[BODIES_TABLE],
        (None,),
        optional=True,
        admits=lambda dtype: is_row_type(BODIES_TABLE, dtype),
    ),
}


@dataclass(frozen=True)
class DamagedRow:
    """A row that was written and does not hold its checksum.

    Attributes:
        row: Its place in the table.
        seq: Its own seq where that fits between its good neighbours, else the next one that does.
    """

    row: int
    seq: int


class ShardReader(Closing):
    """Rows and blobs of one shard.

    Args:
        path: The shard.
        layout: Its layout, for a file whose own structure can't be read; without it the structure
            is checked and read through HDF5.
        io: File handling.

    Attributes:
        path: As given.
        layout: Places of its datasets.

    Raises:
        ShardError: The file can't be opened, or is not a shard of this version.
    """

    def __init__(self, path: Path, layout: Layout | None = None, io: FileIO | None = None) -> None:
        self.path = path
        self._io = io or FileIO()
        self._fd = -1
        try:
            self._open()
            if layout is None:
                layout = read_layout(path)
                # a recorder may have put the cut shard in its place between the two
                while not os.path.samestat(path.stat(), os.fstat(self._fd)):
                    self.close()
                    self._open()
                    layout = read_layout(path)
        except BaseException:
            self.close()
            raise
        self.layout = layout

    def _open(self) -> None:
        """Open the file by its name."""
        try:
            self._fd = self._io.open_read(self.path)
        except OSError as err:
            code = 2 if isinstance(err, FileNotFoundError | PermissionError) else 1
            raise ShardError(f"{self.path}: {err.strerror or err}", exit_code=code) from err

    @property
    def name(self) -> str:
        """The shard's file name."""
        return self.path.name

    def close(self) -> None:
        """Close the descriptor."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            self._io.close(fd)

    def is_file(self, status: os.stat_result) -> bool:
        """Return True if it reads the file that had this status."""
        return os.path.samestat(status, os.fstat(self._fd))

    def size(self) -> int:
        """Return the file's size, bytes; less than the layout's where it was cut short."""
        return self._io.size(self._fd)

    def header(self) -> bytes:
        """Return the bytes before the first dataset, as they are in the file."""
        return self._read(0, len(self.layout.header))

    def _read(self, offset: int, length: int) -> bytes:
        """Return bytes of the file, fewer at its end; an error of the disk names it."""
        try:
            there = min(length, self.size() - offset)
            return self._io.read_at(self._fd, there, offset) if there > 0 else b""
        except OSError as err:
            raise ShardError(f"{self.path}: {err.strerror or err}", exit_code=1) from err

    def all_rows(self, table: str, first: int = 0, count: int | None = None) -> Rows:
        """Return the table as it is now, rows never written and damaged ones included.

        Args:
            table: Its name; a table that the shard lacks is empty.
            first: The first row that is wanted.
            count: How many at most; None: all.

        Returns:
            (N,) of the table's type, read afresh.
        """
        place = self.layout.tables.get(table)
        if place is None:
            return np.zeros(0, self.layout.types[table])
        size, end = place.dtype.itemsize, place.rows
        end = end if count is None else min(end, first + count)
        raw = bytearray(self._read(place.offset + first * size, max(end - first, 0) * size))
        # a file that was cut short has no rows after its end
        stored = np.frombuffer(raw, place.dtype, len(raw) // place.dtype.itemsize)
        return to_current(table, stored)

    def rows(self, table: str) -> Rows:
        """Return the rows that count, read afresh.

        Args:
            table: Its name.

        Returns:
            (N,) of the table's type: written whole, undamaged, in the order written.
        """
        rows = self.all_rows(table)
        return rows[good_rows(rows)]

    def row_states(self, table: str) -> NDArray[np.uint8]:
        """Say of every row whether it is EMPTY (never written), GOOD or DAMAGED.

        Returns:
            (N,) uint8.
        """
        return _states(self.all_rows(table))

    def damaged_rows(self, table: str) -> list[DamagedRow]:
        """Return the rows that were written and are damaged, with the seq that they had."""
        rows = self.all_rows(table)
        states = _states(rows)
        name = "seq" if "seq" in (rows.dtype.names or ()) else "seq_first"
        seqs = [int(seq) for seq in rows[name]]
        found = []
        before = -1
        for i, state in enumerate(states):
            if state == GOOD:
                before = seqs[i]
            elif state == DAMAGED:
                behind = next((seqs[j] for j in range(i, len(seqs)) if states[j] == GOOD), None)
                fits = before < seqs[i] and (behind is None or seqs[i] < behind)
                # after the last good row any seq would fit, a flipped high bit too
                fits = fits and (behind is not None or seqs[i] <= before + len(seqs))
                before = seqs[i] if fits else before + 1
                found.append(DamagedRow(i, before))
        return found

    def is_empty(self) -> bool:
        """Return True if no row was ever written, not even a damaged one."""
        tables = [name for name in self.layout.tables if name != BLOBS]
        # small tables first: nearly always one of them answers already
        tables.sort(key=lambda name: self.layout.tables[name].dtype.itemsize)
        return not any(self.all_rows(table)["row_crc"].any() for table in tables)

    def blob(self, row: Any, stream: Stream = Stream.color) -> bytes:
        """Return what a row of an index table points at.

        Args:
            row: One good row of the stream's table.
            stream: Its stream, for the message.

        Raises:
            ShardError: It lies outside the shard, is too short or damaged (exit 1); names shard,
                stream and seq.
        """
        place = self.layout.tables.get(BLOBS)
        offset, length = int(row["offset"]), int(row["length"])
        room = place.rows if place else 0
        where = f"{self.path}: {stream.name} {int(row['seq'])}"
        if length < MIN_BLOB or offset + length > room or place is None:
            raise ShardError(f"{where}: points outside the shard's blobs", exit_code=1)
        data = self._read(place.offset + offset, length)
        if len(data) < length:
            raise ShardError(f"{where}: is after the end of the cut file", exit_code=1)
        if zlib.crc32(data) != int(row["crc32"]):
            raise ShardError(f"{where}: damaged, its checksum differs", exit_code=1)
        return data


def _states(rows: Rows) -> NDArray[np.uint8]:
    """Return EMPTY, GOOD or DAMAGED for each row."""
    states = np.full(len(rows), DAMAGED, np.uint8)
    states[rows["row_crc"] == 0] = EMPTY
    states[good_rows(rows)] = GOOD
    return states


def read_layout(path: Path) -> Layout:
    """Check a shard's structure through HDF5 and return the places of its datasets.

    Args:
        path: The shard.

    Raises:
        ShardError: It is damaged, no shard, or of another version.
    """
    what = "a kincap shard"
    with open_checked(path, SHARD_SCHEMA, what=what, error=ShardError, attributes=8,
                      follow_links=False) as file:  # fmt: skip
        kept = dict(file.attrs)
        if _text(kept.get("format")) != FORMAT:
            raise ShardError(f"{path}: attribute format is not {FORMAT}; expected {what}")
        version = check_version(kept.get("format_version"), READABLE, f"{path}: shard", ShardError)
        tables = {}
        for name in file:
            offset = file_offset(file[name])
            if offset is not None:
                dtype = SHARD_SCHEMA[name].dtype
                found = file[name].dtype
                if name == BODIES_TABLE:
                    dtype = np.dtype(found.descr)
                elif name == EVENTS_TABLE:
                    # h5py's own type carries more than numpy's, which the layout is compared by
                    dtype = next(known for known in event_types() if known == found)
                tables[name] = TablePlace(offset, file[name].shape[0], dtype)
        layout_id = _text(kept.get("layout"))
    if not any(STREAM_TABLE[s] in tables for s in STREAM_TABLE):
        raise ShardError(f"{path}: has no stream; expected {what}")
    if any(name in BLOB_TABLES for name in tables) and BLOBS not in tables:
        raise ShardError(f"{path}: dataset {BLOBS} is missing; expected {what}")
    header = _beginning(path, min(place.offset for place in tables.values()))
    ordered = dict(sorted(tables.items(), key=lambda item: item[1].offset))
    layout = Layout(layout_id, header, ordered)
    problem = layout.problem()
    if problem is None and layout.version != version:
        problem = f"says version {version}, its events are of version {layout.version}"
    if problem:
        raise ShardError(f"{path}: {problem}; expected {what}")
    return layout


def _beginning(path: Path, length: int) -> bytes:
    """Return the first bytes of a shard."""
    io = FileIO()
    try:
        fd = io.open_read(path)
    except OSError as err:
        raise ShardError(f"{path}: {err.strerror or err}") from err
    try:
        return io.read_at(fd, length, 0)
    finally:
        io.close(fd)


def _text(value: Any) -> str:
    """Return an attribute of bytes as text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
