"""``kincap sessions edit``: one decision about a session's frames or joints, checked against it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from ...core.errors import SessionError
from ...core.geometry import has_place_px
from ...core.pairing import NO_BODY, pair_nearest, pair_within
from ...core.skeleton import KEYPOINT_NAMES
from ..folders import session_folder
from ..reader import SessionReader
from ..schema import Stream
from .journal import Edits, add_edits, load_edits, redo_edit, undo_edit
from .operations import DECISIONS, MOST_NAME, MOST_TEXT, REDO, UNDO, Operation

OPERATIONS: Final = (*DECISIONS, UNDO, REDO)
NEEDS: Final[dict[str, tuple[str, ...]]] = {
    "reject": ("frames",),
    "keep": ("frames",),
    "trim": ("frames",),
    "move": ("frames", "point", "xy_px"),
    "visibility": ("frames", "point", "value"),
    "swap_sides": ("frames",),
    "tag": ("tag",),
    "note": ("note",),
    UNDO: (),
    REDO: (),
}
"""By operation, what must be given."""
FLAGS: Final = {
    "frames": "--frames", "point": "--keypoint", "xy_px": "--to", "value": "--value",
    "tag": "--tag", "note": "--note",
}  # fmt: skip


def edit_session(recordings: Path, name: str, op: str, given: Mapping[str, Any]) -> Edits:
    """Add one decision to a session, or take one back.

    Args:
        recordings: The folder of all sessions.
        name: The session.
        op: One of ``OPERATIONS``.
        given: ``frames`` (first and last seq), ``person`` (tracking id as text), ``point`` (a
            keypoint or a joint), ``xy_px``, ``value``, ``tag``, ``remove``, ``note``; what does not
            apply is absent or None.

    Returns:
        All decisions now.

    Raises:
        SessionError: The session has no such frame, person or joint, or something is missing.
    """
    if op not in OPERATIONS:
        raise SessionError(f"edit {op!r}: expected one of {', '.join(OPERATIONS)}")
    missing = [FLAGS[key] for key in NEEDS[op] if given.get(key) in (None, "")]
    if missing:
        them = "it" if len(missing) == 1 else "them"
        raise SessionError(f"edit {op}: {' and '.join(missing)} missing; give {them}")
    _check_values(given)
    folder = session_folder(recordings, name)
    if op in (UNDO, REDO):
        return _step(folder, op)
    with SessionReader(folder) as reader:
        operation = _operation(reader, op, given)
        uuid = reader.info.uuid
    return add_edits(folder, [operation], uuid=uuid)


def _check_values(given: Mapping[str, Any]) -> None:
    """Refuse values that no operation takes, by the name of their flag."""
    value = given.get("value")
    if value is not None and value not in (0, 1, 2):
        raise SessionError(f"--value {value}: expected 0 not labelled, 1 occluded or 2 visible")
    for key, most in (("tag", MOST_NAME), ("note", MOST_TEXT)):
        text = given.get(key)
        if text is not None and len(text) > most:
            raise SessionError(
                f"{FLAGS[key]}: {len(text)} characters, expected at most {most}; shorten it"
            )


def _step(folder: Path, op: str) -> Edits:
    """Undo or redo one decision; refuse where there is nothing to undo or redo."""
    edits = load_edits(folder)
    if not (edits.can_undo if op == UNDO else edits.can_redo):
        raise SessionError(f"{folder.name}: nothing to {op}")
    return undo_edit(folder) if op == UNDO else redo_edit(folder)


def _operation(reader: SessionReader, op: str, given: Mapping[str, Any]) -> Operation:
    """Return the operation, checked against the session."""
    operation: Operation = {"op": op}
    frames = given.get("frames")
    if frames is not None:
        first, last = _checked_frames(reader, frames)
        if op in ("move", "visibility"):
            if first != last:
                raise SessionError(f"--frames {first}-{last}: {op} is about one frame; give one")
            operation["seq"] = first
        else:
            operation |= {"seq_first": first, "seq_last": last}
        if op in ("move", "visibility", "swap_sides"):
            operation["tracking_id"] = _person(reader, first, last, given.get("person"))
    if op in ("move", "visibility"):
        operation |= _point(reader, str(given["point"]))
    if op == "move":
        x, y = given["xy_px"]
        if not has_place_px(np.array([x, y]), reader.info.size_px):
            width, height = reader.info.size_px
            raise SessionError(f"--to {x:g},{y:g}: not near an image of {width}x{height} pixels")
        operation["xy_px"] = [round(float(x), 3), round(float(y), 3)]
    for key in ("value", "tag", "note"):
        if given.get(key) not in (None, ""):
            operation[key] = given[key]
    if given.get("remove"):
        operation["remove"] = True
    return operation


def _checked_frames(reader: SessionReader, frames: tuple[int, int]) -> tuple[int, int]:
    """Return a range of frames that the session has."""
    stream = Stream.bodies if reader.info.is_bodies_alone else Stream.color
    seqs = reader.rows(stream)["seq"]
    first, last = frames
    if not len(seqs):
        raise SessionError(f"--frames: {reader.info.name} has no frames")
    if not int(seqs[0]) <= first <= last <= int(seqs[-1]):
        raise SessionError(f"--frames {first}-{last}: expected a range within {seqs[0]}-{seqs[-1]}")
    return first, last


def _person(reader: SessionReader, first: int, last: int, person: str | None) -> str:
    """Return the tracking id of a person who is in these frames; the only one if none is named."""
    bodies = reader.bodies
    if reader.info.is_bodies_alone:
        rows = bodies[(bodies["seq"] >= first) & (bodies["seq"] <= last)]
    else:
        color = reader.color[(reader.color["seq"] >= first) & (reader.color["seq"] <= last)]
        pairs, _ = pair_nearest(
            color["take"],
            color["time_device"],
            bodies["take"],
            bodies["time_device"],
            pair_within(reader.info.shape.tick_100ns),
        )
        rows = bodies[pairs[pairs != NO_BODY]]
    there = sorted(map(str, np.unique(rows["tracking_id"][rows["tracked"] == 1]).tolist()))
    listed = ", ".join(there) or "nobody"
    if person is None:
        if len(there) == 1:
            return there[0]
        raise SessionError(f"--person: tracked there: {listed}; name one")
    if person not in there:
        raise SessionError(f"--person {person}: tracked there: {listed}; name one")
    return person


def _point(reader: SessionReader, name: str) -> dict[str, str]:
    """Return the keypoint or joint that a name is."""
    if name in KEYPOINT_NAMES:
        return {"keypoint": name}
    joints = reader.info.shape.skeleton.points
    if name in joints:
        return {"joint": name}
    raise SessionError(
        f"--keypoint {name}: expected one of {', '.join(KEYPOINT_NAMES)}, or a joint of the sensor"
    )
