"""What stands and hangs in a simulated room: shelves, desks, sofas, plants, posters, windows."""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np

from .canvas import Canvas, shaded
from .textures import FONT, Picture

_WORDS: Final = (
    ("LIFE MODEL", "Tue 18:30", "bring paper"), ("KINCAP", "stand on the line", "and wave"),
    ("CINEMA", "every Friday", "free entry"), ("HARBOUR", "1954", "open to all"),
    ("QUIET", "please", "PHONE OFF"), ("JAZZ NIGHT", "doors 20:00", "hall 3"),
    ("FIRE EXIT", "left stairs", ""), ("LABORATORY", "ROOM", "no food"),
)  # fmt: skip


def furnish(
    canvas: Canvas, rng: np.random.Generator, depth: float, half: float, tall: float, number: int
) -> None:
    """Put furniture along the back wall and things on it.

    Args:
        canvas: The picture.
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
    wall_items: list[Callable[..., None]] = [_poster, _window, _poster, _pictures, _clock, _poster]
    order = rng.permutation(len(floor_items))[:4]
    slots = rng.permutation(5)
    used_tall = set()
    for slot, item in zip(slots, order, strict=False):
        left, right = float(edges[slot]), float(edges[slot + 1])
        make = floor_items[item]
        if slot == 2 and make is _shelf:
            make = _radiator  # the person stands before the middle
        make(canvas, rng, left, right, depth)
        if make in (_shelf, _lamp):
            used_tall.add(int(slot))
    hung = 0
    for slot in rng.permutation(5):
        if int(slot) in used_tall:
            continue
        left, right = float(edges[slot]), float(edges[slot + 1])
        wall_items[hung % len(wall_items)](canvas, rng, left, right, depth, tall)
        hung += 1
    _sign(canvas, float(edges[slots[0]]) + 0.1, depth, tall, number)
    _switch(canvas, float(edges[3]), depth)


def _wood(rng: np.random.Generator) -> np.ndarray:
    """Draw a colour for furniture."""
    tones = np.array(
        [(60, 92, 134), (150, 172, 192), (210, 214, 216), (44, 58, 78), (92, 130, 164)]
    )
    return np.asarray(tones[rng.integers(len(tones))] * rng.uniform(0.85, 1.1))


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
    wood = _wood(rng)
    _ground_shadow(canvas, x, x + width, front, depth)
    canvas.shadow([(x - 0.1, 0, depth), (x + width + 0.1, 0, depth),
                   (x + width + 0.1, height + 0.05, depth), (x - 0.1, height + 0.05, depth)],
                  0.22, 22)  # fmt: skip
    canvas.block(x, 0, front, (width, height, deep), wood)
    boards = max(3, round(height / 0.36))
    gap = (height - 0.06) / boards
    for board in range(boards):
        y = 0.05 + board * gap
        canvas.panel(x + 0.025, y, width - 0.05, gap - 0.03, front - 0.001, shaded(wood, 0.42))
        canvas.polygon([(x + 0.025, y, front), (x + width - 0.025, y, front),
                        (x + width - 0.05, y, depth - 0.05), (x + 0.05, y, depth - 0.05)],
                       shaded(wood, 0.62))  # fmt: skip
        _books(canvas, rng, x + 0.04, x + width - 0.04, y, gap - 0.05, front + 0.03)
    canvas.line((x, height, front), (x + width, height, front), shaded(wood, 1.25), 2)


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
            color = rng.uniform(60, 220, 3)
            canvas.block(x, y, z, (0.11, 0.7 * room, 0.1), color)
            canvas.panel(x + 0.02, y + 0.3 * room, 0.07, 0.12 * room, z - 0.001, (230, 232, 232))
            x += 0.13
        else:
            wide, high = float(rng.uniform(0.016, 0.045)), room * float(rng.uniform(0.62, 0.95))
            color = rng.uniform(20, 215, 3) * rng.uniform(0.5, 1.0)
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
    front, wood = depth - 0.65, _wood(rng)
    x, width = left + 0.02, right - left - 0.04
    _ground_shadow(canvas, x, x + width, front, depth)
    for leg in (x + 0.02, x + width - 0.07):
        canvas.block(leg, 0, depth - 0.1, (0.05, 0.71, 0.05), wood * 0.6)
        canvas.block(leg, 0, front + 0.03, (0.05, 0.71, 0.05), wood * 0.9)
    canvas.block(x, 0.71, front, (width, 0.03, 0.65), wood)
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
    canvas.picture(screen, [(middle - 0.25, 1.14, z), (middle + 0.25, 1.14, z),
                            (middle + 0.25, 0.85, z), (middle - 0.25, 0.85, z)])  # fmt: skip
    canvas.block(x + 0.08, 0.74, front + 0.2, (0.08, 0.095, 0.08), rng.uniform(60, 230, 3))
    end = x + width
    canvas.polygon([(end - 0.4, 0.742, front + 0.1), (end - 0.15, 0.742, front + 0.14),
                    (end - 0.18, 0.742, front + 0.4), (end - 0.42, 0.742, front + 0.36)],
                   (238, 240, 240))  # fmt: skip


def _sofa(
    canvas: Canvas, rng: np.random.Generator, left: float, right: float, depth: float
) -> None:
    """Stand up a small sofa with cushions."""
    x, width, front = left - 0.02, right - left + 0.04, depth - 0.85
    color = rng.uniform(50, 170) + rng.normal(0, 26, 3)
    _ground_shadow(canvas, x, x + width, front, depth)
    canvas.block(x, 0.1, depth - 0.25, (width, 0.72, 0.2), color * 0.92)
    canvas.block(x, 0.08, front, (width, 0.32, 0.62), color)
    middle = x + width / 2
    for seat in (x + 0.14, middle + 0.005):
        wide = middle - x - 0.145
        canvas.block(seat, 0.38, front - 0.015, (wide, 0.1, 0.6), color * 1.07)
    for side in (x, x + width - 0.14):
        canvas.block(side, 0.08, front - 0.02, (0.14, 0.54, 0.78), color * 0.97)
    for at, turn in ((x + 0.3, 0.06), (x + width - 0.34, -0.05)):
        tone = rng.uniform(40, 230, 3)
        z = depth - 0.34
        canvas.polygon([(at - 0.18, 0.47 + turn, z), (at + 0.18, 0.47 - turn, z),
                        (at + 0.17, 0.81 - turn, z + 0.05), (at - 0.17, 0.81 + turn, z + 0.05)],
                       tone)  # fmt: skip
        canvas.line((at - 0.16, 0.5, z), (at + 0.16, 0.78, z), shaded(tone, 0.75), 2)


def _plant(
    canvas: Canvas, rng: np.random.Generator, left: float, right: float, depth: float
) -> None:
    """Stand up a plant in a pot."""
    x, z = (left + right) / 2, depth - 0.45
    pot = rng.uniform(70, 220, 3)
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
    x, front, wood, height = left + 0.04, depth - 0.45, _wood(rng), float(rng.uniform(0.75, 0.95))
    _ground_shadow(canvas, x, x + width, front, depth)
    canvas.block(x, 0.06, front, (width, height - 0.06, 0.45), wood)
    rows = 3
    for row in range(rows):
        y = 0.09 + row * (height - 0.1) / rows
        tall = (height - 0.1) / rows - 0.03
        canvas.panel(x + 0.03, y, width - 0.06, tall, front - 0.001, shaded(wood, 1.08))
        canvas.line((x + 0.03, y, front), (x + width - 0.03, y, front), shaded(wood, 0.6), 2)
        for knob in (x + 0.25 * width, x + 0.75 * width):
            canvas.disc((knob, y + tall / 2, front - 0.01), 0.016, shaded(wood, 0.45))
    vase = rng.uniform(60, 230, 3)
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


def _poster(
    canvas: Canvas, rng: np.random.Generator, left: float, right: float, depth: float, tall: float
) -> None:
    """Hang a poster with readable text."""
    width = min(right - left - 0.1, float(rng.uniform(0.5, 0.75)))
    height = width * float(rng.uniform(1.2, 1.4))
    top = min(tall - 0.25, 1.25 + height)
    x = left + float(rng.uniform(0.05, max(0.06, right - left - width)))
    words = _WORDS[int(rng.integers(len(_WORDS)))]
    _hang(canvas, poster_picture(rng, words, height / width), x, top, width, height, depth)


def poster_picture(rng: np.random.Generator, words: tuple[str, ...], ratio: float) -> Picture:
    """Print a poster 360 pixels wide and ``ratio`` times as tall."""
    width, height = 360, round(360 * ratio)
    ground = rng.uniform(60, 240, 3)
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = ground
    ink = shaded(ground, 0.25) if ground.mean() > 135 else (236.0, 238.0, 240.0)
    accent = tuple(float(c) for c in rng.uniform(20, 240, 3))
    horizon = int(height * rng.uniform(0.55, 0.7))
    cv2.rectangle(picture, (0, horizon), (width, height), accent, -1)
    cv2.circle(picture, (int(rng.integers(90, 270)), horizon), int(rng.integers(40, 80)),
               tuple(float(c) for c in rng.uniform(20, 240, 3)), -1, cv2.LINE_AA)  # fmt: skip
    for line, text in enumerate(words):
        if text:
            size = 1.7 if line == 0 else 1.15
            wide = cv2.getTextSize(text, FONT, size, 3)[0][0]
            size *= min(1.0, (width - 40) / max(wide, 1))
            y = 68 + 58 * line if line < 2 else height - 30
            cv2.putText(picture, text, (20, y), FONT, size, ink, 3, cv2.LINE_AA)
    cv2.rectangle(picture, (0, 0), (width - 1, height - 1), shaded(ground, 0.8), 4)
    return picture


def _hang(
    canvas: Canvas, picture: Picture, x: float, top: float, width: float, height: float,
    depth: float,
) -> None:  # fmt: skip
    """Hang a picture on the wall with its shadow."""
    low, beside = top - height, x + width + 0.02
    canvas.shadow([(x, low - 0.02, depth), (beside, low - 0.02, depth),
                   (beside, top - 0.02, depth), (x, top - 0.02, depth)], 0.3, 7)  # fmt: skip
    canvas.picture(picture, [(x, top, depth), (x + width, top, depth), (x + width, low, depth),
                             (x, low, depth)])  # fmt: skip


def _pictures(
    canvas: Canvas, rng: np.random.Generator, left: float, right: float, depth: float, tall: float
) -> None:
    """Hang two small framed pictures of a landscape."""
    for column in range(2):
        width = min(0.42, (right - left - 0.2) / 2)
        x = left + 0.05 + column * (width + 0.1)
        height = width * float(rng.uniform(0.75, 1.2))
        picture = np.empty((240, 240, 3), np.float32)
        sky, land = rng.uniform(120, 240, 3), rng.uniform(40, 150, 3)
        rows = np.linspace(0, 1, 240)[:, None]
        picture[:] = (sky * (1 - 0.3 * rows))[:, None]
        hill = 120 + 30 * np.sin(np.arange(240) / rng.uniform(18, 50) + rng.uniform(0, 6))
        picture[np.arange(240)[:, None] > hill[None]] = land
        framed = cv2.copyMakeBorder(picture.astype(np.uint8), 22, 22, 22, 22, cv2.BORDER_CONSTANT,
                                    value=(236, 238, 238))  # fmt: skip
        frame_color = tuple(float(c) for c in rng.uniform(20, 120, 3))
        framed = cv2.copyMakeBorder(framed, 12, 12, 12, 12, cv2.BORDER_CONSTANT, value=frame_color)
        top = min(tall - 0.3, 1.75 + float(rng.uniform(-0.1, 0.15)))
        _hang(canvas, np.asarray(framed, np.uint8), x, top, width, height, depth)


def _window(
    canvas: Canvas, rng: np.random.Generator, left: float, right: float, depth: float, tall: float
) -> None:
    """Put in a window with a view of trees, and curtains."""
    x, width = left + 0.05, right - left - 0.1
    low, top = 0.95, min(tall - 0.22, 2.2)
    view = np.empty((300, 300, 3), np.float32)
    view[:] = np.linspace((250, 236, 214), (246, 244, 238), 300)[:, None]
    for _ in range(28):
        place = (int(rng.integers(0, 300)), int(rng.integers(190, 330)))
        green = np.array([96, 150, 110]) * rng.uniform(0.7, 1.25)
        cv2.circle(view, place, int(rng.integers(16, 52)), tuple(map(float, green)), -1)
    blurred = cv2.GaussianBlur(view, (0, 0), 5)
    canvas.picture(
        np.clip(blurred, 0, 255).astype(np.uint8),
        [(x, top, depth), (x + width, top, depth), (x + width, low, depth), (x, low, depth)],
    )
    frame = (226, 230, 230)
    for bar in (x, x + width / 2 - 0.02, x + width - 0.04):
        canvas.panel(bar, low, 0.04, top - low, depth - 0.01, frame)
    for y in (low, top - 0.04, low + 0.62 * (top - low)):
        canvas.panel(x, y, width, 0.035, depth - 0.01, frame)
    canvas.block(x - 0.05, low - 0.04, depth - 0.16, (width + 0.1, 0.03, 0.14), frame)
    cloth = rng.uniform(90, 220, 3)
    for side, start in ((0, x - 0.1), (1, x + width - 0.12)):
        for fold in range(6):
            tone = cloth * (0.82 + 0.22 * ((fold + side) % 2))
            canvas.panel(start + 0.036 * fold, 0.7, 0.037, top - 0.6, depth - 0.03, tuple(tone))
    canvas.line((x - 0.16, top + 0.1, depth - 0.03), (x + width + 0.16, top + 0.1, depth - 0.03),
                (70, 76, 84), 5)  # fmt: skip


def _clock(
    canvas: Canvas, rng: np.random.Generator, left: float, right: float, depth: float, tall: float
) -> None:
    """Hang a clock."""
    center = np.array([(left + right) / 2, min(1.95, tall - 0.4), depth])
    canvas.disc(center + [0.01, -0.02, 0], 0.17, (90, 90, 90))
    canvas.disc(center, 0.165, (40, 42, 46))
    canvas.disc(center, 0.148, (236, 238, 238))
    for hour in range(12):
        way = np.array([np.sin(hour * np.pi / 6), np.cos(hour * np.pi / 6), 0])
        canvas.line(center + 0.12 * way, center + 0.14 * way, (40, 40, 40), 2)
    for length, thick in ((0.075, 4), (0.115, 3)):
        angle = float(rng.uniform(0, 2 * np.pi))
        tip = center + length * np.array([np.sin(angle), np.cos(angle), 0])
        canvas.line(center, tip, (40, 40, 40), thick)


def sign_picture(number: int) -> Picture:
    """Print the (110, 330, 3) sign with a room's number."""
    picture = np.full((110, 330, 3), (120, 96, 40), np.uint8)
    cv2.putText(picture, f"ROOM {number + 101}", (22, 74), FONT, 1.9, (240, 242, 242), 4,
                cv2.LINE_AA)  # fmt: skip
    return picture


def _sign(canvas: Canvas, x: float, depth: float, tall: float, number: int) -> None:
    """Screw the sign with the room's number to the wall, high up."""
    _hang(canvas, sign_picture(number % 800), x, tall - 0.06, 0.48, 0.16, depth)


def _switch(canvas: Canvas, x: float, depth: float) -> None:
    """Put a light switch and a socket on the wall."""
    for y in (1.08, 0.28):
        canvas.panel(x - 0.04, y, 0.08, 0.08, depth, (226, 230, 230))
        canvas.panel(x - 0.022, y + 0.018, 0.044, 0.044, depth, (206, 210, 210))
