"""Make texts of others (notes, names, messages of libraries) harmless for a terminal."""

import unicodedata
from typing import Final

_JOINERS: Final = "\u200c\u200d"
"""Invisible characters that scripts and emoji need, and that change nothing else."""


def visible(text: str) -> str:
    r"""Return a text on one line, with everything that acts on a terminal written as an escape.

    Escape sequences, line breaks, changes of the writing direction and lone surrogates become
    ``\x1b``, ``\n``, ``\u202e`` and the like; letters of any script stay.
    """
    if text.isprintable():
        return text
    return "".join(_escaped(char) if _is_active(char) else char for char in text)


def _is_active(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") and char not in _JOINERS


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
