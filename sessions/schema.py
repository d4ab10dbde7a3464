"""What a shard holds: the tables' types, the numbers written into them, when a row counts.

docs/format.md says the same in words and is tested against these types.
"""

import math
import struct
import zlib
from enum import IntEnum, IntFlag
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..core.skeleton import JOINTS
from .kinds import EventKind as EventKind

FORMAT: Final = "kincap-shard"
FORMAT_VERSION: Final = 1
BODIES: Final = 6
"""Bodies that the sensor follows at once: slots in a row of ``bodies``."""

Rows = NDArray[np.void]
"""A structured array of rows of one of the tables."""


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

BODIES_DTYPE: Final = np.dtype(
    [
        ("seq", "<u8"),
        ("take", "<u2"),
        ("time_device", "<i8"),
        ("time_host", "<i8"),
        ("floor", "<f4", (4,)),
        ("tracking_id", "<u8", (BODIES,)),
        ("tracked", "u1", (BODIES,)),
        ("clipped_edges", "u1", (BODIES,)),
        ("hand_left_state", "u1", (BODIES,)),
        ("hand_left_confidence", "u1", (BODIES,)),
        ("hand_right_state", "u1", (BODIES,)),
        ("hand_right_confidence", "u1", (BODIES,)),
        ("lean_xy", "<f4", (BODIES, 2)),
        ("lean_state", "u1", (BODIES,)),
        ("joint_xyz_m", "<f4", (BODIES, JOINTS, 3)),
        ("joint_color_px", "<f4", (BODIES, JOINTS, 2)),
        ("joint_state", "u1", (BODIES, JOINTS)),
        ("joint_orientation", "<f4", (BODIES, JOINTS, 4)),
        ("row_crc", "<u4"),
    ]
)

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


def empty_body_row() -> Rows:
    """Return a row in which nobody is tracked.

    Returns:
        (1,) BODIES_DTYPE: tracked 0, floats NaN, the rest 0.
    """
    row = np.zeros(1, BODIES_DTYPE)
    for name in ("floor", "lean_xy", "joint_xyz_m", "joint_color_px", "joint_orientation"):
        row[name] = np.nan
    return row


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
    cut = text.encode()[:EVENT_TEXT_BYTES].decode(errors="ignore").encode()
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
    for i in np.flatnonzero(stored):
        at = int(i) * size
        good[i] = row_crc(raw[at : at + size - ROW_CRC.size]) == stored[i]
    return good
