"""The source ``kinect``: the Kinect v2 of this machine."""

from typing import TYPE_CHECKING

from ..source import Source, SourceSpec
from ..streams import STREAMS, checked_streams

if TYPE_CHECKING:
    from ..sensor import Sensor


def _open(spec: SourceSpec) -> "Sensor":
    from ...kinect.sensor import KinectSensor

    return KinectSensor(checked_streams(spec.streams))


SOURCE = Source(
    name="kinect",
    gives="colour, bodies, and by `--streams` masks and depth",
    help="a Kinect v2 on Windows: [windows.md](windows.md)",
    open=_open,
    streams=STREAMS,
)
