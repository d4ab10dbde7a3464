"""Seal shards: cut to size, summed up, listed in the manifest, made read-only.

``finish`` ends a recording cleanly, ``seal`` ends a full shard while the next one is written
(``recovery.recover`` does it for shards that a killed recorder left). None of them can lose an
item: a shard that can't be cut is sealed at its full size, one that can't be sealed stays as it is.
"""

import contextlib
import hashlib
import zlib
from collections import Counter
from pathlib import Path
from typing import Final

import numpy as np

from ...core.errors import KincapError, ShardError
from ...core.files.acknowledgements import Phase, phase
from ...core.files.file_io import FileIO
from ..manifest import ManifestRecord, StreamSpan, append_manifest
from ..schema import BLOB_TABLES, BLOBS, TABLE_STREAM, EventKind
from ..session_file import load_session
from .layout import MIB, Layout, cut_layout
from .shard_reader import DAMAGED, GOOD, ShardReader, read_layout
from .shard_writer import NEW

_HASHED_AT_ONCE: Final = 1 << 18
"""Bytes; they stay in the processor's cache between read and hash."""
_DROP_NAMES: Final = {int(kind): kind.name for kind in EventKind if kind.is_drop}


def file_sha256(path: Path, io: FileIO) -> str:
    """Return the SHA-256 of a whole file, as hex."""
    total = hashlib.sha256()
    fd = io.open_read(path)
    try:
        at = 0
        while data := io.read_at(fd, _HASHED_AT_ONCE, at):
            total.update(data)
            at += len(data)
    finally:
        io.close(fd)
    return total.hexdigest()


def seal(
    folder: Path,
    name: str,
    layout: Layout,
    io: FileIO,
    *,
    recovered: bool = False,
    own_layout: bool = False,
) -> ManifestRecord:
    """Sync a shard, sum it up, list it in the manifest, make it read-only.

    Args:
        folder: The session's folder, its lock held.
        name: The shard's file name; no one writes it any more.
        layout: Its layout.
        io: File handling.
        recovered: Whether another run than its recorder seals it: its blobs are checked too.
        own_layout: Whether the layout is not in session.json and goes into the manifest.

    Returns:
        Its line in the manifest.

    Raises:
        OSError: The disk failed; the shard stays as it was, without a line.
    """
    phase(Phase.SEAL_BEGIN)
    path = folder / name
    io.sync_file(path)
    record = _sum_up(path, layout, io, recovered=recovered, own_layout=own_layout)
    append_manifest(folder, record, io)
    io.protect(path)
    phase(Phase.SEAL_END)
    return record


def _sum_up(
    path: Path, layout: Layout, io: FileIO, *, recovered: bool, own_layout: bool
) -> ManifestRecord:
    """Return what the manifest says about a shard."""
    rows: dict[str, int] = {}
    damaged: Counter[str] = Counter()
    streams: dict[str, StreamSpan] = {}
    drops: Counter[str] = Counter()
    with ShardReader(path, layout, io) as shard:
        size = shard.size()
        for table in layout.tables:
            if table == BLOBS:
                continue
            good = shard.rows(table)
            rows[table] = len(good)
            stream = TABLE_STREAM.get(table)
            if recovered:
                damaged[table] += int((shard.row_states(table) == DAMAGED).sum())
            if recovered and table in BLOB_TABLES:
                damaged[table] += sum(not _blob_holds(shard, row, table) for row in good)
            if stream is not None and len(good):
                streams[stream.name] = StreamSpan(
                    rows=len(good),
                    seq_first=int(good["seq"][0]),
                    seq_last=int(good["seq"][-1]),
                    time_first=int(good["time_device"][0]),
                    time_last=int(good["time_device"][-1]),
                )
        for event in shard.rows("events"):
            reason = _DROP_NAMES.get(int(event["kind"]))
            if reason is not None:
                drops[reason] += int(event["count"])
    return ManifestRecord(
        name=path.name,
        bytes=size,
        sha256=file_sha256(path, io),
        streams=streams,
        rows=rows,
        drops=dict(sorted(drops.items())),
        layout_id=layout.id,
        damaged={table: n for table, n in sorted(damaged.items()) if n},
        recovered=recovered,
        layout=layout if own_layout else None,
    )


def _blob_holds(shard: ShardReader, row: np.void, table: str) -> bool:
    """Return True if a row's blob is undamaged."""
    try:
        shard.blob(row, TABLE_STREAM[table])
    except ShardError:
        return False
    return True


def repack(folder: Path, name: str, layout: Layout, io: FileIO) -> tuple[Layout, str | None]:
    """Replace a shard by one whose tables and blobs are cut to what is used.

    Args:
        folder: The session's folder, its lock held.
        name: The shard's file name; no one writes it any more.
        layout: Its layout.
        io: File handling.

    Returns:
        The layout that the shard has now, and why it was kept at its full size (None: it was cut).
    """
    phase(Phase.REPACK_BEGIN)
    path, new = folder / name, folder / (name + NEW)
    try:
        cut = _copy_cut(path, new, layout, io)
        io.rename(new, path)
    except (OSError, KincapError) as err:
        with contextlib.suppress(OSError):
            io.discard(new)
        # the rename may have happened before what failed after it
        now = _layout_after(path, layout)
        return now, f"{path}: kept at its full size ({err})" if now is layout else None
    finally:
        phase(Phase.REPACK_END)
    return cut, None


def _layout_after(path: Path, layout: Layout) -> Layout:
    """Return the layout of a shard whose replacement ended in an error."""
    try:
        found = read_layout(path)
    except ShardError:
        return layout
    return layout if found.id == layout.id else found


def _used(shard: ShardReader) -> dict[str, int]:
    """Return how much of each dataset is used: rows, and bytes of ``blobs``."""
    used = {}
    blob_end = 0
    for table in shard.layout.tables:
        if table == BLOBS:
            continue
        rows = shard.all_rows(table)
        written = np.flatnonzero(rows["row_crc"])
        used[table] = int(written[-1]) + 1 if len(written) else 0
        if table in BLOB_TABLES:
            good = rows[shard.row_states(table) == GOOD]
            ends = good["offset"] + good["length"]
            blob_end = max(blob_end, int(ends.max()) if len(ends) else 0)
    if BLOBS in shard.layout.tables:
        used[BLOBS] = min(blob_end, shard.layout.tables[BLOBS].rows)
    return used


def _copy_cut(path: Path, new: Path, layout: Layout, io: FileIO) -> Layout:
    """Write the cut shard, read it back, compare it; return its layout."""
    info = load_session(path.parent)
    with ShardReader(path, layout, io) as shard:
        used = _used(shard)
    cut = cut_layout(info.uuid, info.created_utc, used, layout.types)
    source, target = io.open_read(path), -1
    try:
        target = io.create(new)
        io.reserve(target, cut.size)
        io.write_at(target, cut.header, 0)
        sums = {}
        for table, amount in used.items():
            start, end = layout.tables[table].offset, cut.tables[table].offset
            total = 0
            for at, length in _pieces(amount * layout.tables[table].dtype.itemsize):
                data = io.read_at(source, length, start + at)
                total = zlib.crc32(data, total)
                io.write_at(target, data, end + at)
            sums[table] = total
        io.sync(target)
        _compare(target, new, cut, used, sums, io)
    finally:
        io.close(source)
        if target >= 0:
            io.close(target)
    if read_layout(new) != cut:
        raise ShardError(f"{new}: the cut shard does not read back as written")
    return cut


def _compare(
    fd: int, path: Path, cut: Layout, used: dict[str, int], sums: dict[str, int], io: FileIO
) -> None:
    """Read a cut shard back and compare it with the checksums of what was copied."""
    for table, amount in used.items():
        place, total = cut.tables[table], 0
        for at, length in _pieces(amount * place.dtype.itemsize):
            total = zlib.crc32(io.read_at(fd, length, place.offset + at), total)
        if total != sums[table]:
            raise ShardError(f"{path}: {table} does not read back as written")


def _pieces(total: int) -> list[tuple[int, int]]:
    """Return (start, length) of pieces of a MiB."""
    return [(at, min(MIB, total - at)) for at in range(0, total, MIB)]


def finish(
    folder: Path, name: str, layout: Layout, io: FileIO
) -> tuple[ManifestRecord, str | None]:
    """Cut and seal the last shard of a recording that ended cleanly.

    Returns:
        Its line in the manifest, and why it was kept at its full size (None: it was cut).

    Raises:
        OSError: It could not be sealed; it stays as it is, to be recovered.
    """
    now, note = repack(folder, name, layout, io)
    return seal(folder, name, now, io, own_layout=now.id != layout.id), note
