"""The journal of a person who is being forgotten, so that an interrupted run can be gone on with.

It names the person and the sessions, as they are gone from elsewhere by then; it is deleted last.
"""

import hashlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ...core.checked_json import dump_checked, load_checked
from ...core.files.file_io import FileIO
from ...core.files.small_files import MIB, read_small
from .words import Words

_SCHEMA: Final = "kincap/forgetting/1"
_MOST_BYTES: Final = 16 * MIB


class ForgetJournal:
    """The work of an interrupted run, done and still to do.

    Args:
        folder: Where it is kept.
        subject: The person.
        io: File handling.

    Attributes:
        path: The journal.
        done: What is done, in words.
        making: By data set the files beside it that are to be made again.
    """

    def __init__(self, folder: Path, subject: str, io: FileIO) -> None:
        digest = hashlib.sha256(subject.encode()).hexdigest()[:12]
        self.path = folder / f".forgetting-{digest}.json"
        self.done: list[str] = []
        self.making: dict[str, list[str]] = {}
        self._words = Words(subject, frozenset())
        self._sessions: frozenset[str] = frozenset()
        self._io = io

    def load(self) -> bool:
        """Read it; return whether an earlier run was interrupted."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            kept: dict[str, Any] = load_checked(read_small(self.path, _MOST_BYTES))
            if kept["schema"] == _SCHEMA and kept["subject"] == self._words.subject:
                self.add(Words(kept["subject"], frozenset(kept["uuids"]), frozenset(kept["names"])),
                         frozenset(kept["sessions"]))  # fmt: skip
                self.done = [str(one) for one in kept["done"]]
                self.making = {str(path): list(files) for path, files in kept["making"].items()}
                return True
        return False

    @property
    def words(self) -> Words:
        """All that names the person, of earlier runs too."""
        return self._words

    @property
    def sessions(self) -> frozenset[str]:
        """Names of the person's sessions, of earlier runs too."""
        return self._sessions

    def add(self, words: Words, sessions: frozenset[str]) -> None:
        """Add what names the person."""
        self._words = replace(
            words, uuids=words.uuids | self._words.uuids, names=words.names | self._words.names
        )
        self._sessions |= sessions

    def save(self, done: str | None = None) -> None:
        """Write it.

        Args:
            done: What was done since, in words.
        """
        if done is not None:
            self.done.append(done)
        kept = {
            "schema": _SCHEMA,
            "subject": self._words.subject,
            "uuids": sorted(self._words.uuids),
            "names": sorted(self._words.names),
            "sessions": sorted(self._sessions),
            "done": self.done,
            "making": self.making,
        }
        self._io.write_atomic(self.path, dump_checked(kept, lines=True))

    def delete(self) -> None:
        """Delete it: the person is forgotten."""
        self._io.discard(self.path)
        self._io.sync_folder(self.path.parent)
