"""The one place that opens HDF5 files: checked before the first read, made in one way.

A hostile or damaged file can point into other files (external links, external storage, virtual
datasets), declare more than it holds, or make HDF5 load plug-in code (filters). Nothing here reads
a value before the structure has been compared with what the caller expects.
"""

import contextlib
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

# must be set before HDF5 is loaded: "::" forbids it to look for plug-ins at all
os.environ["HDF5_PLUGIN_PRELOAD"] = "::"

import h5py
import numpy as np
from h5py import h5d, h5ds, h5g, h5l, h5o, h5p, h5s, h5t

from .errors import KincapError
from .files.reserved_file import ReservedFile
from .hdf5_attributes import (
    OddHeaderError,
    RawAttribute,
    Read,
    back_references,
    listed_references,
    raw_attributes,
)

_MAX_NAME: Final = 64
_MAX_LINKS: Final = 64
_MAX_ATTRIBUTE: Final = 4096

_NONE: Final[frozenset[str]] = frozenset()
_OF_DATASETS: Final = frozenset({"DIMENSION_LIST"})
_OF_SCALES: Final = frozenset({"CLASS", "NAME", "REFERENCE_LIST"})
_SCALE_ATTRIBUTES: Final = _OF_DATASETS | _OF_SCALES
"""Attributes that name dimensions: each axis lists its scale, each scale lists where it is used."""


@dataclass(frozen=True)
class DatasetSpec:
    """Requirements on a dataset.

    Attributes:
        dtype: Its exact type.
        shape: Its exact shape; None in it stands for any length.
        optional: Whether the file may lack it although its group is there.
        admits: Returns True for another type that the dataset may have; None: no other.
        dims: Paths of the dimension scales of its axes; () where it must have none.
        scale: Name of the dimension of which it is the scale; "" where it is none.
    """

    dtype: np.dtype[Any]
    shape: tuple[int | None, ...]
    optional: bool = False
    admits: Callable[[np.dtype[Any]], bool] | None = None
    dims: tuple[str, ...] = ()
    scale: str = ""

    def takes(self, dtype: np.dtype[Any]) -> bool:
        """Return True if the dataset may have this type."""
        return dtype == self.dtype or (self.admits is not None and self.admits(dtype))


def open_checked(
    path: Path,
    schema: Mapping[str, DatasetSpec],
    *,
    what: str,
    error: type[KincapError],
    groups: tuple[str, ...] = (),
    attributes: int = 64,
    follow_links: bool = True,
) -> h5py.File:
    """Open a file for reading after comparing its structure with a schema.

    Every object must be reached by a hard link and stand in the schema; datasets are contiguous,
    inside the file, without external or virtual storage and without filters. Attributes are numbers
    and short strings; those of dimension scales (DIMENSION_LIST, REFERENCE_LIST, CLASS, NAME) must
    be exactly those of the schema.

    Args:
        path: The file.
        schema: Datasets by path, one level of groups at most. One is required where its group
            exists, unless it is optional.
        what: What the file should be, for the message ("a kincap data set").
        error: Raised for anything odd.
        groups: Groups that must exist.
        attributes: How many attributes an object may have.
        follow_links: Whether the file may be reached by a link.

    Returns:
        The open file; close it, or use it in a with statement.

    Raises:
        KincapError: Of the given class, one line naming the file.
    """
    file, size = _open(path, what, error, follow_links)
    try:
        checker = _Checker(file, size, attributes)
        problem = checker.problem(schema, groups) or _Scales(path, file).problem(schema)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as err:
        problem = _reason(err)
    if problem:
        file.close()
        raise error(f"{path}: {problem}; expected {what}")
    return file


def read_header(
    path: Path, names: Sequence[str], *, what: str, error: type[KincapError]
) -> dict[str, Any]:
    """Return attributes of a file before its structure is known: single numbers or short strings.

    Args:
        path: The file.
        names: Of the attributes; those that the file lacks are absent in the answer.
        what: What the file should be, for the message.
        error: Raised for anything odd.

    Raises:
        KincapError: Of the given class, one line naming the file.
    """
    file, _ = _open(path, what, error, follow_links=True)
    try:
        with file:
            return {
                name: file.attrs[name]
                for name in names
                if h5py.h5a.exists(file.id, name.encode()) and _is_plain(file, name)
            }
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as err:
        raise error(f"{path}: {_reason(err)}; expected {what}") from err


def _is_plain(file: h5py.File, name: str) -> bool:
    """Return True if an attribute of a file is one number or one short string.

    Raises:
        ValueError: It is something else.
    """
    attribute = h5py.h5a.open(file.id, name.encode())
    kind = attribute.get_type()
    plain = kind.get_class() in (h5t.INTEGER, h5t.FLOAT, h5t.STRING)
    plain &= attribute.get_space().get_simple_extent_type() == h5s.SCALAR
    if plain and kind.get_class() == h5t.STRING:
        plain = not kind.is_variable_str()
    if not plain or attribute.get_storage_size() > _MAX_ATTRIBUTE:
        raise ValueError(f"its attribute {name} is not a single value")
    return True


def _open(
    path: Path, what: str, error: type[KincapError], follow_links: bool
) -> tuple[h5py.File, int]:
    """Open a regular file with HDF5 and return it with its size; nothing is checked yet."""
    try:
        found = path.stat(follow_symlinks=follow_links)
    except OSError as err:
        raise error(f"{path}: {err.strerror or err}; expected {what}") from err
    if not stat.S_ISREG(found.st_mode):
        raise error(f"{path}: not a regular file; expected {what}")
    if found.st_size == 0:
        raise error(f"{path}: empty file; expected {what}")
    # HDF5 opens files with Python's global lock held: on a disk that hangs, every thread would
    # stop. This open waits first, and holds up no one.
    with contextlib.suppress(OSError), path.open("rb"):
        pass
    try:
        file = h5py.File(path, "r", locking=False)
    except (OSError, ValueError, RuntimeError) as err:
        raise error(f"{path}: not readable as HDF5 ({_reason(err)}); expected {what}") from err
    return file, found.st_size


def _reason(err: Exception) -> str:
    """Return HDF5's own words on one line, without its wrapping."""
    text = " ".join(str(err).split())
    return text.partition("(")[2].rstrip(")") or text


class _Checker:
    """The structural checks on one open file; the first problem ends them."""

    def __init__(self, file: h5py.File, size: int, attributes: int) -> None:
        self.file = file
        self.size = size
        self.attributes = attributes
        self.seen: set[Any] = set()

    def problem(self, schema: Mapping[str, DatasetSpec], groups: tuple[str, ...]) -> str | None:
        """Return what differs from the schema, or None."""
        if self.file.userblock_size:
            return "a user block comes before the HDF5 part"
        known_groups = {name.rpartition("/")[0] for name in schema} - {""}
        top = {name for name in schema if "/" not in name} | known_groups
        problem = self._attributes(self.file.id, "the file") or self._links("", top)
        if problem:
            return problem
        present = {""} | (known_groups & self._names(""))
        missing = sorted(set(groups) - present)
        if missing:
            return f"group {missing[0]} is missing"
        for group in sorted(present - {""}):
            inside = {name.rpartition("/")[2] for name in schema if name.startswith(group + "/")}
            problem = self._group(group) or self._links(group, inside)
            if problem:
                return problem
        for name, spec in schema.items():
            group, _, leaf = name.rpartition("/")
            if group not in present:
                continue
            if leaf not in self._names(group):
                if spec.optional:
                    continue
                return f"dataset {name} is missing"
            problem = self._dataset(name, spec)
            if problem:
                return problem
        return None

    def _names(self, group: str) -> set[str]:
        """Return the names in a group that ``_links`` has passed."""
        where = h5g.open(self.file.id, group.encode() or b"/")
        return {where.get_objname_by_idx(i).decode("ascii") for i in range(where.get_num_objs())}

    def _links(self, group: str, allowed: set[str]) -> str | None:
        """Check that a group holds hard links to known names only."""
        where = h5g.open(self.file.id, group.encode() or b"/")
        count = where.get_num_objs()
        if count > _MAX_LINKS:
            return f"{count} objects in group {group or '/'}"
        for i in range(count):
            raw = where.get_objname_by_idx(i)
            if where.links.get_info(raw).type != h5l.TYPE_HARD:
                return f"{_shown(raw)} is a soft or external link"
            if raw.decode("ascii", "replace") not in allowed:
                return f"unknown object {_shown(raw)}"
        return None

    def _once(self, name: str) -> bool:
        """Return True if the object was not reached under another name before."""
        info = h5o.get_info(self.file.id, name.encode())
        known = info.addr in self.seen
        self.seen.add(info.addr)
        return not known

    def _group(self, name: str) -> str | None:
        """Check that a group is one, met for the first time."""
        if h5o.get_info(self.file.id, name.encode()).type != h5o.TYPE_GROUP:
            return f"{name} is not a group"
        if not self._once(name):
            return f"{name} is a second name of another object"
        return self._attributes(h5g.open(self.file.id, name.encode()), name)

    def _attributes(self, target: Any, name: str, admitted: frozenset[str] = _NONE) -> str | None:
        """Check that an object's attributes are few, small and plain.

        Args:
            target: The object.
            name: Its name.
            admitted: Attributes of dimension scales that it may have; ``_Scales`` checks them.
        """
        count = h5py.h5a.get_num_attrs(target)
        if count > self.attributes:
            return f"{name} has {count} attributes"
        for i in range(count):
            attribute = h5py.h5a.open(target, index=i)
            known = attribute.name.decode("ascii", "replace")
            if known in admitted:
                continue
            if known in _SCALE_ATTRIBUTES:
                return f"{name} has an attribute {known}"
            if attribute.get_type().get_class() not in (h5t.INTEGER, h5t.FLOAT, h5t.STRING):
                return f"{name} has an attribute of an odd type"
            variable = attribute.get_type().detect_class(h5t.STRING) and (
                attribute.get_type().is_variable_str()
            )
            if variable or attribute.get_storage_size() > _MAX_ATTRIBUTE:
                return f"{name} has an attribute that is too large or of variable length"
        return None

    def _dataset(self, name: str, spec: DatasetSpec) -> str | None:
        """Check one dataset's kind, storage, type, shape and place."""
        if h5o.get_info(self.file.id, name.encode()).type != h5o.TYPE_DATASET:
            return f"{name} is not a dataset"
        if not self._once(name):
            return f"{name} is a second name of another object"
        dataset = h5d.open(self.file.id, name.encode())
        made = dataset.get_create_plist()
        if made.get_layout() != h5d.CONTIGUOUS or made.get_nfilters():
            return f"{name} is not stored contiguously (chunked, filtered, compact or virtual)"
        if made.get_external_count():
            return f"{name} is stored in another file"
        if dataset.get_space().get_simple_extent_type() != h5s.SIMPLE:
            return f"{name} has no simple shape"
        return self._content(name, dataset, spec)

    def _content(self, name: str, dataset: Any, spec: DatasetSpec) -> str | None:
        """Check type and shape, and that all that is declared is stored in this file."""
        kind = dataset.get_type()
        if kind.get_class() not in (h5t.INTEGER, h5t.FLOAT, h5t.COMPOUND, h5t.STRING):
            return f"{name} has an odd type"
        dtype = kind.dtype
        if dtype.hasobject or not spec.takes(dtype):
            return f"{name} has type {_short(dtype)}, not {_short(spec.dtype)}"
        shape = dataset.shape
        if len(shape) != len(spec.shape) or any(
            want not in (None, n) for n, want in zip(shape, spec.shape, strict=True)
        ):
            return f"{name} has shape {shape}, not {_shape(spec.shape)}"
        declared = dtype.itemsize
        for n in shape:
            declared *= n
        offset = dataset.get_offset()
        if declared and (offset is None or dataset.get_storage_size() < declared):
            return f"{name} declares more than is stored"
        if declared and offset + declared > self.size:
            return f"{name} reaches beyond the end of the file"
        admitted = _OF_SCALES if spec.scale else _OF_DATASETS if spec.dims else _NONE
        return self._attributes(dataset, name, admitted)


class _Scales:
    """The checks of dimension scales: each reference leads to what the schema names."""

    def __init__(self, path: Path, file: h5py.File) -> None:
        self._path = path
        self._file = file

    def problem(self, schema: Mapping[str, DatasetSpec]) -> str | None:
        """Return what differs from the schema, or None."""
        named = {name: spec for name, spec in schema.items() if spec.dims or spec.scale}
        named = {name: spec for name, spec in named.items() if name in self._file}
        if not named:
            return None
        if self._file.id.get_create_plist().get_sizes() != (8, 8):
            return "addresses are not of 8 bytes"
        places = {name: h5o.get_info(self._file.id, name.encode()).addr for name in named}
        known = {place: name for name, place in places.items()}
        with self._path.open("rb") as raw:

            def read(offset: int, length: int) -> bytes:
                if not 0 <= offset < 2**63:
                    raise OddHeaderError("an address is outside of the file")
                raw.seek(offset)
                return raw.read(length)

            for name, spec in named.items():
                try:
                    attributes = raw_attributes(read, places[name])
                    problem = (
                        self._scale(name, spec, attributes, schema, known)
                        if spec.scale
                        else _dims(spec, attributes, read, known)
                    )
                except (OddHeaderError, IndexError) as err:
                    problem = str(err)
                if problem:
                    return f"{name}: {problem}"
        return None

    def _scale(
        self,
        name: str,
        spec: DatasetSpec,
        attributes: Mapping[str, RawAttribute],
        schema: Mapping[str, DatasetSpec],
        known: Mapping[int, str],
    ) -> str | None:
        """Check that a dataset is the scale of its dimension, and where it is used."""
        if not {"CLASS", "NAME"} <= attributes.keys():
            return f"it is not the scale of dimension {spec.scale}"
        texts = [attributes[key].data.partition(b"\0")[0] for key in ("CLASS", "NAME")]
        if texts != [b"DIMENSION_SCALE", spec.scale.encode()]:
            return f"it is not the scale of dimension {spec.scale}"
        if "REFERENCE_LIST" not in attributes:
            return None
        target = h5o.open(self._file.id, name.encode())
        space = h5py.h5a.open(target, b"REFERENCE_LIST").get_space()
        pairs = back_references(
            attributes["REFERENCE_LIST"].data, space.get_simple_extent_npoints()
        )
        for place, axis in pairs:
            dims = schema[known[place]].dims if place in known else ()
            if axis >= len(dims) or dims[axis] != name:
                return "its list of references leads elsewhere"
        return None


def _dims(
    spec: DatasetSpec,
    attributes: Mapping[str, RawAttribute],
    read: Read,
    known: Mapping[int, str],
) -> str | None:
    """Check that the dimensions of a dataset have the scales that they should have."""
    if "DIMENSION_LIST" not in attributes:
        return "its dimensions have no names"
    found = listed_references(read, attributes["DIMENSION_LIST"].data)
    names = tuple(known.get(place, "something else") for place in found)
    return None if names == spec.dims else f"its dimensions are {', '.join(names)}"


def _shown(name: bytes) -> str:
    """Return a stranger's name for a message: short, and nothing in it reaches the terminal."""
    return repr(name[:_MAX_NAME].decode("ascii", "backslashreplace"))


def _short(dtype: np.dtype[Any]) -> str:
    """Return a dtype in a few words."""
    text = str(dtype) if dtype.names is None else f"a row of {len(dtype.names)} fields"
    return f"{text} ({dtype.itemsize} bytes)"


def _shape(shape: tuple[int | None, ...]) -> str:
    """Return a wanted shape as text, N for any length."""
    return "(" + ", ".join("N" if n is None else str(n) for n in shape) + ",)"


def create_file(path: Path | ReservedFile, *, alignment: int = 1) -> h5py.File:
    """Make a new file whose metadata stays in front and holds no times.

    Args:
        path: Must not exist; or a new file whose space is reserved.
        alignment: Datasets begin at a multiple of this many bytes.

    Returns:
        The open file; close it, or use it in a with statement.
    """
    return h5py.File(
        path,
        "x" if isinstance(path, Path) else "w",
        libver=("v110", "v110"),
        meta_block_size=65536,
        alignment_threshold=1,
        alignment_interval=alignment,
        track_order=False,
        locking=False,
    )


def create_dataset(
    file: h5py.File, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> h5py.Dataset:
    """Make a contiguous dataset that has its place in the file at once and is never filled.

    Args:
        file: From create_file.
        name: Its path; the group is made where it is missing.
        shape: Its shape.
        dtype: Its type.
    """
    made = h5p.create(h5p.DATASET_CREATE)
    made.set_layout(h5d.CONTIGUOUS)
    made.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    made.set_fill_time(h5d.FILL_TIME_NEVER)
    made.set_obj_track_times(False)
    group, _, leaf = name.rpartition("/")
    parent = file.require_group(group) if group else file
    kind = h5t.py_create(np.dtype(dtype), logical=True)
    h5d.create(parent.id, leaf.encode(), kind, h5s.create_simple(shape), made)
    return file[name]


def make_scale(dataset: h5py.Dataset, dimension: str) -> None:
    """Make a dataset of one axis the scale of a dimension."""
    h5ds.set_scale(dataset.id, dimension.encode())


def name_axes(dataset: h5py.Dataset, scales: Sequence[h5py.Dataset]) -> None:
    """Give each axis of a dataset the scale of its dimension."""
    for axis, scale in enumerate(scales):
        h5ds.attach_scale(dataset.id, scale.id, axis)


def file_offset(dataset: h5py.Dataset) -> int | None:
    """Return where a contiguous dataset begins in its file; None where it has no elements."""
    offset: int | None = dataset.id.get_offset()
    return offset


def text_dataset(file: h5py.File, name: str, text: str) -> None:
    """Store a text as bytes of UTF-8: no strings of variable length, which live elsewhere."""
    raw = np.frombuffer(text.encode(), np.uint8)
    dataset = create_dataset(file, name, raw.shape, raw.dtype)
    if len(raw):
        dataset[:] = raw


def read_text(file: h5py.File, name: str) -> str:
    """Return a text that ``text_dataset`` stored."""
    return bytes(file[name][:].tobytes()).decode()
