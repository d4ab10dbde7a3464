"""The structure that an HDF5 file must have, compared object by object with the file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import h5py
import numpy as np
from h5py import h5d, h5g, h5l, h5o, h5s, h5t

LARGEST_ATTRIBUTE: Final = 4096
"""Bytes."""
_MAX_NAME: Final = 64
_MAX_LINKS: Final = 64

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


class Structure:
    """The structural checks on one open file; the first problem ends them."""

    def __init__(self, file: h5py.File, size: int, attributes: int) -> None:
        self.file = file
        self.size = size
        self.attributes = attributes
        self.seen: set[Any] = set()

    def problem(
        self, schema: Mapping[str, DatasetSpec], groups: tuple[str, ...], unread: frozenset[str]
    ) -> str | None:
        """Return what differs from the schema, or None."""
        if self.file.userblock_size:
            return "a user block comes before the HDF5 part"
        known_groups = {name.rpartition("/")[0] for name in schema} - {""}
        top = {name for name in schema if "/" not in name} | known_groups
        problem = self._attributes(self.file.id, "the file", unread) or self._links("", top)
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
            admitted: Attributes that it may have and that are not checked here: those of scales,
                which ``scales`` checks, and those that are never read.
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
            if variable or attribute.get_storage_size() > LARGEST_ATTRIBUTE:
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
