"""Forearms turned about the elbow: poses that no recording has (future work of Linna et al. 2016).

The pixels of a forearm that are the person's are moved; what they hid is filled from the background
around. A forearm in front of the body hides clothes that no picture shows, so it is left as it is.
"""

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from ...core.skeleton import Skeleton
from ..batch_random import BatchRandom
from .clothing import TORSO, capsule

MOST_TURN_DEG: Final = 70.0
WIDTH: Final = 0.15
"""Half the width of a forearm, in lengths of the torso."""
HAND: Final = 0.35
"""The hand goes on behind the wrist for this share of the forearm."""
MOST_HIDDEN: Final = 0.05
"""Share of a forearm that may be over the rest of the body."""
CLEAR: Final = 0.35
"""Share of a forearm, at the elbow, where the upper arm may be: it is not looked at there."""
OTHERS: Final = (
    ("r_hip", "r_knee"), ("r_knee", "r_ankle"), ("l_hip", "l_knee"), ("l_knee", "l_ankle"),
    ("r_shoulder", "r_hip"), ("l_shoulder", "l_hip"), ("r_shoulder", "l_shoulder"),
    ("r_shoulder", "l_hip"), ("l_shoulder", "r_hip"),
)  # fmt: skip
FILL_STEPS: Final = 6


def turn_forearms(
    images: Tensor,
    person: Tensor,
    targets: Tensor,
    weight: Tensor,
    probability: float,
    random: BatchRandom,
    skeleton: Skeleton,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return images of which some have one forearm turned, with masks and targets.

    Args:
        images: (B, 3, S, S) float32, 0 to 255.
        person: (B, S, S) float32 in [0, 1]: how much of each pixel is the person.
        targets: (B, K, 2) float32, crop units of these images.
        weight: (B, K) float32; torso, elbow and wrist must have weight.
        probability: Of a turned forearm, where there is one that can be turned.
        random: Source of the random numbers.
        skeleton: The keypoints; one without these names has no forearms.
    """
    is_left, chosen = random.chance(0.5), random.chance(probability)
    angle = random.uniform(-1.0, 1.0) * math.radians(MOST_TURN_DEG)
    if not {*TORSO, "r_elbow", "r_wrist"} <= set(skeleton.points):
        return images, person, targets
    index = skeleton.index
    elbow, wrist = (
        torch.where(is_left, index[f"l_{name}"], index[f"r_{name}"]) for name in ("elbow", "wrist")
    )
    every = torch.arange(len(images), device=images.device)
    needed = torch.stack([elbow, wrist, *(torch.full_like(elbow, index[n]) for n in TORSO)], dim=1)
    start, end = targets[every, elbow], targets[every, wrist]
    cos, sin = angle.cos(), angle.sin()
    turn = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)
    moved_end = start + (turn @ (end - start)[..., None])[..., 0]
    chosen = chosen & (weight.gather(1, needed) > 0).all(dim=1)
    chosen = chosen & ((moved_end > 0.02) & (moved_end < 0.98)).all(dim=1)
    rows = chosen.nonzero()[:, 0]
    if not len(rows):
        return images, person, targets
    own, arm = _forearms(person, targets, start, end, rows, skeleton)
    rows, arm = rows[own], arm[own]
    if not len(rows):
        return images, person, targets
    size = images.shape[-1]
    # from a pixel of the copy back to the pixel that turns there, both about the elbow
    back = turn[rows].mT
    centre = 2 * start[rows] - 1
    shift = centre - (back @ centre[..., None])[..., 0]
    grid = functional.affine_grid(
        torch.cat([back, shift[..., None]], dim=2), [len(rows), 1, size, size], align_corners=False
    )
    layers = torch.cat([images[rows], arm[:, None]], dim=1)
    turned = functional.grid_sample(layers, grid, align_corners=False)
    left = person[rows] * (1 - arm)
    hole = _grown(arm)[:, None]
    behind = torch.lerp(images[rows], _filled(images[rows], person[rows]), hole)
    over = turned[:, 3:].clamp(0, 1)
    changed = torch.lerp(behind, turned[:, :3], over)
    moved = targets.clone()
    moved[rows, wrist[rows]] = moved_end[rows]
    return (
        images.index_copy(0, rows, changed),
        person.index_copy(0, rows, torch.maximum(left, over[:, 0])),
        moved,
    )


def _forearms(
    person: Tensor, targets: Tensor, start: Tensor, end: Tensor, rows: Tensor, skeleton: Skeleton
) -> tuple[Tensor, Tensor]:
    """Return which of some forearms can be turned (M,) bool, and their pixels (M, S, S)."""
    size, at = person.shape[-1], {name: targets[rows, k] for name, k in skeleton.index.items()}
    neck = (at["r_shoulder"] + at["l_shoulder"]) / 2
    length = (neck - (at["r_hip"] + at["l_hip"]) / 2).norm(dim=1).clamp(min=1e-3)
    a, b = start[rows], end[rows]
    arm = capsule(a, b + HAND * (b - a), WIDTH * length, size) * person[rows]
    far = capsule(a + CLEAR * (b - a), b + HAND * (b - a), WIDTH * length, size) * person[rows]
    body = torch.zeros_like(arm)
    for first, second in OTHERS:
        limb = capsule(at[first], at[second], WIDTH * length, size)
        body = torch.maximum(body, limb)
    pixels = far.flatten(1).sum(dim=1)
    hidden = (far * body).flatten(1).sum(dim=1)
    return (pixels > 1) & (hidden <= MOST_HIDDEN * pixels), arm


def _grown(share: Tensor) -> Tensor:
    """Return masks two pixels wider: those of the sensor do not end where the person ends."""
    return functional.max_pool2d(share[:, None], 5, stride=1, padding=2)[:, 0]


def _filled(images: Tensor, person: Tensor) -> Tensor:
    """Return images whose person is replaced by the mean of the background around."""
    known = (_grown(person) < 0.05).float()[:, None]
    total, count = images * known, known
    for _ in range(FILL_STEPS):
        total, count = (
            functional.avg_pool2d(one, 5, stride=1, padding=2, count_include_pad=True)
            for one in (total, count)
        )
    return torch.where(known > 0, images, total / count.clamp(min=1e-6))
