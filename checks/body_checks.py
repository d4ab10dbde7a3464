"""The checks of single bodies: one table from the name of a kind to the function that judges it.

Each function takes a stretch of bodies and returns which joints of each body it names. A new check
is a row in ``BODY_CHECKS`` and a row in ``sessions/kinds.py``: the session's tables keep its marks,
and the report, build and review get its findings and row flags without further code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..core.skeleton import JOINT, JOINTS, KEYPOINT_JOINT
from .bodies import (
    SIDED,
    Bools,
    Joints,
    crossed_arms,
    feet_noise,
    frozen_joints,
    spikes,
    swap_steps,
    turned_away,
)


@dataclass(frozen=True)
class Bodies:
    """N bodies, each after the one that it follows.

    Attributes:
        joints: (N, 25, 3) metres, camera space.
        state: (N, 25) tracking states.
        linked: (N,) whether each is the same person as the one before it, at most 0.1 s later.
    """

    joints: Joints
    state: NDArray[np.uint8]
    linked: Bools


@dataclass(frozen=True)
class BodyCheck:
    """One check of single bodies, and how its rows become findings.

    Attributes:
        judge: Returns (N, 25) bool, which joints of each body are named; a body without any is not
            named.
        text: Text of a finding; ``{seconds}``, ``{count}`` and ``{share}`` are filled in.
        join_s: Named rows at most this far apart belong to one finding.
        least_s: A finding lasts at least this long.
        least: A finding has at least this many named rows.
    """

    judge: Callable[[Bodies], Bools]
    text: str
    join_s: float = 0.5
    least_s: float = 0.3
    least: int = 1


def _joints(*parts: str) -> Bools:
    """Return (25,) bool: the joints of these parts on both sides, or all joints without a part."""
    names = [part + side for part in parts for side in ("Left", "Right")]
    chosen = np.zeros(JOINTS, np.bool_)
    chosen[[JOINT[name] for name in names] if names else slice(None)] = True
    return chosen


_HANDS: Final = _joints("Wrist", "Hand", "HandTip", "Thumb")
_FEET: Final = _joints("Ankle", "Foot")
_ALL: Final = _joints()


def _crossed_arms(bodies: Bodies) -> Bools:
    return np.asarray(crossed_arms(bodies.joints, bodies.state)[:, None] & _HANDS)


def _turned_away(bodies: Bodies) -> Bools:
    return np.asarray(turned_away(bodies.joints)[:, None] & _ALL)


def _swap_steps(bodies: Bodies) -> Bools:
    return np.asarray(swap_steps(bodies.joints, bodies.linked)[:, None] & SIDED)


def _feet_noise(bodies: Bodies) -> Bools:
    return np.asarray(feet_noise(bodies.joints, bodies.linked)[:, None] & _FEET)


def _outliers(bodies: Bodies) -> Bools:
    # where sides change place, every joint jumps: that is another kind
    swapping = swap_steps(bodies.joints, bodies.linked)
    return np.asarray(spikes(bodies.joints, bodies.linked) & ~swapping[:, None])


def _frozen(bodies: Bodies) -> Bools:
    still = frozen_joints(bodies.joints, bodies.state, bodies.linked)
    # hands alone may be still: their joints are the sensor's own guesses
    keypoints: Bools = np.asarray(still[:, KEYPOINT_JOINT].any(axis=1))
    return np.asarray(still & keypoints[:, None])


BODY_CHECKS: Final[dict[str, BodyCheck]] = {
    "crossed_arms": BodyCheck(
        _crossed_arms,
        "arms crossed or held in front of the trunk for {seconds}: hands and wrists are guesses",
    ),
    "turned_away": BodyCheck(_turned_away, "turned away by more than 60 degrees for {seconds}"),
    "side_swap": BodyCheck(
        _swap_steps, "left and right exchanged for {seconds}", join_s=1.0, least_s=0.1
    ),
    "feet_noise": BodyCheck(_feet_noise, "feet or ankles jump about for {seconds}", join_s=1.0),
    "outliers": BodyCheck(
        _outliers,
        "joints that jump away for single rows: {count} rows in {seconds}",
        join_s=1.0,
        least_s=0.0,
        least=3,
    ),
    "frozen": BodyCheck(
        _frozen,
        "joints that don't move at all in {count} rows, {seconds}",
        join_s=0.1,
        least_s=0.0,
    ),
}
"""By kind. ``side_swap`` marks the rows in which the sides change place; which rows have them
exchanged follows from all of a take (``row_flags.exchanged``)."""

CHECK_NAMES: Final = tuple(BODY_CHECKS)
"""The place of a name is its place in ``marks`` of a session's people."""
