"""Keep the last seconds before a recording: encoded frames and rows, in bounded memory."""

from collections import deque
from collections.abc import Callable
from typing import Final

from ...core.errors import KincapError
from ...core.jpeg import encode_jpeg
from ...core.png import encode_png
from ...core.units import SECOND_NS
from ...sessions.schema import Stream
from ..sources.sensor import BodyFrame, ColorFrame, Lost
from ..watches.watches import Timed, times_of

MOST_PRE_ROLL_S: Final = 10.0
MOST_BYTES: Final = 512 << 20
"""Of all images together; the oldest ones go first."""


def check_pre_roll(seconds: float) -> float:
    """Return the seconds to keep.

    Raises:
        KincapError: They are not a length of time that can be kept.
    """
    if not 0 <= seconds <= MOST_PRE_ROLL_S:
        raise KincapError(f"--pre-roll {seconds}: expected 0 to {MOST_PRE_ROLL_S:g} seconds")
    return seconds


class PreRoll:
    """A ring of the items of the last seconds.

    Args:
        seconds: How far back it reaches; 0: nothing is kept.
        on_gone: Called with the stream of each item that is not kept any more.
    """

    def __init__(self, seconds: float, on_gone: Callable[[Stream], None]) -> None:
        self._seconds_ns = round(seconds * SECOND_NS)
        self._on_gone = on_gone
        self._items: deque[tuple[Timed, int]] = deque()
        self._bytes = 0

    @property
    def is_on(self) -> bool:
        """True if items are kept."""
        return self._seconds_ns > 0

    def add(self, item: Timed) -> None:
        """Encode an item and keep it; its image isn't needed any more then."""
        try:
            size = encode_in_place(item)
        except Exception:  # cv2.error derives from nothing narrower; such a picture isn't kept
            self._on_gone(times_of(item)[0])
            return
        self._items.append((item, size))
        self._bytes += size
        self._keep_from(times_of(item)[2] - self._seconds_ns)
        while self._bytes > MOST_BYTES:
            self._drop_oldest()

    def take(self, first: Stream, seconds: float | None = None) -> list[Timed]:
        """Return what is kept, in the order in which it came, and empty the ring.

        Args:
            first: Begin with an item of this stream.
            seconds: How much of it; None: all.
        """
        if self._items and seconds is not None:
            self._keep_from(times_of(self._items[-1][0])[2] - round(seconds * SECOND_NS))
        while self._items and times_of(self._items[0][0])[0] is not first:
            self._drop_oldest()
        taken = [item for item, _ in self._items]
        self._items.clear()
        self._bytes = 0
        return taken

    def clear(self) -> None:
        """Forget everything."""
        while self._items:
            self._drop_oldest()

    def _keep_from(self, time_host: int) -> None:
        while self._items and times_of(self._items[0][0])[2] < time_host:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        item, size = self._items.popleft()
        self._bytes -= size
        self._on_gone(times_of(item)[0])


def encode_in_place(item: Timed) -> int:
    """Encode an item's image in place of its pixels; return the bytes that it takes."""
    if isinstance(item, Lost):
        return 0
    item.may_wait = True
    if isinstance(item, BodyFrame):
        return item.row.nbytes
    if isinstance(item, ColorFrame):
        if item.jpeg is None and item.image is not None:
            item.jpeg, item.encoded_here = encode_jpeg(item.image), True
        blob = item.jpeg
    else:
        if item.png is None and item.image is not None:
            item.png, item.encoded_here = encode_png(item.image), True
        blob = item.png
    item.image = None
    return len(blob or b"")
