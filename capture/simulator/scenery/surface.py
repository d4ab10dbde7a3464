"""Pieces of surface: grids of points swept along a path, with normals, texture and bone weights.

A patch is a grid of R rings of C points each, in the rest pose (metres, x to the person's right, y
up, z to the back, the floor at y = 0). The last point of a ring repeats the first one, so that
texture can go all the way around. Texture u runs around a ring from the back over the person's
right side and the front; v runs along the path from 0 to 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..performer.rig import Bone

Floats = NDArray[np.float64]


@dataclass(slots=True)
class Patch:
    """One grid of surface.

    Attributes:
        points: (R, C, 3) metres, rest pose.
        weights: (R, C, 15) how much each bone carries a point; sums to 1.
        swatch: Name of its texture in the atlas.
        uv: (R, C, 2) place in the swatch, 0 to 1.
        open: (R, C) how much light reaches it, 0 to 1 (ambient occlusion).
    """

    points: Floats
    weights: Floats
    swatch: str
    uv: Floats
    open: Floats = field(default_factory=lambda: np.ones((1, 1)))

    def normals(self) -> Floats:
        """Return (R, C, 3) outward normals of length 1."""
        along = np.gradient(self.points, axis=0)
        ring = self.points[:, :-1]
        around = np.roll(ring, -1, axis=1) - np.roll(ring, 1, axis=1)
        around = np.concatenate([around, around[:, :1]], axis=1)
        normal = np.cross(along, around)
        length = np.linalg.norm(normal, axis=-1, keepdims=True)
        return np.asarray(normal / (length + 1e-12))

    def pushed(self, distance: ArrayLike) -> "Patch":
        """Return the patch with every point moved along its normal; (R, C) or (R, 1) metres."""
        moved = self.points + self.normals() * np.asarray(distance)[..., None]
        return Patch(moved, self.weights, self.swatch, self.uv, self.open)

    def faces(self) -> NDArray[np.int32]:
        """Return (F, 3) triangles over the flattened grid, outward faces turned the same way."""
        rings, columns = self.points.shape[:2]
        first = np.arange(rings * columns, dtype=np.int32).reshape(rings, columns)[:-1, :-1].ravel()
        below, beside = first + columns, first + 1
        return np.concatenate(
            [
                np.stack([first, beside, below], axis=1),
                np.stack([beside, beside + columns, below], axis=1),
            ]
        )


def sweep(
    path: ArrayLike,
    right: ArrayLike,
    front: ArrayLike,
    *,
    around: int,
    axes: tuple[ArrayLike, ArrayLike, ArrayLike] = ((0, -1, 0), (1, 0, 0), (0, 0, -1)),
    power: float = 2.0,
) -> Floats:
    """Sweep an oval ring along a path.

    Args:
        path: (R, 3) ring centres, metres.
        right: (R,) or scalar radius along the ring's first axis.
        front: (R,) or scalar radius along the ring's second axis.
        around: Number of segments of a ring.
        axes: The way of the path and the ring's two axes; each (3,) or (R, 3), at right angles, the
            first one only says which way a patch is meant to face.
        power: Exponent of the superellipse; 2 is an ellipse, more is squarer.

    Returns:
        (R, around + 1, 3) points.
    """
    centers = np.asarray(path, float)
    turn = np.linspace(0, 2 * np.pi, around + 1)
    sin, cos = np.sin(turn), -np.cos(turn)
    round_sin = np.sign(sin) * np.abs(sin) ** (2 / power)
    round_cos = np.sign(cos) * np.abs(cos) ** (2 / power)
    count = len(centers)
    across = np.broadcast_to(right, count)[:, None, None] * round_sin[None, :, None]
    ahead = np.broadcast_to(front, count)[:, None, None] * round_cos[None, :, None]
    first = np.broadcast_to(np.asarray(axes[1], float), (count, 3))[:, None]
    second = np.broadcast_to(np.asarray(axes[2], float), (count, 3))[:, None]
    return np.asarray(centers[:, None] + across * first + ahead * second)


def column(heights: ArrayLike, x: ArrayLike, z: ArrayLike) -> Floats:
    """Return an (R, 3) path of ring centres from their heights and offsets."""
    y = np.asarray(heights, float)
    return np.stack([np.broadcast_to(x, y.shape), y, np.broadcast_to(z, y.shape)], axis=-1)


def stations(top: float, bottom: float, spacing: float, *dense: float) -> Floats:
    """Return falling ring heights, closer together around the heights in ``dense``."""
    count = max(2, round((top - bottom) / spacing) + 1)
    heights = list(np.linspace(top, bottom, count))
    for height in dense:
        heights += [height + k * spacing * 0.45 for k in (-2, -1, 0, 1, 2)]
    kept = sorted({round(h, 4) for h in heights if bottom <= h <= top}, reverse=True)
    thinned = [kept[0]]
    for height in kept[1:]:
        if thinned[-1] - height > 0.3 * spacing:
            thinned.append(height)
    thinned[-1] = kept[-1]
    return np.array(thinned)


def profile(heights: Floats, knots: Sequence[tuple[float, float]]) -> Floats:
    """Interpolate (height, value) knots smoothly at falling or rising heights."""
    ordered = sorted(knots)
    xs = np.array([k[0] for k in ordered])
    ys = np.array([k[1] for k in ordered])
    slopes = np.zeros_like(ys)
    if len(xs) > 2:
        rises = np.diff(ys) / np.diff(xs)
        same = np.sign(rises[1:]) == np.sign(rises[:-1])
        mean = 2 * rises[1:] * rises[:-1] / (rises[1:] + rises[:-1] + 1e-12)
        slopes[1:-1] = np.where(same, mean, 0.0)
        slopes[0], slopes[-1] = rises[0], rises[-1]
    h = np.clip(np.asarray(heights, float), xs[0], xs[-1])
    i = np.clip(np.searchsorted(xs, h, side="right") - 1, 0, len(xs) - 2)
    width = xs[i + 1] - xs[i]
    t = (h - xs[i]) / width
    return np.asarray(
        (1 + 2 * t) * (1 - t) ** 2 * ys[i]
        + t * (1 - t) ** 2 * width * slopes[i]
        + t**2 * (3 - 2 * t) * ys[i + 1]
        + t**2 * (t - 1) * width * slopes[i + 1]
    )


def grid_uv(points: Floats, lengthwise: ArrayLike | None = None) -> Floats:
    """Return (R, C, 2) texture places: u around the rings, v along the path by its length."""
    rings, columns = points.shape[:2]
    if lengthwise is None:
        steps = np.linalg.norm(np.diff(points.mean(axis=1), axis=0), axis=1)
        lengthwise = np.concatenate([[0.0], np.cumsum(steps)]) / (steps.sum() + 1e-12)
    v = np.broadcast_to(np.asarray(lengthwise, float)[:, None], (rings, columns))
    u = np.broadcast_to(np.linspace(0, 1, columns)[None], (rings, columns))
    return np.stack([u, v], axis=-1)


def carried(points: Floats, *shares: tuple[Bone, ArrayLike]) -> Floats:
    """Return (R, C, 15) bone weights from shares that broadcast to (R, C); scaled to sum 1."""
    weights = np.zeros((*points.shape[:2], len(Bone)))
    for bone, share in shares:
        weights[..., bone] += np.broadcast_to(share, points.shape[:2])
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def joined(points: Floats, upper: Bone, lower: Bone, height: float, reach: float) -> Floats:
    """Return bone weights that pass smoothly from one bone to the next one below a height."""
    t = np.clip((height + reach - points[..., 1]) / (2 * reach), 0, 1)
    share = t * t * (3 - 2 * t)
    return carried(points, (upper, 1 - share), (lower, share))


def wrinkles(rng: np.random.Generator, shape: tuple[int, int], cells: tuple[int, int]) -> Floats:
    """Return an (R, C) field of smooth noise about 0 that closes around the rings.

    Args:
        rng: Source of the noise.
        shape: R and C of the patch.
        cells: How many folds along the path and around it.
    """
    along, around = cells
    coarse = rng.standard_normal((along + 1, around)).astype(np.float32)
    wide = np.concatenate([coarse[:, -2:], coarse, coarse[:, :2]], axis=1)
    fine = cv2.resize(wide, (8 * wide.shape[1], 8 * wide.shape[0]), interpolation=cv2.INTER_CUBIC)
    rows = np.linspace(0, fine.shape[0] - 1, shape[0]).astype(np.float32)
    columns = (16 + np.linspace(0, 8 * around, shape[1])).astype(np.float32)
    mesh_x, mesh_y = np.meshgrid(columns, rows)
    field = cv2.remap(fine, mesh_x, mesh_y, cv2.INTER_LINEAR)
    field[:, -1] = field[:, 0]
    return np.asarray(field, np.float64)
