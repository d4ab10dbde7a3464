"""Joints compared with what the sensor saw at their place: the body's mask, and the depth."""

import numpy as np
from numpy.typing import NDArray

from .bodies import Bools, Floats
from .settings import FilterSettings


def off_body(
    body_index: NDArray[np.uint8], slot: NDArray[np.integer], settings: FilterSettings
) -> Bools:
    """Return which keypoints are not on the pixels of their own body.

    Args:
        body_index: (N, 13, W, W) body index of the pixels around each keypoint; 255: no body.
        slot: (N,) the body's own index.
        settings: ``body_index_share``.

    Returns:
        (N, 13) bool: fewer than that share of the pixels, 5 x 5 by rule, belong to the body.
    """
    own = (body_index == np.asarray(slot)[:, None, None, None]).mean(axis=(2, 3))
    return np.asarray(own < settings.body_index_share)


def hidden(surface_m: Floats, joint_m: Floats, settings: FilterSettings) -> Bools:
    """Return which keypoints are behind something, or in front of nothing.

    Args:
        surface_m: (N, 13) depth of the surface at each keypoint's place, metres; NaN unknown.
        joint_m: (N, 13) depth of the keypoint itself.
        settings: ``occluded_near_m`` and ``occluded_far_m``.

    Returns:
        (N, 13) bool: the surface is nearer by more than the first, as where a limb crosses, or
        farther by more than the second, as beside the body.
    """
    with np.errstate(invalid="ignore"):
        apart = surface_m - joint_m
        return np.asarray((apart < -settings.occluded_near_m) | (apart > settings.occluded_far_m))


def patches(
    image: NDArray[np.uint8], points: Floats, width: int = 5, outside: int = 255
) -> NDArray[np.uint8]:
    """Cut the pixels around points out of one image.

    Args:
        image: (H, W) uint8.
        points: (..., 2) pixels x, y; NaN for no place.
        width: Side of a patch, odd.
        outside: Value of pixels that are outside, and of points without a place.

    Returns:
        (..., width, width) uint8.
    """
    half = width // 2
    padded = np.pad(image, half, constant_values=outside)
    placed = np.asarray(np.isfinite(points).all(axis=-1))
    x, y = np.moveaxis(np.round(np.where(placed[..., None], points, -1)).astype(np.int64), -1, 0)
    inside = placed & (x >= 0) & (y >= 0) & (x < image.shape[1]) & (y < image.shape[0])
    x, y = np.where(inside, x, 0), np.where(inside, y, 0)
    step = np.arange(width)
    cut = padded[y[..., None, None] + step[:, None], x[..., None, None] + step]
    return np.where(inside[..., None, None], cut, np.uint8(outside))
