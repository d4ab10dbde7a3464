"""Sizes in bytes, in words: the only spelling in printed text."""

from typing import Final

_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")


def size_text(count: float) -> str:
    """Return a number of bytes in words, for example ``"3.4 MiB"`` or ``"295 MiB"``.

    Args:
        count: Bytes, 0 or more.
    """
    unit = 0
    # 1023.6 would be printed as 1024 of a unit
    while count >= 1023.5 and unit < len(_UNITS) - 1:
        count, unit = count / 1024, unit + 1
    digits = 1 if unit and count < 9.95 else 0
    return f"{count:.{digits}f} {_UNITS[unit]}"
