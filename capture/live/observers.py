"""Follow the frames and bodies of a recording while it runs, without holding it up.

Observers are called in a thread of their own, after a bounded queue: what they can't take in time
they don't see. Nothing of this runs where there are no observers.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Protocol

import numpy.typing as npt

from ...core.units import NS_PER_100NS

MOST_WAITING = 128
"""Calls that may wait for slow observers; further ones are left out."""
_ROWS_KEPT = 8
WANTED_FOR_S = 3.0
"""A picture was asked for: for this long, pictures are made although nothing is stored."""


class Observer(Protocol):
    """Something that follows a recording; also while it waits or is paused."""

    def on_color(self, frame_seq: int, device_ns: int) -> None:
        """Note a colour frame.

        Args:
            frame_seq: Its number; -1 if it is not stored (waiting, paused).
            device_ns: Device time, ns.
        """

    def on_bodies(self, rows: npt.NDArray[Any]) -> None:
        """Note a body row.

        Args:
            rows: (1,) of the type of the table ``bodies``; not to be changed.
        """


class ObserverFeed:
    """Calls observers in a thread of its own.

    Attributes:
        left_out: Calls that found no place in the queue.
        failure: The first exception of an observer; None: there was none. It is called no more.
    """

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = list(observers)
        self._queue: SimpleQueue[tuple[int, int] | npt.NDArray[Any] | None] = SimpleQueue()
        self.left_out = 0
        self.failure: Exception | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, if there are observers."""
        if self._observers:
            self._thread = threading.Thread(target=self._run, name="observers", daemon=True)
            self._thread.start()

    def color(self, frame_seq: int, time_device: int) -> None:
        """Pass a colour frame on; ``time_device`` in 100 ns."""
        self._put((frame_seq, time_device * NS_PER_100NS))

    def bodies(self, row: npt.NDArray[Any]) -> None:
        """Pass a body row on."""
        self._put(row)

    def on_color(self, frame_seq: int, device_ns: int) -> None:
        """Pass a colour frame on from another feed."""
        self._put((frame_seq, device_ns))

    def on_bodies(self, rows: npt.NDArray[Any]) -> None:
        """Pass a body row on from another feed."""
        self._put(rows)

    def close(self) -> None:
        """End the thread after what waits; an observer that hangs is left behind."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(1.0)

    def _put(self, what: tuple[int, int] | npt.NDArray[Any]) -> None:
        if not self._observers:
            return
        if self._queue.qsize() >= MOST_WAITING:
            self.left_out += 1
            return
        self._queue.put(what)

    def _run(self) -> None:
        while (what := self._queue.get()) is not None:
            for observer in tuple(self._observers):
                try:
                    if isinstance(what, tuple):
                        observer.on_color(*what)
                    else:
                        observer.on_bodies(what)
                except Exception as error:
                    # a fault of an observer must not reach the recording
                    self.failure = self.failure or error
                    self._observers.remove(observer)


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded colour frame and the bodies seen with it.

    Attributes:
        number: Counts the pictures: one with another number is another picture.
        seq: Number of the frame; -1 if it is not stored.
        time_device: When it was taken, 100 ns.
        jpeg: The image, as it is stored (mirrored where the source is).
        bodies: (1,) the body row that is nearest in time; None: none has come.
    """

    number: int
    seq: int
    time_device: int
    jpeg: bytes
    bodies: npt.NDArray[Any] | None


class LatestPicture:
    """The newest picture of a recording, for previews; a reader only gets references.

    While frames are stored it costs nothing: the stored JPEG is kept until the next one. Else
    pictures are only made while someone has asked for one in the last ``WANTED_FOR_S`` seconds.
    """

    def __init__(self) -> None:
        self._asked_s = float("-inf")
        self._rows: deque[npt.NDArray[Any]] = deque(maxlen=_ROWS_KEPT)
        self._newest: tuple[int, int, int, bytes] | None = None

    def get(self) -> Picture | None:
        """Return the newest picture; None: there is none yet."""
        self._asked_s = time.monotonic()
        newest = self._newest
        if newest is None:
            return None
        number, seq, time_device, jpeg = newest
        # worked out only now: a row may come after its frame
        bodies = min(
            tuple(self._rows),
            key=lambda row: abs(int(row["time_device"][0]) - time_device),
            default=None,
        )
        return Picture(number, seq, time_device, jpeg, bodies)

    @property
    def is_wanted(self) -> bool:
        """True if someone has asked for a picture a moment ago."""
        return time.monotonic() - self._asked_s < WANTED_FOR_S

    def put_bodies(self, row: npt.NDArray[Any]) -> None:
        """Keep one of the newest body rows, (1,)."""
        self._rows.append(row)

    def put_color(self, seq: int, time_device: int, jpeg: bytes) -> None:
        """Keep the newest colour frame; called by one thread at a time."""
        number = 0 if self._newest is None else self._newest[0] + 1
        self._newest = number, seq, time_device, jpeg
