"""Detects jumps of the device's clock, across which times can't be compared."""

from ...checks.limits import APART_100NS, LATE_100NS
from ...core.units import SECOND_100NS
from ...sessions.schema import Stream

AHEAD_OF_HOST_NS = 2_000_000_000
"""From one item to the next, the device's clock may advance this much more than the host's.

The opposite is not a jump: a busy machine takes items late, never early.
"""
_FOLLOWS = 64


class ClockSteps:
    """Compares each item's device time with those before it and, for a live source, the host's.

    Args:
        live: Host times mean something.
    """

    def __init__(self, *, live: bool) -> None:
        self._live = live
        self._newest: dict[Stream, int] = {}
        self._late: dict[Stream, int] = {}
        self._offset_ns: float | None = None

    def restart(self) -> None:
        """Forget all times: a take begins."""
        self._newest.clear()
        self._late.clear()
        self._offset_ns = None

    def item(self, stream: Stream, time_device: int, time_host: int) -> str | None:
        """Look at the next item; return how the clock jumped right before it, None: it did not.

        After a jump nothing is known of the new clock: call ``restart``, then ``item`` again.

        Args:
            stream: The item's stream.
            time_device: 100 ns.
            time_host: Arrival, ns.
        """
        jumped = self._jump_100ns(stream, time_device, time_host)
        if jumped is not None:
            way = "back" if jumped < 0 else "ahead"
            return f"the sensor's clock jumped {abs(jumped) / SECOND_100NS:.2f} s {way}"
        newest = self._newest[stream] = max(time_device, self._newest.get(stream, time_device))
        if time_device == newest:
            self._late.pop(stream, None)
        else:
            self._late[stream] = time_device
        if self._live:
            offset = time_host - 100 * time_device
            known = self._offset_ns
            # a late item says nothing new, an early one does; a slower clock is followed slowly
            later = 0 if known is None else offset - known
            self._offset_ns = offset if known is None or later < 0 else known + later / _FOLLOWS
        return None

    def _jump_100ns(self, stream: Stream, time_device: int, time_host: int) -> int | None:
        """Return by how much the clock jumped, 100 ns; None: it did not."""
        if not self._newest:
            return None
        newest = self._newest.get(stream)
        if newest is not None and time_device < newest - LATE_100NS:
            return time_device - newest
        late = self._late.get(stream)
        if newest is not None and late is not None and late < time_device < newest:
            # one late item is late; where the next one goes on from it, the clock went back
            return late - newest
        latest = max(self._newest.values())
        if time_device < latest - APART_100NS:
            return time_device - latest
        if not self._live:
            return time_device - latest if time_device > latest + APART_100NS else None
        if self._offset_ns is not None:
            ahead_ns = self._offset_ns - (time_host - 100 * time_device)
            if ahead_ns > AHEAD_OF_HOST_NS:
                return int(ahead_ns / 100)
        return None
