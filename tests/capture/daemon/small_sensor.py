"""A live sensor of small pictures, as a user writes one; files in a folder unplug it.

``tests.capture.daemon.small_sensor:open_sensor:FOLDER``: while FOLDER/unplugged exists, it breaks
off, and can't be opened.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kincap.capture.sources.sensor import BodyFrame, ColorFrame, Item, SensorInfo
from kincap.core.errors import SensorNotFoundError
from kincap.core.units import TICK_100NS
from kincap.sessions.schema import empty_body_row
from tests.checks.people import person

SIZE_PX = (320, 180)


class SmallSensor:
    """One person who stands still, thirty times a second, until it is closed or unplugged."""

    def __init__(self, folder: Path) -> None:
        self._unplugged = folder / "unplugged"
        self._check()
        self._closed = False
        self.info = SensorInfo(
            kind="small", uri="small:", device_id="small-1", color_size_px=SIZE_PX, mirrored=True
        )
        noise = np.random.default_rng(0).integers(0, 255, (*SIZE_PX[::-1], 4), np.uint8)
        self._pictures = [np.roll(noise, 7 * k, axis=1) for k in range(8)]

    def _check(self) -> None:
        if self._unplugged.exists():
            raise SensorNotFoundError("small: no such sensor is connected; connect it")

    def items(self) -> Iterator[Item]:
        """Hand over a body row and a picture in turn."""
        began, k = time.perf_counter(), 0
        while not self._closed:
            self._check()
            now, tick = time.perf_counter_ns(), 1_000_000 + k * TICK_100NS
            row = empty_body_row()
            row["time_device"], row["time_host"] = tick, now
            row["tracked"][0, 2], row["tracking_id"][0, 2] = 1, 7
            row["joint_xyz_m"][0, 2] = person() + [0, 0, 2.5]
            row["joint_state"][0, 2] = 2
            row["joint_color_px"][0, 2] = np.linspace((60, 20), (250, 170), 25)
            yield BodyFrame(row)
            yield ColorFrame(self._pictures[k % 8], tick, now)
            k += 1
            time.sleep(max(0.0, began + k / 30 - time.perf_counter()))

    def close(self) -> None:
        """End soon."""
        self._closed = True


def open_sensor(folder: str) -> SmallSensor:
    """Return the sensor."""
    return SmallSensor(Path(folder))
