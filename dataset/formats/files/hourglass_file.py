"""Read the HDF5 files of labels that the stacked hourglass net came with: MPII and FLIC."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np

from ....core.errors import DatasetError
from ....core.geometry import Floats
from ....core.hdf5.reading import open_checked
from ....core.hdf5.structure import DatasetSpec
from ..people import Points, make_points

WHAT: Final = "a file of labels of the hourglass net (part, visible, imgname)"
UNREAD: Final = frozenset({"name"})
"""Attribute of MPII's files: a text of variable length."""
PIXEL_BASE: Final = 1
"""The positions are those of the sets' .mat files."""


@dataclass(frozen=True)
class HourglassFile:
    """The N people of a file.

    Attributes:
        names: (N,) names of their pictures.
        labels: (N, K, ...) of the set's own points.
        scale: (N,) height of the person in 200 pixels.
    """

    names: list[str]
    labels: Points
    scale: Floats


def load_hourglass_file(path: Path, points: int) -> HourglassFile:
    """Read a file.

    Args:
        path: The HDF5 file.
        points: Number K of points that it must have.

    Raises:
        DatasetError: It is not such a file.
    """
    with open_checked(path, _schema(points), what=WHAT, error=DatasetError, unread=UNREAD) as file:
        part = np.asarray(file["part"][...], np.float64)
        visible = np.asarray(file["visible"][...], np.float64)
        raw = file["imgname"][...].tolist()
        scale = np.asarray(file["scale"][...], np.float64)
    if not len(part) == len(visible) == len(raw) == len(scale):
        raise DatasetError(f"{path}: its tables have different lengths; download it again")
    labelled = (part != 0).any(axis=-1)
    labels = make_points(part - PIXEL_BASE, labelled, visible > 0)
    names = [value.decode("utf-8", "replace").strip("\0 ") for value in raw]
    return HourglassFile(names, labels, scale)


def movie_of(name: str) -> str:
    """Return the film of a picture ``film-00012345.jpg`` of FLIC."""
    return PurePosixPath(name).stem.rpartition("-")[0]


def _schema(points: int) -> dict[str, DatasetSpec]:
    """Return the structure of a file; the types of numbers differ between the two sets."""
    number: Final = np.dtype("<f8")

    def spec(*shape: int, optional: bool = False) -> DatasetSpec:
        return DatasetSpec(number, (None, *shape), optional=optional, admits=_is_number)

    needed = {
        "part": spec(points, 2),
        "visible": spec(points),
        "scale": spec(),
        "imgname": DatasetSpec(np.dtype("S1"), (None,), admits=_is_name),
    }
    others = ("center", "index", "normalize", "person", "torsoangle")
    shapes = {"center": (2,)}
    return needed | {name: spec(*shapes.get(name, ()), optional=True) for name in others}


def _is_number(dtype: np.dtype[Any]) -> bool:
    """Return True for plain numbers."""
    return dtype.kind in "fiu"


def _is_name(dtype: np.dtype[Any]) -> bool:
    """Return True for short texts of fixed length."""
    return dtype.kind == "S" and dtype.itemsize <= 512
