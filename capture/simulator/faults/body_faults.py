"""Faults of bodies on their way from the scene to a row: wrong sides, jumps, jitter.

Sizes and rates are guesses, after what a Kinect v2 is known to do: it guesses covered joints near
the trunk and lets them wander, takes a back for a front, and lets feet jump on the floor.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ....core.skeleton import JOINT, JOINT_NAMES, KINECT_V2_SKELETON, TrackingState
from ..performer.rig import Pose
from .schedule import FaultPlan

LAG_S: Final = 0.1
"""Delay of the joints of ``lag``."""
OUTLIER_SHARE: Final = 0.3
"""Share of the body rows of ``outliers`` in which a joint is far off."""

_HAND: Final = ("Wrist", "Hand", "HandTip", "Thumb")
_ARMS: Final = tuple(JOINT[part + side] for side in ("Left", "Right") for part in _HAND)
_ELBOWS: Final = (JOINT["ElbowLeft"], JOINT["ElbowRight"])
_FEET: Final = {"Foot": 0.055, "Ankle": 0.025}
_FEET_INFERRED: Final = 0.5
_WANDER_M: Final = 0.07
_WANDER_PERIODS_S: Final = (0.31, 0.47, 0.83)
_TO_TRUNK: Final = 0.35
_HANDS_SWAPPED_SHARE: Final = 0.3
_SWAP_S: Final = 0.5

OTHER_SIDE: Final = KINECT_V2_SKELETON.flip
"""(25,) the joint on the other side of the body; its own inverse."""


class BodyFaults:
    """Changes body rows.

    Args:
        plan: The faults.
        seed: What random choices come from.
    """

    def __init__(self, plan: FaultPlan, seed: int) -> None:
        self._plan = plan
        self._seed = seed

    def has_outliers(self, tick: int) -> bool:
        """Return True if the row of a tick gets a joint that is far off."""
        return bool(np.random.default_rng([self._seed, 601, tick]).random() < OUTLIER_SHARE)

    def change(self, row: Any, slot: int, pose: Pose, tick: int, moment_s: float) -> None:
        """Change one person of a row, in place; pixels are left to the caller.

        Args:
            row: A row of ``BODIES_DTYPE``.
            slot: The person's.
            pose: What they really do, one time.
            tick: Number of the row.
            moment_s: Its moment, seconds of the take.
        """
        rng = np.random.default_rng([self._seed, 602, tick, slot])
        plan = self._plan
        if plan.lasting(moment_s, "crossed_arms") and pose.crossed[0] > 0.5:
            self._cross(row, slot, pose, moment_s, rng)
        if plan.lasting(moment_s, "feet_noise"):
            _shake_feet(row, slot, rng)
        if plan.lasting(moment_s, "outliers") and self.has_outliers(tick):
            _throw_joint(row, slot, rng)
        if plan.lasting(moment_s, "side_swap") and np.cos(pose.turn[0]) < 0:
            swap_sides(row, slot)

    def _cross(
        self, row: Any, slot: int, pose: Pose, moment_s: float, rng: np.random.Generator
    ) -> None:
        """Let the tracker lose hands and wrists of crossed arms: guessed, wandering, exchanged."""
        joints = row["joint_xyz_m"][slot]
        block = np.random.default_rng([self._seed, 603, int(moment_s / _SWAP_S)])
        if block.random() < _HANDS_SWAPPED_SHARE:
            lower = list(_ARMS)
            joints[lower] = joints[OTHER_SIDE[lower]]
        phases = np.random.default_rng([self._seed, 604, slot]).uniform(0, 2 * np.pi, (2, 3, 3))
        turns = 2 * np.pi * moment_s / np.array(_WANDER_PERIODS_S)
        wander = _WANDER_M * np.sin(turns + phases).mean(axis=2)
        middle = pose.joints[0, JOINT["SpineMid"]]
        for side, offset in ((0, wander[0]), (1, wander[1])):
            hand = list(_ARMS[4 * side : 4 * side + 4])
            joints[hand] += _TO_TRUNK * (middle - joints[hand[0]]) + offset
            joints[hand] += 0.01 * rng.standard_normal((4, 3))
            joints[_ELBOWS[side]] += 0.4 * offset
        row["joint_state"][slot][list(_ARMS)] = TrackingState.inferred
        row["joint_state"][slot][list(_ELBOWS)] = np.where(
            rng.random(2) < 0.5, TrackingState.inferred, row["joint_state"][slot][list(_ELBOWS)]
        )
        for name in ("left", "right"):
            row[f"hand_{name}_state"][slot] = 1
            row[f"hand_{name}_confidence"][slot] = 0


def swap_sides(row: Any, slot: int) -> None:
    """Call a person's left right and their right left, in place."""
    for name in ("joint_xyz_m", "joint_color_px", "joint_state", "joint_orientation"):
        row[name][slot] = row[name][slot][OTHER_SIDE]
    for what in ("state", "confidence"):
        left, right = f"hand_left_{what}", f"hand_right_{what}"
        row[left][slot], row[right][slot] = int(row[right][slot]), int(row[left][slot])


def _shake_feet(row: Any, slot: int, rng: np.random.Generator) -> None:
    """Let feet and ankles jump about."""
    for part, spread in _FEET.items():
        for side in ("Left", "Right"):
            joint = JOINT[part + side]
            row["joint_xyz_m"][slot, joint] += spread * rng.standard_normal(3)
            if rng.random() < _FEET_INFERRED:
                row["joint_state"][slot, joint] = TrackingState.inferred


def _throw_joint(row: Any, slot: int, rng: np.random.Generator) -> None:
    """Put one joint far away from where it is; the tracker says that it is sure."""
    away: NDArray[np.float64] = rng.standard_normal(3) * (1.0, 1.0, 0.3)
    away *= rng.uniform(0.3, 0.7) / np.linalg.norm(away)
    row["joint_xyz_m"][slot, int(rng.integers(len(JOINT_NAMES)))] += away
