"""A Kinect v2 as a source for the recorder: opens it, hands its frames over, connects again."""

import contextlib
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from queue import Empty
from typing import Any, Final

import numpy as np

from ...core.cameras.depth_mapping import depth_camera
from ...core.errors import KincapError, SensorNotFoundError
from ...core.sensor_shape import KINECT_V2
from ...sessions.schema import EventKind, Stream
from ..sources.sensor import (
    Item,
    Notice,
    SensorInfo,
)
from .depth_fit import DepthFit, fit_depth_camera
from .device_times import DeviceTimes
from .driver import Driver, load_driver
from .images import Buffers, Memory
from .projection import Projection, fit_projection, sample_points
from .runtime import (
    CALL_MAY_TAKE_S,
    Availability,
    Ended,
    StreamCounts,
    TimedRuntime,
    open_runtime,
)

COLOR_BUFFERS: Final = 20
"""Colour images in memory: the recorder's ring of 16, and some on their way there."""
PLANE_BUFFERS: Final = 20
URI: Final = "kinect"


@dataclass(frozen=True)
class Patience:
    """Time limits, in seconds.

    Attributes:
        available_s: Until the sensor reports itself after it was opened.
        calibration_s: Until the depth camera's intrinsics have arrived.
        call_s: For one call of the driver, when the sensor is let go.
        silence_s: Without any frame, before the sensor is opened again.
        backoff_s: Between two attempts to open it again; the last one repeats.
    """

    available_s: float = 5.0
    calibration_s: float = 3.0
    call_s: float = CALL_MAY_TAKE_S
    silence_s: float = 3.0
    backoff_s: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0)


class KinectSensor:
    """The sensor of this machine.

    Attributes:
        info: What it is and gives.
        counts: What happened to the frames that each stream announced.
        projection: The fit that ``info.projection`` holds, None where there is none.
        reconnections: How often it was opened again.
    """

    def __init__(
        self,
        streams: Sequence[str] = ("color", "bodies"),
        *,
        patience: Patience | None = None,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        """Open the sensor and read what does not change.

        Args:
            streams: Of "color", "bodies", "mask" and "depth".
            patience: How long things may take.
            wait: Waits seconds, returns True if ``close`` was called meanwhile; None: its own.

        Raises:
            SensorNotFoundError: This is not Windows, or no sensor is plugged in (exit 3).
            MissingPartError: A part of the driver is missing (exit 3).
            SensorError: The driver does not open the sensor (exit 3).
        """
        self._driver: Driver = load_driver()
        self._patience = patience or Patience()
        self._closing = threading.Event()
        self._changing = threading.Lock()
        self._wait = wait or self._closing.wait
        self._streams = tuple(Stream[name] for name in streams)
        self._clock = DeviceTimes()
        self._memory: Memory | None = None
        self.counts = {stream: StreamCounts() for stream in self._streams}
        self.reconnections = 0
        self._runtime: TimedRuntime | None = self._open()
        try:
            if not self._is_available(self._runtime):
                raise SensorNotFoundError(
                    "no Kinect v2 on this machine: the driver is there, but no sensor has reported "
                    f"itself within {self._patience.available_s:g} s; check its power supply and "
                    "its USB 3 cable, then `kincap doctor`"
                )
            self.info, self.projection = self._describe(self._runtime, tuple(streams))
        except BaseException:
            self._runtime.close(self._patience.call_s)
            raise

    def items(self) -> Iterator[Item]:
        """Hand over what arrives until ``close``; connects again when the sensor goes away.

        Raises:
            SensorError: A call of the driver does not return.
        """
        delays = self._delays()
        runtime = self._runtime
        while runtime is not None and not self._closing.is_set():
            given = sum(counts.given for counts in self.counts.values())
            runtime.start()
            yield from self._frames(runtime)
            if self._closing.is_set():
                break
            if sum(counts.given for counts in self.counts.values()) > given:
                delays = self._delays()
            runtime = yield from self._open_again(delays)

    def close(self) -> None:
        """Give the sensor back, and make ``items`` end soon; may be called twice."""
        with self._changing:
            self._closing.set()
            runtime = self._runtime
        if runtime is not None:
            runtime.close(self._patience.call_s)

    def _open(self) -> TimedRuntime:
        return open_runtime(self._driver, self._streams, self._clock, self.counts, self._memory_for)

    def _memory_for(self, runtime: TimedRuntime) -> Memory:
        """Return the memory for images, allocated when the first runtime knows their sizes."""
        if self._memory is None:
            width, height = runtime.size_px(Stream.color)
            colors = COLOR_BUFFERS if Stream.color in self._streams else 0
            kinds = {Stream.mask: np.uint8, Stream.depth: np.uint16}
            self._memory = Memory(
                Buffers(colors, (height, width, 4), np.uint8),
                {
                    stream: Buffers(PLANE_BUFFERS, runtime.size_px(stream)[::-1], kind)
                    for stream, kind in kinds.items()
                    if stream in self._streams
                },
            )
        return self._memory

    def _describe(
        self, runtime: TimedRuntime, streams: tuple[str, ...]
    ) -> tuple[SensorInfo, Projection | None]:
        """Return what session.json will say of the sensor."""
        warnings, intrinsics, projection = [], None, None
        size_px = runtime.size_px(Stream.color)
        with contextlib.suppress(self._driver.com_error):
            intrinsics = runtime.intrinsics(self._patience.calibration_s)
        if intrinsics is None:
            warnings.append("the driver gives no depth intrinsics (all zero); none are stored")
        with contextlib.suppress(self._driver.com_error):
            points = sample_points()
            projection = fit_projection(points, runtime.to_color(points), size_px)
        depth_fit = self._fit_depth(runtime, intrinsics)
        if depth_fit is None and {"mask", "depth"} & set(streams):
            warnings.append("the driver's mapper gives no pixels of depth images; none are stored")
        if projection is None:
            warnings.append("the driver's mapper gives no pixels yet; no projection is stored")
        info = SensorInfo(
            kind="kinect",
            uri=URI,
            device_id=runtime.device_id() or "unknown",
            color_size_px=size_px,
            mirrored=True,
            times="device",
            streams=streams,
            live=True,
            depth_intrinsics=intrinsics,
            depth_projection=None if depth_fit is None else depth_fit.to_json(),
            projection=None if projection is None else projection.to_json(),
            warnings=tuple(warnings),
        )
        return info, projection

    def _fit_depth(
        self, runtime: TimedRuntime, intrinsics: dict[str, float] | None
    ) -> DepthFit | None:
        """Return the depth camera that stands for the mapper; None where it gives no pixels."""
        points = sample_points()
        with contextlib.suppress(self._driver.com_error):
            pixels = runtime.to_depth(points)
            size_px = self._plane_size_px(runtime)
            return fit_depth_camera(points, pixels, size_px, depth_camera(None, intrinsics))
        return None

    def _plane_size_px(self, runtime: TimedRuntime) -> tuple[int, int]:
        """Return (width, height) of masks and depth images."""
        planes = [s for s in self._streams if s in (Stream.mask, Stream.depth)]
        return runtime.size_px(planes[0]) if planes else KINECT_V2.plane_size_px

    def _delays(self) -> Iterator[float]:
        """Yield how long to wait before each attempt to connect again, without an end."""
        yield from self._patience.backoff_s
        while True:
            yield self._patience.backoff_s[-1]

    def _frames(self, runtime: TimedRuntime) -> Iterator[Item]:
        """Hand over what a runtime gives, until it has ended; it is closed then."""
        while True:
            try:
                item: Any = runtime.items.get(timeout=self._patience.silence_s)
            except Empty:
                if self._closing.is_set():
                    return
                yield Notice(
                    f"kinect: no frame for {self._patience.silence_s:g} s, connecting again",
                    EventKind.sensor_lost,
                )
                runtime.close(self._patience.call_s)
                continue
            if isinstance(item, Ended):
                if item.reason is not None:
                    yield Notice(
                        f"kinect: the driver broke off ({item.reason}), connecting again",
                        EventKind.sensor_lost,
                    )
                runtime.close(self._patience.call_s)
                return
            if not isinstance(item, Availability):
                yield item
            elif not item.available:
                yield Notice("kinect: the sensor was unplugged", EventKind.sensor_lost)
                # frames that are waiting come first, then the word that the runtime has ended
                runtime.close(self._patience.call_s)

    def _is_available(self, runtime: TimedRuntime) -> bool:
        """Wait for the sensor to report itself; a driver that can't say has none."""
        try:
            return runtime.is_available(self._patience.available_s, self._closing.is_set)
        except self._driver.com_error:
            return False

    def _open_again(self, delays: Iterator[float]) -> Generator[Notice, None, TimedRuntime | None]:
        """Try to open the sensor until that works; return the runtime, None where closed before."""
        lost_s = time.monotonic()
        for delay in delays:
            if self._wait(delay):
                return None
            try:
                runtime = self._open()
            except KincapError:
                continue
            if self._is_available(runtime):
                break
            runtime.close(self._patience.call_s)
        with self._changing:
            # whoever closes now closes this one; whoever did before has closed the last one only
            self._runtime = runtime
        if self._closing.is_set():
            runtime.close(self._patience.call_s)
            return None
        self._clock.reconnected()
        self.reconnections += 1
        gone_s = time.monotonic() - lost_s
        yield Notice(f"kinect: the sensor is back after {gone_s:.1f} s", EventKind.sensor_back)
        return runtime
