"""poses.jsonl: a line a frame, complete whenever the command ends."""

import json
import sys
from collections import deque
from pathlib import Path
from typing import IO, Final

from ...core.errors import KincapError
from .frame_poses import FramePoses

FLAG: Final = "--poses"
STDOUT: Final = "-"
_FIRST: Final = '{"frame":'


class PoseLines:
    """A file of lines; ``-`` is stdout.

    Args:
        path: The file.
        resume: True to go on after the whole lines of an earlier run.

    Attributes:
        done: Names of the pictures that the file already had, each with the places of its lines in
            the file that ``earlier`` has not given yet; two folders of a pattern may have pictures
            of one name.

    Raises:
        KincapError: It exists (with ``resume``: and is not such a file), or can't be written.
    """

    def __init__(self, path: Path, *, resume: bool = False) -> None:
        self.path = path
        self.done: dict[str, deque[int]] = {}
        self._is_stdout = str(path) == STDOUT
        self._has_failed = False
        if self._is_stdout:
            if resume:
                raise KincapError(f"{FLAG} -: --resume needs a file")
            self._file: IO[str] = sys.stdout
            return
        if path.exists() and not path.is_file():
            raise KincapError(f"{FLAG}: {path} is not a file")
        try:
            if path.exists():
                self._check(resume=resume)
            self._file = path.open("a" if resume else "x", encoding="utf-8", newline="\n")
        except OSError as error:
            raise KincapError(f"{FLAG}: {path} can't be written ({error.strerror})") from None

    def write(self, frame: FramePoses) -> None:
        """Write a frame.

        Raises:
            KincapError: The disk is full (exit 1); whole lines are kept.
        """
        try:
            self._file.write(json.dumps(frame.to_json(), separators=(",", ":")) + "\n")
            self._file.flush()
        except OSError as error:
            self._has_failed = True
            raise self._unwritten(error) from None

    def earlier(self, name: str) -> FramePoses | None:
        """Return the next line of an earlier run about a picture of this name; None: there is none.

        Raises:
            KincapError: The file has changed meanwhile.
        """
        places = self.done.get(name)
        if not places:
            return None
        with self.path.open("rb") as file:
            file.seek(places.popleft())
            return self._read(file.readline(), None)

    def close(self) -> None:
        """Close the file.

        Raises:
            KincapError: The disk is full (exit 1), and ``write`` has not said so.
        """
        if self._is_stdout:
            return
        try:
            self._file.close()
        except OSError as error:
            # what could not be written is tried once more
            if not self._has_failed:
                raise self._unwritten(error) from None

    def _unwritten(self, error: OSError) -> KincapError:
        return KincapError(
            f"{FLAG}: {self.path} can't be written ({error.strerror}); what is in it is whole but "
            "for the last line",
            exit_code=1,
        )

    def _check(self, *, resume: bool) -> None:
        """Read what is there; cut off a line that was not finished."""
        data = self.path.read_bytes()
        if data and not data.startswith(_FIRST.encode()):
            raise KincapError(
                f"{FLAG}: {self.path} exists and is not a file of poses of kincap; choose another "
                "name or remove it"
            )
        if not resume:
            raise KincapError(
                f"{FLAG}: {self.path} exists; choose another name or remove it (--resume goes on "
                "with a folder of pictures)"
            )
        whole, at = data.rfind(b"\n") + 1, 0
        for number, line in enumerate(data[:whole].split(b"\n")[:-1], 1):
            self.done.setdefault(self._read(line, number).name, deque()).append(at)
            at += len(line) + 1
        if whole < len(data):
            with self.path.open("r+b") as file:
                file.truncate(whole)

    def _read(self, line: bytes, number: int | None) -> FramePoses:
        """Return the picture that a line is about."""
        try:
            found = FramePoses.from_json(json.loads(line))
            if not found.name:
                raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            where = "a line" if number is None else f"line {number}"
            raise KincapError(
                f"{FLAG}: {self.path}: {where} is damaged or not about a picture; remove the "
                "line, or choose another name"
            ) from None
        return found
