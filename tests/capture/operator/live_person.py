"""A small live source: ``tests.capture.operator.live_person:open_sensor:SCRIPT``.

SCRIPT is SECONDS of each posture, joined by +: ``here@2+raised@3+away@1``; then "here" for ever.
"""

import time
from collections.abc import Iterator
from itertools import chain, cycle

import numpy as np

from kincap.capture.sources.sensor import BodyFrame, ColorFrame, Item, SensorInfo

from .body_rows import HERE, NOBODY, raised

POSTURES = {"here": HERE, "away": NOBODY, "raised": raised()}
TICK_S = 1 / 30


class LivePerson:
    """Gives a small image and a body row thirty times a second."""

    info = SensorInfo(
        kind="small", uri="small:", device_id="small-1", color_size_px=(160, 90), mirrored=True
    )

    def __init__(self, script: str) -> None:
        parts = [part.split("@") for part in filter(None, script.split("+"))]
        self._rows = chain.from_iterable(
            [POSTURES[name]] * round(float(seconds) / TICK_S) for name, seconds in parts
        )
        self._is_closed = False

    def items(self) -> Iterator[Item]:
        """Hand over a body row and an image in turn."""
        noise = np.random.default_rng(0).integers(0, 255, (90, 160, 4), np.uint8)
        began = time.perf_counter()
        for k, posture in enumerate(chain(self._rows, cycle([HERE]))):
            if self._is_closed:
                return
            time.sleep(max(0.0, began + k * TICK_S - time.perf_counter()))
            row, host, tick = posture.copy(), time.perf_counter_ns(), k * 333_333
            row["time_device"], row["time_host"] = tick, host
            yield BodyFrame(row)
            yield ColorFrame(np.roll(noise, k, axis=1), tick, host)

    def close(self) -> None:
        """End the items."""
        self._is_closed = True


def open_sensor(script: str) -> LivePerson:
    """Return the sensor."""
    return LivePerson(script)
