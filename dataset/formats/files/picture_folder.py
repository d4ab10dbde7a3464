"""Find the pictures that a file of labels names."""

from collections.abc import Sequence
from itertools import chain, islice
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final

from ....core.errors import DatasetError

BESIDE: Final = ("images", ".")
"""Folders in which pictures are looked for, from that of the labels."""
FROM_ANNOTATIONS: Final = (*BESIDE, "../images", "..", "../train2017", "../val2017", "../..")
"""The same where labels have a folder of their own and names of pictures belong to one set only:
the pictures ``im0001.jpg`` of a neighbouring set must not be taken for those of another."""
MOST_FOLDERS: Final = 1000
TRIED: Final = 3
"""Pictures that are looked for; some sets are not complete."""


def labels_file(path: Path, names: Sequence[str]) -> Path:
    """Return the file of labels of a set.

    Args:
        path: That file, or a folder.
        names: Its usual names in a folder; may hold wildcards.

    Raises:
        DatasetError: There is none, or several have one of the names.
    """
    if is_file(path):
        return path
    if not is_folder(path):
        raise DatasetError(f"{path}: no such file or folder; expected a folder with {names[0]}")
    for name in names:
        found = sorted(path.glob(name))
        if len(found) > 1:
            some = ", ".join(one.name for one in found[:4])
            raise DatasetError(f"{path}: several files of labels ({some}); name one of them")
        if found:
            return found[0]
    raise DatasetError(f"{path}: no {' or '.join(names)}; expected it in this folder")


def is_file(path: Path) -> bool:
    """Return True for a file that this user can see, whatever the name."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, a folder that can't be entered
        return False


def is_folder(path: Path) -> bool:
    """Return True for a folder that this user can see, whatever the name."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def picture_root(labels: Path, pictures: Sequence[str], beside: Sequence[str] = BESIDE) -> Path:
    """Return the folder that a set's names of pictures begin in.

    The first folder that holds one of the first pictures is taken: of those given, then of the
    folders below that of the labels. Where none does, the first that exists.

    Args:
        labels: The file of labels.
        pictures: Names of pictures; checked here.
        beside: Folders to look in.

    Raises:
        DatasetError: A name leads out of the folder.
    """
    for name in pictures:
        if not _is_inside(name):
            raise DatasetError(f"{labels}: picture {name[:80]!r} leads out of its folder")
    folders = [labels.parent / folder for folder in beside]
    for folder in folders:
        if _holds(folder, pictures):
            return folder.resolve() if ".." in folder.parts else folder
    below = islice(chain(labels.parent.glob("*/"), labels.parent.glob("*/*/")), MOST_FOLDERS)
    for folder in sorted(below):
        if is_folder(folder) and _holds(folder, pictures):
            return folder
    return next((folder for folder in folders if is_folder(folder)), labels.parent)


def _holds(folder: Path, pictures: Sequence[str]) -> bool:
    """Return True if a folder has one of the first pictures."""
    return any(is_file(folder / name) for name in pictures[:TRIED])


def _is_inside(name: str) -> bool:
    """Return True if a name is a plain relative path on every system."""
    parts = (*PurePosixPath(name).parts, *PureWindowsPath(name).parts)
    plain = bool(name) and "\0" not in name and ".." not in parts
    return plain and not PurePosixPath(name).is_absolute() and not PureWindowsPath(name).anchor
