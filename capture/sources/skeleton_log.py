"""Skeleton logs of a Kinect v2 that others made, as sources: bodies, and a video beside them.

A log is read line by line, twice: first it is checked as a whole, then its frames are handed over.
Neither keeps it in memory. Times are the log's own. Where a log counts its frames and the count
jumps, its logger lost frames: they are handed over as lost.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...core.errors import SensorError
from ...core.geometry import has_place_m
from ...core.skeleton import JOINT_NAMES
from ...sessions.schema import Stream, empty_body_row
from .assumed_projection import COLOR_SIZE_PX, chosen_projection
from .limb_check import LimbLengths
from .log_format import LogFormat, LogLine, damaged
from .sensor import BodyFrame, Item, Lost, SensorInfo
from .source import SourceSpec, mirrored_option
from .text_lines import text_lines
from .video.side_video import Placement, opened_video, put_together, video_warnings

MAX_JUMP: Final = 9000
"""Frames that a log may have lost at once, five minutes; more means that a number is damaged."""


class SkeletonLogSensor:
    """A skeleton log as a source; the whole file is checked before the first item."""

    def __init__(self, log: LogFormat, spec: SourceSpec) -> None:
        """Open a log.

        Args:
            log: Its format.
            spec: Its path, and the options ``projection``, ``mirrored`` and those of a video.

        Raises:
            SensorError: A file is missing, damaged, cut, or of another format (exit 2).
        """
        self._format, self._path = log, spec.path
        self._closed = False
        self._first_100ns = self._last_100ns = 0
        lost = self._check()
        warnings = []
        if lost:
            warnings.append(f"{self._path.name}: its count of frames shows that {lost} are missing")
        self._video = video = opened_video(spec.options, self._path, spec.text, self._beside())
        self._placement = Placement.of(video, self._first_100ns)
        if video is not None:
            length = self._last_100ns - self._first_100ns
            warnings += video_warnings(video, self._path.name, length)
        size_px = COLOR_SIZE_PX if video is None else video.size_px
        is_mirrored = mirrored_option(spec, default=True)
        self._projection = chosen_projection(
            spec.options.get("projection"), size_px, is_mirrored=is_mirrored
        )
        stem = self._path.stem
        self.info = SensorInfo(
            kind=log.name,
            uri=spec.text,
            device_id=f"{log.name}:{stem}",
            color_size_px=size_px,
            mirrored=is_mirrored,
            streams=("bodies",) if video is None else ("color", "bodies"),
            live=False,
            frames=None if video is None else video.frames,
            projection=self._projection.to_json(),
            subject=log.subject_of(stem),
            tags=log.tags_of(stem),
            warnings=tuple(warnings),
        )

    def items(self) -> Iterator[Item]:
        """Hand over body rows, lost frames where they are missing, and the video's frames.

        Raises:
            SensorError: A file was changed meanwhile (exit 1).
        """
        items = self._bodies()
        if self._video is not None:
            items = put_together(items, self._video, self._placement.start_100ns)
        try:
            for item in items:
                yield item
                if self._closed:
                    return
        except SensorError as error:
            # it was whole a moment ago
            raise SensorError(f"{error}; the file was changed", exit_code=1) from error

    def _bodies(self) -> Iterator[Item]:
        """Yield the body rows, and lost frames where they are missing."""
        before: LogLine | None = None
        for _, line in self._lines():
            yield from _lost_between(before, line, self._placement.shift_100ns)
            yield BodyFrame(self._row(line))
            before = line

    def _beside(self) -> Path | None:
        """Return the video that the log's recorder wrote beside it; None: there is none."""
        name = self._format.video
        video = self._path.with_name(name) if name else None
        return video if video is not None and video.is_file() else None

    def close(self) -> None:
        """Make ``items`` end after the present frame."""
        self._closed = True

    def _row(self, line: LogLine) -> NDArray[Any]:
        """Return a frame as (1,) BODIES_DTYPE; its body has slot 0."""
        joints, states = _joints(line)
        row = empty_body_row()
        at = line.time_100ns + self._placement.shift_100ns
        row["time_device"], row["time_host"] = at, time.perf_counter_ns()
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
        limbs = LimbLengths()
        for where, line in self._lines():
            lost += _missing(before, line, where)
            if before is None:
                self._first_100ns = line.time_100ns
            self._last_100ns = line.time_100ns
            before = line
            limbs.add(line.places_m, line.states)
        if before is None:
            raise SensorError(
                f"{self._path}: holds no frames; it is empty or was cut, take another file"
            )
        odd = limbs.impossible()
        if odd is not None:
            raise SensorError(
                f"{self._path}: {odd[0]} are {odd[1]:.2f} m apart; {self._format.name}: needs a "
                "Kinect v2's joints in the order of its SDK, in metres"
            )
        return lost


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


def _lost_between(before: LogLine | None, line: LogLine, shift_100ns: int) -> Iterator[Lost]:
    """Yield the frames that a log's numbers show to be missing, at times spread between."""
    if before is None or before.number is None or line.number is None:
        return
    steps = line.number - before.number
    for k in range(1, steps):
        at = before.time_100ns + (line.time_100ns - before.time_100ns) * k // steps
        yield Lost(Stream.bodies, at + shift_100ns, time.perf_counter_ns())


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
