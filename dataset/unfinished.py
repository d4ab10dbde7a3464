"""A data set in the making: ``kinect13.h5.part``, and the journal of what is done of it.

The journal ``kinect13.h5.part.json`` holds the plan's terms, so that a build that was killed goes
on where it was, and one with other terms is refused with what changed. Its first line is written
whole or not at all; each finished block adds a line, of which a killed build may leave a part.
"""

import errno
import hashlib
import json
import math
import tomllib
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ..core.checked_json import dump_checked, load_checked
from ..core.errors import DatasetError
from ..core.files.file_io import FileIO
from ..core.files.small_files import read_small
from ..core.sizes import size_text
from .crop import BLOCK_ROWS
from .kinect13.format import LAYOUTS, ImageShape
from .kinect13.reader import open_kinect13
from .kinect13.writer import create_kinect13
from .outputs import JOURNAL_SCHEMA, Outputs
from .plan import BuildPlan
from .scheduler.token import BuildToken, new_token
from .scheduler.versions import byte_versions

_LARGEST_JOURNAL: Final = 1 << 28
_CHUNK: Final = 1 << 22
_BLOCK: Final = ("dataset", "number", "crc")
"""Keys of the journal's line of a finished block."""

Done = dict[str, dict[int, int]]
"""CRC-32 of the finished blocks by dataset (``train/images``) and number."""


@dataclass(frozen=True)
class Span:
    """A finished block's bytes in the file, with their CRC-32."""

    offset: int
    length: int
    crc: int


class Part:
    """The unfinished file and its journal.

    Args:
        outputs: The data set that it becomes, and the files beside it.
        plan: What it will hold.
        shape: Shape of its images.
        io: File handling.

    Attributes:
        path: The unfinished file.
        places: Byte offset of ``train/images`` and so on.
        done: Finished blocks of each of these.
        token: Of this build.
        plan_sha256: Checksum of all that decides the bytes of the file.
    """

    def __init__(self, outputs: Outputs, plan: BuildPlan, shape: ImageShape, io: FileIO) -> None:
        self.out = outputs.out
        self.path = outputs.part
        self.journal = outputs.journal
        self._outputs = outputs
        self.places: dict[str, int] = {}
        self.done: Done = {}
        self.token = BuildToken(self.journal, new_token())
        self._plan = plan
        self._shape = shape
        self._terms = _terms(plan)
        self.plan_sha256 = _sha256(self._terms)
        self._io = io

    def open(self, restart: bool) -> bool:
        """Go on with an interrupted build of the same plan, or begin.

        Args:
            restart: Throw away what is there.

        Returns:
            True if an earlier build goes on.

        Raises:
            DatasetError: Another plan was begun (exit 2, says what changed), or no build began what
                is there (exit 2); the disk is full or can't be written (exit 1).
        """
        self._outputs.check_part()
        for path in self._outputs.leftovers():
            self._io.discard(path)
        kept = None if restart else self._journal()
        if kept is not None and self.path.exists():
            self._check_same(kept)
            if self._is_whole(kept):
                self.places = kept["images"]
                self.done = {
                    name: {int(number): crc for number, crc in blocks.items()}
                    for name, blocks in kept["done"].items()
                }
                self._go_on()
                return True
        self._begin()
        return False

    def _go_on(self) -> None:
        """Take over: tasks of the earlier build stop."""
        try:
            self._save()
        except OSError as err:
            raise DatasetError(f"{self.path}: {self._why(err)}", exit_code=1) from err

    def revoke(self) -> None:
        """Stop the tasks of this build, which is about to end unfinished."""
        self.token = BuildToken(self.journal, "")
        if self.journal.exists():
            with suppress(OSError):
                self._save()

    def _is_whole(self, kept: dict[str, Any]) -> bool:
        """Return True if the file is the one that a journal describes."""
        if self.path.stat().st_size != kept["bytes"]:
            return False
        try:
            open_kinect13(self.path, layouts=LAYOUTS).close()
        except DatasetError:
            return False
        return True

    def _begin(self) -> None:
        """Make the journal, then the file with its tables and all its space.

        The journal comes first: it proves that kincap made the file.
        """
        try:
            self.discard()
            self._save()
            self.places = create_kinect13(
                self.path, self._shape, self._plan.columns, self._plan.meta, self._io
            )
            self.done = {name: {} for name in self._plan.pixels}
            self._save()
        except OSError as err:
            with suppress(OSError):
                self.discard()
            raise DatasetError(f"{self.path}: {self._why(err)}", exit_code=1) from err

    def mark(self, name: str, number: int, crc: int) -> None:
        """Note that a block was written and synced."""
        self.done[name][number] = crc
        line = dump_checked(dict(zip(_BLOCK, (name, number, crc), strict=True)), lines=False)
        fd = self._io.open_write(self.journal)
        try:
            self._io.write_at(fd, line, self._io.size(fd))
            self._io.sync(fd)
        finally:
            self._io.close(fd)

    def discard(self) -> None:
        """Delete the file and its journal; the journal last, as it proves whose the file is."""
        self._io.discard(self.path)
        self._io.discard(self.journal)

    def finish(self) -> str:
        """Check the whole file, put it in its place and delete the journal.

        Returns:
            SHA-256 of the data set.

        Raises:
            DatasetError: It does not hold what was written (exit 1).
        """
        checksum = self._verify()
        fd = self._io.open_write(self.path)
        try:
            self._io.sync(fd)
        finally:
            self._io.close(fd)
        self._io.rename(self.path, self.out)
        self.journal.unlink(missing_ok=True)
        return checksum

    def _journal(self) -> dict[str, Any] | None:
        """Return the journal; None where there is none or it is not whole."""
        try:
            first, *lines = read_small(self.journal, _LARGEST_JOURNAL).splitlines(keepends=True)
            kept = load_checked(first)
        except (OSError, ValueError):
            return None
        if kept.get("schema") != JOURNAL_SCHEMA:
            return None
        # a line that is not whole is the last one of a killed build
        with suppress(ValueError, KeyError, TypeError):
            for line in lines:
                name, number, crc = (load_checked(line)[key] for key in _BLOCK)
                kept["done"][name][str(number)] = crc
        return kept

    def _save(self) -> None:
        """Write the journal, its lines of finished blocks taken into the first one."""
        kept = {
            "schema": JOURNAL_SCHEMA,
            "token": self.token.text,
            "plan": self.plan_sha256,
            "bytes": self.path.stat().st_size if self.places else None,
            "images": self.places,
            "done": self.done,
            "terms": self._terms,
        }
        self._io.write_atomic(self.journal, dump_checked(kept, lines=False), unique=True)

    def _check_same(self, kept: dict[str, Any]) -> None:
        """Refuse to go on with another plan than the journal's."""
        if kept["plan"] == self.plan_sha256:
            return
        changed = _changed(kept["terms"], self._terms)
        raise DatasetError(
            f"{self.path}: begun by a build with other terms ({changed}); "
            "repeat that build to finish it, or say --restart"
        )

    def _why(self, err: OSError) -> str:
        """Return in words why the file could not be begun, and what would help."""
        if err.errno != errno.ENOSPC:
            return err.strerror or str(err)
        needed = size_text(self._plan.rows * self._shape.row_bytes)
        return f"{err.strerror}; it needs {needed}: make room, or take a smaller --size"

    def _verify(self) -> str:
        """Read the file back: structure, tables, and the checksum of every block."""
        with open_kinect13(self.path, layouts=LAYOUTS) as dataset:
            for name, columns in self._plan.columns.items():
                split = dataset.split(name)
                for field, values in columns.items():
                    equal_nan = values.dtype.kind == "f"
                    if not np.array_equal(getattr(split, field), values, equal_nan=equal_nan):
                        raise self._wrong(f"{name}/{field}")
        checksum = hashlib.sha256()
        with self.path.open("rb") as file:
            for span in self._spans():
                while rest := span.offset - file.tell():
                    checksum.update(_read(file, min(rest, _CHUNK)))
                crc = 0
                while rest := span.offset + span.length - file.tell():
                    data = _read(file, min(rest, _CHUNK))
                    checksum.update(data)
                    crc = zlib.crc32(data, crc)
                if crc != span.crc:
                    raise self._wrong(f"pictures at byte {span.offset}")
            while data := file.read(_CHUNK):
                checksum.update(data)
        return checksum.hexdigest()

    def _spans(self) -> list[Span]:
        """Return the finished blocks in the order of the file."""
        spans = []
        for name, blocks in self.done.items():
            count, row = len(self._plan.pixels[name]), self.row_bytes(name)
            for number, crc in blocks.items():
                first = number * BLOCK_ROWS
                length = min(BLOCK_ROWS, count - first) * row
                spans.append(Span(self.places[name] + first * row, length, crc))
        return sorted(spans, key=lambda span: span.offset)

    def row_bytes(self, name: str) -> int:
        """Return the bytes of a row of ``train/images`` and so on."""
        return math.prod(self._shape.pixel_datasets[name.rpartition("/")[2]])

    def _wrong(self, what: str) -> DatasetError:
        """Return the error of a file that came out otherwise than it was written."""
        return DatasetError(
            f"{self.path}: {what} read back otherwise than written; check the disk, then --restart",
            exit_code=1,
        )


def _read(file: Any, length: int) -> bytes:
    """Read bytes that must be there."""
    data: bytes = file.read(length)
    if not data:
        raise DatasetError(f"{file.name}: ends inside its pictures; --restart", exit_code=1)
    return data


def _terms(plan: BuildPlan) -> dict[str, Any]:
    """Return all that decides the bytes of the file: settings, inputs, versions."""
    return {
        "settings": plan.meta.settings,
        "sessions": {source["session"]: source for source in plan.meta.sources},
        "versions": byte_versions(),
    }


def _sha256(terms: dict[str, Any]) -> str:
    """Return the checksum of a plan's terms."""
    return hashlib.sha256(json.dumps(terms, sort_keys=True).encode()).hexdigest()


def _changed(before: dict[str, Any], now: dict[str, Any]) -> str:
    """Return in words what differs between two plans."""
    said = _differences(tomllib.loads(before["settings"]), tomllib.loads(now["settings"]))
    for name in sorted(before["sessions"].keys() | now["sessions"].keys()):
        old, new = before["sessions"].get(name), now["sessions"].get(name)
        if old is None or new is None:
            said.append(f"session {name} is {'new' if old is None else 'gone'}")
        elif old != new:
            keys = [key.removesuffix("_sha256") for key in sorted(new) if old.get(key) != new[key]]
            said.append(f"session {name}: {', '.join(keys)} changed")
    said += _differences(before["versions"], now["versions"])
    return "; ".join(said[:4]) + (f"; and {len(said) - 4} more" if len(said) > 4 else "")


def _differences(before: dict[str, Any], now: dict[str, Any], within: str = "") -> list[str]:
    """Return the values that differ between two nested dictionaries."""
    said = []
    for key in sorted(before.keys() | now.keys()):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            said += _differences(old, new, f"{within}{key}.")
        elif old != new:
            said.append(f"{within}{key} was {old!r}, is {new!r}")
    return said
