"""Sizes in bytes, in words: the only spelling in printed text."""


def size_text(count: float) -> str:
    """Return a number of bytes in words, for example ``"295 MiB"``.

    The review page writes sizes in the same way.

    Args:
        count: Bytes, 0 or more.
    """
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
