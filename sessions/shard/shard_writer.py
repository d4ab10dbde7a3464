"""Write a shard: prepare it whole, then append rows and blobs by positioned writes alone.

No HDF5 handle lives here: the file is valid HDF5 from its first byte on (``layout``), and stays so
at every moment a process can be killed. A blob is written before the row that points at it, so a
row that can be read always has its blob.
"""

import contextlib
import sys
import zlib
from pathlib import Path
from typing import Final

from ...core.errors import ShardError
from ...core.files.acknowledgements import acknowledge
from ...core.files.file_io import Data, FileIO
from ..schema import BLOB_PLACE, BLOBS, ROW_CRC, ROW_HEAD, TABLE_STREAM, Rows, row_crc
from .layout import MIB, Layout

NEW: Final = ".new"
"""Ending of a shard's name while it is prepared."""

_PLACE_FROM: Final = ROW_HEAD.size
_PLACE_TO: Final = ROW_HEAD.size + BLOB_PLACE.size


class _Cursor:
    """Place of the next row of a table."""

    __slots__ = ("free", "last_seq", "next_at", "row_bytes", "rows", "stream")

    def __init__(self, name: str, offset: int, rows: int, row_bytes: int) -> None:
        self.stream = TABLE_STREAM.get(name)
        self.next_at = offset
        self.free = rows
        self.rows = 0
        self.row_bytes = row_bytes
        self.last_seq = -1


class ShardWriter:
    """Fills one shard. One thread appends; another may call ``sync`` meanwhile.

    Args:
        path: The shard's path.
        layout: Its template.
        io: File handling.

    Attributes:
        path: As given.
        layout: As given.
        blob_bytes: Bytes of the blob area in use.
    """

    def __init__(self, path: Path, layout: Layout, io: FileIO) -> None:
        self.path = path
        self.layout = layout
        self.blob_bytes = 0
        self._io = io
        self._fd = -1
        self._cursors = {
            name: _Cursor(name, place.offset, place.rows, place.dtype.itemsize)
            for name, place in layout.tables.items()
            if name != BLOBS
        }
        blobs = layout.tables.get(BLOBS)
        self._blob_at = blobs.offset if blobs else 0
        self._blob_room = blobs.rows if blobs else 0

    def prepare(self) -> None:
        """Make the file under a temporary name, reserve its space, sync it, give it its name.

        Raises:
            OSError: The disk is full, for one; nothing is left behind.
        """
        new = self.path.with_name(self.path.name + NEW)
        self._fd = self._io.create(new)
        try:
            self._io.reserve(self._fd, self.layout.size)
            self._io.write_at(self._fd, self.layout.header, 0)
            if sys.platform == "win32":  # not tried
                self._zero_tables()
            self._io.sync(self._fd)
            if sys.platform == "win32":  # not tried: an open file can't be renamed there
                self._io.close(self._fd)
                self._io.rename(new, self.path)
                self._fd = self._io.open_write(self.path)
            else:
                self._io.rename(new, self.path)
        except OSError:
            self.close()
            # the first error is the one to report; the next start deletes what is left
            with contextlib.suppress(OSError):
                self._io.discard(new)
            raise

    def _zero_tables(self) -> None:
        """Write zeros where the system does not promise them for reserved space."""
        for name, place in self.layout.tables.items():
            if name == BLOBS:
                continue
            for at in range(place.offset, place.end, MIB):
                self._io.write_at(self._fd, bytes(min(MIB, place.end - at)), at)

    @property
    def rows(self) -> dict[str, int]:
        """Rows written to each table."""
        return {name: cursor.rows for name, cursor in self._cursors.items()}

    def fits(self, table: str, blob_len: int = 0) -> bool:
        """Return True if one more row of a table has room, with its blob."""
        return self._cursors[table].free > 0 and self.blob_bytes + blob_len <= self._blob_room

    def used(self, table: str) -> float:
        """Return how full a table or the blob area is, the fuller of the two, 0 to 1."""
        cursor = self._cursors[table]
        rows = cursor.rows / (cursor.rows + cursor.free)
        return max(rows, self.blob_bytes / self._blob_room) if self._blob_room else rows

    def append(
        self,
        table: str,
        row: bytes | Rows,
        blob: Data | None = None,
        *,
        blob_crc: int | None = None,
    ) -> None:
        """Write an item: its blob, then its row; then acknowledge it.

        Args:
            table: Name of the table.
            row: One row of the table's type, as bytes or as an array of one row. Its checksum is
                filled here, as are offset, length and crc32 of an index row.
            blob: The bytes that an index row points at.
            blob_crc: ``zlib.crc32`` of the blob; None: it is computed here.

        Raises:
            OSError: A write failed; the item does not count and its room is used again.
            ShardError: There is no room (ask ``fits`` first), or its seq does not rise.
        """
        cursor = self._cursors[table]
        raw = row if isinstance(row, bytes) else row.tobytes()
        length = 0 if blob is None else len(blob)
        if not self.fits(table, length):
            raise ShardError(f"{self.path}: no room for a row of {table}", exit_code=1)
        seq: int = ROW_HEAD.unpack_from(raw)[0]
        if cursor.stream is not None and seq <= cursor.last_seq:
            raise ShardError(
                f"{self.path}: {table}: seq {seq} after {cursor.last_seq}", exit_code=1
            )
        if blob is None:
            body = raw[: -ROW_CRC.size]
        else:
            at = self.blob_bytes
            self._io.write_at(self._fd, blob, self._blob_at + at)
            crc = zlib.crc32(blob) if blob_crc is None else blob_crc
            place = BLOB_PLACE.pack(at, length, crc)
            body = raw[:_PLACE_FROM] + place + raw[_PLACE_TO : -ROW_CRC.size]
        self._io.write_at(self._fd, body + ROW_CRC.pack(row_crc(body)), cursor.next_at)
        self.blob_bytes += length
        cursor.next_at += cursor.row_bytes
        cursor.free -= 1
        cursor.rows += 1
        if cursor.stream is not None:
            cursor.last_seq = seq
            acknowledge(cursor.stream, seq)

    def sync(self) -> None:
        """Wait until all rows appended so far are on the disk."""
        self._io.sync(self._fd)

    def is_in_place(self) -> bool:
        """Return True if the shard still has its name, False if it was moved, deleted, replaced.

        Windows moves and deletes no file that is open, nor a folder above it: there it stays.
        """
        return self._io.is_at(self._fd, self.path)

    def close(self) -> None:
        """Close the descriptor; the shard stays as it is."""
        # an error says that something written is not safe; the descriptor is gone all the same
        fd, self._fd = self._fd, -1
        if fd >= 0:
            self._io.close(fd)
