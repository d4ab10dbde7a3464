"""The columns of one table, found by its map."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ....core.skeleton import JOINT_NAMES, JOINTS
from ..log_format import shown
from .nearest import did_you_mean
from .table_map import IGNORED, JOINT_VALUE, PLACE, Column, TableMap, plain_name

LEFT_OUT: Final = -1
"""The index of a joint that the map leaves out."""
_JOINT_OF: Final = {plain_name(name): index for index, name in enumerate(JOINT_NAMES)}
_MOST_SHOWN: Final = 4


@dataclass(frozen=True)
class JointBlock:
    """Places of one body's values in a line.

    Attributes:
        joints: Indices of its joints.
        numbers: Places of their numbers, joint by joint, in the order of ``TableColumns.fields``.
        states: Places of their states; () where the table has none.
    """

    joints: Sequence[int]
    numbers: Sequence[int]
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
            width: Number of columns.
            fields: Names of the numbers of a joint, x, y, z first.
            time: Place of the time; None: the table has none.
            body: Place of the body's id, likewise.
            sensor: Place of the sensor's id, likewise.
            joint: Of the form "lines": place of the joint's name.
            blocks: A block for each body of a line.
            joint_names: Places of names of joints, and the index of the joint expected there.
            known: The table's names for joints, in the form of ``plain_name``, to indices.

        Raises:
            ValueError: A column is missing, or names an unknown joint.
        """
        self._map, self.width = table_map, width
        self._header = None if header is None else [name.strip().strip('"') for name in header]
        self.time = self._place_of(table_map.time, "time.column")
        self.body = self._place_of(table_map.body, "body.column")
        self.sensor = self._place_of(table_map.sensor, "sensor.column")
        self.joint = self._place_of(table_map.joint, "joints.joint")
        found = table_map.values if table_map.form == "order" else tuple(table_map.columns)
        more = [v for v in found if v not in (*PLACE, "state", JOINT_VALUE, IGNORED)]
        self.fields = (*PLACE, *sorted(more))
        self.known = dict(_JOINT_OF)
        for name, joint in table_map.names.items():
            index = LEFT_OUT if joint == IGNORED else JOINT_NAMES.index(joint)
            self.known[plain_name(name)] = index
        self.joint_names: list[tuple[int, int]] = []
        self.blocks = self._find_blocks()

    def named(self, place: int) -> str:
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

    def _find_blocks(self) -> list[JointBlock]:
        if self._map.form == "order":
            return self._in_order()
        if self._map.form == "columns":
            return [self._by_name()]
        places = {v: self._place_of(c, f"joints.{v}") for v, c in self._map.columns.items()}
        return [self._block((0,), [places])]

    def _in_order(self) -> list[JointBlock]:
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
                self.joint_names += [(p[JOINT_VALUE], j) for j, p in enumerate(places)]
            blocks.append(self._block(range(JOINTS), places))
        return blocks

    def _by_name(self) -> JointBlock:
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
                joint = self.known.get(plain_name(match[1])) if match else LEFT_OUT
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
        others = (self.time, self.body, self.sensor)
        unknown = [(p, n) for p, n in unknown if p not in used and p not in others]
        self._check_names(places, unknown)
        joints = sorted(places)
        return self._block(joints, [places[joint] for joint in joints])

    def _check_names(
        self, places: Mapping[int, Mapping[str, int]], unknown: Sequence[tuple[int, str]]
    ) -> None:
        if unknown:
            place, name = unknown[0]
            raise ValueError(
                f"{self.named(place)}: unknown joint {shown(name)}"
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

    def _block(
        self, joints: Sequence[int], places: Sequence[Mapping[str, int | None]]
    ) -> JointBlock:
        """Return the block of joints whose values are at these places."""
        numbers = [mine[value] for mine in places for value in self.fields]
        states = [mine["state"] for mine in places if "state" in mine]
        return JointBlock(
            tuple(joints),
            tuple(place for place in numbers if place is not None),
            tuple(place for place in states if place is not None),
        )


def _listed(names: Sequence[str]) -> str:
    """Return the first names in words."""
    more = ", ..." if len(names) > _MOST_SHOWN else ""
    return ", ".join(shown(name) for name in names[:_MOST_SHOWN]) + more
