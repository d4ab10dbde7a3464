"""Furniture of a simulated room: shelves, desks, sofas, plants, lamps."""

from collections.abc import Callable

import cv2
import numpy as np

from .canvas import Canvas, shaded
from .wall_things import clock, paint, pictures, poster, sign, switches, window, wood


def furnish(
    canvas: Canvas, rng: np.random.Generator, depth: float, half: float, tall: float, number: int
) -> None:
    """Put furniture along the back wall and things on it.

    Args:
        canvas: The image.
        rng: Source of the choices.
        depth: Distance of the back wall, metres.
        half: Half the room's width, metres.
        tall: Height of the ceiling, metres.
        number: The room's number, printed on a sign.
    """
    edges = np.linspace(-half + 0.12, half - 0.12, 6)
    floor_items: list[Callable[..., None]] = [
        _shelf, _desk, _sofa, _plant, _drawers, _radiator, _lamp, _shelf,
    ]  # fmt: skip
    wall_items: list[Callable[..., None]] = [poster, window, poster, pictures, clock, poster]
    standing: dict[int, Callable[..., None]] = {}
    for slot, item in zip(rng.permutation(5), rng.permutation(len(floor_items))[:4], strict=False):
        make = floor_items[item]
        # The person stands before the middle: nothing much to see there.
        standing[int(slot)] = _radiator if slot == 2 and make is _shelf else make
    free = [int(s) for s in rng.permutation(5) if standing.get(int(s)) not in (_shelf, _lamp)]
    for hang, slot in zip(wall_items, free, strict=False):
        hang(canvas, rng, float(edges[slot]), float(edges[slot + 1]), depth, tall)
    switches(canvas, float(edges[3]), depth)
    for slot, make in standing.items():
        make(canvas, rng, float(edges[slot]), float(edges[slot + 1]), depth)
    sign(canvas, float(edges[next(iter(standing))]) + 0.1, depth, tall, number)


def _ground_shadow(canvas: Canvas, left: float, right: float, front: float, depth: float) -> None:
    """Darken the floor and the wall around a piece of furniture."""
    near = front - 0.1
    canvas.shadow([(left - 0.05, 0, depth), (right + 0.05, 0, depth), (right + 0.04, 0, near),
                   (left - 0.04, 0, near)], 0.45, 12)  # fmt: skip


def _shelf(
    canvas: Canvas, rng: np.random.Generator, left: float, right: float, depth: float
) -> None:
    """Stand up a bookshelf."""
    width = min(right - left - 0.1, float(rng.uniform(0.7, 1.0)))
    x = left + float(rng.uniform(0, right - left - width))
    height, deep = float(rng.uniform(1.3, 2.0)), 0.3
    front = depth - deep
    timber = wood(rng)
    _ground_shadow(canvas, x, x + width, front, depth)
    canvas.shadow([(x - 0.1, 0, depth), (x + width + 0.1, 0, depth),
                   (x + width + 0.1, height + 0.05, depth), (x - 0.1, height + 0.05, depth)],
                  0.22, 22)  # fmt: skip
    canvas.block(x, 0, front, (width, height, deep), timber)
    boards = max(3, round(height / 0.36))
    gap = (height - 0.06) / boards
    for board in range(boards):
        y = 0.05 + board * gap
        canvas.panel(x + 0.025, y, width - 0.05, gap - 0.03, front - 0.001, shaded(timber, 0.42))
        canvas.polygon([(x + 0.025, y, front), (x + width - 0.025, y, front),
                        (x + width - 0.05, y, depth - 0.05), (x + 0.05, y, depth - 0.05)],
                       shaded(timber, 0.62))  # fmt: skip
        _books(canvas, rng, x + 0.04, x + width - 0.04, y, gap - 0.05, front + 0.03)
    canvas.line((x, height, front), (x + width, height, front), shaded(timber, 1.25), 2)


def _books(
    canvas: Canvas, rng: np.random.Generator, left: float, right: float, y: float, room: float,
    z: float,
) -> None:  # fmt: skip
    """Fill one board with books and a few other things."""
    x = left
    while x < right - 0.05:
        choice = rng.random()
        if choice < 0.08:
            x += float(rng.uniform(0.04, 0.15))
        elif choice < 0.13 and right - x > 0.14:
            color = paint(rng, 60, 220)
            canvas.block(x, y, z, (0.11, 0.7 * room, 0.1), color)
            canvas.panel(x + 0.02, y + 0.3 * room, 0.07, 0.12 * room, z - 0.001, (230, 232, 232))
            x += 0.13
        else:
            wide, high = float(rng.uniform(0.016, 0.045)), room * float(rng.uniform(0.62, 0.95))
            color = paint(rng, 30, 190)
            canvas.panel(x, y, wide, high, z, tuple(color))
            canvas.panel(x, y, 0.005, high, z, shaded(color, 0.6))
            if wide > 0.025:
                canvas.panel(x + 0.3 * wide, y + 0.62 * high, 0.5 * wide, 0.2 * high, z,
                             shaded(color, 1.7))  # fmt: skip
            x += wide + 0.001


def _desk(
    canvas: Canvas, rng: np.random.Generator, left: float, right: float, depth: float
) -> None:
    """Stand up a desk with a screen, a cup and paper."""
    front, timber = depth - 0.65, wood(rng)
    x, width = left + 0.02, right - left - 0.04
    _ground_shadow(canvas, x, x + width, front, depth)
    for leg in (x + 0.02, x + width - 0.07):
        canvas.block(leg, 0, depth - 0.1, (0.05, 0.71, 0.05), timber * 0.6)
        canvas.block(leg, 0, front + 0.03, (0.05, 0.71, 0.05), timber * 0.9)
    canvas.block(x, 0.71, front, (width, 0.03, 0.65), timber)
    middle = x + width * float(rng.uniform(0.35, 0.65))
    canvas.block(middle - 0.1, 0.74, depth - 0.35, (0.2, 0.012, 0.16), (60, 60, 60))
    canvas.block(middle - 0.02, 0.74, depth - 0.28, (0.04, 0.12, 0.02), (70, 70, 70))
    canvas.block(middle - 0.27, 0.83, depth - 0.3, (0.54, 0.33, 0.03), (38, 36, 36))
    screen = np.full((190, 320, 3), (96, 70, 46), np.uint8)
    for row in range(9):
        length = int(rng.integers(60, 260))
        cv2.line(screen, (16, 20 + 18 * row), (16 + length, 20 + 18 * row),
                 tuple(rng.uniform(130, 240, 3)), 4)  # fmt: skip
    z = depth - 0.301
    canvas.lay(screen, [(middle - 0.25, 1.14, z), (middle + 0.25, 1.14, z),
                            (middle + 0.25, 0.85, z), (middle - 0.25, 0.85, z)])  # fmt: skip
    canvas.block(x + 0.08, 0.74, front + 0.2, (0.08, 0.095, 0.08), paint(rng, 60, 230))
    end = x + width
    canvas.polygon([(end - 0.4, 0.742, front + 0.1), (end - 0.15, 0.742, front + 0.14),
                    (end - 0.18, 0.742, front + 0.4), (end - 0.42, 0.742, front + 0.36)],
                   (238, 240, 240))  # fmt: skip


def _sofa(
    canvas: Canvas, rng: np.random.Generator, left: float, right: float, depth: float
) -> None:
    """Stand up a small sofa with cushions."""
    x, width, front = left - 0.02, right - left + 0.04, depth - 0.85
    color = paint(rng, 50, 160)
    _ground_shadow(canvas, x, x + width, front, depth)
    canvas.block(x, 0.1, depth - 0.25, (width, 0.72, 0.2), color * 0.92)
    canvas.block(x, 0.08, front, (width, 0.32, 0.62), color)
    middle = x + width / 2
    for seat in (x + 0.14, middle + 0.005):
        wide = middle - x - 0.145
        canvas.block(seat, 0.38, front - 0.015, (wide, 0.1, 0.6), color * 1.07)
    for side in (x, x + width - 0.14):
        canvas.block(side, 0.08, front - 0.02, (0.14, 0.54, 0.78), color * 0.97)
    for at, turn in ((x + 0.32, 0.04), (x + width - 0.36, -0.03)):
        tone, z = paint(rng, 50, 220), depth - 0.34
        for grow, shade in ((0.0, 0.86), (-0.025, 1.0)):
            half = 0.17 + grow
            canvas.polygon(_pillow(at, 0.64, half, turn, z), shaded(tone, shade))


def _pillow(x: float, y: float, half: float, turn: float, z: float) -> list[tuple[float, ...]]:
    """Return the outline of a square cushion with round sides."""
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    across = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.5 * half
    up = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** 0.5 * half
    return [(x + a - turn * u, y + u + turn * a, z) for a, u in zip(across, up, strict=True)]


def _plant(
    canvas: Canvas, rng: np.random.Generator, left: float, right: float, depth: float
) -> None:
    """Stand up a plant in a pot."""
    x, z = (left + right) / 2, depth - 0.45
    pot = paint(rng, 70, 220)
    _ground_shadow(canvas, x - 0.18, x + 0.18, z - 0.05, z + 0.3)
    canvas.polygon([(x - 0.13, 0, z), (x + 0.13, 0, z), (x + 0.18, 0.36, z), (x - 0.18, 0.36, z)],
                   pot)  # fmt: skip
    canvas.polygon([(x - 0.13, 0, z), (x - 0.06, 0, z), (x - 0.09, 0.36, z), (x - 0.18, 0.36, z)],
                   shaded(pot, 0.72))  # fmt: skip
    canvas.disc((x, 0.36, z), 0.18, (40, 52, 66), 0.18)
    for _ in range(46):
        angle, length = float(rng.normal(0, 0.75)), float(rng.uniform(0.35, 0.95))
        tip = np.array([x + np.sin(angle) * length * 0.75, 0.4 + np.cos(angle) * length, z])
        root = np.array([x + float(rng.normal(0, 0.03)), 0.38, z])
        middle = 0.5 * (root + tip) + [0, 0.1, 0]
        aside = np.array([np.cos(angle), -np.sin(angle), 0]) * float(rng.uniform(0.02, 0.05))
        green = np.array([52, 112, 62]) * rng.uniform(0.45, 1.35)
        canvas.polygon([root, middle - aside, tip, middle + aside], green)
        canvas.line(root, tip, shaded(green, 0.75), 1)


def _drawers(
    canvas: Canvas, rng: np.random.Generator, left: float, right: float, depth: float
) -> None:
    """Stand up a chest of drawers with a vase and a small box on it."""
    width = min(right - left - 0.08, 0.95)
    x, front, timber, height = left + 0.04, depth - 0.45, wood(rng), float(rng.uniform(0.75, 0.95))
    _ground_shadow(canvas, x, x + width, front, depth)
    canvas.block(x, 0.06, front, (width, height - 0.06, 0.45), timber)
    rows = 3
    for row in range(rows):
        y = 0.09 + row * (height - 0.1) / rows
        tall = (height - 0.1) / rows - 0.03
        canvas.panel(x + 0.03, y, width - 0.06, tall, front - 0.001, shaded(timber, 1.08))
        canvas.line((x + 0.03, y, front), (x + width - 0.03, y, front), shaded(timber, 0.6), 2)
        for knob in (x + 0.25 * width, x + 0.75 * width):
            canvas.disc((knob, y + tall / 2, front - 0.01), 0.016, shaded(timber, 0.45))
    vase = paint(rng, 60, 220)
    canvas.disc((x + 0.2, height + 0.1, front + 0.2), 0.07, vase, 1.5)
    canvas.block(x + 0.175, height + 0.18, front + 0.2, (0.05, 0.07, 0.05), vase * 0.9)
    canvas.block(
        x + 0.55 * width, height, front + 0.12, (0.24, 0.11, 0.16), rng.uniform(60, 220, 3)
    )


def _radiator(
    canvas: Canvas, rng: np.random.Generator, left: float, right: float, depth: float
) -> None:
    """Hang a radiator."""
    x, width = left + 0.05, right - left - 0.1
    white = np.array([222, 226, 226]) * rng.uniform(0.85, 1.0)
    canvas.shadow([(x, 0.1, depth), (x + width, 0.1, depth), (x + width, 0.72, depth),
                   (x, 0.72, depth)], 0.3, 14)  # fmt: skip
    canvas.block(x, 0.14, depth - 0.1, (width, 0.52, 0.06), white)
    for rib in np.arange(x + 0.03, x + width - 0.02, 0.06):
        canvas.line((rib, 0.17, depth - 0.1), (rib, 0.63, depth - 0.1), white * 0.78, 2)
        canvas.line((rib + 0.012, 0.17, depth - 0.1), (rib + 0.012, 0.63, depth - 0.1),
                    white * 1.06, 1)  # fmt: skip


def _lamp(
    canvas: Canvas, rng: np.random.Generator, left: float, right: float, depth: float
) -> None:
    """Stand up a floor lamp that lights the wall a little."""
    x, z = (left + right) / 2, depth - 0.35
    metal = np.array([60, 64, 70]) * rng.uniform(0.6, 1.6)
    _ground_shadow(canvas, x - 0.12, x + 0.12, z - 0.05, z + 0.15)
    canvas.disc((x, 0.01, z), 0.15, metal, 0.22)
    canvas.line((x, 0.0, z), (x, 1.45, z), metal, 6)
    shade = np.array([176, 208, 232]) * rng.uniform(0.85, 1.05)
    canvas.polygon([(x - 0.2, 1.42, z), (x + 0.2, 1.42, z), (x + 0.12, 1.74, z),
                    (x - 0.12, 1.74, z)], shade)  # fmt: skip
    canvas.polygon([(x - 0.2, 1.42, z), (x - 0.08, 1.42, z), (x - 0.05, 1.74, z),
                    (x - 0.12, 1.74, z)], shade * 0.9)  # fmt: skip
    canvas.shadow([(x - 0.4, 1.2, depth), (x + 0.4, 1.2, depth), (x + 0.4, 2.1, depth),
                   (x - 0.4, 2.1, depth)], -0.16, 90)  # fmt: skip
