"""The protocol between a source of frames and the recorder, and the items that pass through it.

A source describes itself once (:class:`SensorInfo`) and then hands items over one by one. The
recorder asks for them in its own source thread; a live source paces itself there. A new
device implements :class:`Sensor`, nothing else.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ...core.sensor_shape import KINECT_V2, SensorShape
from ...sessions.schema import EventKind, Stream


@dataclass(slots=True)
class ColorFrame:
    """One colour image, raw or already encoded.

    Attributes:
        image: (H, W, 4) BGRA or (H, W, 3) BGR uint8, as the source gives it (mirrored where
            ``SensorInfo.mirrored``); None where ``jpeg`` is given.
        time_device: When it was taken, in 100 ns of the source's clock.
        time_host: When it arrived, ``time.perf_counter_ns()``.
        exposure: Exposure time in 100 ns, -1 unknown.
        frame_interval: Time since the previous frame by the sensor, in 100 ns, -1 unknown.
        gain: Analogue gain, NaN unknown.
        flags: Bits of ``ColorFlag``.
        jpeg: An encoded frame that is stored as it is (replay).
        release: None says that ``image`` is valid only until the next item is asked for: the
            recorder copies it. A function says that ``image`` stays as it is until that function
            is called; the recorder then copies nothing and calls it exactly once, from any thread.
        encoded_here: ``jpeg`` was made by kincap, of the source's image.
        may_wait: It was kept in memory before the recording began: it waits for a place, although
            its source is live.
    """

    image: npt.NDArray[np.uint8] | None
    time_device: int
    time_host: int
    exposure: int = -1
    frame_interval: int = -1
    gain: float = float("nan")
    flags: int = 0
    jpeg: bytes | None = None
    release: Callable[[], None] | None = None
    encoded_here: bool = False
    may_wait: bool = False


@dataclass(slots=True)
class BodyFrame:
    """The bodies that the tracker saw at one moment.

    Attributes:
        row: (1,) array from ``empty_body_row(info.shape)``; seq, take and row_crc are left 0, the
            recorder fills them in and keeps the array (give each frame its own).
        may_wait: As in ``ColorFrame``.
    """

    row: npt.NDArray[Any]
    may_wait: bool = False


@dataclass(slots=True)
class PlaneFrame:
    """One image of the depth camera: who is where, or how far away.

    Attributes:
        stream: ``Stream.mask`` or ``Stream.depth``.
        image: (H, W) of ``SensorShape.plane_size_px``, mirrored like the colour images; mask:
            uint8, a body's slot, 255 no body; depth: uint16, mm, 0 unknown. None where ``png``
            is given.
        time_device: When it was taken, in 100 ns of the source's clock.
        time_host: When it arrived, ``time.perf_counter_ns()``.
        release: As in ``ColorFrame``.
        png: An encoded image that is stored as it is (replay).
        encoded_here: ``png`` was made by kincap, of the source's image.
        may_wait: As in ``ColorFrame``.
    """

    stream: Stream
    image: npt.NDArray[Any] | None
    time_device: int
    time_host: int
    release: Callable[[], None] | None = None
    png: bytes | None = None
    encoded_here: bool = False
    may_wait: bool = False


@dataclass(slots=True)
class Lost:
    """An item that the source announced and does not hand over; it is counted like any other loss.

    Attributes:
        stream: The stream it belongs to.
        time_device: When it was taken, as far as that is known, 100 ns.
        time_host: When that was noticed, ``time.perf_counter_ns()``.
        kind: The reason, a kind named ``drop_*``.
    """

    stream: Stream
    time_device: int
    time_host: int
    kind: EventKind = EventKind.drop_source


@dataclass(slots=True)
class Notice:
    """Something that the person should know and that becomes an event; nothing was lost by it.

    Attributes:
        text: One line.
        kind: Of the event.
        stream: The stream concerned.
        count: Number of its items concerned, beginning with the next one.
    """

    text: str
    kind: EventKind = EventKind.warning
    stream: Stream = Stream.none
    count: int = 0


@dataclass(slots=True)
class TakeStart:
    """The source begins a new stretch of its own: times before and after don't compare.

    A source without such stretches never hands one over; the recorder begins its take with the
    first item. A replay hands one over per stored take, with that take's clocks.

    Attributes:
        wall_utc_ns: Wall clock at the start, ns since 1970 UTC; None: now.
        host_ns: ``time.perf_counter_ns()`` of the same moment; None: now.
        device_100ns: The source's clock then; None: the time of the next item.
    """

    wall_utc_ns: int | None = None
    host_ns: int | None = None
    device_100ns: int | None = None


Item = ColorFrame | BodyFrame | PlaneFrame | Lost | Notice | TakeStart


def let_go(item: Item) -> None:
    """Give back the memory of an image that is not used, or not any more."""
    if isinstance(item, ColorFrame | PlaneFrame) and item.release is not None:
        release, item.release = item.release, None
        release()


@dataclass(frozen=True)
class SensorInfo:
    """The description that a source gives of itself before the first item.

    Attributes:
        kind: "kinect", "simulator", "ntu", "session" ...
        uri: How the user named it, for session.json.
        device_id: The device's own identity.
        color_size_px: (width, height) of every colour frame.
        mirrored: Whether images are as a mirror shows them, as the Kinect SDK's are.
        times: "device", or "assumed 30 Hz" where the source has no times of its own.
        streams: Which streams it gives: of "color", "bodies", "mask", "depth".
        shape: How many bodies and joints it gives, how large its masks are, how often they come.
        live: A live source can't wait: frames that find no room are dropped and counted. A file
            waits, nothing is ever dropped from it.
        frames: How many colour frames there will be, None if it is not known.
        depth_intrinsics: Of the depth camera, as it goes into session.json.
        depth_projection: From camera space to pixels of masks and depth images, likewise.
        projection: Fitted projection from camera space to colour pixels, likewise.
        subject: Who is seen, where the source knows; ``--subject`` wins.
        outfit: What the person wears, likewise.
        tags: Words about the recording, where the source knows some.
        warnings: Oddities found on opening, one line each; stored as events.
    """

    kind: str
    uri: str
    device_id: str
    color_size_px: tuple[int, int]
    mirrored: bool
    times: str = "device"
    streams: tuple[str, ...] = ("color", "bodies")
    shape: SensorShape = KINECT_V2
    live: bool = True
    frames: int | None = None
    depth_intrinsics: dict[str, Any] | None = None
    depth_projection: dict[str, Any] | None = None
    projection: dict[str, Any] | None = None
    subject: str = ""
    outfit: str = ""
    tags: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Sensor(Protocol):
    """A source that has been opened and found good."""

    @property
    def info(self) -> SensorInfo:
        """The description of the source."""

    def items(self) -> Iterator[Item]:
        """Hand the items over in order of arrival; called once, runs in the recorder's thread.

        Raises:
            SensorError: The source broke off; what came before is kept.
        """

    def close(self) -> None:
        """Let go of the device or file, and make ``items`` end soon; may be called twice."""


@runtime_checkable
class TruthKeeper(Protocol):
    """A source that knows the ground truth, and can store it beside the recording."""

    def keep_truth(self, folder: Path, first_seq: Mapping[Stream, int], take: int) -> None:
        """Keep the truth of what ``items`` will hand over; called at most once, before it.

        Args:
            folder: The session's folder.
            first_seq: Seq that the recorder gives the next item, by stream.
            take: Number of the take that begins with it.
        """
