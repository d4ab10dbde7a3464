"""Faults of the stream of items: its order, its times, and items that are left out.

The streams are planned as cues, without an image or a row in them: what a cue shows is drawn when
it is handed over. So a frozen image is the image of an earlier tick drawn again, and a late
item needs no memory.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final

import numpy as np

from ....core.units import HOUR_100NS, SECOND_100NS
from ....sessions.schema import EventKind, Stream
from ..clock import SimulatedClock
from .schedule import FaultPlan, ScheduledFault

_NEW_START_100NS: Final = SECOND_100NS // 2
"""Device time of a sensor that was plugged in again (a guess: half a second)."""
_EVERY: Final = 8
"""One of this number of items comes twice, out of order, or in a wrong size."""
_GAP_EVERY: Final = 15
_LONG_GAPS: Final = 0.3
"""Share of gaps that take two frames rather than one (100 ms instead of 67; a guess)."""


@dataclass(frozen=True, slots=True)
class Cue:
    """An item that is to be handed over.

    Attributes:
        stream: Any but ``Stream.none``.
        tick: When it is taken: the item's number without any faults.
        shown: The tick whose image or joints it shows.
        time_device: What it says about its time, 100 ns.
        due_s: When it arrives, seconds of the take.
        faults: Those that changed it.
    """

    stream: Stream
    tick: int
    shown: int
    time_device: int
    due_s: float
    faults: tuple[ScheduledFault, ...] = ()

    def has(self, name: str) -> bool:
        """Return True if a fault of this name changed it."""
        return any(fault.name == name for fault in self.faults)


@dataclass(frozen=True, slots=True)
class MissingItem:
    """An item that is missing because of faults."""

    stream: Stream
    faults: tuple[ScheduledFault, ...]


@dataclass(frozen=True, slots=True)
class Word:
    """Something that the sensor says between items.

    Attributes:
        kind: ``EventKind.sensor_lost`` or ``EventKind.sensor_back``.
        text: For the person.
        due_s: When, seconds of the take.
        time_device: After ``sensor_back``: where the device clock begins anew, 100 ns.
    """

    kind: EventKind
    text: str
    due_s: float
    time_device: int = 0


@dataclass(frozen=True, slots=True)
class Over:
    """A fault that concerns no further item."""

    fault: ScheduledFault


Entry = Cue | MissingItem | Word | Over

# what a fault changes while it lasts: every colour frame, every body row
_COLOR_TOO: Final = ("crossed_arms", "side_swap", "second_person", "color_only", "low_light")
_BODIES_TOO: Final = (
    "crossed_arms", "side_swap", "second_person", "feet_noise", "body_lost", "slot_swap", "lag",
    "bodies_only",
)  # fmt: skip
_ALWAYS: Final = {Stream.color: _COLOR_TOO, Stream.bodies: _BODIES_TOO, Stream.mask: (),
                  Stream.depth: ()}  # fmt: skip
_FREEZES: Final = {Stream.color: "freeze", Stream.bodies: "frozen_joints"}
_NO_COLOR: Final = ("unplug", "stall", "bodies_only")
_NO_BODIES: Final = ("unplug", "stall", "color_only")
_CLOCK_OF: Final = {Stream.mask: Stream.bodies, Stream.depth: Stream.bodies}
"""Bodies, masks and depth come from one camera: they have the same times and the same holes."""


@dataclass
class _Epoch:
    """The zero of device times: the moment, s, and the distance to the first clock."""

    began_s: float = 0.0
    anew: int | None = None


@dataclass
class CueSheet:
    """The items of a take.

    Args:
        plan: The faults.
        clock: The device's clock.
        ticks: How many colour frames there would be without faults; None: no end.
        seed: What random choices come from.
        outliers: Says of a tick whether the body row of that tick has outliers in it.
        streams: Those that are given, in the order in which they arrive.
    """

    plan: FaultPlan
    clock: SimulatedClock
    ticks: int | None
    seed: int
    outliers: Callable[[int], bool]
    streams: tuple[Stream, ...] = (Stream.color, Stream.bodies)
    _epoch: _Epoch = field(default_factory=_Epoch)
    _first: dict[tuple[ScheduledFault, Stream], int] = field(default_factory=dict)
    _told: set[tuple[ScheduledFault, object]] = field(default_factory=set)

    def entries(self) -> Iterator[Entry]:
        """Yield what happens, in the order in which it arrives."""
        ticks = count() if self.ticks is None else iter(range(self.ticks))
        for tick in ticks:
            now = self._now(tick)
            yield from self._words(now)
            group = list(self._tick(tick, now))
            late = self.plan.lasting(now, "out_of_order")
            both = bool(late) and late[0].lasts(self._now(tick + 1))
            if both and tick % _EVERY == 3 and (after := next(ticks, None)) is not None:
                # both belong to the fault: which one is out of order depends on the one before
                group = [_marked(entry, late[0]) for entry in group]
                earlier = self._tick(after, self._now(after))
                group = [*(_marked(entry, late[0]) for entry in earlier), *group]
            yield from group
            yield from self._overs(now)
        yield from self._overs(float("inf"))

    def _now(self, tick: int) -> float:
        """Return the moment of a tick, seconds of the take."""
        return self.clock.seconds(self.clock.color(tick))

    def _tick(self, tick: int, now: float) -> Iterator[Entry]:
        """Yield what happens to the items of one tick."""
        lasting = [fault for fault in self.plan.faults if fault.lasts(now)]
        jumps = [
            fault
            for fault in self.plan.named("clock_jump", "clock_jump_back")
            if fault.start_s <= now
        ]
        for stream in self.streams:
            camera = _CLOCK_OF.get(stream, stream)
            missing = self._missing(camera, tick, lasting)
            if missing:
                yield MissingItem(stream, tuple(missing))
            elif not self.clock.is_skipped(tick, camera - 1):
                cue = self._cue(stream, tick, lasting, jumps)
                yield cue
                if cue.has("duplicate"):
                    yield cue

    def _cue(
        self, stream: Stream, tick: int, lasting: list[ScheduledFault], jumps: list[ScheduledFault]
    ) -> Cue:
        """Return one item with everything that happens to it."""
        shown, faults = tick, []
        for fault in lasting:
            if fault.name in _ALWAYS[stream]:
                faults.append(fault)
            elif fault.name == _FREEZES.get(stream):
                shown = self._first.setdefault((fault, stream), tick)
                faults.append(fault)
            elif (
                (fault.name == "duplicate" and tick % _EVERY == 5)
                or (fault.name == "wrong_size" and tick % _EVERY == 1 and stream is Stream.color)
                or (
                    fault.name == "outliers"
                    and stream is Stream.bodies
                    and self.outliers(tick)
                )
            ):  # fmt: skip
                faults.append(fault)
        for fault in jumps:
            if (fault, stream) not in self._told:
                self._told.add((fault, stream))
                faults.append(fault)
        stamp = self._stamp(self._taken(tick, stream), jumps)
        return Cue(stream, tick, shown, stamp, self._due(tick, stream), tuple(faults))

    def _taken(self, tick: int, stream: Stream) -> int:
        """Return when an item is taken, 100 ns."""
        return self.clock.color(tick) if stream is Stream.color else self.clock.body(tick)

    def _due(self, tick: int, stream: Stream) -> float:
        """Return when an item arrives, seconds of the take."""
        delay = self.clock.arrival_delay_s(tick, _CLOCK_OF.get(stream, stream) - 1)
        return self.clock.seconds(self._taken(tick, stream)) + delay

    def _stamp(self, real: int, jumps: list[ScheduledFault]) -> int:
        """Return what the device's clock says at a real time, both 100 ns."""
        epoch = self._epoch
        if epoch.anew is not None:
            real -= epoch.anew
        for fault in jumps:
            if fault.start_s >= epoch.began_s:  # a clock that began anew knows of no jump before
                real += HOUR_100NS if fault.name == "clock_jump" else -HOUR_100NS
        return real

    def _missing(
        self, stream: Stream, tick: int, lasting: list[ScheduledFault]
    ) -> list[ScheduledFault]:
        """Return the faults because of which an item is missing."""
        names = _NO_COLOR if stream is Stream.color else _NO_BODIES
        missing = [fault for fault in lasting if fault.name in names]
        for fault in lasting:
            if fault.name == "low_light" and stream is Stream.color:
                first = self._first.setdefault((fault, stream), tick)
                if (tick - first) % 2:
                    missing.append(fault)
            elif fault.name == "gaps" and self._in_gap(tick, stream):
                missing.append(fault)
        return missing

    def _in_gap(self, tick: int, stream: Stream) -> bool:
        """Return True if an item is in a gap of one frame, or of two, as in real logs."""
        block, place = divmod(tick, _GAP_EVERY)
        rng = np.random.default_rng([self.seed, 501, block])
        at = int(rng.integers(2, _GAP_EVERY - 4))
        long = rng.random() < _LONG_GAPS
        hit = (Stream.bodies, Stream.color, None)[int(rng.integers(3))]  # None: both
        return hit in (stream, None) and at <= place <= at + long

    def _words(self, now: float) -> Iterator[Word]:
        """Yield what the sensor says before the items of a moment."""
        for fault in self.plan.named("unplug"):
            if fault.start_s <= now and (fault, "lost") not in self._told:
                self._told.add((fault, "lost"))
                text = "simulator: the sensor was unplugged"
                yield Word(EventKind.sensor_lost, text, fault.start_s)
            if fault.end_s <= now and (fault, "back") not in self._told:
                self._told.add((fault, "back"))
                gone = fault.end_s - fault.start_s
                # room for a clock that is set back later on: no time is ever below 0
                back = self.plan.named("clock_jump_back")
                later = sum(jump.start_s >= fault.end_s for jump in back)
                anew = _NEW_START_100NS + HOUR_100NS * later
                self._epoch = _Epoch(
                    fault.end_s, self.clock.start + round(fault.end_s * SECOND_100NS) - anew
                )
                text = f"simulator: the sensor is back after {gone:.1f} s"
                yield Word(EventKind.sensor_back, text, fault.end_s, anew)

    def _overs(self, now: float) -> Iterator[Over]:
        """Yield the faults that are over."""
        for fault in self.plan.faults:
            if fault.end_s <= now and (fault, "over") not in self._told:
                self._told.add((fault, "over"))
                yield Over(fault)


def _marked(entry: Entry, fault: ScheduledFault) -> Entry:
    """Return an entry that one more fault has changed."""
    return replace(entry, faults=(*entry.faults, fault)) if isinstance(entry, Cue) else entry
