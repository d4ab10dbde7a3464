"""Measures what a sensor gives for some seconds: rates, gaps, jitter, offset, light, losses."""

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...core.jpeg import encode_jpeg
from ...core.units import MS_100NS, MS_NS, NS_PER_100NS, SECOND_100NS
from ...sessions.schema import ColorFlag, Stream
from ..kinect.runtime import StreamCounts
from ..kinect.sensor import KinectSensor
from ..sources.sensor import BodyFrame, ColorFrame, Lost, Notice, PlaneFrame

_ENCODE_EVERY: Final = 15
_GAP_STEPS: Final = 1.5


@dataclass(frozen=True)
class StreamMeasure:
    """Figures of one stream.

    Attributes:
        frames: How many.
        fps: By the device's clock.
        gaps: Steps of more than 1.5 usual ones.
        longest_ms: The longest step.
        jitter_ms: Deviation from an even pace, not exceeded by 95 % of the frames.
    """

    frames: int
    fps: float
    gaps: int
    longest_ms: float
    jitter_ms: float


@dataclass
class Watched:
    """Figures of some seconds of a sensor.

    Attributes:
        streams: Measures of each stream.
        offset_ms: Median distance of a colour frame to the nearest body; NaN without both.
        low_light: Share of colour frames taken at half rate.
        jpeg_bytes: Mean size of a colour frame as it is stored; None without colour.
        lost: Announced and not given, by reason.
        notices: What the source said.
        counts: Its own account.
        blob: The last colour frame, JPEG; None without colour.
    """

    streams: dict[Stream, StreamMeasure] = field(default_factory=dict)
    offset_ms: float = float("nan")
    low_light: float = 0.0
    jpeg_bytes: float | None = None
    lost: Counter[str] = field(default_factory=Counter)
    notices: list[str] = field(default_factory=list)
    counts: dict[Stream, StreamCounts] = field(default_factory=dict)
    blob: bytes | None = None


def watch(sensor: KinectSensor, seconds: float) -> Watched:
    """Take what a sensor gives; it is closed afterwards.

    Args:
        sensor: Opened and not used yet.
        seconds: How long.
    """
    found = Watched(counts=sensor.counts)
    device: defaultdict[Stream, list[int]] = defaultdict(list)
    host: defaultdict[Stream, list[int]] = defaultdict(list)
    dark, sizes = 0, []
    timer = threading.Timer(seconds, sensor.close)
    timer.start()
    try:
        for item in sensor.items():
            if isinstance(item, Notice):
                found.notices.append(item.text)
            elif isinstance(item, Lost):
                found.lost[item.kind.name.removeprefix("drop_")] += 1
            elif isinstance(item, ColorFrame | PlaneFrame | BodyFrame):
                stream, time_device, time_host = _times(item)
                if isinstance(item, ColorFrame) and item.image is not None:
                    dark += bool(item.flags & ColorFlag.low_light)
                    if len(device[stream]) % _ENCODE_EVERY == 0:
                        found.blob = encode_jpeg(item.image)
                        sizes.append(len(found.blob))
                device[stream].append(time_device)
                host[stream].append(time_host)
                if not isinstance(item, BodyFrame) and item.release is not None:
                    item.release()
    finally:
        timer.cancel()
        sensor.close()
    found.streams = {
        stream: _measure(np.array(device[stream]), np.array(host[stream]))
        for stream in sensor.counts
    }
    found.offset_ms = _offset_ms(np.array(device[Stream.color]), np.array(device[Stream.bodies]))
    found.low_light = dark / max(1, len(device[Stream.color]))
    found.jpeg_bytes = float(np.mean(sizes)) if sizes else None
    return found


def _times(item: ColorFrame | PlaneFrame | BodyFrame) -> tuple[Stream, int, int]:
    """Return a frame's stream, device time (100 ns) and host time (ns)."""
    if isinstance(item, BodyFrame):
        row = item.row[0]
        return Stream.bodies, int(row["time_device"]), int(row["time_host"])
    stream = item.stream if isinstance(item, PlaneFrame) else Stream.color
    return stream, item.time_device, item.time_host


def _measure(device: npt.NDArray[Any], host: npt.NDArray[Any]) -> StreamMeasure:
    """Measure one stream: (N,) device times in 100 ns, (N,) host times in ns."""
    if len(device) < 2:
        return StreamMeasure(len(device), 0.0, 0, 0.0, 0.0)
    steps = np.diff(device)
    late_ns = host - device * NS_PER_100NS
    return StreamMeasure(
        frames=len(device),
        fps=float((len(device) - 1) * SECOND_100NS / max(1, device[-1] - device[0])),
        gaps=int((steps > _GAP_STEPS * np.median(steps)).sum()),
        longest_ms=float(steps.max() / MS_100NS),
        jitter_ms=float(np.percentile(np.abs(late_ns - np.median(late_ns)), 95) / MS_NS),
    )


def _offset_ms(color: npt.NDArray[Any], bodies: npt.NDArray[Any]) -> float:
    """Return the median distance of a colour frame to the nearest body, ms."""
    if not len(color) or not len(bodies):
        return float("nan")
    nearest = np.abs(color[:, None] - bodies[None, :]).min(axis=1)
    return float(np.median(nearest) / MS_100NS)
