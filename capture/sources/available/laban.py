"""The source ``laban``: skeleton logs of microsoft/LabanotationSuite.

A line is the sensor's time in 100 ns and 25 times ``x,y,z,state``, with a comma after each number.
The joints have no names; that they follow the order of the SDK's JointType is checked by their
bones. KinectReader writes a log as joints.csv, and videorecording.wmv of its colour camera beside
it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..log_format import MAX_TIME_100NS, LogFormat, LogLine, real_number, shown, whole_number
from ..source import Source, SourceSpec
from ..text_lines import first_line
from ..video.keys import VIDEO_KEYS

if TYPE_CHECKING:
    from ..sensor import Sensor

_VALUES: Final = 101
_STATES: Final = {0.0: 0, 1.0: 1, 2.0: 2}
_HOW: Final = "expected a time and 25 times x,y,z,state"


def read_line(line: str, _number: int, joints: Sequence[str]) -> LogLine | None:
    """Read a line; see ``LogFormat``."""
    if not line:
        return None
    words = line.split(",")
    if words[-1] == "":
        # other programs leave the last comma out; a state has one digit, so nothing was cut there
        words.pop()
    if len(words) != _VALUES:
        raise ValueError(f"{len(words)} values, {_HOW}; the line was cut or is of another format")
    numbers = [real_number(word) for word in words[1:]]
    states = [_STATES.get(state) for state in numbers[3::4]]
    for state, word in zip(states, words[4::4], strict=True):
        if state is None:
            raise ValueError(f"state {shown(word)}, expected 0, 1 or 2; the file is damaged")
    return LogLine(
        whole_number(words[0], MAX_TIME_100NS),
        None,
        1,
        [numbers[k : k + 3] for k in range(0, 4 * len(joints), 4)],
        [state for state in states if state is not None],
    )


FORMAT: Final = LogFormat(
    "laban",
    "a skeleton log of LabanotationSuite (.csv)",
    read_line,
    video="videorecording.wmv",
)


def _open(spec: SourceSpec) -> "Sensor":
    from ..skeleton_log import SkeletonLogSensor

    return SkeletonLogSensor(FORMAT, spec)


def _is_laban(path: Path) -> bool:
    words = first_line(path).split(",")
    return len(words) in (_VALUES, _VALUES + 1) and words[0].isdigit()


SOURCE = Source(
    name="laban",
    argument="FILE.csv",
    gives="bodies, colour of `videorecording.wmv` beside `joints.csv`",
    help="a skeleton log of microsoft/LabanotationSuite (`KinectReader`, `LabanEditor`)",
    open=_open,
    keys={
        "projection": "a JSON file with the projection to colour pixels",
        "mirrored": "yes or no: whether the video is as a mirror shows it; yes if not given",
        **VIDEO_KEYS,
    },
    is_of_kind=_is_laban,
)
