"""pykinect2's runtime with its frame thread replaced: every frame once, with its times, or counted.

Stock keeps one unguarded slot per stream, serves whichever handle is lowest (a slow colour stream
starves the bodies), forgets colour's RelativeTime, and its thread dies with the first failed call.
:class:`TimedRuntime` is mixed in before the stock class by :func:`open_runtime`: stock opens the
sensor and its readers, everything after that happens here.
"""

import contextlib
import ctypes
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...core.errors import SensorError
from ...sessions.schema import EventKind, Stream
from ..sources.sensor import BodyFrame, ColorFrame, Lost, PlaneFrame, TakeStart
from .bodies import body_row, take_bodies
from .device_times import DeviceTimes, Verdict
from .driver import Driver
from .images import Memory, copy_color, copy_plane
from .waits import Kernel

E_PENDING: Final = 0x8000000A
"""The frame is gone already: a newer one has come, or the last one was not released."""
_FAILURES_IN_A_ROW: Final = 60
CALL_MAY_TAKE_S: Final = 5.0
_SLICE_S: Final = 0.2
_READERS: Final = {
    Stream.bodies: "body",
    Stream.mask: "body_index",
    Stream.depth: "depth",
    Stream.color: "color",
}
"""Stock's names, in the order of service: bodies first, their time of arrival must not wait for the
conversion of a colour frame."""


@dataclass
class StreamCounts:
    """Counts of the frames that a stream announced.

    Attributes:
        arrived: Announced by the driver.
        given: Handed on.
        failed: A call failed (E_PENDING apart).
        pending: Gone before they could be fetched (E_PENDING).
        stale: With a time that had been there already, or an earlier one; left out.
        no_room: All images' memory was in use.
    """

    arrived: int = 0
    given: int = 0
    failed: int = 0
    pending: int = 0
    stale: int = 0
    no_room: int = 0


@dataclass(frozen=True)
class Availability:
    """The driver says that the sensor has come or gone."""

    available: bool


@dataclass(frozen=True)
class Ended:
    """The last thing a runtime says; ``reason`` None: it was closed."""

    reason: str | None


RuntimeItem = ColorFrame | BodyFrame | PlaneFrame | Lost | TakeStart | Availability | Ended


class TimedRuntime:
    """The part that replaces stock's frame thread and its closing."""

    # made by stock's __init__
    _sensor: Any
    _mapper: Any
    _close_event: int

    def __init__(
        self,
        driver: Driver,
        streams: Sequence[Stream],
        clock: DeviceTimes,
        counts: dict[Stream, StreamCounts],
        memory: Callable[["TimedRuntime"], Memory],
    ) -> None:
        """Open the sensor and its readers; nothing is served before ``start``.

        Args:
            driver: The driver packages.
            streams: Which streams to serve.
            clock: Judges times; shared by the runtimes of one source.
            counts: Counted on, likewise.
            memory: Makes or finds the memory, once the images' sizes are known.

        Raises:
            COMError, ValueError, OSError: The driver does not open the sensor; all is given back.
        """
        self._driver, self._clock, self.counts = driver, clock, counts
        self._kernel = Kernel()
        self._thread: threading.Thread | None = None
        self._closing = threading.Lock()
        self._given_back = False
        self.items: SimpleQueue[RuntimeItem] = SimpleQueue()
        self._served = [stream for stream in _READERS if stream in streams]
        try:
            driver.runtime.PyKinectRuntime.__init__(self, _source_types(driver, streams))
            self._available_event = self._sensor.SubscribeIsAvailableChanged()
            self.memory = memory(self)
        except BaseException:
            self.close()
            raise
        self._failures_in_a_row = dict.fromkeys(self._served, 0)

    def kinect_frame_thread(self) -> None:
        """Do nothing: stock starts this in a thread that can't be joined; see ``start``."""

    def size_px(self, stream: Stream) -> tuple[int, int]:
        """Return (width, height) of a stream's images."""
        description = getattr(self, f"{_READERS[stream]}_frame_desc")
        return int(description.Width), int(description.Height)

    def is_available(self, timeout_s: float, is_closing: Callable[[], bool]) -> bool:
        """Return True if a sensor is connected; waits for it if need be; before ``start`` only.

        Args:
            timeout_s: How long to wait.
            is_closing: Says that waiting has become pointless.

        Raises:
            COMError: A call failed.
        """
        until = time.monotonic() + timeout_s
        while not self._sensor.IsAvailable:
            left_s = until - time.monotonic()
            if left_s <= 0 or is_closing():
                return False
            slice_ms = int(min(left_s, _SLICE_S) * 1000)
            if self._kernel.wait([self._available_event], slice_ms) is not None:
                self._sensor.GetIsAvailableChangedEventData(self._available_event)
        return True

    def device_id(self) -> str:
        """Return the sensor's own identity, "" where the driver doesn't say."""
        # the declared method has room for one character; the raw one takes the caller's buffer
        text = ctypes.create_unicode_buffer(256)
        place = ctypes.cast(text, ctypes.POINTER(ctypes.c_ushort))
        with contextlib.suppress(self._driver.com_error):
            self._sensor._IKinectSensor__com__get_UniqueKinectId(len(text), place)
        return text.value

    def intrinsics(self, timeout_s: float = 0.0) -> dict[str, float] | None:
        """Return the depth camera's intrinsics; None where they stay all zero.

        Args:
            timeout_s: How long to wait for the calibration, which arrives after the sensor.

        Raises:
            COMError: A call failed.
        """
        changed = self._mapper.SubscribeCoordinateMappingChanged()
        try:
            found = self._mapper.GetDepthCameraIntrinsics()
            if not found.FocalLengthX and timeout_s > 0:
                self._kernel.wait([changed], int(timeout_s * 1000))
                found = self._mapper.GetDepthCameraIntrinsics()
        finally:
            self._mapper.UnsubscribeCoordinateMappingChanged(changed)
        values = {name: float(getattr(found, name)) for name, _ in found._fields_}
        return values if values["FocalLengthX"] else None

    def to_color(self, points_m: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Map points by the SDK's mapper.

        Args:
            points_m: (N, 3) contiguous, camera space, metres.

        Returns:
            (N, 2) colour pixels; not finite where unmappable.

        Raises:
            COMError: The call failed.
        """
        v2 = self._driver.v2
        return self._mapped(self._mapper.MapCameraPointsToColorSpace, points_m, v2._ColorSpacePoint)

    def to_depth(self, points_m: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Map points by the SDK's mapper.

        Args:
            points_m: (N, 3) contiguous, camera space, metres.

        Returns:
            (N, 2) pixels of masks and depth images; not finite where unmappable.

        Raises:
            COMError: The call failed.
        """
        v2 = self._driver.v2
        return self._mapped(self._mapper.MapCameraPointsToDepthSpace, points_m, v2._DepthSpacePoint)

    def _mapped(
        self, call: Callable[..., Any], points_m: npt.NDArray[np.float32], kind: Any
    ) -> npt.NDArray[np.float32]:
        """Map points by one of the mapper's functions, which gives points of a kind."""
        pixels = np.empty((len(points_m), 2), np.float32)
        call(
            len(points_m),
            points_m.ctypes.data_as(ctypes.POINTER(self._driver.v2._CameraSpacePoint)),
            len(points_m),
            pixels.ctypes.data_as(ctypes.POINTER(kind)),
        )
        return pixels

    def start(self) -> None:
        """Begin to serve the streams, in a thread of its own."""
        with self._closing:
            if self._given_back:
                self.items.put(Ended(None))
                return
            self._thread = threading.Thread(target=self._run, name="kincap-kinect", daemon=True)
            self._thread.start()

    def close(self, may_take_s: float = CALL_MAY_TAKE_S) -> None:
        """End the thread, give everything back to the driver; may be called twice.

        Args:
            may_take_s: How long a call of the driver that is under way may take.

        Raises:
            SensorError: It does not return (exit 1); nothing was given back.
        """
        with self._closing:
            if self._given_back:
                return
            if self._thread is not None:
                self._kernel.set_event(self._close_event)
                self._thread.join(may_take_s)
                if self._thread.is_alive():
                    raise SensorError(
                        f"kinect: a call of the driver has not returned for {may_take_s:g} s; "
                        "unplug the sensor, plug it in again, start kincap anew",
                        exit_code=1,
                    )
            self._given_back = True
            self._give_back()

    def _give_back(self) -> None:
        """Unsubscribe, release every COM object, close the sensor; as far as __init__ came."""
        sensor = getattr(self, "_sensor", None)
        if not sensor:
            return
        for stream in self._served:
            with contextlib.suppress(self._driver.com_error, AttributeError):
                self._reader(stream).UnsubscribeFrameArrived(self._event(stream))
        with contextlib.suppress(self._driver.com_error, AttributeError):
            sensor.UnsubscribeIsAvailableChanged(self._available_event)
        for name, value in tuple(vars(self).items()):
            if hasattr(value, "Release"):
                setattr(self, name, None)
        with contextlib.suppress(self._driver.com_error):
            sensor.Close()
        self._kernel.close(self._close_event)

    def _reader(self, stream: Stream) -> Any:
        return getattr(self, f"_{_READERS[stream]}_frame_reader")

    def _event(self, stream: Stream) -> int:
        """Return the handle that says that a frame of the stream has arrived."""
        return int(getattr(self, f"_{_READERS[stream]}_frame_arrived_event"))

    def _run(self) -> None:
        reason: str | None = None
        try:
            self._serve()
        except Exception as error:
            # whatever happens, the source is told; it decides whether to connect again
            reason = f"{type(error).__name__}: {error}"
        self.items.put(Ended(reason))

    def _serve(self) -> None:
        """Wait for events and serve all that are set, each once per round, so that none starves."""
        handles = [self._close_event, self._available_event, *map(self._event, self._served)]
        while True:
            first = self._kernel.wait(handles)
            if first is None:
                continue
            for index in range(first, len(handles)):
                if index > first and self._kernel.wait(handles[index : index + 1], 0) is None:
                    continue
                if index == 0:
                    return
                if index == 1:
                    self._availability_changed()
                else:
                    self._arrived(self._served[index - 2])

    def _availability_changed(self) -> None:
        with contextlib.suppress(self._driver.com_error):
            self._sensor.GetIsAvailableChangedEventData(self._available_event)
            self.items.put(Availability(bool(self._sensor.IsAvailable)))

    def _arrived(self, stream: Stream) -> None:
        """Fetch one frame; a failed call costs that frame and nothing else."""
        time_host = time.perf_counter_ns()
        counts = self.counts[stream]
        counts.arrived += 1
        time_device = self._clock.last(stream)
        loss = EventKind.drop_source
        item: ColorFrame | BodyFrame | PlaneFrame | None = None
        try:
            event = self._reader(stream).GetFrameArrivedEventData(self._event(stream))
            reference = event.FrameReference
            time_device = int(reference.RelativeTime)
            verdict = self._clock.judge(stream, time_device)
            if verdict is Verdict.restart:
                self.items.put(TakeStart())
            if verdict is Verdict.stale:
                counts.stale += 1
                loss = EventKind.drop_stale
            else:
                item = self._fetch(stream, reference.AcquireFrame(), time_device, time_host)
            self._failures_in_a_row[stream] = 0
        except self._driver.com_error as error:
            self._failed(stream, error)
        if item is not None:
            counts.given += 1
            self.items.put(item)
        elif time_device is not None:
            self.items.put(Lost(stream, time_device, time_host, loss))

    def _fetch(
        self, stream: Stream, frame: Any, time_device: int, time_host: int
    ) -> ColorFrame | BodyFrame | PlaneFrame | None:
        """Copy what an acquired frame holds; None where all memory for it is in use."""
        if stream is Stream.bodies:
            floor = frame.FloorClipPlane
            bodies = take_bodies(self._driver, frame)
            return BodyFrame(body_row(bodies, floor, time_device, time_host, self.to_color))
        buffers = self.memory.color if stream is Stream.color else self.memory.planes[stream]
        room = buffers.take()
        if room is None:
            self.counts[stream].no_room += 1
            return None
        if stream is Stream.color:
            return copy_color(self._driver, frame, room, time_device, time_host)
        return copy_plane(self._driver, stream, frame, room, time_device, time_host)

    def _failed(self, stream: Stream, error: Exception) -> None:
        """Count a failed call; too many of a stream without a success between end the runtime."""
        code = int(error.args[0]) & 0xFFFFFFFF
        if code == E_PENDING:
            self.counts[stream].pending += 1
        else:
            self.counts[stream].failed += 1
        self._failures_in_a_row[stream] += 1
        if self._failures_in_a_row[stream] >= _FAILURES_IN_A_ROW:
            raise SensorError(
                f"{_FAILURES_IN_A_ROW} {stream.name} frames in a row failed (0x{code:08X})"
            )


def _source_types(driver: Driver, streams: Sequence[Stream]) -> int:
    """Return the SDK's bit set of streams."""
    v2 = driver.v2
    bits = {
        Stream.color: v2.FrameSourceTypes_Color,
        Stream.bodies: v2.FrameSourceTypes_Body,
        Stream.mask: v2.FrameSourceTypes_BodyIndex,
        Stream.depth: v2.FrameSourceTypes_Depth,
    }
    return int(sum(bits[stream] for stream in streams))


def open_runtime(
    driver: Driver,
    streams: Sequence[Stream],
    clock: DeviceTimes,
    counts: dict[Stream, StreamCounts],
    memory: Callable[[TimedRuntime], Memory],
) -> TimedRuntime:
    """Open the sensor with a runtime made of :class:`TimedRuntime` and the stock class.

    Args:
        driver: The driver packages.
        streams: Which streams to serve.
        clock: Judges times; shared by the runtimes of one source.
        counts: Counted on, likewise.
        memory: Makes or finds the memory for images.

    Raises:
        SensorError: The driver refuses to open the sensor (exit 3).
    """
    kind = type("TimedKinectRuntime", (TimedRuntime, driver.runtime.PyKinectRuntime), {})
    try:
        runtime: TimedRuntime = kind(driver, streams, clock, counts, memory)
    except (driver.com_error, ValueError, OSError) as error:
        # ValueError: stock calls a method of a sensor that it was not given
        raise SensorError(
            f"kinect: the driver can't open the sensor ({error}); end other programs that use it, "
            "unplug it and plug it in again",
            exit_code=3,
        ) from error
    return runtime
