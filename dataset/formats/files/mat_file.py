"""Read MATLAB files of version 5: what they declare is checked before scipy sees them.

A .mat file is compressed and may declare far more than it holds, so the file is inflated once
under a limit, and the sizes that its arrays declare are compared with the bytes that are there.
Nothing in such a file is ever executed or unpickled.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from ....core.errors import DatasetError, MissingPartError
from ....core.sizes import size_text
from .json_file import read_limited

LARGEST_MAT: Final = 256 << 20
LARGEST_INFLATED: Final = 1 << 30
DEEPEST: Final = 16
_HEADER: Final = 128
_COMPRESSED, _MATRIX = 15, 14
_CELL, _STRUCT, _OBJECT = 1, 2, 3
_PLAIN: Final = frozenset({4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
"""Classes of arrays that hold characters or numbers; others are cells, structs and objects."""
_LEAST_ELEMENT: Final = 8


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
        _check_declared(data)
    except (ValueError, struct.error, zlib.error) as err:
        raise DatasetError(f"{path}: damaged .mat file ({err}); download it again") from err
    try:
        from scipy.io import loadmat, whosmat
    except ImportError as err:
        raise MissingPartError(
            f"{path}: .mat files need scipy; run: pip install 'kincap[formats]'"
        ) from err
    try:
        names = [found[0] for found in whosmat(path)]
        if name not in names:
            raise DatasetError(
                f"{path}: no variable {name!r} (it has {', '.join(names[:6]) or 'none'}); "
                "is this the set's file of labels?"
            )
        return loadmat(path, variable_names=[name], simplify_cells=simple)[name]
    except DatasetError:
        raise
    except Exception as err:  # a damaged file ends in errors of many classes there
        raise DatasetError(f"{path}: damaged .mat file ({err}); download it again") from err


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


def _check_declared(data: bytes) -> None:
    """Compare the declared sizes with the bytes that are there.

    Raises:
        ValueError: More is declared than there is, or more than is read.
    """
    order = "<" if data[126:128] == b"IM" else ">"
    inflated = 0
    for kind, body in _elements(data[_HEADER:], order):
        if kind == _COMPRESSED:
            unpacker = zlib.decompressobj()
            body = unpacker.decompress(body, LARGEST_INFLATED - inflated + 1)
            if unpacker.unconsumed_tail or inflated + len(body) > LARGEST_INFLATED:
                raise ValueError(f"it inflates to more than {size_text(LARGEST_INFLATED)}")
            inflated += len(body)
            inner = list(_elements(body, order))
        else:
            inner = [(kind, body)]
        for element, content in inner:
            if element == _MATRIX:
                _check_matrix(content, order, 0)


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Yield type and content of the elements in a stretch of bytes."""
    at, view = 0, memoryview(data)
    while at + 8 <= len(data):
        first, size = struct.unpack_from(f"{order}II", data, at)
        if first >> 16:  # a small element: the size is in the upper half of the type
            yield first & 0xFFFF, bytes(view[at + 4 : at + 4 + min(first >> 16, 4)])
            at += 8
            continue
        if size > len(data) - at - 8:
            raise ValueError("an element is longer than the file")
        yield first, bytes(view[at + 8 : at + 8 + size])
        # compressed elements are not padded
        at += 8 + (size if first == _COMPRESSED else -(-size // 8) * 8)


def _check_matrix(body: bytes, order: str, depth: int) -> None:
    """Check an array and all that is in it."""
    if not body:
        return
    if depth > DEEPEST:
        raise ValueError("nested too deeply")
    parts = list(_elements(body, order))
    if len(parts) < 2 or len(parts[0][1]) < 4:
        raise ValueError("an array without a size")
    kind = struct.unpack_from(f"{order}I", parts[0][1])[0] & 0xFF
    if kind in _PLAIN or kind == 5:
        return  # numbers: scipy compares their size with their bytes
    if kind not in (_CELL, _STRUCT, _OBJECT):
        raise ValueError(f"an array of class {kind}")
    dims = np.frombuffer(parts[1][1], f"{order}i4").astype(object)
    inside = [content for element, content in parts[2:] if element == _MATRIX]
    count = int(np.prod(dims)) if len(dims) else 0
    if not 0 <= count * _LEAST_ELEMENT <= len(body) or (kind != _CELL and count > len(inside) > 0):
        raise ValueError("an array declares more than it holds")
    for content in inside:
        _check_matrix(content, order, depth + 1)
