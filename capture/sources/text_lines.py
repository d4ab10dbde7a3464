"""Text files of others, read line by line in bounded memory, in any usual encoding."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ...core.errors import SensorError

MAX_LINE: Final = 1 << 16
"""Characters; the longest line of a skeleton log has about 3,000."""
_BYTE_ORDER_MARKS: Final = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def check_regular(path: Path, wanted: str) -> None:
    """Check that a path names a regular file, without opening it.

    Args:
        path: The file.
        wanted: The files that are expected, for the message.

    Raises:
        SensorError: It is missing or something else (a folder, a pipe, a device).
    """
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        words = "no such file" if isinstance(error, FileNotFoundError) else f"{error.strerror}"
        raise SensorError(f"{path}: {words}; expected {wanted}") from error
    except ValueError as error:
        raise SensorError(f"{str(path)!r}: not the name of a file; expected {wanted}") from error
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
        raise SensorError(f"{path}: {what}; expected {wanted}")


def text_lines(path: Path, wanted: str, strip: str | None = None) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text file: number from 1, and text without spaces around it.

    A byte-order mark is skipped; after one, UTF-16 and UTF-32 are read too. Lines end in LF, CRLF
    or CR.

    Args:
        path: The file.
        wanted: The files that are expected, for messages.
        strip: Characters that are removed around a line; None: all kinds of spaces.

    Raises:
        SensorError: It is missing, can't be read, or is not a text file.
    """
    check_regular(path, wanted)
    try:
        with open(path, encoding=_encoding(path)) as file:
            number = 0
            while line := file.readline(MAX_LINE):
                number += 1
                if len(line) == MAX_LINE:
                    raise SensorError(
                        f"{path}: line {number} is longer than {MAX_LINE} characters; expected "
                        f"{wanted}"
                    )
                yield number, line.strip(strip)
    except OSError as error:
        raise SensorError(f"{path}: can't be read ({error.strerror})") from error
    except UnicodeError as error:
        raise SensorError(f"{path}: not a text file; expected {wanted}") from error


def first_line(path: Path) -> str:
    """Return the first line of a text file; "" where there is none, or it is not a text file."""
    try:
        return next(text_lines(path, "a text file"), (1, ""))[1]
    except SensorError:
        return ""


def _encoding(path: Path) -> str:
    with open(path, "rb") as file:
        head = file.read(4)
    return next((name for mark, name in _BYTE_ORDER_MARKS if head.startswith(mark)), "utf-8")
