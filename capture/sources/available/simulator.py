"""The source ``simulator``: simulated people in front of a simulated Kinect v2."""

from typing import TYPE_CHECKING

from ...simulator.keys import KEYS
from ..source import Source, SourceSpec

if TYPE_CHECKING:
    from ..sensor import Sensor


def _open(spec: SourceSpec) -> "Sensor":
    from ...simulator.sensor import open_simulator

    return open_simulator(spec.options)


SOURCE = Source(
    name="simulator",
    gives="colour, bodies",
    help="simulated people, with ground truth: [simulator.md](simulator.md)",
    open=_open,
    keys=KEYS,
)
