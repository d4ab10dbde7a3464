"""Outfits of the simulated person: garments that differ in kind, cut, pattern and colour.

The first eight outfits are made by hand; every further number draws a new combination. No mark is
tied to a joint: patterns run over trunk and sleeves alike, and each outfit carries one print on one
side only, in another place, so that a mirrored image shows.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from ..performer.subject import Color

PATTERNS: Final = (
    "plain", "heather", "stripes", "pinstripes", "plaid", "dots", "camo", "knit", "denim", "floral",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cloth:
    """A fabric: a pattern in two colours."""

    pattern: str
    color: Color
    second: Color = (235, 235, 235)


@dataclass(frozen=True, slots=True)
class Print:
    """The one-sided mark of an outfit, on the trunk's front.

    Attributes:
        kind: "pocket", "badge", "number", "letters" or "patch".
        side: 1 on the person's right, -1 on their left.
        height: Where: 0 at the shoulders, 1 at the hem.
        color: Its colour.
    """

    kind: str
    side: int
    height: float
    color: Color


@dataclass(frozen=True, slots=True)
class Outfit:
    """One outfit.

    Attributes:
        name: In a few words.
        top: Fabric of the upper garment.
        sleeve: Sleeve length: 0 none, 1 to the elbow, 2 to the wrist.
        ease: How much wider than the body the upper garment is, metres.
        hem: How far the upper garment reaches below the waist, metres.
        collar: "crew", "vee", "shirt", "hood", "turtle" or "wide".
        closure: "none", "buttons" or "zip".
        mark: The one-sided print.
        bottom: "trousers", "shorts", "skirt" or "dress" (which continues the top).
        low: Fabric of the lower garment.
        length: Length of the lower garment: 1 to the knee, 2 to the ankle.
        flare: How much it widens downward, metres.
        leg_ease: How much wider than the leg it is, metres.
        shoe: Colour of the shoes.
        sole: Colour of the soles.
        sock: Colour of the socks; None for bare ankles.
        headwear: "none", "cap" or "beanie".
        head_color: Its colour.
    """

    name: str
    top: Cloth
    sleeve: float
    ease: float
    hem: float
    collar: str
    closure: str
    mark: Print
    bottom: str
    low: Cloth
    length: float
    flare: float
    leg_ease: float
    shoe: Color
    sole: Color
    sock: Color | None = None
    headwear: str = "none"
    head_color: Color = (60, 60, 60)


_WHITE: Final[Color] = (236, 238, 238)
_BLACK: Final[Color] = (30, 28, 28)

_OUTFITS: Final = (
    Outfit(
        "grey T-shirt and jeans", Cloth("heather", (176, 172, 168), (120, 118, 116)), 0.62, 0.014,
        0.16, "crew", "none", Print("badge", -1, 0.2, (50, 60, 200)), "trousers",
        Cloth("denim", (118, 82, 52)), 2.0, 0.0, 0.012, _WHITE, (200, 205, 205),
    ),
    Outfit(
        "striped jumper and chinos", Cloth("stripes", (92, 52, 30), _WHITE), 2.0, 0.012,
        0.12, "wide", "none", Print("pocket", 1, 0.26, (40, 40, 150)), "trousers",
        Cloth("plain", (112, 148, 176)), 1.9, 0.0, 0.008, (40, 58, 92), (60, 80, 110),
    ),
    Outfit(
        "plaid shirt and skirt", Cloth("plaid", (52, 46, 168), (40, 38, 60)), 1.55, 0.016,
        0.1, "shirt", "buttons", Print("pocket", -1, 0.27, (48, 44, 150)), "skirt",
        Cloth("plain", (74, 62, 52)), 0.95, 0.1, 0.02, _BLACK, _BLACK, (70, 62, 60),
    ),
    Outfit(
        "football shirt and shorts", Cloth("plain", (66, 150, 36), (30, 200, 230)), 0.8, 0.026,
        0.18, "vee", "none", Print("number", 1, 0.3, (40, 225, 240)), "shorts",
        Cloth("plain", (226, 226, 228)), 0.85, 0.02, 0.03, (60, 40, 210), _WHITE, (66, 150, 36),
        "cap", (66, 150, 36),
    ),
    Outfit(
        "hooded jacket and black trousers", Cloth("knit", (40, 120, 214), (30, 90, 170)), 2.05,
        0.03, 0.17, "hood", "zip", Print("letters", -1, 0.24, _WHITE), "trousers",
        Cloth("plain", (44, 42, 42)), 2.0, 0.0, 0.004, (52, 50, 50), _WHITE,
    ),
    Outfit(
        "flowered dress", Cloth("floral", (150, 106, 60), (150, 170, 236)), 0.35, 0.006, 0.0,
        "vee", "none", Print("patch", 1, 0.6, (60, 190, 235)), "dress",
        Cloth("floral", (150, 106, 60), (150, 170, 236)), 1.25, 0.15, 0.02, (70, 96, 150),
        (50, 66, 100),
    ),
    Outfit(
        "sleeveless shirt and patterned shorts", Cloth("dots", (38, 36, 40), (206, 208, 214)), 0.0,
        0.008, 0.13, "wide", "none", Print("badge", 1, 0.3, (60, 200, 120)), "shorts",
        Cloth("camo", (72, 104, 96), (48, 62, 66)), 1.08, 0.01, 0.028, (150, 100, 60), _WHITE,
        _WHITE,
    ),
    Outfit(
        "purple roll-neck and wide trousers", Cloth("knit", (112, 46, 96), (90, 36, 78)), 2.0,
        0.01, 0.14, "turtle", "none", Print("patch", -1, 0.32, (120, 210, 240)), "trousers",
        Cloth("pinstripes", (104, 100, 96), (170, 168, 164)), 2.0, 0.045, 0.02, (28, 40, 70),
        (20, 24, 40), None, "beanie", (60, 60, 190),
    ),
)  # fmt: skip

HAND_MADE: Final = len(_OUTFITS)


def outfit(number: int) -> Outfit:
    """Return the outfit of a number, always the same one; 0 to 7 are made by hand."""
    if number < HAND_MADE:
        return _OUTFITS[number]
    rng = np.random.default_rng([4711, number])
    bottom = str(rng.choice(["trousers", "trousers", "shorts", "skirt", "dress"]))
    top = Cloth(str(rng.choice(PATTERNS)), _dye(rng, 50, 235), _dye(rng, 40, 240))
    low = top if bottom == "dress" else _low_cloth(rng)
    return Outfit(
        name=f"outfit {number}",
        top=top,
        sleeve=float(rng.choice([0.0, 0.4, 0.65, 0.9, 1.2, 1.6, 2.0, 2.0])),
        ease=float(rng.uniform(0.006, 0.032)),
        hem=float(rng.uniform(0.08, 0.2)),
        collar=str(rng.choice(["crew", "vee", "shirt", "hood", "turtle", "wide"])),
        closure=str(rng.choice(["none", "none", "buttons", "zip"])),
        mark=Print(
            str(rng.choice(["pocket", "badge", "number", "letters", "patch"])),
            int(rng.choice([-1, 1])),
            float(rng.uniform(0.2, 0.6)),
            _dye(rng, 40, 250),
        ),
        bottom=bottom,
        low=low,
        length=float(rng.uniform(1.8, 2.0) if bottom == "trousers" else rng.uniform(0.7, 1.3)),
        flare=float(rng.uniform(0.06, 0.18) if bottom in ("skirt", "dress") else 0.02),
        leg_ease=float(rng.uniform(0.004, 0.03)),
        shoe=_dye(rng, 25, 220),
        sole=_dye(rng, 60, 240),
        sock=_dye(rng, 40, 240) if rng.random() < 0.5 else None,
        headwear=str(rng.choice(["none", "none", "none", "cap", "beanie"])),
        head_color=_dye(rng, 30, 220),
    )


def _low_cloth(rng: np.random.Generator) -> Cloth:
    """Draw a fabric as trousers and skirts are made of."""
    pattern = str(rng.choice(["plain", "plain", "denim", "pinstripes", "plaid", "camo"]))
    return Cloth(pattern, _dye(rng, 35, 190), _dye(rng, 40, 220))


def _dye(rng: np.random.Generator, dark: int, light: int) -> Color:
    """Draw a cloth colour: any hue, mostly muted."""
    hsv = np.array([[[rng.integers(180), rng.integers(15, 170), rng.integers(dark, light)]]])
    blue, green, red = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR)[0, 0]
    return int(blue), int(green), int(red)
