"""Edited labels: joints that a person moved, hid or exchanged, put into the arrays of a session."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.skeleton import KEYPOINTS_13, Skeleton
from .operations import Operation

UNCHANGED: Final = -1
"""Of ``EditedLabels.visibility``: no person has said anything."""


@dataclass(frozen=True)
class EditedLabels:
    """The labels of N people with all edits.

    Attributes:
        points: (N, K, 2) pixels of the image as stored.
        state: (N, K) tracking states.
        moved: (N, K) bool, positions that a person gave.
        visibility: (N, K) int8, what a person said: 0, 1, 2, or UNCHANGED.
        swapped: (N,) bool, sides were exchanged.
    """

    points: NDArray[np.floating]
    state: NDArray[np.uint8]
    moved: NDArray[np.bool_]
    visibility: NDArray[np.int8]
    swapped: NDArray[np.bool_]


def edit_labels(
    edits: Sequence[Operation],
    seq: ArrayLike,
    tracking_id: ArrayLike,
    points: NDArray[np.floating],
    state: NDArray[np.uint8],
    skeleton: Skeleton = KEYPOINTS_13,
) -> EditedLabels:
    """Apply moves, visibilities and exchanged sides, in the order in which they were made.

    Args:
        edits: Operations in force, of ``LABEL_EDITS``; others have no effect.
        seq: (N,) numbers of the colour frames.
        tracking_id: (N,) the people.
        points: (N, K, 2) pixels of the image as stored, not changed.
        state: (N, K) tracking states, not changed.
        skeleton: Names of the K points: keypoints, or a sensor's joints.

    Returns:
        The labels; an edit of a frame, person or joint that is not there has no effect.
    """
    seqs, people = np.asarray(seq, np.uint64), np.asarray(tracking_id, np.uint64)
    count, many = state.shape
    result = EditedLabels(
        points=points.copy(),
        state=state.copy(),
        moved=np.zeros((count, many), np.bool_),
        visibility=np.full((count, many), UNCHANGED, np.int8),
        swapped=np.zeros(count, np.bool_),
    )
    if not edits:
        return result
    rows = _Rows(seqs, people, edits)
    for edit in edits:
        if edit["op"] == "swap_sides":
            _swap(result, rows.between(edit), skeleton)
            continue
        if edit["op"] not in ("move", "visibility"):
            continue
        point = _point(edit, skeleton)
        if point is None:
            continue
        for row in rows.at(edit):
            if edit["op"] == "move":
                result.points[row, point] = edit["xy_px"]
                result.moved[row, point] = True
            else:
                result.visibility[row, point] = edit["value"]
    return result


def _swap(labels: EditedLabels, rows: NDArray[np.intp], skeleton: Skeleton) -> None:
    """Exchange left and right in some rows."""
    for values in (labels.points, labels.state, labels.moved, labels.visibility):
        values[rows] = values[rows][:, skeleton.flip]
    labels.swapped[rows] = ~labels.swapped[rows]


def _point(edit: Operation, skeleton: Skeleton) -> int | None:
    """Return the index of the point that an edit names; None if the skeleton lacks it."""
    keypoint, joint = edit.get("keypoint"), edit.get("joint")
    if skeleton.joints:
        name = keypoint
        if joint is not None:
            name = dict(zip(skeleton.joints, skeleton.points, strict=True)).get(joint)
        return None if name is None else skeleton.index.get(name)
    if keypoint is not None:
        joint = KEYPOINTS_13.joints[KEYPOINTS_13.index[keypoint]]
    return skeleton.index.get(str(joint))


class _Rows:
    """Finds the rows of a frame and a person, and of a range of frames and a person."""

    def __init__(
        self, seq: NDArray[np.uint64], tracking_id: NDArray[np.uint64], edits: Sequence[Operation]
    ) -> None:
        edited = {edit["seq"] for edit in edits if "seq" in edit}
        self._single: dict[tuple[int, int], list[int]] = {}
        for row in np.flatnonzero(np.isin(seq, np.array(sorted(edited), np.uint64))).tolist():
            self._single.setdefault((int(seq[row]), int(tracking_id[row])), []).append(row)
        self._order = np.argsort(seq, kind="stable")
        self._seq, self._id = seq[self._order], tracking_id[self._order]

    def at(self, edit: Operation) -> list[int]:
        """Return the rows of one frame and person; mostly one."""
        return self._single.get((edit["seq"], int(edit["tracking_id"])), [])

    def between(self, edit: Operation) -> NDArray[np.intp]:
        """Return the rows of one person in a range of frames."""
        first = np.searchsorted(self._seq, np.uint64(edit["seq_first"]))
        behind = np.searchsorted(self._seq, np.uint64(edit["seq_last"]), side="right")
        found = self._id[first:behind] == np.uint64(int(edit["tracking_id"]))
        rows: NDArray[Any] = self._order[first:behind][found]
        return rows
