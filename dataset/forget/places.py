"""Where recordings of a person may be, and the search for what still names the person."""

import json
import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...core.errors import DatasetError, ShardError
from ...core.png import has_mark
from ...sessions.manifest import SHARD_NAME
from ...sessions.shard.shard_reader import read_layout
from ..export.output_folder import MARK
from ..kinect13.format import LAYOUTS
from ..kinect13.reader import open_kinect13
from .words import Words

RUNS: Final = "runs"
DISTILLED: Final = "distilled"
"""Folder in it with data sets of a teacher's labels."""
_EVALUATED: Final = "kincap evaluate"
"""The mark of a sheet of crops with predictions."""
_CHECKPOINT: Final = ".ckpt"
_IMAGES: Final = (".jpg", ".jpeg", ".png", ".mp4", ".npy", ".rows")
_HEAD: Final = 4096


@dataclass(frozen=True)
class Mention:
    """A file that names a person.

    Attributes:
        path: The file.
        what: What of the person it names.
    """

    path: Path
    what: str

    @property
    def is_checkpoint(self) -> bool:
        """Return True if the file is a net that was trained on the person's pictures."""
        return self.path.suffix == _CHECKPOINT

    def __str__(self) -> str:
        return f"{self.path}: names {self.what}"


def log_folder() -> Path:
    """Return the folder of kincap's log files; it may not exist."""
    from platformdirs import user_log_path

    return user_log_path("kincap", appauthor=False)


def find_data_sets(folders: tuple[Path, ...]) -> list[Path]:
    """Return the data sets in some folders, not in those inside them."""
    found = {}
    for folder in folders:
        for path in sorted(folder.glob("*.h5")) if folder.is_dir() else ():
            if SHARD_NAME.fullmatch(path.name) or not path.is_file() or path.is_symlink():
                continue
            try:
                open_kinect13(path, layouts=LAYOUTS).close()
            except DatasetError:
                continue  # another file; the search at the end looks at it as bytes
            found[path.resolve()] = path
    return list(found.values())


def find_exports(folders: tuple[Path, ...]) -> list[Path]:
    """Return the exported folders in some folders."""
    found = {}
    for folder in folders:
        for mark in sorted(folder.glob(f"*/{MARK}")) if folder.is_dir() else ():
            if not mark.parent.is_symlink():
                found[mark.parent.resolve()] = mark.parent
    return list(found.values())


def find_sheets(roots: tuple[Path, ...]) -> list[Path]:
    """Return the sheets of ``kincap evaluate`` in some places; they say nothing of whom they show.

    Args:
        roots: Folders, searched with all in them, and single files.
    """
    found = []
    for path in dict.fromkeys(_files(roots, frozenset())):
        if path.suffix.lower() == ".png":
            with suppress(OSError), path.open("rb") as file:
                if has_mark(file.read(_HEAD), _EVALUATED):
                    found.append(path)
    return found


def search(roots: tuple[Path, ...], words: Words, skip: frozenset[Path]) -> "Search":
    """Search files and their names for a person.

    Args:
        roots: Folders, searched with all in them, and single files.
        words: The person.
        skip: Folders and files that are left out.
    """
    found, files = [], 0
    for path in dict.fromkeys(_files(roots, skip)):
        files += 1
        what = "the subject in its name" if words.names_subject(path.name) else _named(path, words)
        if what is not None:
            found.append(Mention(path, what))
    return Search(files, found)


@dataclass(frozen=True)
class Search:
    """Result of a search.

    Attributes:
        files: How many files were looked at.
        found: Those that name the person.
    """

    files: int
    found: list[Mention]


def _files(roots: tuple[Path, ...], skip: frozenset[Path]) -> Iterator[Path]:
    """Yield all regular files; links are not followed."""
    for root in roots:
        if root in skip:
            continue
        if root.is_file():
            yield root
        for base, folders, names in os.walk(root):
            inside = Path(base)
            folders[:] = sorted(name for name in folders if inside / name not in skip)
            yield from (inside / name for name in sorted(names) if _is_file(inside / name, skip))


def _is_file(path: Path, skip: frozenset[Path]) -> bool:
    """Return True if a path is a regular file that is not left out."""
    try:
        return path not in skip and stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _named(path: Path, words: Words) -> str | None:
    """Return what a file names of a person, or None."""
    try:
        if SHARD_NAME.fullmatch(path.name):
            return _named_in_shard(path, words)
        if path.suffix == ".h5":
            return _named_in_data_set(path, words)
        return _named_in_bytes(path, words)
    except OSError as error:
        return f"what can't be read ({error.strerror})"


def _named_in_bytes(path: Path, words: Words) -> str | None:
    """Search a whole file."""
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as raw:
            is_text = path.suffix not in _IMAGES and b"\0" not in raw[:_HEAD]
            return words.found_in(raw, is_text=is_text)


def _named_in_shard(path: Path, words: Words) -> str | None:
    """Search a shard's header and events; its other tables are numbers and its blobs pictures."""
    try:
        layout = read_layout(path)
    except ShardError:
        return _named_in_bytes(path, words)
    with path.open("rb") as file:
        head = file.read(len(layout.header))
        events = layout.tables["events"]
        file.seek(events.offset)
        return words.found_in(head, is_text=False) or words.found_in(
            file.read(events.end - events.offset), is_text=words.is_distinct
        )


def _named_in_data_set(path: Path, words: Words) -> str | None:
    """Search all texts of a data set; its tables are numbers, its images pictures."""
    try:
        with open_kinect13(path, layouts=LAYOUTS) as dataset:
            meta = dataset.meta
    except DatasetError:
        return _named_in_bytes(path, words)
    texts = [meta.settings, *meta.sessions, *meta.cues]
    texts.append(json.dumps([meta.sources, meta.counts], ensure_ascii=False))
    return words.found_in("\n".join(texts).encode(), is_text=True)
