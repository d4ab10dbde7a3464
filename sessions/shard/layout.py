"""Layout of a shard: the template that is made once and never changes.

A shard is a plain HDF5 file whose datasets are contiguous and allocated when it is made. HDF5
writes the template (a sparse temporary file); from then on a shard is the template's first bytes,
the header, and positioned writes at the datasets' offsets.
"""

import base64
import binascii
import hashlib
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from ... import __version__
from ...core.errors import ShardError
from ...core.hdf5.making import create_dataset, create_file
from ...core.hdf5.reading import file_offset
from ...core.sensor_shape import KINECT_V2, MOST_BODIES, MOST_JOINTS, SensorShape
from ..schema import (
    BLOB_TABLES,
    BLOBS,
    FORMAT,
    STREAM_TABLE,
    TABLES,
    Stream,
    bodies_and_joints,
    bodies_dtype,
)
from .versions import event_types, stored_tables, version_of

MIB: Final = 1 << 20
MIN_SHARD_MIB: Final = 8
MAX_SHARD_MIB: Final = 16384
"""Tables are read whole: the bodies of a shard this large fill 0.7 GB of memory."""
BODIES_TABLE: Final = STREAM_TABLE[Stream.bodies]
EVENTS_TABLE: Final = "events"
_MAX_HEADER: Final = 1 << 20
_MAX_TABLE: Final = 4 << 30
"""Bytes of a table: more than the bodies of the largest shard."""


@dataclass(frozen=True)
class TablePlace:
    """Place of a dataset in the file.

    Attributes:
        offset: Bytes from the file's start.
        rows: Rows it has room for (bytes, for ``blobs``).
        dtype: Type of one row.
    """

    offset: int
    rows: int
    dtype: np.dtype[Any]

    @property
    def end(self) -> int:
        """First byte behind it."""
        return self.offset + self.rows * self.dtype.itemsize


@dataclass(frozen=True)
class Layout:
    """A shard's template: its first bytes, and the places of its datasets.

    Attributes:
        id: Names the layout in session.json, the manifest and the shard's attributes.
        header: All bytes of the file before its first dataset.
        tables: Place of each dataset, ``blobs`` among them where there is one.
    """

    id: str
    header: bytes = field(repr=False)
    tables: dict[str, TablePlace]

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return max(place.end for place in self.tables.values())

    @property
    def rows(self) -> dict[str, int]:
        """Rows that each dataset has room for (bytes, for ``blobs``)."""
        return {name: place.rows for name, place in self.tables.items()}

    @property
    def version(self) -> int:
        """The version of the shard."""
        return version_of(self.types)

    @property
    def types(self) -> dict[str, np.dtype[Any]]:
        """Type of a row of each table, those that the shard lacks included."""
        here = {name: place.dtype for name, place in self.tables.items() if name != BLOBS}
        return {**TABLES, **here}

    def to_json(self) -> dict[str, Any]:
        """Return the layout as session.json and the manifest keep it."""
        return {
            "id": self.id,
            "header": base64.b64encode(zlib.compress(self.header, 9)).decode(),
            "tables": {
                name: [place.offset, place.rows, _descr(place.dtype)]
                for name, place in self.tables.items()
            },
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any], *, where: str = "layout") -> "Layout":
        """Return the layout that ``to_json`` gave.

        Args:
            kept: The JSON object.
            where: Its file, for the message.

        Raises:
            ShardError: It is not a layout of this version, or its datasets overlap.
        """
        try:
            unpack = zlib.decompressobj()
            header = unpack.decompress(base64.b64decode(kept["header"], validate=True), _MAX_HEADER)
            tables = {name: _place(name, *place) for name, place in kept["tables"].items()}
            layout = cls(str(kept["id"]), header, tables)
        except (KeyError, TypeError, ValueError, AttributeError, zlib.error, binascii.Error) as err:
            raise ShardError(f"{where}: not a shard layout ({err!r})") from err
        problem = layout.problem()
        if problem:
            raise ShardError(f"{where}: layout {layout.id}: {problem}")
        return layout

    def problem(self) -> str | None:
        """Say what is wrong with it, or None: unknown or overlapping datasets, other types."""
        for name, place in self.tables.items():
            if not is_row_type(name, place.dtype):
                return f"{name} is not a dataset of any format version"
            if place.rows < 0 or place.offset < 0:
                return f"{name} has a negative place"
            if name != BLOBS and place.end - place.offset > _MAX_TABLE:
                return f"{name} is larger than any table"
        end = len(self.header)
        for place in sorted(self.tables.values(), key=lambda place: place.offset):
            if place.offset < end:
                return "datasets overlap"
            end = place.end
        if end > MAX_SHARD_MIB * MIB:
            return f"larger than the largest shard, {MAX_SHARD_MIB} MiB"
        return None if self.tables else "no datasets"


def other_shape(layout: Layout, shape: SensorShape) -> str | None:
    """Return how the body rows of a shard differ from its session's sensor; None: they don't."""
    found = bodies_and_joints(layout.types[BODIES_TABLE])
    if BODIES_TABLE not in layout.tables or found == (shape.bodies, shape.joints):
        return None
    there = "odd size" if found is None else f"{found[0]} bodies of {found[1]} joints"
    return f"rows of {there}, session.json says {shape.bodies} bodies of {shape.joints} joints"


def is_row_type(name: str, dtype: np.dtype[Any]) -> bool:
    """Return True if the format allows a dataset to be of this type."""
    if name == BODIES_TABLE:
        return bodies_and_joints(dtype) is not None
    if name == EVENTS_TABLE:
        return dtype in event_types()
    return dtype == (np.dtype("u1") if name == BLOBS else TABLES.get(name))


def _known(name: str, descr: Any) -> np.dtype[Any] | None:
    """Return the type that the format gives a dataset; ``bodies`` has the shape that it says."""
    if name == EVENTS_TABLE:
        fits = (dtype for dtype in event_types() if descr == _as_json(dtype))
        return next(fits, None)
    if name != BODIES_TABLE:
        return np.dtype("u1") if name == BLOBS else TABLES.get(name)
    shape = next((field[2] for field in descr if field[:1] == ["joint_state"]), None)
    if not isinstance(shape, list) or not all(type(n) is int for n in shape):
        return None
    bodies, joints = shape
    if not 1 <= bodies <= MOST_BODIES or not 1 <= joints <= MOST_JOINTS:
        return None
    return bodies_dtype(bodies, joints)


def _descr(dtype: np.dtype[Any]) -> Any:
    """Return a dtype as JSON can hold it."""
    return dtype.descr if dtype.names else dtype.str


@lru_cache(maxsize=64)
def _as_json(dtype: np.dtype[Any]) -> Any:
    """Return a dtype as it comes back from JSON; for comparing alone, as it is kept."""
    return json.loads(json.dumps(_descr(dtype)))


def _place(name: str, offset: Any, rows: Any, descr: Any) -> TablePlace:
    """Return a dataset's place as JSON holds it; numpy never sees what a stranger calls a type.

    Raises:
        ValueError: It is none.
    """
    known = _known(name, descr)
    if known is None or descr != _as_json(known):
        raise ValueError(f"{name} is not a dataset of any format version")
    if type(offset) is not int or type(rows) is not int:
        raise ValueError(f"{name} has no place")
    return TablePlace(offset, rows, known)


def table_rows(streams: tuple[str, ...], shard_mib: int) -> dict[str, int]:
    """Return how many rows each table of a shard of this size has.

    Args:
        streams: Names of the source's streams.
        shard_mib: Size of the whole shard, MiB.
    """
    rows = {}
    for stream in sorted(Stream[name] for name in streams):
        per_mib = 32 if stream is Stream.bodies and "color" not in streams else 8
        rows[STREAM_TABLE[stream]] = max(64, per_mib * shard_mib)
    rows["events"] = max(64, 4 * shard_mib)
    return rows


def make_layout(
    session_uuid: str,
    created_utc: str,
    streams: tuple[str, ...] = ("color", "bodies"),
    shard_mib: int = 512,
    shape: SensorShape = KINECT_V2,
) -> Layout:
    """Make the template of a recorder run's shards.

    Args:
        session_uuid: From session.json.
        created_utc: When the session was made, from session.json.
        streams: Streams that the source has; others get no datasets.
        shard_mib: Size of a shard, MiB; what the tables leave is ``blobs``.
        shape: The sensor's.

    Raises:
        ShardError: A shard that small has no room for its tables, one that large is not read back.
    """
    if not MIN_SHARD_MIB <= shard_mib <= MAX_SHARD_MIB:
        raise ShardError(
            f"--shard-mib {shard_mib}: expected {MIN_SHARD_MIB} to {MAX_SHARD_MIB} MiB"
        )
    rows, types = table_rows(streams, shard_mib), stored_tables(shape)
    if not any(table in BLOB_TABLES for table in rows):
        return _template(session_uuid, created_utc, rows, types)
    lengths = len(session_uuid), len(created_utc)
    start = _blobs_begin(tuple(rows.items()), tuple(types.items()), lengths)
    if shard_mib * MIB <= start:
        raise ShardError(f"--shard-mib {shard_mib}: too small for the tables of this sensor")
    return _template(session_uuid, created_utc, {**rows, BLOBS: shard_mib * MIB - start}, types)


@lru_cache(maxsize=16)
def _blobs_begin(
    rows: tuple[tuple[str, int], ...],
    types: tuple[tuple[str, np.dtype[Any]], ...],
    lengths: tuple[int, int],
) -> int:
    """Return where ``blobs`` begins after the tables, as it is to end where the shard does.

    Kept in memory: a template takes some milliseconds, and a recording is to begin at once.

    Args:
        rows: Rows of each table.
        types: Type of a row of each table.
        lengths: Of the session's uuid and time, which do not matter otherwise.
    """
    uuid, utc = ("0" * length for length in lengths)
    return _template(uuid, utc, {**dict(rows), BLOBS: 1}, dict(types)).tables[BLOBS].offset


def cut_layout(
    session_uuid: str,
    created_utc: str,
    rows: Mapping[str, int],
    types: Mapping[str, np.dtype[Any]] | None = None,
) -> Layout:
    """Make the template of a repacked shard.

    Args:
        session_uuid: From session.json.
        created_utc: When the session was made.
        rows: Rows (bytes, for ``blobs``) of each dataset; an empty one keeps room for one,
            because HDF5 gives a dataset without elements no place.
        types: Type of a row of each table, ``Layout.types`` of the shard that is repacked; None:
            as new shards of a Kinect v2 have them.
    """
    used = {name: max(1, n) for name, n in rows.items()}
    return _template(session_uuid, created_utc, used, types or stored_tables())


def _layout_id(
    session_uuid: str,
    created_utc: str,
    rows: Mapping[str, int],
    types: Mapping[str, np.dtype[Any]],
) -> str:
    """Return a name that is the same exactly for templates that are."""
    terms: list[Any] = [
        version_of(types),
        __version__,
        session_uuid,
        created_utc,
        list(rows.items()),
    ]
    if BODIES_TABLE in rows and types[BODIES_TABLE] != TABLES[BODIES_TABLE]:
        terms.append(bodies_and_joints(types[BODIES_TABLE]))
    return hashlib.sha256(json.dumps(terms).encode()).hexdigest()[:16]


def _template(
    session_uuid: str,
    created_utc: str,
    rows: Mapping[str, int],
    types: Mapping[str, np.dtype[Any]],
) -> Layout:
    """Let HDF5 write the empty shard and read off its header and its datasets' places.

    Raises:
        OSError: The folder of temporary files takes no sparse file of that size.
    """
    layout_id = _layout_id(session_uuid, created_utc, rows, types)
    with tempfile.TemporaryDirectory(prefix="kincap-", dir=_folder_in_memory()) as folder:
        path = Path(folder, "template.h5")
        places = {}
        _check_room(path, rows, types)
        with create_file(path) as file:
            for key, value in (
                ("format", np.bytes_(FORMAT.encode())),
                ("format_version", version_of(types)),
                ("kincap_version", np.bytes_(__version__.encode())),
                ("session_uuid", np.bytes_(session_uuid.encode())),
                ("layout", np.bytes_(layout_id.encode())),
                ("created_utc", np.bytes_(created_utc.encode())),
            ):
                file.attrs[key] = value
            for name, count in rows.items():
                dtype = types.get(name, np.dtype("u1"))
                offset = file_offset(create_dataset(file, name, (count,), dtype))
                if offset is None:
                    raise ShardError(f"HDF5 gave dataset {name} no place in the template")
                places[name] = TablePlace(offset, count, dtype)
        return Layout(layout_id, _header(path, places), places)


_ROOM_IN_MEMORY: Final = 16 * MIB


def _folder_in_memory() -> str | None:
    """Return a folder for a template that is not on a disk; None: the usual one.

    A template is a sparse file that takes 100 KB; a busy disk would hold up the start of a
    recording.
    """
    folder = "/dev/shm"
    try:
        has_room = shutil.disk_usage(folder).free > _ROOM_IN_MEMORY
    except OSError:
        return None
    return folder if has_room and os.access(folder, os.W_OK) else None


def _check_room(path: Path, rows: Mapping[str, int], types: Mapping[str, np.dtype[Any]]) -> None:
    """Make a sparse file of about the template's size: HDF5 does not survive a failure of that."""
    sizes = (count * types.get(name, np.dtype("u1")).itemsize for name, count in rows.items())
    with path.open("xb") as file:
        file.truncate(sum(sizes) + _MAX_HEADER)
    path.unlink()


def _header(path: Path, places: Mapping[str, TablePlace]) -> bytes:
    """Return the bytes before the first dataset; all metadata must be there.

    With HDF5's default metadata block, part of the metadata lands after the data, and a shard
    made from the header alone would not open.
    """
    ordered = sorted(places.values(), key=lambda place: place.offset)
    size = path.stat().st_size
    with path.open("rb") as file:
        header = file.read(ordered[0].offset)
        ends = [place.end for place in ordered]
        starts = [place.offset for place in ordered[1:]] + [size]
        for end, start in zip(ends, starts, strict=True):
            file.seek(end)
            if start < end or any(file.read(start - end)):
                raise ShardError("HDF5 wrote metadata behind the template's first dataset")
    if size != ends[-1]:
        raise ShardError(f"the template has {size} bytes, its datasets end at {ends[-1]}")
    return header
