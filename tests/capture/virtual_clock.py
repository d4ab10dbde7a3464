"""A clock that stands still while any thread of the recorder works.

Every thread of a recording waits in what the clock makes (queues, locks, joins, waits), so the
clock knows when nothing can move but time. Then, and only then, it goes on to the next moment that
somebody waits for, and wakes that one alone: ten silent seconds take no time, and what happens
does not depend on how busy the machine is.
"""

import heapq
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty
from typing import Any

STUCK_AFTER_S = 30.0
_LOOK_S = 0.02
"""The end of a thread and an event that is set wake nobody: so often is looked, in real time."""


@dataclass
class _Waiter:
    ready: Callable[[], bool]
    deadline: int | None
    condition: threading.Condition
    name: str
    due: bool = False


class VirtualClock:
    """Time for the recorder's threads and the one that made the clock.

    Attributes:
        most_queued: The most things that lay in all queues together.
    """

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._now = 1_000_000_000_000
        self._waiters: dict[threading.Thread, _Waiter] = {}
        self._owner = threading.current_thread()
        self._others = set(threading.enumerate()) - {self._owner}
        self._moved_s = time.monotonic()
        self._queued = 0
        self.most_queued = 0

    def now_ns(self) -> int:
        """Return the time in ns."""
        return self._now

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until an event is set, so many seconds at most; say whether it is."""
        return self._block(event.is_set, seconds)

    def join(self, thread: threading.Thread, seconds: float) -> None:
        """Wait until a thread has ended, so many seconds at most."""
        self._block(lambda: not thread.is_alive(), seconds)

    def sleep(self, seconds: float) -> None:
        """Wait so many seconds."""
        self._block(lambda: False, seconds)

    def sleep_until(self, now_ns: int) -> None:
        """Wait for a moment; one that is past is no wait."""
        self.sleep(max(0, now_ns - self._now) / 1e9)

    def leap(self, seconds: float) -> None:
        """Let time go on at once, as a machine that was asleep sees it."""
        with self._mutex:
            self._now += int(seconds * 1e9)

    def lock(self) -> Any:
        """Return a lock that may be held while its thread waits."""
        return _Lock(self)

    def queue(self) -> "VirtualQueue":
        """Return a queue, first in, first out."""
        return VirtualQueue(self)

    def ordered_queue(self) -> "VirtualQueue":
        """Return a queue, smallest item first."""
        return VirtualQueue(self, ordered=True)

    def _block(self, ready: Callable[[], bool], seconds: float | None = None) -> bool:
        with self._mutex:
            return self.block_locked(ready, seconds)

    def block_locked(self, ready: Callable[[], bool], seconds: float | None = None) -> bool:
        """Wait until something is ready or its time has come; say whether it is ready."""
        if ready():
            return True
        thread = threading.current_thread()
        deadline = None if seconds is None else self._now + int(seconds * 1e9)
        me = _Waiter(ready, deadline, threading.Condition(self._mutex), thread.name)
        self._waiters[thread] = me
        try:
            while not (me.due or ready()):
                self._go_on_if_all_wait()
                if not (me.due or ready()):
                    me.condition.wait(_LOOK_S)
                    self._check_alive()
        finally:
            del self._waiters[thread]
            self._moved_s = time.monotonic()
        return ready()

    def _go_on_if_all_wait(self) -> None:
        waiters = self._waiters
        for thread in threading.enumerate():
            mine = thread is self._owner or thread.name.startswith("kincap-")
            if mine and thread not in self._others and thread not in waiters:
                return
        if self.wake():
            return
        timed = [w for w in waiters.values() if w.deadline is not None]
        if timed:
            first = min(timed, key=lambda w: (w.deadline, w.name))
            self._now = max(self._now, first.deadline)
            first.due = True
            first.condition.notify()

    def wake(self) -> bool:
        """Wake who can go on; say whether anybody can."""
        able = [w for w in self._waiters.values() if w.due or w.ready()]
        for waiter in able:
            waiter.condition.notify()
        return bool(able)

    def _check_alive(self) -> None:
        if time.monotonic() - self._moved_s > STUCK_AFTER_S:
            names = sorted(w.name for w in self._waiters.values())
            raise RuntimeError(f"nothing moves; waiting: {names}")

    @contextmanager
    def moving(self, by: int) -> Iterator[None]:
        """Hold the mutex around a change of a queue by so many things."""
        with self._mutex:
            yield
            self.count(by)
            self.wake()

    def count(self, by: int) -> None:
        """Take note that so many things came into a queue."""
        self._queued += by
        self.most_queued = max(self.most_queued, self._queued)

    @property
    def mutex(self) -> threading.Lock:
        """The lock around everything here."""
        return self._mutex


class _Lock:
    def __init__(self, clock: VirtualClock) -> None:
        self._clock, self._held = clock, False

    def __enter__(self) -> None:
        with self._clock.mutex:
            self._clock.block_locked(lambda: not self._held)
            self._held = True

    def __exit__(self, *_error: object) -> None:
        with self._clock.moving(0):
            self._held = False


class VirtualQueue:
    """What ``SimpleQueue`` and ``PriorityQueue`` are, on a clock of its own."""

    def __init__(self, clock: VirtualClock, *, ordered: bool = False) -> None:
        self._clock, self._ordered = clock, ordered
        self._items: Any = [] if ordered else deque()

    def put(self, item: object) -> None:
        with self._clock.moving(1):
            if self._ordered:
                heapq.heappush(self._items, item)
            else:
                self._items.append(item)

    def get(self, timeout: float | None = None) -> Any:
        with self._clock.mutex:
            if not self._clock.block_locked(lambda: bool(self._items), timeout):
                raise Empty
            return self._take()

    def get_nowait(self) -> Any:
        with self._clock.mutex:
            if not self._items:
                raise Empty
            return self._take()

    def empty(self) -> bool:
        return not self._items

    def qsize(self) -> int:
        return len(self._items)

    def _take(self) -> Any:
        self._clock.count(-1)
        return heapq.heappop(self._items) if self._ordered else self._items.popleft()
