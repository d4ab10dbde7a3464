"""Dimension scales: the names of the axes of datasets, made and checked."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
from h5py import h5ds, h5o

from .attributes import (
    OddHeaderError,
    RawAttribute,
    Read,
    back_references,
    listed_references,
    raw_attributes,
)
from .structure import DatasetSpec


def make_scale(dataset: h5py.Dataset, dimension: str) -> None:
    """Make a dataset of one axis the scale of a dimension."""
    h5ds.set_scale(dataset.id, dimension.encode())


def name_axes(dataset: h5py.Dataset, scales: Sequence[h5py.Dataset]) -> None:
    """Give each axis of a dataset the scale of its dimension."""
    for axis, scale in enumerate(scales):
        h5ds.attach_scale(dataset.id, scale.id, axis)


class Scales:
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
