"""The source ``simulator``: simulated people in front of a simulated Kinect v2."""

from typing import TYPE_CHECKING

from ...simulator.keys import KEYS
from ..source import Source, SourceSpec
from ..streams import STREAMS, checked_streams

if TYPE_CHECKING:
    from ..sensor import Sensor


def _open(spec: SourceSpec) -> "Sensor":
    from ...simulator.sensor import open_simulator

    return open_simulator(spec.options, checked_streams(spec.streams))


SOURCE = Source(
    name="simulator",
    gives="colour, bodies, and by `--streams` masks and depth",
    help="simulated people, with ground truth: [simulator.md](simulator.md)",
    open=_open,
    keys=KEYS,
    streams=STREAMS,
)
