"""Trust in keypoints and frames: pure functions, each with a reason.

Nothing is deleted here. A keypoint that can't be trusted gets weight 0; a frame is dropped where
too many are, and counted under the first reason in ``REASONS`` that applies.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..checks.filters.bodies import Bools as Bools
from ..checks.filters.places import keypoint_flags as keypoint_flags
from ..checks.filters.registry import FILTERS
from ..checks.filters.settings import FilterSettings as FilterSettings
from ..checks.filters.verdict import FILTER_BITS as FILTER_BITS
from ..checks.filters.verdict import KEYPOINT_BITS as KEYPOINT_BITS
from ..checks.filters.verdict import apply_filters as apply_filters
from ..checks.filters.verdict import flag as flag
from ..checks.filters.verdict import has_flag as has_flag
from ..checks.filters.verdict import is_trusted as is_trusted
from ..checks.session_filters import JUDGED
from ..core.geometry import has_place_px
from ..sessions.edits.labels import UNCHANGED, EditedLabels

ROW_BITS: Final = {
    "low_light": 0, "clipped": 1, "several_bodies": 2, "interpolated": 3,
    "side_swap": 4, "frozen": 5, "lag": 6, "outside": 7,
    "damaged_image": 8, "swapped_by_hand": 9, "timing": 10, "person_in_crop": 11,
    "lag_corrected": 12, "swapped_back": 13,
}  # fmt: skip
"""Bits of ``quality``."""
WRONG_FRAMES: Final = ("frozen", "lag", "damaged_image")
"""Kinds of findings about colour frames that make all labels in them wrong."""
IMPLAUSIBLE: Final = "implausible_body"
"""The kind of finding, and the reason, of a thing that was tracked as a body."""

REASONS: Final = (
    "edits", "no_body", IMPLAUSIBLE, "other_body", "tracking", "range", "edge", "outside",
    *FILTER_BITS, "turned_away", "overlap", "redundancy", "damaged", "guard",
    "balance", "near_copy",
)  # fmt: skip
"""Reasons to leave a candidate out, in the order in which it is counted."""
DROPS: Final = tuple(name for name in JUDGED if FILTERS[name].effect == "drop")
"""Filters of the checks that drop the frames that they name."""


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


def edited_flags(
    flags: NDArray[np.uint32], labels: EditedLabels, size_px: tuple[int, int]
) -> NDArray[np.uint32]:
    """Return the flags of keypoints with what a person said about them.

    Args:
        flags: (N, 13) from ``keypoint_flags``, for the edited positions and states.
        labels: Edits of the same N people.
        size_px: Width and height of the image.

    Returns:
        (N, 13) uint32: only ``edited`` where a person gave the position, or said that one is
        visible; ``removed`` too where a person said that there is none.
    """
    placed = has_place_px(labels.points, size_px)
    said = labels.visibility != UNCHANGED
    confirmed = placed & (labels.moved | (labels.visibility == 2))
    edited = (labels.moved | said).astype(np.uint32) << np.uint32(KEYPOINT_BITS["edited"])
    removed = (labels.visibility == 0).astype(np.uint32) << np.uint32(KEYPOINT_BITS["removed"])
    return np.asarray(np.where(confirmed, 0, flags) | edited | removed, np.uint32)


def edited_visibility(
    flags: NDArray[np.uint32], labels: EditedLabels, size_px: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return the visibility of keypoints, a person's word over the sensor's.

    Args:
        flags: (N, 13) from ``edited_flags``.
        labels: Edits of the same N people.
        size_px: Width and height of the image.

    Returns:
        (N, 13) uint8; 0 wherever there is no position.
    """
    visibility = label_keypoints(flags, labels.points, size_px)
    said = labels.visibility != UNCHANGED
    return np.where(said & (visibility > 0), labels.visibility, visibility).astype(np.uint8)
