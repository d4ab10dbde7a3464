"""The operations of edits.json: their fields, their checks, and which of them are in force."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from ...core.skeleton import KEYPOINT_NAMES

Operation = dict[str, Any]

UNDO: Final = "undo"
REDO: Final = "redo"
MOST_TEXT: Final = 1000
"""Characters of a note; a tag or a name has at most ``MOST_NAME``."""
MOST_NAME: Final = 64
MOST_UINT64: Final = (1 << 64) - 1
FARTHEST_PX: Final = 1e6
"""Pixels of positions; whether one is near enough to the image is checked where it is used."""


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MOST_UINT64


def _is_range(operation: Mapping[str, Any]) -> bool:
    first: Any = operation.get("seq_first")
    last: Any = operation.get("seq_last")
    return _is_count(first) and _is_count(last) and bool(first <= last)


def _is_range_or_all(operation: Mapping[str, Any]) -> bool:
    return "seq_first" not in operation and "seq_last" not in operation or _is_range(operation)


def _is_id(value: Any) -> bool:
    """Return True for a tracking id: text, as it has more digits than a number of JavaScript."""
    if not (isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 20):
        return False
    return int(value) <= MOST_UINT64


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MOST_NAME


def _names_point(operation: Mapping[str, Any]) -> bool:
    """Return True if an operation names a frame, a person, and one keypoint or one joint."""
    if not (_is_count(operation.get("seq")) and _is_id(operation.get("tracking_id"))):
        return False
    if "keypoint" in operation:
        return "joint" not in operation and operation["keypoint"] in KEYPOINT_NAMES
    return _is_name(operation.get("joint"))


def _is_place(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(type(part) in (int, float) and abs(part) <= FARTHEST_PX for part in value)
    )


_FITS: Final[dict[str, Callable[[Mapping[str, Any]], bool]]] = {
    "reject": _is_range,
    "keep": _is_range,
    "trim": _is_range,
    "move": lambda one: _names_point(one) and _is_place(one.get("xy_px")),
    "visibility": lambda one: (
        _names_point(one) and type(one.get("value")) is int and 0 <= one["value"] <= 2
    ),
    "swap_sides": lambda one: _is_range(one) and _is_id(one.get("tracking_id")),
    "tag": lambda one: (
        _is_name(one.get("tag"))
        and _is_range_or_all(one)
        and type(one.get("remove", False)) is bool
    ),
    "note": lambda one: (
        isinstance(one.get("note"), str) and one["note"] != "" and _is_range_or_all(one)
    ),
    UNDO: lambda one: True,
    REDO: lambda one: True,
}
"""By operation, a check of its own fields."""

DECISIONS: Final = tuple(name for name in _FITS if name not in (UNDO, REDO))
"""The operations that decide something; the others take one back or bring it back."""
VERSION_1: Final = ("reject", "keep", UNDO, REDO)
"""The operations of version 1 of the format."""
LABEL_EDITS: Final = ("move", "visibility", "swap_sides")
"""The operations that change labels."""


def check_operation(operation: Operation, known: Iterable[str] = tuple(_FITS)) -> Operation:
    """Return an operation that was read or is to be added, checked.

    Args:
        operation: An object with ``op`` and the fields of docs/format.md 1.8.
        known: The operations that may occur.

    Raises:
        KeyError, TypeError, ValueError: It is not one.
    """
    op = operation["op"]
    if op not in known:
        raise ValueError(f"operation {op!r}")
    note, group = operation.get("note", ""), operation.get("group", 1)
    if not (isinstance(note, str) and len(note) <= MOST_TEXT and _is_count(group)):
        raise ValueError(f"{op} with another note or group than expected")
    if not _FITS[op](operation):
        fields = {
            key: value for key, value in operation.items() if key not in ("op", "utc", "uuid")
        }
        raise ValueError(f"{op} of {str(fields)[:200]}")
    return operation


class Replay:
    """The decisions that a journal leaves in force.

    Operations that follow each other with the same ``group`` are undone and redone together.

    Attributes:
        done: Decisions in force, oldest first; those of a group together.
        undone: Decisions taken back that a redo would bring back, the latest last.
    """

    def __init__(self, operations: Iterable[Operation] = ()) -> None:
        self.done: list[list[Operation]] = []
        self.undone: list[list[Operation]] = []
        self._group: Any = None
        for operation in operations:
            self.add(operation)

    def add(self, operation: Operation) -> None:
        """Take the next operation.

        Raises:
            IndexError: An undo or a redo of nothing; nothing is changed.
        """
        if operation["op"] == UNDO:
            self.undone.append(self.done.pop())
            self._group = None
        elif operation["op"] == REDO:
            self.done.append(self.undone.pop())
            self._group = None
        else:
            group = operation.get("group")
            if group is not None and group == self._group:
                self.done[-1].append(operation)
            else:
                self.done.append([operation])
            self._group = group
            self.undone.clear()
