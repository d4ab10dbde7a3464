"""Make kinect13.h5: everything but its pictures at once, pictures by place later."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from ... import __version__
from ...core.errors import DatasetError
from ...core.files.file_io import FileIO
from ...core.files.reserved_file import ReservedFile
from ...core.geometry import scale_box, snapped_xyxy, square_box
from ...core.hdf5.making import create_dataset, create_file, text_dataset
from ...core.hdf5.reading import file_offset
from ...core.hdf5.scales import make_scale, name_axes
from ...core.skeleton import KEYPOINTS_13, Skeleton
from .format import (
    ABSENT,
    ALIGNMENT,
    BYTES,
    FORMAT,
    FORMAT_VERSION,
    FULL,
    IMAGE_AXES,
    LABELLED,
    META_NAMES,
    META_TEXTS,
    NAME,
    NAME_BYTES,
    OPTIONAL,
    ROW,
    SCALE,
    Columns,
    ImageShape,
    Meta,
    fields_of,
    plain_meta,
    shared_axes,
    skeleton_meta,
    tables_of,
)

if TYPE_CHECKING:
    import h5py

_METADATA_BYTES: Final = 1 << 20
"""More than the metadata of HDF5 takes."""


def create_kinect13(
    path: Path,
    shape: ImageShape,
    splits: Mapping[str, Columns],
    meta: Meta,
    io: FileIO | None = None,
) -> dict[str, int]:
    """Make a data set with everything but its pictures, whose places are left unwritten.

    Args:
        path: Must not exist.
        shape: Shape of its images.
        splits: The tables of ``fields_of`` its skeleton, by split, in their order; the optional
            ones where every split has them.
        meta: Its description of itself.
        io: File handling.

    Returns:
        Byte offset of ``train/images`` and so on; -1 where a split has no rows.

    Raises:
        OSError: The disk is full or refuses; the file may be left, with its space.
    """
    texts = _texts(meta)
    needed = _METADATA_BYTES + sum(len(text.encode()) + ALIGNMENT for text in texts.values())
    for columns in splits.values():
        needed += len(columns["keypoints_px"]) * shape.row_bytes + 2 * ALIGNMENT
        needed += sum(values.nbytes + ALIGNMENT for values in columns.values())
    with (
        ReservedFile(path, needed, io or FileIO()) as reserved,
        create_file(reserved, alignment=ALIGNMENT) as file,
    ):
        return _fill(file, shape, splits, meta, texts)


def _fill(
    file: "h5py.File",
    shape: ImageShape,
    splits: Mapping[str, Columns],
    meta: Meta,
    texts: Mapping[str, str],
) -> dict[str, int]:
    """Write everything but the pictures; return their places."""
    file.attrs["format"] = np.bytes_(FORMAT.encode())
    file.attrs["format_version"] = FORMAT_VERSION
    file.attrs["kincap_version"] = np.bytes_(__version__.encode())
    file.attrs["margin"] = shape.margin
    file.attrs["layout"] = np.bytes_(shape.layout.encode())
    axes = shared_axes(meta.skeleton, shape)
    shared = {axis: _scale(file, axis, length) for axis, length in axes.items()}
    places = {}
    for name, columns in splits.items():
        count = len(columns["keypoints_px"])
        scales = {**shared, ROW: _scale(file, f"{name}/{ROW}", count)}
        for what, row in shape.pixel_datasets.items():
            pixels = create_dataset(file, f"{name}/{what}", (count, *row), BYTES)
            name_axes(pixels, [scales[axis] for axis in (ROW, *IMAGE_AXES[: len(row)])])
            offset = file_offset(pixels)
            places[f"{name}/{what}"] = -1 if offset is None else offset
        for field, about in tables_of(meta.skeleton, shape, splits.values()).items():
            values = columns[field].reshape(count, *about.tail)
            stored = _store(file, f"{name}/{field}", values, about.dtype)
            name_axes(stored, [scales[axis] for axis in (ROW, *about.axes)])
    for name, text in texts.items():
        text_dataset(file, f"meta/{name}", text)
    for name in META_NAMES:
        _store(file, f"meta/{name}", _names(getattr(meta, name)), NAME)
    return places


def _texts(meta: Meta) -> dict[str, str]:
    """Return the texts of ``meta`` by name."""
    values = {name: getattr(meta, name) for name in META_TEXTS}
    values["skeleton"] = skeleton_meta(meta.skeleton)
    return {name: value if name == "settings" else _json(value) for name, value in values.items()}


def _scale(file: "h5py.File", name: str, length: int) -> "h5py.Dataset":
    """Make the scale of a dimension."""
    scale = _store(file, name, np.arange(length, dtype=SCALE), SCALE)
    make_scale(scale, name.rpartition("/")[2])
    return scale


def write_kinect13(
    path: Path | str,
    splits: Mapping[str, Mapping[str, npt.ArrayLike]],
    meta: Meta | None = None,
    *,
    sessions: Sequence[str] = ("synthetic",),
    skeleton: Skeleton = KEYPOINTS_13,
    margin: float = 1.0,
) -> Path:
    """Write a whole data set from arrays: for public sets and for tests.

    Args:
        path: The file; replaced if it is there.
        splits: By split at least ``images`` (N, S, S, 3) uint8 and ``keypoints_px`` (N, K, 2).
            With a margin the images are R pixels wide and high, and the keypoints those of the crop
            in their middle. Other tables have defaults: visibility 2, or 0 where a keypoint is NaN;
            weight 1, or 0 where visibility is 0; the box is the crop itself; color_seq counts;
            times NaN. ``masks`` (N, R, R) uint8 are written where every split has them.
            Whole frames: ``images`` (N, H, W, 3) and ``keypoints_px`` (N, P, K, 2), in pixels of
            the frames; a person is there who has a keypoint, the box is that of the keypoints.
        meta: What it says about itself; made from the rest where it is not given.
        sessions: Names of its sources.
        skeleton: Its K keypoints.
        margin: Side of the images, in sides of the crop.

    Returns:
        The path.
    """
    path = Path(path)
    sizes = {np.shape(columns["images"])[1:3] for columns in splits.values()}
    if len(sizes) != 1:
        raise DatasetError(f"{path}: splits of pictures of sizes {sorted(sizes)}; expected one")
    masks = all("masks" in columns for columns in splits.values())
    height, width = sizes.pop()
    shape = ImageShape(round(height / margin), margin, masks)
    tails = {np.shape(columns["keypoints_px"])[1:-2] for columns in splits.values()}
    if tails != {()}:
        people = max(tail[0] for tail in tails)
        shape = ImageShape(height, masks=masks, layout=FULL, width=width, people=people)
    meta = meta or plain_meta(sessions, skeleton=skeleton)
    filled = {name: _with_defaults(columns, shape, meta) for name, columns in splits.items()}
    io = FileIO()
    part = path.with_name(path.name + ".new")
    part.unlink(missing_ok=True)
    places = create_kinect13(part, shape, filled, meta, io)
    fd = io.open_write(part)
    try:
        for name, columns in splits.items():
            for what in shape.pixel_datasets:
                pixels = np.ascontiguousarray(columns[what], dtype=np.uint8)
                if len(pixels):
                    io.write_at(fd, pixels.reshape(-1).data, places[f"{name}/{what}"])
        io.sync(fd)
    finally:
        io.close(fd)
    io.rename(part, path)
    return path


def _with_defaults(
    columns: Mapping[str, npt.ArrayLike], shape: ImageShape, meta: Meta
) -> dict[str, npt.NDArray[Any]]:
    """Return the tables of a split, those that are missing filled in."""
    points = np.asarray(columns["keypoints_px"], dtype=np.float32)
    count = len(points)
    full = {
        field: np.zeros((count, *about.tail), about.dtype)
        for field, about in fields_of(meta.skeleton, shape).items()
    }
    full["visibility"][:] = np.where(np.isfinite(points).all(axis=-1), 2, 0)
    full["visibility"][:] = columns.get("visibility", full["visibility"])
    labelled = full["visibility"] > 0
    full["weight"][:] = labelled
    full["bbox_xyxy_px"][:] = (-0.5, -0.5, shape.size - 0.5, shape.size - 0.5)
    if shape.layout == FULL:
        there = np.asarray(labelled.any(axis=2))
        full["person"][:] = np.where(there, LABELLED, ABSENT)
        full["bbox_xyxy_px"][:] = np.where(there[..., None], _boxes(points, labelled), -1)
    full["color_seq"][:] = np.arange(count)
    full["time_s"][:] = np.nan
    full["pair_residual_ms"][:] = np.nan
    for field in set(columns) & set(full):
        full[field][:] = columns[field]
    full["keypoints_px"][:] = np.where(labelled[..., None], points, -1)
    for field in OPTIONAL.keys() & set(columns):
        full[field] = np.asarray(columns[field], OPTIONAL[field].dtype)
    if shape.layout == FULL:
        full["people"][:] = (full["person"] != ABSENT).sum(axis=1)
    return full


def _boxes(
    points: npt.NDArray[np.float32], labelled: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Return the square box (N, P, 4) of each person's keypoints, 1.2 times as large as they."""
    at = np.where(labelled[..., None], points.astype(np.float64), np.nan)
    none = np.zeros((*at.shape[:2], 1, 2))
    there = np.asarray(labelled.any(axis=2))
    at = np.where(there[..., None, None], at, none) + 0.5
    box = np.concatenate([np.nanmin(at, axis=2), np.nanmax(at, axis=2)], axis=-1)
    square = square_box(scale_box(box))
    side = np.ceil(square[..., 2:3] - square[..., :1])
    return snapped_xyxy(np.concatenate([np.round(square[..., :2]), side], axis=-1))


def _store(
    file: "h5py.File", name: str, values: npt.NDArray[Any], dtype: np.dtype[Any]
) -> "h5py.Dataset":
    """Make a dataset, fill it and return it."""
    dataset = create_dataset(file, name, values.shape, dtype)
    if values.size:
        dataset[...] = values
    return dataset


def _names(names: Sequence[str]) -> npt.NDArray[np.bytes_]:
    """Return names as fixed-length bytes, cut inside no character."""
    raw = [name.encode()[:NAME_BYTES].decode(errors="ignore").encode() for name in names]
    return np.array(raw, NAME)


def _json(value: Any) -> str:
    """Return the one JSON text that a value has."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=1)
