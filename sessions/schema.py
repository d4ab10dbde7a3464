"""Shard contents: the tables' types, the numbers written into them, the rows that count.

docs/format.md says the same in words and is tested against these types.
"""

import json
import math
import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..core.sensor_shape import KINECT_V2, MOST_BODIES, MOST_JOINTS, SensorShape
from ..core.skeleton import KINECT_V2_SKELETON, Skeleton
from .kinds import EventKind as EventKind

FORMAT: Final = "kincap-shard"
FORMAT_VERSION: Final = 2
"""The version that is written; ``versions.READABLE`` names those that are read."""
BODIES: Final = KINECT_V2.bodies
"""Bodies that a Kinect v2 follows at once: slots in a row of ``bodies``."""

Rows = NDArray[np.void]
"""A structured array of rows of one of the tables."""


DROP_KINDS: Final = tuple(int(kind) for kind in EventKind if kind.is_drop)
"""Numbers of the events that cover lost items."""
COVERING_KINDS: Final = tuple(int(kind) for kind in EventKind if kind.covers_items)
"""Numbers of the events that cover items without a row: lost ones, and those of a pause."""


class Stream(IntEnum):
    """The streams of a session, as numbered in events and acknowledgements."""

    none = 0
    color = 1
    bodies = 2
    mask = 3
    depth = 4


class ColorFlag(IntFlag):
    """Bits of ``flags`` in a row of ``color_index``."""

    low_light = 1
    """The sensor had halved its frame rate for a longer exposure."""
    stored_as_given = 2
    """The JPEG came from the source and was not encoded here."""


_INDEX_FIELDS: Final = [
    ("seq", "<u8"),
    ("take", "<u2"),
    ("time_device", "<i8"),
    ("time_host", "<i8"),
    ("offset", "<u8"),
    ("length", "<u4"),
    ("crc32", "<u4"),
    ("exposure", "<i8"),
    ("frame_interval", "<i8"),
    ("gain", "<f4"),
    ("flags", "<u4"),
    ("row_crc", "<u4"),
]
COLOR_DTYPE: Final = np.dtype(_INDEX_FIELDS)
MASK_DTYPE: Final = np.dtype(_INDEX_FIELDS)
DEPTH_DTYPE: Final = np.dtype(_INDEX_FIELDS)


@lru_cache(maxsize=16)
def bodies_dtype(bodies: int, joints: int) -> np.dtype[Any]:
    """Return the type of a row of ``bodies`` for a sensor of any shape.

    Args:
        bodies: Slots in a row.
        joints: Joints of a body.
    """
    return np.dtype(
        [
            ("seq", "<u8"),
            ("take", "<u2"),
            ("time_device", "<i8"),
            ("time_host", "<i8"),
            ("floor", "<f4", (4,)),
            ("tracking_id", "<u8", (bodies,)),
            ("tracked", "u1", (bodies,)),
            ("clipped_edges", "u1", (bodies,)),
            ("hand_left_state", "u1", (bodies,)),
            ("hand_left_confidence", "u1", (bodies,)),
            ("hand_right_state", "u1", (bodies,)),
            ("hand_right_confidence", "u1", (bodies,)),
            ("lean_xy", "<f4", (bodies, 2)),
            ("lean_state", "u1", (bodies,)),
            ("joint_xyz_m", "<f4", (bodies, joints, 3)),
            ("joint_color_px", "<f4", (bodies, joints, 2)),
            ("joint_state", "u1", (bodies, joints)),
            ("joint_orientation", "<f4", (bodies, joints, 4)),
            ("row_crc", "<u4"),
        ]
    )


def bodies_and_joints(dtype: np.dtype[Any]) -> tuple[int, int] | None:
    """Return (bodies, joints) of a type that ``bodies_dtype`` gave; None for any other type."""
    if "joint_state" not in (dtype.names or ()):
        return None
    shape = dtype["joint_state"].shape
    if len(shape) != 2 or not 1 <= shape[0] <= MOST_BODIES or not 1 <= shape[1] <= MOST_JOINTS:
        return None
    bodies, joints = shape
    return (bodies, joints) if dtype == bodies_dtype(bodies, joints) else None


BODIES_DTYPE: Final = bodies_dtype(KINECT_V2.bodies, KINECT_V2.joints)
"""A row of ``bodies`` of a Kinect v2."""

EVENT_TEXT_BYTES: Final = 192
EVENTS_DTYPE: Final = np.dtype(
    [
        ("seq_first", "<u8"),
        ("seq_last", "<u8"),
        ("take", "<u2"),
        ("time_device", "<i8"),
        ("time_host", "<i8"),
        ("stream", "u1"),
        ("kind", "<u2"),
        ("count", "<u4"),
        ("text", f"S{EVENT_TEXT_BYTES}"),
        ("row_crc", "<u4"),
    ]
)

BLOBS: Final = "blobs"
TABLES: Final[dict[str, np.dtype[Any]]] = {
    "color_index": COLOR_DTYPE,
    "mask_index": MASK_DTYPE,
    "depth_index": DEPTH_DTYPE,
    "bodies": BODIES_DTYPE,
    "events": EVENTS_DTYPE,
}
"""Type of a row of each table, for a Kinect v2; ``bodies`` depends on the sensor's shape."""
STREAM_TABLE: Final[dict[Stream, str]] = {
    Stream.color: "color_index",
    Stream.mask: "mask_index",
    Stream.depth: "depth_index",
    Stream.bodies: "bodies",
}
TABLE_STREAM: Final[dict[str, Stream]] = {table: s for s, table in STREAM_TABLE.items()}
BLOB_TABLES: Final = ("color_index", "mask_index", "depth_index")
"""Tables whose rows point into ``blobs``."""

ROW_HEAD: Final = struct.Struct("<QHqq")
"""seq, take, time_device, time_host: how a row of every stream begins."""
BLOB_PLACE: Final = struct.Struct("<QII")
"""offset, length, crc32: what the writer fills in an index row, right after ROW_HEAD."""
ROW_CRC: Final = struct.Struct("<I")
_INDEX_ROW: Final = struct.Struct("<QHqqQIIqqfII")


def row_crc(body: bytes | memoryview) -> int:
    """Return the checksum that ends a row: CRC-32 of all before it; 1 where that gives 0."""
    return zlib.crc32(body) or 1


def pack_index_row(
    seq: int,
    take: int,
    time_device: int,
    time_host: int,
    *,
    exposure: int = -1,
    frame_interval: int = -1,
    gain: float = math.nan,
    flags: int = 0,
) -> bytes:
    """Pack a row of an index table; its writer fills offset, length and both checksums.

    Args:
        seq: Number of the item in its stream.
        take: Number of the take.
        time_device: Device time, 100 ns.
        time_host: Host time at arrival, ns.
        exposure: 100 ns; -1 unknown.
        frame_interval: 100 ns; -1 unknown.
        gain: NaN unknown.
        flags: Bits of ColorFlag.

    Returns:
        As many bytes as COLOR_DTYPE has. Without numpy: this runs for every frame.
    """
    return _INDEX_ROW.pack(
        seq, take, time_device, time_host, 0, 0, 0, exposure, frame_interval, gain, flags, 0
    )


def tables_of(shape: SensorShape) -> dict[str, np.dtype[Any]]:
    """Return the type of a row of each table for a sensor of this shape."""
    return {**TABLES, "bodies": bodies_dtype(shape.bodies, shape.joints)}


def empty_body_row(shape: SensorShape = KINECT_V2) -> Rows:
    """Return a row in which no body is tracked.

    Args:
        shape: The sensor's.

    Returns:
        (1,) of the type of ``bodies``: tracked 0, floats NaN, the rest 0.
    """
    dtype = bodies_dtype(shape.bodies, shape.joints)
    # numpy copies such a row field by field, twenty times slower than its bytes
    return np.frombuffer(bytearray(_empty_body_row(shape.bodies, shape.joints)), dtype)


@lru_cache(maxsize=16)
def _empty_body_row(bodies: int, joints: int) -> bytes:
    """Return the bytes of a row in which no body is tracked."""
    row = np.zeros(1, bodies_dtype(bodies, joints))
    for name in ("floor", "lean_xy", "joint_xyz_m", "joint_color_px", "joint_orientation"):
        row[name] = np.nan
    return row.tobytes()


def by_kinect_joints(rows: Rows, skeleton: Skeleton) -> Rows:
    """Return body rows with the 25 joints of a Kinect v2, matched by name.

    Whatever judges joints or makes labels of them works on these; a recording of a Kinect v2 is
    returned as it is.

    Args:
        rows: (N,) body rows of any sensor.
        skeleton: The sensor's joints.

    Returns:
        (N,) body rows with as many slots. A joint that the sensor lacks is NaN, not tracked.
    """
    if skeleton.points == KINECT_V2_SKELETON.points:
        return rows
    found = np.zeros(len(rows), bodies_dtype(rows["tracked"].shape[1], KINECT_V2.joints))
    shared = [name for name in KINECT_V2_SKELETON.points if name in skeleton.index]
    there = [skeleton.index[name] for name in shared]
    here = [KINECT_V2_SKELETON.index[name] for name in shared]
    for name in rows.dtype.names or ():
        if not name.startswith("joint_"):
            found[name] = rows[name]
            continue
        if name != "joint_state":
            found[name] = np.nan
        found[name][:, :, here] = rows[name][:, :, there]
    return found


def event_row(
    kind: EventKind,
    *,
    take: int,
    time_device: int = -1,
    time_host: int = -1,
    stream: Stream = Stream.none,
    seq_first: int = 0,
    seq_last: int = 0,
    count: int = 0,
    text: str = "",
) -> Rows:
    """Return an event.

    Args:
        kind: What happened.
        take: Number of the take.
        time_device: Device time, 100 ns; -1 unknown.
        time_host: Host time, ns; -1 unknown.
        stream: The stream it concerns.
        seq_first: First item it concerns.
        seq_last: Last item it concerns, included.
        count: How many items it concerns.
        text: Cut to 192 bytes of UTF-8, never inside a character.

    Returns:
        (1,) EVENTS_DTYPE.
    """
    cut = text.encode(errors="replace")[:EVENT_TEXT_BYTES].decode(errors="ignore").encode()
    row = (seq_first, seq_last, take, time_device, time_host, stream, kind, count, cut, 0)
    return np.array([row], EVENTS_DTYPE)


def finish_rows(rows: Rows) -> Rows:
    """Fill ``row_crc`` of every row, in place, and return the rows.

    Args:
        rows: (N,) of any table's type, contiguous.
    """
    size = rows.dtype.itemsize
    raw = rows.tobytes()
    rows["row_crc"] = [
        row_crc(raw[at : at + size - ROW_CRC.size]) for at in range(0, len(raw), size)
    ]
    return rows


def good_rows(rows: Rows) -> NDArray[np.bool_]:
    """Say which rows were written whole and are undamaged.

    Args:
        rows: (N,) of any table's type.

    Returns:
        (N,) bool; False for rows never written and for damaged ones.
    """
    size = rows.dtype.itemsize
    stored = rows["row_crc"]
    raw = np.ascontiguousarray(rows).view(np.uint8).data
    good = np.zeros(len(rows), np.bool_)
    # rows never written hold 0, which no checksum is: most of a fresh shard costs nothing here
    written = np.flatnonzero(stored)
    begins, sums = (written * size).tolist(), stored[written].tolist()
    end, crc32 = size - ROW_CRC.size, zlib.crc32
    # 0 stands for never written, so a row whose checksum is 0 has 1
    good[written] = [
        (crc32(raw[at : at + end]) or 1) == known for at, known in zip(begins, sums, strict=True)
    ]
    return good


@dataclass(frozen=True)
class CueEvent:
    """Content of an event of kind ``cue``.

    Attributes:
        name: Of the cue, without what can't be printed.
        begins: True: it is shown from here on; False: it ends.
        text: What the person was asked to do.
    """

    name: str
    begins: bool
    text: str = ""


def read_cue(text: bytes) -> CueEvent | None:
    """Return what an event of kind ``cue`` holds; None where it can't be read.

    Args:
        text: The event's text: a JSON object with ``name``, ``phase`` and ``text``.
    """
    try:
        about = json.loads(text)
    except ValueError:
        return None
    if not isinstance(about, dict):
        return None
    name = "".join(letter for letter in str(about.get("name", "")) if letter.isprintable())
    return CueEvent(name.strip(), about.get("phase") == "begin", str(about.get("text", "")))
