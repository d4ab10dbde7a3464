"""A source of 32 joints, as a user writes one: ``tests.capture.made_up_sensor:open_sensor``."""

from collections.abc import Iterator

import numpy as np

from kincap.capture.sources.sensor import BodyFrame, ColorFrame, Item, PlaneFrame, SensorInfo
from kincap.core.sensor_shape import SensorShape
from kincap.core.skeleton import KINECT_V2_SKELETON, Skeleton
from kincap.sessions.schema import Stream, empty_body_row

MORE = ("Nose", "EyeLeft", "EarLeft", "EyeRight", "EarRight", "ClavicleLeft", "ClavicleRight")
SHAPE = SensorShape(
    Skeleton(
        "made-up-32",
        (*MORE, *KINECT_V2_SKELETON.points),
        (*KINECT_V2_SKELETON.bones, ("Head", "Nose"), ("Nose", "EyeLeft")),
    ),
    bodies=4,
    plane_size_px=(640, 576),
    tick_100ns=666_667,
)


class MadeUpSensor:
    """Thirty frames of noise, masks and a body whose joints are at their frame's number."""

    info = SensorInfo(
        kind="made-up",
        uri="made-up:",
        device_id="made-up-1",
        color_size_px=(160, 90),
        mirrored=False,
        streams=("color", "bodies", "mask"),
        shape=SHAPE,
        live=False,
        frames=30,
    )

    def items(self) -> Iterator[Item]:
        """Hand over a body row, a mask and an image in turn."""
        width, height = SHAPE.plane_size_px
        noise = np.random.default_rng(0).integers(0, 255, (90, 160, 3), np.uint8)
        for k in range(30):
            tick, row = k * SHAPE.tick_100ns, empty_body_row(SHAPE)
            row["time_device"], row["time_host"] = tick, k
            row["tracked"][0, 3], row["joint_state"][0, 3], row["joint_xyz_m"][0, 3] = 1, 2, k
            yield BodyFrame(row)
            yield PlaneFrame(Stream.mask, np.full((height, width), k, np.uint8), tick, k)
            yield ColorFrame(np.roll(noise, k, axis=1), tick, k)

    def close(self) -> None:
        """Nothing is open."""


def open_sensor(_text: str) -> MadeUpSensor:
    """Return the sensor."""
    return MadeUpSensor()
