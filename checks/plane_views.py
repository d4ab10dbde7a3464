"""Views of masks and depth images at the keypoints of bodies: the input of two filters.

A mask, a depth image and a body row of one moment have the same device time. Decoding both takes
about 3 ms, so they are looked at where it is asked for, and only in some rows where that is enough.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..core.cameras.depth_mapping import DepthMapping
from ..core.errors import KincapError
from ..core.png import decode_png
from ..core.skeleton import KEYPOINT_JOINT, KEYPOINTS
from ..sessions.schema import STREAM_TABLE, Rows, Stream, good_rows
from ..sessions.shard.shard_reader import ShardReader
from .filters.surface import patches

PATCH_PX: Final = 5
"""Side of the part of a mask around each keypoint."""
DEPTH_PATCH_PX: Final = 3
"""Side of the part of a depth image whose median is the depth of the surface."""
NO_BODY: Final = 255
ROWS_TOGETHER: Final = 30
"""Rows of bodies, a second, that are looked at or left out together."""
MOST_ROWS: Final = 600
"""Rows of bodies of a session that are looked at where not all have to be."""
PLANES: Final = (Stream.mask, Stream.depth)


@dataclass(frozen=True)
class Views:
    """Pixels of masks and depth images at the keypoints of P bodies.

    Attributes:
        body_index: (P, 13, 5, 5) uint8 mask around each keypoint; 255: no body.
        seen: (P,) bool, the body has a mask.
        surface_m: (P, 13) float32 depth of the surface at each keypoint, metres; NaN unknown.
    """

    body_index: NDArray[np.uint8]
    seen: NDArray[np.bool_]
    surface_m: NDArray[np.float32]

    @classmethod
    def nothing(cls, count: int) -> "Views":
        """Return the views of bodies of which neither mask nor depth image is there."""
        shape = (count, KEYPOINTS, PATCH_PX, PATCH_PX)
        return cls(
            np.full(shape, NO_BODY, np.uint8),
            np.zeros(count, np.bool_),
            np.full((count, KEYPOINTS), np.nan, np.float32),
        )


class PlaneViews:
    """Looks bodies up in the masks and depth images of one shard.

    Args:
        reader: The shard.
        mapping: The session's way from camera space to its masks; None: it is not known.
        every: Looks at one second in this many.
    """

    def __init__(self, reader: ShardReader, mapping: DepthMapping | None, every: int = 1) -> None:
        self._reader, self._mapping, self._every = reader, mapping, every
        self._rows: dict[Stream, Rows] = {}
        self._places: dict[Stream, dict[tuple[int, int], int]] = {}
        for stream in PLANES if mapping is not None else ():
            table = STREAM_TABLE[stream]
            if table not in reader.layout.tables:
                continue
            stored = reader.all_rows(table)
            rows = self._rows[stream] = stored[good_rows(stored)]
            keys = zip(rows["take"].tolist(), rows["time_device"].tolist(), strict=True)
            self._places[stream] = {key: place for place, key in enumerate(keys)}

    def look(self, people: Rows, joints_m: NDArray[np.floating]) -> Views:
        """Look at some bodies.

        Args:
            people: (P,) with ``row``, ``take`` and ``time_device``; bodies of a row follow each
                other.
            joints_m: (P, 25, 3) metres, camera space.

        Returns:
            Their views; a mask or image that is missing or damaged shows nothing.
        """
        views = Views.nothing(len(people))
        if self._mapping is None or not self._rows or not len(people):
            return views
        points = self._mapping.camera.pixels(joints_m[:, KEYPOINT_JOINT])
        begins = np.ones(len(people), np.bool_)
        begins[1:] = np.diff(people["time_device"]) != 0
        begins[1:] |= np.diff(people["take"].astype(np.int64)) != 0
        starts = np.flatnonzero(begins)
        for first, end in zip(starts, np.append(starts[1:], len(people)), strict=True):
            if int(people["row"][first]) // ROWS_TOGETHER % self._every:
                continue
            own = slice(int(first), int(end))
            key = int(people["take"][first]), int(people["time_device"][first])
            mask, depth = self._image(Stream.mask, key), self._image(Stream.depth, key)
            if mask is not None and mask.dtype == np.uint8:
                views.body_index[own] = patches(mask, points[own], PATCH_PX, NO_BODY)
                views.seen[own] = True
            if depth is not None and depth.dtype == np.uint16:
                views.surface_m[own] = _surface_m(depth, points[own])
        return views

    def _image(self, stream: Stream, key: tuple[int, int]) -> NDArray[Any] | None:
        """Return the image of a take's moment; None where it is missing or damaged."""
        place = self._places.get(stream, {}).get(key)
        if place is None:
            return None
        try:
            return decode_png(self._reader.blob(self._rows[stream][place], stream))
        except KincapError:
            return None


def looked_at(rows: int, *, thorough: bool) -> int:
    """Return the ``every`` of ``PlaneViews`` for a session.

    Args:
        rows: Masks or depth images of the session.
        thorough: Look at all.
    """
    return 1 if thorough else max(1, -(-rows // MOST_ROWS))


def _surface_m(depth_mm: NDArray[np.uint16], points: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return (P, 13) the median of the known depths around points (P, 13, 2), metres."""
    high, low = (depth_mm >> 8).astype(np.uint8), (depth_mm & 0xFF).astype(np.uint8)
    cut = [patches(half, points, DEPTH_PATCH_PX, 0).astype(np.float32) for half in (high, low)]
    around = (256 * cut[0] + cut[1]).reshape(*points.shape[:-1], -1)
    around[around == 0] = np.nan
    known = np.isfinite(around).any(axis=-1)
    surface = np.full(points.shape[:-1], np.nan, np.float32)
    surface[known] = np.nanmedian(around[known], axis=-1) / 1000
    return surface
