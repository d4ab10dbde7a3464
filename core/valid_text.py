"""Text of others, made valid UTF-8 to be stored, and harmless for a terminal to be printed."""

import unicodedata
from typing import Any, Final

_JOINERS: Final = "\u200c\u200d"
"""Invisible characters that scripts and emoji need, and that change nothing else."""


def valid_text(text: str) -> str:
    """Return a text without lone surrogates.

    Bytes that a terminal gave in another encoding than UTF-8 come as surrogates (``os.fsdecode``);
    they are taken as Latin-1. Any other lone surrogate becomes U+FFFD.
    """
    if text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text):
        return text
    # pairs that JSON wrote as two escapes are one letter
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return "".join(map(_letter, text))


def _letter(letter: str) -> str:
    """Return a letter, or what stands for a lone surrogate."""
    if "\udc80" <= letter <= "\udcff":
        return chr(ord(letter) - 0xDC00)
    return "\ufffd" if "\ud800" <= letter <= "\udfff" else letter


def valid_json(value: Any) -> Any:
    """Return a JSON value with ``valid_text`` in all its keys and texts."""
    if isinstance(value, str):
        return valid_text(value)
    if isinstance(value, dict):
        return {valid_json(key): valid_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [valid_json(item) for item in value]
    return value


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
