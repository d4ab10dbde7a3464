"""Every filter by its name, and what build does where it names something.

A filter is a function in a file of this folder and a row here. One that judges keypoints of single
bodies needs nothing else: the session's tables keep its marks, build gives weight 0 and counts. If
its row has ``text``, it is a kind of finding too, with a row in ``sessions/kinds.py``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from ...core.geometry import as_floats
from ...core.skeleton import JOINT, JOINTS, KEYPOINT_JOINT, KEYPOINTS
from ...core.units import TICK_S
from . import bones, crowding, hands, motion, places, poses, redundancy, sides, surface, timing
from .bodies import Bodies, Bools, Floats
from .settings import FilterSettings

Effect = Literal["weight", "drop", "mark"]
"""Of a filter in build.

- weight: the keypoints that it names get weight 0; the frame is dropped where too few are left.
- drop: the frames that it names are dropped.
- mark: the rows that it names have a bit.
"""
Judge = Callable[[Bodies, FilterSettings], Bools]


@dataclass(frozen=True)
class Filter:
    """One filter.

    Attributes:
        judge: Returns (N, 25) bool joints for the effect "weight", else (N,) bool bodies.
        effect: What build does.
        marks: The same for a stretch of bodies that begins and ends anywhere, looking at 32 rows
            on either side at most: (N, 25) bool, kept with the session's tables. None: the filter
            needs all of a person, or more than joints.
        bit: Bit of ``keypoint_quality`` for the effect "weight"; never changes.
        text: Text of a finding; ``{seconds}``, ``{count}`` and ``{share}`` are filled in. Empty:
            the report has no finding of this kind.
        join_s: Named rows at most this far apart belong to one finding.
        least_s: A finding lasts at least this long.
        least: A finding has at least this many named rows.
    """

    judge: Judge
    effect: Effect = "weight"
    marks: Judge | None = None
    bit: int | None = None
    text: str = ""
    join_s: float = 0.5
    least_s: float = 0.3
    least: int = 1


def judge_bodies(bodies: Bodies, settings: FilterSettings | None = None) -> dict[str, Bools]:
    """Run every filter that is not switched off.

    Args:
        bodies: N bodies, sorted by person and time.
        settings: Thresholds.

    Returns:
        By name (N, 13) bool keypoints of a filter with the effect "weight", else (N,) bool bodies.
    """
    settings = settings or FilterSettings()
    found = {}
    with np.errstate(all="ignore"):
        for name, one in FILTERS.items():
            if settings.uses(name):
                named = one.judge(bodies, settings)
                found[name] = named[:, KEYPOINT_JOINT] if one.effect == "weight" else named
    return found


def _joints(*parts: str) -> Bools:
    """Return (25,) bool: the joints of these parts on both sides."""
    chosen = np.zeros(JOINTS, np.bool_)
    chosen[[JOINT[part + side] for part in parts for side in ("Left", "Right")]] = True
    return chosen


_HANDS: Final = _joints("Wrist", "Hand", "HandTip", "Thumb")
_FEET: Final = _joints("Ankle", "Foot")
_NOT_SINCE_S: Final = 1.0
"""After this time out of sight, sides are taken to be right again."""


def on_joints(keypoints: Bools) -> Bools:
    """Return (N, 25) bool joints of (N, 13) keypoints."""
    named = np.zeros((len(keypoints), JOINTS), np.bool_)
    named[:, KEYPOINT_JOINT] = keypoints
    return named


def _none(bodies: Bodies) -> Bools:
    return np.zeros(len(bodies), np.bool_)


def _points(bodies: Bodies) -> Floats:
    assert bodies.joint_px is not None
    return as_floats(bodies.joint_px[:, KEYPOINT_JOINT])


def _tracking(bodies: Bodies, settings: FilterSettings) -> Bools:
    state = bodies.state[:, KEYPOINT_JOINT]
    lost = places.guessed(state)
    if bodies.joint_px is not None and bodies.size_px is not None:
        lost |= places.nowhere(_points(bodies), bodies.size_px)
    return on_joints(lost)


def _range(bodies: Bodies, settings: FilterSettings) -> Bools:
    return places.out_of_range(places.body_depth(bodies.joints, bodies.state), settings)


def _edge(bodies: Bodies, settings: FilterSettings) -> Bools:
    if bodies.joint_px is None or bodies.size_px is None:
        return on_joints(np.zeros((len(bodies), KEYPOINTS), np.bool_))
    clipped = np.zeros(len(bodies), np.uint8) if bodies.clipped is None else bodies.clipped
    return on_joints(places.at_edge(_points(bodies), clipped, bodies.size_px, settings))


def _bone_length(bodies: Bodies, settings: FilterSettings) -> Bools:
    length, sure = bones.bone_ends(bodies.joints, bodies.state)
    return on_joints(bones.odd_lengths(length, sure, bodies.linked, bodies.person, settings))


def _hand_bend(bodies: Bodies, settings: FilterSettings) -> Bools:
    bend = hands.hand_bends(bodies.joints, bodies.state)
    return on_joints(hands.bent_hands(bend, bodies.linked, bodies.person, settings))


def _body_size(bodies: Bodies, settings: FilterSettings) -> Bools:
    length, sure = bones.bone_ends(bodies.joints, bodies.state)
    odd = bones.odd_sizes(length, sure, bodies.person, settings)
    return on_joints(np.repeat(odd[:, None], KEYPOINTS, axis=1))


def _symmetry(bodies: Bodies, settings: FilterSettings) -> Bools:
    length, sure = bones.bone_ends(bodies.joints, bodies.state)
    return on_joints(bones.uneven_sides(length, sure, bodies.person, settings))


def _speed(bodies: Bodies, settings: FilterSettings) -> Bools:
    # where sides change place, every joint jumps: that is another filter
    swapping = sides.swap_steps(bodies.joints, bodies.linked, settings)
    return motion.too_fast(bodies.joints, bodies.linked & ~swapping, bodies.time_s, settings)


def _outliers(bodies: Bodies, settings: FilterSettings) -> Bools:
    swapping = sides.swap_steps(bodies.joints, bodies.linked, settings)
    return np.asarray(motion.spikes(bodies.joints, bodies.linked, settings) & ~swapping[:, None])


def _frozen(bodies: Bodies, settings: FilterSettings) -> Bools:
    still = motion.frozen_joints(bodies.joints, bodies.state, bodies.linked, settings)
    # hands alone may be still: their joints are the sensor's own guesses
    keypoints: Bools = np.asarray(still[:, KEYPOINT_JOINT].any(axis=1))
    return np.asarray(still & keypoints[:, None])


def _turned_away(bodies: Bodies, settings: FilterSettings) -> Bools:
    return poses.turned_away(bodies.joints, settings)


def _turned_away_marks(bodies: Bodies, settings: FilterSettings) -> Bools:
    return np.repeat(poses.turned_away(bodies.joints, settings)[:, None], JOINTS, axis=1)


def _stiff_turn(bodies: Bodies, settings: FilterSettings) -> Bools:
    time_s = TICK_S * np.arange(len(bodies)) if bodies.time_s is None else bodies.time_s
    yaw = poses.line_yaws(bodies.joints, bodies.state)
    # where sides change place the lines turn by half a circle: that is another filter
    linked = bodies.linked & ~sides.swap_steps(bodies.joints, bodies.linked, settings)
    turned = poses.stiff_turns(yaw, linked, as_floats(time_s), settings)
    return np.repeat(turned[:, None], JOINTS, axis=1)


def _side_swap(bodies: Bodies, settings: FilterSettings) -> Bools:
    steps = sides.swap_steps(bodies.joints, bodies.linked, settings)
    new = np.ones(len(bodies), np.bool_)
    if bodies.person is not None:
        new[1:] = np.diff(bodies.person) != 0
    else:
        new[1:] = False
    if bodies.time_s is not None:
        new[1:] |= np.diff(bodies.time_s) > _NOT_SINCE_S
    time_s = None if bodies.time_s is None else as_floats(bodies.time_s)
    swapped = sides.swapped_state(steps, np.cumsum(new), time_s, settings)
    return np.asarray(swapped[:, None] & sides.SIDED)


def _swap_steps(bodies: Bodies, settings: FilterSettings) -> Bools:
    steps = sides.swap_steps(bodies.joints, bodies.linked, settings)
    return np.asarray(steps[:, None] & sides.SIDED)


def _limb_swap(bodies: Bodies, settings: FilterSettings) -> Bools:
    time_s = TICK_S * np.arange(len(bodies)) if bodies.time_s is None else bodies.time_s
    steps = sides.limb_swap_steps(bodies.joints, bodies.linked, settings)
    length, _ = bones.bone_ends(bodies.joints, bodies.state)
    off_m = sides.arms_off(length, bodies.person)
    return sides.limbs_swapped(steps, np.cumsum(~bodies.linked), as_floats(time_s), settings, off_m)


def _limb_swap_steps(bodies: Bodies, settings: FilterSettings) -> Bools:
    return sides.limb_swap_steps(bodies.joints, bodies.linked, settings)


def _crossed_arms(bodies: Bodies, settings: FilterSettings) -> Bools:
    return np.asarray(poses.crossed_arms(bodies.joints, bodies.state)[:, None] & _HANDS)


def _feet_noise(bodies: Bodies, settings: FilterSettings) -> Bools:
    return np.asarray(motion.feet_noise(bodies.joints, bodies.linked)[:, None] & _FEET)


def _body_index(bodies: Bodies, settings: FilterSettings) -> Bools:
    if bodies.body_index is None or bodies.slot is None:
        return on_joints(np.zeros((len(bodies), KEYPOINTS), np.bool_))
    return on_joints(surface.off_body(bodies.body_index, bodies.slot, settings))


def _occlusion(bodies: Bodies, settings: FilterSettings) -> Bools:
    if bodies.surface_m is None:
        return on_joints(np.zeros((len(bodies), KEYPOINTS), np.bool_))
    depth = as_floats(bodies.joints[:, KEYPOINT_JOINT, 2])
    return on_joints(surface.hidden(bodies.surface_m, depth, settings))


def _overlap(bodies: Bodies, settings: FilterSettings) -> Bools:
    if bodies.joint_px is None or bodies.size_px is None or bodies.row is None:
        return _none(bodies)
    boxes = crowding.body_boxes(_points(bodies), bodies.size_px)
    return crowding.overlapped(boxes, bodies.row, settings)


def _timing(bodies: Bodies, settings: FilterSettings) -> Bools:
    late = _none(bodies)
    if bodies.gap_s is not None:
        late |= timing.after_gap(bodies.gap_s, settings)
    if bodies.residual_s is not None:
        late |= timing.unpaired(bodies.residual_s, settings)
    return late


def _redundancy(bodies: Bodies, settings: FilterSettings) -> Bools:
    if bodies.joint_px is None or bodies.size_px is None:
        return _none(bodies)
    points = _points(bodies)
    known = ~places.nowhere(points, bodies.size_px)
    who = np.zeros(len(bodies), np.int64) if bodies.person is None else bodies.person
    return redundancy.near_copies(points, known, who, settings)


_OFTEN: Final = 8
"""A single noisy row of a bone or a speed costs a weight; a finding is what comes again."""

FILTERS: Final[dict[str, Filter]] = {
    "tracking": Filter(_tracking),
    "range": Filter(_range, "drop"),
    "edge": Filter(_edge),
    "bone_length": Filter(
        _bone_length,
        bit=7,
        text="bones that are too long or too short: {count} rows in {seconds}",
        join_s=1.0,
        least_s=0.0,
        least=_OFTEN,
    ),
    "hand_bend": Filter(_hand_bend, bit=23),
    "body_size": Filter(_body_size, bit=20),
    "symmetry": Filter(
        _symmetry,
        bit=8,
        text="a bone much longer than its twin on the other side: {count} rows in {seconds}",
        join_s=1.0,
        least_s=0.0,
        least=_OFTEN,
    ),
    "speed": Filter(
        _speed,
        bit=9,
        marks=_speed,
        text="joints faster than any body: {count} rows in {seconds}",
        join_s=1.0,
        least_s=0.0,
        least=_OFTEN,
    ),
    "outliers": Filter(
        _outliers,
        bit=10,
        marks=_outliers,
        text="joints that jump away for single rows: {count} rows in {seconds}",
        join_s=1.0,
        least_s=0.0,
        least=3,
    ),
    "frozen": Filter(
        _frozen,
        bit=11,
        marks=_frozen,
        text="joints that don't move at all in {count} rows, {seconds}",
        join_s=0.1,
        least_s=0.0,
    ),
    "turned_away": Filter(
        _turned_away,
        "drop",
        marks=_turned_away_marks,
        text="turned away by more than 60 degrees for {seconds}",
    ),
    "stiff_turn": Filter(_stiff_turn, bit=22),
    "side_swap": Filter(
        _side_swap,
        bit=12,
        marks=_swap_steps,
        text="left and right exchanged for {seconds}",
        join_s=1.0,
        least_s=0.1,
    ),
    "limb_swap": Filter(_limb_swap, bit=21, marks=_limb_swap_steps),
    "crossed_arms": Filter(
        _crossed_arms,
        bit=13,
        marks=_crossed_arms,
        text="arms crossed or held in front of the trunk for {seconds}: hands and wrists are "
        "guesses",
    ),
    "feet_noise": Filter(
        _feet_noise,
        bit=14,
        marks=_feet_noise,
        text="feet or ankles jump about for {seconds}",
        join_s=1.0,
    ),
    "body_index": Filter(
        _body_index,
        bit=15,
        marks=_body_index,
        text="keypoints beside their own body: {count} rows in {seconds}",
        join_s=1.0,
    ),
    "occlusion": Filter(
        _occlusion,
        bit=16,
        marks=_occlusion,
        text="keypoints that something hides: {count} rows in {seconds}",
        join_s=1.0,
    ),
    "overlap": Filter(
        _overlap, "drop", text="two people's boxes overlap for {seconds}", least_s=0.1
    ),
    "timing": Filter(_timing, "mark"),
    "redundancy": Filter(_redundancy, "drop"),
}
"""By name, in the order in which a candidate is counted under them. ``side_swap``'s marks are the
rows in which the sides change place; which rows have them exchanged follows from a whole take
(``row_flags.exchanged``)."""

FILTER_NAMES: Final = tuple(FILTERS)
BODY_CHECKS: Final = {name: one for name, one in FILTERS.items() if one.marks is not None}
"""Filters whose marks the session's tables keep."""
CHECK_NAMES: Final = tuple(BODY_CHECKS)
"""The place of a name is its place in ``marks`` of a session's people."""
