"""The tables of a session for its checks, read shard by shard, small enough for hours.

Damaged rows and shards are left out and counted. What is kept of bodies: ``session_people``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..core.files.file_io import FileIO
from ..sessions.info import SessionInfo
from ..sessions.manifest import read_manifest
from ..sessions.schema import (
    BLOBS,
    COLOR_DTYPE,
    EVENTS_DTYPE,
    STREAM_TABLE,
    Rows,
    Stream,
    by_kinect_joints,
    good_rows,
)
from ..sessions.session_file import load_session
from ..sessions.shard.layout import Layout, other_shape
from ..sessions.shard.shard_reader import ShardReader
from ..sessions.shards import open_shards
from .coverage.grid import CoverageGrid
from .filters.settings import FilterSettings
from .plane_verdicts import KnownViews, PlaneVerdicts
from .plane_views import PlaneViews, looked_at
from .session_people import SessionPeople

_ROWS_AT_ONCE: Final = 512
"""Body rows that are held at a time, 3 MB."""
_FLOOR_ROWS: Final = 32
"""The floor of every this many rows is kept."""
PICTURES: Final = "pictures"
"""Under this name images after the end of a cut file are counted as damaged."""

BODY_ROW: Final = np.dtype(
    [
        ("seq", "<u8"),
        ("take", "<u2"),
        ("time_device", "<i8"),
        ("time_host", "<i8"),
        ("people", "u1"),
    ]
)  # fmt: skip


@dataclass
class SessionTables:
    """A session's tables, slim.

    Attributes:
        folder: The session's.
        info: What session.json says.
        color: (F,) COLOR_DTYPE.
        color_shard: (F,) index into ``shards``.
        shards: Name of each shard and its layout.
        bodies: (M,) BODY_ROW.
        people: (P,) PERSON.
        events: (E,) EVENTS_DTYPE.
        states: By take (4, 25) how often each joint had each ``TrackingState``.
        samples: (S,) SAMPLE, the joints of some bodies.
        damaged: Damaged rows by table, and ``PICTURES`` that are gone.
        unreadable: Shards that can't be read.
        sealed_to: By stream name the last seq that the manifest or a row without its picture has.
        settings: Thresholds of the filters that judged its people.
        planes: By stream name, "mask" and "depth", its (N,) rows; a stream without rows is not in
            it.
        every_plane: Whether all masks and depth images were looked at, not a part of them.
        coverage: Where the wrists and elbows of its bodies have been.
        floors: (R, 4) float32 the floor plane of some body rows, as the sensor gave it.
    """

    folder: Path
    info: SessionInfo
    color: Rows
    color_shard: NDArray[np.intp]
    shards: list[tuple[str, Layout]]
    bodies: Rows
    people: Rows
    events: Rows
    states: dict[int, NDArray[np.int64]]
    samples: Rows
    damaged: dict[str, int]
    unreadable: list[str]
    sealed_to: dict[str, int]
    settings: FilterSettings
    planes: dict[str, Rows] = field(default_factory=dict)
    every_plane: bool = False
    coverage: CoverageGrid = field(default_factory=CoverageGrid)
    floors: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))

    def takes(self) -> list[int]:
        """Return the takes that anything is known of."""
        known = {int(take["take"]) for take in self.info.takes if "take" in take}
        for rows in (self.color, self.bodies, self.events, *self.planes.values()):
            known |= {int(take) for take in np.unique(rows["take"])}
        return sorted(known)


@dataclass
class _Parts:
    """The rows that were read so far."""

    color: list[Rows] = field(default_factory=list)
    bodies: list[Rows] = field(default_factory=list)
    events: list[Rows] = field(default_factory=list)
    planes: dict[str, list[Rows]] = field(default_factory=dict)
    shards: list[tuple[str, Layout]] = field(default_factory=list)
    damaged: dict[str, int] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    gone_to: int = -1
    floors: list[NDArray[np.float32]] = field(default_factory=list)


def read_tables(
    folder: Path,
    io: FileIO,
    settings: FilterSettings | None = None,
    *,
    thorough: bool = False,
    verdicts: PlaneVerdicts | None = None,
) -> SessionTables:
    """Read a session, sealed, left or damaged.

    Args:
        folder: Its folder.
        io: File handling.
        settings: Thresholds of the filters; None: the defaults.
        thorough: Look at all masks and depth images, not at a part of them.
        verdicts: What they say of each body, where that is known; then none is decoded.

    Raises:
        SessionError: session.json can't be read.
    """
    info = load_session(folder, strict=False)
    size_px = info.device.color_size_px or info.shape.color_size_px
    settings = settings or FilterSettings()
    parts, people = _Parts(), SessionPeople(settings, size_px)
    mapping = info.device.depth_mapping()
    every = looked_at(_sealed_planes(folder), thorough=thorough)
    known = None if verdicts is None else KnownViews(verdicts)
    for reader in _open_shards(folder, info, io, parts):
        parts.shards.append((reader.name, reader.layout))
        parts.color.append(_with_pictures(reader, _good(reader, "color_index", parts), parts))
        parts.events.append(_good(reader, "events", parts))
        for stream in (Stream.mask, Stream.depth):
            table = STREAM_TABLE[stream]
            if table in reader.layout.tables:
                parts.planes.setdefault(stream.name, []).append(_good(reader, table, parts))
        views = known or PlaneViews(reader, mapping, every)
        for good in _good_bodies(reader, parts):
            rows = by_kinect_joints(good, info.shape.skeleton)
            slim = np.zeros(len(rows), BODY_ROW)
            for name in ("seq", "take", "time_device", "time_host"):
                slim[name] = rows[name]
            slim["people"] = (rows["tracked"] != 0).sum(axis=1)
            people.add(rows, views)
            parts.bodies.append(slim)
            parts.floors.append(rows["floor"][::_FLOOR_ROWS].copy())
    all_people, samples = people.close()
    counts = [len(rows) for rows in parts.color]
    return SessionTables(
        folder=folder,
        info=info,
        color=np.concatenate([np.zeros(0, COLOR_DTYPE), *parts.color]),
        color_shard=np.repeat(np.arange(len(counts)), counts),
        shards=parts.shards,
        bodies=np.concatenate([np.zeros(0, BODY_ROW), *parts.bodies]),
        people=all_people,
        events=np.concatenate([np.zeros(0, EVENTS_DTYPE), *parts.events]),
        states=people.states,
        samples=samples,
        damaged=parts.damaged,
        unreadable=parts.unreadable,
        sealed_to=_sealed_to(folder, parts.gone_to),
        settings=settings,
        planes=_joined(parts.planes),
        every_plane=every == 1,
        coverage=people.coverage,
        floors=np.concatenate([np.zeros((0, 4), np.float32), *parts.floors]),
    )


def _joined(planes: dict[str, list[Rows]]) -> dict[str, Rows]:
    """Return the rows of each stream of masks or depth images that has any."""
    whole = {name: np.concatenate(parts) for name, parts in planes.items()}
    return {name: rows for name, rows in whole.items() if len(rows)}


def _sealed_planes(folder: Path) -> int:
    """Return how many masks, or depth images, the manifest lists: the larger of both numbers."""
    records = list(read_manifest(folder).values())
    tables = (STREAM_TABLE[stream] for stream in (Stream.mask, Stream.depth))
    return max(sum(record.rows.get(table, 0) for record in records) for table in tables)


def _sealed_to(folder: Path, gone_to: int) -> dict[str, int]:
    """Return the last seq of each stream that the manifest, or a lost picture, names."""
    last = {Stream.color.name: gone_to}
    for record in read_manifest(folder).values():
        for name, span in record.streams.items():
            last[name] = max(last.get(name, -1), span.seq_last)
    return last


def _open_shards(
    folder: Path, info: SessionInfo, io: FileIO, parts: _Parts
) -> Iterator[ShardReader]:
    """Yield each shard that can be read, open; take down the others."""
    for shard in open_shards(folder, info, io):
        if shard.reader is None or other_shape(shard.reader.layout, info.shape):
            parts.unreadable.append(shard.name)
        else:
            yield shard.reader


def _good_bodies(reader: ShardReader, parts: _Parts) -> Iterator[Rows]:
    """Yield the body rows that count, a few at a time."""
    place = reader.layout.tables.get("bodies")
    for first in range(0, place.rows if place else 0, _ROWS_AT_ONCE):
        rows = reader.all_rows("bodies", first, _ROWS_AT_ONCE)
        if not len(rows) or not rows["row_crc"].any():
            continue  # never written, or after the end of a file that was cut
        yield _counted(rows, "bodies", parts)


def _good(reader: ShardReader, table: str, parts: _Parts) -> Rows:
    """Return the rows of a table that count; count the damaged ones."""
    return _counted(reader.all_rows(table), table, parts)


def _with_pictures(reader: ShardReader, rows: Rows, parts: _Parts) -> Rows:
    """Leave out colour rows whose image is after the end of a cut file; count them."""
    place = reader.layout.tables.get(BLOBS)
    room = 0 if place is None else min(place.rows, reader.size() - place.offset)
    there = rows["offset"].astype(np.float64) + rows["length"] <= room
    if not there.all():
        parts.damaged[PICTURES] = parts.damaged.get(PICTURES, 0) + int((~there).sum())
        parts.gone_to = max(parts.gone_to, int(rows["seq"][~there].max()))
    return rows if there.all() else rows[there]


def _counted(rows: Rows, table: str, parts: _Parts) -> Rows:
    """Leave out rows that were never written, and damaged ones, which are counted."""
    good = good_rows(rows)
    bad = int((rows["row_crc"][~good] != 0).sum())
    if bad:
        parts.damaged[table] = parts.damaged.get(table, 0) + bad
    return rows if good.all() else rows[good]
