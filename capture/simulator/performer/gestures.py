"""Gestures of the hands: the paper's and everyday ones, as wrist targets over time.

A target is given for each arm relative to its shoulder, in arm lengths: outward to the arm's own
side, up, forward. Everything is a pure function of time, so a take can be evaluated in any pieces.
"""

from bisect import bisect_right
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PAPER_GESTURES: Final = ("select", "move", "rotate", "zoom", "draw", "steer")
"""The gestures of the use case in Linna, Kannala and Rahtu."""

GESTURES: Final = (
    "rest", *PAPER_GESTURES, "hips", "raise", "cross", "behind", "face", "reach", "spread",
)  # fmt: skip

_WEIGHTS: Final = np.array([1.2, 1, 1, 1, 1, 1, 1, 0.8, 0.9, 0.5, 0.35, 0.5, 1.2, 0.5])
_ONE_HANDED: Final = frozenset({"select", "move", "rotate", "draw", "raise", "face", "reach"})
_BLEND_S: Final = 0.55
CROSSED: Final = GESTURES.index("cross")
RAISED: Final = GESTURES.index("raise")
_RAISED_AT: Final = np.array([0.3, 0.64, 0.2])
"""The place of a wrist whose hand is above the head."""
_CROSSED_AT: Final = np.array([[-0.52, -0.36, 0.42], [-0.5, -0.22, 0.27]])
"""(2, 3) wrists of arms that truly cross in front of the chest: the left one is under the right."""


class HandState(IntEnum):
    """The SDK's hand states."""

    UNKNOWN = 0
    NOT_TRACKED = 1
    OPEN = 2
    CLOSED = 3
    LASSO = 4


_GRIP: Final = {
    "move": HandState.CLOSED,
    "rotate": HandState.CLOSED,
    "zoom": HandState.CLOSED,
    "steer": HandState.CLOSED,
    "draw": HandState.LASSO,
    "hips": HandState.CLOSED,
}


def ease(x: Floats) -> Floats:
    """Rise smoothly from 0 to 1 between x = 0 and x = 1, without a jump in speed or force."""
    x = np.clip(x, 0.0, 1.0)
    return x**3 * (10 - 15 * x + 6 * x**2)


@dataclass(frozen=True, slots=True)
class Segment:
    """One gesture of a script: from ``start`` until the next one begins.

    Attributes:
        start: Seconds.
        gesture: Index into ``GESTURES``.
        active: Which arms (right, left) make it; the others hang down.
        rest: (2, 3) where a hanging hand is.
        anchor: (3,) where the gesture is made.
        rate: Radians a second of its main motion.
        phase: Radians.
        wander: (2, 3) phases of the free motion of each hand.
    """

    start: float
    gesture: int
    active: tuple[bool, bool]
    rest: Floats
    anchor: Floats
    rate: float
    phase: float
    wander: Floats

    def targets(self, time_s: Floats) -> Floats:
        """Return (T, 2, 3) wrist targets (right arm, left arm)."""
        name = GESTURES[self.gesture]
        moving = np.stack([self._moving(name, arm, time_s) for arm in (0, 1)], axis=1)
        drift = 0.015 * np.sin(1.9 * time_s[:, None, None] + self.wander)
        hanging = self.rest + drift
        return np.where(np.array(self.active)[None, :, None], moving, hanging)

    def hands(self, time_s: Floats) -> NDArray[np.uint8]:
        """Return (T, 2) hand states (right, left)."""
        name = GESTURES[self.gesture]
        states = np.full((len(time_s), 2), HandState.OPEN, np.uint8)
        grip = np.full(len(time_s), _GRIP.get(name, HandState.OPEN), np.uint8)
        if name == "select":  # closes while it pushes
            grip[np.sin(self.rate * time_s + self.phase) > 0.2] = HandState.CLOSED
        for arm in (0, 1):
            if self.active[arm]:
                states[:, arm] = grip
        return states

    def _moving(self, name: str, arm: int, time_s: Floats) -> Floats:
        """Return (T, 3) targets of an arm that takes part."""
        turn = self.rate * time_s + self.phase
        wave, lift = np.sin(turn), np.cos(turn)
        out, up, ahead = self.anchor
        mirrored = 1.0 if arm == 0 else -1.0

        def path(*columns: Floats | float) -> Floats:
            return np.stack(np.broadcast_arrays(*columns, time_s)[:3], axis=1)

        match name:
            case "select":
                return path(out, up, ahead + 0.2 * wave)
            case "move":
                return path(out + 0.5 * wave, up + 0.12 * lift, ahead)
            case "rotate":
                return path(out + 0.3 * wave, up + 0.3 * lift, ahead)
            case "draw":
                return path(out + 0.42 * wave, up + 0.26 * np.sin(2 * turn), ahead)
            case "zoom":
                return path(0.28 + 0.38 * wave, up + mirrored * 0.1 * wave, ahead)
            case "steer":
                return path(0.05, -0.1 + mirrored * 0.3 * np.sin(0.9 * wave), 0.62)
            case "raise":
                return path(0.25 + 0.12 * wave, 0.76 + 0.12 * lift, 0.25)
            case "hips":
                return path(0.14, -0.74 + 0.01 * wave, 0.06)
            case "cross":
                return path(-0.42, -0.36 + 0.06 * mirrored, 0.4 + 0.06 * mirrored + 0.01 * wave)
            case "behind":
                return path(-0.2, -0.72 + 0.02 * wave, -0.36)
            case "face":
                return path(-0.2 + 0.05 * wave, 0.34 + 0.07 * lift, 0.34)
            case "spread":
                return path(0.86, 0.1 + 0.25 * wave, 0.15)
            case "reach":
                return self._reach(arm, turn)
            case _:
                return path(*self.rest[arm])

    def _reach(self, arm: int, turn: Floats) -> Floats:
        """Return (T, 3) targets that wander all over the space in front of the person."""
        a, b, c = self.wander[arm]
        return np.stack(
            [
                0.25 + 0.55 * np.sin(0.8 * turn + a),
                0.0 + 0.75 * np.sin(0.57 * turn + b),
                0.42 + 0.3 * np.sin(0.43 * turn + c),
            ],
            axis=1,
        )


def cross_arms(targets: Floats, crossed: Floats, time_s: Floats) -> Floats:
    """Return (T, 2, 3) wrist targets with the arms crossed.

    Args:
        targets: (T, 2, 3) where the wrists would be.
        crossed: (T,) how far the arms are crossed, 0 to 1.
        time_s: (T,) seconds since the take began.
    """
    share = crossed[:, None, None]
    breath = 0.012 * np.sin(1.7 * time_s)[:, None, None]
    return np.asarray(share * (_CROSSED_AT + breath) + (1 - share) * targets)


def raise_hands(targets: Floats, raised: Floats, time_s: Floats) -> Floats:
    """Return (T, 2, 3) wrist targets with both hands above the head.

    Args:
        targets: (T, 2, 3) where the wrists would be.
        raised: (T,) how far the hands are raised, 0 to 1.
        time_s: (T,) seconds since the take began.
    """
    share = raised[:, None, None]
    sway = 0.01 * np.sin(1.3 * time_s)[:, None, None]
    return np.asarray(share * (_RAISED_AT + sway) + (1 - share) * targets)


class GestureScript:
    """An endless, seeded sequence of gestures.

    Args:
        seed: What the random choices come from.
        wild: Draw more free reaching and both arms more often, for a wide range of poses.
    """

    def __init__(self, seed: tuple[int, ...], *, wild: bool = False) -> None:
        self._seed = seed
        self._wild = wild
        weights = _WEIGHTS.copy()
        if wild:
            weights[GESTURES.index("reach")] *= 6
        self._probability = weights / weights.sum()
        self._segments: list[Segment] = []
        self._end = 0.0

    def evaluate(self, time_s: Floats) -> tuple[Floats, NDArray[np.uint8], NDArray[np.int64]]:
        """Return the wrist targets, hand states and gestures at some times.

        Args:
            time_s: (T,) seconds since the take began, >= 0.

        Returns:
            (T, 2, 3) targets of the right and left wrist, (T, 2) hand states, (T,) indices into
            ``GESTURES``.
        """
        self._extend(float(time_s.max(initial=0.0)))
        starts = [segment.start for segment in self._segments]
        which = np.array([bisect_right(starts, t) - 1 for t in time_s], np.int64)
        targets = np.zeros((len(time_s), 2, 3))
        hands = np.zeros((len(time_s), 2), np.uint8)
        for index in np.unique(which):
            chosen = which == index
            now, segment = time_s[chosen], self._segments[index]
            goal = segment.targets(now)
            if index > 0:
                share = ease((now - segment.start) / _BLEND_S)[:, None, None]
                goal = share * goal + (1 - share) * self._segments[index - 1].targets(now)
            targets[chosen] = goal
            hands[chosen] = segment.hands(now)
        gestures = np.array([segment.gesture for segment in self._segments], np.int64)
        return targets, hands, gestures[which]

    def _extend(self, until_s: float) -> None:
        """Make sure that the script reaches past a time."""
        while self._end <= until_s:
            self._segments.append(self._draw(len(self._segments)))

    def _draw(self, index: int) -> Segment:
        """Draw the next gesture."""
        rng = np.random.default_rng([*self._seed, index])
        gesture = int(rng.choice(len(GESTURES), p=self._probability))
        both = rng.random() < (0.5 if self._wild else 0.15)
        right = rng.random() < 0.6
        if GESTURES[gesture] in _ONE_HANDED and not both:
            active = (right, not right)
        else:
            active = (True, True)
        start = self._end
        self._end += float(rng.uniform(1.5, 3.5))
        return Segment(
            start=start,
            gesture=gesture,
            active=active,
            rest=np.array([0.2, -0.95, 0.1]) + rng.normal(0, 0.035, (2, 3)),
            anchor=rng.uniform([-0.25, -0.3, 0.45], [0.45, 0.35, 0.72]),
            rate=2 * np.pi * float(rng.uniform(0.35, 0.9)),
            phase=2 * np.pi * float(rng.random()),
            wander=2 * np.pi * rng.random((2, 3)),
        )
