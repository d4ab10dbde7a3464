"""edits.json: what a reviewer decided about a session's frames. Recordings are never rewritten.

The file is a journal: operations are only added, and taking one back is an operation too. Every
change is made under a lock and written whole or not at all.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.checked_json import dump_checked, load_checked
from ...core.errors import SessionError
from ...core.files.file_io import FileIO, LockFile, held_folder
from ...core.files.small_files import MIB, read_small
from ..session_file import load_session
from .operations import (
    DECISIONS,
    LABEL_EDITS,
    REDO,
    UNDO,
    VERSION_1,
    Operation,
    Replay,
    check_operation,
)
from .ranges import KEEP, NONE, REJECT, Decision, Range, flatten, layers, trim_of, verdicts_of

__all__ = [
    "EDITS_FILE", "EDITS_LOCK", "EDITS_VERSION", "KEEP", "MOST_BYTES", "NONE", "REJECT", "Decision",
    "Edits", "add_edit", "add_edits", "dump_edits", "edit_counts", "load_edits", "locked_edits",
    "redo_edit", "undo_edit",
]  # fmt: skip

EDITS_FILE: Final = "edits.json"
EDITS_LOCK: Final = "edits.lock"
MOST_BYTES: Final = 64 * MIB
"""Of edits.json."""
EDITS_VERSION: Final = 2
_READABLE: Final = {1: VERSION_1, 2: (*DECISIONS, UNDO, REDO)}
"""The operations of each version. Version 1 stays for ever."""
_LOCK_WAIT_S: Final = 5.0


@dataclass(frozen=True)
class Edits:
    """A session's journal of decisions.

    Attributes:
        operations: In the order made; docs/format.md 1.8 says their fields.
    """

    operations: tuple[Operation, ...] = ()

    @cached_property
    def _replay(self) -> Replay:
        return Replay(self.operations)

    @property
    def can_undo(self) -> bool:
        """Return True if a decision is in force."""
        return bool(self._replay.done)

    @property
    def can_redo(self) -> bool:
        """Return True if a decision was taken back and none was made since."""
        return bool(self._replay.undone)

    @cached_property
    def _decisions(self) -> tuple[Operation, ...]:
        return tuple(one for group in self._replay.done for one in group)

    def decisions(self) -> list[Operation]:
        """Return the decisions in force, oldest first; later ones win where they overlap."""
        return list(self._decisions)

    @cached_property
    def _ranges(self) -> list[Range]:
        return flatten(layers(self._decisions))

    def ranges(self) -> list[Range]:
        """Return what is decided about frames as ranges that don't overlap, sorted, merged.

        Returns:
            First and last seq (included) and the verdict of each range. What a trim leaves out at
            the end is a range up to 2^64 - 1.
        """
        return list(self._ranges)

    def ranges_within(self, first: int, last: int) -> list[Range]:
        """Return the ranges, cut to the frames that a session has.

        Args:
            first: Its first frame.
            last: Its last one.
        """
        return [
            (max(first, begin), min(last, end), verdict)
            for begin, end, verdict in self._ranges
            if begin <= last and end >= first
        ]

    def verdicts(self, color_seq: ArrayLike) -> NDArray[np.uint8]:
        """Return what was decided about frames.

        Args:
            color_seq: (N,) seq of colour frames.

        Returns:
            (N,) uint8: 0 nothing, 1 keep (takes a rejection back), 2 reject.
        """
        return verdicts_of(self._ranges, color_seq)

    @property
    def trim(self) -> tuple[int, int] | None:
        """The frames that the latest trim leaves: first and last seq; None without a trim."""
        return trim_of(self._decisions)

    @cached_property
    def labels(self) -> tuple[Operation, ...]:
        """The operations in force that change labels, for ``labels.edit_labels``."""
        return tuple(one for one in self._decisions if one["op"] in LABEL_EDITS)

    def tags(self) -> list[tuple[str, int | None, int | None]]:
        """Return the tags in force, sorted: the tag, its first and last frame; None: all frames."""
        found: dict[tuple[str, int | None, int | None], bool] = {}
        for one in self._decisions:
            if one["op"] == "tag":
                key = (one["tag"], one.get("seq_first"), one.get("seq_last"))
                found[key] = not one.get("remove", False)
        there = [key for key, is_there in found.items() if is_there]
        return sorted(there, key=lambda key: (key[0], key[1] or 0, key[2] or 0))

    def notes(self) -> list[Operation]:
        """Return the notes in force, oldest first."""
        return [one for one in self._decisions if one["op"] == "note"]

    def counts(self) -> dict[str, int]:
        """Return how many operations of each kind are in force, those that occur."""
        counted = Counter(one["op"] for one in self._decisions)
        return {op: counted[op] for op in DECISIONS if counted[op]}

    def fingerprint(self) -> str:
        """Return a SHA-256 of what is decided; the way there and notes do not matter."""
        keys = ("op", "seq", "seq_first", "seq_last", "tracking_id", "keypoint", "joint", "xy_px",
                "value")  # fmt: skip
        labels = [{key: one[key] for key in keys if key in one} for one in self.labels]
        content: list[Any] = [*self.ranges()]
        if labels or self.tags():
            content = [content, labels, self.tags()]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def load_edits(folder: Path, uuid: str | None = None, folder_fd: int | None = None) -> Edits:
    """Read a session's decisions; none where there is no edits.json.

    Args:
        folder: The session's folder.
        uuid: The session's, where it is known.
        folder_fd: The folder, see ``held_folder``; None takes the one that has this name.

    Raises:
        SessionError: The file is damaged, of another version, or of another session.
    """
    path = folder / EDITS_FILE
    try:
        kept = load_checked(read_small(path, MOST_BYTES, folder_fd))
        version = kept["format_version"]
        if version not in _READABLE:
            raise SessionError(
                f"{path}: version {version}, this kincap reads {min(_READABLE)} to "
                f"{max(_READABLE)}; upgrade kincap"
            )
        operations = kept["operations"]
        for operation in operations:
            check_operation(operation, _READABLE[version])
            if version > 1 and not isinstance(operation["uuid"], str):
                raise ValueError("an operation without the session's uuid")
        edits = Edits(tuple(operations))
        edits.decisions()
    except FileNotFoundError:
        return Edits()
    except OSError as err:
        raise SessionError(f"{path}: {err.strerror or err}") from err
    except (ValueError, KeyError, TypeError, IndexError) as err:
        raise SessionError(f"{path}: damaged ({err}); restore it or move it away") from err
    others = {one["uuid"] for one in edits.operations if "uuid" in one} - {uuid}
    if uuid is not None and others:
        raise SessionError(
            f"{path}: decisions about session {min(others)}, this is {uuid}; move it away"
        )
    return edits


def edit_counts(folder: Path) -> tuple[dict[str, int], str | None]:
    """Return how many decisions of each kind are in force, and why they can't be read, if so."""
    try:
        return load_edits(folder).counts(), None
    except SessionError as err:
        return {}, str(err)


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


@dataclass(frozen=True)
class _Open:
    """The edits of a session, its lock held.

    Attributes:
        folder: The session's folder.
        fd: The same, see ``locked_edits``.
        uuid: The session's.
        edits: Its decisions.
    """

    folder: Path
    fd: int | None
    uuid: str
    edits: Edits

    def append(self, operations: Sequence[Operation], io: FileIO | None) -> Edits:
        """Add operations to the journal."""
        utc = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        added = [{**one, "uuid": self.uuid, "utc": utc} for one in operations]
        # what version 1 wrote is about this session too
        before = ({"uuid": self.uuid, **one} for one in self.edits.operations)
        edits, path = Edits((*before, *added)), self.folder / EDITS_FILE
        raw = dump_edits(edits.operations)
        if len(raw) > MOST_BYTES:
            raise SessionError(
                f"{path}: {len(raw) >> 20} MiB of decisions, at most {MOST_BYTES >> 20} are read; "
                "nothing was added"
            )
        (io or FileIO()).write_atomic(path, raw, folder_fd=self.fd)
        return edits


@contextmanager
def _opened(folder: Path, uuid: str | None) -> Iterator[_Open]:
    """Lock and read the edits of a session that must have the uuid, if one is given."""
    with locked_edits(folder, uuid) as fd:
        found = load_session(folder, folder_fd=fd).uuid
        yield _Open(folder, fd, found, load_edits(folder, found, fd))


def dump_edits(operations: Iterable[Operation]) -> bytes:
    """Return the content of edits.json."""
    kept = {"format_version": EDITS_VERSION, "operations": list(operations)}
    return dump_checked(kept, lines=True, entries="operations")


def add_edit(
    folder: Path,
    op: str,
    seq_first: int,
    seq_last: int,
    note: str = "",
    io: FileIO | None = None,
    uuid: str | None = None,
) -> Edits:
    """Reject, keep or trim to a range of colour frames.

    Args:
        folder: The session's folder.
        op: ``keep``, ``reject`` or ``trim``.
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
    if op not in ("keep", "reject", "trim"):
        raise SessionError(f"edit {op!r}: expected keep, reject or trim")
    if not 0 <= seq_first <= seq_last:
        raise SessionError(f"edit of frames {seq_first} to {seq_last}: expected first <= last")
    operation = {"op": op, "seq_first": seq_first, "seq_last": seq_last, "note": note}
    return add_edits(folder, [operation], io, uuid)


def add_edits(
    folder: Path, operations: Iterable[Operation], io: FileIO | None = None, uuid: str | None = None
) -> Edits:
    """Add decisions to a session; several are taken back together by one undo.

    Args:
        folder: The session's folder.
        operations: Objects with ``op`` and the fields of docs/format.md 1.8, but ``uuid`` and
            ``utc``.
        io: File handling.
        uuid: The identity that the session must have; None takes any.

    Returns:
        All decisions now.

    Raises:
        SessionError: An operation is not one, the file can't be read, or the session is another
            one; nothing was added.
        OSError: The file can't be written, or the session was deleted meanwhile.
    """
    adding = list(operations)
    for operation in adding:
        try:
            check_operation(operation, DECISIONS)
        except (KeyError, TypeError, ValueError) as err:
            raise SessionError(f"edit {err}: not an operation of edits.json") from err
    with _opened(folder, uuid) as opened:
        if len(adding) > 1:
            group = 1 + max((one.get("group", 0) for one in opened.edits.operations), default=0)
            adding = [{**one, "group": group} for one in adding]
        return opened.append(adding, io) if adding else opened.edits


def undo_edit(folder: Path, io: FileIO | None = None, uuid: str | None = None) -> Edits:
    """Take the latest decision back; nothing happens where there is none."""
    with _opened(folder, uuid) as opened:
        edits = opened.edits
        return opened.append([{"op": UNDO}], io) if edits.can_undo else edits


def redo_edit(folder: Path, io: FileIO | None = None, uuid: str | None = None) -> Edits:
    """Bring back what undo took back last; nothing happens where there is nothing."""
    with _opened(folder, uuid) as opened:
        edits = opened.edits
        return opened.append([{"op": REDO}], io) if edits.can_redo else edits
