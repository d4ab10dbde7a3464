"""Decisions as a page sends them, and the journal as a page shows it.

The operations are those of edits.json (docs/format.md 1.8). Two more are worked out here and stored
as moves: ``copy_previous`` and ``interpolate``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ..core.geometry import has_place_px
from ..core.skeleton import KEYPOINT_JOINT, KEYPOINT_NAMES, KINECT_V2_SKELETON
from ..sessions.edits.journal import Edits
from ..sessions.edits.labels import edit_labels
from ..sessions.edits.operations import DECISIONS, Operation, check_operation
from .errors import BadRequestError, OutsideError

COPY_PREVIOUS: Final = "copy_previous"
INTERPOLATE: Final = "interpolate"
MOST_OPERATIONS: Final = 4000
MOST_INTERPOLATED: Final = 300
"""Frames between two corrected ones."""
FIELDS: Final = frozenset(
    ("op", "seq", "seq_first", "seq_last", "tracking_id", "keypoint", "joint", "keypoints")
    + ("xy_px", "value", "tag", "note", "remove")
)
DECIMALS: Final = 3


@dataclass(frozen=True)
class SeenPerson:
    """One person in one frame, without edits.

    Attributes:
        points: (25, 2) pixels of the stored image; NaN where there is no place.
        state: (25,) uint8 tracking states.
    """

    points: np.ndarray
    state: np.ndarray


FindPerson = Callable[[int, int], SeenPerson | None]
"""Returns the person with a tracking id in a frame, by seq; None where it is not seen there."""


def check_operations(found: Any) -> list[Operation]:
    """Check the list of operations of a request.

    Raises:
        BadRequestError: It is not one.
    """
    if not isinstance(found, list) or not 0 < len(found) <= MOST_OPERATIONS:
        raise BadRequestError(f"operations: expected a list of 1 to {MOST_OPERATIONS} operations")
    return [_checked(one) for one in found]


def _checked(one: Any) -> Operation:
    if not isinstance(one, dict) or not isinstance(one.get("op"), str):
        raise BadRequestError("operations: expected objects with op")
    unknown = sorted(map(str, set(one) - FIELDS))
    if unknown:
        raise BadRequestError(f"{one['op']}: unknown key {unknown[0][:40]!r}")
    if one["op"] in (COPY_PREVIOUS, INTERPOLATE):
        return _checked_made(one)
    try:
        return check_operation(dict(one), DECISIONS)
    except (KeyError, TypeError, ValueError) as error:
        raise BadRequestError(f"{error}: not an operation of edits.json") from error


def _checked_made(one: dict[str, Any]) -> Operation:
    """Check an operation that the server turns into moves."""
    op = one["op"]
    names = one.get("keypoints", list(KEYPOINT_NAMES))
    if not isinstance(names, list) or not names or not set(map(str, names)) <= set(KEYPOINT_NAMES):
        raise BadRequestError(f"{op}: keypoints: expected some of {', '.join(KEYPOINT_NAMES)}")
    keys = ("seq",) if op == COPY_PREVIOUS else ("seq_first", "seq_last")
    seqs = [one.get(key) for key in keys]
    if not all(type(seq) is int and seq >= 0 for seq in seqs):
        raise BadRequestError(f"{op}: {' and '.join(keys)}: expected whole numbers from 0")
    tracking_id = one.get("tracking_id")
    if not (isinstance(tracking_id, str) and tracking_id.isascii() and tracking_id.isdecimal()):
        raise BadRequestError(f"{op}: tracking_id: expected digits as text")
    made = {"op": op, "keypoints": names, "tracking_id": tracking_id}
    return {**made, **dict(zip(keys, seqs, strict=True))}


def frames_named(operation: Operation) -> tuple[int, int] | None:
    """Return the first and last frame that an operation names, None where it is about all."""
    if "seq" in operation:
        return operation["seq"], operation["seq"]
    if "seq_first" in operation:
        return operation["seq_first"], operation["seq_last"]
    return None


def with_moves(
    operations: Sequence[Operation],
    seqs: np.ndarray,
    find: FindPerson,
    edits: Edits,
    size_px: tuple[int, int],
) -> list[Operation]:
    """Return operations in which those that the server works out are moves.

    Args:
        operations: Checked ones.
        seqs: (N,) the session's frames, rising.
        find: Finds a person in a frame.
        edits: The decisions so far.
        size_px: Width and height of the stored images.

    Raises:
        OutsideError: A person or a place that an operation needs is not there.
    """
    found: list[Operation] = []
    for one in operations:
        if one["op"] == COPY_PREVIOUS:
            found += _copied(one, seqs, find, edits, size_px)
        elif one["op"] == INTERPOLATE:
            found += _interpolated(one, seqs, find, edits, size_px)
        else:
            if one["op"] == "move" and not has_place_px(np.array(one["xy_px"]), size_px):
                raise OutsideError(f"move to {one['xy_px']}: not near the image")
            found.append(one)
    return found


def _copied(
    one: Operation, seqs: np.ndarray, find: FindPerson, edits: Edits, size_px: tuple[int, int]
) -> list[Operation]:
    seq, person = one["seq"], int(one["tracking_id"])
    at = int(np.searchsorted(seqs, seq))
    if at == 0:
        raise OutsideError(f"frame {seq}: no frame before it to copy from")
    before = int(seqs[at - 1])
    if find(seq, person) is None:
        raise OutsideError(f"frame {seq}: person {person} is not tracked there")
    places = _places(find, edits, before, person, size_px)
    moves = _moves(seq, one, places)
    if not moves:
        raise OutsideError(f"frame {before}: none of these keypoints has a place to copy")
    return moves


def _interpolated(
    one: Operation, seqs: np.ndarray, find: FindPerson, edits: Edits, size_px: tuple[int, int]
) -> list[Operation]:
    first, last, person = one["seq_first"], one["seq_last"], int(one["tracking_id"])
    begin, end = np.searchsorted(seqs, [first, last])
    between = seqs[begin + 1 : end]
    if not len(between):
        raise OutsideError(f"frames {first} to {last}: no frame is between them")
    if len(between) > MOST_INTERPOLATED:
        raise OutsideError(
            f"frames {first} to {last}: {len(between)} frames between them, at most "
            f"{MOST_INTERPOLATED} are interpolated"
        )
    start = _places(find, edits, first, person, size_px)
    stop = _places(find, edits, last, person, size_px)
    moves: list[Operation] = []
    for seq in map(int, between):
        share = (seq - first) / (last - first)
        if find(seq, person) is not None:
            moves += _moves(seq, one, start + share * (stop - start))
    if not moves:
        raise OutsideError(
            f"frames {first} to {last}: no keypoint has a place at both ends with the person "
            "between them"
        )
    return moves


def _places(
    find: FindPerson, edits: Edits, seq: int, person: int, size_px: tuple[int, int]
) -> np.ndarray:
    """Return (13, 2) places of a person's keypoints in a frame, with edits; NaN for none."""
    seen = find(seq, person)
    if seen is None:
        raise OutsideError(f"frame {seq}: person {person} is not tracked there")
    labels = edit_labels(
        edits.labels, [seq], [person], seen.points[None].astype(np.float64), seen.state[None],
        KINECT_V2_SKELETON,
    )  # fmt: skip
    points = labels.points[0, KEYPOINT_JOINT]
    there = has_place_px(points, size_px) & (labels.state[0, KEYPOINT_JOINT] > 0)
    there |= labels.moved[0, KEYPOINT_JOINT]
    return np.where(there[:, None], points, np.nan)


def _moves(seq: int, one: Operation, places: np.ndarray) -> list[Operation]:
    """Return a move for each keypoint that is asked for and has a place."""
    return [
        {
            "op": "move",
            "seq": seq,
            "tracking_id": one["tracking_id"],
            "keypoint": name,
            "xy_px": [round(float(value), DECIMALS) for value in places[at]],
        }
        for at, name in enumerate(KEYPOINT_NAMES)
        if name in one["keypoints"] and np.isfinite(places[at]).all()
    ]
