"""suggestions.json: labels of a session that ``kincap audit`` asks a person to look at.

Nothing in it is ever applied by itself. The file is kincap's own: a new audit replaces an earlier
one, and nothing else under that name.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from ..core.checked_json import dump_checked, load_checked
from ..core.errors import SessionError
from ..core.files.file_io import FileIO
from ..core.files.small_files import MIB, read_small
from ..core.skeleton import KEYPOINT

SUGGESTIONS_FILE: Final = "suggestions.json"
SUGGESTIONS_VERSION: Final = 1
SCHEMA: Final = "kincap/suggestions/1"
MOST_BYTES: Final = 16 * MIB

KINDS: Final = ("keypoints", "pose", "sides")
"""Some keypoints disagree; most of them do; they agree once left and right are exchanged."""


@dataclass(frozen=True)
class Suggestion:
    """Labels of one person over some colour frames.

    Attributes:
        session: Name of the session.
        session_uuid: Its uuid.
        take: Number of the take.
        seq_first: First colour frame.
        seq_last: Last colour frame, included.
        tracking_id: The person.
        keypoints: Names of the keypoints.
        kind: One of ``KINDS``.
        score: The higher, the more likely the label is wrong; comparable within one audit.
        source: What disagrees, in words: the nets.
    """

    session: str
    session_uuid: str
    take: int
    seq_first: int
    seq_last: int
    tracking_id: int
    keypoints: tuple[str, ...]
    kind: str
    score: float
    source: str


def load_suggestions(folder: Path) -> tuple[Suggestion, ...]:
    """Read the suggestions of a session, the highest score first; none where there is no file.

    Args:
        folder: The session's folder.

    Raises:
        SessionError: The file is not one of kincap's, is damaged or of another version.
    """
    path = folder / SUGGESTIONS_FILE
    try:
        kept = load_checked(read_small(path, MOST_BYTES))
        if kept.get("schema") != SCHEMA:
            raise SessionError(
                f"{path}: schema {str(kept.get('schema'))[:60]!r}, this kincap reads {SCHEMA!r}; "
                "upgrade kincap"
            )
        return tuple(map(_checked, kept["suggestions"]))
    except FileNotFoundError:
        return ()
    except OSError as err:
        raise SessionError(f"{path}: {err.strerror or err}") from err
    except (ValueError, KeyError, TypeError) as err:
        raise SessionError(
            f"{path}: damaged, or not written by kincap ({err}); move it away and run kincap audit "
            "again"
        ) from err


def _checked(one: dict[str, Any]) -> Suggestion:
    """Return a suggestion that was read, checked.

    Raises:
        KeyError, TypeError, ValueError: It is none.
    """
    found = Suggestion(**{**one, "keypoints": tuple(one["keypoints"])})
    numbers = (found.take, found.seq_first, found.seq_last, found.tracking_id)
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError("a number that is not a whole one")
    if found.seq_last < found.seq_first or type(found.score) is not float:
        raise ValueError("a range or score that is none")
    if found.kind not in KINDS or not all(name in KEYPOINT for name in found.keypoints):
        raise ValueError("a kind or keypoint that is unknown")
    if not all(isinstance(t, str) for t in (found.session, found.session_uuid, found.source)):
        raise TypeError("a text that is none")
    return found


def check_replaceable(folder: Path) -> None:
    """Refuse a session in which a new file of suggestions would replace what kincap did not make.

    Args:
        folder: The session's folder.

    Raises:
        SessionError: There is another file of that name.
    """
    load_suggestions(folder)


def save_suggestions(
    folder: Path, suggestions: tuple[Suggestion, ...], io: FileIO | None = None
) -> Path:
    """Write the suggestions of a session, in place of those of an earlier audit.

    Args:
        folder: The session's folder.
        suggestions: The highest score first.
        io: File handling.

    Returns:
        The file.

    Raises:
        SessionError: There is another file of that name (exit 2), or it can't be written (exit 1).
    """
    check_replaceable(folder)
    path = folder / SUGGESTIONS_FILE
    kept = {
        "schema": SCHEMA,
        "format_version": SUGGESTIONS_VERSION,
        "suggestions": [asdict(one) for one in suggestions],
    }
    try:
        (io or FileIO()).write_atomic(path, dump_checked(kept, lines=True))
    except OSError as err:
        raise SessionError(f"{path}: {err.strerror or err}", exit_code=1) from err
    return path
