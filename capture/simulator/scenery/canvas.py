"""Drawing in perspective: an image whose pen takes places in the room, in metres.

View space is as a visitor sees the room, un-mirrored: x to the right, y up from the floor, z away
from the sensor. The stored image is the mirror of it.
"""

from collections.abc import Iterable
from typing import Final

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .camera import HEIGHT, SENSOR_HEIGHT_M, USUAL, WIDTH, Camera

Pixels = NDArray[np.float64]
_SUBPIXEL_BITS: Final = 4


def shaded(color: ArrayLike, factor: float) -> tuple[float, float, float]:
    """Return a colour made lighter or darker."""
    blue, green, red = np.clip(np.asarray(color, float) * factor, 0, 255)
    return float(blue), float(green), float(red)


class Canvas:
    """An un-mirrored image of a room while it is drawn.

    Attributes:
        color: (1080, 1920, 3) uint8, blue green red.
        light: (1080, 1920) float32 factor, multiplied into the image at the end.
        surfaces: (N, 3) corners of every flat surface that was drawn, view space, metres.
    """

    def __init__(self, camera: Camera = USUAL) -> None:
        """Begin with black.

        Args:
            camera: Who looks at it.
        """
        self._camera = camera
        self.color = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        self.light = np.ones((HEIGHT, WIDTH), np.float32)
        self.surfaces: list[Pixels] = []

    def pixels(self, places: ArrayLike) -> Pixels:
        """Map (..., 3) places in view space to (..., 2) pixels of the un-mirrored image."""
        x, y, z = np.moveaxis(np.asarray(places, float), -1, 0)
        mirrored = self._camera.project(np.stack([-x, y - SENSOR_HEIGHT_M, z], axis=-1))
        return np.stack([WIDTH - 1 - mirrored[..., 0], mirrored[..., 1]], axis=-1)

    def polygon(self, places: Iterable[ArrayLike], color: ArrayLike) -> None:
        """Fill a polygon given by places in the room."""
        surface = np.array([*places], float)
        self.surfaces.append(surface)
        corners = np.array([_fixed(p) for p in self.pixels(surface)])
        cv2.fillPoly(self.color, [corners], shaded(color, 1), cv2.LINE_AA, _SUBPIXEL_BITS)

    def panel(self, x: float, y: float, width: float, height: float, z: float, color: ArrayLike
              ) -> None:  # fmt: skip
        """Fill an upright rectangle that faces the sensor; x, y is its lower left corner."""
        self.polygon(
            [(x, y, z), (x + width, y, z), (x + width, y + height, z), (x, y + height, z)], color
        )

    def line(self, start: ArrayLike, end: ArrayLike, color: ArrayLike, thickness: int) -> None:
        """Draw a line between two places."""
        a, b = (_fixed(p) for p in self.pixels(np.array([start, end], float)))
        cv2.line(self.color, a, b, shaded(color, 1), thickness, cv2.LINE_AA, _SUBPIXEL_BITS)

    def disc(self, center: ArrayLike, radius: float, color: ArrayLike, flat: float = 1.0) -> None:
        """Fill an ellipse that faces the sensor, ``flat`` times as tall as wide; metres."""
        place = np.asarray(center, float)
        size = max(1, round(radius * self._camera.fy_px / place[2] * 2**_SUBPIXEL_BITS))
        cv2.ellipse(self.color, _fixed(self.pixels(place)), (size, max(1, round(size * flat))), 0,
                    0, 360, shaded(color, 1), -1, cv2.LINE_AA, _SUBPIXEL_BITS)  # fmt: skip

    def block(
        self, x: float, y: float, z: float, size: tuple[float, float, float], color: ArrayLike
    ) -> None:
        """Draw a box: lower left front corner, (width, height, depth), colour of its front."""
        width, height, depth = size
        right, top, back = x + width, y + height, z + depth
        if x > 0:
            side = [(x, y, z), (x, y, back), (x, top, back), (x, top, z)]
            self.polygon(side, shaded(color, 0.62))
        elif right < 0:
            side = [(right, y, z), (right, y, back), (right, top, back), (right, top, z)]
            self.polygon(side, shaded(color, 0.7))
        if top < SENSOR_HEIGHT_M:
            lid = [(x, top, z), (right, top, z), (right, top, back), (x, top, back)]
            self.polygon(lid, shaded(color, 1.14))
        elif y > SENSOR_HEIGHT_M:
            floor = [(x, y, z), (right, y, z), (right, y, back), (x, y, back)]
            self.polygon(floor, shaded(color, 0.5))
        self.polygon([(x, y, z), (right, y, z), (right, top, z), (x, top, z)], color)

    def lay(self, image: NDArray[np.uint8], corners: ArrayLike) -> None:
        """Lay an image onto four places: upper left, upper right, lower right, lower left."""
        self.surfaces.append(np.asarray(corners, float))
        target = self.pixels(self.surfaces[-1]).astype(np.float32)
        height, width = image.shape[:2]
        source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
        warp = cv2.getPerspectiveTransform(source, target)
        low = np.maximum(np.floor(target.min(axis=0)).astype(int) - 1, 0)
        high = np.minimum(np.ceil(target.max(axis=0)).astype(int) + 2, (WIDTH, HEIGHT))
        if (high <= low).any():
            return
        shift = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]], float)
        size = (int(high[0] - low[0]), int(high[1] - low[1]))
        shown = cv2.warpPerspective(image, shift @ warp, size, flags=cv2.INTER_AREA,
                                    borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
        mask = np.zeros((size[1], size[0]), np.uint8)
        inside = np.array([_fixed(p) for p in target - low])
        cv2.fillPoly(mask, [inside], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
        part = self.color[low[1] : high[1], low[0] : high[0]]
        share = mask[..., None].astype(np.float32) / 255
        part[:] = np.round(part + share * (shown.astype(np.float32) - part)).astype(np.uint8)

    def shadow(self, places: Iterable[ArrayLike], strength: float, blur_px: float) -> None:
        """Darken a soft polygon."""
        corners = self.pixels(np.array([*places], float))
        scale = 0.25  # blurred anyway: a quarter of the size is enough
        mask = np.zeros((HEIGHT // 4, WIDTH // 4), np.float32)
        cv2.fillPoly(mask, [np.round(corners * scale).astype(np.int32)], 1.0)
        soft = cv2.GaussianBlur(mask, (0, 0), max(blur_px * scale, 0.6))
        self.light *= 1 - strength * cv2.resize(soft, (WIDTH, HEIGHT))

    def finished(self, blur_px: float) -> NDArray[np.uint8]:
        """Return the lit image, as soft as the lens makes it."""
        lit = self.color * self.light[..., None]
        return np.asarray(
            cv2.GaussianBlur(np.clip(lit, 0, 255).astype(np.uint8), (0, 0), blur_px), np.uint8
        )


def _fixed(pixel: ArrayLike) -> tuple[int, int]:
    """Return a pixel in the fixed-point numbers that OpenCV's drawing takes."""
    x, y = np.clip(np.asarray(pixel, float), -20000, 20000) * 2**_SUBPIXEL_BITS
    return round(float(x)), round(float(y))
