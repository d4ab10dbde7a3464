"""The layout of kinect13.h5: its tables, their types and dimensions, and its description of itself.

docs/format.md, section 2, says the same in words and is tested against these types.
"""

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ...core.hdf5.structure import DatasetSpec
from ...core.skeleton import JOINT_NAMES, KEYPOINTS_13, Skeleton

FORMAT: Final = "kincap-kinect13"
FORMAT_VERSION: Final = 2
"""The version that is written."""
SPLITS: Final = ("train", "val", "test")
ALIGNMENT: Final = 4096
"""Datasets begin at a whole page, so that a block of pictures is whole pages too."""
SMALLEST_SIZE: Final = 4
LARGEST_SIZE: Final = 4096
MARGINS: Final = (1.0, 1.5)
"""Side of the stored images, in sides S of the crop: attribute ``margin``."""
CROPS: Final = "crops"
FULL: Final = "full"
LAYOUTS: Final = (CROPS, FULL)
"""Attribute ``layout``: one square crop a person, or whole frames with all people."""
FULL_SIZE: Final = 368
"""Height of whole frames, pixels."""
ABSENT: Final = 0
UNLABELLED: Final = 1
LABELLED: Final = 2
"""Values of ``person``: no person; a person that the filters rejected; a person with labels."""

Images = npt.NDArray[np.uint8]
Columns = Mapping[str, npt.NDArray[Any]]
"""The tables of one split by name, each with N rows."""


class Field(NamedTuple):
    """Type of one row of a table.

    Attributes:
        dtype: Its type.
        tail: Its shape.
        axes: Names of its dimensions, after ``row``.
    """

    dtype: np.dtype[Any]
    tail: tuple[int, ...] = ()
    axes: tuple[str, ...] = ()


def fields_of(skeleton: Skeleton, shape: "ImageShape | None" = None) -> dict[str, Field]:
    """Return the tables beside ``images`` in each split.

    Args:
        skeleton: The keypoints.
        shape: Shape of the images; None: crops.
    """
    count = len(skeleton)
    crops = {
        "keypoints_px": Field(np.dtype("<f4"), (count, 2), ("keypoint", "xy")),
        "visibility": Field(np.dtype("u1"), (count,), ("keypoint",)),
        "weight": Field(np.dtype("<f4"), (count,), ("keypoint",)),
        "keypoint_quality": Field(np.dtype("<u4"), (count,), ("keypoint",)),
        "bbox_xyxy_px": Field(np.dtype("<f4"), (4,), ("xyxy",)),
        "session": Field(np.dtype("<u2")),
        "cue": Field(np.dtype("<u2")),
        "color_seq": Field(np.dtype("<u8")),
        "tracking_id": Field(np.dtype("<u8")),
        "take": Field(np.dtype("<u2")),
        "slot": Field(np.dtype("u1")),
        "time_s": Field(np.dtype("<f8")),
        "pair_residual_ms": Field(np.dtype("<f4")),
        "quality": Field(np.dtype("<u4")),
    }
    if shape is None or shape.layout == CROPS:
        return crops
    each = {name: crops[name] for name in _OF_A_PERSON}
    return {
        "people": Field(np.dtype("u1")),
        "person": Field(np.dtype("u1"), (shape.people,), ("person",)),
        **{
            name: Field(about.dtype, (shape.people, *about.tail), ("person", *about.axes))
            for name, about in each.items()
        },
        **{name: about for name, about in crops.items() if name not in each},
    }


_OF_A_PERSON: Final = (
    "keypoints_px", "visibility", "weight", "keypoint_quality", "bbox_xyxy_px", "tracking_id",
    "slot", "quality",
)  # fmt: skip
"""Tables that have a row for each person of a whole frame."""

FIELDS: Final = fields_of(KEYPOINTS_13)
"""The tables of a data set of the 13 keypoints."""

OPTIONAL: Final = {"head_px": Field(np.dtype("<f4"))}
"""Tables of crops that only some data sets have."""


def tables_of(
    skeleton: Skeleton, shape: "ImageShape", splits: Iterable[Container[str]]
) -> dict[str, Field]:
    """Return ``fields_of`` and the optional tables that every split has.

    Args:
        skeleton: The keypoints.
        shape: Shape of the images.
        splits: The names of the tables of each split.
    """
    there = list(splits)
    more = {name: about for name, about in OPTIONAL.items() if all(name in one for one in there)}
    return fields_of(skeleton, shape) | (more if shape.layout == CROPS and there else {})


IMAGES: Final = "images"
MASKS: Final = "masks"
"""Datasets of pixels; a mask holds the slot of the body that a pixel shows, 255 for none."""
IMAGE_AXES: Final = ("y", "x", "channel")
MASK_AXES: Final = ("y", "x")
ROW: Final = "row"
SCALE: Final = np.dtype("<u4")
"""A dimension scale counts its places: 0, 1, 2 ..."""


def shared_axes(skeleton: Skeleton, shape: "ImageShape") -> dict[str, int]:
    """Return the lengths of the dimensions that all splits share."""
    width, height = shape.image_px
    person = {"person": shape.people} if shape.layout == FULL else {}
    return {
        **person, "keypoint": len(skeleton), "xy": 2, "xyxy": 4, "y": height, "x": width,
        "channel": 3,
    }  # fmt: skip


def full_width(size: int, size_px: tuple[int, int]) -> int:
    """Return the columns of a whole frame: in proportion, and a multiple of 8.

    Args:
        size: Its rows.
        size_px: Width and height of the colour image.
    """
    return max(8, 8 * round(size * size_px[0] / (8 * size_px[1])))


META_TEXTS: Final = ("settings", "skeleton", "sources", "counts", "quality_bits")
META_NAMES: Final = ("sessions", "cues")
NAME_BYTES: Final = 64
BYTES: Final = np.dtype("u1")
NAME: Final = np.dtype(f"S{NAME_BYTES}")


@dataclass(frozen=True)
class ImageShape:
    """Shape of the stored images.

    Attributes:
        size: Side S of the crops, pixels.
        margin: Side of the images, in sides of the crop; one of ``MARGINS``.
        masks: Whether there is a mask with each image.
        layout: One of ``LAYOUTS``. Whole frames are ``size`` pixels high.
        width: Columns of whole frames.
        people: Most people in a whole frame.
    """

    size: int
    margin: float = 1.0
    masks: bool = False
    layout: str = CROPS
    width: int = 0
    people: int = 0

    @property
    def image_px(self) -> tuple[int, int]:
        """Width and height of the images."""
        return (self.width if self.layout == FULL else self.side), self.side

    @property
    def side(self) -> int:
        """Side of the images, pixels; the crop is in the middle."""
        return round(self.size * self.margin)

    @property
    def border(self) -> int:
        """Pixels around the crop on each side."""
        return (self.side - self.size) // 2

    @property
    def pixel_datasets(self) -> dict[str, tuple[int, ...]]:
        """Datasets of pixels in each split, with the shape of a row."""
        mask = self.image_px[::-1]
        return {IMAGES: (*mask, 3), **({MASKS: mask} if self.masks else {})}

    @property
    def row_bytes(self) -> int:
        """Bytes of all pixels of a row."""
        return sum(math.prod(row) for row in self.pixel_datasets.values())


def skeleton_meta(skeleton: Skeleton) -> dict[str, Any]:
    """Return the content of ``meta/skeleton``: the keypoints and the joints they come from."""
    return {
        "keypoints": list(skeleton.points),
        "joints": list(JOINT_NAMES) if skeleton.joints else [],
        "flip": skeleton.flip.tolist(),
        "limbs": [list(limb) for limb in skeleton.bone_indices],
    }


@dataclass(frozen=True)
class Meta:
    """Description of a data set, from the data set itself.

    Attributes:
        sessions: Names that the column ``session`` points into.
        settings: The settings that it was built with, canonical TOML.
        skeleton: The keypoints; written as ``skeleton_meta`` says.
        sources: One object for each session: name, uuid, outfit, SHA-256 of its manifest ...
        counts: ``candidates``, ``kept``, ``rejected`` and ``rejected_all`` by reason, ``splits``.
        cues: Names that the column ``cue`` points into; entry 0 is empty: no cue.
        quality_bits: Bit numbers by name, of ``keypoint_quality`` and of ``quality``.
    """

    sessions: tuple[str, ...]
    settings: str
    skeleton: Skeleton
    sources: list[dict[str, Any]]
    counts: dict[str, Any]
    cues: tuple[str, ...]
    quality_bits: dict[str, dict[str, int]]

    @property
    def forgotten(self) -> frozenset[str]:
        """Placeholders in ``sessions`` of those whose rows were removed: no row points at them."""
        return frozenset(str(one["session"]) for one in self.sources if one.get("forgotten"))


def plain_meta(
    sessions: Sequence[str],
    counts: Mapping[str, Any] | None = None,
    skeleton: Skeleton = KEYPOINTS_13,
) -> Meta:
    """Return the meta data of a set that was not built from recordings.

    Args:
        sessions: Names of its sources.
        counts: What to say under ``counts``.
        skeleton: Its keypoints.
    """
    return Meta(
        sessions=tuple(sessions),
        settings="",
        skeleton=skeleton,
        sources=[{"session": name} for name in sessions],
        counts=dict(counts or {}),
        cues=("",),
        quality_bits={"keypoint_quality": {}, "quality": {}},
    )


def schema(version: int, skeleton: Skeleton, layout: str = CROPS) -> dict[str, DatasetSpec]:
    """Return the structure of a data set of a version for core.hdf5."""
    named = version > 1
    shape = ImageShape(1, layout=layout)
    schema = {f"meta/{name}": DatasetSpec(BYTES, (None,)) for name in META_TEXTS}
    schema |= {f"meta/{name}": DatasetSpec(NAME, (None,)) for name in META_NAMES}
    if named:
        for axis, length in shared_axes(skeleton, shape).items():
            free = None if axis in ("y", "x", "person") else length
            schema[axis] = DatasetSpec(SCALE, (free,), scale=axis)
    for split in SPLITS:

        def dims(axes: tuple[str, ...], split: str = split) -> tuple[str, ...]:
            return (f"{split}/{ROW}", *axes) if named else ()

        if named:
            schema[f"{split}/{ROW}"] = DatasetSpec(SCALE, (None,), scale=ROW)
        schema[f"{split}/images"] = DatasetSpec(BYTES, (None, None, None, 3), dims=dims(IMAGE_AXES))
        schema[f"{split}/masks"] = DatasetSpec(
            BYTES, (None, None, None), optional=True, dims=dims(MASK_AXES)
        )
        for field, (dtype, tail, axes) in fields_of(skeleton, shape).items():
            lengths = [
                None if axis == "person" else length
                for axis, length in zip(axes, tail, strict=True)
            ]
            schema[f"{split}/{field}"] = DatasetSpec(dtype, (None, *lengths), dims=dims(axes))
        if layout == CROPS and named:
            for field, about in OPTIONAL.items():
                schema[f"{split}/{field}"] = DatasetSpec(
                    about.dtype, (None, *about.tail), optional=True, dims=dims(about.axes)
                )
    return schema


READABLE: Final = (1, 2)
"""The versions that can be read. Version 1 stays for ever."""
