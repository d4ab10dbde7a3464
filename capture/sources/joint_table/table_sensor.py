"""A table of joints as a source: body rows, and the colour frames of a video beside it."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ....core.errors import SensorError
from ....core.geometry import has_place_m
from ....sessions.schema import BODIES, empty_body_row
from ..assumed_projection import AssumedProjection, chosen_projection
from ..sensor import BodyFrame, Item, SensorInfo
from ..source import SourceSpec, mirrored_option
from ..video.side_video import Placement, opened_video, put_together, video_warnings
from .known_tables import KnownTable, known_names, known_table
from .map_file import load_map
from .table_check import check_table
from .table_frames import TableFrame, TableReader
from .table_map import TableMap

_MOST_PX: Final = 1e6
_ORIENTATION: Final = ("qx", "qy", "qz", "qw")


class JointTableSensor:
    """A table of joints as a source; the whole file is checked before the first item."""

    def __init__(self, spec: SourceSpec) -> None:
        """Open a table.

        Args:
            spec: Its path, and the options ``map``, ``sensor``, ``projection`` and ``mirrored``.

        Raises:
            SensorError: A file is missing, damaged, cut, or does not fit its map (exit 2).
        """
        self._path, self._spec, self._closed = spec.path, spec, False
        self._map, known = _map_of(spec)
        sensor = self._chosen_sensor(spec.options.get("sensor"))
        self._reader = TableReader(self._path, self._map, sensor)
        name = self._path.name if sensor is None else f"{self._path.name}, sensor {sensor}"
        checked = check_table(self._path, name, self._map, self._reader)
        self._ids, warnings = checked.tracking_ids, list(checked.warnings)
        if known is not None and known.note:
            warnings.append(f"{name}: {known.note}")
        video = opened_video(spec.options, self._path, spec.text)
        self._video, self._placement = video, Placement.of(video, checked.first_100ns)
        if video is not None:
            if self._reader.counts["restarts"]:
                raise SensorError(
                    f"{self._path}: its time goes back, so it is not known which lines belong to "
                    "the video; cut the table in two"
                )
            length = checked.last_100ns - checked.first_100ns
            warnings += video_warnings(video, self._path.name, length)
        size_px = self._map.pixels_size_px if video is None else video.size_px
        self._has_pixels = "u" in self._reader.fields
        self._projection: AssumedProjection | None = None
        if not self._has_pixels:
            self._projection = chosen_projection(
                spec.options.get("projection"), size_px, is_mirrored=self._map.is_mirrored
            )
        self._px_scale = np.divide(size_px, self._map.pixels_size_px)
        self.info = SensorInfo(
            kind="csv",
            uri=spec.text,
            device_id=f"csv:{sensor or self._path.stem}",
            color_size_px=size_px,
            mirrored=self._map.is_mirrored,
            times="device" if self._map.time is not None else f"assumed {self._map.rate_hz:g} Hz",
            streams=("bodies",) if video is None else ("color", "bodies"),
            live=False,
            frames=None if video is None else video.frames,
            projection=None if self._projection is None else self._projection.to_json(),
            tags=() if known is None else (known.name,),
            warnings=tuple(warnings),
        )

    def items(self) -> Iterator[Item]:
        """Hand body rows and colour frames over by time, at the speed of the disk.

        Raises:
            SensorError: A file was changed meanwhile (exit 1).
        """
        items: Iterator[Item] = self._bodies()
        if self._video is not None:
            items = put_together(self._bodies(), self._video, self._placement.start_100ns)
        try:
            for item in items:
                yield item
                if self._closed:
                    return
        except SensorError as error:
            # it was whole a moment ago
            raise SensorError(f"{error}; the file was changed", exit_code=1) from error

    def close(self) -> None:
        """Make ``items`` end after the present frame."""
        self._closed = True

    def _bodies(self) -> Iterator[BodyFrame]:
        slots: dict[str, int] = {}
        for frame in self._reader.frames():
            yield BodyFrame(self._row(frame, slots))

    def _chosen_sensor(self, wanted: str | None) -> str | None:
        """Return the sensor whose frames are wanted; None: the table has only one.

        Raises:
            SensorError: It has several and none was chosen, or it has not the chosen one.
        """
        if self._map.sensor is None:
            if wanted is not None:
                raise SensorError(
                    f"--source {self._spec.text}: sensor={wanted}, but the table has no column "
                    "for sensors; sensor.column in a map names it"
                )
            return None
        found = TableReader(self._path, self._map).sensors()
        if wanted is None and len(found) > 1:
            raise SensorError(
                f"{self._path}: holds {len(found)} sensors: {', '.join(found[:8])}; each is a "
                f"session of its own: add ,sensor={found[0]}"
            )
        if wanted is not None and wanted not in found:
            raise SensorError(
                f"--source {self._spec.text}: the table has no sensor {wanted!r}, only "
                f"{', '.join(found[:8])}"
            )
        return wanted or (found[0] if found else None)

    def _row(self, frame: TableFrame, slots: dict[str, int]) -> NDArray[Any]:
        """Return a frame as (1,) BODIES_DTYPE; ``slots`` (body to slot) is carried on."""
        row = empty_body_row()
        at = frame.time_100ns + self._placement.shift_100ns
        row["time_device"], row["time_host"] = at, time.perf_counter_ns()
        there = {
            body: has_place_m(numbers[:, :3]) & (frame.states[body] > 0)
            for body, numbers in frame.numbers.items()
        }
        seen = [body for body, joints in there.items() if joints.any()]
        for gone in set(slots) - set(seen):
            del slots[gone]
        for body in seen:
            free = min(set(range(BODIES)) - set(slots.values()), default=0)
            slot = slots.setdefault(body, free)
            row["tracked"][0, slot] = 1
            row["tracking_id"][0, slot] = self._ids[body]
            self._store(row, slot, frame.numbers[body], there[body])
            row["joint_state"][0, slot] = np.where(there[body], frame.states[body], 0)
        return row

    def _store(
        self, row: NDArray[Any], slot: int, numbers: NDArray[np.float64], there: NDArray[np.bool_]
    ) -> None:
        """Write the places of a body's joints into a row."""
        joints = np.where(there[:, None], numbers[:, :3], np.nan).astype(np.float32)
        row["joint_xyz_m"][0, slot] = joints
        fields = self._reader.fields
        if self._projection is not None:
            row["joint_color_px"][0, slot] = self._projection.pixels(joints)
        else:
            pixels = _picked(numbers, fields, ("u", "v"), there)
            row["joint_color_px"][0, slot] = (pixels + 0.5) * self._px_scale - 0.5
        if "qw" in fields:
            row["joint_orientation"][0, slot] = _picked(numbers, fields, _ORIENTATION, there)


def sensors_in(spec: SourceSpec) -> list[str]:
    """Return the ids of the sensors of a table that holds several, else none.

    Raises:
        SensorError: It can't be read.
    """
    table_map = _map_of(spec)[0]
    if table_map.sensor is None:
        return []
    found = TableReader(spec.path, table_map).sensors()
    return found if len(found) > 1 else []


def _picked(
    numbers: NDArray[np.float64],
    fields: tuple[str, ...],
    names: tuple[str, ...],
    there: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return some values of each joint, NaN where it has no place or they are too large."""
    found = numbers[:, [fields.index(name) for name in names]]
    with np.errstate(invalid="ignore"):
        good = there & (np.abs(found) < _MOST_PX).all(axis=1)
    return np.where(good[:, None], found, np.nan)


def _map_of(spec: SourceSpec) -> tuple[TableMap, KnownTable | None]:
    """Return the map of a table, and its kind; None where the map is the user's.

    Raises:
        SensorError: It is not known and no map was given, or the map can't be read.
    """
    given = spec.options.get("map")
    known: KnownTable | None = None
    if given is not None:
        table_map = load_map(Path(given))
    else:
        known = known_table(spec.path)
        if known is None:
            raise SensorError(
                f"{spec.path}: its columns are not those of {' or '.join(known_names())}; add "
                ",map=FILE.toml that names them (docs/sources.md)"
            )
        table_map = known.map
    is_mirrored = mirrored_option(spec, default=table_map.is_mirrored)
    return replace(table_map, is_mirrored=is_mirrored), known
