"""The folder of a file or folder that a command is asked to make."""

import os
from pathlib import Path

from ..errors import KincapError


def check_parent(flag: str, path: Path, error: type[KincapError] = KincapError) -> None:
    """Refuse a name whose folder does not exist or can't be written to.

    Args:
        flag: The flag that names it.
        path: The file or folder to be made.
        error: What is raised.

    Raises:
        KincapError: Of the given class; names the flag and what to do.
    """
    folder = path.parent
    if not folder.is_dir():
        raise error(f"{flag} {path}: there is no folder {folder}; make it first")
    if not os.access(folder, os.W_OK):
        raise error(f"{flag} {path}: the folder {folder} can't be written to; take another")


def check_file_name(
    flag: str, path: Path, endings: tuple[str, ...], error: type[KincapError] = KincapError
) -> None:
    """Refuse a name that no file of a kind can be written to, see ``check_parent``.

    Args:
        flag: The flag that names it.
        path: The file to be made.
        endings: Endings of its name, in small letters; the first is the usual one.
        error: What is raised.

    Raises:
        KincapError: Of the given class; names the flag and what is expected.
    """
    if path.suffix.lower() not in endings:
        raise error(f"{flag} {path}: expected a name that ends in {' or '.join(endings)}")
    if path.is_dir():
        raise error(f"{flag} {path}: a folder; name a file")
    check_parent(flag, path, error)
