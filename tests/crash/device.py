"""A fast Kinect for the kill programme: only the device is not real, the command is.

``python -m tests.crash.device record --session NAME --source kinect ...`` runs kincap's own command
line over a device that gives FAST_DEVICE_FPS pictures and body rows a second and never waits.
Picture and body row number k can be told by their device time, so whoever reads the recording
knows what has to be in it.
"""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from kincap.capture.sources.sensor import BodyFrame, ColorFrame, PlaneFrame, SensorInfo
from kincap.core.sensor_shape import KINECT_V2
from kincap.core.units import TICK_100NS
from kincap.sessions.schema import BODIES_DTYPE, Stream, empty_body_row

FPS_VARIABLE = "FAST_DEVICE_FPS"
SIZE_PX = (320, 180)
PLANE_SIZE_PX = (64, 53)
"""A kill programme is about the order of writes: small masks and depth images are enough."""
PICTURES = 8
ALL_STREAMS = ("color", "bodies", "mask", "depth")


@cache
def picture(k: int) -> np.ndarray:
    """Return the picture that the device gives k-th, (H, W, 4) BGRA."""
    if k >= PICTURES:
        return picture(k % PICTURES)
    noise = np.random.default_rng(0).integers(0, 255, (SIZE_PX[1], SIZE_PX[0], 4), np.uint8)
    return np.roll(noise, 7 * k, axis=1)


@cache
def plane(stream: Stream, k: int) -> np.ndarray:
    """Return the mask or depth image that the device gives k-th, (H, W) uint8 or uint16."""
    if k >= PICTURES:
        return plane(stream, k % PICTURES)
    rng = np.random.default_rng([int(stream), k])
    shape = PLANE_SIZE_PX[::-1]
    if stream is Stream.mask:
        return rng.integers(0, 6, shape, np.uint8)
    return rng.integers(500, 4500, shape, np.uint16)


def body(k: int, time_host: int = 0) -> np.ndarray:
    """Return the body row that the device gives k-th, (1,) BODIES_DTYPE."""
    row = empty_body_row()
    row["time_device"], row["time_host"] = k * TICK_100NS, time_host
    row["tracked"][0, 0], row["tracking_id"][0, 0], row["joint_state"][0, 0] = 1, 7 + k, 2
    row["joint_xyz_m"][0, 0] = np.arange(75).reshape(25, 3) + k
    return row


def same_body(stored: np.ndarray, k: int) -> bool:
    """Say whether a stored row is the k-th but for what the recorder fills in.

    Args:
        stored: (1,) BODIES_DTYPE.
        k: Which row it should be.
    """
    expected, found = body(k), np.array(stored, BODIES_DTYPE).reshape(1)
    for name in ("seq", "take", "time_host", "row_crc"):
        found[name] = expected[name]
    return found.tobytes() == expected.tobytes()


class FastDevice:
    """The device: live, as fast as asked; ``fps`` None hands over without a pause and waits."""

    def __init__(
        self,
        streams: Sequence[str] = ("color", "bodies"),
        *,
        fps: float | None = None,
        frames: int | None = None,
    ) -> None:
        self.fps, self.frames, self._closed = fps, frames, False
        self.info = SensorInfo(
            kind="kinect", uri="kinect", device_id="fast-1", color_size_px=SIZE_PX, mirrored=True,
            streams=tuple(streams), live=fps is not None, frames=frames,
            shape=replace(KINECT_V2, plane_size_px=PLANE_SIZE_PX),
        )  # fmt: skip
        self._planes = [Stream[name] for name in streams if name in ("mask", "depth")]

    def items(self) -> Iterator[ColorFrame | BodyFrame | PlaneFrame]:
        began, k = time.perf_counter(), 0
        while not self._closed and (self.frames is None or k < self.frames):
            if self.fps is not None:
                time.sleep(max(0.0, began + k / self.fps - time.perf_counter()))
            now = time.perf_counter_ns()
            yield BodyFrame(body(k, now))
            for of in self._planes:
                yield PlaneFrame(of, plane(of, k), k * TICK_100NS, now, release=_let_go)
            yield ColorFrame(picture(k), k * TICK_100NS, now, release=_let_go)
            k += 1

    def close(self) -> None:
        self._closed = True


def _let_go() -> None:
    """Take a picture back: it stays as it is for ever."""


def main() -> None:
    """Run kincap's command line with the fast device as this machine's Kinect."""
    import kincap.capture.kinect.sensor as source
    from kincap.cli.main import main as command_line

    fps = float(os.environ[FPS_VARIABLE])
    source.KinectSensor = lambda streams: FastDevice(streams, fps=fps)
    command_line()


if __name__ == "__main__":
    main()
