"""The bounded queues between source and disk, and the places in them.

Places are counted by tokens in ``SimpleQueue``s (written in C, a put never blocks, no lock that a
descheduled thread could hold): to take a place is one ``get_nowait``, so what the source thread
does per item does not depend on what encoders, writer or disk do.
"""

import contextlib
from queue import Empty, SimpleQueue

from ..sessions.schema import Stream
from .clock import Clock
from .queue_items import PictureJob, WriterItem

RAW_FRAMES = 16
ENCODED_FRAMES = 64
BODY_ROWS = 256
PICTURES = (Stream.color, Stream.mask, Stream.depth)
"""Streams whose items are images; each has a ring of its own, so that none takes all places."""


class Places:
    """The places of one bounded queue: one thread takes them, others give them back.

    A thread that found no place waits until half of them are free: it and those that it feeds then
    wake once for several items instead of once for each.

    Args:
        clock: Makes what the thread waits in.
        count: How many places there are.
    """

    def __init__(self, clock: Clock, count: int) -> None:
        self._free = tokens(clock, count)
        self._half = count // 2
        self._half_free: SimpleQueue[None] = clock.queue()
        self._is_waited_for = False

    def take(self) -> int | None:
        """Take a place; return None if none is free."""
        try:
            return self._free.get_nowait()
        except Empty:
            return None

    def wait(self, seconds: float) -> int | None:
        """Wait until half of the places are free, at most so long; then take one.

        Args:
            seconds: How long to wait.

        Returns:
            A place; None if none is free even then.
        """
        self._is_waited_for = True
        # a token left from an earlier wait only ends this one early
        if self._free.qsize() < self._half:
            with contextlib.suppress(Empty):
                self._half_free.get(timeout=seconds)
        self._is_waited_for = False
        return self.take()

    def give_back(self, place: int) -> None:
        """Give a place back; any thread may."""
        self._free.put(place)
        if self._is_waited_for and self._free.qsize() >= self._half:
            self._is_waited_for = False
            self._half_free.put(None)


class Queues:
    """The queues of one recording and their places."""

    def __init__(self, clock: Clock) -> None:
        self.raw: SimpleQueue[PictureJob | None] = clock.queue()
        self.inbox: SimpleQueue[WriterItem | None] = clock.queue()
        self.raw_places = {stream: Places(clock, RAW_FRAMES) for stream in PICTURES}
        self.encoded_places = tokens(clock, ENCODED_FRAMES)
        self.body_places = Places(clock, BODY_ROWS)


def tokens(clock: Clock, count: int) -> "SimpleQueue[int]":
    """Return a queue that holds so many tokens, numbered from 0."""
    made: SimpleQueue[int] = clock.queue()
    for place in range(count):
        made.put(place)
    return made
