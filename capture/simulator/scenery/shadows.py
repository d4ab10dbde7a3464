"""Shadows: of limbs and head on the body, and of the body on floor and wall.

Both take the body as a few capsules, which is enough for shadows as soft as indoor light makes
them, and far cheaper than a second drawing from the lamp's side.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ....core.skeleton import JOINT
from ..performer.rig import Bone
from .camera import HEIGHT, SENSOR_HEIGHT_M, USUAL, WIDTH, Camera

Floats = NDArray[np.float32]
Rect = tuple[int, int, int, int]

_CASTERS: Final = (
    # from, to, radius (m), bones whose own surface it never darkens
    ("ElbowRight", "HandRight", 0.043, (Bone.FOREARM_RIGHT, Bone.HAND_RIGHT)),
    ("ElbowLeft", "HandLeft", 0.043, (Bone.FOREARM_LEFT, Bone.HAND_LEFT)),
    ("ShoulderRight", "ElbowRight", 0.05, (Bone.UPPER_ARM_RIGHT, Bone.CHEST)),
    ("ShoulderLeft", "ElbowLeft", 0.05, (Bone.UPPER_ARM_LEFT, Bone.CHEST)),
    ("Head", "Head", 0.085, (Bone.HEAD,)),
)
_FROM: Final = np.array([JOINT[a] for a, _, _, _ in _CASTERS])
_TO: Final = np.array([JOINT[b] for _, b, _, _ in _CASTERS])
_RADIUS: Final = np.array([r for _, _, r, _ in _CASTERS], np.float32)

_OUTLINE: Final = (
    # from, to, radius (m) of what casts the shadow on floor and wall
    ("SpineBase", "SpineShoulder", 0.15), ("SpineShoulder", "Head", 0.07), ("Head", "Head", 0.1),
    ("ShoulderLeft", "ShoulderRight", 0.07), ("HipLeft", "HipRight", 0.1),
    ("ShoulderLeft", "ElbowLeft", 0.05), ("ElbowLeft", "HandTipLeft", 0.04),
    ("ShoulderRight", "ElbowRight", 0.05), ("ElbowRight", "HandTipRight", 0.04),
    ("HipLeft", "KneeLeft", 0.09), ("KneeLeft", "AnkleLeft", 0.06),
    ("AnkleLeft", "FootLeft", 0.05), ("HipRight", "KneeRight", 0.09),
    ("KneeRight", "AnkleRight", 0.06), ("AnkleRight", "FootRight", 0.05),
)  # fmt: skip
_OUTLINE_FROM: Final = np.array([JOINT[a] for a, _, _ in _OUTLINE])
_OUTLINE_TO: Final = np.array([JOINT[b] for _, b, _ in _OUTLINE])
_OUTLINE_RADIUS: Final = np.array([r for _, _, r in _OUTLINE])
_SHRINK: Final = 8
_STRENGTH: Final = 0.42


def caster_shares(weights: Floats) -> Floats:
    """Return (N, V) how much each caster may darken each vertex, from (V, 15) bone weights."""
    own = [weights[:, list(bones)].sum(axis=1) for _, _, _, bones in _CASTERS]
    return np.asarray(1 - np.clip(np.stack(own), 0, 1), np.float32)


def key_light_share(
    points: Floats, joints: NDArray[np.float64], toward: tuple[float, float, float], shares: Floats
) -> Floats:
    """Return (V,) how much of the key light reaches each vertex past arms, hands and head.

    Args:
        points: (V, 3) the body's surface, metres, camera space.
        joints: (25, 3) its joints.
        toward: (3,) unit vector to the light.
        shares: (N, V) from ``caster_shares``.
    """
    light = np.array(toward, np.float32)
    across = np.linalg.svd(light[None])[2][1:].astype(np.float32)  # the plane seen from the light
    start, end = (joints[k].astype(np.float32) for k in (_FROM, _TO))
    x, y = points @ across[0], points @ across[1]
    height = points @ light
    from_xy, to_xy = start @ across.T, end @ across.T
    from_height, to_height = start @ light, end @ light
    darkest = np.zeros(len(points), np.float32)
    # one caster after another: a few small arrays stay in the processor's cache
    for caster, share in enumerate(shares):
        span_x, span_y = to_xy[caster] - from_xy[caster]
        dx, dy = x - from_xy[caster, 0], y - from_xy[caster, 1]
        t = dx * span_x + dy * span_y
        t *= np.float32(1) / max(span_x * span_x + span_y * span_y, np.float32(1e-6))
        np.clip(t, 0, 1, out=t)
        dx -= t * span_x
        dy -= t * span_y
        gap = np.hypot(dx, dy, out=dx)
        above = t * (to_height[caster] - from_height[caster])
        above += from_height[caster]
        above -= height
        blur = np.maximum(above, 0)  # farther shadows are softer
        blur *= 0.12
        blur += 0.012
        dark = np.subtract(_RADIUS[caster], gap, out=gap)
        dark /= blur
        dark += 0.5
        np.clip(dark, 0, 1, out=dark)
        above -= 0.03
        above *= 1 / 0.05
        dark *= np.clip(above, 0, 1, out=above)
        dark *= share
        np.maximum(darkest, dark, out=darkest)
    return np.asarray(1 - np.float32(0.8) * darkest)


def cast(
    image: NDArray[np.uint8],
    joints: NDArray[np.float64],
    toward: tuple[float, float, float],
    wall_m: float,
    camera: Camera = USUAL,
) -> list[Rect]:
    """Darken floor and wall where a person's shadow falls.

    Args:
        image: (1080, 1920, 4) uint8, changed in place.
        joints: (25, 3) metres, camera space.
        toward: (3,) unit vector to the light.
        wall_m: Distance of the back wall.
        camera: Who looks at it.

    Returns:
        The rectangles of the image that changed.
    """
    rects = []
    mask = np.zeros((HEIGHT // _SHRINK, WIDTH // _SHRINK), np.uint8)
    # Three places a limb: its shadow bends where the floor meets the wall.
    start, end = joints[_OUTLINE_FROM, None], joints[_OUTLINE_TO, None]
    limbs = start + np.array([0.0, 0.5, 1.0])[:, None] * (end - start)
    fallen = _fallen(limbs, np.array(toward), wall_m)
    paths = np.round(camera.project(fallen) * (16 / _SHRINK)).astype(np.int32)
    thick = 2 * _OUTLINE_RADIUS * camera.fy_px / fallen[..., 2].mean(axis=1) / _SHRINK
    for path, width in zip(paths, thick, strict=True):
        cv2.polylines(mask, [path], False, 255, max(1, round(width)), cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(mask, (0, 0), 2.2)
    x, y, w, h = cv2.boundingRect(np.asarray(np.maximum(soft, 4) - 4, np.uint8))
    if w and h:
        rects.append(_darken(image, np.asarray(soft[y : y + h, x : x + w], np.uint8), x, y))
    return rects + _under_feet(image, joints, camera)


def _fallen(
    points: NDArray[np.float64], toward: NDArray[np.float64], wall_m: float
) -> NDArray[np.float64]:
    """Return where the shadows of (..., 3) points fall: the floor, or the wall before it."""
    way = (points[..., 1] + SENSOR_HEIGHT_M) / toward[1]
    to_wall = (wall_m - 0.02 - points[..., 2]) / -toward[2]
    return np.asarray(points - np.minimum(way, to_wall)[..., None] * toward)


def _darken(image: NDArray[np.uint8], mask: NDArray[np.uint8], x: int, y: int) -> Rect:
    """Multiply a small mask, at 1/8 of the size, into the image; return where."""
    left, top = x * _SHRINK, y * _SHRINK
    size = (mask.shape[1] * _SHRINK, mask.shape[0] * _SHRINK)
    factor = np.asarray(255 - _STRENGTH * mask, np.uint8)
    large = cv2.resize(factor, size, interpolation=cv2.INTER_LINEAR)
    part = image[top : top + size[1], left : left + size[0]]
    large = large[: part.shape[0], : part.shape[1]]
    cv2.multiply(part, cv2.merge([large] * 4), dst=part, scale=1 / 255)
    return left, top, left + part.shape[1], top + part.shape[0]


def _under_feet(
    image: NDArray[np.uint8], joints: NDArray[np.float64], camera: Camera
) -> list[Rect]:
    """Darken the floor close around each foot."""
    rects = []
    for side in ("Left", "Right"):
        foot = 0.4 * joints[JOINT["Ankle" + side]] + 0.6 * joints[JOINT["Foot" + side]]
        rise = max(float(joints[JOINT["Ankle" + side], 1]) + SENSOR_HEIGHT_M - 0.09, 0.0)
        floor = np.array([foot[0], -SENSOR_HEIGHT_M, foot[2]])
        center, scale = camera.project(floor), camera.fy_px / floor[2]
        half = np.array([0.2, 0.085]) * scale
        left, top = np.clip(np.floor(center - half).astype(int), 0, (WIDTH, HEIGHT))
        right, bottom = np.clip(np.ceil(center + half).astype(int), 0, (WIDTH, HEIGHT))
        part = image[top:bottom, left:right]
        if part.size:
            across = (np.arange(left, right, dtype=np.float32) - center[0]) / (0.45 * half[0])
            down = (np.arange(top, bottom, dtype=np.float32) - center[1]) / (0.45 * half[1])
            depth = 0.55 / (1 + 12 * rise)
            dark = 1 - depth * np.exp(-(down[:, None] ** 2)) * np.exp(-(across[None] ** 2))
            factor = cv2.merge([np.asarray(255 * dark, np.uint8)] * 4)
            cv2.multiply(part, factor, dst=part, scale=1 / 255)
            rects.append((int(left), int(top), int(right), int(bottom)))
    return rects
