"""Settings that decide about labels: whose, by which filters, and what is repaired."""

from dataclasses import dataclass, field
from typing import Final

from ...core.errors import DatasetError
from ..filters import FilterSettings
from .joint_bias import JointBias

NEAREST: Final = "nearest"
COLOR: Final = "color"
JOINTS_AT: Final = (NEAREST, COLOR)
"""Joints as the nearest body row has them, or moved to the colour frame's time."""
LARGEST: Final = "largest"
ALL: Final = "all"


@dataclass(frozen=True)
class LabelSettings:
    """Labels of a data set.

    Attributes:
        filters: Thresholds.
        joints_at: One of ``JOINTS_AT``.
        bodies: "largest": the largest and most central person of each take; "all"; or tracking
            ids, separated by commas, each with the ids that its person has later.
        unknown_weight: Weight of a keypoint whose source has no tracking state.
        swap_back: Put back left and right where they are exchanged for a moment.
        correct_lag: Move joints by a lag of the whole take that is certain.
        joint_bias: Correction of the sensor's bias; empty: none.
    """

    filters: FilterSettings = field(default_factory=FilterSettings)
    joints_at: str = NEAREST
    bodies: str = LARGEST
    unknown_weight: float = 0.0
    swap_back: bool = True
    correct_lag: bool = True
    joint_bias: JointBias = field(default_factory=dict)

    def check(self) -> None:
        """Refuse values that make no sense.

        Raises:
            DatasetError: Names the flag.
        """
        if self.joints_at not in JOINTS_AT:
            raise DatasetError(
                f"--joints-at {self.joints_at}: expected one of {', '.join(JOINTS_AT)}"
            )
        if not 0 <= self.unknown_weight <= 1:
            raise DatasetError(
                f"--unknown-weight {self.unknown_weight:g}: expected a weight from 0 to 1"
            )
        _ = self.body_ids

    @property
    def body_ids(self) -> tuple[int, ...]:
        """The tracking ids that ``bodies`` names.

        Raises:
            DatasetError: It is anything else.
        """
        if self.bodies in (LARGEST, ALL):
            return ()
        parts = [part.strip() for part in self.bodies.split(",")]
        if all(p.isascii() and p.isdecimal() and int(p) < 2**64 for p in parts if len(p) <= 20):
            ids = tuple(int(part) for part in parts if 0 < len(part) <= 20)
            if len(ids) == len(parts):
                return ids
        raise DatasetError(
            f"--bodies {self.bodies[:80]}: expected {LARGEST}, {ALL}, or tracking ids separated by "
            "commas"
        )
