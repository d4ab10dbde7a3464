"""The bounded queues between source and disk, their places, and the items in them.

Places are counted by tokens in ``SimpleQueue``s (written in C, a put never blocks, no lock that a
descheduled thread could hold): to take a place is one ``get_nowait``, so what the source thread
does per item does not depend on what encoders, writer or disk do.
"""

import contextlib
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

import numpy.typing as npt

from ..sessions.schema import ColorFlag, EventKind, Stream, pack_index_row
from .clock import Clock
from .sources.sensor import ColorFrame, PlaneFrame

RAW_FRAMES = 16
ENCODED_FRAMES = 64
BODY_ROWS = 256
IMAGE_STREAMS = (Stream.color, Stream.mask, Stream.depth)
"""Streams whose items are images; each has a ring of its own, so that none takes all places."""


@dataclass(slots=True)
class Loss:
    """A run of lost items of one stream; becomes one event.

    seq is dense, so no other item is between the first and the last.
    """

    stream: Stream
    kind: EventKind
    seq_first: int
    seq_last: int
    take: int
    time_device: int
    time_host: int

    @property
    def count(self) -> int:
        """Number of items lost."""
        return self.seq_last - self.seq_first + 1


@dataclass(slots=True)
class FrameJob:
    """A frame with an image on its way to an encoder.

    ``ticket`` counts the accepted frames: the writer puts them back in that order. ``before`` is
    the loss of the stream since its previous accepted frame: it is written first, so that a kill
    leaves no hole without its event.
    """

    ticket: int
    stream: Stream
    seq: int
    take: int
    frame: ColorFrame | PlaneFrame
    place: int
    handed_ns: int
    before: Loss | None


@dataclass(slots=True)
class EncodedFrame:
    """A frame ready to be stored; ``blob`` None: it can't be, for the reason ``drop``."""

    job: FrameJob
    blob: bytes | None
    crc32: int
    drop: EventKind = EventKind.drop_encoder


@dataclass(slots=True)
class BodyJob:
    """A body row ready to be stored."""

    row: npt.NDArray[Any]
    seq: int
    take: int
    time_device: int
    time_host: int
    handed_ns: int
    before: Loss | None


@dataclass(slots=True)
class EventJob:
    """An event row ready to be stored."""

    row: npt.NDArray[Any]


WriterItem = EncodedFrame | BodyJob | EventJob | Loss


def index_row(job: FrameJob) -> bytes:
    """Return the row of an index table that says of a picture what its source said."""
    source = job.frame
    if not isinstance(source, ColorFrame):
        is_given = source.png is not None and not source.encoded_here
        flags = ColorFlag.stored_as_given if is_given else 0
        return pack_index_row(job.seq, job.take, source.time_device, source.time_host, flags=flags)
    is_given = source.jpeg is not None and not source.encoded_here
    return pack_index_row(
        job.seq,
        job.take,
        source.time_device,
        source.time_host,
        exposure=source.exposure,
        frame_interval=source.frame_interval,
        gain=source.gain,
        flags=source.flags | (ColorFlag.stored_as_given if is_given else 0),
    )


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
        """Wait until half of the places are free or the time is up; then take one.

        Args:
            seconds: Longest wait.

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
        self.raw: SimpleQueue[FrameJob | None] = clock.queue()
        self.inbox: SimpleQueue[WriterItem | None] = clock.queue()
        self.raw_places = {stream: Places(clock, RAW_FRAMES) for stream in IMAGE_STREAMS}
        self.encoded_places = tokens(clock, ENCODED_FRAMES)
        self.body_places = Places(clock, BODY_ROWS)


def tokens(clock: Clock, count: int) -> "SimpleQueue[int]":
    """Return a queue that holds tokens numbered from 0."""
    made: SimpleQueue[int] = clock.queue()
    for place in range(count):
        made.put(place)
    return made
