"""The person in front of the simulated sensor: size, skin, hair and face."""

from dataclasses import dataclass
from typing import Final

import numpy as np

Color = tuple[int, int, int]
"""Blue, green, red, 0 to 255."""

_SKINS: Final[tuple[Color, ...]] = (
    (140, 168, 212), (84, 116, 168), (120, 152, 200), (52, 76, 124), (158, 184, 226), (66, 96, 148),
    (38, 56, 92),
)  # fmt: skip
_HAIRS: Final[tuple[Color, ...]] = (
    (28, 40, 58), (18, 20, 24), (52, 84, 124), (24, 28, 36), (96, 150, 196), (30, 52, 96),
    (150, 152, 158),
)  # fmt: skip
_HAIR_STYLES: Final = ("short", "long", "short", "bun", "shaved")


@dataclass(frozen=True, slots=True)
class Subject:
    """One person.

    Attributes:
        height: Body size relative to 1.75 m.
        girth: Thickness of limbs and trunk relative to the average.
        skin: Skin colour.
        hair: Hair colour.
        hair_style: "short", "long", "bun" or "shaved".
        glasses: Wears glasses.
        beard: Has a short beard.
    """

    height: float
    girth: float
    skin: Color
    hair: Color
    hair_style: str
    glasses: bool
    beard: bool

    @classmethod
    def numbered(cls, number: int) -> "Subject":
        """Return the person of a number: always the same one."""
        rng = np.random.default_rng([1905, number])
        style = _HAIR_STYLES[number % len(_HAIR_STYLES)]
        return cls(
            height=float(np.clip(rng.normal(0.99, 0.035), 0.9, 1.07)),
            girth=float(np.clip(rng.normal(1.0, 0.07), 0.86, 1.18)),
            skin=_SKINS[number % len(_SKINS)],
            hair=_HAIRS[(number + number // len(_SKINS)) % len(_HAIRS)],
            hair_style=style,
            glasses=bool(rng.random() < 0.3),
            beard=bool(style in ("short", "shaved") and rng.random() < 0.35),
        )


@dataclass(frozen=True, slots=True)
class Bones:
    """Bone lengths and offsets of one person, metres.

    Proportions of an adult; hips and head follow the Kinect's convention (hips narrow and high, the
    head joint inside the skull). The values are plausible guesses, not measurements.
    """

    standing: float
    base_to_mid: float
    mid_to_shoulder: float
    shoulder_to_neck: float
    neck_to_head: float
    shoulder_out: float
    shoulder_drop: float
    upper_arm: float
    forearm: float
    wrist_to_hand: float
    hand_to_tip: float
    wrist_to_thumb: float
    hip_out: float
    hip_drop: float
    thigh: float
    shin: float
    ankle_height: float
    foot: float

    @classmethod
    def of(cls, subject: Subject) -> "Bones":
        """Return the bones of a person."""
        unit = subject.height
        return cls(
            standing=0.945 * unit,
            base_to_mid=0.29 * unit,
            mid_to_shoulder=0.21 * unit,
            shoulder_to_neck=0.06 * unit,
            neck_to_head=0.135 * unit,
            shoulder_out=0.175 * unit,
            shoulder_drop=0.03 * unit,
            upper_arm=0.275 * unit,
            forearm=0.25 * unit,
            wrist_to_hand=0.075 * unit,
            hand_to_tip=0.08 * unit,
            wrist_to_thumb=0.075 * unit,
            hip_out=0.085 * unit,
            hip_drop=0.03 * unit,
            thigh=0.425 * unit,
            shin=0.415 * unit,
            ankle_height=0.085 * unit,
            foot=0.13 * unit,
        )
