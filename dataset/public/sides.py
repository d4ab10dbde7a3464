"""The check of left and right: are labelled sides the person's own, in pictures not mirrored?

A person who faces the camera has the left shoulder to the right of the right one in the picture;
for a person seen from behind it is the reverse. So in a set with backs some left shoulders are on
the left. Where none is, the sides are those of the picture, and wrong for every back.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from ...core.skeleton import KEYPOINT, TORSO
from ..formats.people import People

FRONTAL_TORSO: Final = 0.3
"""A torso that is seen from the side is narrower than this share of its diagonal."""
LEAST_SHARE, MOST_SHARE = 0.10, 0.50
FEW: Final = 50
"""Fewer people say nothing about the share."""


@dataclass(frozen=True)
class SideCheck:
    """Result of the check.

    Attributes:
        people: Usable people with both shoulders labelled.
        frontal: Those whose shoulders are apart and, where the set shows it, whose face is visible.
        frontal_median_torso: Median over these of left shoulder x minus right shoulder x, in
            torsos; None where there are none.
        left_share: Share of ``people`` whose left shoulder is to the left; None where there are
            none.
        problem: What is wrong, or "".
        exchanged: People seen from behind whose left and right were exchanged as the set was read.
    """

    people: int
    frontal: int
    frontal_median_torso: float | None
    left_share: float | None
    problem: str
    exchanged: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the check for a report."""
        return asdict(self)


def check_sides(people: People, backs: bool) -> SideCheck:
    """Check the sides of a set.

    Args:
        people: The set.
        backs: Whether the set has people seen from behind, so that the share means something.
    """
    known = people.labels.labelled
    left, right = KEYPOINT["l_shoulder"], KEYPOINT["r_shoulder"]
    both = people.usable & known[:, left] & known[:, right]
    xy = people.labels.xy
    across = xy[:, left, 0] - xy[:, right, 0]
    torso = np.linalg.norm(xy[:, TORSO[0]] - xy[:, TORSO[1]], axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        wide = across / torso
        frontal = both & (np.abs(wide) > FRONTAL_TORSO)
    if people.faces.any():
        frontal &= people.faces
    median = float(np.median(wide[frontal])) if frontal.any() else None
    share = float((across[both] < 0).mean()) if both.any() else None
    return SideCheck(
        people=int(both.sum()),
        frontal=int(frontal.sum()),
        frontal_median_torso=None if median is None else round(median, 4),
        left_share=None if share is None else round(share, 4),
        problem=_problem(int(both.sum()), int(frontal.sum()), median, share, backs),
        exchanged=people.exchanged,
    )


def _problem(
    people: int, frontal: int, median: float | None, share: float | None, backs: bool
) -> str:
    """Return what the figures say against the set's sides, or ""."""
    if frontal >= FEW and median is not None and median <= 0:
        return "left and right are exchanged, or its pictures are mirrored"
    if people < FEW or share is None:
        return ""
    if share > MOST_SHARE:
        return f"{share:.0%} of left shoulders are on the left: its pictures are mirrored"
    if backs and share < LEAST_SHARE:
        return (
            f"{share:.1%} of left shoulders are on the left, expected {LEAST_SHARE:.0%} to "
            f"{MOST_SHARE:.0%}: the sides of the picture, wrong for people seen from behind"
        )
    return ""
