"""All shards of a session, one after another, whatever state they are in.

Everything that goes through a session's shards starts here: a shard that can't be read, is gone, or
is deleted meanwhile by its recorder never ends the others.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from ..core.errors import KincapError, ShardError
from ..core.files.fault_injection import default_io
from ..core.files.file_io import FileIO
from .folders import shard_names
from .info import SessionInfo
from .manifest import ManifestRecord, readable_records
from .session_file import load_session
from .shard.find_layout import FoundLayout, find_layout
from .shard.layout import Layout
from .shard.shard_reader import ShardReader

SEALED: Final = "sealed"
OPEN: Final = "open"
"""Without a line in the manifest, while a recorder holds the session."""
LEFT: Final = "left"
"""Without a line in the manifest; its recorder is gone."""
EMPTY: Final = "empty"
"""Prepared, no row written."""
UNREADABLE: Final = "unreadable"
GONE: Final = "gone"
"""The manifest lists it; the file does not exist."""
_KNOWN_LAYOUTS: Final = 64


@dataclass(frozen=True)
class ShardFile:
    """One shard of a session, as far as its name and the manifest say.

    Attributes:
        path: The file.
        record: Its line in the manifest; None: it has none.
        bytes: Its size; -1: the file does not exist.
        reader: The open shard; None: not opened, or it can't be read.
        found: Its layout, and what is wrong with its header.
        problem: Why it can't be read; None: it can.
    """

    path: Path
    record: ManifestRecord | None
    bytes: int
    reader: ShardReader | None = None
    found: FoundLayout | None = None
    problem: str | None = None

    @property
    def name(self) -> str:
        """Its file name."""
        return self.path.name

    def state(self, *, live: bool) -> str:
        """Return SEALED, OPEN, LEFT, EMPTY, UNREADABLE or GONE.

        Args:
            live: Whether a process holds the session's lock.
        """
        if self.bytes < 0:
            return GONE
        if self.reader is None:
            return UNREADABLE
        if self.record is not None:
            return SEALED
        if self.reader.is_empty():
            return EMPTY
        return OPEN if live else LEFT


def list_shards(folder: Path) -> list[ShardFile]:
    """Return a session's shards by name, those that only the manifest knows included.

    Args:
        folder: The session's folder.
    """
    records = readable_records(folder)
    return [
        ShardFile(folder / name, records.get(name), _size(folder / name))
        for name in sorted({*shard_names(folder), *records})
    ]


def open_shards(
    folder: Path, info: SessionInfo | None, io: FileIO | None = None
) -> Iterator[ShardFile]:
    """Yield a session's shards by name, each with an open reader as far as it can be read.

    A shard that its recorder deletes meanwhile, because nothing was in it, is left out.

    Args:
        folder: The session's folder.
        info: What session.json says, as far as it can be read.
        io: File handling.
    """
    io = io or default_io()
    for shard in list_shards(folder):
        if shard.bytes < 0:
            yield replace(shard, problem="missing")
            continue
        try:
            reader, found = open_shard(shard.path, info, shard.record, io)
        except (ShardError, OSError) as err:
            if _size(shard.path) >= 0:
                said = err.strerror or str(err) if isinstance(err, OSError) else str(err)
                yield replace(shard, problem=said.removeprefix(f"{shard.path}: "))
            continue
        with reader:
            yield replace(shard, reader=reader, found=found)


def open_shard(
    path: Path, info: SessionInfo | None, record: ManifestRecord | None, io: FileIO | None = None
) -> tuple[ShardReader, FoundLayout]:
    """Open one shard by its own header, or by the layout that the session keeps of it.

    Args:
        path: The shard.
        info: What session.json says, as far as it can be read.
        record: Its line in the manifest.
        io: File handling.

    Returns:
        The open reader, and the layout with what is wrong with the shard's header.

    Raises:
        ShardError: It can't be read; neither session.json nor the manifest knows its layout.
        OSError: There is no such file.
    """
    io = io or default_io()
    while True:
        before = path.stat(follow_symlinks=False)
        found = find_layout(path, info, record, io)
        if found is None:
            raise ShardError(
                f"{path}: can't be read, and neither session.json nor the manifest knows its layout"
            )
        reader = ShardReader(path, found.layout, io)
        # a recorder may have put the cut shard in its place meanwhile
        if reader.is_file(before):
            return reader, found
        reader.close()


def open_stored_shard(path: Path) -> ShardReader:
    """Open a shard of a session that may be damaged; what is whole in it can be read.

    Args:
        path: The shard, in its session's folder.

    Raises:
        ShardError: It can't be read; neither session.json nor the manifest knows its layout.
    """
    try:
        return ShardReader(path)
    except ShardError as err:
        folder = path.parent
        record = readable_records(folder).get(path.name)
        try:
            return open_shard(path, load_session(folder), record)[0]
        except (KincapError, OSError):
            raise err from None


def reopen_stored_shard(path: Path) -> ShardReader:
    """Open a shard as ``open_stored_shard`` does, sooner where the same file was open before.

    Its structure is not read again through HDF5 where its name, size and times are those of an
    earlier call: a build opens a shard for each block of rows.

    Args:
        path: The shard, in its session's folder.

    Raises:
        ShardError: As in ``open_stored_shard``.
    """
    try:
        before = path.stat(follow_symlinks=False)
        layout = _layout_of(path, before.st_ino, before.st_size, before.st_mtime_ns)
    except (ShardError, OSError):
        return open_stored_shard(path)
    reader = ShardReader(path, layout)
    if reader.is_file(before):
        return reader
    reader.close()
    return open_stored_shard(path)


@lru_cache(maxsize=_KNOWN_LAYOUTS)
def _layout_of(path: Path, inode: int, size: int, mtime_ns: int) -> Layout:
    """Return the layout of a shard as it was at that moment."""
    with ShardReader(path) as reader:
        return reader.layout


def _size(path: Path) -> int:
    """Return a file's size; -1 where it does not exist."""
    with contextlib.suppress(OSError):
        return os.lstat(path).st_size
    return -1
