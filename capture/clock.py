"""Time and waiting for the recorder's threads.

Recordings run on the system's clock. Tests put in one that stands still until every thread waits
for something, so that a silence of ten seconds takes no time and nothing depends on how busy the
machine is. For that, the clock makes everything that a thread may wait in for long.
"""

import threading
import time
from contextlib import AbstractContextManager
from queue import PriorityQueue, SimpleQueue
from typing import Any, Protocol


class Clock(Protocol):
    """Gives the time, and makes what threads wait in."""

    def now_ns(self) -> int:
        """Return the host's time in ns; only differences have a meaning."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until an event is set or the seconds are over; return True if it is set."""

    def join(self, thread: threading.Thread, seconds: float) -> None:
        """Wait until a thread has ended or the seconds are over."""

    def lock(self) -> AbstractContextManager[Any]:
        """Return a lock that may be held while its thread waits."""

    def queue(self) -> "SimpleQueue[Any]":
        """Return a queue without a bound, first in, first out."""

    def ordered_queue(self) -> "PriorityQueue[Any]":
        """Return a queue without a bound, smallest item first."""


class SystemClock:
    """The system's own clock, ``time.perf_counter_ns``, and Python's own ways to wait."""

    now_ns = staticmethod(time.perf_counter_ns)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until an event is set or the seconds are over; return True if it is set."""
        return event.wait(seconds)

    def join(self, thread: threading.Thread, seconds: float) -> None:
        """Wait until a thread has ended or the seconds are over."""
        thread.join(seconds)

    def lock(self) -> AbstractContextManager[Any]:
        """Return a lock that may be held while its thread waits."""
        return threading.Lock()

    def queue(self) -> "SimpleQueue[Any]":
        """Return a queue without a bound, first in, first out."""
        return SimpleQueue()

    def ordered_queue(self) -> "PriorityQueue[Any]":
        """Return a queue without a bound, smallest item first."""
        return PriorityQueue()
