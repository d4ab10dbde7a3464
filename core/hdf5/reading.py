"""Open HDF5 files for reading, checked before the first value is read.

A hostile or damaged file can point into other files (external links, external storage, virtual
datasets), declare more than it holds, or make HDF5 load plug-in code (filters). Nothing here reads
a value before the structure has been compared with what the caller expects.
"""

import contextlib
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
from h5py import h5s, h5t

from ..errors import KincapError
from .scales import Scales
from .structure import LARGEST_ATTRIBUTE, DatasetSpec, Structure


def open_checked(
    path: Path,
    schema: Mapping[str, DatasetSpec],
    *,
    what: str,
    error: type[KincapError],
    groups: tuple[str, ...] = (),
    attributes: int = 64,
    unread: frozenset[str] = frozenset(),
    follow_links: bool = True,
) -> h5py.File:
    """Open a file for reading after comparing its structure with a schema.

    Every object must be reached by a hard link and stand in the schema; datasets are contiguous,
    inside the file, without external or virtual storage and without filters. Attributes are numbers
    and short strings; those of dimension scales (DIMENSION_LIST, REFERENCE_LIST, CLASS, NAME) must
    be exactly those of the schema.

    Args:
        path: The file.
        schema: Datasets by path, one level of groups at most. One is required where its group
            exists, unless it is optional.
        what: What the file should be, for the message ("a kincap data set").
        error: Raised for anything odd.
        groups: Groups that must exist.
        attributes: How many attributes an object may have.
        unread: Attributes of the file that may be of any type, because the caller never reads them.
        follow_links: Whether the file may be reached by a link.

    Returns:
        The open file; close it, or use it in a with statement.

    Raises:
        KincapError: Of the given class, one line naming the file.
    """
    file, size = _open(path, what, error, follow_links)
    try:
        checker = Structure(file, size, attributes)
        problem = checker.problem(schema, groups, unread) or Scales(path, file).problem(schema)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as err:
        problem = _reason(err)
    if problem:
        file.close()
        raise error(f"{path}: {problem}; expected {what}")
    return file


def read_header(
    path: Path, names: Sequence[str], *, what: str, error: type[KincapError]
) -> dict[str, Any]:
    """Return attributes of a file before its structure is known: single numbers or short strings.

    Args:
        path: The file.
        names: Of the attributes; those that the file lacks are absent in the answer.
        what: What the file should be, for the message.
        error: Raised for anything odd.

    Raises:
        KincapError: Of the given class, one line naming the file.
    """
    file, _ = _open(path, what, error, follow_links=True)
    try:
        with file:
            return {
                name: file.attrs[name]
                for name in names
                if h5py.h5a.exists(file.id, name.encode()) and _is_plain(file, name)
            }
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as err:
        raise error(f"{path}: {_reason(err)}; expected {what}") from err


def _is_plain(file: h5py.File, name: str) -> bool:
    """Return True if an attribute of a file is one number or one short string.

    Raises:
        ValueError: It is something else.
    """
    attribute = h5py.h5a.open(file.id, name.encode())
    kind = attribute.get_type()
    plain = kind.get_class() in (h5t.INTEGER, h5t.FLOAT, h5t.STRING)
    plain &= attribute.get_space().get_simple_extent_type() == h5s.SCALAR
    if plain and kind.get_class() == h5t.STRING:
        plain = not kind.is_variable_str()
    if not plain or attribute.get_storage_size() > LARGEST_ATTRIBUTE:
        raise ValueError(f"its attribute {name} is not a single value")
    return True


def _open(
    path: Path, what: str, error: type[KincapError], follow_links: bool
) -> tuple[h5py.File, int]:
    """Open a regular file with HDF5 and return it with its size; nothing is checked yet."""
    try:
        found = path.stat(follow_symlinks=follow_links)
    except OSError as err:
        raise error(f"{path}: {err.strerror or err}; expected {what}") from err
    if not stat.S_ISREG(found.st_mode):
        raise error(f"{path}: not a regular file; expected {what}")
    if found.st_size == 0:
        raise error(f"{path}: empty file; expected {what}")
    # HDF5 opens files with Python's global lock held: on a disk that hangs, every thread would
    # stop. This open waits first, and holds up no one.
    with contextlib.suppress(OSError), path.open("rb"):
        pass
    try:
        file = h5py.File(path, "r", locking=False)
    except (OSError, ValueError, RuntimeError) as err:
        raise error(f"{path}: not readable as HDF5 ({_reason(err)}); expected {what}") from err
    return file, found.st_size


def _reason(err: Exception) -> str:
    """Return HDF5's own words on one line, without its wrapping."""
    text = " ".join(str(err).split())
    return text.partition("(")[2].rstrip(")") or text


def file_offset(dataset: h5py.Dataset) -> int | None:
    """Return where a contiguous dataset begins in its file; None where it has no elements."""
    offset: int | None = dataset.id.get_offset()
    return offset


def read_text(file: h5py.File, name: str) -> str:
    """Return a text that ``text_dataset`` stored."""
    return bytes(file[name][:].tobytes()).decode()
