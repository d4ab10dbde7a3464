"""The body's own surface: arms, legs, neck, head, hair, hands.

Sizes are for a person of 1.75 m and scaled to the subject; they are plausible guesses.
"""

from dataclasses import dataclass

import numpy as np

from ..performer.gestures import HandState
from ..performer.rig import Bone, rest_origins
from ..performer.subject import Bones, Subject
from .surface import (
    Floats,
    Patch,
    carried,
    column,
    grid_uv,
    joined,
    profile,
    stations,
    sweep,
    wrinkles,
)  # fmt: skip

ARM_RADIUS = ((0.06, 0.044), (0.0, 0.047), (-0.07, 0.048), (-0.2, 0.042), (-0.275, 0.039),
              (-0.34, 0.041), (-0.42, 0.035), (-0.5, 0.027), (-0.535, 0.026))  # fmt: skip
"""Arm radius by height below the shoulder, metres."""

SHOULDER_TOP = 0.036
"""Height of the flesh above the shoulder joint, metres."""

LEG_RADIUS = ((0.08, 0.074), (0.0, 0.086), (-0.1, 0.084), (-0.25, 0.071), (-0.38, 0.058),
              (-0.44, 0.055), (-0.52, 0.058), (-0.6, 0.056), (-0.72, 0.042), (-0.8, 0.036),
              (-0.84, 0.037), (-0.9, 0.036))  # fmt: skip
"""Leg radius by height below the hip, metres."""


@dataclass(frozen=True, slots=True)
class Build:
    """Sizes of one subject that the surfaces are made with.

    Attributes:
        unit: Height relative to 1.75 m.
        girth: Thickness relative to the average, already times ``unit``.
        origins: (15, 3) rest origins of the bones, metres.
    """

    unit: float
    girth: float
    origins: Floats

    @classmethod
    def of(cls, subject: Subject) -> "Build":
        """Return the build of a subject."""
        return cls(subject.height, subject.girth * subject.height, rest_origins(Bones.of(subject)))

    def scaled(self, knots: tuple[tuple[float, float], ...]) -> list[tuple[float, float]]:
        """Scale (height, radius) knots to the subject."""
        return [(h * self.unit, r * self.girth) for h, r in knots]


def arm_path(build: Build, side: int, top: float, bottom: float, spacing: float = 0.03) -> Floats:
    """Return (R, 3) ring centres of an arm, from ``top`` to ``bottom`` below the shoulder."""
    origin = build.origins[Bone.UPPER_ARM_RIGHT + (side < 0)]
    elbow = build.origins[Bone.FOREARM_RIGHT, 1] - origin[1]
    heights = stations(top, bottom, spacing * build.unit, elbow)
    return column(origin[1] + heights, origin[0], origin[2])


def arm_radius(build: Build, side: int, path: Floats, ease: float = 0.0) -> Floats:
    """Return (R,) arm radii with a rounded top."""
    origin = build.origins[Bone.UPPER_ARM_RIGHT + (side < 0)]
    below = path[:, 1] - origin[1]
    radius = profile(below, build.scaled(ARM_RADIUS)) + ease
    dome = np.sqrt(np.clip(1 - (np.maximum(below, 0) / shoulder_top(build, ease)) ** 2, 0.0, 1))
    return np.asarray(np.maximum(radius * dome, 1e-3))


def shoulder_top(build: Build, ease: float) -> float:
    """Return how far an arm or a sleeve reaches above the shoulder joint, metres."""
    return SHOULDER_TOP * build.girth + 0.4 * ease


def arm_weights(build: Build, side: int, points: Floats) -> Floats:
    """Return bone weights of an arm's points."""
    offset = int(side < 0)
    upper, fore = Bone(Bone.UPPER_ARM_RIGHT + offset), Bone(Bone.FOREARM_RIGHT + offset)
    weights = joined(points, upper, fore, build.origins[fore, 1], 0.045 * build.unit)
    wrist = build.origins[Bone.HAND_RIGHT, 1]
    t = np.clip((wrist + 0.02 * build.unit - points[..., 1]) / (0.03 * build.unit), 0, 1)[..., None]
    hand_only = carried(points, (Bone(Bone.HAND_RIGHT + offset), 1.0))
    return np.asarray(weights * (1 - t) + hand_only * t)


def arm(build: Build, side: int, top: float) -> Patch:
    """Make the bare arm from ``top`` metres above the shoulder (or below it) to the wrist."""
    wrist = build.origins[Bone.HAND_RIGHT, 1] - build.origins[Bone.UPPER_ARM_RIGHT, 1]
    top = min(top, 0.999 * shoulder_top(build, 0.0))
    path = arm_path(build, side, top, wrist - 0.012)
    radius = arm_radius(build, side, path)
    below = path[:, 1] - build.origins[Bone.UPPER_ARM_RIGHT, 1]
    flat = np.clip((below - wrist) / (0.12 * build.unit), 0, 1)  # the wrist is flatter than wide
    points = sweep(path, radius * (0.74 + 0.26 * flat), radius * (1.12 - 0.12 * flat), around=16)
    return Patch(points, arm_weights(build, side, points), "skin", 0.8 * grid_uv(points))


def leg_path(build: Build, side: int, top: float, bottom: float, spacing: float = 0.035) -> Floats:
    """Return (R, 3) ring centres of a leg, from ``top`` to ``bottom`` below the hip."""
    origin = build.origins[Bone.THIGH_RIGHT + (side < 0)]
    knee = build.origins[Bone.SHIN_RIGHT, 1] - origin[1]
    heights = stations(top, bottom, spacing * build.unit, knee)
    calf = 0.014 * np.exp(-(((heights - knee + 0.13) / 0.09) ** 2))
    return column(origin[1] + heights, origin[0], origin[2] + calf * build.unit)


def leg_radius(build: Build, path: Floats) -> Floats:
    """Return (R,) leg radii."""
    return profile(path[:, 1] - build.origins[Bone.THIGH_RIGHT, 1], build.scaled(LEG_RADIUS))


def leg_weights(build: Build, side: int, points: Floats) -> Floats:
    """Return bone weights of a leg's points, the pelvis' share at the top included."""
    offset = int(side < 0)
    thigh, shin = Bone(Bone.THIGH_RIGHT + offset), Bone(Bone.SHIN_RIGHT + offset)
    weights = joined(points, thigh, shin, build.origins[shin, 1], 0.055 * build.unit)
    hip = build.origins[thigh, 1]
    t = np.clip((points[..., 1] - hip + 0.06) / 0.12, 0, 1)[..., None]
    weights = weights * (1 - t) + carried(points, (Bone.PELVIS, 1.0)) * t
    ankle = build.origins[Bone.FOOT_RIGHT, 1]
    t = np.clip((ankle + 0.02 - points[..., 1]) / 0.05, 0, 0.7)[..., None]
    foot_only = carried(points, (Bone(Bone.FOOT_RIGHT + offset), 1.0))
    return np.asarray(weights * (1 - t) + foot_only * t)


def leg(build: Build, side: int, top: float, swatch: str = "skin") -> Patch:
    """Make the bare (or socked) leg from ``top`` metres below the hip to the ankle."""
    ankle = build.origins[Bone.FOOT_RIGHT, 1] - build.origins[Bone.THIGH_RIGHT, 1]
    path = leg_path(build, side, top, ankle - 0.03)
    radius = leg_radius(build, path)
    points = sweep(path, radius, radius, around=18)
    return Patch(points, leg_weights(build, side, points), swatch, 0.9 * grid_uv(points))


def neck(build: Build) -> Patch:
    """Make the neck with the upper breast, as far as a wide collar shows it."""
    unit, girth = build.unit, build.girth
    base = build.origins[Bone.HEAD, 1]
    heights = base + unit * np.array([0.09, 0.06, 0.03, 0.0, -0.025, -0.045, -0.065, -0.1, -0.15])
    right = girth * np.array([0.052, 0.052, 0.053, 0.057, 0.066, 0.086, 0.108, 0.128, 0.138])
    front = girth * np.array([0.054, 0.055, 0.057, 0.059, 0.061, 0.067, 0.076, 0.088, 0.096])
    back = unit * np.array([0.016, 0.014, 0.014, 0.014, 0.012, 0.008, 0.004, 0.0, 0.0])
    points = sweep(column(heights, 0.0, back), right, front, around=20)
    weights = joined(points, Bone.HEAD, Bone.CHEST, base + 0.03 * unit, 0.05 * unit)
    shade = np.array([0.8, 0.82, 0.88, 0.95, 1.0, 1.0, 1.0, 1.0, 1.0])[:, None]
    return Patch(points, weights, "skin", 0.8 * grid_uv(points), np.broadcast_to(shade, (9, 21)))


_UNDER_CHIN = ((-0.1235, 0.024, 0.064, -0.034), (-0.118, 0.026, 0.05, -0.02),
               (-0.108, 0.02, 0.03, -0.01))  # fmt: skip
"""Rings that close the jaw from below, rising toward the throat; columns as in the skull."""

_SKULL = (
    # height, half width, front, back: metres from the head's centre
    (-0.122, 0.022, 0.076, -0.040), (-0.117, 0.033, 0.085, -0.016), (-0.105, 0.043, 0.090, 0.012),
    (-0.085, 0.053, 0.0905, 0.040), (-0.06, 0.061, 0.089, 0.066), (-0.03, 0.068, 0.089, 0.088),
    (0.0, 0.0735, 0.0885, 0.098), (0.03, 0.0755, 0.0905, 0.102), (0.06, 0.0735, 0.085, 0.099),
    (0.085, 0.064, 0.071, 0.086), (0.102, 0.047, 0.05, 0.062), (0.112, 0.026, 0.027, 0.033),
    (0.1155, 0.003, 0.003, 0.004),
)  # fmt: skip


def _skull(build: Build, swell: float, around: int) -> tuple[Floats, Floats]:
    """Return points (R, C, 3) of the skull blown up by ``swell`` metres, and ring heights (R,)."""
    table = np.array(_SKULL)
    height = np.concatenate(
        [np.linspace(0.1155, 0.085, 7)[:-1], np.linspace(0.085, -0.1, 20), [-0.11, -0.117, -0.122]]
    )
    right, front, back = (
        profile(height, list(zip(table[:, 0], table[:, k], strict=True))) + swell for k in (1, 2, 3)
    )
    chin = np.array(_UNDER_CHIN)
    height = np.append(height, chin[:, 0])
    right, front, back = (
        np.append(values, chin[:, k]) for k, values in ((1, right), (2, front), (3, back))
    )
    stretched = height * (1 + swell / 0.1155)
    center = build.origins[Bone.HEAD] + [0, 0.135 * build.unit, -0.004]
    path = column(stretched, 0.0, 0.5 * (back - front)) * build.unit + center
    points = sweep(path, right * build.unit, 0.5 * (front + back) * build.unit, around=around)
    return points, height


def head(build: Build) -> Patch:
    """Make the head: skull, brow, nose, lips and chin."""
    points, height = _skull(build, 0.0, 36)
    turn = np.linspace(-np.pi, np.pi, points.shape[1])[None]  # 0 at the front
    y = height[:, None]

    def bump(at: float, tall: float, wide: float, aside: float = 0.0) -> Floats:
        sides = np.exp(-(((np.abs(turn) - aside) / wide) ** 2))
        return np.asarray(np.exp(-(((y - at) / tall) ** 2)) * sides)

    slope = np.clip((0.012 - y) / 0.048, 0, 1) * (y > -0.047)
    nose = 0.024 * slope * np.exp(-((turn / 0.15) ** 2)) + 0.004 * bump(-0.036, 0.012, 0.24)
    relief = (
        nose
        - 0.007 * bump(0.0, 0.014, 0.2, 0.42)
        + 0.003 * bump(0.022, 0.01, 0.5)
        + 0.004 * bump(-0.058, 0.014, 0.28)
        + 0.005 * bump(-0.104, 0.014, 0.3)
    )
    points[..., 2] -= relief * build.unit
    v = np.clip((0.1155 - height) / 0.24, 0, 1)
    shade = np.clip(1.0 - 0.15 * np.clip((-0.1 - y) / 0.02, 0, 1), 0.7, 1) + 0 * turn
    return Patch(points, carried(points, (Bone.HEAD, 1.0)), "face", grid_uv(points, v), shade)


def ears(build: Build) -> list[Patch]:
    """Make both ears."""
    patches = []
    for side in (1, -1):
        heights = np.array([0.03, 0.024, 0.008, -0.01, -0.026, -0.032])
        size = np.array([0.002, 0.013, 0.017, 0.014, 0.009, 0.002])
        center = build.origins[Bone.HEAD] + np.array([side * 0.0745, 0.131, 0.012]) * build.unit
        path = column(heights, 0.0, 0.0) * build.unit + center
        points = sweep(path, 0.4 * size * build.unit, size * build.unit, around=8)
        weights = carried(points, (Bone.HEAD, 1.0))
        patches.append(Patch(points, weights, "skin", 0.3 * grid_uv(points)))
    return patches


def hair(build: Build, style: str, rng: np.random.Generator, *, cap: str = "none") -> list[Patch]:
    """Make the hair, or the cap over it; a shell that dips below the skin where there is none.

    Args:
        build: The subject's sizes.
        style: "short", "long", "bun" or "shaved" (none).
        rng: Source of the hair's unevenness.
        cap: "none", "cap" or "beanie": covers the upper part.
    """
    patches = []
    if cap != "none":
        patches += _cap(build, cap)
    if style == "shaved":
        return patches
    thick = {"short": 0.014, "long": 0.016, "bun": 0.009}[style]
    points, height = _skull(build, thick, 36)
    turn = np.abs(np.linspace(-np.pi, np.pi, points.shape[1]))[None]
    y = height[:, None] + 0.004 * wrinkles(rng, points.shape[:2], (4, 14))
    # the hairline: high over the forehead, down before the ear, low in the neck
    temple = np.clip((turn - 0.85) / 0.25, 0, 1)
    nape = np.clip((turn - 1.75) / 0.5, 0, 1)
    line = 0.068 - 0.062 * temple - (0.07 if style != "long" else 0.12) * nape
    inside = np.clip((line - y) / 0.016, 0, 1)
    shell = Patch(points, carried(points, (Bone.HEAD, 1.0)), "hair", grid_uv(points))
    roughness = 0.003 * wrinkles(rng, points.shape[:2], (7, 22))
    patches.append(shell.pushed(build.unit * (roughness - (thick + 0.012) * inside)))
    if style == "long":
        patches.append(_long_hair(build, rng))
    elif style == "bun" and cap == "none":
        patches.append(_bun(build))
    return patches


def _cap(build: Build, kind: str) -> list[Patch]:
    """Make a baseball cap or a beanie."""
    points, height = _skull(build, 0.019 if kind == "cap" else 0.023, 32)
    edge = 0.045 if kind == "cap" else 0.03
    inside = np.clip((edge - height[:, None]) / 0.008, 0, 1) + np.zeros((1, points.shape[1]))
    crown = Patch(points, carried(points, (Bone.HEAD, 1.0)), "headwear", grid_uv(points))
    patches = [crown.pushed(-0.04 * build.unit * inside)]
    if kind == "cap":
        out = np.array([0.0, 0.3, 0.6, 0.85, 1.0])
        center = build.origins[Bone.HEAD] + np.array([0, 0.135 + 0.05, -0.07]) * build.unit
        path = np.stack([0 * out, -0.02 * out**2, -0.085 * out], axis=1) * build.unit + center
        wide = 0.076 * np.sqrt(np.clip(1 - (out * 0.98) ** 4, 0, 1)) + 0.002
        axes = ((0, 0, -1), (1, 0, 0), (0, 1, 0))
        brim = sweep(path, wide * build.unit, 0.005, around=14, axes=axes)
        weights = carried(brim, (Bone.HEAD, 1.0))
        patches.append(Patch(brim, weights, "headwear", 0.4 * grid_uv(brim)))
    return patches


def _long_hair(build: Build, rng: np.random.Generator) -> Patch:
    """Make hair that hangs to the shoulders, behind and beside the neck."""
    heights = np.linspace(0.05, -0.2, 16)
    right = profile(heights, [(0.05, 0.084), (-0.03, 0.093), (-0.12, 0.097), (-0.2, 0.08)])
    front = profile(heights, [(0.05, 0.08), (-0.03, 0.075), (-0.12, 0.07), (-0.2, 0.045)])
    center = build.origins[Bone.HEAD] + np.array([0, 0.135, 0.034]) * build.unit
    points = sweep(column(heights, 0, 0) * build.unit + center, right, front, around=32)
    turn = np.abs(np.linspace(-np.pi, np.pi, 33))[None]
    gap = np.clip((1.2 - turn) / 0.3, 0, 1) + np.zeros((16, 1))  # parted before the face
    weights = joined(points, Bone.HEAD, Bone.CHEST, build.origins[Bone.HEAD, 1], 0.1)
    patch = Patch(points, weights, "hair", grid_uv(points))
    waves = 0.004 * wrinkles(rng, (16, 33), (3, 16))
    return patch.pushed(build.unit * (waves - 0.07 * gap))


def _bun(build: Build) -> Patch:
    """Make a knot of hair at the back of the head."""
    heights = np.linspace(1, -1, 9)
    radius = 0.036 * np.sqrt(np.clip(1 - heights**2, 0.002, 1))
    center = build.origins[Bone.HEAD] + np.array([0, 0.21, 0.085]) * build.unit
    points = sweep(column(0.036 * heights, 0, 0) + center, radius, radius, around=12)
    return Patch(points, carried(points, (Bone.HEAD, 1.0)), "hair", 0.5 * grid_uv(points))


_FINGERS = (
    # across the palm from the thumb's side, length, radius: metres; how far down it begins
    (-0.030, 0.072, 0.0090, -0.088), (-0.010, 0.081, 0.0094, -0.094),
    (0.011, 0.075, 0.0090, -0.091), (0.030, 0.058, 0.0080, -0.083),
)  # fmt: skip

_CURLED = {
    HandState.OPEN: (0.1, 0.1, 0.12, 0.15),
    HandState.CLOSED: (1.0, 1.0, 1.0, 1.0),
    HandState.LASSO: (0.05, 0.08, 1.0, 1.0),
}


def hand(build: Build, side: int, state: HandState) -> list[Patch]:
    """Make a hand: palm, four fingers and thumb. All states have equally many points."""
    bone = Bone(Bone.HAND_RIGHT + (side < 0))
    patches = [_palm()]
    for (across, length, radius, top), curl in zip(_FINGERS, _CURLED[state], strict=True):
        patches.append(_finger(across, length, radius, top, curl, side))
    patches.append(_thumb(side, closed=state != HandState.OPEN))
    finished = []
    for points in patches:
        placed = points * build.unit + build.origins[bone]
        weights = carried(placed, (bone, 1.0))
        finished.append(Patch(placed, weights, "skin", 0.35 * grid_uv(placed)))
    return finished


def _palm() -> Floats:
    """Return the palm's points from the wrist down, metres."""
    heights = np.array([0.015, 0.0, -0.015, -0.035, -0.06, -0.085, -0.098, -0.104])
    wide = np.array([0.029, 0.030, 0.034, 0.041, 0.043, 0.043, 0.038, 0.02])
    thick = np.array([0.020, 0.020, 0.019, 0.018, 0.016, 0.014, 0.012, 0.005])
    return sweep(column(heights, 0.0, 0.0), thick, wide, around=12, power=2.6)


def _finger(
    across: float, length: float, radius: float, top: float, curl: float, side: int
) -> Floats:
    """Return a finger's points; it bends toward the palm, which faces the body."""
    along = np.linspace(0, 1, 8)
    bend = np.clip(curl * np.array([0, 0.5, 1.3, 1.5, 2.3, 2.7, 3.0, 3.1]), 0, None)
    step = length / 7
    way = np.stack([-side * np.sin(bend), -np.cos(bend), 0 * bend], axis=1)
    path = np.cumsum(np.vstack([[0, 0, 0], way[:-1] * step]), axis=0)
    fan = across * (1 + (0.25 * along * (1 - curl)))
    path = path + np.stack([0 * along, np.full(8, top + 0.006), fan], axis=1)
    size = radius * np.array([1.0, 1.0, 0.97, 0.95, 0.92, 0.88, 0.75, 0.15])
    ahead = np.tile([0.0, 0.0, -1.0], (8, 1))
    return sweep(path, size, size, around=8, axes=(way, np.cross(way, ahead), ahead))


def _thumb(side: int, *, closed: bool) -> Floats:
    """Return the thumb's points; closed, it lies across the fingers."""
    if closed:
        knots = np.array([[0, -0.018, -0.028], [-0.022, -0.05, -0.048], [-0.034, -0.078, -0.03],
                          [-0.036, -0.09, -0.005]])  # fmt: skip
    else:
        knots = np.array([[0, -0.018, -0.028], [-0.008, -0.045, -0.052], [-0.01, -0.072, -0.068],
                          [-0.01, -0.094, -0.074]])  # fmt: skip
    knots = knots * [side, 1, 1]
    t = np.linspace(0, 3, 8)
    path = np.stack([np.interp(t, range(4), knots[:, k]) for k in range(3)], axis=1)
    way = np.gradient(path, axis=0)
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    flat = np.array([1.0, 0.0, 0.0]) - way[:, :1] * way
    first = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    size = np.array([0.016, 0.0155, 0.0135, 0.0115, 0.011, 0.0105, 0.009, 0.002])
    return sweep(path, size, size, around=8, axes=(way, first, np.cross(first, way)))
