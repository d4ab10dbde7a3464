"""Read a session as a whole: rows of all its shards by seq and by time, also while it is recorded.

Sealed shards are read once and kept; others are read afresh by ``refresh``.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..core.closing import Closing
from ..core.errors import KincapError, SessionError, ShardError
from ..core.files.file_io import FileIO
from .info import SessionInfo
from .lock import is_recording
from .manifest import ManifestRecord
from .schema import BLOBS, COVERING_KINDS, STREAM_TABLE, Rows, Stream, tables_of
from .session_file import load_session
from .shard.layout import other_shape
from .shard.shard_reader import ShardReader
from .shards import SEALED, ShardFile, list_shards, open_shard

_EVENTS: Final = "events"
MOST_TAKE: Final = 2**16 - 1
"""The largest number of a take that a row can hold."""


@dataclass(frozen=True)
class ShardState:
    """One shard of a session.

    Attributes:
        name: Its file name.
        state: SEALED, OPEN, LEFT or EMPTY, of ``sessions.shards``.
        record: Its line in the manifest where it is sealed.
        bytes: Its size.
    """

    name: str
    state: str
    record: ManifestRecord | None
    bytes: int


class SessionReader(Closing):
    """All rows and blobs of a session. Close it, or use it in a with statement.

    Args:
        folder: The session's folder.
        skip_unreadable: Leave out shards that can't be read, and list them in ``missing``.

    Attributes:
        folder: As given.
        info: What session.json says.
        shards: Its shards with their state, as of the last refresh.
        missing: By name, why a shard is not in ``shards``.

    Raises:
        SessionError: It is not a session.
        ShardError: A shard can't be read, not even by its layout.
    """

    def __init__(self, folder: Path, *, skip_unreadable: bool = False) -> None:
        self.folder = folder
        self.missing: dict[str, str] = {}
        self._skip_unreadable = skip_unreadable
        self.info: SessionInfo = load_session(folder)
        self.shards: list[ShardState] = []
        self._io = FileIO()
        self._readers: dict[str, ShardReader] = {}
        self._identities: dict[str, tuple[int, int]] = {}
        self._sealed_rows: dict[tuple[str, str], Rows] = {}
        self._tables: dict[str, tuple[Rows, NDArray[np.intp]]] = {}
        self.refresh()

    def close(self) -> None:
        """Close all shards."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()

    def refresh(self) -> None:
        """Look again: new shards, new rows, new takes."""
        self.info = load_session(self.folder)
        live = is_recording(self.folder)
        self._tables.clear()
        self.shards = []
        self.missing = {}
        for shard in list_shards(self.folder):
            try:
                status = shard.path.stat(follow_symlinks=False)
                reader = self._reader(shard, (status.st_ino, status.st_size))
            except FileNotFoundError:
                # an empty shard that its recorder has just deleted, or one that is gone
                if shard.record is not None:
                    self.missing[shard.name] = "the file is missing"
                continue
            except (KincapError, OSError) as error:
                if not self._skip_unreadable:
                    raise
                self.missing[shard.name] = str(error)
                continue
            state = replace(shard, reader=reader).state(live=live)
            self.shards.append(ShardState(shard.name, state, shard.record, status.st_size))
        for gone in self._readers.keys() - {shard.name for shard in self.shards}:
            self._readers.pop(gone).close()

    def _reader(self, shard: ShardFile, identity: tuple[int, int]) -> ShardReader:
        """Return the open reader of a shard; a new one where the file was replaced."""
        name = shard.name
        if name in self._readers and self._identities[name] == identity:
            return self._readers[name]
        if name in self._readers:
            self._readers.pop(name).close()
            for key in [key for key in self._sealed_rows if key[0] == name]:
                del self._sealed_rows[key]
        reader, _ = open_shard(shard.path, self.info, shard.record, self._io)
        problem = other_shape(reader.layout, self.info.shape)
        if problem:
            reader.close()
            raise ShardError(f"{shard.path}: {problem}")
        self._readers[name], self._identities[name] = reader, identity
        return reader

    def shard(self, name: str) -> ShardReader:
        """Return the open reader of one shard."""
        return self._readers[name]

    def _table(self, table: str) -> tuple[Rows, NDArray[np.intp]]:
        """Return all good rows of a table, in order, and for each the place of its shard."""
        if table in self._tables:
            return self._tables[table]
        parts = []
        for shard in self.shards:
            key = (shard.name, table)
            part = self._sealed_rows.get(key)
            if part is None:
                part = self._readers[shard.name].rows(table)
                if shard.state == SEALED:
                    self._sealed_rows[key] = part
            parts.append(part)
        kept = [part for part in parts if len(part)]
        rows = np.concatenate(kept) if kept else np.zeros(0, tables_of(self.info.shape)[table])
        owner = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        # an hour of bodies is 600 MB: keep them once, as parts of the whole
        ends = np.cumsum([len(part) for part in parts])
        for shard, part, end in zip(self.shards, parts, ends, strict=True):
            if shard.state == SEALED:
                self._sealed_rows[shard.name, table] = rows[end - len(part) : end]
        if table != _EVENTS and np.any(rows["seq"][1:] < rows["seq"][:-1]):
            order = np.argsort(rows["seq"], kind="stable")
            rows, owner = rows[order], owner[order]
        self._tables[table] = rows, owner
        return self._tables[table]

    def rows(self, stream: Stream) -> Rows:
        """Return all good rows of a stream, sorted by seq.

        Returns:
            (N,) of the stream's type, as of the last refresh; not to be changed.
        """
        return self._table(STREAM_TABLE[stream])[0]

    @property
    def color(self) -> Rows:
        """(N,) COLOR_DTYPE, sorted by seq."""
        return self.rows(Stream.color)

    @property
    def bodies(self) -> Rows:
        """(N,) BODIES_DTYPE, sorted by seq; 5.5 KB a row."""
        return self.rows(Stream.bodies)

    @property
    def events(self) -> Rows:
        """(N,) EVENTS_DTYPE, in the order written."""
        return self._table(_EVENTS)[0]

    def index_by_seq(self, stream: Stream, seq: int) -> int:
        """Return the index of an item in the stream's rows; -1 where there is none."""
        seqs = self.rows(stream)["seq"]
        i = int(np.searchsorted(seqs, seq))
        return i if i < len(seqs) and seqs[i] == seq else -1

    def row_by_seq(self, stream: Stream, seq: int) -> np.void:
        """Return one row.

        Raises:
            SessionError: The session has no such item.
        """
        i = self.index_by_seq(stream, seq)
        if i < 0:
            raise SessionError(f"{self.folder}: no {stream.name} item with seq {seq}")
        row: np.void = self.rows(stream)[i]
        return row

    def nearest(self, stream: Stream, take: int, time_device: int) -> int:
        """Return the index of the item of a take that is nearest in device time.

        Args:
            stream: Which stream.
            take: Times compare only inside a take.
            time_device: 100 ns.

        Returns:
            Index into the stream's rows, the earlier of two equally near; -1 where the take has
            none.
        """
        rows = self.rows(stream)
        inside = np.flatnonzero(rows["take"] == take)
        if not len(inside):
            return -1
        return int(inside[np.argmin(np.abs(rows["time_device"][inside] - time_device))])

    def blob(self, stream: Stream, seq: int) -> bytes:
        """Return the stored bytes of an item: a JPEG, a mask or a depth picture.

        Raises:
            SessionError: The session has no such item.
            ShardError: It is damaged (exit 1); names shard, stream and seq.
        """
        row = self.row_by_seq(stream, seq)
        owner = self._table(STREAM_TABLE[stream])[1][self.index_by_seq(stream, seq)]
        return self._readers[self.shards[int(owner)].name].blob(row, stream)

    def color_blob(self, seq: int) -> bytes:
        """Return the JPEG of a colour frame, its checksum verified (see ``blob``)."""
        return self.blob(Stream.color, seq)

    def next_seq(self, stream: Stream) -> int:
        """Return the seq that the stream's next item gets: after all stored and all others."""
        behind = 0
        for shard in self.shards:
            if shard.record is None:
                rows = self._readers[shard.name].rows(STREAM_TABLE[stream])
                behind = max(behind, int(rows["seq"].max()) + 1 if len(rows) else 0)
            elif stream.name in shard.record.streams:
                behind = max(behind, shard.record.streams[stream.name].seq_last + 1)
        events = self.events
        rest = events[(events["stream"] == stream) & np.isin(events["kind"], COVERING_KINDS)]
        return max(behind, int(rest["seq_last"].max()) + 1 if len(rest) else 0)

    def next_take(self) -> int:
        """Return the number of the next take: after those of session.json and of all rows.

        Takes only rise, so the last shard with rows in it says enough: an hour of bodies is 600 MB.
        """
        takes = [int(take["take"]) for take in self.info.takes]
        for shard in reversed(self.shards):
            reader = self._readers[shard.name]
            tables = [reader.rows(table) for table in reader.layout.tables if table != BLOBS]
            found = [int(rows["take"].max()) for rows in tables if len(rows)]
            if found:
                takes += found
                break
        following = max(takes, default=-1) + 1
        if following > MOST_TAKE:
            raise SessionError(
                f"{self.folder}: all takes to {MOST_TAKE} are used; record into another session"
            )
        return following
