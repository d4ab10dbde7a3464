"""Upgrade a session: write it anew in today's version, beside the old one, which stays as it is.

The new session is written under a name that no session has, read back, compared and verified, and
only then gets its own name. Nothing is deleted.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from ...core.errors import SessionError, ShardError
from ...core.files.fault_injection import default_io
from ...core.files.file_io import FileIO
from ...core.files.small_files import read_small
from ..edits.journal import EDITS_FILE, MOST_BYTES, load_edits
from ..folders import find_folders, session_folder
from ..info import SessionInfo
from ..lock import SessionLock
from ..manifest import read_manifest
from ..schema import BLOB_TABLES, BLOBS, FORMAT_VERSION, TABLE_STREAM, finish_rows
from ..session_file import load_session, save_session
from ..shard.layout import Layout, cut_layout
from ..shard.sealing import seal
from ..shard.shard_reader import ShardReader, read_layout
from ..shard.versions import stored_tables, version_of
from ..shards import open_shards
from ..truth import TRUTH_FOLDER
from .verify import verify_locked

_MAKING: Final = ".upgrading-"
"""Prefix of a new session's folder until it is whole: no session's name begins with a dot."""
_AT_ONCE: Final = 256
"""Rows of body data that are held at once: 1.4 MB."""

OnDone = Callable[[int, int, str], None]
"""Given bytes done, bytes in all, and which shard."""


@dataclass(frozen=True)
class Upgrade:
    """Result of an upgrade.

    Attributes:
        folder: The new session; None: the old one has today's version already.
        version_before: Lowest version of the old session's files.
        shards: How many shards were written.
    """

    folder: Path | None
    version_before: int
    shards: int = 0


def upgrade(
    recordings: Path,
    name: str,
    new: str | None = None,
    on_progress: OnDone | None = None,
    io: FileIO | None = None,
) -> Upgrade:
    """Write a session anew in today's version, beside the old one.

    Args:
        recordings: The folder of all sessions.
        name: The session.
        new: The new session's name; None: NAME-v2 and so on.
        on_progress: Given how far it is.
        io: File handling.

    Raises:
        SessionError: There is no such session, it is not whole, or the new name is taken.
        SessionLockedError: It is being recorded.
        ShardError: What was written does not read back as it was (exit 1).
    """
    io = io or default_io()
    folder = find_folders(recordings, [name])[0]
    target = session_folder(recordings, new or f"{name}-v{FORMAT_VERSION}")
    with SessionLock(folder, io).acquire(f"kincap sessions upgrade {name}", must_say=False):
        info = load_session(folder)
        _check_whole(folder, io)
        before = _lowest_version(folder, info)
        if before == FORMAT_VERSION:
            return Upgrade(None, before)
        if target.exists():
            raise SessionError(f"{target}: already exists; name another one by --to")
        making = recordings / f"{_MAKING}{target.name}"
        shutil.rmtree(making, ignore_errors=True)  # left by an upgrade that was stopped
        try:
            count = _write(folder, making, replace(info, name=target.name), on_progress, io)
            _check_new(making, target.name, io)
            io.rename(making, target)
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            raise
    return Upgrade(target, before, count)


def _check_whole(folder: Path, io: FileIO) -> None:
    """Refuse a session that is damaged or not sealed: an upgrade repairs nothing."""
    report = verify_locked(folder, None, io, live=False)
    if not report.ok or not report.sealed:
        what = report.damage[0].what if report.damage else "not sealed"
        raise SessionError(f"{folder}: {what}; kincap sessions repair {folder.name} comes first")


def _lowest_version(folder: Path, info: SessionInfo) -> int:
    """Return the lowest version among session.json and the shards."""
    found = [info.format_version]
    for shard in open_shards(folder, info):
        if shard.reader is not None:
            found.append(version_of(shard.reader.layout.types))
    return min(found)


def _write(
    folder: Path, making: Path, info: SessionInfo, on_progress: OnDone | None, io: FileIO
) -> int:
    """Write the new session; return its number of shards."""
    io.make_folder(making)
    info.layouts, info.format_version = [], FORMAT_VERSION
    total, done, count = sum(one.bytes for one in read_manifest(folder).values()), 0, 0
    for shard in open_shards(folder, info, io):
        if shard.reader is None:
            raise ShardError(f"{shard.path}: {shard.problem}", exit_code=1)
        if shard.record is None:
            continue  # prepared, without a row
        layout = _copy_shard(shard.reader, making / shard.name, info, io)
        seal(making, shard.name, layout, io, own_layout=True)
        with ShardReader(making / shard.name, layout, io) as copy:
            _compare(shard.reader, copy)
        done, count = done + shard.bytes, count + 1
        if on_progress:
            on_progress(done, total, shard.name)
    save_session(making, info, io)
    if load_edits(folder, info.uuid).operations:
        io.write_atomic(making / EDITS_FILE, read_small(folder / EDITS_FILE, MOST_BYTES))
    if (folder / TRUTH_FOLDER).is_dir() and not (folder / TRUTH_FOLDER).is_symlink():
        shutil.copytree(folder / TRUTH_FOLDER, making / TRUTH_FOLDER, symlinks=True)
    return count


def _copy_shard(old: ShardReader, path: Path, info: SessionInfo, io: FileIO) -> Layout:
    """Write a shard's good rows and their blobs in today's version; return its layout."""
    tables = [table for table in old.layout.tables if table != BLOBS]
    rows = {table: old.rows(table) for table in tables}
    sizes = {table: len(rows[table]) for table in tables}
    if BLOBS in old.layout.tables:
        sizes[BLOBS] = sum(int(rows[t]["length"].sum()) for t in tables if t in BLOB_TABLES)
    layout = cut_layout(info.uuid, info.created_utc, sizes, _types_today(old))
    fd = io.create(path)
    try:
        io.reserve(fd, layout.size)
        io.write_at(fd, layout.header, 0)
        at = 0
        for table in tables:
            if table in BLOB_TABLES:
                at = _copy_blobs(old, table, rows, layout, fd, at, io)
            for first in range(0, len(rows[table]), _AT_ONCE):
                some = finish_rows(rows[table][first : first + _AT_ONCE])
                place = layout.tables[table]
                io.write_at(fd, some.tobytes(), place.offset + first * place.dtype.itemsize)
        io.sync(fd)
    finally:
        io.close(fd)
    if read_layout(path) != layout:
        raise ShardError(f"{path}: does not read back as written", exit_code=1)
    return layout


def _types_today(old: ShardReader) -> dict[str, np.dtype[np.void]]:
    """Return today's stored types; body rows keep their sensor's shape."""
    return {**stored_tables(), "bodies": old.layout.types["bodies"]}


def _copy_blobs(
    old: ShardReader, table: str, rows: dict[str, np.ndarray], layout: Layout, fd: int, at: int,
    io: FileIO,
) -> int:  # fmt: skip
    """Copy the blobs of a table one after another; return where the next one goes."""
    new = rows[table].copy()
    for i, row in enumerate(rows[table]):
        data = old.blob(row, TABLE_STREAM[table])
        io.write_at(fd, data, layout.tables[BLOBS].offset + at)
        new["offset"][i] = at
        at += len(data)
    rows[table] = new
    return at


def _compare(old: ShardReader, new: ShardReader) -> None:
    """Compare a shard that was written with the one that it was made from.

    Raises:
        ShardError: A row or a blob differs.
    """
    for table in old.layout.tables:
        if table == BLOBS:
            continue
        before, after = old.rows(table), new.rows(table)
        apart = {"offset", "row_crc"} if table in BLOB_TABLES else {"row_crc"}
        for name in before.dtype.names or ():
            if name not in apart and before[name].tobytes() != after[name].tobytes():
                raise ShardError(f"{new.path}: {table} does not read back as written", exit_code=1)
        if table in BLOB_TABLES:
            stream = TABLE_STREAM[table]
            for one, other in zip(before, after, strict=True):
                if old.blob(one, stream) != new.blob(other, stream):
                    raise ShardError(f"{new.path}: {table} reads back other images", exit_code=1)


def _check_new(making: Path, name: str, io: FileIO) -> None:
    """Verify the new session before it gets its name."""
    report = verify_locked(making, None, io, live=False)
    if not report.ok or not report.sealed:
        what = report.damage[0].what if report.damage else "not sealed"
        raise ShardError(f"{name}: the new session does not verify: {what}", exit_code=1)
