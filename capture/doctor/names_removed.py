"""Replace the names of people and places in texts: user, machine, paths, sessions, notes.

Every value gets one replacement, the same in all texts, so that a reader can still tell which
lines are about one session.
"""

import getpass
import json
import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ...core.errors import SessionError
from ...sessions.folders import find_folders, may_read
from ...sessions.info import SessionInfo
from ...sessions.session_file import load_session

_SHORTEST: Final = 2
_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_SESSIONS_IN_LOGS: Final = re.compile(
    r"(?:--session[ =]|session=|session |recordings[/\\]+|asked: (?:record|start) |recorded: "
    rf"|lost: |ended badly: )['\"]?({_NAME})"
)
"""Names of sessions in log lines: those that were deleted are known from there alone."""
_SOURCES_IN_LOGS: Final = re.compile(r"(?:asked: record \S+ from |began: )(\S+:\S+)")
_FOLDERS_IN_LOGS: Final = re.compile(r" into (\S.*)$", re.MULTILINE)
_KINDS_OF_PEOPLE: Final = ("mark", "cue")
"""Events and findings whose text a person wrote."""
_TEXT_OF_PEOPLE: Final = re.compile(
    r'("kind":\s*"(?:mark|cue)"(?:(?!"kind")[^}])*?"text":\s*")(?:[^"\\]|\\.)*'
)
"""Such a text in a damaged file."""
_USUAL_WORDS: Final = frozenset(("is", "of", "in", "has", "and", "the", "ended", "began", "was"))
_USUAL_FOLDERS: Final = frozenset(
    ("home", "users", "root", "tmp", "var", "data", "mnt", "media", "opt", "srv", "recordings",
     "documents", "desktop", "work", "kincap")
)  # fmt: skip


class NamesRemoved:
    """Replaces names in texts.

    Args:
        recordings: The folder of all sessions.
    """

    def __init__(self, recordings: Path) -> None:
        self._words: dict[str, str] = {}
        self._add(str(recordings.absolute()), "RECORDINGS")
        self._add(str(recordings.resolve()), "RECORDINGS")
        self._add(str(Path.cwd()), "FOLDER")
        with suppress(RuntimeError):
            home = Path.home()
            self._add(str(home), "HOME")
            self._add(home.name, "USER")
        # OSError: no such user in a container; KeyError before Python 3.13
        with suppress(OSError, KeyError, ImportError):
            self._add(getpass.getuser(), "USER")
        self._add(socket.gethostname(), "HOST")
        self._add(socket.gethostname().partition(".")[0], "HOST")
        for part in (*recordings.resolve().parts[1:], *Path.cwd().parts[1:]):
            if part.lower() not in _USUAL_FOLDERS:
                self._add_numbered(part, "folder")
        for number, folder in enumerate(find_folders(recordings), start=1):
            self._add(folder.name, f"session-{number}")
            with suppress(SessionError):
                if may_read(folder):
                    self._add_session(load_session(folder, strict=False), number)

    def _add_session(self, info: SessionInfo, number: int) -> None:
        """Add all that session.json says in words of people."""
        self._add(info.name, f"session-{number}")
        self._add(info.uuid, f"uuid-{number}")
        for value, kind in ((info.subject, "subject"), (info.outfit, "outfit"),
                            (info.device.id or "", "device")):  # fmt: skip
            self._add_numbered(value, kind)
        for text in (info.note, info.consent, *info.note.splitlines(), *info.consent.splitlines()):
            self._add(text, "NOTE")
        for tag in info.tags:
            self._add_numbered(tag, "tag")
        self._add(str(info.source.get("uri", "")), f"source-{number}")
        for take in info.takes:
            self._add(str(take.get("source", "")), f"source-{number}")

    def add_from_log(self, text: str) -> None:
        """Add the names of sessions that a log speaks of."""
        for name in dict.fromkeys(_SESSIONS_IN_LOGS.findall(text)):
            if name.lower() not in _USUAL_WORDS:
                self._add_numbered(name.rstrip("."), "session-gone")
        for source in dict.fromkeys(_SOURCES_IN_LOGS.findall(text)):
            self._add_numbered(source, "source-gone")
        for folder in dict.fromkeys(_FOLDERS_IN_LOGS.findall(text)):
            self._add_numbered(folder, "folder")

    def _add_numbered(self, value: str, kind: str) -> None:
        """Add a value of a kind, numbered in the order met."""
        count = len({word for word in self._words.values() if word.startswith(f"{kind}-")})
        self._add(value, f"{kind}-{count + 1}")

    def _add(self, value: str, replacement: str) -> None:
        """Add a value, once; single letters and short numbers are left alone."""
        value = value.strip()
        if len(value) >= _SHORTEST and not (value.isdecimal() and len(value) < 4):
            self._words.setdefault(value, replacement)

    def clean(self, text: str) -> str:
        """Return a text with every name replaced, however it is escaped."""
        spelled: dict[str, str] = {}
        for value, replacement in self._words.items():
            for form in _forms(value):
                spelled.setdefault(form.lower(), replacement)
        inside = "|".join(map(re.escape, sorted(spelled, key=len, reverse=True)))
        pattern = re.compile(rf"(?<![^\W_])(?:{inside})(?![^\W_])", re.IGNORECASE)
        return pattern.sub(lambda found: spelled.get(found[0].lower(), "NAME"), text)


def without_texts(quality: str) -> str:
    """Return quality.json without the texts of marks and cues, which are words of people."""
    try:
        return json.dumps(_without_texts(json.loads(quality)), indent=1, ensure_ascii=False) + "\n"
    except (ValueError, RecursionError):
        return _TEXT_OF_PEOPLE.sub(r"\1NOTE", quality)


def _without_texts(value: Any) -> Any:
    """Return a JSON value without the texts of marks and cues."""
    if isinstance(value, list):
        return [_without_texts(item) for item in value]
    if not isinstance(value, dict):
        return value
    cleaned = {key: _without_texts(item) for key, item in value.items()}
    if cleaned.get("kind") in _KINDS_OF_PEOPLE and cleaned.get("text"):
        cleaned["text"] = "NOTE"
    return cleaned


def _forms(value: str) -> Iterable[str]:
    """Return a value as texts, JSON and Windows paths spell it."""
    plain = {value, value.replace("\\", "/"), value.replace("/", "\\")}
    escaped = {
        json.dumps(one, ensure_ascii=ascii_)[1:-1] for one in plain for ascii_ in (False, True)
    }
    return (
        plain | escaped | {repr(value)[1:-1]} | {one.replace("\\\\", "\\\\\\\\") for one in escaped}
    )
