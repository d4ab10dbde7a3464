"""The folder that an export makes: written beside its place, then renamed; never half-written.

An existing folder is replaced only if an export made it and nothing in it has changed since: label
files that a person corrected in place are not thrown away.
"""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ... import __version__
from ...core.errors import DatasetError
from ...core.files.file_io import UNIQUE
from ...core.files.output_folder import check_parent
from ...core.files.small_files import MIB, read_small

MARK: Final = "kincap-export.json"
SCHEMA: Final = "kincap/export/1"
_MOST_BYTES: Final = 16 * MIB
_PICTURE: Final = (".jpg", ".png")


class OutputFolder:
    """The output of one export.

    Args:
        out: The folder to make.
    """

    def __init__(self, out: Path) -> None:
        self.out = out

    def check(self) -> None:
        """Refuse to replace what no export made, or what was changed since.

        Raises:
            DatasetError: Names the file (exit 2).
        """
        check_parent("--out", self.out, DatasetError)
        if self.out.is_symlink() or (self.out.exists() and not self.out.is_dir()):
            raise DatasetError(
                f"--out {self.out}: exists and is not a folder; move it away or take another name"
            )
        if not self.out.is_dir() or not any(self.out.iterdir()):
            return
        changed = self.change()
        if changed is not None:
            raise DatasetError(
                f"--out {self.out}: exists, {changed}; move it away or take another name"
            )

    def change(self) -> str | None:
        """Return why an existing folder must not be replaced, or None."""
        try:
            mark = json.loads(read_small(self.out / MARK, _MOST_BYTES))
            if mark["schema"] != SCHEMA:
                raise ValueError(mark["schema"])
            files = dict(mark["files"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return "and kincap export did not make it"
        pictures = 0
        for path in sorted(self.out.rglob("*")):
            name = path.relative_to(self.out).as_posix()
            if path.is_dir() and not path.is_symlink():
                continue
            if name == MARK:
                continue
            if path.is_symlink() or not (name in files or path.suffix in _PICTURE):
                return f"and {name} in it is not of the export"
            if name in files and _sha256(path) != files[name]:
                return f"and {name} in it was changed"
            pictures += name not in files
        if pictures > mark.get("pictures", 0):
            return "and holds more pictures than were exported"
        return None

    @contextmanager
    def made(self) -> Iterator[Path]:
        """Give a folder to write into, which then takes its place; an error removes it.

        Yields:
            An empty folder beside the output.

        Raises:
            DatasetError: It can't be written (exit 1).
        """
        self._remove_leftovers()
        unique = f"{self.out.name}.{os.getpid()}-{secrets.token_hex(4)}.kincap-tmp"
        folder = self.out.with_name(unique)
        try:
            folder.mkdir()
            yield folder
            self._put_in_place(folder)
        except OSError as err:
            shutil.rmtree(folder, ignore_errors=True)
            raise DatasetError(
                f"--out {self.out}: {err.strerror or err}; nothing was exported; make room or take "
                "another --out",
                exit_code=1,
            ) from err
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def sign(self, folder: Path, about: Mapping[str, Any]) -> None:
        """Write the mark that says what the export is, and the checksums of its label files.

        Args:
            folder: The folder that is written.
            about: What to say.
        """
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        labels = [path for path in paths if path.suffix not in _PICTURE]
        mark = {
            "schema": SCHEMA,
            **about,
            "kincap_version": __version__,
            "pictures": len(paths) - len(labels),
            "files": {path.relative_to(folder).as_posix(): _sha256(path) for path in labels},
        }
        (folder / MARK).write_text(json.dumps(mark, indent=1) + "\n", encoding="utf-8")

    def _put_in_place(self, folder: Path) -> None:
        """Rename the finished folder to its place; the one that was there is deleted after."""
        self.check()  # it may have been made, or changed, meanwhile
        old = None
        if self.out.is_dir():
            old = folder.with_name(folder.name.replace(".kincap-tmp", "-old.kincap-tmp"))
            self.out.rename(old)
        try:
            folder.rename(self.out)
        except OSError:
            if old is not None:
                old.rename(self.out)
            raise
        if old is not None:
            shutil.rmtree(old, ignore_errors=True)

    def _remove_leftovers(self) -> None:
        """Delete what killed exports into this folder have left."""
        import psutil

        begin = self.out.name + "."
        for path in self.out.parent.iterdir():
            if not path.name.startswith(begin) or UNIQUE.search(path.name) is None:
                continue
            pid = path.name.removeprefix(begin).split("-")[0]
            if path.is_dir() and not path.is_symlink() and not psutil.pid_exists(int(pid)):
                with contextlib.suppress(OSError):
                    shutil.rmtree(path)


def _sha256(path: Path) -> str:
    """Return the checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
