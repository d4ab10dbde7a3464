"""Directions for the simulated person at given times: cross the arms, turn around, walk in."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ..faults.schedule import FaultPlan
from .acts import Acts, Spans
from .gestures import Floats, ease

_CROSSING_S: Final = 0.6
_TURNING_S: Final = 1.4
_RAISING_S: Final = 0.6
_AWAY_BEFORE_S: Final = 10.0
_WALKING_S: Final = 2.2
_AWAY_M: Final = 2.5
"""Distance aside from which a person walks in; outside the image."""
_OUT_OF_VIEW_M: Final = 3.6
"""Distance aside at which a person who roams is outside the image."""
_WALK_TURN: Final = 1.25
_PASSING_M: Final = 1.7
"""Way of a person who passes another one, from one side of it to the other."""


@dataclass(frozen=True, slots=True)
class Directions:
    """Directions for one person.

    Attributes:
        crossings: When the arms are crossed.
        turns: When the person stands with the back to the sensor.
        visits: When the person is there; None: always.
        away: When the person is out of view.
        raises: When both hands are above the head and closed.
        passes: When the person walks past another one, to the other side and the next time back.
    """

    crossings: Spans = ()
    turns: Spans = ()
    visits: Spans | None = None
    away: Spans = ()
    raises: Spans = ()
    passes: Spans = ()

    @classmethod
    def of(cls, plan: FaultPlan, acts: Acts, *, guest: bool) -> "Directions":
        """Return what the main person, or the one who walks in, does in a take."""

        def spans(name: str) -> Spans:
            return tuple((fault.start_s, fault.end_s) for fault in plan.named(name))

        if guest:
            return cls(visits=spans("second_person"))
        return cls(
            crossings=spans("crossed_arms"),
            turns=spans("side_swap"),
            away=acts["away"],
            raises=acts["raised_hands"],
        )

    def crossed(self, time_s: Floats) -> Floats:
        """Return (T,) how far the arms are crossed, 0 to 1."""
        return _within(time_s, self.crossings, _CROSSING_S)

    def raised(self, time_s: Floats) -> Floats:
        """Return (T,) how far both hands are raised, 0 to 1."""
        return _within(time_s, self.raises, _RAISING_S)

    def turn(self, time_s: Floats) -> Floats:
        """Return (T,) by how much the whole person is turned, radians."""
        turn = np.pi * _within(time_s, self.turns, _TURNING_S)
        for start, end in self.visits or ():
            share = _share(start, end, _WALKING_S)
            coming = _bump((time_s - start) / share)
            going = _bump((end - time_s) / share)
            # a person who comes from camera-space +x walks toward -x: the right shoulder is ahead
            turn = turn + _WALK_TURN * (coming - going)
        for start, end, way in _ways(self.passes):
            turn = turn - way * _WALK_TURN * _bump((time_s - start) / (end - start))
        for start, end in self.away:
            share = _share(start, end, _WALKING_S)
            going = _bump((time_s - start) / share) * (start > 0)
            coming = _bump((time_s - end + share) / share)
            turn = turn + _WALK_TURN * (coming - going)
        return np.asarray(turn)

    def aside(self, time_s: Floats) -> Floats:
        """Return (T,) how far the person is from their place, metres along x."""
        if self.passes:
            walked = [
                w * ease((time_s - start) / (e - start)) for start, e, w in _ways(self.passes)
            ]
            return np.asarray(_PASSING_M * np.sum(walked, axis=0))
        if self.visits is None:
            # at the beginning of a take one may be away already
            begun = [
                (start - (_AWAY_BEFORE_S if start == 0 else 0), end) for start, end in self.away
            ]
            return np.asarray(_OUT_OF_VIEW_M * _within(time_s, tuple(begun), _WALKING_S))
        return np.asarray(_AWAY_M * (1 - _within(time_s, self.visits, _WALKING_S)))


NOTHING: Final = Directions()
"""Nothing on purpose."""


def _ways(passes: Spans) -> list[tuple[float, float, int]]:
    """Return start and end of each walk, and 1 toward camera-space +x or -1 back."""
    return [(start, end, 1 - 2 * (number % 2)) for number, (start, end) in enumerate(passes)]


def _share(start: float, end: float, length: float) -> float:
    """Return how long beginning and ending take: their usual time, less in a short span."""
    return min(length, (end - start) / 3)


def _within(time_s: Floats, spans: Spans, length: float) -> Floats:
    """Return (T,) 0 outside of spans, 1 inside, and smoothly between."""
    inside = np.zeros_like(time_s)
    for start, end in spans:
        share = _share(start, end, length)
        inside = inside + ease((time_s - start) / share) - ease((time_s - end + share) / share)
    return np.asarray(inside)


def _bump(x: Floats) -> Floats:
    """Rise from 0 at x = 0 to 1 and fall to 0 at x = 1."""
    return np.asarray(ease(x / 0.3) - ease((x - 0.65) / 0.35))
