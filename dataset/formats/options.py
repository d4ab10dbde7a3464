"""Options of the readers, written ``--add SET,option=value:PATH``."""

from dataclasses import dataclass
from typing import Final

HEAD_EARS, HEAD_FACE = "ears", "face"
BACKS_EXCHANGE, BACKS_DROP = "exchange", "drop"

CHOICES: Final = {
    "head": (HEAD_EARS, HEAD_FACE),
    "backs": (BACKS_EXCHANGE, BACKS_DROP),
    "sides": ("checked", "unchecked"),
}
"""Values of each option, the default first."""


NUMBERS: Final = {"least": (1.0, 13.0), "head_up": (-0.5, 0.5)}
"""Smallest and largest value of each option that is a number."""


@dataclass(frozen=True)
class LoadOptions:
    """The way to read a set.

    Attributes:
        head: Sets with a face and no top of the head: the midpoint of the ears where both are
            labelled, or else the mean of nose and eyes ("face").
        backs: Sets with the sides of the picture: people seen from behind get their own sides
            ("exchange") or are left out ("drop").
        sides: Refuse the set where the check of left and right fails ("checked"), or only warn.
        least: People with fewer labelled keypoints are left out.
        head_up: Move the head away from the hips by this share of the torso, for sets whose head is
            the face's centre.
    """

    head: str = HEAD_EARS
    backs: str = BACKS_EXCHANGE
    sides: str = "checked"
    least: float = 1
    head_up: float = 0.0
