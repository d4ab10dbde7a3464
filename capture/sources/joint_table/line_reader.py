"""The values of a table's lines: times, ids, numbers and tracking states."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ....core.skeleton import JOINT_NAMES, JOINTS
from ....core.units import SECOND_100NS
from ..log_format import MAX_TIME_100NS, real_number, shown
from .columns import LEFT_OUT, JointBlock, TableColumns
from .nearest import did_you_mean
from .table_map import LENGTH_UNITS_M, TIME_UNITS_100NS, TableMap, plain_name

_FARTHEST_M: Final = 1000.0
"""A position farther away than this is damage, not noise."""
_NO_NUMBER: Final = ("", "na", "n/a", "null", "none", "-")
_INFINITE: Final = ("inf", "infinity")
_CLOCK_TIME: Final = re.compile(
    r"(?:(\d{4})-(\d\d?)-(\d\d?)[ T])?(\d{1,3}):([0-5]?\d):([0-5]?\d(?:\.\d{1,9})?)Z?", re.ASCII
)
_MOST_WORDS: Final = 1000
"""Words whose meaning is kept, so that it is worked out once."""
_MOST_DIGITS: Final = 11
"""A whole number with fewer digits is a valid time in any unit."""


@dataclass(frozen=True, slots=True)
class TableBody:
    """A body, or one joint of it, as one line of a table gives it.

    Attributes:
        time_100ns: Time of the frame; None: the table has no times.
        sensor: The sensor's id, "" where the table has none.
        body: The body's id, "" where the table has none.
        joints: Indices of the joints in question.
        numbers: (len(joints), F) values in the order of ``TableColumns.fields``; places in metres.
            Of the form "lines" a list of the F values of one joint.
        states: (len(joints),) values of ``TrackingState``.
    """

    time_100ns: int | None
    sensor: str
    body: str
    joints: Sequence[int]
    numbers: NDArray[np.float64] | list[float]
    states: Sequence[int]


class LineReader:
    """Turns the words of lines into values."""

    def __init__(self, table_map: TableMap, columns: TableColumns) -> None:
        """Prepare reading.

        Args:
            table_map: The table's map.
            columns: Its columns.
        """
        self._map, self._columns = table_map, columns
        self._states = dict(table_map.states)
        self._joints: dict[str, int] = {}
        self._scale = LENGTH_UNITS_M[table_map.length_unit]

    def read(self, words: Sequence[str]) -> list[TableBody]:
        """Return the bodies of a line; of the form "lines", one joint of one.

        Raises:
            ValueError: A value is malformed; names its column.
        """
        if len(words) != self._columns.width:
            raise ValueError(
                f"{len(words)} values, expected {self._columns.width}; the line was cut or is of "
                "another table"
            )
        time = None if self._columns.time is None else self._time_100ns(words[self._columns.time])
        sensor = "" if self._columns.sensor is None else words[self._columns.sensor].strip()
        body = "" if self._columns.body is None else words[self._columns.body].strip()
        for place, joint in self._columns.joint_names:
            if plain_name(words[place]) != plain_name(JOINT_NAMES[joint]):
                raise ValueError(
                    f"{self._found(words, place)}, expected "
                    f"{JOINT_NAMES[joint]}, the next joint of the SDK's order"
                )
        if self._map.form == "lines":
            joint = self._joint_of(words)
            if joint == LEFT_OUT:
                return []
            return [TableBody(time, sensor, body, (joint,), *self._values_of_one(words))]
        return [
            TableBody(
                time, sensor, body or str(k) * (k > 0), block.joints, *self._values(words, block)
            )
            for k, block in enumerate(self._columns.blocks)
        ]

    def sensor_of(self, words: Sequence[str]) -> str:
        """Return the id of the sensor of a line."""
        short = self._columns.sensor is None or self._columns.sensor >= len(words)
        return "" if short or self._columns.sensor is None else words[self._columns.sensor].strip()

    def _values_of_one(self, words: Sequence[str]) -> tuple[list[float], Sequence[int]]:
        """Return the numbers and state of the joint of a line."""
        block = self._columns.blocks[0]
        numbers = self._numbers(words, block)
        if self._scale != 1.0:
            numbers[:3] = (value * self._scale for value in numbers[:3])
        x, y, z = numbers[:3]
        is_far = abs(x) > _FARTHEST_M or abs(y) > _FARTHEST_M or abs(z) > _FARTHEST_M
        if is_far:
            self._refuse_far(words, block, np.array([numbers]))
        return numbers, self._states_of(words, block.states)

    def _values(
        self, words: Sequence[str], block: JointBlock
    ) -> tuple[NDArray[np.float64], Sequence[int]]:
        """Return the numbers and states of the joints of a block."""
        numbers = self._numbers(words, block)
        found = np.array(numbers).reshape(-1, len(self._columns.fields))
        if self._scale != 1.0:
            found[:, :3] *= self._scale
        with np.errstate(invalid="ignore"):
            is_far = np.abs(found[:, :3]) > _FARTHEST_M
        if is_far.any():
            self._refuse_far(words, block, found)
        return found, self._states_of(words, block.states)

    def _numbers(self, words: Sequence[str], block: JointBlock) -> list[float]:
        """Return the numbers of a block as they are in the line."""
        picked = [words[place] for place in block.numbers]
        # Python would take 1_000
        if self._map.decimal == "." and "_" not in "".join(picked):
            try:
                return list(map(float, picked))
            except ValueError:
                pass
        return [self._number(words, place) for place in block.numbers]

    def _refuse_far(
        self, words: Sequence[str], block: JointBlock, found: NDArray[np.float64]
    ) -> None:
        """Raise ValueError for the first position that is a number and too far away."""
        for k, place in enumerate(block.numbers):
            joint, value = divmod(k, len(self._columns.fields))
            is_far = value < 3 and abs(found[joint, value]) > _FARTHEST_M
            if is_far and words[place].strip(' "+-').lower() not in _INFINITE:
                raise ValueError(
                    f"{self._found(words, place)}, expected a position "
                    f" within {_FARTHEST_M:g} m; the value is damaged, or joints.unit = "
                    f'"{self._map.length_unit}" is wrong'
                )

    def _found(self, words: Sequence[str], place: int) -> str:
        """Return a value and its column in words."""
        return f"{self._columns.named(place)}: found {shown(words[place].strip())}"

    def _number(self, words: Sequence[str], place: int) -> float:
        word = words[place].strip().strip('"')
        if word.lower() in _NO_NUMBER or "#" in word:
            return math.nan
        if self._map.decimal == ",":
            word = word.replace(",", ".")
        try:
            real_number(word)
            return float(word)
        except ValueError:
            raise ValueError(f"{self._found(words, place)}, expected a number") from None

    def _states_of(self, words: Sequence[str], places: Sequence[int]) -> Sequence[int]:
        if not places:
            return ()
        try:
            return [self._states[words[place]] for place in places]
        except KeyError:
            return [self._state(words[place], place) for place in places]

    def _state(self, word: str, place: int) -> int:
        plain = word.strip().strip('"').lower()
        for known in (plain, plain_name(word), _short_number(plain)):
            if known in self._states:
                if len(self._states) < _MOST_WORDS:
                    self._states[word] = self._states[known]
                return self._states[known]
        raise ValueError(
            f"{self._columns.named(place)}: found {shown(word.strip())}, expected a tracking "
            f"state: {', '.join(self._map.states)}; [states] in a map can name others"
        )

    def _joint_of(self, words: Sequence[str]) -> int:
        """Return the joint of a line by its name or number; LEFT_OUT if the map says so."""
        assert self._columns.joint is not None
        found = self._joints.get(words[self._columns.joint])
        if found is not None:
            return found
        word = words[self._columns.joint].strip().strip('"')
        joint = self._columns.known.get(plain_name(word))
        if joint is None and word.isascii() and word.isdigit() and int(word) < JOINTS:
            joint = int(word)
        if joint is None:
            raise ValueError(
                f"{self._columns.named(self._columns.joint)}: unknown joint {shown(word)}"
                f"{did_you_mean(word, JOINT_NAMES)}; joints.names in a map can name it"
            )
        if len(self._joints) < _MOST_WORDS:
            self._joints[words[self._columns.joint]] = joint
        return joint

    def _time_100ns(self, word: str) -> int:
        unit = TIME_UNITS_100NS.get(self._map.time_unit)
        if isinstance(unit, int) and len(word) < _MOST_DIGITS and word.isascii() and word.isdigit():
            return int(word) * unit
        text = word.strip().strip('"')
        if self._map.decimal == ",":
            text = text.replace(",", ".")
        try:
            if "_" in text:
                raise InvalidOperation
            time = _clock_100ns(text) if unit is None else Decimal(text) * Decimal(str(unit))
            if 0 <= time <= MAX_TIME_100NS:
                return int(time.to_integral_value())
        except ArithmeticError:
            pass
        assert self._columns.time is not None
        raise ValueError(
            f"{self._columns.named(self._columns.time)}: found {shown(text)}, expected a time from "
            f'0 in "{self._map.time_unit}"'
        )


def _clock_100ns(text: str) -> Decimal:
    """Return a time such as 12:34:56.789 in 100 ns, after a date if there is one.

    Raises:
        InvalidOperation: It has another form.
    """
    match = _CLOCK_TIME.fullmatch(text)
    if match is None:
        raise InvalidOperation
    year, month, day, hours, minutes, seconds = match.groups()
    try:
        days = 0 if year is None else date(int(year), int(month), int(day)).toordinal()
    except ValueError:
        raise InvalidOperation from None
    return (Decimal(seconds) + 60 * int(minutes) + 3600 * int(hours) + 86_400 * days) * SECOND_100NS


def _short_number(word: str) -> str:
    try:
        return f"{float(word):g}"
    except ValueError:
        return word
