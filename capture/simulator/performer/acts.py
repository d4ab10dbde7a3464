"""Acts of the simulated person, each with its time: ``acts=NAME@START-END+NAME@START-END...``."""

import re
from typing import Final

from ....core.errors import SensorError

ACTS: Final = {
    "raised_hands": "both hands are above the head and closed",
    "away": "the person walks out of view and comes back; from 0 on: comes in",
    "pass": "the second person walks past the first one, behind, to the other side",
}
"""Every act, and what it is."""

Spans = tuple[tuple[float, float], ...]
"""Starts and ends, seconds of the take."""
Acts = dict[str, Spans]
"""The spans of each act."""

_ACT: Final = re.compile(r"([a-z_]+)@(\d+(?:\.\d*)?)-(\d+(?:\.\d*)?)")


def parse_acts(text: str) -> Acts:
    """Return the acts that were asked for.

    Args:
        text: ``NAME@START-END`` in seconds of the take, joined by +; empty: none.

    Raises:
        SensorError: An unknown name, or times that make no sense (exit 2).
    """
    spans: dict[str, list[tuple[float, float]]] = {name: [] for name in ACTS}
    for part in filter(None, text.split("+")):
        found = _ACT.fullmatch(part)
        if found is None or found[1] not in ACTS or float(found[3]) <= float(found[2]):
            raise SensorError(
                f"simulator: acts: found {part!r}, expected NAME@START-END in seconds, joined by "
                f"+, of {', '.join(ACTS)}"
            )
        spans[found[1]].append((float(found[2]), float(found[3])))
    return {name: tuple(sorted(each)) for name, each in spans.items()}
