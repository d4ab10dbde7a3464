"""Exported folders with pictures of a person: which they are, and their removal."""

import contextlib
import csv
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ...core.files.file_io import FileIO
from ...core.files.small_files import MIB, read_small
from ...sessions.repair.rename_delete import GOING
from ..export.csv import LABELS_CSV
from ..export.output_folder import MARK, OutputFolder
from .words import Words

_MOST_BYTES: Final = 16 * MIB


@dataclass(frozen=True)
class ExportOfPerson:
    """An exported folder that has pictures of a person.

    Attributes:
        path: The folder.
        people: How many of its rows are the person's.
        change: Why it is not deleted: it was changed since; None: it is as it was exported.
    """

    path: Path
    people: int
    change: str | None


def export_of_person(path: Path, words: Words, sessions: frozenset[str]) -> ExportOfPerson | None:
    """Return what an exported folder has of a person, or None.

    Args:
        path: The folder.
        words: The person.
        sessions: Names of the person's sessions: an older export does not say uuids.
    """
    mark: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        mark = json.loads(read_small(path / MARK, _MOST_BYTES))
    sources = mark.get("sources")
    if isinstance(sources, list):
        theirs = {str(one.get("session")) for one in sources if one.get("uuid") in words.uuids}
    else:
        theirs = set(sessions)
    people = _people(path, theirs)
    return ExportOfPerson(path, people, OutputFolder(path).change()) if people else None


def _people(path: Path, sessions: set[str]) -> int:
    """Return how many rows of an export's table are of some sessions."""
    try:
        with (path / LABELS_CSV).open(newline="", encoding="utf-8") as file:
            return sum(row.get("session") in sessions for row in csv.DictReader(file))
    except (OSError, ValueError):
        return 0


def delete_export(path: Path, io: FileIO) -> None:
    """Delete an exported folder; ``kincap export`` makes it again."""
    going = path.with_name(f"{GOING}{path.name}")
    shutil.rmtree(going, ignore_errors=True)
    io.rename(path, going)
    _remove(going)


def delete_leftovers(folder: Path) -> None:
    """Delete exported folders whose deletion was cut off.

    Args:
        folder: Where they were.
    """
    for mark in folder.glob(f"{GOING}*/{MARK}"):
        _remove(mark.parent)


def _remove(folder: Path) -> None:
    """Delete a folder, its mark last: it says that the folder is an export."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != MARK:
            path.unlink()
    shutil.rmtree(folder)
