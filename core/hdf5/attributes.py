"""Attributes with references, read from a file's bytes: HDF5 is never asked to follow them.

HDF5 stores the references of dimension scales as sequences of variable length in a global heap.
Reading such a sequence through the library trusts lengths and addresses of the file; here every one
is checked before it is used. Layout: HDF5 File Format Specification 3.0, version 2 object headers.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

Read = Callable[[int, int], bytes]
"""Returns the bytes at an offset; fewer at the end of the file."""

_ATTRIBUTE: Final = 0x0C
_CONTINUATION: Final = 0x10
_MOST_CHUNKS: Final = 16
_MOST_BYTES: Final = 1 << 16
_MOST_HEAP: Final = 1 << 20
_POINTER: Final = 16
"""Bytes of an element of variable length: count (4), heap address (8), object number (4)."""


class OddHeaderError(ValueError):
    """An object header or a heap that does not follow the specification."""


class RawAttribute(NamedTuple):
    """An attribute as it is stored.

    Attributes:
        name: Its name.
        kind: Class of its type: 6 compound, 9 variable length.
        data: Its bytes.
    """

    name: str
    kind: int
    data: bytes


def raw_attributes(read: Read, address: int) -> dict[str, RawAttribute]:
    """Return the attributes of an object by name.

    Args:
        read: Reads the file.
        address: Of the object's header.

    Raises:
        OddHeaderError: It is not a version 2 header, or a part of it is outside of its bounds.
    """
    found = {}
    for kind, data in _messages(read, address):
        if kind == _ATTRIBUTE:
            attribute = _parse_attribute(data)
            found[attribute.name] = attribute
    return found


def _messages(read: Read, address: int) -> Iterator[tuple[int, bytes]]:
    """Yield type and data of the messages of an object header."""
    head = read(address, 64)
    if head[:4] != b"OHDR" or head[4] != 2:
        raise OddHeaderError("its header is not of version 2")
    flags = head[5]
    at = 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    width = 1 << (flags & 3)
    begin = at + width
    chunks = [(address + begin, int.from_bytes(head[at:begin], "little"))]
    for number, (offset, length) in enumerate(chunks):
        if number >= _MOST_CHUNKS or length > _MOST_BYTES:
            raise OddHeaderError("its header is too large")
        for kind, data in _messages_of(read(offset, length), 6 if flags & 4 else 4):
            if kind == _CONTINUATION:
                # a continuation has a signature in front of its messages, a checksum after them
                place, size = _number(data, 0), _number(data, 8)
                if read(place, 4) != b"OCHK" or size < 8:
                    raise OddHeaderError("its header goes on where nothing is")
                chunks.append((place + 4, size - 8))
            yield kind, data


def _messages_of(chunk: bytes, head: int) -> Iterator[tuple[int, bytes]]:
    """Yield type and data of the messages in a chunk; a gap at its end is shorter than a head."""
    at = 0
    while at + head <= len(chunk):
        kind, size = chunk[at], int.from_bytes(chunk[at + 1 : at + 3], "little")
        data = chunk[at + head : at + head + size]
        if len(data) != size:
            raise OddHeaderError("a message reaches beyond its header")
        if chunk[at + 3] & 2 and kind == _ATTRIBUTE:
            raise OddHeaderError("it shares an attribute")
        yield kind, data
        at += head + size


def _parse_attribute(data: bytes) -> RawAttribute:
    """Return an attribute from its message, versions 2 and 3."""
    if len(data) < 9 or data[0] not in (2, 3) or data[1]:
        raise OddHeaderError("an attribute is stored in an unknown way")
    sizes = [int.from_bytes(data[i : i + 2], "little") for i in (2, 4, 6)]
    at = 9 if data[0] == 3 else 8
    name, kind = data[at : at + sizes[0]], data[at + sizes[0] : at + sizes[0] + sizes[1]]
    rest = data[at + sum(sizes) :]
    if len(name) != sizes[0] or len(kind) < 8:
        raise OddHeaderError("an attribute reaches beyond its message")
    return RawAttribute(name.rstrip(b"\0").decode("ascii", "replace"), kind[0] & 15, rest)


def listed_references(read: Read, data: bytes) -> list[int]:
    """Return the addresses in a DIMENSION_LIST: one scale for each dimension.

    Raises:
        OddHeaderError: A dimension has not exactly one, or a heap is not one.
    """
    found = []
    for at in range(0, len(data) - len(data) % _POINTER, _POINTER):
        count, heap = int.from_bytes(data[at : at + 4], "little"), _number(data, at + 4)
        if count != 1:
            raise OddHeaderError(f"a dimension has {count} scales")
        found.append(_heap_object(read, heap, int.from_bytes(data[at + 12 : at + 16], "little")))
    return found


def _heap_object(read: Read, address: int, wanted: int) -> int:
    """Return the one address that an object of a global heap holds."""
    head = read(address, 16)
    size = _number(head, 8) if len(head) == 16 else 0
    if head[:5] != b"GCOL\1" or not 16 <= size <= _MOST_HEAP:
        raise OddHeaderError("a reference points to no heap")
    heap = read(address, size)
    at = 16
    while at + 16 <= len(heap):
        number, length = int.from_bytes(heap[at : at + 2], "little"), _number(heap, at + 8)
        if number == wanted and wanted:
            if length != 8 or at + 24 > len(heap):
                raise OddHeaderError("a reference has an odd length")
            return _number(heap, at + 16)
        if number == 0:
            break
        at += 16 + (length + 7) // 8 * 8
    raise OddHeaderError("a reference points to nothing in its heap")


def back_references(data: bytes, count: int) -> list[tuple[int, int]]:
    """Return the pairs in a REFERENCE_LIST: address of a dataset, and which of its dimensions.

    Args:
        data: The attribute's bytes.
        count: How many pairs it has.

    Raises:
        OddHeaderError: Its pairs have another size than HDF5 gives them.
    """
    if count < 1 or len(data) not in (count * 12, count * 16):
        raise OddHeaderError("its list of references has an odd size")
    step = len(data) // count
    return [
        (_number(data, at), int.from_bytes(data[at + 8 : at + 12], "little"))
        for at in range(0, len(data), step)
    ]


def _number(data: bytes, at: int) -> int:
    """Return 8 bytes as a number."""
    return int.from_bytes(data[at : at + 8], "little")
