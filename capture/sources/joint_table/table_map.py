"""A map: the columns of a table of joints, their units, and the names of its joints."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

TIME_UNITS_100NS: Final = {
    "s": 10_000_000, "ms": 10_000, "us": 10, "100ns": 1, "ns": 0.01,
}  # fmt: skip
"""Steps of 100 ns in each unit of time."""
CLOCK: Final = "clock"
"""The unit of times such as 12:34:56.789, with or without a date before them."""
LENGTH_UNITS_M: Final = {"m": 1.0, "cm": 0.01, "mm": 0.001}
FORMS: Final = ("columns", "order", "lines")
VALUES: Final = ("x", "y", "z", "state", "u", "v", "qx", "qy", "qz", "qw")
"""Values that a joint can have: metres, tracking state, colour pixels, orientation."""
JOINT_VALUE: Final = "joint"
IGNORED: Final = "-"
PLACE: Final = ("x", "y", "z")
SEPARATORS: Final = {",": ",", ";": ";", "tab": "\t", "space": " "}
STATES: Final = {
    "0": 0, "1": 1, "2": 2, "nottracked": 0, "inferred": 1, "tracked": 2,
}  # fmt: skip
"""Words for tracking states that need no map, in lower case."""
Column = str | int
"""Name of a column, or its number from 1."""


@dataclass(frozen=True)
class TableMap:
    """The columns of a table of joints.

    Attributes:
        name: Of the map, for messages.
        separator: Between values; "": it is worked out from the first line.
        header_line: Number of the line with the columns' names; 0: there is none.
        decimal: The point in numbers.
        time: Column of the time; None: there is none, and frames come at ``rate_hz``.
        time_unit: Unit of the time, or ``CLOCK``.
        rate_hz: Rate that is assumed where there is no time.
        form: "columns": a line a body, columns found by their names; "order": a line a frame, the
            joints in the order of the SDK's JointType; "lines": a line a joint.
        length_unit: Unit of the positions.
        columns: For "columns" and "lines": the column of each value, with ``{joint}`` in it for
            "columns".
        first: For "order": column of the first joint's first value.
        values: For "order": the values of each joint in turn, ``IGNORED`` for those not wanted and
            ``JOINT_VALUE`` for the joint's name.
        bodies: For "order": number of bodies in a line.
        joint: For "lines": column of the joint's name or number.
        names: The table's name for a joint to the SDK's, ``IGNORED`` for one that is none.
        is_partial: Joints may be missing.
        states: The table's words for tracking states, in lower case, to 0, 1 and 2.
        body: Column of the body's id.
        sensor: Column of the sensor's id.
        is_mirrored: Whether the pixels belong to a mirrored image, as the SDK's do.
        pixels_size_px: Width and height of the image that the pixels belong to.
    """

    name: str
    separator: str = ""
    header_line: int = 1
    decimal: str = "."
    time: Column | None = None
    time_unit: str = "s"
    rate_hz: float = 30.0
    form: str = "columns"
    length_unit: str = "m"
    columns: Mapping[str, Column] = field(default_factory=dict)
    first: Column = 1
    values: tuple[str, ...] = ()
    bodies: int = 1
    joint: Column | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    is_partial: bool = False
    states: Mapping[str, int] = field(default_factory=lambda: STATES)
    body: Column | None = None
    sensor: Column | None = None
    is_mirrored: bool = True
    pixels_size_px: tuple[int, int] = (1920, 1080)

    @property
    def has_states(self) -> bool:
        """True if the table says which joints were tracked."""
        return "state" in self.columns or "state" in self.values


def plain_name(name: str) -> str:
    """Return a name without what writers add to it: case, spaces, ``_``, ``-``, ``.``, ``#``."""
    return re.sub(r"[\s_.#\-]+", "", name).lower()
