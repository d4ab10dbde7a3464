"""Things on a simulated room's walls: posters with text, windows, pictures, clock, sign."""

from typing import Final

import cv2
import numpy as np

from .canvas import Canvas, shaded
from .textures import FONT, Image

_WORDS: Final = (
    ("LIFE MODEL", "Tue 18:30", "bring paper"), ("KINCAP", "stand on the line", "and wave"),
    ("CINEMA", "every Friday", "free entry"), ("HARBOUR", "1954", "open to all"),
    ("QUIET", "please", "PHONE OFF"), ("JAZZ NIGHT", "doors 20:00", "hall 3"),
    ("FIRE EXIT", "left stairs", ""), ("LABORATORY", "ROOM", "no food"),
)  # fmt: skip


def paint(rng: np.random.Generator, low: float = 40, high: float = 225) -> np.ndarray:
    """Draw the colour of a painted or woven thing: any hue, mostly muted."""
    grey = rng.uniform(low, high)
    vivid = 0.55 * rng.random() ** 2 + 0.12
    return np.asarray(np.clip(grey * (1 + vivid * rng.uniform(-1.2, 1.2, 3)), 8, 245))


def wood(rng: np.random.Generator) -> np.ndarray:
    """Draw a colour for furniture."""
    tones = np.array(
        [(60, 92, 134), (150, 172, 192), (210, 214, 216), (44, 58, 78), (92, 130, 164)]
    )
    return np.asarray(tones[rng.integers(len(tones))] * rng.uniform(0.85, 1.1))


def poster(
    canvas: Canvas, rng: np.random.Generator, left: float, right: float, depth: float, tall: float
) -> None:
    """Hang a poster with readable text."""
    width = min(right - left - 0.1, float(rng.uniform(0.5, 0.75)))
    height = width * float(rng.uniform(1.2, 1.4))
    top = min(tall - 0.25, 1.25 + height)
    x = left + float(rng.uniform(0.05, max(0.06, right - left - width)))
    words = _WORDS[int(rng.integers(len(_WORDS)))]
    _hang(canvas, poster_image(rng, words, height / width), x, top, width, height, depth)


def poster_image(rng: np.random.Generator, words: tuple[str, ...], ratio: float) -> Image:
    """Print a poster 360 pixels wide and ``ratio`` times as tall."""
    width, height = 360, round(360 * ratio)
    ground = paint(rng, 60, 230)
    image = np.empty((height, width, 3), np.uint8)
    image[:] = ground
    ink = shaded(ground, 0.25) if ground.mean() > 135 else (236.0, 238.0, 240.0)
    accent = shaded(paint(rng, 40, 220), 1)
    horizon = int(height * rng.uniform(0.55, 0.7))
    cv2.rectangle(image, (0, horizon), (width, height), accent, -1)
    cv2.circle(image, (int(rng.integers(90, 270)), horizon), int(rng.integers(40, 80)),
               shaded(paint(rng, 40, 230), 1), -1, cv2.LINE_AA)  # fmt: skip
    for line, text in enumerate(words):
        if text:
            size = 1.7 if line == 0 else 1.15
            wide = cv2.getTextSize(text, FONT, size, 3)[0][0]
            size *= min(1.0, (width - 40) / max(wide, 1))
            y = 68 + 58 * line if line < 2 else height - 30
            cv2.putText(image, text, (20, y), FONT, size, ink, 3, cv2.LINE_AA)
    cv2.rectangle(image, (0, 0), (width - 1, height - 1), shaded(ground, 0.8), 4)
    return image


def _hang(
    canvas: Canvas, image: Image, x: float, top: float, width: float, height: float,
    depth: float,
) -> None:  # fmt: skip
    """Hang an image on the wall with its shadow."""
    low, beside = top - height, x + width + 0.02
    canvas.shadow([(x, low - 0.02, depth), (beside, low - 0.02, depth),
                   (beside, top - 0.02, depth), (x, top - 0.02, depth)], 0.3, 7)  # fmt: skip
    canvas.lay(image, [(x, top, depth), (x + width, top, depth), (x + width, low, depth),
                             (x, low, depth)])  # fmt: skip


def pictures(
    canvas: Canvas, rng: np.random.Generator, left: float, right: float, depth: float, tall: float
) -> None:
    """Hang two small framed pictures of a landscape."""
    for column in range(2):
        width = min(0.42, (right - left - 0.2) / 2)
        x = left + 0.05 + column * (width + 0.1)
        height = width * float(rng.uniform(0.75, 1.2))
        image = np.empty((240, 240, 3), np.float32)
        sky, land = paint(rng, 150, 235), paint(rng, 50, 140)
        rows = np.linspace(0, 1, 240)[:, None]
        image[:] = (sky * (1 - 0.3 * rows))[:, None]
        hill = 120 + 30 * np.sin(np.arange(240) / rng.uniform(18, 50) + rng.uniform(0, 6))
        image[np.arange(240)[:, None] > hill[None]] = land
        framed = cv2.copyMakeBorder(image.astype(np.uint8), 22, 22, 22, 22, cv2.BORDER_CONSTANT,
                                    value=(236, 238, 238))  # fmt: skip
        frame_color = shaded(wood(rng), 0.8)
        framed = cv2.copyMakeBorder(framed, 12, 12, 12, 12, cv2.BORDER_CONSTANT, value=frame_color)
        top = min(tall - 0.3, 1.75 + float(rng.uniform(-0.1, 0.15)))
        _hang(canvas, np.asarray(framed, np.uint8), x, top, width, height, depth)


def window(
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
    canvas.lay(
        np.clip(blurred, 0, 255).astype(np.uint8),
        [(x, top, depth), (x + width, top, depth), (x + width, low, depth), (x, low, depth)],
    )
    frame = (226, 230, 230)
    for bar in (x, x + width / 2 - 0.02, x + width - 0.04):
        canvas.panel(bar, low, 0.04, top - low, depth - 0.01, frame)
    for y in (low, top - 0.04, low + 0.62 * (top - low)):
        canvas.panel(x, y, width, 0.035, depth - 0.01, frame)
    canvas.block(x - 0.05, low - 0.04, depth - 0.16, (width + 0.1, 0.03, 0.14), frame)
    cloth = paint(rng, 100, 210)
    for side, start in ((0, x - 0.1), (1, x + width - 0.12)):
        for fold in range(6):
            tone = cloth * (0.82 + 0.22 * ((fold + side) % 2))
            canvas.panel(start + 0.036 * fold, 0.7, 0.037, top - 0.6, depth - 0.03, tuple(tone))
    canvas.line((x - 0.16, top + 0.1, depth - 0.03), (x + width + 0.16, top + 0.1, depth - 0.03),
                (70, 76, 84), 5)  # fmt: skip


def clock(
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


def sign_image(number: int) -> Image:
    """Print the (110, 330, 3) sign with a room's number."""
    image = np.full((110, 330, 3), (120, 96, 40), np.uint8)
    cv2.putText(image, f"ROOM {number + 101}", (22, 74), FONT, 1.9, (240, 242, 242), 4,
                cv2.LINE_AA)  # fmt: skip
    return image


def sign(canvas: Canvas, x: float, depth: float, tall: float, number: int) -> None:
    """Screw the sign with the room's number to the wall, high up."""
    _hang(canvas, sign_image(number % 800), x, tall - 0.06, 0.48, 0.16, depth)


def switches(canvas: Canvas, x: float, depth: float) -> None:
    """Put a light switch and a socket on the wall."""
    for y in (1.08, 0.28):
        canvas.panel(x - 0.04, y, 0.08, 0.08, depth, (226, 230, 230))
        canvas.panel(x - 0.022, y + 0.018, 0.044, 0.044, depth, (206, 210, 210))
