"""The consent of the people recorded: noted in session.json, looked up before an export.

The rest of this package is imported late: numpy comes with it, and a client of the daemon, which
asks for consent too, does without.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..core.errors import SessionError
from ..core.files.fault_injection import default_io
from ..core.files.file_io import FileIO
from ..core.files.small_files import MIB, read_small
from ..core.valid_text import valid_text

_SESSION_FILE: Final = "session.json"
_MOST_BYTES: Final = 16 * MIB
_NO_PERSON: Final = ("simulator", "trial")
"""Kinds of sources that show no real person."""


@dataclass(frozen=True)
class SessionConsent:
    """The consent to one session.

    Attributes:
        name: The session's name.
        folder: Its folder; None: it is not here.
        consent: What the person agreed to; "": nothing is noted.
    """

    name: str
    folder: Path | None
    consent: str


def consent_noted(recordings: Path, session: str) -> str:
    """Return the consent that a session has; "" where there is none, or no such session.

    Args:
        recordings: The folder of all sessions.
        session: Its name.
    """
    with suppress(OSError, ValueError, AttributeError):
        # a name that is not allowed is refused by whoever records
        kept = json.loads(read_small(recordings / Path(session).name / _SESSION_FILE, _MOST_BYTES))
        return str(kept.get("consent") or "")
    return ""


def earlier_consent(recordings: Path, subject: str) -> tuple[str, str]:
    """Return what a person has agreed to in an earlier session.

    Args:
        recordings: The folder of all sessions.
        subject: The person; "": not known.

    Returns:
        The latest session's name and text; two empty texts where there is none.
    """
    from .folders import find_folders, may_read
    from .session_file import load_session

    found = []
    for folder in find_folders(recordings) if subject else ():
        try:
            info = load_session(folder, strict=False) if may_read(folder) else None
        except SessionError:
            continue
        if info is not None and info.subject == subject and info.consent:
            found.append((info.created_utc, info.name, info.consent))
    return max(found)[1:] if found else ("", "")


def needs_consent(source: str) -> bool:
    """Return True if a source shows a real person.

    Args:
        source: As ``--source`` takes it, or its kind.
    """
    return source.partition(":")[0] not in _NO_PERSON


def note_consent(folder: Path, text: str, io: FileIO | None = None) -> None:
    """Note in session.json what the person agreed to; a text that is there is replaced.

    Args:
        folder: The session's folder.
        text: What the person agreed to; "" takes it back.
        io: File handling.

    Raises:
        SessionError: session.json is damaged.
        SessionLockedError: The session is being recorded.
    """
    from .lock import SessionLock
    from .session_file import load_session, save_session

    io = io or default_io()
    with SessionLock(folder, io).acquire(f"kincap sessions consent {folder.name}"):
        info = load_session(folder)
        info.consent = valid_text(text)
        save_session(folder, info, io)


def consent_to_sources(
    sources: Iterable[Mapping[str, Any]], recordings: Path
) -> list[SessionConsent]:
    """Return what is known of the consent to the sources of a data set.

    Args:
        sources: Each with ``session`` and ``uuid``; sets without a uuid are not asked about.
        recordings: Where the sessions may be.
    """
    from .session_file import load_session

    found = []
    for source in sources:
        name, uuid = str(source.get("session", "")), source.get("uuid")
        if not uuid:
            continue
        folder = recordings / name
        try:
            info = load_session(folder, strict=False)
        except SessionError:
            info = None
        if info is None or info.uuid != uuid:
            found.append(SessionConsent(name, None, ""))
        elif needs_consent(str(info.source.get("kind", ""))):
            found.append(SessionConsent(name, folder, info.consent))
    return found
