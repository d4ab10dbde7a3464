"""Find the one flipped bit that makes a CRC-32 hold again.

CRC-32 is linear: what a flipped bit does to it depends on the bit's place alone. Stepping the
difference of two checksums backwards through the data therefore meets the bit, in one pass.
"""

import zlib
from typing import Final

from ..schema import ROW_CRC, row_crc

_POLYNOMIAL: Final = 0xEDB88320


def _table() -> list[int]:
    """Return the CRC-32 of one byte's worth of change, for each of 256 bytes."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_TABLE: Final = _table()
_BY_TOP: Final = {value >> 24: index for index, value in enumerate(_TABLE)}
_LAST_BYTE: Final = {_TABLE[1 << bit]: 1 << bit for bit in range(8)}


def mend_bit(data: bytes, crc: int) -> bytes | None:
    """Return the data with the one flipped bit put back.

    Args:
        data: Bytes whose checksum does not hold.
        crc: The CRC-32 that they should have.

    Returns:
        The data as it was, or None where more than one bit differs. Random damage passes for one
        flipped bit once in 2**32 / (8 * len(data)): whoever calls this needs a further proof.
    """
    change = zlib.crc32(data) ^ crc
    for at in range(len(data) - 1, -1, -1):
        bit = _LAST_BYTE.get(change)
        if bit is not None:
            return data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]
        index = _BY_TOP[change >> 24]
        change = (change ^ _TABLE[index]) << 8 & 0xFFFFFFFF | index
    return None


def mend_row(raw: bytes) -> bytes | None:
    """Return a row with the one flipped bit put back, in its fields or in its checksum.

    Args:
        raw: One row of any table, its checksum last.
    """
    body, stored = raw[: -ROW_CRC.size], ROW_CRC.unpack(raw[-ROW_CRC.size :])[0]
    right = row_crc(body)
    if (stored ^ right).bit_count() == 1:
        return body + ROW_CRC.pack(right)
    # a row whose checksum gives 0 keeps a 1 (formats: 0 means never written)
    for crc in (stored, 0) if stored == 1 else (stored,):
        mended = mend_bit(body, crc)
        if mended is not None:
            return mended + raw[-ROW_CRC.size :]
    return None
