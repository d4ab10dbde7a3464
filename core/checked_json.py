"""JSON objects that carry a checksum of their own text, so that any flipped bit shows.

The last key of the object is ``checksum``: the SHA-256 of every byte before it. The
text stays plain JSON that any program reads. A single flipped bit can be found and put back.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from .valid_text import valid_json, valid_text

KEY: Final = "checksum"
_ON_LINES: Final = (f',\n "{KEY}": "'.encode(), b'"\n}\n')
_ON_ONE_LINE: Final = (f', "{KEY}": "'.encode(), b'"}\n')
_HEX_DIGITS: Final = 64
_ODD_TEXT: Final = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")
"""An escape or bytes of half a letter: of a pair, or of what is not valid UTF-8."""
_ODD_STR: Final = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")


def dump_checked(content: Mapping[str, Any], *, lines: bool, entries: str | None = None) -> bytes:
    """Return an object as JSON text with its checksum.

    Args:
        content: The object, not empty and without a key ``checksum``; NaN is refused.
        lines: One key a line, for a file of its own; else all on one line, for JSON lines.
        entries: With ``lines``, the last key of the object, whose list is written with one entry a
            line: ten times as fast, for long lists.
    """
    if entries is not None:
        text = _with_entries(content, entries)
    else:
        text = json.dumps(
            content, ensure_ascii=False, allow_nan=False, indent=1 if lines else None
        ).removesuffix("\n}" if lines else "}")
    # a note typed in another encoding holds lone surrogates: what is written is always UTF-8
    body = valid_text(text).encode()
    head, end = _ON_LINES if lines else _ON_ONE_LINE
    return body + head + hashlib.sha256(body).hexdigest().encode() + end


def _with_entries(content: Mapping[str, Any], key: str) -> str:
    """Return an object as text but for its last bracket, the entries of one list on a line each."""
    dump = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
    lines = [f"\n {dump(name)}: {dump(value)}" for name, value in content.items() if name != key]
    listed = ",".join(f"\n  {dump(entry)}" for entry in content[key])
    lines.append(f"\n {dump(key)}: [{listed}{chr(10) + ' ' if listed else ''}]")
    return "{" + ",".join(lines)


def is_whole(raw: bytes) -> bool:
    """Return True if a text is exactly one that ``dump_checked`` gave."""
    for head, end in (_ON_LINES, _ON_ONE_LINE):
        size = len(head) + _HEX_DIGITS + len(end)
        body, tail = raw[:-size], raw[-size:]
        if body and tail.startswith(head) and tail.endswith(end):
            return tail == head + hashlib.sha256(body).hexdigest().encode() + end
    return False


def parse_json(raw: bytes | str) -> Any:
    """Return what a JSON text says, its texts without lone surrogates.

    Raises:
        ValueError: It is not valid JSON, or nested so deeply that Python gives up.
    """
    try:
        found = json.loads(raw)
        odd = _ODD_TEXT.search(raw) if isinstance(raw, bytes) else _ODD_STR.search(raw)
        return valid_json(found) if odd else found
    except RecursionError as err:
        raise ValueError("nested too deeply") from err


def load_checked(raw: bytes, *, strict: bool = True) -> dict[str, Any]:
    """Return the object of a text that ``dump_checked`` gave, without its checksum.

    Args:
        raw: The text.
        strict: Whether the checksum must hold; without it, whatever is still a JSON object does.

    Raises:
        ValueError: The checksum differs, or it is not a JSON object.
    """
    if strict and not is_whole(raw):
        raise ValueError("its checksum differs")
    content = parse_json(raw)
    if not isinstance(content, dict):
        raise ValueError("not a JSON object")
    content.pop(KEY, None)
    return content


def mend_bit(raw: bytes) -> bytes | None:
    """Find the one flipped bit that makes a text whole again.

    Args:
        raw: A text whose checksum does not hold; a few ten thousand bytes at most, or it takes
            long.

    Returns:
        The text as it was, or None where it is damaged in more than one bit.
    """
    trial = bytearray(raw)
    for i in range(len(trial)):
        for bit in range(8):
            trial[i] ^= 1 << bit
            if is_whole(bytes(trial)):
                return bytes(trial)
            trial[i] ^= 1 << bit
    return None
