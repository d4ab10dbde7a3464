"""Images: preallocated memory for them, and their one copy out of the driver into it."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...core.units import TICK_100NS
from ...sessions.schema import ColorFlag, Stream
from ..sources.sensor import ColorFrame, PlaneFrame
from .driver import Driver

LOW_LIGHT_INTERVAL_100NS: Final = TICK_100NS * 3 // 2

Room = tuple[npt.NDArray[Any], Callable[[], None]]
"""Memory for one image, and the function that gives it back."""


class Buffers:
    """A fixed number of images of one shape; an image comes back when its user releases it.

    Getting one takes no lock that another thread could hold for long, and never waits.
    """

    def __init__(self, count: int, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        """Allocate all of them.

        Args:
            count: How many.
            shape: Of each.
            dtype: Of each.
        """
        self._free: SimpleQueue[npt.NDArray[Any]] = SimpleQueue()
        for _ in range(count):
            image = np.empty(shape, dtype)
            # touched once now: the first frames must not pay for the memory's first use
            image.fill(0)
            self._free.put(image)

    def take(self) -> Room | None:
        """Return a free image and the function that gives it back; None where all are in use."""
        try:
            image = self._free.get_nowait()
        except Empty:
            return None
        return image, lambda: self._free.put(image)


@dataclass(frozen=True)
class Memory:
    """The images of all streams; they outlive a runtime, as frames that are being encoded do."""

    color: Buffers
    planes: dict[Stream, Buffers]


def copy_color(
    driver: Driver, frame: Any, room: Room, time_device: int, time_host: int
) -> ColorFrame:
    """Let the driver convert an acquired colour frame into memory: its only copy before JPEG.

    Args:
        driver: The driver packages.
        frame: IColorFrame.
        room: Where to; given back where this fails.
        time_device: RelativeTime, 100 ns.
        time_host: ``time.perf_counter_ns()`` at arrival.

    Raises:
        COMError: The call failed.
    """
    image, release = room
    try:
        frame.CopyConvertedFrameDataToArray(
            image.nbytes,
            image.ctypes.data_as(ctypes.POINTER(ctypes.c_ubyte)),
            driver.v2.ColorImageFormat_Bgra,
        )
    except driver.com_error:
        release()
        raise
    exposure, interval, gain = _settings(driver, frame)
    return ColorFrame(
        image,
        time_device,
        time_host,
        exposure=exposure,
        frame_interval=interval,
        gain=gain,
        flags=int(ColorFlag.low_light) if interval > LOW_LIGHT_INTERVAL_100NS else 0,
        release=release,
    )


def _settings(driver: Driver, frame: Any) -> tuple[int, int, float]:
    """Return exposure and frame interval in 100 ns, and gain; -1 and NaN where not given."""
    try:
        settings = frame.ColorCameraSettings
        return int(settings.ExposureTime), int(settings.FrameInterval), float(settings.Gain)
    except driver.com_error:
        return -1, -1, float("nan")


def copy_plane(
    driver: Driver, stream: Stream, frame: Any, room: Room, time_device: int, time_host: int
) -> PlaneFrame:
    """Copy an acquired mask or depth frame.

    Args:
        driver: The driver packages.
        stream: ``Stream.mask`` or ``Stream.depth``.
        frame: IBodyIndexFrame or IDepthFrame.
        room: Where to; given back where this fails.
        time_device: RelativeTime, 100 ns.
        time_host: ``time.perf_counter_ns()`` at arrival.

    Raises:
        COMError: The call failed.
    """
    image, release = room
    kind = ctypes.c_ubyte if stream is Stream.mask else ctypes.c_ushort
    try:
        frame.CopyFrameDataToArray(image.size, image.ctypes.data_as(ctypes.POINTER(kind)))
    except driver.com_error:
        release()
        raise
    return PlaneFrame(stream, image, time_device, time_host, release)
