"""The source ``ntu``: clips of NTU RGB+D, a Kinect v2's colour video with its joints."""

from pathlib import Path
from typing import TYPE_CHECKING

from ..source import Source, SourceSpec

if TYPE_CHECKING:
    from ..sensor import Sensor


def _open(spec: SourceSpec) -> "Sensor":
    from ..ntu.clip import NtuSensor

    return NtuSensor(spec)


def _is_clip(path: Path) -> bool:
    if path.suffix.lower() == ".skeleton":
        return path.is_file()
    return path.is_file() and path.suffix.lower() == ".avi"


SOURCE = Source(
    name="ntu",
    argument="FILE.avi",
    gives="colour, bodies",
    help="an NTU RGB+D clip with its `.skeleton` file beside it, or a `.skeleton` file alone "
    "(bodies); it has no times, so 30 Hz are assumed and session.json says so",
    open=_open,
    keys={"align": "start: frame k belongs to row k although the two files differ in length"},
    is_of_kind=_is_clip,
)
