"""A replay with a reviewer's edits: rejected frames left out, edited joints put into body rows."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.pairing import NO_BODY, pair_nearest, pair_within
from ...core.skeleton import TrackingState
from ...sessions.edits.journal import REJECT, load_edits
from ...sessions.edits.labels import edit_labels
from ...sessions.info import SessionInfo
from ...sessions.schema import Stream

Rows = npt.NDArray[Any]


def with_edits(folder: Path, info: SessionInfo, rows: dict[Stream, Rows]) -> dict[Stream, Rows]:
    """Return the rows of a session as its edits.json has them.

    A body row takes the edits of the colour frame that it is nearest to.

    Args:
        folder: The session's folder.
        info: What session.json says.
        rows: The rows of each stream, sorted by seq; not changed.

    Returns:
        The same without rejected and trimmed frames. Moved joints are tracked, those without a
        label not tracked, occluded ones inferred; exchanged sides are so in metres too.

    Raises:
        SessionError: The edits can't be read.
    """
    edits = load_edits(folder, info.uuid)
    paged = Stream.bodies if info.is_bodies_alone else Stream.color
    found = dict(rows)
    if Stream.bodies in rows and edits.labels:
        found[Stream.bodies] = _edited_bodies(edits.labels, info, rows)
    if paged in rows:
        kept = edits.verdicts(rows[paged]["seq"]) != REJECT
        found[paged] = found[paged][kept]
    return found


def _edited_bodies(
    labels: tuple[dict[str, Any], ...], info: SessionInfo, rows: dict[Stream, Rows]
) -> Rows:
    """Return the body rows with all edits of joints."""
    bodies = rows[Stream.bodies].copy()
    at, seq = _edited_rows(info, rows)
    tracked = bodies["tracked"][at] != 0
    row, slot = at[np.nonzero(tracked)[0]], np.nonzero(tracked)[1]
    skeleton = info.shape.skeleton
    edited = edit_labels(
        labels,
        seq[np.nonzero(tracked)[0]],
        bodies["tracking_id"][row, slot],
        bodies["joint_color_px"][row, slot],
        bodies["joint_state"][row, slot],
        skeleton,
    )
    state = np.where(edited.moved, np.uint8(TrackingState.tracked), edited.state)
    # 0, 1, 2 of visibility are not tracked, inferred, tracked
    state = np.where(edited.visibility >= 0, edited.visibility, state).astype(np.uint8)
    bodies["joint_color_px"][row, slot] = edited.points
    bodies["joint_state"][row, slot] = state
    swapped = np.flatnonzero(edited.swapped)
    for name in ("joint_xyz_m", "joint_orientation"):
        exchanged = bodies[name][row[swapped], slot[swapped]][:, skeleton.flip]
        bodies[name][row[swapped], slot[swapped]] = exchanged
    return bodies


def _edited_rows(
    info: SessionInfo, rows: dict[Stream, Rows]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.uint64]]:
    """Return the body rows that belong to a frame, and the frame's seq."""
    bodies = rows[Stream.bodies]
    if info.is_bodies_alone or Stream.color not in rows:
        return np.arange(len(bodies)), bodies["seq"]
    color = rows[Stream.color]
    pairs, _ = pair_nearest(
        color["take"], color["time_device"], bodies["take"], bodies["time_device"],
        pair_within(info.shape.tick_100ns),
    )  # fmt: skip
    paired = np.flatnonzero(pairs != NO_BODY)
    at, first = np.unique(pairs[paired], return_index=True)
    return at, color["seq"][paired[first]]
