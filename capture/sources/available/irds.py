"""The source ``irds``: raw skeleton files of IntelliRehabDS.

The first line is ``Version0.1``. Every other line is ``frame,body,ms`` and 25 times
``(Name,Tracked|Inferred|NotTracked,x,y,z,depth x,depth y)``. The names of the files are
``subject_date_gesture_repetition_correctness_position``.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ....core.units import MS_100NS
from ..log_format import (
    MAX_ID,
    MAX_TIME_100NS,
    LogFormat,
    LogLine,
    real_number,
    shown,
    whole_number,
)
from ..source import Source, SourceSpec
from ..text_lines import first_line

if TYPE_CHECKING:
    from ..sensor import Sensor

_HEAD: Final = "Version0.1"
_JOINT: Final = re.compile(r"\(([^()]*)\)")
_STATES: Final = {"NotTracked": 0, "Inferred": 1, "Tracked": 2}
_NAME: Final = re.compile(r"(\d+)_(\d+)_(\d+)_(\d+)_(\d+)(?:_(\w+))?")
_NO_PLACE: Final = [float("nan")] * 3


def read_line(line: str, number: int, joints: Sequence[str]) -> LogLine | None:
    """Read a line; see ``LogFormat``."""
    if number == 1:
        if line != _HEAD:
            raise ValueError(f"begins with {shown(line)}, expected {_HEAD}")
        return None
    found = [words.split(",") for words in _JOINT.findall(line)]
    head = _JOINT.sub("()", line).split(",")
    if head[3:] != ["()"] * len(joints) or any(len(words) != 7 for words in found):
        raise ValueError(
            f"{len(found)} joints, expected frame,body,ms and {len(joints)} times "
            "(name,state,x,y,z,depth x,depth y); the line was cut or is of another format"
        )
    places = dict.fromkeys(joints, _NO_PLACE)
    states = dict.fromkeys(joints, -1)
    for name, state, *numbers in found:
        if name not in states or state not in _STATES:
            raise ValueError(
                f"joint {shown(name)}, {shown(state)}, expected a joint of the Kinect SDK and one "
                f"of {', '.join(_STATES)}"
            )
        if states[name] >= 0:
            raise ValueError(f"the joint {name} appears twice; the file is damaged")
        places[name] = [real_number(word) for word in numbers][:3]
        states[name] = _STATES[state]
    frame, body, ms = (
        whole_number(word, most)
        for word, most in zip(head, (MAX_ID, MAX_ID, MAX_TIME_100NS // MS_100NS), strict=False)
    )
    return LogLine(ms * MS_100NS, frame, body, list(places.values()), list(states.values()))


def _subject_of(stem: str) -> str:
    match = re.match(r"(\d+)(?=_)", stem)
    return f"irds-{match[1]}" if match else ""


def _tags_of(stem: str) -> tuple[str, ...]:
    match = _NAME.fullmatch(stem)
    if match is None:
        return ()
    gesture, repetition, correctness, position = match.group(3, 4, 5, 6)
    tags = (f"gesture-{gesture}", f"repetition-{repetition}", f"correctness-{correctness}")
    return (*tags, position) if position else tags


FORMAT: Final = LogFormat(
    "irds", "a raw file of IntelliRehabDS (.txt)", read_line, _subject_of, _tags_of
)


def _open(spec: SourceSpec) -> "Sensor":
    from ..skeleton_log import SkeletonLogSensor

    return SkeletonLogSensor(FORMAT, spec)


def _is_irds(path: Path) -> bool:
    return first_line(path) == _HEAD


SOURCE = Source(
    name="irds",
    argument="FILE.txt",
    gives="bodies",
    help="a raw file of IntelliRehabDS",
    open=_open,
    keys={"projection": "a JSON file with the projection to colour pixels"},
    is_of_kind=_is_irds,
)
