"""The sessions as the review server holds them: opened on demand, few at a time, always current."""

import shlex
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ..core.errors import KincapError, SessionError
from ..sessions.edits import EDITS_FILE, Decision, add_edit, redo_edit, undo_edit
from ..sessions.folders import SESSION_FILE, check_session_name, find_sessions, session_folder
from .open_session import Book, NotHereError, recording_stamp

DEFAULT_FOLDER: Final = Path("recordings")
"""What every command takes where nothing is said."""

BOOKS_OPEN: Final = 6
"""Sessions kept open; the one looked at longest ago is closed for the next."""


class Shelf:
    """All sessions of a folder.

    Args:
        recordings: The folder; it need not exist yet.
    """

    def __init__(self, recordings: Path) -> None:
        self.recordings = recordings
        self._lock = threading.Lock()
        self._books: OrderedDict[str, Book] = OrderedDict()
        self._summaries: dict[str, tuple[object, dict[str, Any]]] = {}

    def report(self) -> dict[str, Any]:
        """Return what the list of sessions shows, newest first."""
        names = find_sessions(self.recordings) if self.recordings.is_dir() else []
        found = [self._summary(name) for name in names]
        found.sort(key=lambda session: (session["created_utc"], session["name"]), reverse=True)
        return {
            "schema": "kincap/review-sessions/1",
            "folder": str(self.recordings.absolute()),
            "option": self._option(),
            "sessions": found,
        }

    def _option(self) -> str:
        """Return what a command needs so that it works on this folder, as it would be typed."""
        if self.recordings == DEFAULT_FOLDER:
            return ""
        return f" --recordings {shlex.quote(str(self.recordings))}"

    def _summary(self, name: str) -> dict[str, Any]:
        """Return a session's line in the list; it is made anew only when a file of it changed."""
        folder = session_folder(self.recordings, name)
        try:
            stamp = recording_stamp(folder), _edits_stamp(folder)
            known = self._summaries.get(name)
            if known is None or known[0] != stamp:
                with self._open(name) as book:
                    book.refresh()
                    self._summaries[name] = known = (stamp, book.summary())
            return known[1]
        except (KincapError, OSError) as error:
            return _unreadable(name, folder, self.plain(error))

    def plain(self, error: Exception) -> str:
        """Return an error's line without the folder that all of them begin with."""
        text = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        return text.replace(f"{self.recordings}/", "")

    @contextmanager
    def _open(self, name: str) -> Iterator[Book]:
        """Give one session to one thread; another thread that wants the same one waits."""
        try:
            check_session_name(name)
        except SessionError as error:
            raise NotHereError("not a session's name") from error
        folder = session_folder(self.recordings, name)
        if not (folder / SESSION_FILE).is_file():
            self._forget(name)
            raise NotHereError(f"{name}: no such session")
        while True:
            with self._lock:
                book = self._books.pop(name, None) or Book(name, folder)
                self._books[name] = book
                closing = self._books.popitem(last=False)[1] if self._too_many() else None
            if closing is not None:
                closing.close()
            with book.lock:
                # closed while we waited: it was the one looked at longest ago, or was replaced
                if not book.closed:
                    yield book
                    return

    def _too_many(self) -> bool:
        return len(self._books) > BOOKS_OPEN

    def _forget(self, name: str) -> None:
        """Close a session that is no longer there."""
        with self._lock:
            book = self._books.pop(name, None)
        if book is not None:
            book.close()

    def detail(self, name: str) -> dict[str, Any]:
        """Return all about one session but its frames."""
        with self._open(name) as book:
            book.refresh()
            return book.detail()

    def timeline(self, name: str, first: int) -> bytes:
        """Return a row for each colour frame from a seq on, as packed columns."""
        with self._open(name) as book:
            return book.timeline(first)

    def bodies(self, name: str, first: int) -> bytes:
        """Return the people in the piece of colour frames that begins at a seq."""
        with self._open(name) as book:
            return book.people(first)

    def frame(self, name: str, seq: int) -> bytes:
        """Return a colour frame's JPEG bytes as stored."""
        with self._open(name) as book:
            return book.frame(seq)

    def thumbnail(self, name: str) -> bytes:
        """Return a small JPEG of the session."""
        with self._open(name) as book:
            return book.thumbnail()

    def edit(self, name: str, op: Decision, first: int, last: int, note: str) -> dict[str, Any]:
        """Store a decision and return what stands now."""
        with self._open(name) as book:
            return book.edits(add_edit(book.folder, op, first, last, note))

    def undo(self, name: str) -> dict[str, Any]:
        """Take the last decision back and return what stands now."""
        with self._open(name) as book:
            return book.edits(undo_edit(book.folder))

    def redo(self, name: str) -> dict[str, Any]:
        """Make the decision again that was taken back, and return what stands now."""
        with self._open(name) as book:
            return book.edits(redo_edit(book.folder))

    def close(self) -> None:
        """Close every session."""
        with self._lock:
            books = list(self._books.values())
            self._books.clear()
        for book in books:
            book.close()


def _edits_stamp(folder: Path) -> object:
    """Return something that changes with the decisions."""
    try:
        status = (folder / EDITS_FILE).stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_ino


def _unreadable(name: str, folder: Path, problem: str) -> dict[str, Any]:
    size = sum(path.stat().st_size for path in folder.glob("*") if path.is_file())
    return {
        "name": name, "state": "damaged", "problem": problem, "frames": 0,
        "duration_s": 0.0, "bytes": size, "subject": "", "outfit": "", "note": "", "tags": [],
        "created_utc": "", "rejected": 0,
    }  # fmt: skip
