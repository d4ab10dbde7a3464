"""What was acknowledged, by the log of a disk, and what a session holds, read back."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import h5py
import numpy as np

from kincap.core.errors import ShardError
from kincap.core.units import TICK_100NS
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import BLOBS, TABLE_STREAM, TABLES, Stream
from kincap.sessions.shard.layout import Layout, cut_layout

from .disk import Call
from .tiny import ROWS, jpeg

Key = tuple[str, int]
"""Stream and seq."""

Items = dict[Key, tuple[bytes, bytes]]
"""Row and blob of each item."""

_SHARD = re.compile(r".*/[0-9]{6}\.h5")


@cache
def _layout() -> Layout:
    """Return where everything lies in every tiny shard, whatever the session."""
    return cut_layout("0" * 36, "2026-11-21T00:00:00Z", ROWS)


def rows_written(calls: Iterable[Call]) -> dict[int, tuple[Key, bytes, bytes]]:
    """Return each item that was stored, by the place in the log of its row's write.

    A recorder acknowledges an item when that write has returned.

    Args:
        calls: A log from its beginning.
    """
    found: dict[int, tuple[Key, bytes, bytes]] = {}
    blobs: dict[tuple[int, int], bytes] = {}
    places = _layout().tables
    for number, call in enumerate(calls):
        if call.kind != "write" or not _SHARD.fullmatch(call.path):
            continue
        if call.offset >= places[BLOBS].offset:
            blobs[call.inode, call.offset - places[BLOBS].offset] = call.data
            continue
        for table, stream in TABLE_STREAM.items():
            place = places.get(table)
            if place is None or not place.offset <= call.offset < place.end:
                continue
            if len(call.data) < place.dtype.itemsize:
                continue  # a write that failed in its middle
            row = np.frombuffer(call.data, place.dtype)[0]
            blob = blobs[call.inode, int(row["offset"])] if "offset" in TABLES[table].names else b""
            found[number] = ((stream.name, int(row["seq"])), call.data, blob)
    return found


def acknowledged(calls: Iterable[Call]) -> Items:
    """Return what was acknowledged in a log."""
    return {key: (row, blob) for key, row, blob in rows_written(calls).values()}


class Wrong(Exception):
    """A session does not hold what it has to."""


def read_items(folder: Path, *, may_lack_pictures: bool = False) -> Items:
    """Return every item of a session that counts; check each against the device's own pictures.

    Args:
        folder: The session's folder.
        may_lack_pictures: Leave out items whose row is good and whose picture is not.

    Raises:
        ShardError: A picture is damaged.
        Wrong: An item is there twice, or what it holds is not what the device gave.
    """
    items: Items = {}
    with SessionReader(folder) as reader:
        for stream in (Stream.color, Stream.bodies):
            for row in reader.rows(stream):
                key = (stream.name, int(row["seq"]))
                if key in items:
                    raise Wrong(f"{key} is stored twice")
                k = int(row["time_device"]) // TICK_100NS
                try:
                    blob = reader.color_blob(key[1]) if stream is Stream.color else b""
                except ShardError:
                    if not may_lack_pictures:
                        raise
                    continue
                right = blob == jpeg(k) if blob else (row["joint_xyz_m"][0] == k).all()
                if not right:
                    raise Wrong(f"{key} holds something else than was recorded")
                items[key] = (row.tobytes(), blob)
    return items


def check_there(known: Items, found: Items) -> None:
    """Check that all that is known is there, byte for byte.

    Raises:
        Wrong: It is not.
    """
    lost = sorted(known.keys() - found.keys())
    if lost:
        raise Wrong(f"lost: {lost}")
    changed = sorted(key for key, item in known.items() if found[key] != item)
    if changed:
        raise Wrong(f"changed: {changed}")


def check_opens(folder: Path) -> None:
    """Check that plain h5py opens every shard.

    Raises:
        OSError: It does not.
    """
    for shard in sorted(folder.glob("*.h5")):
        with h5py.File(shard) as file:
            file["color_index"][:]
