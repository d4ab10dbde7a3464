"""A format of skeleton logs: its name, how a line is read, and what its file names say."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ...core.errors import SensorError

MAX_TIME_100NS: Final = 1 << 60
MAX_ID: Final = (1 << 64) - 1
_MAX_FLOAT: Final = 3.4028234663852886e38
"""The largest number that float32 can hold."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a log.

    Attributes:
        time_100ns: Time of the frame.
        number: The log's own count of frames; None: it has none.
        body: The log's number of the body.
        places_m: 25 times x, y, z in camera space, metres, in the order of the SDK's JointType; NaN
            where there is no number.
        states: 25 values of ``TrackingState``.
    """

    time_100ns: int
    number: int | None
    body: int
    places_m: Sequence[Sequence[float]]
    states: Sequence[int]


@dataclass(frozen=True)
class LogFormat:
    """A format of skeleton logs.

    Attributes:
        name: Name of the source.
        file: A file of the format in words, for messages.
        read_line: Returns a line's content, None for a header; takes the line, its number, and the
            names of the joints. Raises ValueError with the reason where it is malformed.
        subject_of: Returns the subject that a file's stem names, "" for none.
        tags_of: Returns the tags that a file's stem names.
        video: Name of the video that the recorder writes beside a log, "" for none.
    """

    name: str
    file: str
    read_line: Callable[[str, int, Sequence[str]], LogLine | None]
    subject_of: Callable[[str], str] = lambda _stem: ""
    tags_of: Callable[[str], tuple[str, ...]] = lambda _stem: ()
    video: str = ""


def real_number(word: str) -> float:
    """Return a number; NaN for infinities, NaN, and numbers that float32 can't hold.

    Raises:
        ValueError: The word is not a number.
    """
    try:
        # Python would take 1_000
        value = float("" if "_" in word else word.replace("∞", "inf"))
    except ValueError:
        raise ValueError(f"found {shown(word)}, expected a number") from None
    return value if abs(value) <= _MAX_FLOAT else math.nan


def whole_number(word: str, most: int) -> int:
    """Return a number without sign or point.

    Raises:
        ValueError: The word is none, or the number is larger than ``most``.
    """
    is_whole = word.isascii() and word.isdigit() and len(word) <= len(str(most))
    if not is_whole or int(word) > most:
        raise ValueError(f"found {shown(word)}, expected a whole number up to {most}")
    return int(word)


def shown(word: str) -> str:
    """Return a word of a file as it may appear in a message."""
    return repr(word[:40] + "..." * (len(word) > 40))


def damaged(where: str, reason: object) -> SensorError:
    """Return the error for a line that is malformed."""
    return SensorError(f"{where}: {reason}")
