"""Read JSON files of labels: a limit on size, and one-line errors."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from ....core.checked_json import parse_json
from ....core.errors import DatasetError
from ....core.sizes import size_text

LARGEST_JSON: Final = 768 << 20
"""Bytes of the largest file that is read: three times COCO's; Python needs about ten times that."""

Kind = TypeVar("Kind")


def read_limited(path: Path, most: int) -> bytes:
    """Return the bytes of a file of labels.

    Raises:
        DatasetError: It does not exist, is larger than ``most`` or can't be read.
    """
    try:
        size = path.stat().st_size
        if size > most:
            raise DatasetError(
                f"{path}: {size_text(size)}, at most {size_text(most)} are read; cut it into parts"
            )
        return path.read_bytes()
    except OSError as err:
        raise DatasetError(f"{path}: {err.strerror or err}; check the path") from err


def load_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        DatasetError: It is too large, is not valid JSON or can't be read.
    """
    data = read_limited(path, LARGEST_JSON)
    try:
        return parse_json(data)
    except ValueError as err:
        raise DatasetError(f"{path}: not valid JSON ({err}); download it again") from err


def typed(value: Any, kind: type[Kind], where: str) -> Kind:
    """Return a value that must be of a type.

    Raises:
        DatasetError: It is another one; ``where`` names the file and the place in it.
    """
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise DatasetError(f"{where}: {_shown(value)}, expected {_NAMES.get(kind, kind.__name__)}")
    return value


def entry(values: Mapping[str, Any], key: str, kind: type[Kind], where: str) -> Kind:
    """Return a field of an object.

    Raises:
        DatasetError: It is missing or of another type.
    """
    if key not in values:
        raise DatasetError(f"{where}: no {key!r}; is this the set's file of keypoints?")
    return typed(values[key], kind, f"{where}: {key!r} is")


_NAMES: Final = {dict: "an object", list: "a list", str: "a text", int: "a whole number"}


def _shown(value: Any) -> str:
    """Return a stranger's value for a message."""
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
