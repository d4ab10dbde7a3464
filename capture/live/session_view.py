"""One recording's view of a source that is held open: its items from one moment to another."""

import contextlib
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from typing import Final

from ...core.errors import SensorError
from ...sessions.schema import EventKind, Stream
from ..clock import Clock
from ..queues import RAW_FRAMES
from ..sources.sensor import (
    ColorFrame,
    Item,
    Lost,
    Notice,
    PlaneFrame,
    SensorInfo,
    TakeStart,
    let_go,
)
from ..watches.watches import Timed, times_of
from .pre_roll import encode_in_place

_MOST_RAW: Final = RAW_FRAMES // 4
"""Raw images of a stream that wait for the recording to take them; further ones are encoded."""
_MOST_WAITING: Final = 300
"""Items of a stream that may wait: ten seconds."""


class SessionView:
    """A sensor for one recording; the thread that pumps the source puts the items in.

    Args:
        info: The source's.
        clock: Makes what the recording waits in.
        detach: Sees to it that nothing more is put in; called when the recording takes no more.
        on_rest: Called with the items that it did not take.

    Attributes:
        info: As given.
        given: Items that the recording took, by stream.
    """

    def __init__(
        self,
        info: SensorInfo,
        clock: Clock,
        detach: Callable[["SessionView"], None],
        on_rest: Callable[[Item], None],
    ) -> None:
        self.info = info
        self.given: Counter[Stream] = Counter()
        self._clock = clock
        self._queue: SimpleQueue[Item | SensorError | None] = clock.queue()
        self._first: deque[Timed] = deque()
        self._waiting: Counter[Stream] = Counter()
        self._taken: Counter[Stream] = Counter()
        self._detach, self._on_rest = detach, on_rest
        self._is_playing = self._is_over = False

    def begin_with(self, kept: Sequence[Timed]) -> None:
        """Let the recording begin with items that came before it."""
        self._first.extend(kept)

    def put(self, item: Item) -> None:
        """Add an item; called by the pumping thread alone.

        An image whose memory the source would use again is copied. One that finds some before it
        is encoded here: a recording that has just begun catches up, and the source's memory for
        images is small. An item that finds too many before it is lost.
        """
        if isinstance(item, Notice | TakeStart):
            self._queue.put(item)
            return
        stream, time_device, time_host = times_of(item)
        waiting = self._waiting[stream] - self._taken[stream]
        if waiting >= _MOST_WAITING:
            kind = EventKind.drop_queue_full
            kind = kind if stream is Stream.bodies else EventKind.drop_ring_full
            let_go(item)
            item = Lost(stream, time_device, time_host, kind)
        elif not isinstance(item, Lost):
            # the recording catches up: it takes what waits as fast as it can store it
            item.may_wait = bool(waiting or self._first)
            if isinstance(item, ColorFrame | PlaneFrame):
                if waiting >= _MOST_RAW:
                    _encode(item)
                keep_image(item)
        self._waiting[stream] += 1
        self._queue.put(item)

    def end(self, error: SensorError | None = None) -> None:
        """End the recording's items, with an error if it could not go on."""
        if error is not None:
            self._queue.put(error)
        self._queue.put(None)

    def items(self) -> Iterator[Item]:
        """Hand over what came before, if anything, and then what comes.

        Raises:
            SensorError: The source can't go on.
        """
        self._is_playing = True
        try:
            if self._first:
                yield self._start_of(times_of(self._first[0])[2])
            while self._first:
                item = self._first.popleft()
                self.given[times_of(item)[0]] += 1
                yield item
            while (what := self._queue.get()) is not None:
                if isinstance(what, SensorError):
                    raise what
                if not isinstance(what, Notice | TakeStart):
                    stream = times_of(what)[0]
                    self._taken[stream] += 1
                    self.given[stream] += 1
                yield what
        finally:
            self._finish()

    def close(self) -> None:
        """End the items; the source stays open."""
        self._queue.put(None)
        if not self._is_playing:
            self._finish()

    def _start_of(self, host_ns: int) -> TakeStart:
        """Return the start of a take whose first item arrived at a host time that is past."""
        ago_ns = self._clock.now_ns() - host_ns
        return TakeStart(wall_utc_ns=time.time_ns() - ago_ns, host_ns=host_ns)

    def _finish(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._detach(self)
        while self._first:
            self._on_rest(self._first.popleft())
        while not self._queue.empty():
            what = self._queue.get()
            if what is not None and not isinstance(what, SensorError):
                self._on_rest(what)


def _encode(item: ColorFrame | PlaneFrame) -> None:
    """Encode an image and give its memory back; what can't be encoded stays as it is."""
    with contextlib.suppress(Exception):  # the recording finds out what is wrong with it
        encode_in_place(item)
        let_go(item)


def keep_image(item: ColorFrame | PlaneFrame) -> None:
    """Copy an image that is valid only until the source is asked for its next item."""
    if item.image is not None and item.release is None:
        item.image = item.image.copy()
        item.release = _nothing


def _nothing() -> None:
    """Take memory back that Python frees."""
