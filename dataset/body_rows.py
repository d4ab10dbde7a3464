"""The rows of a session's bodies as a build needs them: slim, and of tracked bodies only.

A row has room for six bodies and most rows have one. Keypoints are stored for tracked bodies alone,
so an hour of recording stays small in memory.
"""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from ..checks.filters.places import body_depth
from ..core.geometry import has_place_px
from ..core.memory.joining import join_parts
from ..core.skeleton import KEYPOINT_JOINT
from ..sessions.schema import BODIES_DTYPE, Rows

_ABSENT: Final = -1


@dataclass(frozen=True)
class BodyValues:
    """Values of T tracked bodies, asked for by row and slot: ``values[row, slot]``.

    Attributes:
        place: (M, 6) int32 index into ``values``; -1 where no body is tracked.
        values: (T + 1, ...), the last one for all bodies that are not tracked.
    """

    place: NDArray[np.int32]
    values: NDArray[Any]

    @classmethod
    def of_tracked(cls, tracked: NDArray[np.bool_], values: NDArray[Any], absent: float) -> Self:
        """Keep values of tracked bodies.

        Args:
            tracked: (M, 6).
            values: (T, ...), by row, then slot.
            absent: The value of all others.
        """
        place = np.full(tracked.shape, _ABSENT, np.int32)
        place[tracked] = np.arange(len(values))
        none = np.full((1, *values.shape[1:]), absent, values.dtype)
        return cls(place, np.concatenate([values, none]))

    def __getitem__(self, at: tuple[Any, Any]) -> NDArray[Any]:
        """Return (N, ...) the values of bodies at (N,) rows and (N,) slots."""
        return np.asarray(self.values[self.place[at]])

    def with_changed(
        self, row: NDArray[np.int64], slot: NDArray[np.int64], values: NDArray[Any]
    ) -> "BodyValues":
        """Return them with other values of some tracked bodies.

        Args:
            row: (N,) their rows.
            slot: (N,) their slots.
            values: (N, ...).
        """
        changed = self.values.copy()
        changed[self.place[row, slot]] = values
        return BodyValues(self.place, changed)


@dataclass(frozen=True)
class BodyRows:
    """The part of M body rows that a build needs.

    Attributes:
        seq: (M,) uint64.
        take: (M,) uint16.
        time_device: (M,) int64, 100 ns.
        tracked: (M, 6) bool.
        tracking_id: (M, 6) uint64.
        clipped_edges: (M, 6) uint8.
        depth_m: (M, 6) float32, depth of the body: SpineBase where that is tracked, else the median
            of the tracked keypoints; NaN where nothing is.
        points: By row and slot (13, 2) float32, pixels of the image as stored; NaN for no position.
        state: By row and slot (13,) uint8 tracking states.
    """

    seq: NDArray[np.uint64]
    take: NDArray[np.uint16]
    time_device: NDArray[np.int64]
    tracked: NDArray[np.bool_]
    tracking_id: NDArray[np.uint64]
    clipped_edges: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    points: BodyValues
    state: BodyValues

    @cached_property
    def by_time(self) -> NDArray[np.int64]:
        """(M,) the rows in the order of take and time."""
        return np.asarray(np.lexsort((self.time_device, self.take)), np.int64)


@dataclass(frozen=True)
class _SlimPart:
    """Some body rows; as in ``BodyRows``, but ``points`` and ``state`` of (T,) tracked bodies."""

    seq: NDArray[np.uint64]
    take: NDArray[np.uint16]
    time_device: NDArray[np.int64]
    tracked: NDArray[np.bool_]
    tracking_id: NDArray[np.uint64]
    clipped_edges: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    points: NDArray[np.float32]
    state: NDArray[np.uint8]


class SlimBodies:
    """Body rows that come in parts, of which only what a build needs is kept.

    Args:
        size_px: Width and height of the colour images.
    """

    def __init__(self, size_px: tuple[int, int]) -> None:
        self._size_px = size_px
        self._columns: dict[str, list[NDArray[Any]]] = {item.name: [] for item in fields(_SlimPart)}

    def add(self, rows: Rows) -> None:
        """Take the next (N,) body rows, of BODIES_DTYPE or with another number of slots."""
        piece = _slim(rows, self._size_px)
        for name, values in self._columns.items():
            values.append(getattr(piece, name))

    def joined(self) -> BodyRows:
        """Return all rows; call it once."""
        if not self._columns["seq"]:
            self.add(np.empty(0, BODIES_DTYPE))
        # column by column: of one alone the parts and the whole are in memory
        joined: dict[str, Any] = {
            name: join_parts(self._columns.pop(name)) for name in list(self._columns)
        }
        for name, absent in (("points", np.nan), ("state", 0)):
            joined[name] = BodyValues.of_tracked(joined["tracked"], joined[name], absent)
        return BodyRows(**joined)


def _slim(rows: Rows, size_px: tuple[int, int]) -> _SlimPart:
    """Return the part of rows of bodies that a build needs."""
    tracked = rows["tracked"] != 0
    points = rows["joint_color_px"][tracked][:, KEYPOINT_JOINT]
    points[~has_place_px(points, size_px)] = np.nan
    return _SlimPart(
        seq=rows["seq"].copy(),
        take=rows["take"].copy(),
        time_device=rows["time_device"].copy(),
        tracked=tracked,
        tracking_id=rows["tracking_id"].copy(),
        clipped_edges=rows["clipped_edges"].copy(),
        depth_m=body_depth(rows["joint_xyz_m"], rows["joint_state"]),
        points=points,
        state=rows["joint_state"][tracked][:, KEYPOINT_JOINT],
    )
