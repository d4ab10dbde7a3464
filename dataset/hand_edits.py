"""Edits by hand in a data set: what a person moved is trusted, what they took away is not used."""

import numpy as np
from numpy.typing import NDArray

from ..checks.body_filters import KEYPOINT_BITS
from ..core.geometry import has_place_px
from ..sessions.edits.labels import UNCHANGED, EditedLabels
from .filters import Bools, label_keypoints


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


def edited_weight(
    trusted: Bools, wrong: Bools, moved: Bools, visibility: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Return the weight of keypoints.

    Args:
        trusted: (N, 13) from ``filters.is_trusted``.
        wrong: (N,) rows that a finding calls wrong.
        moved: (N, 13) positions that a person gave: a finding about the sensor says nothing of
            them.
        visibility: (N, 13) from ``edited_visibility``.

    Returns:
        (N, 13) float32, 0 or 1.
    """
    return (trusted & (~wrong[:, None] | moved) & (visibility > 0)).astype(np.float32)
