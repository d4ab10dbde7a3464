"""Text that is always valid UTF-8, whatever a terminal or a file of others gave."""

from typing import Any


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
