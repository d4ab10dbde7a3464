"""Gaps in the coverage of a recording: targets, and words for what falls short of them.

The targets are a guide, not a rule: a net for one place needs what is done in that place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ..findings import keypoint_words

LEAST_FRAMES: Final = 90
"""With fewer frames (3 s) nothing is said."""
ZONE_TARGETS: Final = {
    "above the head": 0.03, "above the shoulder": 0.08, "far to the side": 0.05,
    "out to the side": 0.05, "in front of the trunk": 0.05, "across the body": 0.03,
    "at the hips or below": 0.05,
}  # fmt: skip
"""Least share of the frames in each zone."""
REACH_TARGET: Final = 0.5
"""Least share of the cells in reach."""
DISTANCE_TARGETS: Final = {
    (1.5, 2.0): 0.05, (2.0, 2.5): 0.1, (2.5, 3.0): 0.1, (3.0, 3.5): 0.05,
}  # fmt: skip
"""Least share of the frames at each distance, metres."""
YAW_TARGETS: Final = {(-45.0, -15.0): 0.05, (-15.0, 15.0): 0.2, (15.0, 45.0): 0.05}
"""Least share of the frames at each turn, degrees; farther round the sensor guesses too much."""


@dataclass(frozen=True)
class Shares:
    """The shares that are held against the targets.

    Attributes:
        limb_frames: By limb the frames in which its place is known.
        visited: By limb the share of its reach that was visited.
        zones: By limb and zone the share of the frames.
        distance: By bin, metres, the share of the frames; empty: unknown.
        yaw: By bin, degrees, the share of the frames; empty: unknown.
    """

    limb_frames: Mapping[str, int]
    visited: Mapping[str, float]
    zones: Mapping[str, Mapping[str, float]]
    distance: Mapping[tuple[float, float], float]
    yaw: Mapping[tuple[float, float], float]


def limb_words(limb: str) -> str:
    """Return a limb in a person's words: the wrist is a hand."""
    return keypoint_words(limb).replace("wrist", "hand")


def turn_words(low: float, high: float) -> str:
    """Return a bin of turns in words; positive is the person's own left."""
    if low < 0 < high:
        return "facing the sensor"
    side, near, far = ("left", low, high) if low >= 0 else ("right", -high, -low)
    return f"turned {near:.0f} to {far:.0f} degrees to the {side}"


def missing_parts(shares: Shares) -> list[str]:
    """Return what falls short of the targets, in words, the largest want first."""
    wants: list[tuple[float, str]] = []

    def want(share: float, target: float, words: str) -> None:
        if share < target:
            wants.append((1 - share / target, f"{words}: {_percent(share)} of frames"))

    known = [limb for limb, frames in shares.limb_frames.items() if frames >= LEAST_FRAMES]
    for limb in known:
        for zone, share in shares.zones[limb].items():
            want(share, ZONE_TARGETS[zone], f"{limb_words(limb)} {zone}")
    if known:
        for (low, high), target in DISTANCE_TARGETS.items():
            if shares.distance:
                words = f"distance {low:.1f} to {high:.1f} m"
                want(shares.distance.get((low, high), 0.0), target, words)
        for bounds, target in YAW_TARGETS.items():
            if shares.yaw:
                want(shares.yaw.get(bounds, 0.0), target, turn_words(*bounds))
    for limb in known:
        share = shares.visited[limb]
        if share < REACH_TARGET:
            words = f"{limb_words(limb)}: {_percent(share)} of its reach visited"
            wants.append((1 - share / REACH_TARGET, words))
    return [words for _, words in sorted(wants, key=lambda one: -one[0])]


def _percent(share: float) -> str:
    """Return a share in words; a tiny one is not none."""
    return "0 %" if not share else "under 1 %" if share < 0.01 else f"{100 * share:.0f} %"
