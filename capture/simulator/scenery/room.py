"""Rooms: walls, floor, ceiling, furniture, things with text on them.

A room is drawn once, un-mirrored, and then mirrored as the sensor's images are.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera import HEIGHT, USUAL, WIDTH, Camera
from .canvas import Canvas
from .furniture import furnish
from .raster import Light

Image = NDArray[np.uint8]

LENS_BLUR_PX: Final = 0.85
_FLOORS: Final = ("planks", "carpet", "tiles", "parquet")


@dataclass(frozen=True, slots=True)
class Room:
    """An empty room as the simulated sensor sees it.

    Attributes:
        number: Which one.
        image: (1080, 1920, 3) uint8 BGR, mirrored as stored frames are.
        depth_m: Distance of the back wall.
        light: How it lights the people in it.
        surfaces: (N, 3) corners of what is in it, metres, as a visitor sees the room: x to the
            right, y up from the floor, z away from the sensor.
    """

    number: int
    image: Image
    depth_m: float
    light: Light
    surfaces: tuple[NDArray[np.float64], ...] = ()


@lru_cache(maxsize=4)
def room(number: int, camera: Camera = USUAL) -> Room:
    """Build a room as a camera sees it."""
    rng = np.random.default_rng([2011, number])
    canvas = Canvas(camera)
    depth = float(rng.uniform(4.0, 4.9))
    half = float(rng.uniform(2.6, 3.6))
    tall = float(rng.uniform(2.5, 2.8))
    wall = _wall_color(rng)
    canvas.surfaces.append(
        np.array([(-half, 0, depth), (half, 0, depth), (half, tall, depth), (-half, tall, depth)])
    )
    _walls(canvas, rng, depth, half, tall, wall)
    _floor(canvas, rng, depth, half)
    furnish(canvas, rng, depth, half, tall, number)
    side = 1.0 if rng.random() < 0.5 else -1.0
    _lighting(canvas, depth, half, tall, side)
    image = canvas.finished(LENS_BLUR_PX)
    gain = float(rng.uniform(0.88, 1.06))
    tint = rng.normal(1.0, 0.012, 3)
    image = np.clip(image * (gain * tint), 0, 255).astype(np.uint8)
    light = Light(
        toward=_unit(-side * rng.uniform(0.35, 0.6), 0.66, -0.6),
        key=0.72 * gain,
        sky=0.2 * gain,
        fill=0.34 * gain,
        bounce=0.18 * gain,
    )
    mirrored = np.ascontiguousarray(image[:, ::-1])
    return Room(number, mirrored, depth, light, tuple(canvas.surfaces))


def _unit(x: float, y: float, z: float) -> tuple[float, float, float]:
    """Return a direction scaled to length 1."""
    length = (x * x + y * y + z * z) ** 0.5
    return float(x / length), float(y / length), float(z / length)


def _wall_color(rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw a quiet wall colour, blue green red."""
    tones = np.array(
        [(196, 205, 210), (178, 190, 176), (196, 186, 172), (186, 200, 214), (150, 172, 186),
         (172, 160, 140), (204, 208, 206), (160, 178, 200)]
    )  # fmt: skip
    return np.asarray(tones[rng.integers(len(tones))] + rng.normal(0, 4, 3))


def _walls(
    canvas: Canvas, rng: np.random.Generator, depth: float, half: float, tall: float,
    color: NDArray[np.float64],
) -> None:  # fmt: skip
    """Paint the back wall, the side walls, the ceiling and the skirting."""
    near = 0.9
    canvas.color[:] = color.astype(np.uint8)
    for side in (-1, 1):
        x = side * half
        canvas.polygon([(x, 0, depth), (x, 0, near), (x, tall, near), (x, tall, depth)],
                       color * (0.86 if side < 0 else 0.9))  # fmt: skip
    canvas.polygon([(-half, tall, depth), (half, tall, depth), (half, tall, near),
                    (-half, tall, near)], np.array([225, 228, 228]) * 0.92)  # fmt: skip
    if rng.random() < 0.35:  # wallpaper
        step, wide = float(rng.uniform(0.12, 0.3)), float(rng.uniform(0.02, 0.1))
        tone = color * float(rng.uniform(0.9, 1.06))
        for x in np.arange(-half, half - wide, step):
            canvas.panel(float(x), 0, wide, tall, depth, tuple(tone))
    plaster = _texture(rng, (270, 480), 2) * 0.007 + _texture(rng, (270, 480), 20) * 0.007
    canvas.light *= 1 + cv2.resize(plaster, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    board = np.clip(color * 1.16, 0, 246)
    canvas.panel(-half, 0, 2 * half, 0.09, depth, tuple(board))
    canvas.line((-half, 0.09, depth), (half, 0.09, depth), color * 0.7, 2)
    for side in (-1, 1):
        x = side * half
        canvas.polygon([(x, 0, depth), (x, 0, near), (x, 0.09, near), (x, 0.09, depth)],
                       board * 0.9)  # fmt: skip
        canvas.line((x, 0, depth), (x, tall, depth), color * 0.75, 2)


def _texture(rng: np.random.Generator, size: tuple[int, int], blur: float) -> NDArray[np.float32]:
    """Return an (H, W) field of blurred noise of unit size."""
    field = cv2.GaussianBlur(rng.standard_normal(size).astype(np.float32), (0, 0), blur)
    return np.asarray(field / (field.std() + 1e-6), np.float32)


def _floor(canvas: Canvas, rng: np.random.Generator, depth: float, half: float) -> None:
    """Lay the floor, with a rug at times."""
    near = 1.2
    kind = str(rng.choice(_FLOORS))
    tile = np.tile(_flooring(rng, kind), (1, 2, 1))
    canvas.lay(tile, [(-half, 0, depth), (half, 0, depth), (half, 0, near), (-half, 0, near)])
    if rng.random() < 0.6:
        wide, long = float(rng.uniform(1.6, 2.4)), float(rng.uniform(1.1, 1.6))
        x, z = float(rng.uniform(-0.4, 0.4)) - wide / 2, float(rng.uniform(1.9, 2.3))
        corners = [(x, 0, z + long), (x + wide, 0, z + long), (x + wide, 0, z), (x, 0, z)]
        canvas.shadow(corners, 0.25, 8)
        canvas.lay(_rug(rng), corners)


def _flooring(rng: np.random.Generator, kind: str) -> Image:
    """Paint a (1024, 1024, 3) piece of floor."""
    tone = rng.uniform(0.75, 1.2) * np.array([82, 118, 158]) + rng.normal(0, 6, 3)
    image = np.empty((1024, 1024, 3), np.float32)
    if kind == "planks":
        for column in range(0, 1024, 64):
            offset = int(rng.integers(0, 400))
            for row in range(-offset, 1024, 420):
                plank = image[max(row, 0) : row + 420, column : column + 64]
                plank[:] = tone * rng.uniform(0.84, 1.12)
                plank[-3:] *= 0.6
            image[:, column : column + 2] *= 0.62
        image *= 1 + 0.05 * _texture(rng, (1024, 1024), 1.0)[..., None]
        grain = cv2.resize(rng.standard_normal((32, 1024)).astype(np.float32), (1024, 1024))
        image *= 1 + 0.045 * grain[..., None]
    elif kind == "parquet":
        for row in range(0, 1024, 128):
            for column in range(0, 1024, 128):
                for strip in range(4):
                    shade = tone * rng.uniform(0.86, 1.1)
                    a = slice(row + 32 * strip, row + 32 * strip + 31)
                    b = slice(column, column + 127)
                    if (row + column) // 128 % 2:
                        a, b = (
                            slice(row, row + 127),
                            slice(column + 32 * strip, column + 32 * strip + 31),
                        )
                    image[row : row + 128, column : column + 128][31::32] = tone * 0.6
                    image[a, b] = shade
        image *= 1 + 0.05 * _texture(rng, (1024, 1024), 1.0)[..., None]
    elif kind == "tiles":
        image[:] = np.array([188, 196, 200]) * rng.uniform(0.7, 1.05)
        image *= 1 + 0.03 * _texture(rng, (1024, 1024), 8)[..., None]
        image[::128] = image[:, ::128] = 120
        image[1::128] = image[:, 1::128] = 128
    else:
        image[:] = rng.uniform(70, 170) + rng.normal(0, 14, 3)
        image *= 1 + 0.1 * _texture(rng, (1024, 1024), 0.8)[..., None]
        image *= 1 + 0.04 * _texture(rng, (1024, 1024), 30)[..., None]
    return np.clip(image, 0, 255).astype(np.uint8)


def _rug(rng: np.random.Generator) -> Image:
    """Weave a (384, 512, 3) rug."""
    image = np.empty((384, 512, 3), np.uint8)
    ground, band, motif = (rng.uniform(50, 180) * rng.uniform(0.75, 1.25, 3) for _ in range(3))
    image[:] = ground
    for inset, color in ((10, band), (26, ground * 1.2), (34, band * 0.7)):
        cv2.rectangle(image, (inset, inset), (511 - inset, 383 - inset),
                      tuple(np.clip(color, 0, 255)), 8)  # fmt: skip
    for row in range(90, 330, 68):
        for column in range(90, 460, 84):
            points = np.array([[column - 24, row], [column, row - 22], [column + 24, row],
                               [column, row + 22]])  # fmt: skip
            cv2.fillPoly(image, [points], tuple(np.clip(motif, 0, 255)))
    rough = image * (1 + 0.09 * rng.standard_normal((384, 512, 1)))
    return np.clip(rough, 0, 255).astype(np.uint8)


def _lighting(canvas: Canvas, depth: float, half: float, tall: float, side: float) -> None:
    """Light the room: brighter toward the window's side, dark in the corners, a soft vignette."""
    x = np.linspace(-1, 1, WIDTH, dtype=np.float32)[None]
    y = np.linspace(-1, 1, HEIGHT, dtype=np.float32)[:, None]
    canvas.light *= 1 + 0.1 * side * x - 0.03 * y
    canvas.light *= 1 - 0.1 * (x**2 + 0.6 * y**2)
    for places, strength, blur in (
        ([(-half, 0, depth), (half, 0, depth), (half, 0, depth - 0.35), (-half, 0, depth - 0.35)],
         0.3, 26),
        ([(-half, 0, depth), (half, 0, depth), (half, 0.2, depth), (-half, 0.2, depth)], 0.13, 30),
        ([(-half, tall, depth), (half, tall, depth), (half, tall - 0.25, depth),
          (-half, tall - 0.25, depth)], 0.14, 34),
        ([(-half, 0, depth), (-half + 0.3, 0, depth), (-half + 0.3, tall, depth),
          (-half, tall, depth)], 0.14, 40),
        ([(half, 0, depth), (half - 0.3, 0, depth), (half - 0.3, tall, depth),
          (half, tall, depth)], 0.14, 40),
    ):  # fmt: skip
        canvas.shadow(places, strength, blur)
    floor_line = int(canvas.pixels((0, 0, depth))[1])
    sheen = np.exp(-(((np.arange(HEIGHT) - floor_line - 110) / 90.0) ** 2))[:, None] * 0.06
    canvas.light *= (1 + sheen * np.exp(-((x - 0.3 * side) ** 2) / 0.25)).astype(np.float32)
