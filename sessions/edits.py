"""edits.json: what a reviewer decided about a session's frames. Recordings are never rewritten.

The file is a journal: operations are only added, and taking one back is an operation too. Every
change is made under a lock and written whole or not at all.
"""

import hashlib
import json
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.checked_json import dump_checked, load_checked
from ..core.errors import SessionError
from ..core.files.file_io import FileIO, LockFile, held_folder
from ..core.files.small_files import MIB, read_small
from .session_file import load_session

EDITS_FILE: Final = "edits.json"
EDITS_LOCK: Final = "edits.lock"
MOST_BYTES: Final = 16 * MIB
"""Of edits.json."""
EDITS_VERSION: Final = 1

NONE: Final = 0
KEEP: Final = 1
REJECT: Final = 2
_VERDICT: Final[dict[str, int]] = {"keep": KEEP, "reject": REJECT}
_LOCK_WAIT_S: Final = 5.0

Decision = Literal["keep", "reject"]


@dataclass(frozen=True)
class Edits:
    """A session's journal of decisions.

    Attributes:
        operations: In the order made: {op: keep or reject, seq_first, seq_last, note, utc} or
            {op: undo or redo, utc}.
    """

    operations: tuple[dict[str, Any], ...] = ()

    def _stacks(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return the decisions in force, and those taken back that redo would bring back."""
        done: list[dict[str, Any]] = []
        undone: list[dict[str, Any]] = []
        for operation in self.operations:
            if operation["op"] == "undo":
                undone.append(done.pop())
            elif operation["op"] == "redo":
                done.append(undone.pop())
            else:
                done.append(operation)
                undone.clear()
        return done, undone

    @property
    def can_undo(self) -> bool:
        """Return True if a decision is in force."""
        return bool(self._stacks()[0])

    @property
    def can_redo(self) -> bool:
        """Return True if a decision was taken back and none was made since."""
        return bool(self._stacks()[1])

    def decisions(self) -> list[dict[str, Any]]:
        """Return the decisions in force, oldest first; later ones win where they overlap."""
        return self._stacks()[0]

    def verdicts(self, color_seq: ArrayLike) -> NDArray[np.uint8]:
        """Return what was decided about frames.

        Args:
            color_seq: (N,) seq of colour frames.

        Returns:
            (N,) uint8: 0 nothing, 1 keep (takes a rejection back), 2 reject.
        """
        seq = np.asarray(color_seq, np.uint64)
        verdicts = np.full(seq.shape, NONE, np.uint8)
        for decision in self.decisions():
            inside = (seq >= decision["seq_first"]) & (seq <= decision["seq_last"])
            verdicts[inside] = _VERDICT[decision["op"]]
        return verdicts

    def ranges(self) -> list[tuple[int, int, Decision]]:
        """Return what is decided as ranges that don't overlap, sorted, neighbours merged.

        Returns:
            First and last seq (included) and the verdict of each range.
        """
        decisions = self.decisions()
        cuts = sorted({d["seq_first"] for d in decisions} | {d["seq_last"] + 1 for d in decisions})
        verdicts: list[Decision | None] = [None] * len(cuts)
        for d in decisions:
            first, behind = bisect_left(cuts, d["seq_first"]), bisect_left(cuts, d["seq_last"] + 1)
            verdicts[first:behind] = [d["op"]] * (behind - first)
        found: list[tuple[int, int, Decision]] = []
        for first, behind, verdict in zip(cuts, cuts[1:], verdicts, strict=False):
            if verdict is None:
                continue
            if found and found[-1][1] == first - 1 and found[-1][2] == verdict:
                first = found.pop()[0]
            found.append((first, behind - 1, verdict))
        return found

    def fingerprint(self) -> str:
        """Return a SHA-256 of what is decided; the way there does not matter."""
        return hashlib.sha256(json.dumps(self.ranges()).encode()).hexdigest()


def _checked(operation: dict[str, Any]) -> dict[str, Any]:
    """Return an operation that was read, checked.

    Raises:
        KeyError, TypeError, ValueError: It is none.
    """
    op, first, last = operation["op"], operation.get("seq_first"), operation.get("seq_last")
    if op in _VERDICT:
        if type(first) is not int or type(last) is not int or not 0 <= first <= last:
            raise ValueError(f"{op} of frames {first} to {last}")
    elif op not in ("undo", "redo"):
        raise ValueError(f"operation {op!r}")
    return operation


def load_edits(folder: Path, folder_fd: int | None = None) -> Edits:
    """Read a session's decisions; none where there is no edits.json.

    Args:
        folder: The session's folder.
        folder_fd: The folder, see ``held_folder``; None takes the one that has this name.

    Raises:
        SessionError: The file is damaged or of another version.
    """
    path = folder / EDITS_FILE
    try:
        kept = load_checked(read_small(path, MOST_BYTES, folder_fd))
        if kept["format_version"] != EDITS_VERSION:
            raise SessionError(
                f"{path}: version {kept['format_version']}, this kincap reads {EDITS_VERSION}; "
                "upgrade kincap"
            )
        edits = Edits(tuple(map(_checked, kept["operations"])))
        edits.decisions()
    except FileNotFoundError:
        return Edits()
    except OSError as err:
        raise SessionError(f"{path}: {err.strerror or err}") from err
    except (ValueError, KeyError, TypeError, IndexError) as err:
        raise SessionError(f"{path}: damaged ({err}); restore it or move it away") from err
    return edits


@contextmanager
def locked_edits(folder: Path, uuid: str | None = None) -> Iterator[int | None]:
    """Hold a session's folder and the lock of its edits.

    Args:
        folder: The session's folder.
        uuid: The identity that the session must have; None takes any.

    Yields:
        The ``folder_fd`` to read and write the edits by: a session that is recorded under this
        name meanwhile is another folder, and is not touched.

    Raises:
        SessionError: Another process writes them, or the session is another one.
    """
    with held_folder(folder) as fd:
        lock = LockFile(folder / EDITS_LOCK, fd)
        if not lock.try_acquire(_LOCK_WAIT_S):
            raise SessionError(f"{folder / EDITS_FILE}: another process is writing it; try again")
        try:
            if uuid is not None and load_session(folder, folder_fd=fd).uuid != uuid:
                raise SessionError(f"{folder}: another session was recorded under this name")
            yield fd
        finally:
            lock.release()


def _append(
    folder: Path, folder_fd: int | None, operation: dict[str, Any], io: FileIO | None
) -> Edits:
    """Add an operation to the journal; its lock is held."""
    operation["utc"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    edits = Edits((*load_edits(folder, folder_fd).operations, operation))
    kept = {"format_version": EDITS_VERSION, "operations": list(edits.operations)}
    data = dump_checked(kept, lines=True)
    (io or FileIO()).write_atomic(folder / EDITS_FILE, data, folder_fd=folder_fd)
    return edits


def add_edit(
    folder: Path,
    op: str,
    seq_first: int,
    seq_last: int,
    note: str = "",
    io: FileIO | None = None,
    uuid: str | None = None,
) -> Edits:
    """Reject or keep a range of colour frames.

    Args:
        folder: The session's folder.
        op: ``keep`` or ``reject``.
        seq_first: First colour seq.
        seq_last: Last colour seq, included.
        note: Why.
        io: File handling.
        uuid: The identity that the session must have; None takes any.

    Returns:
        All decisions now.

    Raises:
        SessionError: No such decision, the range ends before it begins, or the session is another
            one.
        OSError: The file can't be written, or the session was deleted meanwhile.
    """
    if op not in _VERDICT:
        raise SessionError(f"edit {op!r}: expected keep or reject")
    if not 0 <= seq_first <= seq_last:
        raise SessionError(f"edit of frames {seq_first} to {seq_last}: expected first <= last")
    operation = {"op": op, "seq_first": seq_first, "seq_last": seq_last, "note": note}
    with locked_edits(folder, uuid) as fd:
        return _append(folder, fd, operation, io)


def undo_edit(folder: Path, io: FileIO | None = None, uuid: str | None = None) -> Edits:
    """Take the latest decision back; nothing happens where there is none."""
    with locked_edits(folder, uuid) as fd:
        edits = load_edits(folder, fd)
        return _append(folder, fd, {"op": "undo"}, io) if edits.can_undo else edits


def redo_edit(folder: Path, io: FileIO | None = None, uuid: str | None = None) -> Edits:
    """Bring back what undo took back last; nothing happens where there is nothing."""
    with locked_edits(folder, uuid) as fd:
        edits = load_edits(folder, fd)
        return _append(folder, fd, {"op": "redo"}, io) if edits.can_redo else edits
