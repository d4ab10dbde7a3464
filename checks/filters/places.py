"""Places of keypoints: tracked or guessed, mappable, at an edge, within range."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.geometry import has_place_m, has_place_px
from ...core.skeleton import JOINT, KEYPOINT_JOINT, TrackingState
from .bodies import Bools
from .settings import FilterSettings

PLACE_BITS: Final = {
    "not_tracked": 0, "inferred": 1, "unmappable": 2, "edge": 3, "unknown_state": 4,
    "edited": 5, "removed": 6,
}  # fmt: skip
"""Bits of ``keypoint_quality`` for what a place and a tracking state say."""
_CLIPPED_SIDES: Final = 0b0011
"""The sensor's flags for a body that leaves the depth image at its right or left edge."""


def guessed(state: NDArray[np.uint8]) -> Bools:
    """Return which keypoints the sensor has not tracked, of (N, 13) tracking states."""
    return np.asarray(state < TrackingState.tracked)


def nowhere(points: NDArray[np.floating], size_px: tuple[int, int]) -> Bools:
    """Return which keypoints have no place in the image's plane, of (N, 13, 2) pixels."""
    return np.asarray(~has_place_px(points, size_px))


def out_of_range(depth_m: NDArray[np.floating], settings: FilterSettings) -> Bools:
    """Return which bodies are too near, too far, or at no known distance, of (N,) metres."""
    with np.errstate(invalid="ignore"):
        return np.asarray(~((depth_m >= settings.depth_min_m) & (depth_m <= settings.depth_max_m)))


def at_edge(
    points: NDArray[np.floating],
    clipped_edges: NDArray[np.uint8],
    size_px: tuple[int, int],
    settings: FilterSettings,
) -> Bools:
    """Return which keypoints are at an edge of what the sensor sees, or beyond it.

    Args:
        points: (N, 13, 2) pixels of the colour image, mirrored or not.
        clipped_edges: (N,) the sensor's flags for the body: right 1, left 2, top 4, bottom 8. Up
            and down the depth image sees more than the colour image, so only the sides matter.
        size_px: Width and height of the image.
        settings: ``edge_margin`` and ``clipped_margin``.

    Returns:
        (N, 13) bool; a keypoint without a place is at no edge.
    """
    width, height = size_px
    sideways = (clipped_edges & _CLIPPED_SIDES) != 0
    margin_x = np.where(sideways, settings.clipped_margin, settings.edge_margin)[:, None] * width
    margin_y = settings.edge_margin * height
    x, y = points[..., 0], points[..., 1]
    with np.errstate(invalid="ignore"):
        inside = (x >= margin_x) & (x <= width - 1 - margin_x)
        inside &= (y >= margin_y) & (y <= height - 1 - margin_y)
    return np.asarray(has_place_px(points, size_px) & ~inside)


def keypoint_flags(
    points: NDArray[np.floating],
    state: NDArray[np.uint8],
    clipped_edges: NDArray[np.uint8],
    size_px: tuple[int, int],
    settings: FilterSettings,
) -> NDArray[np.uint32]:
    """Return what speaks against each keypoint.

    Args:
        points: (N, 13, 2) pixels of the colour image, mirrored or not.
        state: (N, 13) tracking states.
        clipped_edges: (N,) the sensor's flags for the body: right 1, left 2, top 4, bottom 8. Up
            and down the depth image sees more than the colour image, so only the sides matter.
        size_px: Width and height of the image.
        settings: Thresholds.

    Returns:
        (N, 13) uint32, bits of PLACE_BITS.
    """
    flags = (
        _bit("not_tracked", state == TrackingState.not_tracked)
        | _bit("inferred", state == TrackingState.inferred)
        | _bit("unmappable", nowhere(points, size_px))
        | _bit("unknown_state", state == TrackingState.unknown)
    )
    if settings.uses("edge"):
        flags |= _bit("edge", at_edge(points, clipped_edges, size_px, settings))
    return flags


def _bit(name: str, where: Bools) -> NDArray[np.uint32]:
    """Return the bit of a name where it applies."""
    return where.astype(np.uint32) << np.uint32(PLACE_BITS[name])


def body_depth(joints: NDArray[np.floating], state: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the distance of bodies by their tracked joints.

    Args:
        joints: (..., 25, 3) metres, camera space.
        state: (..., 25) tracking states.

    Returns:
        (...,) metres: of SpineBase where that is tracked, else the median of the tracked keypoints;
        NaN where nothing is.
    """
    chosen = [JOINT["SpineBase"], *KEYPOINT_JOINT.tolist()]
    xyz, state = joints[..., chosen, :], state[..., chosen]
    known = (state >= TrackingState.tracked) & has_place_m(xyz)
    depth = np.where(known, xyz[..., 2], np.nan)
    limbs = np.sort(depth[..., 1:], axis=-1)  # NaN last
    middle = (np.isfinite(limbs).sum(axis=-1, keepdims=True) - 1).clip(min=0) // 2
    median = np.take_along_axis(limbs, middle, axis=-1)[..., 0]
    return np.where(known[..., 0], depth[..., 0], median).astype(np.float32)
