"""The people of some frames as the page draws them: joints with edits, and the box of build."""

from typing import Final

import numpy as np

from ..core.geometry import has_place_px, snapped_xyxy, unmirror_points
from ..core.skeleton import KEYPOINT_JOINT, KINECT_V2_SKELETON, TrackingState
from ..dataset.boxes import person_boxes
from ..sessions.edits.journal import Edits
from ..sessions.edits.labels import edit_labels
from .timeline import FramePeople

UNDECIDED: Final = 255
"""In ``visibility``: no one has decided anything."""


def people_columns(
    bodies: np.ndarray,
    people: FramePeople,
    seq: np.ndarray,
    edits: Edits,
    size_px: tuple[int, int],
    mirrored: bool,
) -> dict[str, np.ndarray]:
    """Return a row for each of P people.

    Args:
        bodies: (M,) ``timeline.body_dtype``.
        people: The people.
        seq: (P,) numbers of their frames.
        edits: The decisions.
        size_px: Width and height of the stored images.
        mirrored: Whether these are mirror images.

    Returns:
        The columns of docs/review.md, but for ``joint_xyz_m``.
    """
    rows = bodies[people.body]
    one = np.arange(len(rows)), people.slot
    points, state = rows["joint_color_px"][one], rows["joint_state"][one]
    ids = rows["tracking_id"][one]
    labels = edit_labels(
        edits.labels, seq, ids, points.astype(np.float64), state, KINECT_V2_SKELETON
    )
    visibility = np.where(labels.visibility < 0, UNDECIDED, labels.visibility)
    return {
        "seq": seq.astype("<f8"),
        "slot": people.slot.astype("u1"),
        "tracking_id": halves_of(ids),
        "joint_px": labels.points.astype("<f4"),
        "sensor_px": points.astype("<f4"),
        "joint_state": labels.state.astype("u1"),
        "moved": labels.moved.astype("u1"),
        "visibility": visibility.astype("u1"),
        "swapped": labels.swapped.astype("u1"),
        "hands": rows["hands"][one],
        "distance_m": rows["distance_m"][one],
        "box_px": boxes_of(
            labels.points[:, KEYPOINT_JOINT], labels.state[:, KEYPOINT_JOINT], size_px, mirrored
        ).astype("<f4"),
    }


def halves_of(ids: np.ndarray) -> np.ndarray:
    """Return (P, 2) u4, the low and the high half of (P,) tracking ids: JavaScript has no u8."""
    numbers = np.asarray(ids, np.uint64)
    low, high = numbers & np.uint64(0xFFFFFFFF), numbers >> np.uint64(32)
    return np.stack([low, high], axis=-1).astype("<u4")


def boxes_of(
    points: np.ndarray, state: np.ndarray, size_px: tuple[int, int], mirrored: bool
) -> np.ndarray:
    """Return (P, 4) the boxes that build cuts, x0, y0, x1, y1, pixels of the stored image.

    The filters of build may trust fewer keypoints than the sensor; then its box is smaller.
    """
    there = has_place_px(points, size_px) & (state != TrackingState.not_tracked)
    placed = np.where(there[..., None], points, np.nan)
    if mirrored:
        placed = unmirror_points(placed, size_px[0])
    trusted = there & (state == TrackingState.tracked)
    boxes = snapped_xyxy(person_boxes(placed, there.astype(np.uint8), trusted))
    if mirrored:
        left = size_px[0] - 1 - boxes[:, 2]
        boxes[:, 2] = size_px[0] - 1 - boxes[:, 0]
        boxes[:, 0] = left
    return np.asarray(np.where(trusted.any(axis=1)[:, None], boxes, np.nan))
