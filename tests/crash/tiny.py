"""A very small session: 12 pictures of 48x32 and body rows, five to a shard, made by the recorder.

Only the device and the size of the shards are not the real ones, so that thousands of recordings
and recoveries fit into minutes.
"""

import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np

from kincap.capture.clock import Clock, SystemClock
from kincap.capture.record import RecordResult, RecordSettings, record
from kincap.capture.sources.sensor import BodyFrame, ColorFrame, SensorInfo
from kincap.core.files.file_io import FileIO
from kincap.core.jpeg import encode_jpeg
from kincap.core.units import TICK_100NS
from kincap.sessions.info import SessionInfo
from kincap.sessions.schema import empty_body_row
from kincap.sessions.shard.layout import Layout, cut_layout

SIZE_PX = (48, 32)
FRAMES = 12
NAME = "s1"
ROWS = {"color_index": 5, "bodies": 5, "events": 32, "blobs": 40_000}
"""Room in one shard: 12 frames need three."""


@cache
def jpeg(k: int) -> bytes:
    """Return the picture that the device gives k-th; no two are alike."""
    rng = np.random.default_rng(k)
    return encode_jpeg(rng.integers(0, 255, (SIZE_PX[1], SIZE_PX[0], 3), np.uint8))


class TinyDevice:
    """Hands over a body row and a picture for each k in turn; both say k by their device time.

    Args:
        frames: How many of each.
        first: The first k.
        pause: Called before each k: lets the recorder's other threads get ahead.
    """

    def __init__(
        self, frames: int = FRAMES, first: int = 0, pause: Callable[[], None] | None = None
    ) -> None:
        self.frames, self.first, self.pause = frames, first, pause
        self.info = SensorInfo(
            kind="tiny", uri="tiny:", device_id="tiny-1", color_size_px=SIZE_PX, mirrored=True,
            live=False, frames=frames,
        )  # fmt: skip

    def items(self) -> Iterator[ColorFrame | BodyFrame]:
        """Hand over everything, as fast as it is asked for."""
        for k in range(self.first, self.first + self.frames):
            if self.pause is not None:
                self.pause()
            now, tick = time.perf_counter_ns(), k * TICK_100NS
            row = empty_body_row()
            row["time_device"], row["time_host"] = tick, now
            row["tracked"][0, 0], row["tracking_id"][0, 0] = 1, 7 + k
            row["joint_xyz_m"][0, 0], row["joint_state"][0, 0] = k, 2
            yield BodyFrame(row)
            yield ColorFrame(None, tick, now, jpeg=jpeg(k))

    def close(self) -> None:
        """Do nothing: it holds nothing."""


class HurriedClock(SystemClock):
    """A clock on which a second is short: the recorder then syncs between two tiny frames.

    Args:
        times: How much faster it is than the system's.
    """

    def __init__(self, times: int = 100) -> None:
        self._times = times

    def now_ns(self) -> int:
        """Return the time in ns."""
        return time.perf_counter_ns() * self._times

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until an event is set, so many of its seconds at most; say whether it is."""
        return event.wait(seconds / self._times)


@cache
def _tiny(session_uuid: str, created_utc: str) -> Layout:
    return cut_layout(session_uuid, created_utc, ROWS)


def tiny_layout(info: SessionInfo, _settings: RecordSettings, _source: SensorInfo) -> Layout:
    """Return the template of very small shards."""
    return _tiny(info.uuid, info.created_utc)


def record_tiny(
    recordings: Path,
    io: FileIO,
    *,
    frames: int = FRAMES,
    first: int = 0,
    pause: Callable[[], None] | None = None,
    clock: Clock | None = None,
    report: bool = True,
) -> RecordResult:
    """Record a very small session, or go on with one.

    Args:
        recordings: The folder of all sessions.
        io: File handling.
        frames: How many pictures and body rows.
        first: Number of the first picture.
        pause: Called before each picture is handed over.
        clock: What the recorder takes the time from.
        report: Whether quality.json is made at the end.
    """
    settings = RecordSettings(NAME, recordings, encoders=1, report=report)
    device = TinyDevice(frames, first, pause)
    return record(settings, sensor=device, io=io, layout_of=tiny_layout, clock=clock)
