"""Find a shard's layout even where its own header is damaged.

A header is compared with the layouts that session.json and the manifest keep, byte by byte; HDF5
is asked only about a file that matches none of them.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from ...core.errors import ShardError
from ...core.files.file_io import FileIO
from ...core.files.tolerant_files import PatientIO
from ...core.hdf5.reading import open_checked
from ..info import SessionInfo
from ..manifest import ManifestRecord
from ..schema import BLOBS
from .layout import Layout, cut_layout, other_shape
from .shard_reader import SHARD_SCHEMA, ShardReader, read_layout


@dataclass(frozen=True)
class FoundLayout:
    """Places of a shard's datasets.

    Attributes:
        layout: The layout, its header as it should be.
        own: Whether session.json does not hold it (the manifest's line has to).
        problem: What is wrong with the header, or None.
        foreign: Whether the shard says that it belongs to another session.
    """

    layout: Layout
    own: bool
    problem: str | None = None
    foreign: bool = False


def find_layout(
    path: Path, info: SessionInfo | None, record: ManifestRecord | None, io: FileIO
) -> FoundLayout | None:
    """Return a shard's layout, or None where neither the file nor the session knows it.

    Args:
        path: The shard.
        info: The session, as far as session.json can be read.
        record: The shard's line in the manifest.
        io: File handling.
    """
    found = _find(path, info, record, PatientIO(io))
    problem = other_shape(found.layout, info.shape) if found and info else None
    if found is None or problem is None:
        return found
    return replace(found, problem=f"{found.problem}; {problem}" if found.problem else problem)


def _find(
    path: Path, info: SessionInfo | None, record: ManifestRecord | None, io: FileIO
) -> FoundLayout | None:
    """Return a shard's layout; see ``find_layout``."""
    kept = _kept(info, record)
    head = _head(path, max((len(one.layout.header) for one in kept), default=0), io)
    for one in kept:
        if head[: len(one.layout.header)] == one.layout.header:
            return one
    try:
        found = read_layout(path)
    except ShardError as err:
        best = _most_rows(path, kept, io)
        if best is None:
            return None
        # the path is in front of the message already
        why = str(err).removeprefix(f"{path}: ").partition(";")[0]
        problem = f"{_difference(head, best.layout.header)}; {why}"
        return FoundLayout(best.layout, best.own, problem)
    known = next((one for one in kept if one.layout.id == found.id), None)
    if known is None:
        return _own(path, found, info)
    return FoundLayout(known.layout, known.own, _difference(head, known.layout.header))


def _kept(info: SessionInfo | None, record: ManifestRecord | None) -> list[FoundLayout]:
    """Return the layouts that the session keeps, the one that the manifest names first."""
    kept = []
    if record is not None and record.layout is not None:
        kept.append(FoundLayout(record.layout, own=True))
    for entry in info.layouts if info else []:
        try:
            kept.append(FoundLayout(Layout.from_json(entry), own=False))
        except ShardError:
            continue  # session.json is damaged there, and its own check says so
    first = record.layout_id if record else ""
    return sorted(kept, key=lambda one: one.layout.id != first)


def _own(path: Path, found: Layout, info: SessionInfo | None) -> FoundLayout:
    """Return a layout read from the file, compared with one made again from the same numbers."""
    if info is None:
        return FoundLayout(found, own=True)
    says = shard_identity(path)
    if says is not None and says.uuid != info.uuid:
        return FoundLayout(found, own=True, foreign=True)
    again = cut_layout(info.uuid, info.created_utc, found.rows, found.types)
    # another version of kincap or of HDF5 writes another header: then nothing is to compare with
    if again.id != found.id or again == found:
        return FoundLayout(found, own=True)
    return FoundLayout(again, own=True, problem=_difference(found.header, again.header))


def _head(path: Path, length: int, io: FileIO) -> bytes:
    """Return a file's first bytes; none where it can't be read."""
    try:
        fd = io.open_read(path)
        try:
            return io.read_at(fd, length, 0)
        finally:
            io.close(fd)
    except OSError:
        return b""


def _difference(found: bytes, expected: bytes) -> str:
    """Say where two headers differ."""
    pairs = zip(found.ljust(len(expected), b"\0"), expected, strict=False)
    places = [at for at, (a, b) in enumerate(pairs) if a != b]
    more = f" and {len(places) - 1} more" if len(places) > 1 else ""
    return f"byte {places[0] if places else len(found)}{more} differs from the shard's layout"


def _most_rows(path: Path, kept: list[FoundLayout], io: FileIO) -> FoundLayout | None:
    """Return the layout under which most rows of a file hold their checksums."""
    best, most = None, 0
    for one in kept:
        try:
            with ShardReader(path, one.layout, io) as shard:
                tables = [table for table in one.layout.tables if table != BLOBS]
                rows = sum(len(shard.rows(table)) for table in tables)
        except ShardError:
            continue
        if rows > most:
            best, most = one, rows
    if best is None and kept:
        # without rows its size alone speaks for a layout, or the manifest does
        size = path.lstat().st_size
        best = next((one for one in kept if one.layout.size == size), kept[0])
    return best


@dataclass(frozen=True)
class ShardIdentity:
    """A shard's own description.

    Attributes:
        uuid: Its session's.
        created_utc: When its session was made.
        layout: Its own layout.
    """

    uuid: str
    created_utc: str
    layout: Layout


def shard_identity(path: Path) -> ShardIdentity | None:
    """Return what a shard says of itself, or None where it can't be read.

    Args:
        path: The shard.
    """
    try:
        layout = read_layout(path)
        with open_checked(
            path, SHARD_SCHEMA, what="a kincap shard", error=ShardError, follow_links=False
        ) as file:
            kept = {name: file.attrs.get(name) for name in ("session_uuid", "created_utc")}
    except ShardError:
        return None
    words = [v.decode("utf-8", "replace") if isinstance(v, bytes) else "" for v in kept.values()]
    return ShardIdentity(words[0], words[1], layout)
