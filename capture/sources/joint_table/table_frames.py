"""The frames of a table of joints: its lines, put together by time, in bounded memory."""

import csv
import heapq
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ....core.skeleton import JOINTS, TrackingState
from ....core.units import SECOND_100NS, TICK_100NS
from ....sessions.schema import BODIES
from ..log_format import damaged
from ..text_lines import text_lines
from .columns import TableColumns
from .line_reader import LineReader, TableBody
from .table_map import TableMap

WANTED: Final = "a table of joints (a text file)"
_WINDOW: Final = 64
"""Frames that wait for lines that were logged late: two seconds of one sensor."""
_MOST_RESTARTS: Final = 8
_SEPARATORS: Final = ("\t", ";", ",", " ")


@dataclass(slots=True)
class TableFrame:
    """The bodies of one moment.

    Attributes:
        time_100ns: Time.
        numbers: By body: (25, F) values in the order of ``TableColumns.fields``, NaN where there
            is none.
        states: By body: (25,) values of ``TrackingState``.
        seen: By body: (25,) bool, joints that a line was about.
    """

    time_100ns: int
    numbers: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    states: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    seen: dict[str, NDArray[np.bool_]] = field(default_factory=dict)


class TableReader:
    """Reads a table of joints, as often as wanted, line by line."""

    def __init__(self, path: Path, table_map: TableMap, sensor: str | None = None) -> None:
        """Prepare reading.

        Args:
            path: The file.
            table_map: Its map.
            sensor: Id of the sensor whose frames are wanted; None: those of all.

        Attributes:
            fields: Names of a joint's numbers, once lines have been read.
            counts: Of the last run of ``frames``: "lines", "repeated" (lines with the time, body
                and joint of an earlier one), "contradicting" (those of them with other places),
                "late" (frames that an earlier line is later than), "restarts".
        """
        self._path, self._map, self._sensor = path, table_map, sensor
        self.fields: tuple[str, ...] = ()
        self.counts: Counter[str] = Counter()

    def sensors(self) -> list[str]:
        """Return the ids of all sensors in the table, sorted.

        Raises:
            SensorError: The table can't be read, or its columns are not found.
        """
        found: set[str] = set()
        for _, words, reader in self._lines():
            found.add(reader.sensor_of(words))
        return sorted(found)

    def frames(self) -> Iterator[TableFrame]:
        """Yield the frames by time; after a restart of the clock, those that follow it.

        Raises:
            SensorError: The table can't be read, or a line is malformed; names line and column.
        """
        counts: Counter[str] = Counter()
        self.counts = counts
        waiting: dict[int, TableFrame] = {}
        times: list[int] = []
        newest = given = -1
        for number, words, reader in self._lines():
            try:
                bodies = reader.read(words)
            except ValueError as error:
                raise self._error(number, error) from None
            for body in bodies:
                if self._sensor is not None and body.sensor != self._sensor:
                    continue
                time = self._time_of(body, counts["lines"])
                counts["lines"] += 1
                frame = waiting.get(time)
                if frame is None:
                    if time <= given:
                        yield from _emptied(waiting, times)
                        newest = given = -1
                        self._count_restart(number)
                    counts["late"] += time < newest
                    newest = max(newest, time)
                    frame = waiting[time] = TableFrame(time)
                    heapq.heappush(times, time)
                self._add(frame, body, number)
                if len(times) > _WINDOW:
                    given = heapq.heappop(times)
                    yield waiting.pop(given)
        yield from _emptied(waiting, times)

    def _time_of(self, body: TableBody, index: int) -> int:
        if body.time_100ns is not None:
            return body.time_100ns
        index //= self._map.bodies
        rate = self._map.rate_hz
        return index * TICK_100NS if rate == 30 else round(index * SECOND_100NS / rate)

    def _count_restart(self, number: int) -> None:
        self.counts["restarts"] += 1
        if self.counts["restarts"] > _MOST_RESTARTS:
            raise self._error(
                number,
                f"the time goes back by more than {_WINDOW} frames for the "
                f"{self.counts['restarts']}th time; are there several sensors in the table? "
                "sensor.column in a map tells them apart",
            )

    def _add(self, frame: TableFrame, body: TableBody, number: int) -> None:
        """Put what a line says into its frame; the first line about a joint counts."""
        numbers = frame.numbers.get(body.body)
        if numbers is None:
            if len(frame.numbers) == BODIES:
                raise self._error(
                    number, f"a 7th body at one time; a Kinect v2 sees {BODIES} at most"
                )
            numbers = frame.numbers[body.body] = np.full((JOINTS, len(self.fields)), np.nan)
            frame.states[body.body] = np.zeros(JOINTS, np.uint8)
            frame.seen[body.body] = np.zeros(JOINTS, bool)
        if isinstance(body.numbers, list):
            self._add_joint(frame, body, body.numbers)
            return
        joints, seen = list(body.joints), frame.seen[body.body]
        if seen[joints].any():
            self.counts["repeated"] += 1
            same = np.array_equal(numbers[joints], body.numbers, equal_nan=True)
            self.counts["contradicting"] += not same
            return
        seen[joints] = True
        numbers[joints] = body.numbers
        has = np.isfinite(body.numbers[:, :3]).all(axis=1)
        states = body.states if len(body.states) else int(TrackingState.unknown)
        frame.states[body.body][joints] = np.where(has, states, 0)

    def _add_joint(self, frame: TableFrame, body: TableBody, values: list[float]) -> None:
        """Put a line about one joint into its frame."""
        joint = body.joints[0]
        numbers, seen = frame.numbers[body.body], frame.seen[body.body]
        if seen[joint]:
            self.counts["repeated"] += 1
            self.counts["contradicting"] += not np.array_equal(
                numbers[joint], values, equal_nan=True
            )
            return
        seen[joint] = True
        numbers[joint] = values
        if math.isfinite(values[0] + values[1] + values[2]):
            state = body.states[0] if body.states else int(TrackingState.unknown)
            frame.states[body.body][joint] = state

    def _lines(self) -> Iterator[tuple[int, list[str], LineReader]]:
        """Yield number and words of each line with values, and what reads them."""
        reader: LineReader | None = None
        width = 0
        separator = self._map.separator
        for number, text in text_lines(self._path, WANTED, strip="\r\n"):
            if number < self._map.header_line or not text.strip():
                if number == self._map.header_line:
                    raise self._error(number, "is empty, expected the names of the columns")
                continue
            if "\0" in text:
                raise self._error(number, "holds zero bytes; save the table as UTF-8 text")
            separator = separator or _separator_of(text, self._map)
            words = split(text, separator)
            if words[-1].strip() == "" and (reader is None or len(words) > width):
                # a separator more at the end of a line means nothing
                words.pop()
            if reader is None:
                is_header, width = bool(self._map.header_line), len(words)
                try:
                    columns = TableColumns(self._map, words if is_header else None, width)
                except ValueError as error:
                    raise self._error(number, error) from None
                self.fields = columns.fields
                reader = LineReader(self._map, columns)
                if is_header:
                    continue
            yield number, words, reader

    def _error(self, number: int, reason: object) -> Exception:
        return damaged(f"{self._path}: line {number}", reason)


def split(text: str, separator: str) -> list[str]:
    """Return the values of a line that is not blank."""
    if separator == " ":
        return text.split()
    if '"' in text:
        return next(csv.reader([text], delimiter=separator, skipinitialspace=True))
    return text.split(separator)


def _separator_of(text: str, table_map: TableMap) -> str:
    """Return the separator of which a line has most."""
    usable = [s for s in _SEPARATORS if s != table_map.decimal]
    return max(usable, key=lambda s: text.count(s) if s != " " else len(text.split()) - 1.5)


def _emptied(waiting: dict[int, TableFrame], times: list[int]) -> Iterator[TableFrame]:
    """Yield all waiting frames by time, and forget them."""
    while times:
        yield waiting.pop(heapq.heappop(times))
