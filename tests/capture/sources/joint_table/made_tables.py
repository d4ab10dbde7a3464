"""Tables of joints, written by a map: what a recorder with these columns would write."""

from collections.abc import Callable

import numpy as np

from kincap.capture.sources.joint_table.table_map import (
    IGNORED,
    JOINT_VALUE,
    LENGTH_UNITS_M,
    TIME_UNITS_100NS,
    TableMap,
)
from kincap.core.skeleton import JOINT_NAMES
from tests.checks.people import person

STEP_100NS = 330_000
ORIENTATION = {"qx": 0.0, "qy": 0.6, "qz": 0.0, "qw": 0.8}


def place(frame: int, joint: int) -> np.ndarray:
    """(3,) where a joint of the made person is in a frame, metres; the person walks to the side."""
    return person()[joint] + [0.01 * frame, -1.0, 0.0]


def pixel(frame: int, joint: int) -> tuple[float, float]:
    return 900.0 + 10 * joint + frame, 500.0 + 4 * joint


def made_table(
    table_map: TableMap,
    frames: int = 12,
    state: Callable[[int, int], str] = lambda _frame, _joint: "2",
    body: str = "7",
    sensor: str = "A",
) -> str:
    """Return the text of a table; every value that the map names is in it.

    Args:
        table_map: The map; named columns, or numbered ones for the time, bodies and sensors.
        frames: Number of frames, ``STEP_100NS`` apart.
        state: Gives the word for the tracking state of a joint in a frame.
        body: Id of the body.
        sensor: Id of the sensor.
    """
    separator = table_map.separator or ","
    written = {joint: name for name, joint in table_map.names.items()}
    head = {table_map.time: "time", table_map.body: "body", table_map.sensor: "sensor"}
    head.pop(None, None)

    def value(frame: int, joint: int, name: str) -> str:
        if name == "state":
            return state(frame, joint)
        if name == JOINT_VALUE:
            return JOINT_NAMES[joint]
        if name == IGNORED:
            return "x"
        if name in ORIENTATION:
            return f"{ORIENTATION[name]:.6f}"
        if name in ("u", "v"):
            return f"{pixel(frame, joint)['uv'.index(name)]:.3f}"
        metres = place(frame, joint)["xyz".index(name)]
        return f"{metres / LENGTH_UNITS_M[table_map.length_unit]:.6f}".replace(
            ".", table_map.decimal
        )

    def begin(frame: int) -> list[str]:
        time = 10_000_000 + frame * STEP_100NS
        in_unit = time / TIME_UNITS_100NS.get(table_map.time_unit, 1)
        whole = f"{in_unit:.0f}" if table_map.time_unit in ("100ns", "ns") else f"{in_unit:.7f}"
        words = {"time": whole.replace(".", table_map.decimal), "body": body, "sensor": sensor}
        return [words[of] for of in head.values()]

    lines: list[list[str]] = [[] for _ in range(max(0, table_map.header_line - 1))]
    names = [str(column) for column in head]
    if table_map.form == "lines":
        if table_map.header_line:
            lines.append([*names, str(table_map.joint), *map(str, table_map.columns.values())])
        lines += [
            [*begin(f), str(j), *(value(f, j, v) for v in table_map.columns)]
            for f in range(frames)
            for j in range(25)
        ]
    elif table_map.form == "columns":
        joints = [
            str(pattern).replace("{joint}", written.get(joint, joint))
            for joint in JOINT_NAMES
            for pattern in table_map.columns.values()
        ]
        lines.append([*names, *joints])
        lines += [
            [*begin(f), *(value(f, j, v) for j in range(25) for v in table_map.columns)]
            for f in range(frames)
        ]
    else:
        # other columns come before the first joint
        free = int(table_map.first) - 1 - len(head)
        if table_map.header_line:
            repeated = [v for _ in range(25 * table_map.bodies) for v in table_map.values]
            lines.append([*names, *["-"] * free, *repeated])
        nobody = ["0"] * (25 * len(table_map.values) * (table_map.bodies - 1))
        lines += [
            [
                *begin(f), *["-"] * free,
                *(value(f, j, v) for j in range(25) for v in table_map.values), *nobody,
            ]
            for f in range(frames)
        ]  # fmt: skip
    return "".join(separator.join(line) + "\n" for line in lines)
