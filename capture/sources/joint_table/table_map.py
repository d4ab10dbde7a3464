"""A map: the columns of a table of joints, their units, and the names of its joints."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ....core.errors import SensorError
from ....core.skeleton import JOINT_NAMES
from ..log_format import shown
from ..text_lines import check_regular
from .nearest import did_you_mean

TIME_UNITS_100NS: Final = {
    "s": 10_000_000, "ms": 10_000, "us": 10, "100ns": 1, "ns": 0.01,
}  # fmt: skip
"""Steps of 100 ns in each unit of time."""
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

_MAX_BYTES: Final = 1 << 20
_MAX_HEADER_LINE: Final = 1000
_MAX_RATE_HZ: Final = 1000.0
_MAX_SIZE_PX: Final = 16_384
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "table": ("separator", "header_line", "decimal"),
    "time": ("column", "unit", "rate_hz"),
    "joints": ("form", "unit", "first", "values", "bodies", "joint", "names", "partial", *VALUES),
    "states": (),
    "body": ("column",),
    "sensor": ("column",),
    "image": ("mirrored", "size_px"),
}


@dataclass(frozen=True)
class TableMap:
    """The columns of a table of joints.

    Attributes:
        name: Of the map, for messages.
        separator: Between values; "": it is worked out from the first line.
        header_line: Number of the line with the columns' names; 0: there is none.
        decimal: The point in numbers.
        time: Column of the time; None: there is none, and frames come at ``rate_hz``.
        time_unit: Unit of the time.
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


def load_map(path: Path) -> TableMap:
    """Read a map from a TOML file.

    Raises:
        SensorError: It can't be read, or says something that makes no sense; names the key.
    """
    check_regular(path, "a TOML file after map=")
    try:
        with open(path, "rb") as file:
            raw = file.read(_MAX_BYTES + 1)
        if len(raw) > _MAX_BYTES:
            raise ValueError("too large")
        content = tomllib.loads(raw.decode("utf-8-sig"))
    except OSError as error:
        raise SensorError(f"{path}: can't be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise SensorError(f"{path}: not valid TOML ({error}); map= needs a TOML file") from error
    try:
        return _map_of(path.name, content)
    except ValueError as error:
        raise SensorError(f"{path}: {error}; see docs/sources.md") from None


def _map_of(name: str, content: Mapping[str, Any]) -> TableMap:
    """Return the map of a TOML file's content.

    Raises:
        ValueError: A key is unknown, missing, or its value makes no sense.
    """
    part = {key: _part(content, key) for key in _KEYS}
    _check_keys("", content, tuple(_KEYS))
    table, time, joints = part["table"], part["time"], part["joints"]
    form = _choice(joints, "joints.form", FORMS, "columns")
    made = TableMap(
        name=name,
        separator=SEPARATORS.get(_choice(table, "table.separator", tuple(SEPARATORS), ""), ""),
        header_line=_whole(table, "table.header_line", 0, _MAX_HEADER_LINE, 1),
        decimal=_choice(table, "table.decimal", (".", ","), "."),
        time=_column(time, "time.column"),
        time_unit=_choice(time, "time.unit", tuple(TIME_UNITS_100NS), ""),
        rate_hz=_rate(time),
        form=form,
        length_unit=_choice(joints, "joints.unit", tuple(LENGTH_UNITS_M), "m"),
        columns={v: c for v in VALUES if (c := _column(joints, f"joints.{v}")) is not None},
        first=_column(joints, "joints.first") or 1,
        values=_values(joints),
        bodies=_whole(joints, "joints.bodies", 1, 6, 1),
        joint=_column(joints, "joints.joint"),
        names=_names(joints),
        is_partial=_flag(joints, "joints.partial", default=False),
        states=_states(part["states"]),
        body=_column(part["body"], "body.column"),
        sensor=_column(part["sensor"], "sensor.column"),
        is_mirrored=_flag(part["image"], "image.mirrored", default=True),
        pixels_size_px=_size(part["image"]),
    )
    _check_whole(made, time, joints)
    return made


def _check_whole(made: TableMap, time: Mapping[str, Any], joints: Mapping[str, Any]) -> None:
    """Check that the parts of a map fit together.

    Raises:
        ValueError: They don't.
    """
    if (made.time is None) == ("rate_hz" not in time):
        raise ValueError("time: expected either column and unit, or rate_hz for a table without")
    if made.time is not None and not made.time_unit:
        raise ValueError(f"time.unit is missing, expected one of {', '.join(TIME_UNITS_100NS)}")
    found = made.values if made.form == "order" else tuple(made.columns)
    lacking = [value for value in PLACE if value not in found]
    if lacking:
        raise ValueError(f"joints: no {lacking[0]}; the form {made.form!r} needs x, y and z")
    for pair in (("u", "v"), ("qx", "qy", "qz", "qw")):
        if 0 < len(set(pair) & set(found)) < len(pair):
            raise ValueError(f"joints: some of {', '.join(pair)} are missing; expected all or none")
    strange = {"order": ("joint", *VALUES), "lines": ("first", "values", "bodies")}
    strange["columns"] = ("first", "values", "bodies", "joint")
    for key in strange[made.form]:
        if key in joints:
            raise ValueError(f"joints.{key}: not for the form {made.form!r}")
    for value, column in made.columns.items() if made.form == "columns" else ():
        if not isinstance(column, str) or column.count("{joint}") != 1:
            raise ValueError(f"joints.{value}: found {column!r}, expected a name with {{joint}}")
    if made.form == "lines" and made.joint is None:
        raise ValueError("joints.joint is missing: the column that names the joint of a line")
    if made.bodies > 1 and (made.body is not None or made.sensor is not None):
        raise ValueError("joints.bodies: not with body.column or sensor.column")
    _check_named(made)


def _check_named(made: TableMap) -> None:
    """Check that columns are named only where the table has a line with names.

    Raises:
        ValueError: They are named although it has none.
    """
    used = (made.time, made.first, made.joint, made.body, made.sensor, *made.columns.values())
    named = [column for column in used if isinstance(column, str)]
    if not made.header_line and named:
        raise ValueError(
            f"table.header_line = 0: the table has no names, expected a number for {named[0]!r}"
        )


def _part(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = content.get(key, {})
    if not isinstance(part, dict):
        raise ValueError(f"{key}: expected a table [{key}]")
    if _KEYS[key]:
        _check_keys(f"{key}.", part, _KEYS[key])
    return part


def _check_keys(before: str, found: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in found:
        if key not in known:
            raise ValueError(f"unknown key {shown(before + key)}{did_you_mean(key, known)}")


def _choice(part: Mapping[str, Any], key: str, choices: tuple[str, ...], default: str) -> str:
    value = part.get(key.partition(".")[2], default)
    if value != default and value not in choices:
        raise ValueError(f"{key}: found {value!r}, expected one of {', '.join(choices)}")
    return str(value)


def _whole(part: Mapping[str, Any], key: str, least: int, most: int, default: int) -> int:
    value = part.get(key.partition(".")[2], default)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{key}: found {value!r}, expected a whole number {least} to {most}")
    return value


def _flag(part: Mapping[str, Any], key: str, *, default: bool) -> bool:
    value = part.get(key.partition(".")[2], default)
    if not isinstance(value, bool):
        raise ValueError(f"{key}: found {value!r}, expected true or false")
    return value


def _column(part: Mapping[str, Any], key: str) -> Column | None:
    value = part.get(key.partition(".")[2])
    if value is None:
        return None
    is_number = isinstance(value, int) and not isinstance(value, bool) and value > 0
    if not is_number and not (isinstance(value, str) and value.strip()):
        raise ValueError(f"{key}: found {value!r}, expected a column's name or number from 1")
    return value if isinstance(value, int) else str(value).strip()


def _rate(time: Mapping[str, Any]) -> float:
    value = time.get("rate_hz", 30)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 1 <= value <= _MAX_RATE_HZ:
        raise ValueError(f"time.rate_hz: found {value!r}, expected 1 to {_MAX_RATE_HZ:g}")
    return float(value)


def _values(joints: Mapping[str, Any]) -> tuple[str, ...]:
    values = joints.get("values", [])
    known = (*VALUES, JOINT_VALUE, IGNORED)
    if not isinstance(values, list) or any(value not in known for value in values):
        raise ValueError(f"joints.values: found {values!r}, expected a list of {', '.join(known)}")
    repeated = [v for v in values if v != IGNORED and values.count(v) > 1]
    if repeated:
        raise ValueError(f"joints.values: {repeated[0]} appears twice")
    return tuple(values)


def _names(joints: Mapping[str, Any]) -> dict[str, str]:
    names = joints.get("names", {})
    if not isinstance(names, dict):
        raise ValueError("joints.names: expected a table: the name in the file = the SDK's name")
    for name, joint in names.items():
        if joint not in (*JOINT_NAMES, IGNORED):
            raise ValueError(
                f"joints.names: {shown(name)} = {joint!r}, expected a joint of the Kinect SDK"
                f"{did_you_mean(str(joint), JOINT_NAMES)}"
            )
    return {str(name): str(joint) for name, joint in names.items()}


def _states(states: Mapping[str, Any]) -> dict[str, int]:
    for word, state in states.items():
        if isinstance(state, bool) or state not in (0, 1, 2):
            raise ValueError(
                f"states: {shown(word)} = {state!r}, expected 0 (not tracked), 1 (inferred) or 2 "
                "(tracked)"
            )
    return {word.lower(): int(state) for word, state in states.items()} or dict(STATES)


def _size(image: Mapping[str, Any]) -> tuple[int, int]:
    value = image.get("size_px", [1920, 1080])
    good = isinstance(value, list) and len(value) == 2
    if not good or any(
        isinstance(side, bool) or not isinstance(side, int) or not 16 <= side <= _MAX_SIZE_PX
        for side in value
    ):
        raise ValueError(f"image.size_px: found {value!r}, expected [width, height] in pixels")
    return int(value[0]), int(value[1])


def plain_name(name: str) -> str:
    """Return a name without what writers add to it: case, spaces, ``_``, ``-``, ``.``, ``#``."""
    return re.sub(r"[\s_.#\-]+", "", name).lower()
