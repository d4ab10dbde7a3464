"""A recorder's source as a source of images: ``kinect``, ``simulator:...``, ``ntu:CLIP.avi``.

A live sensor is read like a camera: the newest frame, with the bodies that it tracked last. From a
file every frame comes, with the bodies nearest in time.
"""

from collections.abc import Iterator
from typing import Any, Final

import cv2
import numpy as np

from ...capture.sources.registry import SOURCES
from ...capture.sources.registry import open_source as open_recorder_source
from ...capture.sources.sensor import BodyFrame, ColorFrame, Sensor, SensorInfo, let_go
from ...core.errors import KincapError
from ...core.jpeg import decode_jpeg
from ...core.pairing import pair_within
from ...core.units import SECOND_100NS
from ...engines.engine import Images
from ...sessions.schema import by_kinect_joints
from .camera import CameraSource, Grabbed
from .frame_source import SENSOR, SensorPose, SourceFrame
from .session_frames import boxes_of, people_of

_BODY_WAIT: Final = 2
"""Colour frames of a file that wait for the bodies after them."""


def is_sensor(text: str) -> bool:
    """Return True if a source is named as ``kincap record --source`` names it."""
    return text.partition(":")[0] in SOURCES


def open_sensor(text: str) -> "CameraSource | SensorSource":
    """Open a source of the recorder.

    Args:
        text: As ``kincap record --source`` takes it.

    Raises:
        SensorNotFoundError: This machine has no such sensor (exit 3).
        SensorError: A bad option, or a broken or missing file.
    """
    try:
        sensor = open_recorder_source(text)
    except KincapError as error:
        # its own words, without those on the flags of record
        raise error.__cause__ if isinstance(error.__cause__, KincapError) else error from None
    if "color" not in sensor.info.streams:
        sensor.close()
        raise KincapError(f"{text}: gives no colour frames; choose another source")
    if not sensor.info.live:
        return SensorSource(sensor)
    return CameraSource(text, _Grabber(sensor).grab, sensor.close, kind=SENSOR)


class SensorSource:
    """A file that a recorder's source reads: every frame, none dropped.

    Args:
        sensor: Open; closed with this.
    """

    kind = SENSOR

    def __init__(self, sensor: Sensor) -> None:
        self._sensor = sensor
        self.name = sensor.info.uri
        self.total = sensor.info.frames
        self.dropped = 0
        self.problem: str | None = None

    def frames(self) -> Iterator[SourceFrame]:
        """Yield the frames with the bodies nearest in time."""
        info = self._sensor.info
        bodies: list[BodyFrame] = []
        waiting: list[ColorFrame] = []
        number, first = 0, None
        try:
            for item in _items(self._sensor):
                if isinstance(item, BodyFrame):
                    bodies = [*bodies[-_BODY_WAIT:], item]
                    continue
                item.image, item.jpeg = _kept(item), None
                let_go(item)
                waiting.append(item)
                if len(waiting) < _BODY_WAIT:
                    continue
                color = waiting.pop(0)
                first = color.time_device if first is None else first
                yield _frame(color, number, first, bodies, info)
                number += 1
        except KincapError as error:
            self.problem = str(error)
        for color in waiting:
            first = color.time_device if first is None else first
            yield _frame(color, number, first, bodies, info)
            number += 1

    def close(self) -> None:
        """Close the source."""
        self._sensor.close()


class _Grabber:
    """Takes the next colour frame of a live sensor, with the last bodies.

    A sensor that breaks off raises a KincapError here, which its ``CameraSource`` reports.
    """

    def __init__(self, sensor: Sensor) -> None:
        self._info = sensor.info
        self._items = _items(sensor)
        self._body: BodyFrame | None = None

    def grab(self) -> Grabbed | None:
        for item in self._items:
            if isinstance(item, BodyFrame):
                self._body = item
                continue
            image = _kept(item)
            let_go(item)
            people = _people(item.time_device, [] if self._body is None else [self._body],
                             image, self._info, 2)  # fmt: skip
            return Grabbed(_upright(image, self._info), people, boxes_of(people))
        return None


def _items(sensor: Sensor) -> Iterator[ColorFrame | BodyFrame]:
    """Yield images and bodies.

    Raises:
        KincapError: The source breaks off.
    """
    for item in sensor.items():
        if isinstance(item, ColorFrame | BodyFrame):
            yield item
        elif not hasattr(item, "text"):
            let_go(item)


def _frame(
    color: ColorFrame, number: int, first: int, bodies: list[BodyFrame], info: SensorInfo
) -> SourceFrame:
    assert color.image is not None
    people = _people(color.time_device, bodies, color.image, info, 1)
    at = (color.time_device - first) / SECOND_100NS
    image = _upright(color.image, info)
    return SourceFrame(number, "", at, image, None, people, boxes_of(people))


def _people(
    time: int, bodies: list[BodyFrame], image: Images, info: SensorInfo, ticks: int
) -> tuple[SensorPose, ...]:
    """Return the people of the body row nearest in time; none if it is too far away."""
    nearest: Any = min(
        (body.row[0] for body in bodies),
        key=lambda row: abs(int(row["time_device"]) - time),
        default=None,
    )
    within = ticks * pair_within(info.shape.tick_100ns)
    if nearest is None or abs(int(nearest["time_device"]) - time) > within:
        return ()
    row = by_kinect_joints(np.array([nearest]), info.shape.skeleton)[0]
    return people_of(row, (image.shape[1], image.shape[0]), mirrored=info.mirrored)


def _kept(color: ColorFrame) -> Images:
    """Return an image of a frame's own, RGB.

    Raises:
        KincapError: It can't be decoded.
    """
    if color.jpeg is not None:
        return decode_jpeg(color.jpeg)
    assert color.image is not None
    code = cv2.COLOR_BGRA2RGB if color.image.shape[2] == 4 else cv2.COLOR_BGR2RGB
    return np.asarray(cv2.cvtColor(color.image, code), np.uint8)


def _upright(image: Images, info: SensorInfo) -> Images:
    return np.ascontiguousarray(image[:, ::-1]) if info.mirrored else image
