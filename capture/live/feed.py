"""The feed of those that follow a recording: meter, observers, latest picture."""

from collections.abc import Sequence
from typing import Final

from ...core.jpeg import encode_jpeg
from ...core.units import SECOND_NS
from ..sources.sensor import BodyFrame, ColorFrame
from .meter import StreamMeter
from .observers import LatestPicture, Observer, ObserverFeed

_PICTURE_EVERY_NS: Final = SECOND_NS // 10
"""While nothing is stored, pictures are encoded for previews alone: at most ten a second."""


class LiveFeed:
    """One object for everything that follows a recording; does nothing for what isn't there.

    Args:
        observers: Follow frames and bodies.
        picture: Gets the newest picture; None: none is wanted.
        meter: Measures the streams; None: no status is wanted.
    """

    def __init__(
        self,
        observers: Sequence[Observer] = (),
        picture: LatestPicture | None = None,
        meter: StreamMeter | None = None,
    ) -> None:
        self.observers = ObserverFeed(observers)
        self.meter, self._picture = meter, picture
        self._encoded_ns = -_PICTURE_EVERY_NS

    def start(self) -> None:
        """Start the observers' thread."""
        self.observers.start()

    def bodies(self, item: BodyFrame, now_ns: int) -> None:
        """Pass a body row on, stored or not."""
        if self.meter is not None:
            self.meter.bodies(item.row, now_ns)
        if self._picture is not None:
            self._picture.put_bodies(item.row)
        self.observers.bodies(item.row)

    def color(self, seq: int, time_device: int, now_ns: int) -> None:
        """Pass a colour frame on; ``seq`` -1: it is not stored."""
        if self.meter is not None:
            self.meter.color(time_device, now_ns)
        self.observers.color(seq, time_device)

    def stored(self, seq: int, time_device: int, jpeg: bytes) -> None:
        """Pass a stored JPEG on; called by the writer."""
        if self._picture is not None:
            self._picture.put_color(seq, time_device, jpeg)

    def not_stored(self, frame: ColorFrame, now_ns: int) -> None:
        """Pass on the image of a frame that is not stored, if someone looks."""
        if self._picture is None or not self._picture.is_wanted:
            return
        if now_ns - self._encoded_ns < _PICTURE_EVERY_NS:
            return
        self._encoded_ns = now_ns
        jpeg = frame.jpeg
        if jpeg is None and frame.image is not None:
            jpeg = encode_jpeg(frame.image)
        if jpeg is not None:
            self._picture.put_color(-1, frame.time_device, jpeg)

    def close(self) -> None:
        """End the observers' thread."""
        self.observers.close()
