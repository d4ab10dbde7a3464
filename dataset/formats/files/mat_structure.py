"""Check a MATLAB 5 file's structure, so that only well-formed arrays reach scipy.

scipy's reader is compiled code that trusts what a file declares. Here every element of the wanted
variable must be exactly as the format says: its type, its length, the sizes of arrays against the
bytes that are there. Arrays of numbers and characters, cells and structs are admitted; sparse
arrays, objects and functions are not.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from ....core.sizes import size_text

LARGEST_INFLATED: Final = 1 << 30
DEEPEST: Final = 16
MOST_DIMENSIONS: Final = 8

_HEADER: Final = 128
_INT8, _INT32, _UINT32, _MATRIX, _COMPRESSED, _UTF8 = 1, 5, 6, 14, 15, 16
_NUMBER_BYTES: Final = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}
_LETTER_BYTES: Final = {1: 1, 2: 1, 4: 2, 17: 2, 18: 4}
_CELL, _STRUCT, _CHAR = 1, 2, 4
_NUMBERS: Final = range(6, 16)
_COMPLEX: Final = 0x0800
_LONGEST_NAME: Final = 64


class MatStructureError(ValueError):
    """A file that is not as the format says, or declares more than it holds."""


class Element(NamedTuple):
    """One element: its type and its bytes."""

    kind: int
    data: memoryview


class Elements:
    """The elements in a stretch of bytes, one after another.

    Args:
        data: The bytes.
        order: ``<`` or ``>``, the file's byte order.
    """

    def __init__(self, data: memoryview, order: str) -> None:
        self._data = data
        self._at = 0
        self.order = order

    @property
    def at_end(self) -> bool:
        """True if nothing follows."""
        return self._at == len(self._data)

    def take(self, *kinds: int) -> Element:
        """Return the next element, of one of the types.

        Raises:
            MatStructureError: There is none, it has another type, or it ends after the bytes.
        """
        if len(self._data) - self._at < 8:
            raise MatStructureError("it ends inside an element")
        kind, size = struct.unpack_from(f"{self.order}II", self._data, self._at)
        begin = self._at + 8
        if kind >> 16:  # a small element: type and size in four bytes, the data in the next four
            kind, size, begin = kind & 0xFFFF, kind >> 16, self._at + 4
            if size > 4:
                raise MatStructureError("a small element of more than 4 bytes")
            self._at += 8
        else:
            padded = size if kind == _COMPRESSED else -(-size // 8) * 8
            self._at = begin + padded
        if kinds and kind not in kinds:
            raise MatStructureError(f"an element of type {kind}, expected {kinds[0]}")
        if self._at > len(self._data):
            raise MatStructureError("an element is longer than what it is in")
        return Element(kind, self._data[begin : begin + size])


def check_structure(data: bytes, name: str) -> list[str]:
    """Check the variable of a name; of the others only their heads, which are not read further.

    Args:
        data: The file, with a header of MATLAB 5.
        name: Of the variable.

    Returns:
        The names of all variables.

    Raises:
        MatStructureError: Says what is wrong.
    """
    order = "<" if data[126:128] == b"IM" else ">"
    names = []
    for body in _variables(Elements(memoryview(data)[_HEADER:], order)):
        matrix = Elements(body, order)
        head = _take_head(matrix)
        if head.name in names:
            raise MatStructureError(f"two variables {head.name}")
        names.append(head.name)
        if head.name == name:
            _check_content(matrix, head, 0)
    return names


def _variables(elements: Elements) -> Iterator[memoryview]:
    """Yield the content of each variable, inflated."""
    inflated = 0
    while not elements.at_end:
        element = elements.take(_MATRIX, _COMPRESSED)
        if element.kind == _MATRIX:
            yield element.data
            continue
        unpacker = zlib.decompressobj()
        try:
            body = unpacker.decompress(element.data, LARGEST_INFLATED - inflated + 1)
        except zlib.error as err:
            raise MatStructureError(str(err)) from err
        inflated += len(body)
        if inflated > LARGEST_INFLATED:
            raise MatStructureError(f"it inflates to more than {size_text(LARGEST_INFLATED)}")
        if not unpacker.eof:
            raise MatStructureError("a compressed variable is cut")
        inner = Elements(memoryview(body), elements.order)
        yield inner.take(_MATRIX).data
        if not inner.at_end:
            raise MatStructureError("more follows a compressed variable")


class _ArrayHead(NamedTuple):
    """The head of an array: its class, the number of its elements, its name."""

    kind: int
    is_complex: bool
    length: int
    name: str


def _take_head(matrix: Elements) -> _ArrayHead:
    """Read flags, size and name of an array."""
    flags = matrix.take(_UINT32).data
    if len(flags) != 8:
        raise MatStructureError("an array with odd flags")
    word = struct.unpack_from(f"{matrix.order}I", flags)[0]
    sizes = matrix.take(_INT32).data
    if len(sizes) % 4 or not 2 <= len(sizes) // 4 <= MOST_DIMENSIONS:
        raise MatStructureError("an array with an odd number of dimensions")
    count = 1
    for length in struct.unpack(f"{matrix.order}{len(sizes) // 4}i", sizes):
        if length < 0:
            raise MatStructureError("an array of negative size")
        count *= length
    name = matrix.take(_INT8).data
    if len(name) > _LONGEST_NAME:
        raise MatStructureError("a variable with a long name")
    return _ArrayHead(word & 0xFF, bool(word & _COMPLEX), count, bytes(name).decode("latin-1"))


def _check_matrix(body: memoryview, order: str, depth: int) -> None:
    """Check an array inside a cell or a struct; an empty one has no bytes."""
    if depth > DEEPEST:
        raise MatStructureError("nested too deeply")
    if len(body):
        matrix = Elements(body, order)
        _check_content(matrix, _take_head(matrix), depth)


def _check_content(matrix: Elements, head: _ArrayHead, depth: int) -> None:
    """Check what follows the head of an array, to the array's end."""
    if head.kind in _NUMBERS:
        for _ in range(2 if head.is_complex else 1):
            element = matrix.take(*_NUMBER_BYTES)
            _check_bytes(len(element.data), head.length * _NUMBER_BYTES[element.kind])
    elif head.kind == _CHAR:
        _check_letters(matrix.take(_UTF8, *_LETTER_BYTES), head.length)
    elif head.kind in (_CELL, _STRUCT):
        fields = 1 if head.kind == _CELL else _take_fields(matrix)
        for _ in range(head.length * fields):
            _check_matrix(matrix.take(_MATRIX).data, matrix.order, depth + 1)
    else:
        raise MatStructureError(f"an array of class {head.kind}, expected numbers or structs")
    if not matrix.at_end:
        raise MatStructureError("an array is longer than its size says")


def _take_fields(matrix: Elements) -> int:
    """Read the names of a struct's fields; return how many there are."""
    length = matrix.take(_INT32).data
    if len(length) != 4:
        raise MatStructureError("a struct without the length of its names")
    each = struct.unpack(f"{matrix.order}i", length)[0]
    names = matrix.take(_INT8).data
    if not 0 < each <= _LONGEST_NAME or len(names) % each:
        raise MatStructureError("a struct with odd names")
    found = [bytes(names[at : at + each]).partition(b"\0")[0] for at in range(0, len(names), each)]
    if (
        not found
        or len(set(found)) != len(found)
        or not all(name.isascii() and name for name in found)
    ):
        raise MatStructureError("a struct with odd names")
    return len(found)


def _check_letters(element: Element, count: int) -> None:
    """Compare a text's bytes with its number of letters."""
    if element.kind != _UTF8:
        _check_bytes(len(element.data), count * _LETTER_BYTES[element.kind])
        return
    try:
        letters = len(bytes(element.data).decode())
    except UnicodeDecodeError as err:
        raise MatStructureError("a text that is not UTF-8") from err
    _check_bytes(letters, count)


def _check_bytes(found: int, expected: int) -> None:
    """Refuse an array of another length than its size says."""
    if found != expected:
        raise MatStructureError(
            f"an array declares {'more' if expected > found else 'less'} than it holds"
        )
