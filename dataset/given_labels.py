"""Labels from a file (``build --labels FILE``): corrected or filled keypoints of tracked bodies.

CSV with a header line, or JSON with a list of objects of the same keys; docs/format.md 2.6 says
them. A given label takes the place of the sensor's, and no filter takes its weight.
"""

import csv
import hashlib
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..core.checked_json import parse_json
from ..core.errors import DatasetError
from ..core.files.small_files import MIB, read_small
from ..core.skeleton import KEYPOINT, KEYPOINT_NAMES
from ..sessions.folders import find_sessions
from .filters import KEYPOINT_BITS, Bools

MOST_BYTES: Final = 256 * MIB
FLAG: Final = "--labels"
GIVEN_BITS: Final = {"given": 31, "filled": 30}
"""Bits of ``keypoint_quality``, far from those of the filters."""
_NEEDED: Final = ("session", "color_seq", "keypoint", "x", "y", "visibility")
_WHO: Final = ("tracking_id", "slot")
_WEIGHT, _FILLED_BY = "weight", "filled_by"
_BY_ID: Final = -1
_LARGEST: Final = {"color_seq": 2**64 - 1, "tracking_id": 2**64 - 1, "slot": 254, "visibility": 2}
_FARTHEST_PX: Final = 1e6


@dataclass(frozen=True)
class SessionLabels:
    """The given labels of one session, L of them.

    Attributes:
        path: The file that they are from, for messages.
        where: (L,) text: the place of each in the file, for messages.
        color_seq: (L,) uint64.
        tracking_id: (L,) uint64; 0 where the body is named by its slot.
        slot: (L,) int64; -1 where the body is named by its tracking id.
        keypoint: (L,) int64 index of the keypoint.
        points: (L, 2) float64 pixels of the image as stored.
        visibility: (L,) uint8: 0 unlabelled, 1 occluded, 2 visible.
        weight: (L,) float32 in [0, 1]; 1 where the file has none.
        filled: (L,) bool, labels of a net.
    """

    path: Path
    where: tuple[str, ...]
    color_seq: NDArray[np.uint64]
    tracking_id: NDArray[np.uint64]
    slot: NDArray[np.int64]
    keypoint: NDArray[np.int64]
    points: NDArray[np.float64]
    visibility: NDArray[np.uint8]
    weight: NDArray[np.float32]
    filled: Bools

    def __len__(self) -> int:
        return len(self.where)


@dataclass(frozen=True)
class GivenLabels:
    """The labels of a file.

    Attributes:
        path: The file.
        sha256: Of its bytes.
        sessions: By name of the session.
    """

    path: Path
    sha256: str
    sessions: dict[str, SessionLabels]


@dataclass(frozen=True)
class PlacedLabels:
    """The given labels of C bodies in frames.

    Attributes:
        given: (C, 13) bool.
        points: (C, 13, 2) float64 pixels of the image as stored; NaN where none is given, or where
            it says that there is none.
        visibility: (C, 13) uint8; 0 where none is given.
        weight: (C, 13) float32; 1 where none is given.
        filled: (C, 13) bool, given by a net.
    """

    given: Bools
    points: NDArray[np.float64]
    visibility: NDArray[np.uint8]
    weight: NDArray[np.float32]
    filled: Bools

    @classmethod
    def none(cls, count: int) -> "PlacedLabels":
        """Return what is given where nothing is.

        Args:
            count: C.
        """
        keypoints = len(KEYPOINT_NAMES)
        return cls(
            given=np.zeros((count, keypoints), np.bool_),
            points=np.full((count, keypoints, 2), np.nan),
            visibility=np.zeros((count, keypoints), np.uint8),
            weight=np.ones((count, keypoints), np.float32),
            filled=np.zeros((count, keypoints), np.bool_),
        )

    def at(self, rows: NDArray[np.int64]) -> "PlacedLabels":
        """Return the labels of some of the bodies, (N,) indices."""
        return PlacedLabels(
            self.given[rows],
            self.points[rows],
            self.visibility[rows],
            self.weight[rows],
            self.filled[rows],
        )


def load_labels(path: Path) -> GivenLabels:
    """Read a file of labels.

    Args:
        path: ``*.json`` is JSON, anything else CSV.

    Raises:
        DatasetError: It can't be read, or a label in it is not one; names the first such line.
    """
    try:
        raw = read_small(path, MOST_BYTES)
        text = raw.decode("utf-8-sig")
    except OSError as err:
        raise DatasetError(f"{FLAG} {path}: {err.strerror or err}") from err
    except UnicodeDecodeError as err:
        raise DatasetError(f"{FLAG} {path}: not UTF-8 text; save it as UTF-8") from err
    entries = _json_entries if path.suffix.lower() == ".json" else _csv_entries
    by_session: dict[str, list[tuple[Any, ...]]] = {}
    for where, entry in entries(path, text):
        session, *label = _checked(path, where, entry)
        by_session.setdefault(session, []).append((where, *label))
    if not by_session:
        raise DatasetError(f"{FLAG} {path}: no label in it; expected {_expected()}")
    sessions = {name: _columns(path, labels) for name, labels in by_session.items()}
    return GivenLabels(path, hashlib.sha256(raw).hexdigest(), sessions)


def _expected() -> str:
    """Return the names of the columns in words."""
    return f"columns {', '.join(_NEEDED)}, and {' or '.join(_WHO)}"


def _csv_entries(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each line of a CSV file and its place."""
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        _check_columns(path, reader.fieldnames or ())
        for row in reader:
            yield f"line {reader.line_num}", row
    except csv.Error as err:
        raise DatasetError(f"{FLAG} {path}: line {reader.line_num}: {err}") from err


def _json_entries(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each object of a JSON file and its place."""
    try:
        found = parse_json(text)
    except ValueError as err:
        raise DatasetError(f"{FLAG} {path}: not valid JSON ({err})") from err
    entries = found.get("labels") if isinstance(found, dict) else found
    if not isinstance(entries, list):
        raise DatasetError(f"{FLAG} {path}: expected a list of objects, or one under 'labels'")
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict):
            raise DatasetError(f"{FLAG} {path}: label {number}: expected an object")
        if number == 1:
            _check_columns(path, tuple(entry))
        yield f"label {number}", entry


def _check_columns(path: Path, names: Any) -> None:
    """Refuse a file without a column that every label needs."""
    missing = [name for name in _NEEDED if name not in names]
    if not missing and not any(name in names for name in _WHO):
        missing = [" or ".join(_WHO)]
    if missing:
        raise DatasetError(f"{FLAG} {path}: no column {missing[0]}; expected {_expected()}")


def _checked(path: Path, where: str, entry: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the columns of a label, the session first, then as ``_columns`` takes them."""

    def refuse(name: str, expected: str) -> DatasetError:
        found = str(entry.get(name))[:60]
        return DatasetError(f"{FLAG} {path}: {where}: {name} {found!r}, expected {expected}")

    def whole(name: str) -> int:
        largest = _LARGEST[name]
        number = _whole(entry.get(name))
        if number is None or not 0 <= number <= largest:
            raise refuse(name, f"a whole number from 0 to {largest}")
        return number

    session = entry.get("session")
    if not isinstance(session, str) or not session:
        raise refuse("session", "the name of a session")
    keypoint = entry.get("keypoint")
    if not isinstance(keypoint, str) or keypoint not in KEYPOINT:
        raise refuse("keypoint", f"one of {', '.join(KEYPOINT_NAMES)}")
    visibility = whole("visibility")
    place = [math.nan, math.nan]
    if visibility:
        for axis, name in enumerate(("x", "y")):
            number = _real(entry.get(name))
            if number is None or abs(number) > _FARTHEST_PX:
                raise refuse(name, "a number of pixels")
            place[axis] = number
    tracking_id, slot = 0, _BY_ID
    if entry.get("tracking_id") in (None, ""):
        slot = whole("slot")
    else:
        tracking_id = whole("tracking_id")
    weight = 1.0
    if entry.get(_WEIGHT) not in (None, ""):
        found = _real(entry[_WEIGHT])
        if found is None or not 0 <= found <= 1:
            raise refuse(_WEIGHT, "a number from 0 to 1")
        weight = found
    filled = entry.get(_FILLED_BY) not in (None, "")
    about = (KEYPOINT[keypoint], *place, visibility, weight, filled)
    return session, whole("color_seq"), tracking_id, slot, *about


def _whole(value: Any) -> int | None:
    """Return a whole number of a file, or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    text = value.strip() if isinstance(value, str) else ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 20 else None


def _real(value: Any) -> float | None:
    """Return a finite number of a file, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _columns(path: Path, labels: list[tuple[Any, ...]]) -> SessionLabels:
    """Return the labels of one session as arrays."""
    where, seq, tracking_id, slot, keypoint, x, y, visibility, weight, filled = zip(
        *labels, strict=True
    )
    return SessionLabels(
        path=path,
        where=where,
        color_seq=np.array(seq, np.uint64),
        tracking_id=np.array(tracking_id, np.uint64),
        slot=np.array(slot, np.int64),
        keypoint=np.array(keypoint, np.int64),
        points=np.stack([np.array(x, np.float64), np.array(y, np.float64)], axis=1),
        visibility=np.array(visibility, np.uint8),
        weight=np.array(weight, np.float32),
        filled=np.array(filled, np.bool_),
    )


def check_sessions(labels: GivenLabels, recordings: Path, names: Sequence[str]) -> list[str]:
    """Return a warning for each session that has labels and is not built from.

    Args:
        labels: The labels.
        recordings: The folder of all sessions.
        names: The sessions that are built from.

    Raises:
        DatasetError: There is no such session.
    """
    warnings = []
    for name, own in labels.sessions.items():
        if name in names:
            continue
        if name not in find_sessions(recordings):
            raise DatasetError(
                f"{FLAG} {labels.path}: {own.where[0]}: no session {name[:64]!r} in {recordings}; "
                "correct the name or leave its labels out"
            )
        warnings.append(f"{FLAG}: {len(own)} labels of session {name}, which is not built from")
    return warnings


def count_given(labels: GivenLabels, used: Sequence[tuple[Bools, Bools]]) -> dict[str, int]:
    """Return how many labels there are and how many of them are in kept rows.

    Args:
        labels: The labels.
        used: Of each session that is built from, (C, 13) keypoints whose label is given, and (C,)
            candidates that are kept.
    """
    return {
        "labels": sum(map(len, labels.sessions.values())),
        "used": sum(int(given.sum()) for given, _ in used),
        "kept": sum(int(given[kept].sum()) for given, kept in used),
    }


def place_labels(
    labels: SessionLabels,
    name: str,
    color_seq: NDArray[np.uint64],
    tracking_id: NDArray[np.uint64],
    slot: NDArray[np.int64],
) -> PlacedLabels:
    """Find the body of each label.

    Args:
        labels: Of one session.
        name: Of the session, for the message.
        color_seq: (C,) colour frame of each tracked body.
        tracking_id: (C,) its tracking id.
        slot: (C,) its slot.

    Returns:
        The labels by body and keypoint.

    Raises:
        DatasetError: The session has no such body in that frame, or two labels are for one
            keypoint.
    """
    by_id = {
        key: at for at, key in enumerate(zip(color_seq.tolist(), tracking_id.tolist(), strict=True))
    }
    by_slot = {
        key: at for at, key in enumerate(zip(color_seq.tolist(), slot.tolist(), strict=True))
    }
    rows = np.zeros(len(labels), np.int64)
    for label, seq in enumerate(labels.color_seq.tolist()):
        own_id, own_slot = int(labels.tracking_id[label]), int(labels.slot[label])
        found = by_id.get((seq, own_id)) if own_slot == _BY_ID else by_slot.get((seq, own_slot))
        if found is None:
            who = f"tracking_id {own_id}" if own_slot == _BY_ID else f"slot {own_slot}"
            raise DatasetError(
                f"{FLAG} {labels.path}: {labels.where[label]}: session {name} has no tracked body "
                f"with {who} in colour frame {seq}; leave the label out"
            )
        rows[label] = found
    _refuse_twice(labels, name, rows)
    placed = PlacedLabels.none(len(color_seq))
    at = rows, labels.keypoint
    placed.given[at] = True
    placed.points[at] = labels.points
    placed.visibility[at] = labels.visibility
    placed.weight[at] = labels.weight
    placed.filled[at] = labels.filled
    return placed


def _refuse_twice(labels: SessionLabels, name: str, rows: NDArray[np.int64]) -> None:
    """Refuse two labels for one keypoint."""
    key = rows * len(KEYPOINT_NAMES) + labels.keypoint
    _, first, count = np.unique(key, return_index=True, return_counts=True)
    if (count > 1).any():
        twice = np.flatnonzero(key == key[first[np.argmax(count > 1)]])
        one, other = (labels.where[int(k)] for k in twice[:2])
        raise DatasetError(
            f"{FLAG} {labels.path}: {one} and {other} label the same keypoint of session {name}; "
            "keep one of them"
        )


def replace_flags(
    flags: NDArray[np.uint32], placed: PlacedLabels, visibility: NDArray[np.uint8]
) -> NDArray[np.uint32]:
    """Return what speaks against keypoints, where no filter judges the given ones.

    Args:
        flags: (N, 13) bits of ``keypoint_quality``.
        placed: The given labels of the N bodies.
        visibility: (N, 13); a given keypoint with 0 counts as not tracked.
    """
    lost = np.uint32(1 << KEYPOINT_BITS["not_tracked"])
    filled = placed.filled.astype(np.uint32) << np.uint32(GIVEN_BITS["filled"])
    own = np.uint32(1 << GIVEN_BITS["given"]) | filled
    return np.where(placed.given, own | np.where(visibility > 0, np.uint32(0), lost), flags)


def uncount_filled(columns: dict[str, NDArray[Any]]) -> None:
    """Take the weight of labels that a net filled in, where a net is to be judged.

    Args:
        columns: Tables of a split for validation or test; ``weight`` is changed.
    """
    filled = columns["keypoint_quality"] & np.uint32(1 << GIVEN_BITS["filled"])
    columns["weight"][filled != 0] = 0
