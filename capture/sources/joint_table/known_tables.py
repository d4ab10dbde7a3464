"""Tables that are recognised without a map: by the names of their columns, or their numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ....core.skeleton import JOINTS
from ..text_lines import text_lines
from .table_frames import split
from .table_map import TableMap

_PLACES: Final = {"x": "{joint}_X", "y": "{joint}_Y", "z": "{joint}_Z"}
_UNIT_LENGTH: Final = 0.02
NOT_TRIED: Final = (
    "its form is known from other programs alone and was not tried on a real file: look at the "
    "session before you use it"
)
"""The warning for tables on which two public programs agree, of which no file was at hand."""


@dataclass(frozen=True)
class KnownTable:
    """A table that needs no map.

    Attributes:
        name: How messages and docs/sources.md call it.
        map: Its map.
        header: Names of its first columns, in lower case; (): it has none.
        numbers: Number of values in each line where it has no header.
        note: What a user must know of such tables; stored as a warning.
    """

    name: str
    map: TableMap
    header: tuple[str, ...] = ()
    numbers: int = 0
    note: str = ""

    def fits(self, lines: Sequence[str]) -> bool:
        """Return True if the first lines of a file are those of such a table."""
        place = self.map.header_line
        if place:
            words = split(lines[place - 1], self.map.separator) if len(lines) >= place else []
            found = tuple(word.strip().lower() for word in words[: len(self.header)])
            return found == self.header
        # some begin with empty lines
        first = next((line for line in lines if line.strip()), "")
        numbers = _numbers(first, self.map.separator)
        return numbers is not None and len(numbers) == self.numbers and self._is_sound(numbers)

    def _is_sound(self, numbers: Sequence[float]) -> bool:
        """Return True if numbers can be what the map says: unit quaternions, states."""
        step = len(self.map.values)
        joints = [numbers[k : k + step] for k in range(0, step * JOINTS, step)]
        if "qw" in self.map.values:
            first = self.map.values.index("qx")
            norms = [math.hypot(*joint[first : first + 4]) for joint in joints]
            return all(norm == 0 or abs(norm - 1) < _UNIT_LENGTH for norm in norms)
        if "state" in self.map.values:
            return all(joint[-1] in (0, 1, 2) for joint in joints)
        return True


def _multitrack(name: str, head: str, time: str, body: str, sensor: str) -> KnownTable:
    return KnownTable(
        name,
        TableMap(
            name, ",", columns=_PLACES, time=time, time_unit="100ns", body=body, sensor=sensor
        ),
        tuple(head.split()),
        note="the joints of all its sensors are in the camera space of one of them",
    )


KNOWN_TABLES: Final = (
    _multitrack(
        "KinectMultiTrack", "study_id kinect_config scenario_id tracker_time person_id",
        "Skeleton_Time", "Person_Id", "Kinect_Id",
    ),
    _multitrack(
        "KinectMultiTrack", "study kinectconfig scenario tracker_time person#",
        "Skeleton_Time", "Person#", "Kinect#",
    ),
    KnownTable(
        "KERAAL",
        TableMap(
            "KERAAL", " ", header_line=0, form="order",
            values=("x", "y", "z", "qx", "qy", "qz", "qw"),
        ),
        numbers=7 * JOINTS,
    ),
    KnownTable(
        "LSL-Kinect",
        TableMap(
            "LSL-Kinect", ",", header_line=3, time="TimeSpan", time_unit="ms",
            columns={**_PLACES, "state": "{joint}_Conf"}, states={"0": 0, "0.5": 1, "1": 2},
        ),
        ("timespan", "spinebase_x", "spinebase_y", "spinebase_z", "spinebase_conf"),
        note=NOT_TRIED,
    ),
    KnownTable(
        "XEFExtract",
        TableMap(
            "XEFExtract", ",", form="order", time="Time", time_unit="100ns", body="SkeletonId",
            first=8, values=("joint", "state", "x", "y", "z", "qw", "qx", "qy", "qz"),
        ),
        ("eventindex", "time", "skeletonid", "handleftconfidence"),
        note=NOT_TRIED,
    ),
    KnownTable(
        "KiMoRe",
        TableMap(
            "KiMoRe", ",", header_line=0, form="order", values=("x", "y", "z", "state"),
        ),
        numbers=4 * JOINTS,
        note=NOT_TRIED,
    ),
    KnownTable(
        "PKU-MMD",
        TableMap(
            "PKU-MMD", " ", header_line=0, form="order", values=("x", "y", "z"), bodies=2,
        ),
        numbers=2 * 3 * JOINTS,
        note=NOT_TRIED,
    ),
)  # fmt: skip
_HEAD_LINES: Final = 4


def known_table(path: Path) -> KnownTable | None:
    """Return the kind of a table, judged by its first lines; None: it needs a map.

    Raises:
        SensorError: The file is missing, can't be read, or is not a text file.
    """
    lines: list[str] = []
    for _, text in text_lines(path, "a table of joints (a text file)", strip="\r\n"):
        lines.append(text)
        if len(lines) == _HEAD_LINES:
            break
    return next((table for table in KNOWN_TABLES if table.fits(lines)), None)


def known_names() -> list[str]:
    """Return the names of all tables that need no map, each once."""
    return list(dict.fromkeys(table.name for table in KNOWN_TABLES))


def _numbers(line: str, separator: str) -> list[float] | None:
    try:
        return [float(word) for word in split(line, separator) if word.strip()]
    except ValueError:
        return None
