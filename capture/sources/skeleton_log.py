"""Skeleton logs of a Kinect v2 that others made, as sources: bodies without colour frames.

A log is read line by line, twice: first it is checked as a whole, then its frames are handed over.
Neither keeps it in memory. Times are the log's own. Where a log counts its frames and the count
jumps, its logger lost frames: they are handed over as lost.
"""

import time
from array import array
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...core.errors import SensorError
from ...core.geometry import has_place_m
from ...core.skeleton import JOINT_NAMES, TrackingState
from ...sessions.schema import Stream, empty_body_row
from .assumed_projection import COLOR_SIZE_PX, default_projection, load_projection
from .log_format import LogFormat, LogLine, damaged
from .sensor import BodyFrame, Item, Lost, SensorInfo
from .source import SourceSpec
from .text_lines import text_lines

MAX_JUMP: Final = 9000
"""Frames that a log may have lost at once, five minutes; more means that a number is damaged."""
_LIMBS: Final = tuple(
    (JOINT_NAMES.index(upper + side), JOINT_NAMES.index(lower + side))
    for upper, lower in (
        ("Shoulder", "Elbow"),
        ("Elbow", "Wrist"),
        ("Hip", "Knee"),
        ("Knee", "Ankle"),
    )
    for side in ("Left", "Right")
)
_LIMB_M: Final = (0.08, 0.8)
_FEWEST_SEEN: Final = 5
_MOST_LENGTHS: Final = 4096


class SkeletonLogSensor:
    """A skeleton log as a source; the whole file is checked before the first item."""

    def __init__(self, log: LogFormat, spec: SourceSpec) -> None:
        """Open a log.

        Args:
            log: Its format.
            spec: Its path, and the option ``projection``.

        Raises:
            SensorError: A file is missing, damaged, cut, or of another format (exit 2).
        """
        self._format, self._path = log, spec.path
        self._closed = False
        lost = self._check()
        given = spec.options.get("projection")
        self._projection = default_projection() if given is None else load_projection(given)
        stem = self._path.stem
        self.info = SensorInfo(
            kind=log.name,
            uri=spec.text,
            device_id=f"{log.name}:{stem}",
            color_size_px=COLOR_SIZE_PX,
            mirrored=True,
            streams=("bodies",),
            live=False,
            projection=self._projection.to_json(),
            subject=log.subject_of(stem),
            tags=log.tags_of(stem),
            warnings=(f"{self._path.name}: its count of frames shows that {lost} are missing",)
            if lost
            else (),
        )

    def items(self) -> Iterator[Item]:
        """Hand the body rows over at the speed of the disk, lost frames where they are missing.

        Raises:
            SensorError: The file was changed meanwhile (exit 1).
        """
        before: LogLine | None = None
        try:
            for _, line in self._lines():
                for lost in _lost_between(before, line):
                    yield lost
                    if self._closed:
                        return
                yield BodyFrame(self._row(line))
                if self._closed:
                    return
                before = line
        except SensorError as error:
            # it was whole a moment ago
            raise SensorError(f"{error}; the file was changed", exit_code=1) from error

    def close(self) -> None:
        """Make ``items`` end after the present frame."""
        self._closed = True

    def _row(self, line: LogLine) -> NDArray[Any]:
        """Return a frame as (1,) BODIES_DTYPE; its body has slot 0."""
        joints, states = _joints(line)
        row = empty_body_row()
        row["time_device"], row["time_host"] = line.time_100ns, time.perf_counter_ns()
        if states.any():
            row["tracked"][0, 0] = 1
            row["tracking_id"][0, 0] = line.body
            row["joint_xyz_m"][0, 0] = joints
            row["joint_color_px"][0, 0] = self._projection.pixels(joints)
            row["joint_state"][0, 0] = states
        return row

    def _lines(self) -> Iterator[tuple[str, LogLine]]:
        """Yield the frames of the log, each after words that name its place.

        Raises:
            SensorError: The file can't be read, or a line is malformed.
        """
        path, read_line = self._path, self._format.read_line
        for number, text in text_lines(path, self._format.file):
            if not text and number > 1:
                continue
            where = f"{path}: line {number}"
            try:
                line = read_line(text, number, JOINT_NAMES)
            except ValueError as error:
                raise damaged(where, error) from None
            if line is not None:
                yield where, line

    def _check(self) -> int:
        """Check the log as a whole: its numbers rise, and its limbs are as long as limbs are.

        Returns:
            Number of frames that its logger lost.

        Raises:
            SensorError: They are not, or the log holds no frames.
        """
        before: LogLine | None = None
        lost = 0
        lengths = [_Sample() for _ in _LIMBS]
        for where, line in self._lines():
            lost += _missing(before, line, where)
            before = line
            for sample, (a, b) in zip(lengths, _LIMBS, strict=True):
                if line.states[a] == line.states[b] == TrackingState.tracked:
                    sample.add(_distance(line.places_m[a], line.places_m[b]))
        if before is None:
            raise SensorError(
                f"{self._path}: holds no frames; it is empty or was cut, take another file"
            )
        for sample, (a, b) in zip(lengths, _LIMBS, strict=True):
            length = sample.median()
            if length is not None and not _LIMB_M[0] <= length <= _LIMB_M[1]:
                raise SensorError(
                    f"{self._path}: {JOINT_NAMES[a]} and {JOINT_NAMES[b]} are {length:.2f} m "
                    f"apart; {self._format.name}: needs a Kinect v2's joints in the order of its "
                    "SDK, in metres"
                )
        return lost


class _Sample:
    """Numbers of which the median is wanted, in bounded memory: evenly spread ones are kept."""

    def __init__(self) -> None:
        self._kept = array("d")
        self._every, self._seen = 1, 0

    def add(self, value: float) -> None:
        """Take a number; NaN is left out."""
        if value != value:
            return
        if self._seen % self._every == 0:
            self._kept.append(value)
            if len(self._kept) == _MOST_LENGTHS:
                self._kept = self._kept[::2]
                self._every *= 2
        self._seen += 1

    def median(self) -> float | None:
        """Return the median; None: there are too few numbers for one."""
        return float(np.median(self._kept)) if self._seen >= _FEWEST_SEEN else None


def _distance(a: Any, b: Any) -> float:
    return float(sum((p - q) ** 2 for p, q in zip(a, b, strict=True)) ** 0.5)


def _missing(before: LogLine | None, line: LogLine, where: str) -> int:
    """Return how many frames the log's count shows to be missing between two lines.

    Raises:
        SensorError: The count does not rise, or jumps too far.
    """
    if before is None or before.number is None or line.number is None:
        return 0
    if not 0 < line.number - before.number <= MAX_JUMP:
        raise SensorError(
            f"{where}: frame {line.number} follows frame {before.number}, expected numbers that "
            "rise; the file is damaged"
        )
    return line.number - before.number - 1


def _lost_between(before: LogLine | None, line: LogLine) -> Iterator[Lost]:
    """Yield the frames that a log's numbers show to be missing, at times spread between."""
    if before is None or before.number is None or line.number is None:
        return
    steps = line.number - before.number
    for k in range(1, steps):
        at = before.time_100ns + (line.time_100ns - before.time_100ns) * k // steps
        yield Lost(Stream.bodies, at, time.perf_counter_ns())


def _joints(line: LogLine) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return joints and states that agree: a joint without a position is not tracked.

    Returns:
        (25, 3) float32, camera space, metres, NaN where a joint is not tracked; (25,) uint8. The
        SDK writes zeros where it has no position.
    """
    places = np.array(line.places_m, np.float64)
    states = np.array(line.states, np.uint8)
    there = has_place_m(places) & (states > 0)
    joints = np.where(there[:, None], places, np.nan).astype(np.float32)
    return joints, np.where(there, states, 0).astype(np.uint8)
