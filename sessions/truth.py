"""Ground truth of a simulated recording: kept beside it, for tests and figures.

A folder ``truth`` in the session holds two files for each recording from a source that knows the
truth: ``NNNN.jsonl`` says what the rows hold and which faults there were, ``NNNN.rows`` has one row
for each item that was handed over, named by stream and seq. Both are only appended to, so a killed
recorder leaves everything up to its last whole row. docs/format.md says the layout.
"""

import errno
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..core.errors import SessionError
from ..core.files.small_files import MIB, read_small
from ..core.skeleton import JOINTS
from .schema import Stream

TRUTH_FOLDER: Final = "truth"
TRUTH_SCHEMA: Final = "kincap/truth/1"
HEADER_FILE: Final = ".jsonl"
ROWS_FILE: Final = ".rows"
_MAX_PERSONS: Final = 16
_MOST_LINES, _MOST_ROWS = 64 * MIB, 1024 * MIB
"""Bytes of a header and of its rows that are read."""


def truth_dtype(persons: int) -> np.dtype[Any]:
    """Return the type of one row.

    Args:
        persons: How many people the source knows of, in the picture or not.
    """
    return np.dtype(
        [
            ("stream", "u1"),
            ("seq", "<u8"),
            ("time_device", "<i8"),
            ("time_s", "<f8"),
            ("shown_s", "<f8"),
            ("faults", "<u4"),
            ("slot", "i1", (persons,)),
            ("tracking_id", "<u8", (persons,)),
            ("joint_xyz_m", "<f4", (persons, JOINTS, 3)),
            ("joint_color_px", "<f4", (persons, JOINTS, 2)),
            ("hidden", "u1", (persons, JOINTS)),
        ]
    )


@dataclass(frozen=True)
class TruthFault:
    """One fault that a source put into a recording.

    Attributes:
        name: Of the fault.
        start_s: From when it was meant to last, seconds of the source's take.
        end_s: Until when.
        time_device: Device times of the first and last item concerned, 100 ns; None: none was.
        seq: First and last seq concerned, by stream, both included. Where items are missing, the
            neighbours of the hole are named.
        ended: False where the recorder was killed or stopped while it lasted.
    """

    name: str
    start_s: float
    end_s: float
    time_device: tuple[int, int] | None
    seq: dict[Stream, tuple[int, int]]
    ended: bool


@dataclass(frozen=True)
class SessionTruth:
    """The truth about a session.

    Attributes:
        color: (N,) rows of ``truth_dtype``, a row for each picture, in the order of hand-over. Of
            P persons; in a recording with fewer, the rest has slot -1 and NaN.
        bodies: (M,) likewise for body rows.
        faults: What was put in, in the order in which it began.
        names: Bit of each fault's name in the rows' ``faults``.
    """

    color: NDArray[Any]
    bodies: NDArray[Any]
    faults: tuple[TruthFault, ...]
    names: dict[str, int]

    def rows(self, stream: Stream) -> NDArray[Any]:
        """Return the rows of a stream."""
        return self.color if stream is Stream.color else self.bodies

    def touched(self, name: str, stream: Stream) -> NDArray[np.uint64]:
        """Return (K,) the seqs of a stream's items that a fault changed, or that follow its hole.

        Args:
            name: Of the fault.
            stream: ``Stream.color`` or ``Stream.bodies``.
        """
        rows = self.rows(stream)
        bit = self.names.get(name)
        if bit is None:
            return np.empty(0, np.uint64)
        return np.asarray(rows["seq"][rows["faults"] >> bit & 1 == 1])


def has_truth(folder: Path) -> bool:
    """Return True if a session's folder holds a ground truth."""
    return any(_headers(folder))


def load_truth(folder: Path) -> SessionTruth:
    """Read the ground truth of a session.

    Args:
        folder: The session's folder. It may be recorded meanwhile, or left by a killed recorder.

    Raises:
        SessionError: It holds no truth, or one that this kincap can't read (exit 2).
    """
    parts = [_Part.read(path) for path in _headers(folder)]
    if not parts:
        raise SessionError(
            f"{folder / TRUTH_FOLDER}: no truth here; only a simulated recording has one"
        )
    persons = max(part.persons for part in parts)
    names: dict[str, int] = {}
    for part in parts:
        for name in part.names:
            names.setdefault(name, len(names))
    rows = np.concatenate([part.widened(persons, names) for part in parts])
    return SessionTruth(
        color=rows[rows["stream"] == Stream.color],
        bodies=rows[rows["stream"] == Stream.bodies],
        faults=tuple(fault for part in parts for fault in part.faults()),
        names=names,
    )


def _headers(folder: Path) -> Iterator[Path]:
    """Yield the header of each recording's truth, the first recording first."""
    yield from sorted((folder / TRUTH_FOLDER).glob(f"[0-9]*{HEADER_FILE}"))


def next_truth(folder: Path) -> Path:
    """Return the path, without an ending, of the next recording's truth in a session's folder."""
    numbers = [int(path.stem) for path in _headers(folder) if path.stem.isdecimal()]
    return folder / TRUTH_FOLDER / f"{max(numbers, default=-1) + 1:04d}"


@dataclass(frozen=True)
class _Part:
    """The truth about one recording."""

    persons: int
    names: tuple[str, ...]
    lines: tuple[dict[str, Any], ...]
    rows: NDArray[Any]

    @classmethod
    def read(cls, path: Path) -> "_Part":
        """Read one recording's two files, up to their last whole line and row."""
        try:
            whole = read_small(path, _MOST_LINES).decode().rpartition("\n")[0]
            head, *lines = [json.loads(line) for line in whole.splitlines()] or [{}]
            if head and head["schema"] != TRUTH_SCHEMA:
                raise SessionError(
                    f"{path}: is {head['schema']!r}, this kincap reads {TRUTH_SCHEMA!r}; "
                    "upgrade kincap"
                )
            persons = int(head.get("persons", 1))
            names = tuple(str(name) for name in head.get("faults", ()))
        except OSError as error:
            raise SessionError(f"{path}: {error.strerror or error}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SessionError(f"{path}: not the truth of a recording ({error!r})") from error
        if not 1 <= persons <= _MAX_PERSONS:
            raise SessionError(f"{path}: {persons} persons, expected 1 to {_MAX_PERSONS}")
        return cls(persons, names, tuple(lines), _whole_rows(path, persons))

    def widened(self, persons: int, names: Mapping[str, int]) -> NDArray[Any]:
        """Return the rows with room for more persons and with the session's bits of faults."""
        wide = np.zeros(len(self.rows), truth_dtype(persons))
        wide["slot"] = -1
        wide["joint_xyz_m"] = wide["joint_color_px"] = np.nan
        for name in ("stream", "seq", "time_device", "time_s", "shown_s"):
            wide[name] = self.rows[name]
        for name in ("slot", "tracking_id", "joint_xyz_m", "joint_color_px", "hidden"):
            wide[name][:, : self.persons] = self.rows[name]
        for bit, name in enumerate(self.names):
            wide["faults"] |= (self.rows["faults"] >> bit & 1) << np.uint32(names[name])
        return wide

    def faults(self) -> list[TruthFault]:
        """Return the faults, each as its last line has it."""
        last: dict[int, dict[str, Any]] = {}
        for line in self.lines:
            last[int(line["fault"])] = line
        return [self._fault(line) for line in last.values()]

    def _fault(self, line: dict[str, Any]) -> TruthFault:
        """Return one fault; where it was cut off, it reaches to the last row that it marked."""
        times = line.get("time_device")
        spans = {Stream[name]: (int(a), int(b)) for name, (a, b) in line["seq"].items()}
        if not line["ended"]:
            bit = self.names.index(line["name"])
            marked = self.rows[self.rows["faults"] >> bit & 1 == 1]
            for stream, (first, last) in spans.items():
                seqs = marked["seq"][marked["stream"] == stream]
                spans[stream] = (first, max(last, int(seqs.max(initial=last))))
            if times is not None and len(marked):
                times = (times[0], int(marked["time_device"][-1]))
        return TruthFault(
            name=str(line["name"]),
            start_s=float(line["start_s"]),
            end_s=float(line["end_s"]),
            time_device=None if times is None else (int(times[0]), int(times[1])),
            seq=spans,
            ended=bool(line["ended"]),
        )


def _whole_rows(header: Path, persons: int) -> NDArray[Any]:
    """Return the rows that were written whole."""
    dtype = truth_dtype(persons)
    path = header.with_suffix(ROWS_FILE)
    try:
        raw = read_small(path, _MOST_ROWS)
    except FileNotFoundError:
        raw = b""
    except OSError as error:
        raise SessionError(f"{path}: {error.strerror or error}") from error
    rows = np.frombuffer(raw, dtype, len(raw) // dtype.itemsize)
    return np.asarray(rows[rows["stream"] != 0])


class TruthWriter:
    """Appends the truth of one recording; every row is handed to the system at once.

    Args:
        folder: The session's folder.
        persons: How many people the source knows of.
        names: The faults' names, in the order of their bits.
        about: What else the header says.
    """

    def __init__(
        self, folder: Path, persons: int, names: tuple[str, ...], about: Mapping[str, object]
    ) -> None:
        """Make both files.

        Raises:
            OSError: The disk refuses.
        """
        (folder / TRUTH_FOLDER).mkdir(mode=0o700, exist_ok=True)
        if (folder / TRUTH_FOLDER).is_symlink():
            raise OSError(errno.ELOOP, "is a link, which is not followed", folder / TRUTH_FOLDER)
        path = next_truth(folder)
        self._lines = _appended(path.with_suffix(HEADER_FILE))
        self._rows = _appended(path.with_suffix(ROWS_FILE))
        self._dtype = truth_dtype(persons)
        self.line(
            {
                "schema": TRUTH_SCHEMA,
                "persons": persons,
                "faults": list(names),
                "row_bytes": self._dtype.itemsize,
                **about,
            }
        )

    def empty(self) -> NDArray[Any]:
        """Return (1,) row to be filled."""
        return np.zeros(1, self._dtype)

    def row(self, row: NDArray[Any]) -> None:
        """Append one row."""
        _write(self._rows, row.tobytes())

    def line(self, line: Mapping[str, object]) -> None:
        """Append one line to the header."""
        _write(self._lines, (json.dumps(line) + "\n").encode())

    def close(self) -> None:
        """Close both files."""
        os.close(self._lines)
        os.close(self._rows)


def _write(descriptor: int, data: bytes) -> None:
    """Write all of it; what comes after a piece would be misread.

    Raises:
        OSError: The disk refuses, or takes only a piece.
    """
    if os.write(descriptor, data) < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _appended(path: Path) -> int:
    """Open a new file to append to, without a buffer of our own."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return os.open(path, flags, 0o600)
