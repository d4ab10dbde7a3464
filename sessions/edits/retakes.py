"""Reject the frames of a take that was recorded again: a decision like any other, noted as such."""

from pathlib import Path
from typing import Final

from ...core.files.file_io import FileIO
from ..schema import EventKind, Rows
from .journal import add_edit, load_edits

RETAKE_NOTE: Final = "retake"
"""Note of the decision by which a retake rejects the frames before it."""


def reject_take(folder: Path, seq_first: int, seq_last: int, io: FileIO | None = None) -> None:
    """Reject the frames of a take.

    Args:
        folder: The session's folder.
        seq_first: First frame of the take.
        seq_last: Last frame, included.
        io: File handling.

    Raises:
        SessionError: Another process writes the decisions, or they can't be read.
        OSError: The disk refuses.
    """
    add_edit(folder, "reject", seq_first, seq_last, RETAKE_NOTE, io)


def reject_retaken(folder: Path, events: Rows, io: FileIO | None = None) -> int:
    """Reject the takes whose retake was recorded, but not decided: the recorder was killed there.

    A decision that was taken back since stays taken back.

    Args:
        folder: The session's folder.
        events: The session's.
        io: File handling.

    Returns:
        How many takes were rejected.

    Raises:
        SessionError: Another process writes the decisions, or they can't be read.
        OSError: The disk refuses.
    """
    told = events[events["kind"] == EventKind.retake]
    if not len(told):
        return 0
    known = {
        (one["seq_first"], one["seq_last"])
        for one in load_edits(folder).operations
        if one["op"] == "reject"
    }
    asked = [(int(event["seq_first"]), int(event["seq_last"])) for event in told]
    lacking = [frames for frames in dict.fromkeys(asked) if frames not in known]
    for first, last in lacking:
        reject_take(folder, first, last, io)
    return len(lacking)
