"""The columns of one table, found by its map; they turn a line's words into numbers."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ....core.skeleton import JOINT_NAMES, JOINTS
from ..log_format import MAX_TIME_100NS, real_number, shown
from .nearest import did_you_mean
from .table_map import (
    IGNORED,
    JOINT_VALUE,
    LENGTH_UNITS_M,
    PLACE,
    TIME_UNITS_100NS,
    Column,
    TableMap,
    plain_name,
)

_FARTHEST_M: Final = 1000.0
"""A position farther away than this is damage, not noise."""
_NO_NUMBER: Final = ("", "na", "n/a", "null", "none", "-")
_INFINITE: Final = ("inf", "infinity")
_JOINT_OF: Final = {plain_name(name): index for index, name in enumerate(JOINT_NAMES)}
_MOST_SHOWN: Final = 4
_MOST_WORDS: Final = 1000
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


class TableColumns:
    """The columns of a table."""

    def __init__(self, table_map: TableMap, header: Sequence[str] | None, width: int) -> None:
        """Find the columns.

        Args:
            table_map: The map.
            header: Names of the columns; None: the table has none.
            width: Number of columns.

        Attributes:
            fields: Names of the numbers of a joint, x, y, z first.
            width: Number of columns.

        Raises:
            ValueError: A column is missing, or names an unknown joint.
        """
        self._map, self.width = table_map, width
        self._header = None if header is None else [name.strip().strip('"') for name in header]
        self._states = dict(table_map.states)
        self._scale = LENGTH_UNITS_M[table_map.length_unit]
        self._time = self._place_of(table_map.time, "time.column")
        self._body = self._place_of(table_map.body, "body.column")
        self._sensor = self._place_of(table_map.sensor, "sensor.column")
        found = table_map.values if table_map.form == "order" else tuple(table_map.columns)
        more = [v for v in found if v not in (*PLACE, "state", JOINT_VALUE, IGNORED)]
        self.fields = (*PLACE, *sorted(more))
        self._joint_names: list[tuple[int, int]] = []
        self._joint_words: dict[str, int] = {}
        self._blocks = self._find_blocks()

    def read(self, words: Sequence[str]) -> list[TableBody]:
        """Return the bodies of a line; of the form "lines", one joint of one.

        Raises:
            ValueError: A value is malformed; names its column.
        """
        if len(words) != self.width:
            raise ValueError(
                f"{len(words)} values, expected {self.width}; the line was cut or is of another "
                "table"
            )
        time = None if self._time is None else self._time_100ns(words[self._time])
        sensor = "" if self._sensor is None else words[self._sensor].strip()
        body = "" if self._body is None else words[self._body].strip()
        for place, joint in self._joint_names:
            if plain_name(words[place]) != plain_name(JOINT_NAMES[joint]):
                raise ValueError(
                    f"{self._named(place)}: found {shown(words[place].strip())}, expected "
                    f"{JOINT_NAMES[joint]}, the next joint of the SDK's order"
                )
        if self._map.form == "lines":
            joint = self._joint_of(words)
            if joint < 0:
                return []
            return [TableBody(time, sensor, body, (joint,), *self._values_of_one(words))]
        return [
            TableBody(
                time, sensor, body or str(k) * (k > 0), block.joints, *self._values(words, block)
            )
            for k, block in enumerate(self._blocks)
        ]

    def sensor_of(self, words: Sequence[str]) -> str:
        """Return the id of the sensor of a line."""
        short = self._sensor is None or self._sensor >= len(words)
        return "" if short or self._sensor is None else words[self._sensor].strip()

    def _values_of_one(self, words: Sequence[str]) -> tuple[list[float], Sequence[int]]:
        """Return the numbers and state of the joint of a line."""
        block = self._blocks[0]
        picked = [words[place] for place in block.numbers]
        try:
            if self._map.decimal == ",":
                raise ValueError
            numbers = list(map(float, picked))
        except ValueError:
            numbers = [self._number(words, place) for place in block.numbers]
        if self._scale != 1.0:
            numbers[:3] = (value * self._scale for value in numbers[:3])
        x, y, z = numbers[:3]
        is_far = abs(x) > _FARTHEST_M or abs(y) > _FARTHEST_M or abs(z) > _FARTHEST_M
        if is_far or "_" in "".join(picked):
            self._refuse_far(words, block, np.array([numbers]))
        return numbers, self._states_of(words, block.states)

    def _values(
        self, words: Sequence[str], block: "_Block"
    ) -> tuple[NDArray[np.float64], Sequence[int]]:
        """Return the numbers and states of the joints of a block."""
        picked = [words[place] for place in block.numbers]
        try:
            if self._map.decimal == ",":
                raise ValueError
            numbers = list(map(float, picked))
        except ValueError:
            numbers = [self._number(words, place) for place in block.numbers]
        found = np.array(numbers).reshape(-1, len(self.fields))
        if self._scale != 1.0:
            found[:, :3] *= self._scale
        with np.errstate(invalid="ignore"):
            is_far = np.abs(found[:, :3]) > _FARTHEST_M
        if is_far.any() or "_" in "".join(picked):
            self._refuse_far(words, block, found)
        return found, self._states_of(words, block.states)

    def _refuse_far(
        self, words: Sequence[str], block: "_Block", found: NDArray[np.float64]
    ) -> None:
        """Raise ValueError for the first position that is a number and too far away."""
        for k, place in enumerate(block.numbers):
            self._number(words, place)
            joint, value = divmod(k, len(self.fields))
            is_far = value < 3 and abs(found[joint, value]) > _FARTHEST_M
            if is_far and words[place].strip(' "+-').lower() not in _INFINITE:
                raise ValueError(
                    f"{self._named(place)}: found {shown(words[place].strip())}, expected a "
                    f"position within {_FARTHEST_M:g} m; the value is damaged, or joints.unit = "
                    f'"{self._map.length_unit}" is wrong'
                )

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
            raise ValueError(
                f"{self._named(place)}: found {shown(words[place].strip())}, expected a number"
            ) from None

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
            f"{self._named(place)}: found {shown(word.strip())}, expected a tracking state: "
            f"{', '.join(self._map.states)}; [states] in a map can name others"
        )

    def _joint_of(self, words: Sequence[str]) -> int:
        """Return the joint of a line by its name or number; -1: one that the map leaves out."""
        assert self._joint_place is not None
        found = self._joint_words.get(words[self._joint_place])
        if found is not None:
            return found
        word = words[self._joint_place].strip().strip('"')
        joint = self._known.get(plain_name(word))
        if joint is None and word.isascii() and word.isdigit() and int(word) < JOINTS:
            joint = int(word)
        if joint is None:
            raise ValueError(
                f"{self._named(self._joint_place)}: unknown joint {shown(word)}"
                f"{did_you_mean(word, JOINT_NAMES)}; joints.names in a map can name it"
            )
        if len(self._joint_words) < _MOST_WORDS:
            self._joint_words[words[self._joint_place]] = joint
        return joint

    def _time_100ns(self, word: str) -> int:
        unit = TIME_UNITS_100NS[self._map.time_unit]
        if isinstance(unit, int) and len(word) < _MOST_DIGITS and word.isascii() and word.isdigit():
            return int(word) * unit
        text = word.strip().strip('"')
        if self._map.decimal == ",":
            text = text.replace(",", ".")
        try:
            if "_" in text:
                raise InvalidOperation
            time = Decimal(text) * Decimal(str(unit))
            if 0 <= time <= MAX_TIME_100NS:
                return int(time.to_integral_value())
        except ArithmeticError:
            pass
        assert self._time is not None
        raise ValueError(
            f"{self._named(self._time)}: found {shown(text)}, expected a time from 0 in "
            f'"{self._map.time_unit}"'
        )

    def _named(self, place: int) -> str:
        """Return a column in words."""
        name = "" if self._header is None else f" {shown(self._header[place])}"
        return f"column {place + 1}{name}"

    def _place_of(self, column: Column | None, key: str) -> int | None:
        """Return the index of a column that a map names by ``key``.

        Raises:
            ValueError: There is no such column, or several.
        """
        if column is None:
            return None
        if isinstance(column, int):
            if column > self.width:
                raise ValueError(
                    f"{key} = {column}: the line has {self.width} values; is the map for "
                    "another table?"
                )
            return column - 1
        header = self._header or []
        found = [k for k, name in enumerate(header) if name.lower() == column.lower()]
        if len(found) == 1:
            return found[0]
        if found:
            raise ValueError(f"{key}: {len(found)} columns are named {column!r}, expected one")
        raise ValueError(
            f"no column {column!r} ({key}){did_you_mean(column, header)}; the columns are "
            f"{_listed(header)}; is the map for another table?"
        )

    def _find_blocks(self) -> list["_Block"]:
        self._known = dict(_JOINT_OF)
        for name, joint in self._map.names.items():
            self._known[plain_name(name)] = -1 if joint == IGNORED else JOINT_NAMES.index(joint)
        self._joint_place = self._place_of(self._map.joint, "joints.joint")
        if self._map.form == "order":
            return self._in_order()
        if self._map.form == "columns":
            return [self._by_name()]
        places = {v: self._place_of(c, f"joints.{v}") for v, c in self._map.columns.items()}
        return [_Block.of((0,), [places], self.fields)]

    def _in_order(self) -> list["_Block"]:
        """Return the blocks of the form "order", one a body."""
        first = self._place_of(self._map.first, "joints.first")
        assert first is not None
        step = len(self._map.values)
        needed = first + step * JOINTS * self._map.bodies
        if needed > self.width:
            raise ValueError(
                f"{self.width} values, expected {needed} or more: {self._map.bodies} x {JOINTS} "
                f"joints of {step} values from column {first + 1} on; is the map for another table?"
            )
        blocks = []
        for body in range(self._map.bodies):
            begins = [first + step * (JOINTS * body + joint) for joint in range(JOINTS)]
            places = [{v: b + k for k, v in enumerate(self._map.values)} for b in begins]
            if JOINT_VALUE in self._map.values:
                self._joint_names += [(p[JOINT_VALUE], j) for j, p in enumerate(places)]
            blocks.append(_Block.of(range(JOINTS), places, self.fields))
        return blocks

    def _by_name(self) -> "_Block":
        """Return the block of the form "columns".

        Raises:
            ValueError: A column of a joint is missing, appears twice, or names an unknown joint.
        """
        places: dict[int, dict[str, int]] = {}
        unknown: list[tuple[int, str]] = []
        for value, pattern in self._map.columns.items():
            begin, _, end = str(pattern).partition("{joint}")
            form = re.compile(re.escape(begin) + "(.+)" + re.escape(end), re.IGNORECASE)
            for place, name in enumerate(self._header or []):
                match = form.fullmatch(name)
                joint = self._known.get(plain_name(match[1])) if match else -1
                if joint is None:
                    unknown.append((place, match[1] if match else name))
                elif joint >= 0:
                    mine = places.setdefault(joint, {})
                    if value in mine:
                        raise ValueError(
                            f"columns {mine[value] + 1} and {place + 1} are both {value} of "
                            f"{JOINT_NAMES[joint]}"
                        )
                    mine[value] = place
        used = {p for mine in places.values() for p in mine.values()}
        others = (self._time, self._body, self._sensor)
        unknown = [(p, n) for p, n in unknown if p not in used and p not in others]
        self._check_names(places, unknown)
        joints = sorted(places)
        return _Block.of(joints, [places[joint] for joint in joints], self.fields)

    def _check_names(
        self, places: Mapping[int, Mapping[str, int]], unknown: Sequence[tuple[int, str]]
    ) -> None:
        if unknown:
            place, name = unknown[0]
            raise ValueError(
                f"{self._named(place)}: unknown joint {shown(name)}"
                f"{did_you_mean(name, JOINT_NAMES)}; joints.names in a map can name it, or leave "
                f'it out by "{IGNORED}"'
            )
        for joint, mine in sorted(places.items()):
            lacking = [value for value in self._map.columns if value not in mine]
            if lacking:
                wanted = str(self._map.columns[lacking[0]]).replace("{joint}", JOINT_NAMES[joint])
                raise ValueError(f"no column {wanted!r}, which the other joints have")
        if len(places) < (1 if self._map.is_partial else JOINTS):
            lacking = [name for j, name in enumerate(JOINT_NAMES) if j not in places]
            wanted = str(self._map.columns["x"]).replace("{joint}", lacking[0])
            raise ValueError(
                f"no column {wanted!r}{did_you_mean(wanted, self._header or [])}; {len(places)} of "
                f"{JOINTS} joints have columns, the columns are {_listed(self._header or [])}; "
                "is the map for another table, or is joints.partial = true to be in it?"
            )


@dataclass(frozen=True)
class _Block:
    """Places of one body's values in a line: numbers joint by joint, then states."""

    joints: Sequence[int]
    numbers: Sequence[int]
    states: Sequence[int]

    @classmethod
    def of(
        cls,
        joints: Sequence[int],
        places: Sequence[Mapping[str, int | None]],
        fields: Sequence[str],
    ) -> "_Block":
        numbers = [mine[value] for mine in places for value in fields]
        states = [mine["state"] for mine in places if "state" in mine]
        return cls(
            tuple(joints),
            tuple(place for place in numbers if place is not None),
            tuple(place for place in states if place is not None),
        )


def _short_number(word: str) -> str:
    try:
        return f"{float(word):g}"
    except ValueError:
        return word


def _listed(names: Sequence[str]) -> str:
    """Return the first names in words."""
    more = ", ..." if len(names) > _MOST_SHOWN else ""
    return ", ".join(shown(name) for name in names[:_MOST_SHOWN]) + more
