"""A copy in the making: its folder, and the journal of files that are whole in it.

The journal ``copying.json`` lets a copy that was interrupted go on: of each large file that was
copied and read back it holds the size, the time of change and the SHA-256.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ...core.checked_json import dump_checked, load_checked
from ...core.errors import SessionError
from ...core.files.file_io import FileIO
from ...core.files.small_files import MIB, read_small
from .plan import SourceFile, list_files

JOURNAL: Final = "copying.json"
PART: Final = ".part"
"""Ending of a file until it is whole."""
_SCHEMA: Final = "kincap/copying/1"
_MOST_BYTES: Final = 64 * MIB
_WORTH_NOTING: Final = MIB
"""Smaller files are copied once more."""


class UnfinishedCopy:
    """The folder of a copy until it gets its name.

    Args:
        folder: The folder.
        uuid: Of the session.
        io: File handling.

    Attributes:
        folder: The folder.
    """

    def __init__(self, folder: Path, uuid: str, io: FileIO) -> None:
        self.folder, self._uuid, self._io = folder, uuid, io
        self._whole: dict[str, Any] = {}

    def check(self) -> None:
        """Refuse to go on with the copy of another session.

        Raises:
            SessionError: Names the folder.
        """
        kept = self._journal()
        if self.folder.is_dir() and kept is not None and kept.get("uuid") != self._uuid:
            raise SessionError(
                f"{self.folder}: an unfinished copy of another session with this name; delete it"
            )

    def open(self) -> None:
        """Make the folder, or go on in it."""
        self._io.make_folder(self.folder)
        kept = self._journal()
        files = kept.get("files") if kept else None
        self._whole = files if isinstance(files, dict) else {}
        self._save()

    def known_sha256(self, file: SourceFile) -> str | None:
        """Return the SHA-256 of a source file that was copied whole, or None.

        Args:
            file: The file as it is now.
        """
        kept = self._whole.get(file.name)
        if kept != {**_facts(file), "sha256": (kept or {}).get("sha256")}:
            return None
        path = self.folder / file.name
        return str(kept["sha256"]) if path.is_file() else None

    def note(self, file: SourceFile, sha256: str) -> None:
        """Note that a file is whole."""
        if file.bytes >= _WORTH_NOTING:
            self._whole[file.name] = {**_facts(file), "sha256": sha256}
            self._save()

    def finish(self, files: list[SourceFile], target: Path) -> None:
        """Give the copy its name.

        Args:
            files: The files that belong to it; others are deleted.
            target: The copy.
        """
        names = {file.name for file in files}
        for stray in list(list_files(self.folder, [])):
            if stray.name not in names:
                self._io.discard(self.folder / stray.name)
        # a copy with an old journal in it would be taken for an unfinished one
        for base, _, _ in os.walk(self.folder):
            self._io.sync_folder(Path(base))
        self._io.rename(self.folder, target)

    def discard(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _journal(self) -> dict[str, Any] | None:
        """Return the journal; None where there is none or it is not whole."""
        with suppress(OSError, ValueError):
            kept = load_checked(read_small(self.folder / JOURNAL, _MOST_BYTES))
            return kept if kept.get("schema") == _SCHEMA else None
        return None

    def _save(self) -> None:
        """Write the journal."""
        kept = {"schema": _SCHEMA, "uuid": self._uuid, "files": self._whole}
        self._io.write_atomic(self.folder / JOURNAL, dump_checked(kept, lines=False))


def _facts(file: SourceFile) -> dict[str, int]:
    """Return what a source file is known by."""
    return {"bytes": file.bytes, "mtime_ns": file.mtime_ns}
