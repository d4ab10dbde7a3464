"""Kinect20.dll as a script that a test drives: frames are pushed, cables pulled, calls fail."""

import ctypes
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .com import E_INVALIDARG, E_PENDING, ComObject, declared
from .floor import LIBRARIES, signed

COLOR_SHAPE, PLANE_SHAPE = (1080, 1920, 4), (424, 512)
FOCAL_PX, CENTRE_PX, BASELINE_M = 1061.0, (955.0, 523.0), 0.052
INTRINSICS = (365.5, 365.5, 257.2, 205.1, 0.09, -0.27, 0.09)
FLOOR = (0.01, 0.99, -0.05, 0.87)
PATIENCE_S = 30.0
A_MOMENT_S = 0.3


@dataclass
class Person:
    """What the tracker says of one body."""

    tracking_id: int
    joints_m: np.ndarray
    states: np.ndarray = field(default_factory=lambda: np.full(25, 2))
    orientations: np.ndarray = field(default_factory=lambda: np.tile((0.0, 0.0, 0.0, 1.0), (25, 1)))
    lean: tuple[float, float] = (0.25, -0.5)
    clipped: int = 0
    hands: tuple[int, int, int, int] = (2, 1, 3, 0)


@dataclass
class Settings:
    """What the colour camera was set to for a frame, 100 ns."""

    exposure: int = 100_000
    interval: int = 333_333
    gain: float = 1.5


def map_to_color(points_m: np.ndarray) -> np.ndarray:
    """Return where the fake's mapper puts points, (N, 3) metres -> (N, 2); -inf behind it."""
    x, y, z = np.asarray(points_m, np.float32).T
    with np.errstate(divide="ignore", invalid="ignore"):
        u = np.float32(CENTRE_PX[0]) + np.float32(FOCAL_PX) * (x - np.float32(BASELINE_M)) / z
        v = np.float32(CENTRE_PX[1]) - np.float32(FOCAL_PX) * y / z
    pixels = np.stack([u, v], axis=1).astype(np.float32)
    pixels[~(z > 0)] = -np.inf
    return pixels


def map_to_depth(points_m: np.ndarray) -> np.ndarray:
    """Return where the fake's mapper puts points in the depth image, (N, 3) metres -> (N, 2)."""
    fx, fy, cx, cy, k2, k4, k6 = map(np.float32, INTRINSICS)
    x, y, z = np.asarray(points_m, np.float32).T
    with np.errstate(divide="ignore", invalid="ignore"):
        across, up = x / z, y / z
        square = across**2 + up**2
        bent = 1 + k2 * square + k4 * square**2 + k6 * square**3
    pixels = np.stack([cx + fx * across * bent, cy - fy * up * bent], axis=1).astype(np.float32)
    pixels[~(z > 0)] = -np.inf
    return pixels


class FrameDescription(ComObject):
    interface = "IFrameDescription"

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self._shape = shape

    def _get_Width(self, out: Any) -> None:
        out[0] = self._shape[1]

    def _get_Height(self, out: Any) -> None:
        out[0] = self._shape[0]


class ColorCameraSettings(ComObject):
    interface = "IColorCameraSettings"

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings

    def _get_ExposureTime(self, out: Any) -> None:
        out[0] = self._settings.exposure

    def _get_FrameInterval(self, out: Any) -> None:
        out[0] = self._settings.interval

    def _get_Gain(self, out: Any) -> None:
        out[0] = self._settings.gain


class Body(ComObject):
    interface = "IBody"

    def __init__(self, person: Person | None, failures: Any) -> None:
        super().__init__()
        self._person, self.failures = person, failures

    def _get_IsTracked(self, out: Any) -> None:
        out[0] = self._person is not None

    def _get_IsRestricted(self, out: Any) -> None:
        out[0] = False

    def _get_TrackingId(self, out: Any) -> None:
        out[0] = self._person.tracking_id

    def _get_Engaged(self, out: Any) -> None:
        out[0] = 0

    def _get_Lean(self, out: Any) -> None:
        out[0].x, out[0].y = self._person.lean

    def _get_LeanTrackingState(self, out: Any) -> None:
        out[0] = 2

    def _get_HandLeftState(self, out: Any) -> None:
        out[0] = self._person.hands[0]

    def _get_HandLeftConfidence(self, out: Any) -> None:
        out[0] = self._person.hands[1]

    def _get_HandRightState(self, out: Any) -> None:
        out[0] = self._person.hands[2]

    def _get_HandRightConfidence(self, out: Any) -> None:
        out[0] = self._person.hands[3]

    def _get_ClippedEdges(self, out: Any) -> None:
        out[0] = self._person.clipped

    def GetJoints(self, count: int, out: Any) -> None:
        for k in range(count):
            at = out[k]
            at.JointType, at.TrackingState = k, int(self._person.states[k])
            at.Position.x, at.Position.y, at.Position.z = map(float, self._person.joints_m[k])

    def GetJointOrientations(self, count: int, out: Any) -> None:
        for k in range(count):
            at = out[k]
            at.JointType = k
            q = at.Orientation
            q.x, q.y, q.z, q.w = map(float, self._person.orientations[k])


class Frame(ComObject):
    """An acquired frame; the next one can't be acquired before this one is released."""

    def __init__(self, reader: "Reader", time: int, data: Any) -> None:
        super().__init__()
        self.reader, self.time, self.data = reader, time, data
        self.failures = reader.failures

    def last_reference_gone(self) -> None:
        self.reader.released()

    def _get_RelativeTime(self, out: Any) -> None:
        out[0] = self.time


class ColorFrame(Frame):
    interface = "IColorFrame"

    def CopyConvertedFrameDataToArray(self, capacity: int, out: Any, kind: int) -> int | None:
        image, _ = self.data
        if kind != 3 or capacity != image.nbytes:
            return signed(E_INVALIDARG)
        if self.reader.while_converting is not None:
            self.reader.while_converting()
        ctypes.memmove(out, image.ctypes.data, capacity)
        return None

    def _get_ColorCameraSettings(self, out: Any) -> None:
        ColorCameraSettings(self.data[1]).give(out)


class PlaneFrame(Frame):
    def CopyFrameDataToArray(self, capacity: int, out: Any) -> int | None:
        if capacity != self.data.size:
            return signed(E_INVALIDARG)
        ctypes.memmove(out, self.data.ctypes.data, self.data.nbytes)
        return None


class DepthFrame(PlaneFrame):
    interface = "IDepthFrame"


class BodyIndexFrame(PlaneFrame):
    interface = "IBodyIndexFrame"


class BodyFrame(Frame):
    interface = "IBodyFrame"

    def GetAndRefreshBodyData(self, count: int, out: Any) -> int | None:
        slots = ctypes.cast(out, ctypes.POINTER(ctypes.c_void_p))
        if any(slots[k] for k in range(count)):
            return signed(E_INVALIDARG)
        for k in range(count):
            person = self.data[k] if k < len(self.data) else None
            body = Body(person, self.reader.failures)
            body.AddRef()
            slots[k] = body.address
        return None

    def _get_FloorClipPlane(self, out: Any) -> None:
        out[0].x, out[0].y, out[0].z, out[0].w = FLOOR


class Reference(ComObject):
    def __init__(self, reader: "Reader", time: int, data: Any) -> None:
        super().__init__()
        self.reader, self.time, self.data = reader, time, data
        self.failures = reader.failures

    def _get_RelativeTime(self, out: Any) -> None:
        out[0] = self.time

    def AcquireFrame(self, out: Any) -> int | None:
        frame = self.reader.acquire(self)
        if frame is None:
            return signed(E_PENDING)
        frame.give(out)
        return None


class Arrival(ComObject):
    def __init__(self, reference: Reference) -> None:
        super().__init__()
        self._reference = reference

    def _get_FrameReference(self, out: Any) -> None:
        self._reference.give(out)


class Reader(ComObject):
    """Keeps the newest frame of a stream, as the SDK does; a test pushes frames into it."""

    def __init__(self, stream: str, frame: type[Frame], events: Any) -> None:
        super().__init__()
        self._events, self._frame = events, frame
        self._reference = declared(Reference, f"I{stream}FrameReference")
        self._arrival = declared(Arrival, f"I{stream}FrameArrivedEventArgs")
        self._changed = threading.Condition()
        self._latest: Reference | None = None
        self._outstanding = 0
        self.handles: list[int] = []
        self.pushed = self.fetched = self.acquired = self.releases = 0
        self.before_acquiring: Callable[[], None] | None = None
        self.while_converting: Callable[[], None] | None = None

    def push(self, time: int, data: Any) -> None:
        """Let a frame arrive."""
        with self._changed:
            self._latest = self._reference(self, time, data)
            self.pushed += 1
        self.announce()

    def push_and_see(self, time: int, data: Any) -> None:
        """Let a frame arrive and wait until it was fetched, for a moment: nobody may be there."""
        with self._changed:
            expected = self.releases + 1
        self.push(time, data)
        with self._changed:
            self._changed.wait_for(lambda: self.releases >= expected, A_MOMENT_S)

    def announce(self) -> None:
        """Say that a frame has arrived; a second time for the same frame where none was pushed."""
        with self._changed:
            for handle in self.handles:
                self._events.set(handle)

    def acquire(self, reference: Reference) -> Frame | None:
        if self.before_acquiring is not None:
            self.before_acquiring()
        with self._changed:
            if reference is not self._latest or self._outstanding:
                return None
            self._outstanding += 1
            self.acquired += 1
            self._changed.notify_all()
            return self._frame(self, reference.time, reference.data)

    def released(self) -> None:
        with self._changed:
            self._outstanding -= 1
            self.releases += 1
            self._changed.notify_all()

    def wait_until(self, done: Callable[[], bool]) -> None:
        """Wait until the driver's user has acquired, released or subscribed so that ``done``."""
        with self._changed:
            assert self._changed.wait_for(done, PATIENCE_S), "nobody fetches the frames"

    def SubscribeFrameArrived(self, out: Any) -> None:
        with self._changed:
            self.handles.append(self._events.create())
            out[0] = self.handles[-1]
            self._changed.notify_all()

    def UnsubscribeFrameArrived(self, handle: int) -> None:
        with self._changed:
            self.handles.remove(handle)
            self._events.close(handle)
            self._changed.notify_all()

    def GetFrameArrivedEventData(self, handle: int, out: Any) -> int | None:
        with self._changed:
            if handle not in self.handles or self._latest is None:
                return signed(E_INVALIDARG)
            self._arrival(self._latest).give(out)
            self.fetched += 1
            self._changed.notify_all()
        return None


class Source(ComObject):
    def __init__(self, shape: tuple[int, ...], reader: Reader | None) -> None:
        super().__init__()
        self._description, self._reader = FrameDescription(shape), reader

    def _get_FrameDescription(self, out: Any) -> None:
        self._description.give(out)

    def _get_BodyCount(self, out: Any) -> None:
        out[0] = 6

    def OpenReader(self, out: Any) -> None:
        self._reader.give(out)


class Mapper(ComObject):
    interface = "ICoordinateMapper"

    def __init__(self, events: Any) -> None:
        super().__init__()
        self._events = events
        self.intrinsics: tuple[float, ...] = INTRINSICS
        self.handles: list[int] = []

    def calibrate(self, intrinsics: tuple[float, ...]) -> None:
        """Let the calibration arrive."""
        self.intrinsics = intrinsics
        for handle in self.handles:
            self._events.set(handle)

    def SubscribeCoordinateMappingChanged(self, out: Any) -> None:
        self.handles.append(self._events.create())
        out[0] = self.handles[-1]
        self.subscribed()

    def subscribed(self) -> None:
        """Do what a test wants to happen as soon as somebody waits for the calibration."""

    def UnsubscribeCoordinateMappingChanged(self, handle: int) -> None:
        self.handles.remove(handle)
        self._events.close(handle)

    def GetDepthCameraIntrinsics(self, out: Any) -> None:
        for (name, _), value in zip(out[0]._fields_, self.intrinsics, strict=True):
            setattr(out[0], name, value)

    def MapCameraPointToColorSpace(self, point: Any, out: Any) -> None:
        ((out[0].x, out[0].y),) = map_to_color(np.array([[point.x, point.y, point.z]])).tolist()

    def MapCameraPointsToColorSpace(self, count: int, points: Any, room: int, out: Any) -> None:
        self._map(map_to_color, count, points, room, out)

    def MapCameraPointsToDepthSpace(self, count: int, points: Any, room: int, out: Any) -> None:
        self._map(map_to_depth, count, points, room, out)

    def _map(self, how: Any, count: int, points: Any, room: int, out: Any) -> None:
        assert count == room
        given = np.frombuffer(ctypes.string_at(points, count * 12), np.float32).reshape(-1, 3)
        pixels = how(given)
        if not any(self.intrinsics):
            pixels[:] = -np.inf
        ctypes.memmove(out, pixels.ctypes.data, pixels.nbytes)


class AvailabilityChanged(ComObject):
    interface = "IIsAvailableChangedEventArgs"


class Sensor(ComObject):
    """What GetDefaultKinectSensor gives; it is there even with nothing plugged in."""

    interface = "IKinectSensor"
    unique_id = "012345678901"

    def __init__(self, events: Any) -> None:
        super().__init__()
        self._events = events
        self.is_open, self.available, self.opened = False, True, 0
        self.handles: list[int] = []
        self.mapper = Mapper(events)

        def reader(stream: str, frame: type[Frame]) -> Reader:
            return declared(Reader, f"I{stream}FrameReader")(stream, frame, events)

        self.color = reader("Color", ColorFrame)
        self.bodies = reader("Body", BodyFrame)
        self.mask = reader("BodyIndex", BodyIndexFrame)
        self.depth = reader("Depth", DepthFrame)
        self._sources = {
            name: declared(Source, f"I{name}FrameSource")(shape, source)
            for name, shape, source in (
                ("Color", COLOR_SHAPE, self.color),
                ("Depth", PLANE_SHAPE, self.depth),
                ("BodyIndex", PLANE_SHAPE, self.mask),
                ("Infrared", PLANE_SHAPE, None),
                ("Body", PLANE_SHAPE, self.bodies),
            )
        }

    def plug(self, is_in: bool) -> None:
        """Pull the cable, or put it back."""
        self.available = is_in
        for handle in self.handles:
            self._events.set(handle)

    def Open(self) -> None:
        self.is_open = True
        self.opened += 1

    def Close(self) -> None:
        self.is_open = False

    def _get_IsOpen(self, out: Any) -> None:
        out[0] = self.is_open

    def _get_IsAvailable(self, out: Any) -> None:
        out[0] = self.is_open and self.available

    def SubscribeIsAvailableChanged(self, out: Any) -> None:
        self.handles.append(self._events.create())
        out[0] = self.handles[-1]

    def UnsubscribeIsAvailableChanged(self, handle: int) -> None:
        self.handles.remove(handle)
        self._events.close(handle)

    def GetIsAvailableChangedEventData(self, _handle: int, out: Any) -> None:
        AvailabilityChanged().give(out)

    def _get_UniqueKinectId(self, room: int, out: Any) -> int | None:
        text = ctypes.create_unicode_buffer(self.unique_id)
        if room < len(text):
            return signed(E_INVALIDARG)
        ctypes.memmove(out, text, ctypes.sizeof(text))
        return None

    def _get_CoordinateMapper(self, out: Any) -> None:
        self.mapper.give(out)

    def _get_ColorFrameSource(self, out: Any) -> None:
        self._sources["Color"].give(out)

    def _get_DepthFrameSource(self, out: Any) -> None:
        self._sources["Depth"].give(out)

    def _get_InfraredFrameSource(self, out: Any) -> None:
        self._sources["Infrared"].give(out)

    def _get_BodyIndexFrameSource(self, out: Any) -> None:
        self._sources["BodyIndex"].give(out)

    def _get_BodyFrameSource(self, out: Any) -> None:
        self._sources["Body"].give(out)


def plug_in(events: Any) -> Sensor:
    """Make the DLL's sensor; pykinect2's interfaces must have been imported."""
    sensor = Sensor(events)
    LIBRARIES["kinect20"]["GetDefaultKinectSensor"] = lambda out: sensor.give(out) or 0
    return sensor
