"""Read kinect13.h5, the built data set.

The structure is checked once through core.hdf5; pictures are then read by place, straight into the
caller's buffer: 20 times as fast as through h5py.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from ...core.closing import Closing
from ...core.errors import DatasetError
from ...core.hdf5.reading import file_offset, open_checked, read_header, read_text
from ...core.skeleton import KEYPOINTS_13, Skeleton
from .format import (
    ABSENT,
    CROPS,
    FIELDS,
    FORMAT,
    FULL,
    IMAGES,
    LABELLED,
    LARGEST_SIZE,
    LAYOUTS,
    MARGINS,
    MASKS,
    META_NAMES,
    META_TEXTS,
    READABLE,
    ROW,
    SMALLEST_SIZE,
    SPLITS,
    Columns,
    Images,
    ImageShape,
    Meta,
    plain_meta,
    schema,
    skeleton_meta,
    tables_of,
)
from .pixel_rows import PixelRows
from .writer import write_kinect13

__all__ = [
    "FIELDS",
    "SPLITS",
    "Kinect13",
    "Meta",
    "Split",
    "open_kinect13",
    "plain_meta",
    "write_kinect13",
]

if TYPE_CHECKING:
    import h5py

WHAT: Final = "a kincap data set"
FARTHEST_PX: Final = 1_000_000
"""Labelled keypoints further from the image's corner are damage; their squares are still finite."""

LARGEST_META: Final = 1 << 26
"""Bytes of the largest text in ``meta`` that is read."""


class Split:
    """One split of an open data set; its tables are attributes, read-only, loaded once.

    Attributes:
        name: ``train``, ``val`` or ``test``.
        size: Side S of the crops, pixels.
        image_size: Side of the stored images, pixels: larger than the crops where the data set has
            a margin.
        has_masks: Whether there is a mask with each image.
        people: (N,) uint8, number of people; whole frames only. Tables of people have an axis of
            P people after the rows there: ``keypoints_px`` is (N, P, 13, 2), in pixels of the
            frame, and so on.
        person: (N, P) uint8: 0 no person, 1 a person that the filters rejected (weights 0), 2 a
            person with labels; whole frames only.
        keypoints_px: (N, 13, 2) float32, crop pixels; (-1, -1) where visibility is 0.
        visibility: (N, 13) uint8: 0 unlabelled, 1 occluded or inferred, 2 visible or unknown.
        weight: (N, 13) float32 in [0, 1]; what a loss uses.
        keypoint_quality: (N, 13) uint32, bits of ``meta.quality_bits``.
        bbox_xyxy_px: (N, 4) float32, in the un-mirrored colour image.
        session: (N,) uint16, index into ``meta.sessions``.
        cue: (N,) uint16, index into ``meta.cues``.
        color_seq: (N,) uint64, number of the colour frame in its session.
        tracking_id: (N,) uint64, of the sensor.
        take: (N,) uint16.
        slot: (N,) uint8, which of the sensor's bodies.
        time_s: (N,) float64, since the take's first colour frame.
        pair_residual_ms: (N,) float32, body time minus colour time.
        quality: (N,) uint32, bits of ``meta.quality_bits``.
        head_px: (N,) float32, diagonal of the box of the head in the original picture, pixels; NaN
            where the set has none. None: the data set has no such table.
    """

    people: npt.NDArray[np.uint8]
    person: npt.NDArray[np.uint8]
    keypoints_px: npt.NDArray[np.float32]
    visibility: npt.NDArray[np.uint8]
    weight: npt.NDArray[np.float32]
    keypoint_quality: npt.NDArray[np.uint32]
    bbox_xyxy_px: npt.NDArray[np.float32]
    session: npt.NDArray[np.uint16]
    cue: npt.NDArray[np.uint16]
    color_seq: npt.NDArray[np.uint64]
    tracking_id: npt.NDArray[np.uint64]
    take: npt.NDArray[np.uint16]
    slot: npt.NDArray[np.uint8]
    time_s: npt.NDArray[np.float64]
    pair_residual_ms: npt.NDArray[np.float32]
    quality: npt.NDArray[np.uint32]
    head_px: npt.NDArray[np.float32] | None = None

    def __init__(
        self,
        name: str,
        shape: ImageShape,
        images: "PixelRows",
        masks: "PixelRows | None",
        columns: Columns,
    ) -> None:
        self.name = name
        self.size = shape.size
        self.image_size = shape.side
        self.has_masks = masks is not None
        self._border = shape.border
        self._images = images
        self._masks = masks
        for field, values in columns.items():
            values.flags.writeable = False
            setattr(self, field, values)

    def __len__(self) -> int:
        return self._images.count

    def image_offsets(self) -> npt.NDArray[np.int64]:
        """Return (N,) the byte of the file at which each stored image begins, border included."""
        return self._images.offset + self._images.row_bytes * np.arange(len(self), dtype=np.int64)

    def images(self, indices: npt.ArrayLike, out: Images | None = None) -> Images:
        """Read crops, in the order asked for; their pixels are those of ``keypoints_px``.

        Args:
            indices: (B,) integers in [0, N), repeats allowed.
            out: (B, S, S, 3) uint8, C-contiguous, to read into; made where it is not given.

        Returns:
            (B, S, S, 3) uint8, RGB: ``out`` where that was given.

        Raises:
            IndexError: An index is outside the split.
            ValueError: ``out`` has another shape, type or order.
            DatasetError: The file ends before the picture does (exit 1).
        """
        return self._images.middle(indices, out, self._border)

    def wide_images(self, indices: npt.ArrayLike, out: Images | None = None) -> Images:
        """Read images with their margin; the crop is in the middle of each.

        A keypoint's place is ``keypoints_px + (image_size - size) / 2``.

        Args:
            indices: (B,) integers in [0, N), repeats allowed.
            out: (B, R, R, 3) uint8, C-contiguous, to read into; made where it is not given. R is
                ``image_size``.

        Returns:
            (B, R, R, 3) uint8, RGB: ``out`` where that was given.

        Raises:
            IndexError: An index is outside the split.
            ValueError: ``out`` has another shape, type or order.
            DatasetError: The file ends before the image does (exit 1).
        """
        return self._images.read(indices, out)

    def masks(self, indices: npt.ArrayLike, *, wide: bool = False) -> Images:
        """Read masks, at the places of the images.

        Args:
            indices: (B,) integers in [0, N), repeats allowed.
            wide: With the margin, as ``wide_images``.

        Returns:
            (B, S, S) uint8, or (B, R, R): the slot of the body that a pixel shows, 255 for none.
            The person of the row is where it is ``slot``.

        Raises:
            IndexError: An index is outside the split.
            DatasetError: The data set has no masks, or ends before the mask does (exit 1).
        """
        if self._masks is None:
            raise DatasetError(f"{self._images.path}: no masks; build it with --masks")
        return self._masks.middle(indices, None, 0 if wide else self._border)

    def close(self) -> None:
        """Forget the file."""
        self._images.close()
        if self._masks is not None:
            self._masks.close()


class Kinect13(Closing):
    """An open data set; ``open_kinect13`` makes it.

    Attributes:
        path: The file.
        size: Side S of the crops, pixels.
        margin: Side of the stored images, in sides of the crop.
        layout: ``crops``, or ``full``: whole frames, ``size`` pixels high.
        splits: Names of the splits that it has.
        meta: What it says about itself; its keypoints are ``meta.skeleton``.
    """

    def __init__(
        self, path: Path, file: "h5py.File", skeleton: Skeleton, margin: float, layout: str
    ) -> None:
        self.path = path
        self.margin = margin
        self.layout = layout
        self.meta = _read_meta(path, file, skeleton)
        self.splits = tuple(name for name in SPLITS if name in file)
        if not self.splits:
            raise DatasetError(f"{path}: no train, val or test split; build it again")
        side, width = map(int, file[self.splits[0]]["images"].shape[1:3])
        self.size = round(side / margin)
        self._shape = ImageShape(self.size, margin)
        if layout == FULL:
            people = int(file[self.splits[0]]["person"].shape[1])
            self._shape = ImageShape(side, layout=FULL, width=width, people=people)
        if not (SMALLEST_SIZE <= self.size <= LARGEST_SIZE and width >= SMALLEST_SIZE):
            raise DatasetError(
                f"{path}: images of {width}x{side} pixels, expected "
                f"{SMALLEST_SIZE} to {LARGEST_SIZE}; build it again"
            )
        if self._shape.side != side or self._shape.border * 2 != side - self.size:
            raise DatasetError(
                f"{path}: images of {side} pixels with a margin of {margin}; expected a multiple "
                "of 12; build it again"
            )
        columns = {name: self._columns(file, name) for name in self.splits}
        # the very file that was checked, even if another has its name by now
        self._fd = os.dup(file.id.get_vfd_handle()) if hasattr(os, "preadv") else None
        self._splits = {name: self._split(file, name, columns[name]) for name in self.splits}

    @property
    def image_shape(self) -> ImageShape:
        """Shape of the stored images."""
        return self._shape

    def split(self, name: str) -> Split:
        """Return a split.

        Raises:
            DatasetError: The data set has none of that name.
        """
        if name not in self._splits:
            raise DatasetError(f"{self.path}: no split {name!r}, it has {', '.join(self.splits)}")
        return self._splits[name]

    def close(self) -> None:
        """Close the file; tables already loaded stay."""
        for split in self._splits.values():
            split.close()
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __del__(self) -> None:
        # a net that is trained for hours must not keep the files of its finished readers
        if getattr(self, "_fd", None) is not None:
            self.close()

    def _split(self, file: "h5py.File", name: str, columns: Columns) -> Split:
        rows = {
            what: PixelRows(
                self.path, self._fd, file_offset(file[name][what]) or 0, *_sizes(file[name][what])
            )
            for what in (IMAGES, MASKS)
            if what in file[name]
        }
        return Split(name, self._shape, rows[IMAGES], rows.get(MASKS), columns)

    def _columns(self, file: "h5py.File", name: str) -> dict[str, npt.NDArray[Any]]:
        """Load the tables of a split and check what other code trusts."""
        group = file[name]
        count, height, width, _ = group["images"].shape
        expected = self._shape.image_px
        if (width, height) != expected:
            raise DatasetError(
                f"{self.path}: {name}/images are {width}x{height} pixels, "
                f"expected {expected[0]}x{expected[1]}"
            )
        if MASKS in group and group[MASKS].shape[1:] != (height, width):
            raise DatasetError(
                f"{self.path}: {name}/masks are {group[MASKS].shape[1:]}, expected {width}x{height}"
            )
        fields = tables_of(self.meta.skeleton, self._shape, [group])
        for field in (*fields, *filter(group.__contains__, (ROW, MASKS))):
            if len(group[field]) != count:
                raise DatasetError(
                    f"{self.path}: {name}/{field} has {len(group[field])} rows for {count} images"
                )
        for field, about in fields.items():
            if group[field].shape[1:] != about.tail:
                raise DatasetError(
                    f"{self.path}: {name}/{field} is {group[field].shape[1:]} for each row, "
                    f"expected {about.tail}; build it again"
                )
        columns = {field: group[field][...] for field in fields}
        problem = _problem(columns, self.meta)
        if problem:
            raise DatasetError(f"{self.path}: {name}: {problem}; build it again")
        return columns


def _sizes(dataset: "h5py.Dataset") -> tuple[int, tuple[int, ...]]:
    """Return the rows of a dataset, and the shape of a row."""
    count, *row = dataset.shape
    return count, tuple(row)


def open_kinect13(
    path: Path | str, skeleton: Skeleton = KEYPOINTS_13, layouts: Sequence[str] = (CROPS,)
) -> Kinect13:
    """Open a data set for reading, after checking its structure and its tables.

    Args:
        path: The file.
        skeleton: The keypoints that it must have.
        layouts: Those that the caller takes, of ``LAYOUTS``.

    Returns:
        The data set; close it, or use it in a with statement.

    Raises:
        DatasetError: It is missing, damaged, another kind of file, of another version or of other
            keypoints.
    """
    path = Path(path)
    version, margin, layout = _version(path)
    if layout not in layouts:
        raise DatasetError(
            f"{path}: holds whole frames (layout {layout}), crops are needed here; build it "
            "without --layout full"
        )
    with open_checked(
        path, schema(version, skeleton, layout), what=WHAT, error=DatasetError, groups=("meta",)
    ) as file:
        return Kinect13(path, file, skeleton, margin, layout)


def _version(path: Path) -> tuple[int, float, str]:
    """Return version, margin and layout of a data set; refuse other formats and versions."""
    head = read_header(
        path, ("format", "format_version", "margin", "layout"), what=WHAT, error=DatasetError
    )
    if head.get("format") != FORMAT.encode():
        raise DatasetError(f"{path}: not a kincap data set (no format {FORMAT!r})")
    version = head.get("format_version", 0)
    reads = f"this kincap reads {min(READABLE)} to {max(READABLE)}"
    if not isinstance(version, np.integer) or version < min(READABLE):
        raise DatasetError(f"{path}: data set version {version}, {reads}; build it again")
    if version not in READABLE:
        raise DatasetError(f"{path}: data set version {version}, {reads}; upgrade kincap")
    if version == 1:
        return 1, 1.0, CROPS
    for name, values in (("margin", MARGINS), ("layout", tuple(map(str.encode, LAYOUTS)))):
        if head.get(name) not in values:
            raise DatasetError(
                f"{path}: {name} is {head.get(name)!r}, this kincap reads "
                f"{' or '.join(map(repr, values))}; upgrade kincap"
            )
    return int(version), float(head["margin"]), head["layout"].decode()


def _read_meta(path: Path, file: "h5py.File", skeleton: Skeleton) -> Meta:
    """Read ``meta``; refuse other keypoints than those of the skeleton."""
    kinds = {"skeleton": dict, "sources": list, "counts": dict, "quality_bits": dict}
    try:
        for name in (*META_TEXTS, *META_NAMES):
            if file[f"meta/{name}"].nbytes > LARGEST_META:
                raise ValueError(f"meta/{name} is larger than {LARGEST_META >> 20} MiB")
        values: dict[str, Any] = {"settings": read_text(file, "meta/settings")}
        for name, kind in kinds.items():
            values[name] = json.loads(read_text(file, f"meta/{name}"))
            if not isinstance(values[name], kind):
                raise ValueError(f"meta/{name} is not a {kind.__name__}")
        for name in META_NAMES:
            values[name] = tuple(raw.decode() for raw in file[f"meta/{name}"][...].tolist())
        if not all(isinstance(source, dict) for source in values["sources"]):
            raise ValueError("meta/sources names something else than sessions")
        found = values.pop("skeleton")
        meta = Meta(skeleton=skeleton, **values)
    # too deeply nested JSON ends in a RecursionError
    except (ValueError, OSError, RecursionError) as err:
        raise DatasetError(f"{path}: damaged meta data ({err}); build it again") from err
    _check_skeleton(path, found, skeleton)
    return meta


def _check_skeleton(path: Path, found: Mapping[str, Any], skeleton: Skeleton) -> None:
    """Refuse other keypoints: a net trained on them would be wrong in silence."""
    wanted = skeleton_meta(skeleton)
    for key, what in (("keypoints", "keypoints"), ("flip", "order after mirroring")):
        if found.get(key) != wanted[key]:
            raise DatasetError(
                f"{path}: its {what} are {json.dumps(found.get(key))[:80]}, expected "
                f"{json.dumps(wanted[key])[:80]}...; "
                f"take a data set of the {len(skeleton)} keypoints"
            )


def _problem(columns: Columns, meta: Meta) -> str | None:
    """Return what is wrong with the values of a split's tables, or None."""
    weight = columns["weight"]
    if not np.isfinite(columns["keypoints_px"]).all():
        return "keypoints_px has values that are not finite"
    labelled = columns["visibility"] > 0
    if (np.abs(columns["keypoints_px"][labelled]) > FARTHEST_PX).any():
        return f"keypoints_px has places more than {FARTHEST_PX:,} px away"
    if not np.isfinite(columns["bbox_xyxy_px"]).all():
        return "bbox_xyxy_px has values that are not finite"
    boxes = columns["bbox_xyxy_px"]
    if "person" in columns:
        person = columns["person"]
        if (person > LABELLED).any() or (columns["people"] != (person > ABSENT).sum(axis=1)).any():
            return "people and person differ"
        boxes = boxes[person > ABSENT]
    left, top, right, bottom = boxes.T
    if not ((right > left) & (right - left == bottom - top)).all():
        return "bbox_xyxy_px has boxes that are not square"
    if (columns["visibility"] > 2).any():
        return "visibility has values above 2"
    if not ((weight >= 0) & (weight <= 1)).all():
        return "weight has values outside 0..1"
    for column, names in (("session", meta.sessions), ("cue", meta.cues)):
        if (columns[column] >= len(names)).any():
            return f"{column} points after the end of meta/{column}s"
    return None
