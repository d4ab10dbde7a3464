"""Versions of the shard and of session.json: what kincap reads, and how it reads older ones.

Steps to make a new version:

1. Add it to ``READABLE`` (and to ``session_file.READABLE``), raise ``FORMAT_VERSION`` in schema.py.
2. Rows of older versions become rows of today's types in ``to_current``: a new column gets its
   default in ``_DEFAULTS``. Readers, report, review and build see today's types alone.
3. Describe both in docs/format.md, and keep small files of the version before in
   ``tests/sessions/fixtures``. ``kincap sessions upgrade`` then works by itself.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ...core.errors import KincapError
from ...core.sensor_shape import KINECT_V2, SensorShape
from ..schema import (
    EVENT_TEXT_BYTES,
    EVENTS_DTYPE,
    FORMAT_VERSION,
    ROW_CRC,
    TABLES,
    Rows,
    finish_rows,
    good_rows,
    tables_of,
)

_EVENTS: Final = "events"


@dataclass(frozen=True)
class ShardVersion:
    """A version of the shard.

    Attributes:
        number: The version.
        types: Type of a row of each table whose stored type differs from the one in memory.
    """

    number: int
    types: Mapping[str, np.dtype[Any]]


def _with_field(dtype: np.dtype[Any], field: str, kind: Any) -> np.dtype[Any]:
    """Return a packed type in which one field is of another kind."""
    fields = [(name, kind if name == field else dtype[name]) for name in dtype.names or ()]
    return np.dtype(fields)


READABLE: Final[dict[int, ShardVersion]] = {
    1: ShardVersion(1, {_EVENTS: EVENTS_DTYPE}),
    # as an array of bytes: readers built on netCDF-C take no fixed-length string in a row
    2: ShardVersion(2, {_EVENTS: _with_field(EVENTS_DTYPE, "text", ("u1", (EVENT_TEXT_BYTES,)))}),
}
"""Every version of the shard that kincap reads, for ever; the last one is written."""

_DEFAULTS: Final[dict[str, dict[str, Any]]] = {}
"""By table: what a column holds in rows of versions that lack it; 0 where nothing is said."""


def stored_tables(
    shape: SensorShape = KINECT_V2, version: int = FORMAT_VERSION
) -> dict[str, np.dtype[Any]]:
    """Return the type of a row of each table as a version of the shard stores it."""
    return {**tables_of(shape), **READABLE[version].types}


def version_of(types: Mapping[str, np.dtype[Any]]) -> int:
    """Return the version whose shards store their events in this type.

    Raises:
        ValueError: None does.
    """
    for number, version in READABLE.items():
        if types.get(_EVENTS) == version.types[_EVENTS]:
            return number
    raise ValueError("events are of no version's type")


def event_types() -> list[np.dtype[Any]]:
    """Return the types in which versions store events."""
    return [version.types[_EVENTS] for version in READABLE.values()]


def check_version(
    found: Any, readable: Collection[int], what: str, error: type[KincapError]
) -> int:
    """Return a version that was found in a file, checked.

    Args:
        found: What the file says.
        readable: Versions that can be read.
        what: The file and what it is, for the message.
        error: Raised where it can't be read.
    """
    if not isinstance(found, int | np.integer) or isinstance(found, bool):
        said = "no format_version" if found is None else f"format_version {found!r:.40}"
        raise error(f"{what}: {said}, expected a whole number; restore it from a copy")
    if int(found) in readable:
        return int(found)
    words = f"{min(readable)}-{max(readable)}" if len(readable) > 1 else f"{min(readable)}"
    advice = "upgrade kincap" if int(found) > max(readable) else "restore it from a copy"
    raise error(f"{what} version {found}, this kincap reads {words}; {advice}")


def to_current(table: str, rows: Rows) -> Rows:
    """Return rows as they are stored in any version, in the type that kincap works with.

    Args:
        table: The table's name.
        rows: (N,) as stored.

    Returns:
        (N,) of today's type. Which rows are good, empty or damaged stays so.
    """
    current = TABLES[table] if table != "bodies" else rows.dtype
    if rows.dtype == current:
        return rows
    same_bytes = rows.dtype.itemsize == current.itemsize and rows.dtype.names == current.names
    return rows.view(current) if same_bytes else fill_columns(rows, current, _DEFAULTS.get(table))


def fill_columns(
    rows: Rows, current: np.dtype[Any], defaults: Mapping[str, Any] | None = None
) -> Rows:
    """Return rows of a type with fewer columns in today's type.

    Args:
        rows: (N,) rows of an older version; columns that today's lacks are left out.
        current: Today's type.
        defaults: By column what the rows get that have none; 0 where it is not named.

    Returns:
        (N,) rows. Empty rows stay empty and damaged ones damaged.
    """
    found = np.zeros(len(rows), current)
    for name in current.names or ():
        if name in (rows.dtype.names or ()):
            found[name] = rows[name]
        elif defaults and name in defaults:
            found[name] = defaults[name]
    good, written = good_rows(rows), rows["row_crc"] != 0
    finish_rows(found)
    # no checksum holds for a damaged row: it gets one that can't
    found["row_crc"][~good] ^= np.uint32((1 << 8 * ROW_CRC.size) - 1)
    found[~written] = np.zeros((), current)
    return found
