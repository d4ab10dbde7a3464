"""Crops of the sensor's body masks, at the places of the images' crops."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...core.cameras.depth_mapping import DepthMapping
from ...core.errors import KincapError
from ...core.pairing import NO_BODY, pair_nearest
from ...core.png import decode_png
from ...sessions.schema import STREAM_TABLE, Rows, Stream
from ...sessions.shard.shard_reader import GOOD, ShardReader
from ...sessions.shards import open_stored_shard, reopen_stored_shard
from ..crop import DamagedPictureError
from ..session_data import Recording
from .parts import Image

NO_PERSON: Final = 255
"""The value of a mask where no body is, or where it is not known."""
NO_PLANE: Final = -1


@dataclass(frozen=True)
class PlaneRows:
    """The masks, or the depth images, of a session.

    Attributes:
        rows: (P,) good rows of mask_index or depth_index, by seq.
        shard: (P,) index into the session's shards.
    """

    rows: Rows
    shard: NDArray[np.int32]


@dataclass(frozen=True)
class MaskPictures:
    """Sources of N crops of masks.

    Attributes:
        shards: Paths of shards.
        mask: (N,) rows of mask_index; any row where ``mask_shard`` is -1.
        mask_shard: (N,) index into ``shards``; -1: there is no mask of that moment.
        depth: (N,) rows of depth_index; any row where ``depth_shard`` is -1.
        depth_shard: (N,) index into ``shards``; -1: there is no depth image of that moment.
        start_m: (N,) distance of the person, metres.
        placed: (N, 4) int64 x0, y0, width, height of each crop in the un-mirrored image.
        mirrored: (N,) bool, whether the stored image is.
        width_px: (N,) int64 columns of the stored colour image.
        mapping: (N,) index into ``mappings``.
        mappings: From colour to masks, by session; None where it is not known.
        columns_px: Columns of the crops where they are not square.
    """

    shards: tuple[Path, ...]
    mask: Rows
    mask_shard: NDArray[np.int32]
    depth: Rows
    depth_shard: NDArray[np.int32]
    start_m: NDArray[np.float32]
    placed: NDArray[np.int64]
    mirrored: NDArray[np.bool_]
    width_px: NDArray[np.int64]
    mapping: NDArray[np.int32]
    mappings: tuple[DepthMapping | None, ...]
    columns_px: int | None = None

    def __len__(self) -> int:
        return len(self.placed)

    def take(self, rows: slice | NDArray[np.integer]) -> "MaskPictures":
        """Return some of the rows."""
        return MaskPictures(
            shards=self.shards,
            mappings=self.mappings,
            columns_px=self.columns_px,
            **{name: getattr(self, name)[rows] for name in _BY_ROW},
        )

    def open(self) -> "MaskReader":
        """Return a reader of the crops."""
        return MaskReader(self)


_BY_ROW: Final = (
    "mask", "mask_shard", "depth", "depth_shard", "start_m", "placed", "mirrored", "width_px",
    "mapping",
)  # fmt: skip


class MaskReader:
    """Reads masks and depth images, and looks up the pixels of crops in them.

    Args:
        pictures: What to read; shards are opened when they are needed.
    """

    def __init__(self, pictures: MaskPictures) -> None:
        self._pictures = pictures
        self._readers: dict[int, ShardReader] = {}

    def __enter__(self) -> "MaskReader":
        return self

    def __exit__(self, *_: object) -> None:
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()

    def crop(self, row: int, size: int) -> Image:
        """Return the crop of a row: (R, R) uint8, the body's slot, 255 for none.

        Raises:
            DamagedPictureError: The mask or the depth image is damaged (exit 1).
        """
        pictures = self._pictures
        nothing = np.full((size, pictures.columns_px or size), NO_PERSON, np.uint8)
        mapping = pictures.mappings[int(pictures.mapping[row])]
        mask_shard, depth_shard = int(pictures.mask_shard[row]), int(pictures.depth_shard[row])
        if mapping is None or mask_shard == NO_PLANE:
            return nothing
        mask = self._plane(mask_shard, pictures.mask[row], Stream.mask)
        depth = None
        if depth_shard != NO_PLANE:
            depth = self._plane(depth_shard, pictures.depth[row], Stream.depth)
            depth = depth if depth.shape == mask.shape else None
        start_m = float(pictures.start_m[row])
        if not np.isfinite(start_m):
            return nothing
        return mapping.mask_in_color(self._color_px(row, size), mask, depth, start_m)

    def _plane(self, shard: int, row: np.void, stream: Stream) -> NDArray[Any]:
        """Read and decode a mask or a depth image."""
        path = self._pictures.shards[shard]
        if shard not in self._readers:
            self._readers[shard] = reopen_stored_shard(path)
        try:
            data = self._readers[shard].blob(row, stream)
        except KincapError as err:
            raise DamagedPictureError(f"{err}; build without --masks") from err
        try:
            image = decode_png(data)
        except KincapError as err:
            where = f"{path}: {stream.name} {int(row['seq'])}"
            raise DamagedPictureError(f"{where}: {err}; build without --masks") from err
        wanted = 1 if stream is Stream.mask else 2
        if image.itemsize != wanted:
            where = f"{path}: {stream.name} {int(row['seq'])}"
            raise DamagedPictureError(f"{where}: {8 * image.itemsize} bits, expected {8 * wanted}")
        return image

    def _color_px(self, row: int, size: int) -> NDArray[np.float64]:
        """Return (R, R, 2) the pixels of the stored colour image that a crop's pixels show."""
        x0, y0, width, height = (float(value) for value in self._pictures.placed[row])
        columns = self._pictures.columns_px or size
        x = x0 - 0.5 + (np.arange(columns) + 0.5) / columns * width
        y = y0 - 0.5 + (np.arange(size) + 0.5) / size * height
        if self._pictures.mirrored[row]:
            x = float(self._pictures.width_px[row]) - 1 - x
        return np.stack(np.meshgrid(x, y), axis=-1)


def load_planes(recording: Recording, stream: Stream) -> PlaneRows:
    """Read the table of a session's masks or depth images.

    Args:
        recording: The session.
        stream: Which of the two.

    Raises:
        ShardError: A shard can't be read.
    """
    found, shards = [], []
    table = STREAM_TABLE[stream]
    for index, name in enumerate(recording.shards):
        with open_stored_shard(recording.folder / name) as reader:
            rows = reader.all_rows(table)[reader.row_states(table) == GOOD]
        found.append(rows)
        shards.append(np.full(len(rows), index, np.int32))
    return PlaneRows(np.concatenate(found), np.concatenate(shards))


def masks_of(
    recording: Recording,
    body: NDArray[np.int64],
    slot: NDArray[np.int64],
    placed: NDArray[np.int64],
    columns_px: int | None = None,
) -> MaskPictures:
    """Return the sources of the masks of some candidates of a session.

    Args:
        recording: The session.
        body: (N,) their body rows, whose moment a mask and its depth image share.
        slot: (N,) their slots in those.
        placed: (N, 4) their crops.
        columns_px: Columns of the crops where they are not square.
    """
    bodies = recording.bodies
    masks, depths = (load_planes(recording, stream) for stream in (Stream.mask, Stream.depth))
    take, time = bodies.take[body], bodies.time_device[body]
    mask, mask_shard = _nearest(masks, take, time)
    depth, depth_shard = _nearest(depths, take, time)
    count = len(placed)
    return MaskPictures(
        shards=tuple(recording.folder / name for name in recording.shards),
        mask=mask,
        mask_shard=mask_shard,
        depth=depth,
        depth_shard=depth_shard,
        start_m=bodies.depth_m[body, slot],
        placed=placed,
        mirrored=np.full(count, recording.mirrored),
        width_px=np.full(count, recording.size_px[0], np.int64),
        mapping=np.zeros(count, np.int32),
        mappings=(recording.info.device.depth_mapping(),),
        columns_px=columns_px,
    )


def _nearest(
    planes: PlaneRows, take: NDArray[np.integer], time: NDArray[np.integer]
) -> tuple[Rows, NDArray[np.int32]]:
    """Return the row nearest to each moment and its shard; -1 where none is near enough."""
    index, _ = pair_nearest(take, time, planes.rows["take"], planes.rows["time_device"])
    there = index != NO_BODY
    rows = np.zeros(len(take), planes.rows.dtype)
    shard = np.full(len(take), NO_PLANE, np.int32)
    rows[there], shard[there] = planes.rows[index[there]], planes.shard[index[there]]
    return rows, shard


def join_masks(parts: list[MaskPictures]) -> MaskPictures:
    """Return the masks of several sessions one after another."""
    shards_before = np.cumsum([0, *(len(part.shards) for part in parts[:-1])])
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _BY_ROW}
    for name in ("mask_shard", "depth_shard"):
        joined[name] = np.concatenate(
            [
                np.where(values == NO_PLANE, NO_PLANE, values + before).astype(np.int32)
                for part, before in zip(parts, shards_before, strict=True)
                for values in (getattr(part, name),)
            ]
        )
    joined["mapping"] = np.repeat(
        np.arange(len(parts), dtype=np.int32), [len(part) for part in parts]
    )
    return MaskPictures(
        shards=tuple(path for part in parts for path in part.shards),
        mappings=tuple(part.mappings[0] for part in parts),
        columns_px=parts[0].columns_px,
        **joined,
    )
