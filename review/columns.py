"""Tables for the page as raw columns: no text to parse, typed arrays on the other side at once.

Layout: the header's length as little-endian u4, the header as JSON, then each column on a multiple
of 8 bytes. The header's ``columns`` gives type, shape and offset from the start of each.
"""

import json
import struct
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

ALIGNMENT: Final = 8
TYPES: Final = ("f8", "f4", "u4", "u2", "u1")
"""Types that the page has typed arrays for. seq travels as f8: exact up to 2**53."""


def pack_columns(columns: Mapping[str, np.ndarray], **extra: Any) -> bytes:
    """Put columns and a few other values into one piece of bytes.

    Args:
        columns: Arrays of any shape, of one of the types in ``TYPES``.
        **extra: Further keys of the header, as JSON holds them.
    """
    arrays = {name: np.ascontiguousarray(array) for name, array in columns.items()}
    places: dict[str, list[Any]] = {}
    for name, array in arrays.items():
        kind = array.dtype.str.lstrip("<|")
        if kind not in TYPES:
            raise TypeError(f"column {name}: type {kind}, expected one of {', '.join(TYPES)}")
        places[name] = [kind, list(array.shape), 0]
    # the offsets are part of the header whose length moves them: room for them is kept by padding
    header_room = _aligned(4 + len(json.dumps({**extra, "columns": places})) + 16 * len(places))
    at = header_room
    for name, array in arrays.items():
        places[name][2] = at
        at = _aligned(at + array.nbytes)
    header = json.dumps({**extra, "columns": places}).encode("ascii")
    packed = bytearray(at)
    packed[: 4 + len(header)] = struct.pack("<I", len(header)) + header
    for name, array in arrays.items():
        begin = places[name][2]
        packed[begin : begin + array.nbytes] = array.tobytes()
    return bytes(packed)


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
