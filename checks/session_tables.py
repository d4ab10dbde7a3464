"""The tables of a session for its checks, read shard by shard, small enough for hours.

A body row of 5.5 KB is checked once, together with a few rows before and after it, and some dozen
bytes of it are kept. Damaged rows and shards are left out and counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..core.files.file_io import FileIO
from ..core.geometry import as_floats
from ..core.skeleton import JOINT, JOINTS, KEYPOINT_JOINT, KEYPOINTS, TrackingState
from ..core.units import SECOND_100NS
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
from .filters.bodies import Bodies
from .filters.bones import LENGTHS, bone_ends
from .filters.crowding import body_boxes
from .filters.hands import hand_bends
from .filters.places import body_depth, keypoint_flags
from .filters.poses import YAW_LINES, line_yaws
from .filters.registry import BODY_CHECKS, CHECK_NAMES
from .filters.settings import FilterSettings
from .filters.verdict import apply_filters
from .plane_views import PATCH_PX, PlaneViews, looked_at

LINKED_100NS: Final = SECOND_100NS // 10
"""Bodies at most 0.1 s apart follow each other."""
_MARGIN: Final = 32
"""Rows before and after that a check looks at, at most."""
_ROWS_AT_ONCE: Final = 512
"""Body rows that are held at a time, 3 MB."""
_SAMPLE_ROWS: Final = 4
"""The joints of every this many rows are kept, to measure bones and movement."""
_FLOOR_ROWS: Final = 32
"""The floor of every this many rows is kept."""
_SPINE_BASE: Final = JOINT["SpineBase"]
_WRISTS: Final = [JOINT["WristLeft"], JOINT["WristRight"]]
_JOINT_BITS: Final = np.uint32(1) << np.arange(JOINTS, dtype=np.uint32)

REJECTED_BY: Final = ("tracking", "range", "edge")
"""Filters of ``kincap build``; the place of a name is its bit in ``rejects`` of a person."""
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
PERSON: Final = np.dtype(
    [
        ("seq", "<u8"), ("take", "<u2"), ("time_device", "<i8"), ("slot", "u1"),
        ("tracking_id", "<u8"), ("marks", "<u4", (len(CHECK_NAMES),)), ("clipped", "u1"),
        ("distance_m", "<f4"), ("guessed", "u1"), ("rejects", "u1"), ("wrist_px", "<f4", (2, 2)),
        ("wrist_m", "<f4", (2,)), ("place_m", "<f4", (3,)), ("box_px", "<f4", (4,)),
        ("length_m", "<f4", (LENGTHS,)), ("sure", "?", (LENGTHS,)),
        ("yaw", "<f4", (YAW_LINES,)), ("bend", "<f4", (2,)),
    ]
)  # fmt: skip
"""One tracked body: which joints each check names (bits; 0: it does not name the body), how many
keypoints are not tracked, where left and right wrist are in the picture and how far away, where its
spine's base and the box of its keypoints are, and the lengths of ``bone_ends`` (``sure``: the
sensor is, of both ends)."""

SAMPLE: Final = np.dtype(
    [
        ("take", "<u2"), ("time_device", "<i8"), ("tracking_id", "<u8"),
        ("joints", "<f4", (JOINTS, 3)), ("sure", "?", (JOINTS,)),
        ("points_px", "<f4", (KEYPOINTS, 2)),
    ]
)  # fmt: skip
"""The joints of one body, metres, NaN where not tracked; ``sure``: tracked, not inferred;
``points_px``: its keypoints in the stored image."""
_PERSON_IN: Final = np.dtype(
    [*((name, PERSON[name]) for name in PERSON.names or ()),
     ("points_px", "<f4", (KEYPOINTS, 2)), ("row", "<i8"),
     ("joints", "<f4", (JOINTS, 3)), ("state", "u1", (JOINTS,)),
     ("body_index", "u1", (KEYPOINTS, PATCH_PX, PATCH_PX)), ("surface_m", "<f4", (KEYPOINTS,))]
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

    settings: FilterSettings
    color: list[Rows] = field(default_factory=list)
    bodies: list[Rows] = field(default_factory=list)
    people: list[Rows] = field(default_factory=list)
    events: list[Rows] = field(default_factory=list)
    planes: dict[str, list[Rows]] = field(default_factory=dict)
    states: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    samples: list[Rows] = field(default_factory=list)
    shards: list[tuple[str, Layout]] = field(default_factory=list)
    damaged: dict[str, int] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    body_rows: int = 0
    gone_to: int = -1
    coverage: CoverageGrid = field(default_factory=CoverageGrid)
    floors: list[NDArray[np.float32]] = field(default_factory=list)


def read_tables(
    folder: Path,
    io: FileIO,
    settings: FilterSettings | None = None,
    *,
    thorough: bool = False,
) -> SessionTables:
    """Read a session, sealed, left or damaged.

    Args:
        folder: Its folder.
        io: File handling.
        settings: Thresholds of the filters; None: the defaults.
        thorough: Look at all masks and depth images, not at a part of them.

    Raises:
        SessionError: session.json can't be read.
    """
    info = load_session(folder, strict=False)
    size_px = info.device.color_size_px or info.shape.color_size_px
    settings = settings or FilterSettings()
    parts, watch = _Parts(settings), _Watch(settings)
    mapping = info.device.depth_mapping()
    every = looked_at(_sealed_planes(folder), thorough=thorough)
    for reader in _open_shards(folder, info, io, parts):
        parts.shards.append((reader.name, reader.layout))
        parts.color.append(_with_pictures(reader, _good(reader, "color_index", parts), parts))
        parts.events.append(_good(reader, "events", parts))
        for stream in (Stream.mask, Stream.depth):
            table = STREAM_TABLE[stream]
            if table in reader.layout.tables:
                parts.planes.setdefault(stream.name, []).append(_good(reader, table, parts))
        views = PlaneViews(reader, mapping, every)
        for good in _good_bodies(reader, parts):
            rows = by_kinect_joints(good, info.shape.skeleton)
            slim = np.zeros(len(rows), BODY_ROW)
            for name in ("seq", "take", "time_device", "time_host"):
                slim[name] = rows[name]
            slim["people"] = (rows["tracked"] != 0).sum(axis=1)
            parts.people += watch.add(_people(rows, parts, size_px, views))
            parts.bodies.append(slim)
            parts.floors.append(rows["floor"][::_FLOOR_ROWS].copy())
            parts.body_rows += len(rows)
    parts.people += watch.close()
    counts = [len(rows) for rows in parts.color]
    return SessionTables(
        folder=folder,
        info=info,
        color=np.concatenate([np.zeros(0, COLOR_DTYPE), *parts.color]),
        color_shard=np.repeat(np.arange(len(counts)), counts),
        shards=parts.shards,
        bodies=np.concatenate([np.zeros(0, BODY_ROW), *parts.bodies]),
        people=np.concatenate([np.zeros(0, PERSON), *parts.people]),
        events=np.concatenate([np.zeros(0, EVENTS_DTYPE), *parts.events]),
        states=parts.states,
        samples=np.concatenate([np.zeros(0, SAMPLE), *parts.samples]),
        damaged=parts.damaged,
        unreadable=parts.unreadable,
        sealed_to=_sealed_to(folder, parts.gone_to),
        settings=settings,
        planes=_joined(parts.planes),
        coverage=parts.coverage,
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


def _people(rows: Rows, parts: _Parts, size_px: tuple[int, int], views: PlaneViews) -> Rows:
    """Return the tracked bodies of some rows; count states, coverage and samples on the way."""
    row, slot = np.nonzero(rows["tracked"] != 0)
    people = np.zeros(len(row), _PERSON_IN)
    people["row"] = parts.body_rows + row
    for name in ("seq", "take", "time_device"):
        people[name] = rows[name][row]
    people["slot"] = slot
    people["tracking_id"] = rows["tracking_id"][row, slot]
    people["clipped"] = rows["clipped_edges"][row, slot]
    people["joints"] = rows["joint_xyz_m"][row, slot]
    people["state"] = rows["joint_state"][row, slot]
    depth = body_depth(people["joints"], people["state"])
    parts.coverage.add_joints(people["joints"], people["state"], depth)
    # where there is no mask, nothing speaks against a keypoint
    people["body_index"] = slot[:, None, None, None]
    view = views.look(people, people["joints"])
    people["body_index"][view.seen] = view.body_index[view.seen]
    people["surface_m"] = view.surface_m
    people["distance_m"] = people["joints"][:, _SPINE_BASE, 2]
    people["wrist_px"] = rows["joint_color_px"][row, slot][:, _WRISTS]
    people["wrist_m"] = people["joints"][:, _WRISTS, 2]
    points = rows["joint_color_px"][row, slot][:, KEYPOINT_JOINT]
    people["points_px"] = points
    people["rejects"] = _rejects(points, depth, people, size_px, parts.settings)
    people["place_m"] = people["joints"][:, _SPINE_BASE]
    people["box_px"] = body_boxes(points, size_px)
    people["length_m"], people["sure"] = bone_ends(people["joints"], people["state"])
    people["yaw"] = line_yaws(people["joints"], people["state"])
    people["bend"] = hand_bends(people["joints"], people["state"])
    people["guessed"] = (people["state"][:, KEYPOINT_JOINT] != TrackingState.tracked).sum(axis=1)
    for take in np.unique(people["take"]):
        states = people["state"][people["take"] == take]
        counts = np.stack([(states == state).sum(axis=0) for state in TrackingState])
        parts.states[int(take)] = parts.states.get(int(take), 0) + counts
    some = people[people["row"] % _SAMPLE_ROWS == 0]
    samples = np.zeros(len(some), SAMPLE)
    for name in ("take", "time_device", "tracking_id", "joints", "points_px"):
        samples[name] = some[name]
    samples["joints"][some["state"] == TrackingState.not_tracked] = np.nan
    samples["sure"] = some["state"] == TrackingState.tracked
    parts.samples.append(samples)
    return people


def _rejects(
    points: NDArray[np.float32],
    depth: NDArray[np.float32],
    people: Rows,
    size_px: tuple[int, int],
    settings: FilterSettings,
) -> NDArray[np.uint8]:
    """Return (P,) which filters would leave out each body in build: bits of REJECTED_BY."""
    state = people["state"][:, KEYPOINT_JOINT]
    flags = keypoint_flags(points, state, people["clipped"], size_px, settings)
    fails = apply_filters(flags, depth, settings)
    bits = np.zeros(len(people), np.uint8)
    for bit, name in enumerate(REJECTED_BY):
        bits |= fails[name].astype(np.uint8) << np.uint8(bit)
    return bits


class _Watch:
    """Runs the checks over bodies that come in parts, as if they came at once."""

    def __init__(self, settings: FilterSettings) -> None:
        self._settings = settings
        self._kept = np.zeros(0, _PERSON_IN)
        self._done = 0

    def add(self, people: Rows) -> list[Rows]:
        """Take the next bodies, in the order of rows; return those that are judged now."""
        self._kept = np.concatenate([self._kept, people])
        return self._judge(behind=_MARGIN)

    def close(self) -> list[Rows]:
        """Return the last ones."""
        return self._judge(behind=0)

    def _judge(self, behind: int) -> list[Rows]:
        kept = self._kept
        rows = np.unique(kept["row"])
        if len(rows) <= behind:
            return []
        end = len(kept) if not behind else int(np.searchsorted(kept["row"], rows[-behind]))
        if end <= self._done:
            return []
        check_people(kept, self._settings)
        judged = np.zeros(end - self._done, PERSON)
        for name in PERSON.names or ():
            judged[name] = kept[name][self._done : end]
        # rows that the next part's first rows look back on
        last = int(np.searchsorted(rows, kept["row"][end - 1]))
        first = int(np.searchsorted(kept["row"], rows[max(last - _MARGIN, 0)]))
        self._kept, self._done = kept[first:].copy(), end - first
        return [judged]


def check_people(people: Rows, settings: FilterSettings) -> None:
    """Run the checks and write the joints that they name into ``marks``, in place.

    Args:
        people: (P,) bodies with ``joints`` (25, 3) and ``state`` (25,).
        settings: Thresholds.
    """
    order = np.lexsort((people["time_device"], people["tracking_id"], people["take"]))
    joints = as_floats(people["joints"][order])
    time_s = people["time_device"][order] / SECOND_100NS
    own = people[order]
    bodies = Bodies(
        joints,
        own["state"],
        links(own),
        time_s,
        body_index=own["body_index"],
        slot=own["slot"],
        surface_m=as_floats(own["surface_m"]),
    )
    marks = np.zeros((len(people), len(CHECK_NAMES)), np.uint32)
    for place, (name, check) in enumerate(BODY_CHECKS.items()):
        if check.marks is not None and settings.uses(name):
            marks[order, place] = check.marks(bodies, settings) @ _JOINT_BITS
    people["marks"] = marks


def links(people: Rows) -> NDArray[np.bool_]:
    """Return which bodies, sorted by take, id and time, closely follow the one before.

    Returns:
        (P,) bool.
    """
    linked = np.zeros(len(people), np.bool_)
    step = np.diff(people["time_device"])
    linked[1:] = (step > 0) & (step <= LINKED_100NS)
    for name in ("take", "tracking_id"):
        linked[1:] &= people[name][1:] == people[name][:-1]
    return linked


def named_by(people: Rows, check: str) -> NDArray[np.bool_]:
    """Return (P,) whether a check names each body."""
    return np.asarray(people["marks"][:, CHECK_NAMES.index(check)] != 0)


def joints_named(people: Rows, check: str) -> NDArray[np.bool_]:
    """Return (P, 25) which joints of each body a check names."""
    bits: NDArray[Any] = people["marks"][:, CHECK_NAMES.index(check), None] & _JOINT_BITS
    return np.asarray(bits != 0)
