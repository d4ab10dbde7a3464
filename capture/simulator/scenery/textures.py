"""Painted textures: fabrics with patterns, prints, skin, hair, shoes.

Images are (H, W, 3) uint8, blue green red. Their columns run around the body as u does in
surface.py: from the back over the person's right side and the front. Read from the front in an
un-mirrored image, text in them therefore reads from left to right.
"""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..performer.subject import Color, Subject
from .outfits import Cloth, Outfit, Print

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

TRUNK_PX: Final = (560, 416)
"""Width and height of a trunk's texture."""

BOLT_PX: Final = 640
"""Side of the piece of cloth that garments are cut from."""

FONT: Final = cv2.FONT_HERSHEY_DUPLEX


def bolt(rng: np.random.Generator, cloth: Cloth) -> Image:
    """Weave a (640, 640, 3) piece of cloth."""
    base = np.empty((BOLT_PX, BOLT_PX, 3), np.float32)
    base[:] = cloth.color
    _WEAVES[cloth.pattern](rng, base, cloth)
    return _worn(rng, base)


def _worn(rng: np.random.Generator, base: Floats) -> Image:
    """Add threads, creases and uneven dye to a fabric."""
    height, width = base.shape[:2]
    threads = 1 + 0.035 * rng.standard_normal((height, width, 1)).astype(np.float32)
    creases = 1 + 0.035 * _smooth(rng, (height, width), 24) + 0.03 * _smooth(rng, base.shape[:2], 7)
    return np.asarray(np.clip(base * threads * creases[..., None], 0, 255).astype(np.uint8))


def _smooth(rng: np.random.Generator, shape: tuple[int, ...], cells: int) -> Floats:
    """Return an (H, W) field of smooth noise of unit size."""
    coarse = rng.standard_normal((cells, cells)).astype(np.float32)
    return np.asarray(
        cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), np.float32
    )


def _tone(color: ArrayLike) -> Floats:
    """Return a colour that can be reckoned with."""
    return np.asarray(color, np.float32)


def _plain(rng: np.random.Generator, base: Floats, cloth: Cloth) -> None:
    """Leave the fabric in one colour."""


def _heather(rng: np.random.Generator, base: Floats, cloth: Cloth) -> None:
    """Mix two threads finely."""
    fine = cv2.resize(rng.random((BOLT_PX, BOLT_PX // 6)).astype(np.float32), (BOLT_PX, BOLT_PX))
    share = 0.6 * (fine[..., None] > 0.62)
    base += share * (_tone(cloth.second) - base)


def _stripes(rng: np.random.Generator, base: Floats, cloth: Cloth) -> None:
    """Weave stripes around the body."""
    rows = np.arange(BOLT_PX)
    base[(rows // int(rng.integers(16, 30))) % 2 == 0] = cloth.second


def _pinstripes(rng: np.random.Generator, base: Floats, cloth: Cloth) -> None:
    """Weave thin stripes up and down."""
    columns = np.arange(BOLT_PX)
    base[:, columns % int(rng.integers(14, 24)) < 3] = cloth.second


def _plaid(rng: np.random.Generator, base: Floats, cloth: Cloth) -> None:
    """Weave crossing bands with a thin light line in them."""
    size = int(rng.integers(40, 56))
    place = np.arange(BOLT_PX) % size
    band = 0.5 * (place < 0.45 * size)
    share = (band[:, None] + band[None, :])[..., None] * 0.8
    base += share * (_tone(cloth.second) - base)
    thin = np.abs(place - 0.7 * size) < 1.3
    base[thin] = 0.55 * base[thin] + 0.45 * _tone((180, 220, 230))
    base[:, thin] = 0.55 * base[:, thin] + 0.45 * _tone((180, 220, 230))


def _dots(rng: np.random.Generator, base: Floats, cloth: Cloth) -> None:
    """Print staggered dots."""
    size = int(rng.integers(26, 40))
    y, x = np.mgrid[:BOLT_PX, :BOLT_PX]
    x = x + (y // size % 2) * (size // 2)
    near = (x % size - size / 2) ** 2 + (y % size - size / 2) ** 2 < (0.24 * size) ** 2
    base[near] = cloth.second


def _camo(rng: np.random.Generator, base: Floats, cloth: Cloth) -> None:
    """Print large irregular patches in three tones."""
    field = _smooth(rng, base.shape[:2], 12) + 0.5 * _smooth(rng, base.shape[:2], 26)
    base[field > 0.45] = cloth.second
    base[field < -0.55] = 0.45 * _tone(cloth.color) + 0.55 * _tone((150, 176, 180))


def _knit(rng: np.random.Generator, base: Floats, cloth: Cloth) -> None:
    """Knit ribs up and down."""
    y, x = np.mgrid[:BOLT_PX, :BOLT_PX].astype(np.float32)
    ribs = np.sin(x * 2 * np.pi / 10) + 0.35 * np.sin(y * 2 * np.pi / 6 + (x // 5) * 2.1)
    base *= 1 + 0.075 * ribs[..., None]


def _denim(rng: np.random.Generator, base: Floats, cloth: Cloth) -> None:
    """Weave a twill that is washed out in places."""
    y, x = np.mgrid[:BOLT_PX, :BOLT_PX]
    base *= 1 + 0.08 * (((x + y) % 5) < 2)[..., None]
    pale = np.clip(0.16 * _smooth(rng, base.shape[:2], 6) + 0.08, 0, 0.4)[..., None]
    base += pale * (_tone((205, 185, 165)) - base)


def _floral(rng: np.random.Generator, base: Floats, cloth: Cloth) -> None:
    """Print flowers and leaves."""
    flat = np.clip(base, 0, 255).astype(np.uint8)
    for _ in range(170):
        x, y = (int(v) for v in rng.integers(0, BOLT_PX, 2))
        size = int(rng.integers(5, 11))
        color = np.array(cloth.second) * rng.uniform(0.75, 1.1)
        turn = rng.uniform(0, 2 * np.pi)
        cv2.ellipse(flat, (x, y + size), (size // 2, 2 * size), float(rng.uniform(0, 180)), 0, 360,
                    (64, 112, 60), -1, cv2.LINE_AA)  # fmt: skip
        for petal in range(5):
            angle = turn + petal * 2 * np.pi / 5
            at = (int(x + size * np.cos(angle)), int(y + size * np.sin(angle)))
            cv2.circle(flat, at, int(0.7 * size), tuple(map(float, color)), -1, cv2.LINE_AA)
        cv2.circle(flat, (x, y), size // 2, (60, 190, 240), -1, cv2.LINE_AA)
    base[:] = flat


_WEAVES: Final[dict[str, Callable[[np.random.Generator, Floats, Cloth], None]]] = {
    "plain": _plain,
    "heather": _heather,
    "stripes": _stripes,
    "pinstripes": _pinstripes,
    "plaid": _plaid,
    "dots": _dots,
    "camo": _camo,
    "knit": _knit,
    "denim": _denim,
    "floral": _floral,
}


def trunk(cloth: Image, worn: Outfit) -> Image:
    """Cut and sew the front and back of an upper garment, with closure and print."""
    width, height = TRUNK_PX
    image = np.ascontiguousarray(cloth[:height, :width])
    middle = width // 2
    dark = tuple(0.62 * float(c) for c in worn.top.color)
    pale = tuple(min(255.0, 1.25 * float(c) + 24) for c in worn.top.color)
    if worn.closure == "buttons":
        cv2.rectangle(image, (middle - 11, 0), (middle + 11, height), dark, 1, cv2.LINE_AA)
        for y in range(30, height, 44):
            cv2.circle(image, (middle, y), 4, pale, -1, cv2.LINE_AA)
            cv2.circle(image, (middle, y), 4, dark, 1, cv2.LINE_AA)
    elif worn.closure == "zip":
        cv2.line(image, (middle, 0), (middle, height), dark, 7, cv2.LINE_AA)
        cv2.line(image, (middle, 0), (middle, height), (190, 190, 190), 2, cv2.LINE_AA)
    if worn.collar == "hood":
        for side in (-1, 1):
            corners = np.array([[14, 330], [92, 330], [112, 395], [14, 395]]) * [side, 1]
            cv2.polylines(image, [(corners + [middle, 0]).astype(np.int32)], True, dark, 3,
                          cv2.LINE_AA)  # fmt: skip
    if worn.bottom != "dress":
        cv2.rectangle(image, (0, height - 12), (width, height), dark, 1)
    print_mark(image, worn.mark)
    return image


def mark_center(mark: Print) -> tuple[int, int]:
    """Return the pixel (x, y) of a trunk's texture at which its print is centred."""
    width, height = TRUNK_PX
    return width // 2 - mark.side * 62, int(mark.height * height)


def print_mark(image: Image, mark: Print) -> None:
    """Print the one-sided mark on a trunk's texture."""
    x, y = mark_center(mark)
    color = tuple(float(c) for c in mark.color)
    dark = tuple(0.5 * float(c) for c in mark.color)
    if mark.kind == "pocket":
        corners = np.array([[-27, -26], [27, -26], [27, 18], [0, 30], [-27, 18]]) + [x, y]
        cv2.fillPoly(image, [corners.astype(np.int32)], color, cv2.LINE_AA)
        cv2.polylines(image, [corners.astype(np.int32)], True, dark, 2, cv2.LINE_AA)
        cv2.line(image, (x - 27, y - 17), (x + 27, y - 17), dark, 2, cv2.LINE_AA)
    elif mark.kind == "badge":
        cv2.circle(image, (x, y), 25, color, -1, cv2.LINE_AA)
        cv2.circle(image, (x, y), 25, (240, 240, 240), 3, cv2.LINE_AA)
        cv2.putText(image, "K", (x - 11, y + 12), FONT, 1.1, (240, 240, 240), 3, cv2.LINE_AA)
    elif mark.kind == "number":
        cv2.putText(image, "27", (x - 40, y + 34), FONT, 2.1, dark, 12, cv2.LINE_AA)
        cv2.putText(image, "27", (x - 40, y + 34), FONT, 2.1, color, 7, cv2.LINE_AA)
    elif mark.kind == "letters":
        cv2.putText(image, "RPG", (x - 42, y + 10), FONT, 1.2, color, 3, cv2.LINE_AA)
        cv2.line(image, (x - 42, y + 22), (x + 38, y + 22), color, 3, cv2.LINE_AA)
    else:
        corners = np.array([[-30, -22], [30, -22], [30, 22], [-30, 22]]) + [x, y]
        cv2.fillPoly(image, [corners.astype(np.int32)], color, cv2.LINE_AA)
        cv2.putText(image, "F7", (x - 22, y + 12), FONT, 1.0, dark, 3, cv2.LINE_AA)


def seamed(cloth: Image, size: tuple[int, int], color: Color) -> Image:
    """Cut (width, height) pixels of cloth with a seam down each side and a hem."""
    width, height = size
    image = np.ascontiguousarray(cloth[-height:, :width])
    dark = tuple(0.84 * float(c) for c in color)
    for x in (width // 4, 3 * width // 4):
        cv2.line(image, (x, 0), (x, height), dark, 1, cv2.LINE_AA)
    cv2.line(image, (0, height - 8), (width, height - 8), dark, 1)
    return image


def waist(cloth: Image, size: tuple[int, int], color: Color) -> Image:
    """Cut the upper part of trousers: belt loops, fly and pockets."""
    width, height = size
    image = np.ascontiguousarray(cloth[:height, :width])
    dark = tuple(0.6 * float(c) for c in color)
    middle = width // 2
    cv2.rectangle(image, (0, 0), (width, 16), (42, 52, 70), -1)
    cv2.rectangle(image, (middle - 12, 0), (middle + 12, 16), (150, 180, 190), 2)
    cv2.line(image, (middle, 16), (middle, height), dark, 2, cv2.LINE_AA)
    for side in (-1, 1):
        cv2.line(image, (middle + 70 * side, 18), (middle + 118 * side, 70), dark, 2, cv2.LINE_AA)
    return image


def skin(rng: np.random.Generator, color: Color, size: tuple[int, int]) -> Image:
    """Paint skin: faint blotches, no edges."""
    width, height = size
    tone = 1 + 0.022 * _smooth(rng, (height, width), 5) + 0.012 * _smooth(rng, (height, width), 20)
    return np.asarray(np.clip(_tone(color) * tone[..., None], 0, 255).astype(np.uint8))


def hair(rng: np.random.Generator, color: Color, size: tuple[int, int]) -> Image:
    """Paint strands of hair that run from the crown down."""
    width, height = size
    strands = rng.standard_normal((1, width)).astype(np.float32)
    strands = np.repeat(strands, height, axis=0) + 0.7 * _smooth(rng, (height, width), 40)
    tone = _tone(color) * (1 + 0.16 * cv2.GaussianBlur(strands, (3, 9), 0)[..., None])
    shine = np.exp(-(((np.arange(height) / height - 0.28) / 0.1) ** 2))[:, None, None]
    return np.asarray(np.clip(tone * (1 + 0.35 * shine) + 10 * shine, 0, 255).astype(np.uint8))


def knitted(rng: np.random.Generator, color: Color, size: tuple[int, int]) -> Image:
    """Paint a rib-knitted cap."""
    width, height = size
    ribs = 1 + 0.14 * np.sin(np.arange(width) * 2 * np.pi / 9)[None, :, None]
    image = _tone(color) * ribs * np.ones((height, 1, 1))
    return _worn(rng, image.astype(np.float32))


def shoe(rng: np.random.Generator, color: Color, sole: Color, size: tuple[int, int]) -> Image:
    """Paint a shoe: u 0.5 is its upper side, v runs from heel to toe."""
    width, height = size
    image = np.empty((height, width, 3), np.float32)
    image[:] = color
    under = np.abs(np.arange(width) / width - 0.5) > 0.3
    image[:, under] = sole
    flat = _worn(rng, image)
    lace = tuple(235.0 if sum(color) < 400 else 70.0 for _ in range(3))
    for row in range(5):
        y = int(height * (0.42 + 0.06 * row))
        cv2.line(flat, (int(0.42 * width), y), (int(0.58 * width), y + 4), lace, 2, cv2.LINE_AA)
    return flat


def face(rng: np.random.Generator, subject: Subject, size: tuple[int, int]) -> Image:
    """Paint a head's skin with the face in the middle; v runs from the crown to the chin."""
    width, height = size
    image = skin(rng, subject.skin, (512, 384))
    _face_tones(image, subject)
    for side in (-1, 1):
        _eye(image, subject, 256 + 35 * side, side)
    _mouth(image, subject)
    if subject.beard:
        _beard(rng, image, subject)
    if subject.glasses:
        for side in (-1, 1):
            cv2.ellipse(image, (256 + 37 * side, 186), (25, 20), 0, 0, 360, (34, 30, 30), 4,
                        cv2.LINE_AA)  # fmt: skip
            cv2.line(image, (256 + 61 * side, 182), (256 + 130 * side, 178), (34, 30, 30), 4)
        cv2.line(image, (244, 182), (268, 182), (34, 30, 30), 4, cv2.LINE_AA)
    if subject.hair_style == "shaved":
        _stubble(image, subject)
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)


def _tint(image: Image, center: tuple[int, int], axes: tuple[int, int],
          factor: tuple[float, float, float]) -> None:  # fmt: skip
    """Multiply a soft oval of an image by a colour factor."""
    mask = np.zeros(image.shape[:2], np.float32)
    cv2.ellipse(mask, center, axes, 0, 0, 360, 1.0, -1)
    soft = cv2.GaussianBlur(mask, (0, 0), 0.35 * min(axes) + 1)[..., None]
    image[:] = np.clip(image * (1 + soft * (_tone(factor) - 1)), 0, 255)


def _face_tones(image: Image, subject: Subject) -> None:
    """Paint the light and dark of brow, cheeks, nose and chin."""
    for side in (-1, 1):
        _tint(image, (256 + 35 * side, 184), (28, 16), (0.84, 0.82, 0.84))
        _tint(image, (256 + 46 * side, 232), (24, 18), (0.93, 0.93, 1.05))
        _tint(image, (256 + 11 * side, 238), (6, 5), (0.6, 0.58, 0.62))
        _tint(image, (256 + 19 * side, 252), (5, 14), (0.86, 0.85, 0.88))
    _tint(image, (256, 206), (7, 34), (1.07, 1.07, 1.06))
    _tint(image, (256, 300), (22, 6), (0.84, 0.83, 0.86))
    _tint(image, (256, 130), (60, 22), (1.05, 1.05, 1.04))


def _eye(image: Image, subject: Subject, x: int, side: int) -> None:
    """Paint one eye with its brow."""
    iris = (72, 58, 44) if sum(subject.hair) < 260 else (130, 110, 70)
    brow = tuple(0.6 * c for c in subject.hair)
    cv2.ellipse(image, (x, 186), (15, 7), 0, 0, 360, (214, 216, 220), -1, cv2.LINE_AA)
    cv2.circle(image, (x, 185), 7, iris, -1, cv2.LINE_AA)
    cv2.circle(image, (x, 185), 3, (16, 14, 14), -1, cv2.LINE_AA)
    cv2.circle(image, (x - 2, 182), 1, (240, 240, 240), -1, cv2.LINE_AA)
    cv2.ellipse(image, (x, 187), (16, 9), 0, 190, 350, (30, 26, 28), 3, cv2.LINE_AA)
    cv2.ellipse(image, (x, 186), (15, 8), 0, 20, 160, tuple(0.62 * c for c in subject.skin), 1,
                cv2.LINE_AA)  # fmt: skip
    cv2.ellipse(image, (x + 2 * side, 178), (22, 13), 0, 205, 335, brow, 5, cv2.LINE_AA)


def _mouth(image: Image, subject: Subject) -> None:
    """Paint the lips."""
    lip = tuple(float(c) * f for c, f in zip(subject.skin, (0.66, 0.6, 0.84), strict=True))
    dark = tuple(0.5 * c for c in lip)
    cv2.ellipse(image, (256, 274), (27, 9), 0, 0, 180, lip, -1, cv2.LINE_AA)
    cv2.ellipse(image, (256, 274), (27, 6), 0, 180, 360, tuple(0.9 * c for c in lip), -1,
                cv2.LINE_AA)  # fmt: skip
    cv2.line(image, (230, 274), (282, 274), dark, 2, cv2.LINE_AA)


def _beard(rng: np.random.Generator, image: Image, subject: Subject) -> None:
    """Paint a short beard over chin and cheeks."""
    y, x = np.mgrid[:384, :512].astype(np.float32)
    jaw = (y > 236 + 0.0016 * (x - 256) ** 2 * (np.abs(x - 256) < 60)) & (np.abs(x - 256) < 120)
    jaw &= ~((np.abs(x - 256) < 30) & (np.abs(y - 274) < 12))
    jaw &= (y > 256) | (np.abs(x - 256) > 70) | ((np.abs(x - 256) < 34) & (y > 254))
    share = cv2.GaussianBlur(jaw.astype(np.float32), (0, 0), 5)[..., None] * 0.72
    rough = _tone(subject.hair) * (1 + 0.3 * rng.standard_normal((384, 512, 1)))
    image[:] = np.clip(image + share * (rough - image), 0, 255)


def _stubble(image: Image, subject: Subject) -> None:
    """Darken the scalp of a shaved head."""
    y, x = np.mgrid[:384, :512].astype(np.float32)
    line = 84 + 120 * np.clip((np.abs(x - 256) - 70) / 60, 0, 1)
    share = cv2.GaussianBlur((y < line).astype(np.float32), (0, 0), 4)[..., None] * 0.5
    image[:] = np.clip(image + share * (_tone(subject.hair) - image), 0, 255)
