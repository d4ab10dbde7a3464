"""Read MATLAB files of version 5: checked first, then given to scipy.

Nothing in such a file is ever executed or unpickled.
"""

import io
from pathlib import Path
from typing import Any, Final

import numpy as np

from ....core.errors import DatasetError, MissingPartError
from .json_file import read_limited
from .mat_structure import MatStructureError, check_structure

LARGEST_MAT: Final = 256 << 20


def load_mat(path: Path, name: str, *, simple: bool = False) -> Any:
    """Return one variable of a MATLAB file.

    Args:
        path: The file.
        name: Of the variable.
        simple: Structs as dictionaries and cells as lists; see ``as_list``.

    Returns:
        An array as scipy gives it; with ``simple`` what scipy makes of it, lengths of 1 dropped.

    Raises:
        DatasetError: It is not a MATLAB file of version 5, lacks the variable, or is damaged.
        MissingPartError: scipy is not installed (exit 3).
    """
    data = read_limited(path, LARGEST_MAT)
    _check_header(path, data)
    try:
        names = check_structure(data, name)
    except MatStructureError as err:
        raise _damaged(path, err) from err
    if name not in names:
        shown = ", ".join(names[:6]) or "none"
        raise DatasetError(
            f"{path}: no variable {name!r} (it has {shown}); is this the set's file of labels?"
        )
    try:
        from scipy.io import loadmat
    except ImportError as err:
        raise MissingPartError(
            f"{path}: .mat files need scipy; run: pip install 'kincap[formats]'"
        ) from err
    try:
        return loadmat(io.BytesIO(data), variable_names=[name], simplify_cells=simple)[name]
    except (ValueError, TypeError, KeyError, OSError) as err:
        raise _damaged(path, err) from err


def _damaged(path: Path, err: Exception) -> DatasetError:
    """Return the error of a file that can't be read."""
    why = " ".join(str(err).split())
    return DatasetError(f"{path}: damaged .mat file ({why}); download it again")


def as_list(value: Any) -> list[Any]:
    """Return the elements of an array of structs: one comes as itself, none as an empty array."""
    if isinstance(value, list):
        return value
    if isinstance(value, np.ndarray):
        return list(value.ravel()) if value.size else []
    return [value]


def as_number(value: Any, missing: float) -> float:
    """Return a number that may come as a text, as an empty array or not at all."""
    try:
        return float(np.asarray(value).reshape(-1)[0])
    except (ValueError, TypeError, IndexError):
        return missing


def _check_header(path: Path, data: bytes) -> None:
    """Refuse other versions than 5."""
    if data[:4] == b"\x89HDF" or data[512:516] == b"\x89HDF" or data[:10] == b"MATLAB 7.3":
        raise DatasetError(f"{path}: a .mat file of version 7.3; save it in MATLAB with -v7")
    if data[:10] != b"MATLAB 5.0" or data[126:128] not in (b"IM", b"MI"):
        raise DatasetError(f"{path}: not a MATLAB 5.0 file; expected the set's .mat file")
