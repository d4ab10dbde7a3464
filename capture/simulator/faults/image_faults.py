"""Faults of a colour frame on its way to the hand-over: low light, a wrong size."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ....core.units import MS_100NS, TICK_100NS
from ....sessions.schema import ColorFlag

Image = NDArray[np.uint8]

LOW_LIGHT_INTERVAL_100NS: Final = 2 * TICK_100NS
"""Frame interval that a Kinect v2 reports in low light."""
LOW_LIGHT_FLAGS: Final = int(ColorFlag.low_light)
LOW_LIGHT_EXPOSURE_100NS: Final = 59 * MS_100NS
EXPOSURE_100NS: Final = 20 * MS_100NS
LOW_LIGHT_GAIN: Final = 4.0
GAIN: Final = 1.0
"""Exposure times and gains are guesses."""

WRONG_SIZE_PX: Final = (1280, 720)
_BRIGHTNESS: Final = 0.4
_GRAIN: Final = 5.0
_TILE: Final = (540, 960)


class Darkness:
    """Makes images as dark and noisy as little light makes them; by how much is a guess.

    Args:
        seed: What the noise comes from.
    """

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 701])
        noise = _GRAIN * rng.standard_normal((*_TILE, 3), dtype=np.float32)
        soft = cv2.GaussianBlur(cv2.resize(noise, None, fx=2, fy=2), (3, 3), 0.6)
        self._tile = np.zeros((2 * _TILE[0], 2 * _TILE[1], 4), np.int8)
        self._tile[..., :3] = np.clip(2 * soft, -60, 60)
        table = np.clip(np.arange(256) * _BRIGHTNESS + 4, 0, 255)
        self._table = np.asarray(table, np.uint8)

    def fall(self, image: Image, index: int) -> None:
        """Darken an image, in place.

        Args:
            image: (1080, 1920, 4) uint8.
            index: Number of the image; the noise depends on it.
        """
        cv2.LUT(image, self._table, dst=image)
        shift = 2 * int(np.random.default_rng([index, 702]).integers(_TILE[0]))
        noise = np.roll(self._tile, shift, axis=0)
        cv2.add(image, noise, dst=image, dtype=cv2.CV_8U)
        image[..., 3] = 255


def wrong_size(image: Image) -> Image:
    """Return an image in a size that the sensor has not announced."""
    return np.asarray(cv2.resize(image, WRONG_SIZE_PX, interpolation=cv2.INTER_AREA), np.uint8)
