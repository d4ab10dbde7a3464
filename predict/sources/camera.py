"""A camera: a thread reads it, and the newest frame waits in one place.

A net that is slower than the camera never falls behind: it gets the newest frame, and those in
between are counted as dropped.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from ...core.errors import KincapError, MissingPartError
from ...engines.detection import Detection
from ...engines.engine import Images
from .frame_source import CAMERA, SensorPose, SourceFrame
from .video import VideoSource

_PATIENCE_S: Final = 5.0
"""Seconds without a frame after which a camera counts as gone."""


@dataclass(frozen=True)
class Grabbed:
    """One image of a device.

    Attributes:
        image: (H, W, 3) uint8, RGB.
        sensor: The people that the device itself sees, where it is a sensor.
        detections: Their boxes.
    """

    image: Images
    sensor: tuple[SensorPose, ...] = ()
    detections: tuple[Detection, ...] = ()


Grab = Callable[[], Grabbed | None]
"""Waits for the next image of a device; None at its end, a KincapError where it breaks off."""


class CameraSource:
    """A device that is read as fast as it gives frames.

    Args:
        name: As the user wrote it.
        grab: Waits for its next image.
        release: Closes it.
        clock: Seconds; of when a frame was taken.
        kind: ``CAMERA``, or ``SENSOR`` where it sees people itself.
    """

    def __init__(
        self,
        name: str,
        grab: Grab,
        release: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        kind: str = CAMERA,
    ) -> None:
        self.name, self.kind = name, kind
        self.total: int | None = None
        self.dropped = 0
        self.problem: str | None = None
        self._grab, self._release, self._clock = grab, release, clock
        self._arrived = threading.Condition()
        self._newest: tuple[int, float, Grabbed] | None = None
        self._ended = self._closed = False
        self._failure: KincapError | None = None
        self._thread = threading.Thread(target=self._read, name="camera", daemon=True)

    def frames(self) -> Iterator[SourceFrame]:
        """Yield the newest frame each time one is asked for, until the camera ends."""
        self._thread.start()
        first: float | None = None
        last = -1
        while True:
            with self._arrived:
                there = self._arrived.wait_for(
                    lambda: self._newest is not None or self._ended, _PATIENCE_S
                )
                newest, self._newest = self._newest, None
            if newest is None:
                if not there:
                    self.problem = f"{self.name}: no frame for {_PATIENCE_S:.0f} s; is it in use?"
                elif self._failure is not None:
                    self.problem = str(self._failure)
                return
            number, at, one = newest
            first = at if first is None else first
            self.dropped += number - last - 1
            last = number
            yield SourceFrame(number, "", at - first, one.image, None, one.sensor, one.detections)

    def close(self) -> None:
        """Stop the thread and release the device."""
        self._closed = True
        if self._thread.is_alive():
            self._thread.join(timeout=_PATIENCE_S)
        self._release()

    def _read(self) -> None:
        number = 0
        while not self._closed:
            try:
                one = self._grab()
            except KincapError as error:
                one, self._failure = None, error
            with self._arrived:
                if one is None:
                    self._ended = True
                else:
                    self._newest = (number, self._clock(), one)
                    number += 1
                self._arrived.notify_all()
            if one is None:
                return


def open_camera(text: str) -> CameraSource:
    """Open a camera, or a video file that is played as one.

    Args:
        text: What follows ``camera:``: a number of OpenCV, or a path.

    Raises:
        MissingPartError: There is no such camera.
        KincapError: The file is not a video.
    """
    if not text.isdecimal():
        return _play(Path(text))
    number = int(text)
    before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        device = cv2.VideoCapture(number)
    finally:
        cv2.utils.logging.setLogLevel(before)
    if not device.isOpened():
        device.release()
        raise MissingPartError(
            f"camera:{number}: there is no such camera, or another program uses it; "
            "try another number, or camera:VIDEO.mp4"
        )
    device.set(cv2.CAP_PROP_BUFFERSIZE, 1)

    def grab() -> Grabbed | None:
        done, image = device.read()
        if not done:
            raise KincapError(f"camera:{number} gives no more frames; was it unplugged?")
        return Grabbed(np.ascontiguousarray(image[..., ::-1], np.uint8))

    return CameraSource(f"camera:{number}", grab, device.release)


def _play(path: Path) -> CameraSource:
    """Return a camera that shows a video at its own pace."""
    if not path.is_file():
        raise KincapError(f"camera:{path}: no such file; write camera:0 or camera:VIDEO.mp4")
    video = VideoSource(path)
    frames = video.frames()
    started: list[float] = []

    def grab() -> Grabbed | None:
        frame = next(frames, None)
        if frame is None:
            if video.problem is not None:
                raise KincapError(video.problem)
            return None
        if not started:
            started.append(time.monotonic())
        time.sleep(max(0.0, started[0] + (frame.time_s or 0.0) - time.monotonic()))
        return Grabbed(frame.image)

    return CameraSource(f"camera:{path}", grab, video.close)
