"""The faults of a simulated take and their times: ``faults=NAME[@START[-END]]+NAME...``."""

import difflib
import re
from dataclasses import dataclass
from typing import Final

from ....core.errors import SensorError

DEFAULT_S: Final = {
    "crossed_arms": 4.0,
    "side_swap": 5.0,
    "feet_noise": 3.0,
    "outliers": 3.0,
    "body_lost": 1.5,
    "slot_swap": 2.0,
    "second_person": 7.0,
    "lag": 3.0,
    "freeze": 2.0,
    "frozen_joints": 2.0,
    "unplug": 3.0,
    "stall": 1.5,
    "clock_jump": 0.0,
    "clock_jump_back": 0.0,
    "low_light": 3.0,
    "gaps": 3.0,
    "duplicate": 2.0,
    "out_of_order": 2.0,
    "color_only": 2.0,
    "bodies_only": 2.0,
    "wrong_size": 1.0,
}
"""Every fault's name and how long it lasts where nothing else is asked for, seconds."""

FAULTS: Final = tuple(DEFAULT_S)
"""The names; the place of a name is its bit in the truth's rows."""

MOMENTS: Final = frozenset({"clock_jump", "clock_jump_back"})
"""Faults that happen at one moment and last for the rest of the take."""

_WISH: Final = re.compile(r"([a-z_]+)(?:@(\d+(?:\.\d*)?)(?:-(\d+(?:\.\d*)?))?)?")
_PAUSE_S: Final = 1.0
_LEAST_PAUSE_S: Final = 0.3
_ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class ScheduledFault:
    """One fault of a take.

    Attributes:
        name: One of ``FAULTS``.
        start_s: When it begins, seconds of the take.
        end_s: When it is over.
    """

    name: str
    start_s: float
    end_s: float

    @property
    def bit(self) -> int:
        """Its bit in the truth's rows, as a number."""
        return 1 << FAULTS.index(self.name)

    def lasts(self, moment_s: float) -> bool:
        """Return True if it lasts at a moment of the take."""
        return self.start_s <= moment_s < self.end_s


class FaultPlan:
    """The faults of a take.

    Args:
        faults: In any order.
    """

    def __init__(self, faults: tuple[ScheduledFault, ...] = ()) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: (fault.start_s, fault.name)))

    def named(self, *names: str) -> tuple[ScheduledFault, ...]:
        """Return the faults of some names, the first one first."""
        return tuple(fault for fault in self.faults if fault.name in names)

    def lasting(self, moment_s: float, *names: str) -> list[ScheduledFault]:
        """Return the faults of some names that are there at a moment."""
        return [fault for fault in self.named(*names) if fault.lasts(moment_s)]

    def over(self, moment_s: float, *names: str) -> int:
        """Return how many faults of some names are over at a moment."""
        return sum(fault.end_s <= moment_s for fault in self.named(*names))

    def begun(self, moment_s: float, *names: str) -> int:
        """Return how many faults of some names have begun at a moment."""
        return sum(fault.start_s <= moment_s for fault in self.named(*names))


@dataclass(frozen=True, slots=True)
class _Wish:
    """A fault as it was asked for; times are None where none were given."""

    name: str
    start_s: float | None
    end_s: float | None


def plan_faults(text: str, persons: int, take_s: float | None, *, live: bool) -> FaultPlan:
    """Return the faults that were asked for, each with its time.

    Args:
        text: ``NAME[@START[-END]]+NAME...`` or ``all``; empty: none.
        persons: How many people there are.
        take_s: Length of the take; None: it has no end.
        live: Frames come at a sensor's pace. ``all`` leaves ``wrong_size`` out otherwise: the
            recorder ends at a wrong frame of a file.

    Raises:
        SensorError: An unknown name, or times that don't fit (exit 2).
    """
    wishes = (
        [wish for part in text.split("+") for wish in _parse(part, persons, live)] if text else []
    )
    for wish in wishes:
        _check_people(wish.name, persons)
    timed = [_timed(wish, take_s) for wish in wishes if wish.start_s is not None]
    return FaultPlan((*timed, *_spread([w.name for w in wishes if w.start_s is None], take_s)))


def _parse(part: str, persons: int, live: bool) -> list[_Wish]:
    """Read one name with its times; ``all`` gives every fault that such a take can have."""
    if part == _ALL:
        names = [name for name in FAULTS if _fits(name, persons)]
        return [_Wish(name, None, None) for name in names if live or name != "wrong_size"]
    found = _WISH.fullmatch(part)
    if found is None:
        raise SensorError(
            f"simulator: faults: found {part!r}, expected NAME, NAME@START or NAME@START-END, "
            "in seconds, joined by +"
        )
    name, start, end = found.groups()
    if name not in DEFAULT_S:
        near = difflib.get_close_matches(name, (*FAULTS, _ALL), 1, 0.3)
        hint = f"did you mean {near[0]}? " if near else ""
        raise SensorError(
            f"simulator: faults: unknown fault {name!r}; {hint}There are {', '.join(FAULTS)}, "
            f"or {_ALL}"
        )
    if name in MOMENTS and end is not None:
        raise SensorError(
            f"simulator: faults: {name} happens at one moment; write {name}@{start}, found {part!r}"
        )
    return [_Wish(name, *(None if t is None else float(t) for t in (start, end)))]


def _fits(name: str, persons: int) -> bool:
    """Return True if this number of people can have a fault."""
    return not (name == "slot_swap" and persons < 2) and not (
        name == "second_person" and persons > 5
    )


def _check_people(name: str, persons: int) -> None:
    """Raise SensorError if this number of people can't have a fault."""
    if not _fits(name, persons):
        wanted = "persons=2 or more" if name == "slot_swap" else "persons=5 or fewer"
        raise SensorError(f"simulator: faults: {name} needs {wanted}, found persons={persons}")


def _timed(wish: _Wish, take_s: float | None) -> ScheduledFault:
    """Return a fault whose time was given, checked."""
    start = wish.start_s or 0.0
    end = start + DEFAULT_S[wish.name] if wish.end_s is None else wish.end_s
    if wish.name not in MOMENTS and end <= start:
        raise SensorError(
            f"simulator: faults: {wish.name}@{start:g}-{end:g} ends before it begins; "
            "write START-END in seconds of the take"
        )
    if take_s is not None and start >= take_s:
        raise SensorError(
            f"simulator: faults: {wish.name}@{start:g} begins after the take's end ({take_s:.1f} "
            "s); take an earlier START or more frames"
        )
    return ScheduledFault(wish.name, start, end)


def _spread(names: list[str], take_s: float | None) -> list[ScheduledFault]:
    """Return faults one after another, with pauses of one length, over the whole take."""
    if not names:
        return []
    lasting = sum(DEFAULT_S[name] for name in names)
    pause = _PAUSE_S
    if take_s is not None:
        pause = (take_s - lasting) / (len(names) + 1)
        if pause < _LEAST_PAUSE_S:
            needed = lasting + _LEAST_PAUSE_S * (len(names) + 1)
            raise SensorError(
                f"simulator: faults: {'+'.join(names)} at their usual length need {needed:.1f} s, "
                f"the take has {take_s:.1f} s; take more frames or give each one START-END"
            )
    faults, now = [], pause
    for name in names:
        faults.append(ScheduledFault(name, now, now + DEFAULT_S[name]))
        now += DEFAULT_S[name] + pause
    return faults
