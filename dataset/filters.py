"""Trust in keypoints and frames: pure functions, each with a reason.

Nothing is deleted here. A keypoint that can't be trusted gets weight 0; a frame is dropped where
too many are, and counted under the first reason in ``REASONS`` that applies.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..core.geometry import has_place_px
from ..core.skeleton import GROUPS, TrackingState

KEYPOINT_BITS: Final = {
    "not_tracked": 0, "inferred": 1, "unmappable": 2, "edge": 3, "unknown_state": 4,
}  # fmt: skip
"""Bits of ``keypoint_quality``."""
ROW_BITS: Final = {
    "low_light": 0, "clipped": 1, "several_bodies": 2, "interpolated": 3,
    "side_swap": 4, "frozen": 5, "lag": 6, "outside": 7,
    "damaged_image": 8,
}  # fmt: skip
"""Bits of ``quality``."""
WRONG_LABELS: Final = ("side_swap", "frozen", "lag", "damaged_image")
"""Kinds of findings whose rows get weight 0 (``sessions.kinds``, ``wrong_labels``)."""
IMPLAUSIBLE: Final = "implausible_body"
"""The kind of finding, and the reason, of a thing that was tracked as a body."""

REASONS: Final = (
    "edits", "no_body", IMPLAUSIBLE, "tracking", "range", "edge", "outside", "damaged", "guard",
)  # fmt: skip
"""Reasons to leave a candidate out, in the order in which it is counted."""

_CLIPPED_SIDES: Final = 0b0011
"""The sensor's flags for a body that leaves the depth image at its right or left edge."""

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class FilterSettings:
    """Thresholds of the filters.

    Attributes:
        depth_min_m: Nearest body, metres.
        depth_max_m: Farthest body, metres.
        edge_margin: Share of the picture's width and height, at each edge, where a keypoint is
            not trusted.
        clipped_margin: The same share of the width where the sensor says that the body leaves its
            depth image sideways: that image ends at about 11 % of the colour image's width.
        max_untrusted: More untrusted keypoints than this drop the frame.
        max_outside: A box with more than this share outside of the picture drops the frame.
    """

    depth_min_m: float = 1.0
    depth_max_m: float = 4.0
    edge_margin: float = 0.02
    clipped_margin: float = 0.12
    max_untrusted: int = 4
    max_outside: float = 0.33


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
        (N, 13) uint32, bits of KEYPOINT_BITS.
    """
    there = has_place_px(points, size_px)
    width, height = size_px
    sideways = (clipped_edges & _CLIPPED_SIDES) != 0
    margin_x = np.where(sideways, settings.clipped_margin, settings.edge_margin)[:, None] * width
    margin_y = settings.edge_margin * height
    x, y = points[..., 0], points[..., 1]
    with np.errstate(invalid="ignore"):
        inside = (x >= margin_x) & (x <= width - 1 - margin_x)
        inside &= (y >= margin_y) & (y <= height - 1 - margin_y)
    return (
        _bit("not_tracked", state == TrackingState.not_tracked)
        | _bit("inferred", state == TrackingState.inferred)
        | _bit("unmappable", ~there)
        | _bit("edge", there & ~inside)
        | _bit("unknown_state", state == TrackingState.unknown)
    )


def _bit(name: str, where: Bools) -> NDArray[np.uint32]:
    """Return the bit of a name where it applies."""
    return where.astype(np.uint32) << np.uint32(KEYPOINT_BITS[name])


def has_flag(flags: NDArray[np.uint32], *names: str) -> Bools:
    """Say which keypoints have any of these flags."""
    mask = np.uint32(sum(1 << KEYPOINT_BITS[name] for name in names))
    return np.asarray((flags & mask) != 0)


def drops_frame(untrusted: Bools, settings: FilterSettings) -> Bools:
    """Say which frames have too few keypoints left.

    Args:
        untrusted: (N, 13) bool.
        settings: Thresholds.

    Returns:
        (N,) bool: both shoulders, both hips, or more than the allowed number are untrusted.
    """
    drops = np.asarray(untrusted.sum(axis=-1) > settings.max_untrusted)
    for pair in ("shoulder", "hip"):
        drops |= untrusted[:, list(GROUPS[pair])].all(axis=-1)
    return drops


def apply_filters(
    flags: NDArray[np.uint32], depth_m: NDArray[np.floating], settings: FilterSettings
) -> dict[str, Bools]:
    """Say which bodies each filter drops.

    Args:
        flags: (N, 13) from ``keypoint_flags``.
        depth_m: (N,) depth of the body, metres; NaN is out of range.
        settings: Thresholds.

    Returns:
        By reason (N,) bool. ``edge`` also drops a frame that only the keypoints lost at the edge
        together with those lost by tracking make too poor.
    """
    lost = has_flag(flags, "not_tracked", "inferred", "unmappable")
    at_edge = has_flag(flags, "edge")
    tracking = drops_frame(lost, settings)
    with np.errstate(invalid="ignore"):
        in_range = (depth_m >= settings.depth_min_m) & (depth_m <= settings.depth_max_m)
    edge = drops_frame(at_edge, settings) | (drops_frame(lost | at_edge, settings) & ~tracking)
    return {"tracking": tracking, "range": ~in_range, "edge": edge}


def is_trusted(flags: NDArray[np.uint32]) -> Bools:
    """Return which keypoints nothing speaks against; an unknown tracking state does not.

    Args:
        flags: (N, 13) from ``keypoint_flags``.
    """
    return np.asarray((flags & ~np.uint32(1 << KEYPOINT_BITS["unknown_state"])) == 0)


def label_keypoints(
    flags: NDArray[np.uint32], points: NDArray[np.floating], size_px: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return what a data set says about each keypoint.

    Args:
        flags: (N, 13) from ``keypoint_flags``.
        points: (N, 13, 2) pixels of the colour image.
        size_px: Width and height of the image.

    Returns:
        (N, 13) uint8 visibility: 0 without a position; 1 inferred, or outside the picture where
        nothing can be seen; else 2.
    """
    last = np.asarray(size_px, np.float64) - 0.5
    with np.errstate(invalid="ignore"):
        in_picture = ((points >= -0.5) & (points <= last)).all(axis=-1)
    visibility = np.where(has_flag(flags, "inferred") | ~in_picture, 1, 2)
    visibility[has_flag(flags, "not_tracked", "unmappable")] = 0
    return visibility.astype(np.uint8)


def first_reason(failed: Mapping[str, Bools], count: int) -> NDArray[np.int8]:
    """Return under which reason each candidate is counted.

    Args:
        failed: By reason (N,) bool; reasons that are missing apply to none.
        count: N.

    Returns:
        (N,) int8 index into REASONS, -1 where it is kept.
    """
    first = np.full(count, -1, np.int8)
    for index, reason in enumerate(REASONS):
        if reason in failed:
            first[(first < 0) & failed[reason]] = index
    return first
