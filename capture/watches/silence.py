"""Watches for absence: no one is seen, or a stream gives nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from ...checks.limits import NO_BODY_100NS, STALL_100NS
from ...core.units import NS_PER_100NS, SECOND_100NS, SECOND_NS
from ...sessions.schema import ROW_HEAD, EventKind, Stream
from .observations import Observation, items_of

STALL_AFTER_NS = STALL_100NS * NS_PER_100NS
"""Host time without any item of a stream after which it is reported."""
FIRST_AFTER_NS = 3_000_000_000
"""The same before the first item: bodies begin a second or two after colour."""


class BodyWatch:
    """Detects that no one has been seen for some seconds, once per absence.

    Time without any body rows does not count: ``StallWatch`` reports that.
    """

    def __init__(self) -> None:
        self.bodies_seen = 0
        self._alone_100ns = 0
        self._before: int | None = None
        self._told = self._ever_told = False

    def restart(self) -> None:
        """Begin again with a take: its times can't be compared with those before."""
        self._alone_100ns, self._before, self._told = 0, None, False

    def is_unseen(self) -> bool:
        """Return True if no one was seen in any row and that has not been reported yet."""
        return self._before is not None and self.bodies_seen == 0 and not self._ever_told

    def body(self, row: npt.NDArray[Any]) -> float | None:
        """Look at the next body row.

        Args:
            row: (1,) BODIES_DTYPE.

        Returns:
            The seconds without anyone, once, when they are enough to be reported.
        """
        time_device: int = ROW_HEAD.unpack_from(row.data)[2]
        step = 0 if self._before is None else time_device - self._before
        self._before = time_device
        if any(row["tracked"].tobytes()):
            self.bodies_seen += 1
            self._alone_100ns, self._told = 0, False
            return None
        if 0 < step < STALL_AFTER_NS // NS_PER_100NS:
            self._alone_100ns += step
        if self._told or self._alone_100ns < NO_BODY_100NS:
            return None
        self._told = self._ever_told = True
        return self._alone_100ns / SECOND_100NS


@dataclass(frozen=True, slots=True)
class _Last:
    """The last item of a stream; ``has_come`` False: ``seq`` is the one that is waited for."""

    seq: int
    arrived_ns: int
    time_device: int
    has_come: bool = True

    def is_silent(self, now_ns: int) -> bool:
        """Return True if the next item should have come."""
        may_take_ns = STALL_AFTER_NS if self.has_come else FIRST_AFTER_NS
        return now_ns - self.arrived_ns >= may_take_ns

    def is_late(self, now_ns: int) -> bool:
        """Return True if the stream may just have fallen silent."""
        is_due = self.has_come and now_ns - self.arrived_ns > STALL_AFTER_NS // 2
        return is_due and not self.is_silent(now_ns)


class StallWatch:
    """Detects that a stream of a live source has fallen silent, and that it is back.

    ``item`` is called by the source's thread alone. ``look`` may be called by one other, while the
    first one waits for the source: each item replaces one immutable object, so there is no lock
    that either could hold up the other with.

    Args:
        first_seq: The number of each stream's first item.
        now_ns: Host time.
    """

    def __init__(self, first_seq: dict[Stream, int], now_ns: int) -> None:
        self._last = {s: _Last(seq, now_ns, -1, False) for s, seq in first_seq.items()}
        self._told: dict[Stream, _Last] = {}

    def item(self, stream: Stream, seq: int, time_device: int, now_ns: int) -> Observation | None:
        """Note an item; return the silence that it ended, None if there was none."""
        last = self._last.get(stream)
        if last is None:
            return None
        # only a value changes, never the keys: the other thread may be looking through them
        self._last[stream] = _Last(seq, now_ns, time_device)
        if not last.is_silent(now_ns):
            return None
        silent_s = (now_ns - last.arrived_ns) / SECOND_NS
        text = f"{items_of(stream)} come again after {silent_s:.1f} s"
        return Observation(EventKind.stall, stream, last.seq, seq, time_device, text)

    def look(self, now_ns: int) -> list[Observation]:
        """Return the silences that are now long enough to be reported.

        Streams that fall silent together are reported together: while one of them is late and
        not yet silent, nothing is returned.
        """
        if any(last.is_late(now_ns) for last in self._last.values()):
            return []
        found = []
        for stream, last in self._last.items():
            if not last.is_silent(now_ns) or self._told.get(stream) is last:
                continue
            self._told[stream] = last
            text = f"no {items_of(stream)} for {(now_ns - last.arrived_ns) / SECOND_NS:.0f} s"
            found.append(self._finding(stream, last, text))
        return found

    def silent(self, now_ns: int) -> list[Stream]:
        """Return the streams that are quiet."""
        return [stream for stream, last in self._last.items() if last.is_silent(now_ns)]

    def least_s(self, now_ns: int) -> float:
        """Return for how long nothing has come of any of the quiet streams, seconds."""
        quiet = [last for last in self._last.values() if last.is_silent(now_ns)]
        return min((now_ns - last.arrived_ns for last in quiet), default=0) / SECOND_NS

    def close(self, now_ns: int) -> Iterable[Observation]:
        """End: return the silences that lasted until now."""
        for stream in self.silent(now_ns):
            last = self._last[stream]
            silent_s = (now_ns - last.arrived_ns) / SECOND_NS
            text = f"no {items_of(stream)} for the last {silent_s:.1f} s of the recording"
            yield self._finding(stream, last, text)

    @staticmethod
    def _finding(stream: Stream, last: _Last, text: str) -> Observation:
        return Observation(EventKind.stall, stream, last.seq, last.seq, last.time_device, text)
