"""Files that repair replaced are kept beside the new ones until they are discarded."""

import contextlib
from pathlib import Path
from typing import Final

from ...core.files.file_io import FileIO
from ...core.files.small_files import MIB, read_small

DAMAGED_FILE: Final = ".damaged"
"""Ending of a file that repair replaced; a second one of the same name ends in ``.damaged2``."""

MOST_KEPT: Final = 64 * MIB
"""Of a small file that is kept before it is rewritten."""

ASIDE_FILE: Final = ".aside"
"""Ending of a file that repair took out of a session and put nothing in its place."""


def kept_files(folder: Path) -> list[Path]:
    """Return what repairs have kept in a session's folder, oldest first for each name."""
    found = [
        path
        for path in folder.iterdir()
        if any(ending in path.name for ending in (DAMAGED_FILE, ASIDE_FILE))
    ]
    return sorted(found, key=lambda path: (len(path.name), path.name))


def free_name(path: Path, ending: str) -> Path:
    """Return the next name under which a file can be kept."""
    number = 1
    while (kept := path.with_name(f"{path.name}{ending}{number if number > 1 else ''}")).exists():
        number += 1
    return kept


def keep_copy(path: Path, io: FileIO) -> Path:
    """Keep a copy of a small file before it is rewritten.

    Returns:
        The copy; an earlier one where it holds the same, so that a repeated repair adds nothing.
    """
    raw = read_small(path, MOST_KEPT)
    for earlier in path.parent.glob(f"{path.name}{DAMAGED_FILE}*"):
        with contextlib.suppress(OSError):
            if read_small(earlier, MOST_KEPT) == raw:
                return earlier
    kept = free_name(path, DAMAGED_FILE)
    io.write_atomic(kept, raw)
    return kept


def replace_kept(path: Path, new: Path, io: FileIO) -> Path:
    """Put a new file in a shard's place and keep the old one.

    A kill between the two renames leaves the shard without its name; ``bring_back`` undoes that.

    Returns:
        The name under which the old one is kept.
    """
    kept = free_name(path, DAMAGED_FILE)
    io.rename(path, kept)
    io.rename(new, path)
    return kept


def cut_off_repairs(folder: Path) -> dict[Path, Path]:
    """Return the shards whose repair was killed between its two renames, and what is kept of each.

    Returns:
        For each name that is not there, its latest kept file.
    """
    found: dict[Path, Path] = {}
    for kept in kept_files(folder):
        name, ending, _ = kept.name.partition(DAMAGED_FILE)
        if ending and name.endswith(".h5") and not (folder / name).exists():
            found[folder / name] = kept
    return found


def bring_back(folder: Path, io: FileIO) -> list[str]:
    """Give shards back the name that a killed repair took from them; return their names."""
    names = []
    for path, kept in cut_off_repairs(folder).items():
        io.rename(kept, path)
        names.append(path.name)
    return names
