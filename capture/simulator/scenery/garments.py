"""Clothes as surfaces: upper garment with sleeves and collar, trousers, skirts, shoes."""

import numpy as np

from ..performer.rig import Bone
from .flesh import (
    Build,
    arm_path,
    arm_radius,
    arm_weights,
    leg_path,
    leg_radius,
    leg_weights,
    shoulder_top,
)  # fmt: skip
from .outfits import Outfit
from .surface import (
    Floats,
    Patch,
    carried,
    column,
    grid_uv,
    profile,
    stations,
    sweep,
    wrinkles,
)  # fmt: skip

# Trunk of a person of 1.75 m: height above the floor, half width, half depth, middle's offset back.
_TRUNK = (
    (0.78, 0.050, 0.070, 0.0), (0.82, 0.120, 0.098, 0.0), (0.88, 0.168, 0.117, 0.004),
    (0.93, 0.174, 0.123, 0.006), (0.98, 0.168, 0.120, 0.004), (1.03, 0.157, 0.111, 0.0),
    (1.09, 0.146, 0.103, -0.006), (1.16, 0.149, 0.105, -0.006), (1.24, 0.160, 0.112, -0.004),
    (1.31, 0.171, 0.118, -0.002), (1.37, 0.180, 0.114, 0.004), (1.41, 0.183, 0.102, 0.008),
    (1.435, 0.174, 0.090, 0.012), (1.455, 0.150, 0.078, 0.014), (1.475, 0.108, 0.068, 0.014),
    (1.49, 0.074, 0.063, 0.014), (1.505, 0.062, 0.060, 0.014), (1.53, 0.059, 0.058, 0.012),
)  # fmt: skip

WAIST = 1.03
"""Height of the waist of a person of 1.75 m, metres."""

_COLLAR_HEIGHT = {
    "crew": 1.487, "vee": 1.482, "shirt": 1.488, "hood": 1.485, "turtle": 1.492, "wide": 1.467,
}  # fmt: skip


def _trunk_rings(build: Build, heights: Floats, ease: Floats | float) -> Floats:
    """Return (R, C, 3) points of the trunk at some heights, blown up by ``ease`` metres."""
    table = np.array(_TRUNK)
    right, front, back = (
        profile(heights / build.unit, list(zip(table[:, 0], table[:, k], strict=True)))
        for k in (1, 2, 3)
    )
    path = column(heights, 0.0, back * build.unit)
    return sweep(path, right * build.girth + ease, front * build.girth + ease, around=32, power=2.3)


def _trunk_weights(build: Build, points: Floats) -> Floats:
    """Return bone weights of a trunk's points: chest above, pelvis below, the thighs a little."""
    base = build.origins[Bone.PELVIS, 1]
    t = np.clip((points[..., 1] - base) / (0.42 * build.unit), 0, 1)
    chest = t * t * (3 - 2 * t)
    weights = carried(points, (Bone.PELVIS, 1 - chest), (Bone.CHEST, chest))
    fall = np.clip((0.97 * build.unit - points[..., 1]) / (0.3 * build.unit), 0, 0.5)[..., None]
    right = np.clip(0.5 + points[..., 0] / 0.16, 0, 1)
    legs = carried(points, (Bone.THIGH_RIGHT, right), (Bone.THIGH_LEFT, 1 - right))
    return np.asarray(weights * (1 - fall) + legs * fall)


def trunk(build: Build, worn: Outfit, rng: np.random.Generator) -> Patch:
    """Make the upper garment's body from the collar to the hem."""
    unit = build.unit
    bottom = 0.98 if worn.bottom == "dress" else WAIST - worn.hem
    top = _COLLAR_HEIGHT[worn.collar]
    heights = stations(top * unit, bottom * unit, 0.026 * unit, 1.44 * unit)
    fall = np.clip((1.3 - heights / unit) / 0.3, 0, 1)
    points = _trunk_rings(build, heights, worn.ease * (0.45 + 0.75 * fall) + 0.004)
    points[0] = points[0] * [0.985, 1, 0.985]
    if worn.collar == "vee":
        front = np.clip(np.cos(np.linspace(-np.pi, np.pi, 33)), 0, 1) ** 14
        near = np.clip((points[:, :, 1] / unit - 1.37) / 0.1, 0, 1)
        points[..., 1] -= 0.085 * unit * near * front[None]
    v = (1.5 * unit - heights) / (0.76 * unit)
    rings, columns = points.shape[:2]
    soft = np.clip(worn.ease / 0.012, 0.5, 2.0)
    drape = wrinkles(rng, (rings, columns), (4, 13)) * (0.25 + 0.75 * fall)[:, None]
    pulled = (
        wrinkles(rng, (rings, columns), (9, 6))
        * np.exp(-(((heights / unit - 1.07) / 0.1) ** 2))[:, None]
    )
    flared = 0.004 * np.clip((bottom + 0.03 - heights / unit) / 0.03, 0, 1)
    patch = Patch(points, _trunk_weights(build, points), "trunk", grid_uv(points, v))
    folds = soft * (0.0035 * drape + 0.004 * pulled) + flared[:, None]
    patch = patch.pushed(np.maximum(folds, -0.4 * worn.ease))  # never into the body
    side = np.abs(np.linspace(-1, 1, columns))
    armpit = (
        np.exp(-(((side - 0.5) / 0.12) ** 2))[None]
        * np.exp(-(((heights / unit - 1.3) / 0.09) ** 2))[:, None]
    )
    patch.open = 1 - 0.3 * armpit
    return patch


def sleeve(build: Build, worn: Outfit, side: int, rng: np.random.Generator) -> Patch:
    """Make a sleeve from over the shoulder to its end."""
    unit = build.unit
    ease = 0.006 + 0.75 * worn.ease
    upper, fore = 0.275 * unit, 0.25 * unit
    length = min(worn.sleeve, 1) * upper + max(worn.sleeve - 1, 0) * fore
    path = arm_path(build, side, 0.999 * shoulder_top(build, ease), -length, 0.024)
    heights = path[:, 1] - build.origins[Bone.UPPER_ARM_RIGHT, 1]
    loose = np.clip(0.4 - heights / 0.12, 0.4, 1)  # close to the shoulder, wider below
    loose = loose + 0.5 * np.clip(-heights / upper, 0, 1) * (worn.sleeve < 1.3)
    radius = arm_radius(build, side, path, ease) + ease * (loose - 1)
    if worn.sleeve > 1.8:  # a cuff
        radius = radius - 0.55 * ease * np.clip((length + heights - 0.02) / -0.015 + 1, 0, 1)
    # The open end is closed by a dark ring, or one would look through the sleeve.
    path, heights = np.vstack([path, path[-1:]]), np.append(heights, heights[-1])
    radius = np.append(radius, 0.7 * radius[-1])
    points = sweep(path, radius, radius, around=20)
    shape = points.shape[:2]
    bent = np.exp(-(((heights + upper) / (0.07 * unit)) ** 2))[:, None]
    folds = 0.0035 * wrinkles(rng, shape, (5, 5)) + 0.006 * bent * wrinkles(rng, shape, (16, 4))
    quiet = np.clip((0.02 - heights) / 0.06, 0, 1)[:, None]
    patch = Patch(points, arm_weights(build, side, points), "sleeve", grid_uv(points))
    patch = patch.pushed(folds * quiet * np.clip(worn.ease / 0.012, 0.6, 1.8))
    patch.points[-1, :, 1] = patch.points[-2, :, 1]
    patch.open = np.ones(shape)
    patch.open[-1] = 0.35
    return patch


def collar(build: Build, worn: Outfit) -> list[Patch]:
    """Make what stands around the neck."""
    unit, girth = build.unit, build.girth
    rings = {
        # height, radius to the right, to the front, offset back
        "crew": ((1.497, 0.066, 0.064, 0.013), (1.494, 0.071, 0.069, 0.013),
                 (1.482, 0.085, 0.073, 0.013), (1.474, 0.092, 0.073, 0.013)),
        "shirt": ((1.528, 0.064, 0.064, 0.013), (1.53, 0.069, 0.069, 0.012),
                  (1.5, 0.079, 0.082, 0.008), (1.475, 0.094, 0.086, 0.008)),
        "turtle": ((1.553, 0.058, 0.06, 0.014), (1.556, 0.064, 0.066, 0.014),
                   (1.52, 0.067, 0.068, 0.014), (1.49, 0.078, 0.073, 0.014),
                   (1.475, 0.092, 0.074, 0.014)),
        "hood": ((1.53, 0.07, 0.064, 0.02), (1.545, 0.088, 0.086, 0.036),
                 (1.53, 0.104, 0.1, 0.046), (1.495, 0.112, 0.102, 0.046),
                 (1.465, 0.11, 0.085, 0.04)),
    }.get(worn.collar)  # fmt: skip
    if rings is None:
        return []
    table = np.array(rings)
    path = column(table[:, 0] * unit, 0.0, table[:, 3] * unit)
    points = sweep(path, table[:, 1] * girth, table[:, 2] * girth, around=24)
    if worn.collar in ("shirt", "hood"):  # open in front of the throat
        front = np.clip(np.cos(np.linspace(-np.pi, np.pi, 25)), 0, 1) ** 6
        points[..., 1] -= 0.03 * unit * front[None] * np.linspace(1, 0.3, len(table))[:, None]
    weights = carried(points, (Bone.CHEST, 0.85), (Bone.HEAD, 0.15))
    return [Patch(points, weights, "rib", 0.9 * grid_uv(points))]


def hips(build: Build, worn: Outfit, rng: np.random.Generator) -> Patch:
    """Make the upper part of trousers or shorts: waistband to crotch."""
    unit = build.unit
    heights = stations((WAIST + 0.02) * unit, 0.785 * unit, 0.025 * unit)
    covered = np.clip((heights / unit - (WAIST - worn.hem) + 0.03) / 0.04, 0, 1)
    points = _trunk_rings(build, heights, (0.004 + 0.5 * worn.leg_ease) * (1 - covered))
    weights = _trunk_weights(build, points)
    patch = Patch(points, weights, "waist", grid_uv(points))
    low = (np.clip((0.98 - heights / unit) / 0.1, 0, 1) * (1 - covered))[:, None]
    return patch.pushed(0.0035 * low * wrinkles(rng, points.shape[:2], (6, 8)))


def trouser_leg(build: Build, worn: Outfit, side: int, rng: np.random.Generator) -> Patch:
    """Make one leg of trousers or shorts."""
    unit = build.unit
    length = min(worn.length, 1) * 0.425 * unit + max(worn.length - 1, 0) * 0.415 * unit
    bottom = -length + (0.015 if worn.length > 1.8 else 0.0)
    path = leg_path(build, side, 0.05 * unit, bottom, 0.032)
    down = np.clip(-(path[:, 1] - build.origins[Bone.THIGH_RIGHT, 1]) / max(length, 0.1), 0, 1)
    radius = leg_radius(build, path) + 0.003 + worn.leg_ease * np.clip(0.1 + 2.2 * down, 0, 1.2)
    radius = radius + worn.flare * down**2
    tucked = (path[:, 1] / unit > WAIST - worn.hem - 0.02) & (worn.bottom in ("trousers", "shorts"))
    radius = np.where(tucked, 0.9 * radius, radius)
    if worn.bottom == "trousers":  # cloth hangs straighter than the calf
        straight = np.interp(path[:, 1], path[[-1, 0], 1], [radius[-1], radius[0]])
        radius = np.maximum(radius, 0.45 * radius + 0.5 * straight)
    points = sweep(path, radius, radius * 1.02, around=20)
    heights = path[:, 1] - build.origins[Bone.SHIN_RIGHT, 1]
    shape = points.shape[:2]
    bent = np.exp(-((heights / (0.1 * unit)) ** 2))[:, None]
    broken = np.exp(-(((path[:, 1] / unit - 0.13) / 0.07) ** 2))[:, None]
    folds = 0.003 * wrinkles(rng, shape, (6, 5)) + (0.0035 * bent + 0.006 * broken) * wrinkles(
        rng, shape, (22, 4)
    )
    patch = Patch(points, leg_weights(build, side, points), "leg", grid_uv(points))
    patch = patch.pushed(folds * (0.7 + worn.leg_ease / 0.02))
    inner = np.exp(-(((np.linspace(0, 1, shape[1]) - (0.75 if side > 0 else 0.25)) / 0.14) ** 2))
    high = np.clip((path[:, 1] / unit - 0.5) / 0.3, 0, 1)
    patch.open = 1 - 0.4 * inner[None] * high[:, None]
    return patch


def skirt(build: Build, worn: Outfit, rng: np.random.Generator) -> Patch:
    """Make a skirt, or the lower part of a dress."""
    unit = build.unit
    hip = build.origins[Bone.THIGH_RIGHT, 1]
    bottom = hip - worn.length * 0.425 * unit
    heights = stations((WAIST + 0.015) * unit, bottom, 0.03 * unit)
    table = np.array(_TRUNK)
    at = np.maximum(heights / unit, 0.93)
    right, front = (
        profile(at, list(zip(table[:, 0], table[:, k], strict=True))) * build.girth for k in (1, 2)
    )
    down = np.clip((0.95 * unit - heights) / (0.95 * unit - bottom), 0, 1)
    ease = 0.006 + worn.ease * 0.4
    points = sweep(
        column(heights, 0.0, 0.0),
        right + ease + worn.flare * down,
        front + ease + (worn.flare + 0.02) * down,
        around=40,
    )
    turn = np.linspace(0, 2 * np.pi, 41)[None]
    pleats = 0.012 * np.sin(11 * turn + 0.6 * np.sin(3 * turn)) * down[:, None] ** 1.3
    share = np.clip((hip + 0.03 - points[..., 1]) / (0.3 * unit), 0, 0.75)
    to_right = np.clip(0.5 + points[..., 0] / 0.16, 0, 1)
    weights = carried(
        points,
        (Bone.PELVIS, 1 - share),
        (Bone.THIGH_RIGHT, share * to_right),
        (Bone.THIGH_LEFT, share * (1 - to_right)),
    )
    patch = Patch(points, weights, "skirt", grid_uv(points))
    return patch.pushed(pleats + 0.003 * wrinkles(rng, points.shape[:2], (5, 9)))


def shoe(build: Build, side: int) -> list[Patch]:
    """Make a shoe with its sole on the floor."""
    unit = build.unit
    bone = Bone(Bone.FOOT_RIGHT + (side < 0))
    along = np.array([0.075, 0.072, 0.06, 0.03, 0.0, -0.04, -0.08, -0.12, -0.155, -0.178, -0.19,
                      -0.195])  # fmt: skip
    wide = np.array([0.008, 0.026, 0.034, 0.038, 0.038, 0.040, 0.045, 0.047, 0.044, 0.034, 0.02,
                     0.0005])  # fmt: skip
    tall = np.array([0.02, 0.062, 0.086, 0.1, 0.104, 0.098, 0.082, 0.067, 0.056, 0.046, 0.034,
                     0.02])  # fmt: skip
    aside = side * np.interp(along, [-0.2, -0.1, 0.0], [-0.004, 0.004, 0.0])
    path = np.stack([aside, tall / 2, along], axis=1) * unit
    path += [build.origins[bone, 0], 0.0, 0.0]
    axes = ((0, 0, -1), (1, 0, 0), (0, 1, 0))
    points = sweep(path, wide * unit, tall / 2 * unit, around=18, axes=axes, power=2.8)
    patch = Patch(points, carried(points, (bone, 1.0)), "shoe", grid_uv(points))
    patch.open = np.clip(0.6 + points[..., 1] / 0.05, 0.6, 1)
    return [patch]
