"""Find everyone in an image: scale it, run a net, average maps, assemble people."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from ...core.skeleton import KEYPOINTS_13, Skeleton
from .assembly import AssembledPeople, AssemblySettings, assemble
from .fit import STRIDE, Images, fit_height

Floats = npt.NDArray[np.float32]

MapNet = Callable[[Images], tuple[Floats, Floats]]
"""Takes images (B, H, W, 3) uint8, H and W multiples of 8; returns joint maps (B, K + 1, H/8, W/8)
and limb maps (B, 2 n, H/8, W/8)."""

SEVERAL_SCALES: Final = (0.75, 1.0, 1.25, 1.5)
"""Sizes of the image in a test of several scales; the paper does not say which four."""


@dataclass(frozen=True)
class FindSettings:
    """Settings of a search.

    Attributes:
        height: Of the image as the net sees it, pixels; a multiple of 8.
        scales: Factors on it; the maps are averaged.
        mirrored: True to average over the mirrored image too.
        assembly: Thresholds.
    """

    height: int
    scales: tuple[float, ...] = (1.0,)
    mirrored: bool = False
    assembly: AssemblySettings = AssemblySettings()


def find_people(
    run: MapNet, image: Images, settings: FindSettings, skeleton: Skeleton = KEYPOINTS_13
) -> AssembledPeople:
    """Return everyone in an image, in pixels of the image.

    Args:
        run: The net.
        image: (H, W, 3) uint8, RGB.
        settings: Settings.
        skeleton: The keypoints.
    """
    fitted, scale = fit_height(image, settings.height)
    joints, limbs = _averaged(run, fitted, image, settings, skeleton)
    return in_image_px(assemble(joints, limbs, skeleton.bone_indices, settings.assembly), scale)


def in_image_px(people: AssembledPeople, scale: tuple[float, float]) -> AssembledPeople:
    """Return people of a fitted image in pixels of the image that it was made of.

    Args:
        people: In pixels of the fitted image.
        scale: Pixels of it for one of the image, in x and in y.
    """
    factors = np.array(scale, np.float32)
    return replace(people, keypoints_px=(people.keypoints_px + 0.5) / factors - 0.5)


def _averaged(
    run: MapNet, fitted: Images, image: Images, settings: FindSettings, skeleton: Skeleton
) -> tuple[Floats, Floats]:
    """Return the maps of all scales and, where asked for, of the mirrored image."""
    found: list[tuple[Floats, Floats]] = []
    rows, columns = fitted.shape[0] // STRIDE, fitted.shape[1] // STRIDE
    _, plain = fit_height(image, settings.height)
    for factor in settings.scales:
        height = max(STRIDE, STRIDE * round(settings.height * factor / STRIDE))
        seen, scale = (fitted, plain) if factor == 1 else fit_height(image, height)
        views = [seen, seen[:, ::-1]] if settings.mirrored else [seen]
        joints, limbs = run(np.ascontiguousarray(np.stack(views)))
        maps = [(joints[0], limbs[0])]
        if settings.mirrored:
            maps.append(_unmirrored(joints[1], limbs[1], skeleton))
        if factor != 1:
            down = _lines(rows, maps[0][0].shape[1], scale[1] / plain[1])
            across = _lines(columns, maps[0][0].shape[2], scale[0] / plain[0])
            maps = [(down @ a @ across.T, down @ b @ across.T) for a, b in maps]
        found += maps
    joints, limbs = (np.stack(one).mean(axis=0) for one in zip(*found, strict=True))
    return np.asarray(joints, np.float32), np.asarray(limbs, np.float32)


def _unmirrored(joints: Floats, limbs: Floats, skeleton: Skeleton) -> tuple[Floats, Floats]:
    """Return the maps of a mirrored image as those of the image."""
    flip = np.append(skeleton.flip, len(skeleton))  # the background stays the last
    pairs = list(skeleton.bone_indices)
    order = []
    for a, b in pairs:
        limb = pairs.index((int(flip[a]), int(flip[b])))
        order += [2 * limb, 2 * limb + 1]
    turned = limbs[order][..., ::-1].copy()
    turned[::2] *= -1  # x points the other way
    return joints[flip][..., ::-1], turned


def _lines(count: int, cells: int, scale: float) -> Floats:
    """Return (count, cells) linear interpolation: cells of maps whose image is of another size.

    Args:
        count: Cells wanted.
        cells: Cells that there are.
        scale: Those for one wanted.
    """
    at = np.clip((np.arange(count) + 0.5) * scale - 0.5, 0, cells - 1)
    away = np.abs(at[:, None] - np.arange(cells))
    lines: Floats = np.maximum(1 - away, 0).astype(np.float32)
    return lines


def nearest_people(similar: npt.NDArray[np.float64], least: float) -> list[tuple[int, int]]:
    """Pair predictions with true people, the most similar first, each once.

    Args:
        similar: (P, G), of each prediction and each person.
        least: Less similar ones are not paired.

    Returns:
        Pairs of a prediction and a person.
    """
    pairs: list[tuple[int, int]] = []
    left = similar.copy()
    while left.size and left.max() >= least:
        p, g = np.unravel_index(int(left.argmax()), left.shape)
        pairs.append((int(p), int(g)))
        left[p], left[:, g] = -1, -1
    return pairs
