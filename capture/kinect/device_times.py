"""Judges device times as they arrive: new, seen already, or the sensor's clock began anew."""

from enum import Enum

from ...core.units import SECOND_100NS
from ...sessions.schema import Stream

RESTART_100NS = SECOND_100NS
"""A stream whose time goes back farther has another clock; otherwise the frame is late."""


class Verdict(Enum):
    """Judgement of a frame by its device time."""

    new = "new"
    stale = "stale"
    restart = "restart"


class DeviceTimes:
    """Remembers the last time of each stream, over reconnections too.

    RelativeTime has no guaranteed epoch: after the sensor was unplugged it may begin at zero. One
    thread judges at a time.
    """

    def __init__(self) -> None:
        self._last: dict[Stream, int] = {}
        self._reconnected = False

    def last(self, stream: Stream) -> int | None:
        """Return a stream's last good time, 100 ns."""
        return self._last.get(stream)

    def reconnected(self) -> None:
        """Say that what comes now comes from a sensor that was opened again."""
        self._reconnected = bool(self._last)

    def judge(self, stream: Stream, time_device: int) -> Verdict:
        """Judge one time, 100 ns, and remember it unless it is stale."""
        last = self._last.get(stream)
        if self._reconnected:
            # no frame can be late here, so any step back is another clock
            self._reconnected = False
            if time_device <= max(self._last.values()):
                return self._restart(stream, time_device)
        elif last is not None and time_device <= last:
            if last - time_device > RESTART_100NS:
                return self._restart(stream, time_device)
            return Verdict.stale
        self._last[stream] = time_device
        return Verdict.new

    def _restart(self, stream: Stream, time_device: int) -> Verdict:
        self._last = {stream: time_device}
        return Verdict.restart
