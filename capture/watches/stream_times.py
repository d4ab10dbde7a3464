"""Watch of one stream's device times: missing, repeated and late items, and 15 Hz in low light.

Pure: numbers in, observations out. The interval between items is the one that the sensor states, if
any (``frame_interval``), otherwise it is learned: 30 Hz at first, another rate when some steps in a
row agree on it.
"""

from collections import deque
from typing import NamedTuple

from ...checks.limits import (
    LOW_LIGHT_STEPS,
    RECENT_ITEMS,
    STALL_100NS,
    is_low_light_step,
    longest_step,
    missing_items,
)
from ...core.sensor_shape import KINECT_V2
from ...core.units import MS_100NS, SECOND_100NS
from ...sessions.schema import EventKind, Stream
from .observations import Observation, items_of

_LOW_LIGHT_TICKS = 2
"""A Kinect doubles its interval when there is little light."""
_SLOWEST_100NS = SECOND_100NS // 4
_ESTABLISHED = 30
"""Steps at one rate after which another rate is reported."""


class _Held(NamedTuple):
    """A step that is longer than expected, until it is known what it was."""

    before: int
    seq: int
    step: int
    time_device: int
    missing: int


class StreamTimes:
    """One stream in one take.

    Args:
        stream: Which; only colour knows low light.
        tick_100ns: The sensor's usual period.
    """

    def __init__(self, stream: Stream, tick_100ns: int = KINECT_V2.tick_100ns) -> None:
        self._stream, self._tick = stream, tick_100ns
        self._low_light_100ns = _LOW_LIGHT_TICKS * tick_100ns
        self._newest: tuple[int, int] | None = None
        self._recent: deque[int] = deque(maxlen=RECENT_ITEMS)
        self._interval = tick_100ns
        self._steady = 0
        self._lost = 0
        self._slow: list[_Held] = []
        self._fast: list[int] = []
        self._low_light: tuple[int, int] | None = None
        self._normal = 0

    @property
    def is_low_light(self) -> bool:
        """True if the last item was taken at half rate."""
        return self._low_light is not None and self._normal == 0 and not self._fast

    def lost(self) -> None:
        """Note an item that the source announced and lost: it leaves a hole."""
        self._lost += 1

    def item(
        self, seq: int, time_device: int, interval: int = -1, *, is_dark: bool = False
    ) -> list[Observation]:
        """Look at the next item.

        Args:
            seq: Its number.
            time_device: 100 ns.
            interval: Time since the one before it by the sensor itself, 100 ns; -1 unknown.
            is_dark: The source itself reports low light.
        """
        is_dark = is_dark or is_low_light_step(interval, self._tick)
        found: list[Observation] = []
        if self._newest is None or time_device > self._newest[0]:
            if self._newest is not None:
                found = self._step(seq, time_device, interval, is_dark)
            self._newest, self._lost = (time_device, seq), 0
        elif time_device in self._recent:
            text = f"{items_of(self._stream, 1)} {seq} has the time of one before it"
            found = [self._one(EventKind.duplicate, seq, time_device, text)]
        else:
            self._fill(time_device)
            late_ms = (self._newest[0] - time_device) / MS_100NS
            name = items_of(self._stream, 1)
            text = f"{name} {seq} is {late_ms:.0f} ms older than one before it"
            found = [self._one(EventKind.out_of_order, seq, time_device, text)]
        self._recent.append(time_device)
        if is_dark:
            found += self._dark(seq, seq)
        elif interval > 0:
            found += self._bright()
        return found

    def close(self) -> list[Observation]:
        """End: return what was held back, and the range of what still lasts."""
        return self._missing() + self._low_light_over()

    def _step(self, seq: int, time_device: int, interval: int, is_dark: bool) -> list[Observation]:
        """Judge the time since the newest item."""
        newest, before = self._newest or (time_device, seq)
        step = time_device - newest
        if is_dark and interval <= 0:
            expected = self._low_light_100ns
        else:
            expected = interval if 0 < interval < _SLOWEST_100NS else self._interval
        if is_dark and self._slow and self._is_low_light(self._slow[-1].step):
            # the sensor slows down one frame before it says so
            self._slow.pop()
        if self.is_low_light:
            # and it may say that it is as fast as usual one frame too early
            expected = max(expected, self._low_light_100ns)
        missing = missing_items(step, expected, self._lost, self._tick)
        if missing:
            self._slow.append(_Held(before, seq, step, time_device, missing))
            return self._slower(known=interval > 0)
        found = self._missing()
        if interval <= 0:
            found += self._faster(seq, step)
        return found

    def _is_low_light(self, step: int) -> bool:
        return step <= longest_step(self._low_light_100ns, self._tick)

    def _fill(self, time_device: int) -> None:
        """Note a late item: at its place one less is missing."""
        for at, held in enumerate(self._slow):
            if held.time_device - held.step < time_device < held.time_device:
                self._slow[at] = held._replace(missing=held.missing - 1)
        self._slow = [held for held in self._slow if held.missing]

    def _slower(self, *, known: bool) -> list[Observation]:
        """Decide whether the last long steps are a slower rate or lost items."""
        steps = [held.step for held in self._slow]
        self._fast.clear()
        if max(steps) > _SLOWEST_100NS or (known and len(steps) > 1):
            return self._missing()
        if known or len(steps) < LOW_LIGHT_STEPS:
            return []
        if max(steps) > 1.3 * min(steps):
            return self._missing(all_but=LOW_LIGHT_STEPS - 1)
        first, last = self._slow[0].seq, self._slow[-1].seq
        interval, established = sum(steps) // len(steps), self._steady >= _ESTABLISHED
        found: list[Observation] = []
        if self._stream is Stream.color and is_low_light_step(interval, self._tick):
            self._slow.clear()
            found = self._dark(first, last)
        elif established:
            found = self._missing()
        self._slow.clear()
        self._interval, self._steady = interval, 0
        return found

    def _faster(self, seq: int, step: int) -> list[Observation]:
        """Follow a stream that has become faster."""
        if step >= 0.7 * self._interval:
            self._fast.clear()
            self._steady += 1
            if self._low_light is not None:
                self._low_light = (self._low_light[0], seq)
            return []
        self._fast.append(step)
        if len(self._fast) < LOW_LIGHT_STEPS or max(self._fast) > 1.3 * min(self._fast):
            del self._fast[: 1 - LOW_LIGHT_STEPS]
            return []
        self._interval, self._steady = sum(self._fast) // len(self._fast), 0
        self._fast.clear()
        return self._low_light_over()

    def _dark(self, first: int, last: int) -> list[Observation]:
        """Note low light; report it if it is new."""
        self._normal = 0
        begins = self._low_light is None
        self._low_light = (self._low_light or (first, last))[0], last
        if not begins:
            return []
        text = "low light: colour comes at half its rate; more light brings it back"
        return [self._range(EventKind.low_light, first, last, text)]

    def _bright(self) -> list[Observation]:
        """Note a frame at the usual rate by the sensor itself; some in a row end low light."""
        if self._low_light is None:
            return []
        self._normal += 1
        return self._low_light_over() if self._normal >= LOW_LIGHT_STEPS else []

    def _low_light_over(self) -> list[Observation]:
        if self._low_light is None:
            return []
        first, last = self._low_light
        self._low_light, self._normal = None, 0
        text = f"low light until {items_of(self._stream, 1)} {last}"
        return [self._range(EventKind.low_light, first, last, text)]

    def _missing(self, all_but: int = 0) -> list[Observation]:
        """Report missing items, one observation for each place."""
        count = len(self._slow) - all_but
        told, self._slow = self._slow[:count], self._slow[count:]
        return [self._gap(held) for held in told]

    def _gap(self, held: _Held) -> Observation:
        what, ms = items_of(self._stream, held.missing), held.step / MS_100NS
        text = f"{held.missing} {what} missing before {held.seq}: {ms:.0f} ms without one"
        kind = EventKind.stall if held.step >= STALL_100NS else EventKind.gap
        return Observation(
            kind, self._stream, held.before, held.seq, held.time_device, text, held.missing
        )

    def _one(self, kind: EventKind, seq: int, time_device: int, text: str) -> Observation:
        return Observation(kind, self._stream, seq, seq, time_device, text, 1)

    def _range(self, kind: EventKind, first: int, last: int, text: str) -> Observation:
        time_device = -1 if self._newest is None else self._newest[0]
        return Observation(kind, self._stream, first, last, time_device, text, last - first + 1)
