"""All watches of a recording, applied item by item in the source's thread."""

from collections.abc import Iterable
from dataclasses import replace

from ...sessions.schema import ROW_HEAD, ColorFlag, EventKind, Stream
from ..sources.sensor import BodyFrame, ColorFrame, Lost, PlaneFrame, SensorInfo
from .clock_steps import ClockSteps
from .observations import Merger, Observation
from .silence import StallWatch
from .stream_times import StreamTimes
from .tracking import Tracking

_LOW_LIGHT = int(ColorFlag.low_light)
"""As a number: this is looked at for every frame."""
Timed = ColorFrame | BodyFrame | PlaneFrame | Lost
"""Items that have a device time and a number."""

MOST_TAKES = 20
"""Takes that may begin one right after another."""
ITEMS_PER_TAKE = 200
"""After that, one take for this number of items, about three seconds: each take grows
session.json."""


USUAL_GAPS = 5
"""Single missing frames in a row that every sensor has: stored, not printed."""
ITEMS_PER_USUAL_GAP = 20
"""After that, one for this number of items; logs of real sensors lack 1.5 to 3 of 100 frames."""


class Noticing:
    """The watches of one recording, put together.

    Args:
        info: The source.
        first_seq: The number of the first item of each stream that the source gives.
        now_ns: Host time.
    """

    def __init__(self, info: SensorInfo, first_seq: dict[Stream, int], now_ns: int) -> None:
        self._live = info.live
        self._steps = ClockSteps(live=info.live)
        self._times: dict[Stream, StreamTimes] = {}
        self._shape = info.shape
        self._tracking = Tracking(self._shape.bodies)
        self._merger = Merger()
        self._items = 0
        self._takes_allowed, self._asked_at = float(MOST_TAKES), 0
        self._gaps: dict[Stream, tuple[float, int]] = {}
        self.stalls = StallWatch(first_seq if info.live else {}, now_ns)

    @property
    def is_low_light(self) -> bool:
        """True if the last colour frame was taken at half rate."""
        color = self._times.get(Stream.color)
        return color is not None and color.is_low_light

    def left_out(self, item: Timed, seq: int, now_ns: int) -> Observation | None:
        """Look at an item that is not stored; return the silence that it ended, None: none."""
        stream, time_device, _ = times_of(item)
        return self.stalls.item(stream, seq, time_device, now_ns) if self._live else None

    def clock_step(self, item: Timed) -> str | None:
        """Return how the clock jumped right before an item, None: it did not."""
        if isinstance(item, Lost):
            return None
        return self._steps.item(*times_of(item))

    def may_begin_take(self) -> bool:
        """Return True if a take may begin now, and count it."""
        since, self._asked_at = self._items - self._asked_at, self._items
        allowed = min(float(MOST_TAKES), self._takes_allowed + since / ITEMS_PER_TAKE)
        self._takes_allowed = allowed - 1 if allowed >= 1 else allowed
        return allowed >= 1

    def item(
        self, item: Timed, seq: int, now_ns: int
    ) -> tuple[list[Observation], list[Observation]]:
        """Look at an item that is about to be handed over; mark pictures taken in low light.

        Args:
            item: The item.
            seq: Its number.
            now_ns: Host time.

        Returns:
            The observations to print, and those to store now, earlier ones among them.
        """
        self._items += 1
        stream, time_device, _ = times_of(item)
        over = self.stalls.item(stream, seq, time_device, now_ns) if self._live else None
        times = self._times.get(stream)
        if times is None:
            times = self._times[stream] = StreamTimes(stream, self._shape.tick_100ns)
        if isinstance(item, Lost):
            if item.kind in (EventKind.drop_source, EventKind.drop_damaged):
                times.lost()
            found: list[Observation] = []
        elif isinstance(item, ColorFrame):
            is_dark = bool(item.flags & _LOW_LIGHT)
            found = times.item(seq, time_device, item.frame_interval, is_dark=is_dark)
            if times.is_low_light:
                item.flags |= _LOW_LIGHT
        else:
            found = times.item(seq, time_device)
            if isinstance(item, BodyFrame):
                found += self._tracking.row(item.row, seq)
        if over is not None:
            found = _in_place_of_gap(over, found)
        if not found:
            return [], self._merger.item()
        stored = [kept for finding in found for kept in self._merger.add(finding)]
        told = [finding for finding in found if not self._is_usual(finding)]
        return told, stored + self._merger.item()

    def _is_usual(self, finding: Observation) -> bool:
        """Return True for one of the few single missing frames that every sensor has."""
        if finding.kind is not EventKind.gap or finding.count > 1:
            return False
        many, at = self._gaps.get(finding.stream, (0.0, 0))
        many = max(0.0, many - (finding.seq_last - at) / ITEMS_PER_USUAL_GAP) + 1
        self._gaps[finding.stream] = many, finding.seq_last
        return many <= USUAL_GAPS

    def said(self, finding: Observation) -> list[Observation]:
        """Take a message of the source; return the observations to store now."""
        return self._merger.add(finding)

    def end_take(self) -> list[Observation]:
        """Forget all times; return the observations of this take still to store."""
        found = [finding for times in self._times.values() for finding in times.close()]
        found += self._tracking.close()
        self._steps.restart()
        self._times.clear()
        self._tracking = Tracking(self._shape.bodies)
        return self._store(found)

    def end(self, now_ns: int) -> list[Observation]:
        """Return the observations still to store at the end of the recording."""
        return self.end_take() + self._store(self.stalls.close(now_ns))

    def _store(self, found: Iterable[Observation]) -> list[Observation]:
        return [kept for finding in found for kept in self._merger.add(finding)] + (
            self._merger.flush()
        )


def times_of(item: Timed) -> tuple[Stream, int, int]:
    """Return an item's stream, device time (100 ns) and host time (ns)."""
    if isinstance(item, BodyFrame):
        _, _, time_device, time_host = ROW_HEAD.unpack_from(item.row.data)
        return Stream.bodies, time_device, time_host
    stream = Stream.color if isinstance(item, ColorFrame) else item.stream
    return stream, item.time_device, item.time_host


def _in_place_of_gap(stall: Observation, found: list[Observation]) -> list[Observation]:
    """Add the number of missing items to a silence, in place of an observation of its own."""
    holes = [f for f in found if f.kind in (EventKind.gap, EventKind.stall)]
    own = [hole for hole in holes if hole.seq_last == stall.seq_last]
    missing = sum(hole.count for hole in own)
    return [replace(stall, count=missing), *(f for f in found if f not in own)]
