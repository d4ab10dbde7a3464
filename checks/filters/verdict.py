"""Verdicts on bodies: bits of all filters, keypoints that are left, frames that are too poor."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.skeleton import GROUPS
from .bodies import Bools
from .places import PLACE_BITS, out_of_range
from .registry import FILTERS
from .settings import FilterSettings

FILTER_BITS: Final = {
    **{name: one.bit for name, one in FILTERS.items() if one.bit is not None},
    "lag": 17,
    "damaged_image": 18,
}
"""Bits of filters that cost a keypoint its weight, in the order in which they are counted."""
KEYPOINT_BITS: Final = {**PLACE_BITS, **FILTER_BITS, "swapped_back": 19}
"""Bits of ``keypoint_quality``."""
_LOST: Final = ("not_tracked", "unmappable", "removed")


def has_flag(flags: NDArray[np.uint32], *names: str) -> Bools:
    """Return which keypoints have any of these flags."""
    mask = np.uint32(sum(1 << KEYPOINT_BITS[name] for name in names))
    return np.asarray((flags & mask) != 0)


def flag(name: str, where: Bools) -> NDArray[np.uint32]:
    """Return the bit of a keypoint's flag where it applies."""
    return where.astype(np.uint32) << np.uint32(KEYPOINT_BITS[name])


def drops_frame(untrusted: Bools, settings: FilterSettings) -> Bools:
    """Return which frames have too few keypoints left.

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


def tracking_flags(settings: FilterSettings, unknown_weight: float) -> tuple[str, ...]:
    """Return the flags that count as a failure of tracking.

    Args:
        settings: With ``tracking`` off, a guess is trusted.
        unknown_weight: With 0, a keypoint without a tracking state is not.
    """
    guesses = ("inferred",) if settings.uses("tracking") else ()
    return (*_LOST, *guesses, *(() if unknown_weight else ("unknown_state",)))


def is_trusted(
    flags: NDArray[np.uint32], settings: FilterSettings | None = None, unknown_weight: float = 0.0
) -> Bools:
    """Return which keypoints nothing speaks against.

    Args:
        flags: (N, 13) bits of ``KEYPOINT_BITS``.
        settings: Which filters are off; None: none is.
        unknown_weight: Weight of a keypoint without a tracking state.
    """
    tracking = tracking_flags(settings or FilterSettings(), unknown_weight)
    return ~has_flag(flags, *tracking, "edge", *FILTER_BITS)


def apply_filters(
    flags: NDArray[np.uint32],
    depth_m: NDArray[np.floating],
    settings: FilterSettings,
    unknown_weight: float = 0.0,
) -> dict[str, Bools]:
    """Return which bodies have too few keypoints left, by the filter that took them.

    Args:
        flags: (N, 13) bits of ``KEYPOINT_BITS``.
        depth_m: (N,) depth of the body, metres; NaN is out of range.
        settings: Thresholds.
        unknown_weight: Weight of a keypoint without a tracking state.

    Returns:
        By reason (N,) bool. A filter drops a frame that its own keypoints make too poor, and one
        that only they together with those that filters before it took make too poor.
    """
    lost = has_flag(flags, *tracking_flags(settings, unknown_weight))
    poor = drops_frame(lost, settings)
    failed = {"tracking": poor}
    failed["range"] = out_of_range(depth_m, settings) & settings.uses("range")
    for name in ("edge", *FILTER_BITS):
        own = has_flag(flags, name)
        lost = lost | own
        together = drops_frame(lost, settings)
        failed[name] = drops_frame(own, settings) | (together & ~poor)
        poor = together
    return failed
