"""Maps as TOML files, checked: every key, every value, and that they fit together."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ....core.errors import SensorError
from ....core.skeleton import JOINT_NAMES
from ..log_format import shown
from ..text_lines import check_regular
from .nearest import did_you_mean
from .table_map import (
    CLOCK,
    FORMS,
    IGNORED,
    JOINT_VALUE,
    LENGTH_UNITS_M,
    PLACE,
    SEPARATORS,
    STATES,
    TIME_UNITS_100NS,
    VALUES,
    Column,
    TableMap,
)

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
        time_unit=_choice(time, "time.unit", (*TIME_UNITS_100NS, CLOCK), ""),
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
        raise ValueError(
            f"time.unit is missing, expected one of {', '.join((*TIME_UNITS_100NS, CLOCK))}"
        )
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
