"""The sessions of the page's server: opened on demand, a few at a time, always current."""

import shlex
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from ..checks.coverage.grid import CoverageGrid
from ..core.errors import KincapError, SessionError
from ..core.files.file_io import FileIO
from ..dataset.labels.label_settings import LabelSettings
from ..report.coverage_picture import draw_coverage
from ..report.guard_rails import folder_alarms
from ..report.quality import load_quality
from ..report.quality import report as make_report
from ..sessions.edits.journal import Edits, add_edits, redo_edit, undo_edit
from ..sessions.edits.operations import Operation
from ..sessions.folders import SESSION_FILE, check_session_name, find_sessions
from ..sessions.repair.verify import SessionReport, verify_session
from ..sessions.summary import DAMAGED
from .columns import pack_columns
from .context import Context
from .errors import BusyError, NotHereError, ReplacedError
from .judging.background import Judged, JudgesInBackground
from .judging.frame_facts import FrameFacts
from .judging.query import parse_query
from .judging.suspects import find_suspects
from .judging.words import about_frame
from .list_line import bare_line, read_line
from .open_session import OpenSession
from .pictures.range_video import range_video
from .stamps import list_stamp, quality_stamp, recording_stamp, session_marks
from .summaries import Summaries

DEFAULT_FOLDER: Final = Path("recordings")
"""The folder of every command where none is given."""

MOST_OPEN: Final = 6
"""Sessions kept open; the one looked at longest ago is closed for the next."""

LOCK_WAIT_S: Final = 5.0
"""Time that a request waits for another one that reads the same session."""

GIVE_WAY_S: Final = 0.0005
"""Pause of whoever reads long: without it the lock would be taken again at once."""

READING: Final = "reading"
"""State of a session whose line in the list is not there yet."""


class _Place:
    """A session's place among the open ones.

    Attributes:
        lock: Held by the thread that reads the session; opening it counts as reading.
        session: The open session; None before the first look.
        closed: No longer among the open ones.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.session: OpenSession | None = None
        self.closed = False

    def current(self, name: str, folder: Path, uuid: str | None) -> OpenSession:
        """Return the session that has this name now, open; the lock is held.

        Raises:
            ReplacedError: It is not the one with this uuid.
        """
        if self.session is not None and self.session.is_replaced():
            self.session.close()
            self.session = None
        if self.session is None:
            self.session = OpenSession(name, folder)
        if uuid is not None and uuid != self.session.uuid:
            raise ReplacedError(name)
        return self.session

    def close_if_unused(self) -> None:
        """Close the session; while a thread reads it, that thread does so afterwards."""
        if self.closed and self.lock.acquire(blocking=False):
            try:
                if self.session is not None:
                    self.session.close()
                    self.session = None
            finally:
                self.lock.release()


class SessionList:
    """All sessions of a folder.

    Args:
        recordings: The folder; it need not exist yet.
        io: File handling of what is written.
        context: What other files say about the sessions.
    """

    def __init__(
        self, recordings: Path, io: FileIO | None = None, context: Context | None = None
    ) -> None:
        self.recordings, self._io = recordings, io
        self.context = context or Context()
        # held for moments only: no file is touched under it
        self._lock = threading.Lock()
        self._places: OrderedDict[str, _Place] = OrderedDict()
        self._known: dict[str, tuple[object, dict[str, Any]]] = {}
        self._summaries = Summaries(self._line)
        self._verified: dict[str, tuple[object, bool]] = {}
        self._alike: tuple[object, list[dict[str, object]]] | None = None
        self._judges = JudgesInBackground(self.plain)

    def report(self) -> dict[str, Any]:
        """Return what the list of sessions shows, newest first."""
        names = find_sessions(self.recordings) if self.recordings.is_dir() else []
        lines = self._summaries.get(names)
        found = [lines[name] or bare_line(name, READING, None) for name in names]
        found.sort(key=lambda session: (session["created_utc"], session["name"]), reverse=True)
        return {
            "schema": "kincap/review-sessions/1",
            "folder": str(self.recordings.absolute()),
            "option": self._option(),
            "sessions": [{**line, "verified": self._verified_state(line)} for line in found],
            "alike": self._alarms(found),
            "total": {
                "sessions": len(found),
                "frames": sum(line["frames"] for line in found),
                "kept": sum(line["frames"] - line["rejected"] for line in found),
                "bytes": sum(line["bytes"] for line in found),
            },
        }

    def _verified_state(self, line: Mapping[str, Any]) -> str:
        """Return "undamaged" or "damaged" where verify has looked at these very files, else ""."""
        known = self._verified.get(line["name"])
        if known is None:
            return ""
        try:
            same = known[0] == recording_stamp(self.recordings / line["name"])
        except OSError:
            same = False
        return ("undamaged" if known[1] else "damaged") if same else ""

    def _alarms(self, lines: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
        """Return warnings about sessions that contradict each other; read when a file changed."""
        stamp = [quality_stamp(self.recordings / line["name"]) for line in lines]
        if self._alike is None or self._alike[0] != stamp:
            try:
                found = [alarm.to_json() for alarm in folder_alarms(self.recordings)]
            except (KincapError, OSError):
                found = []
            self._alike = stamp, found
        return self._alike[1]

    def _option(self) -> str:
        """Return what a command needs so that it works on this folder, as it would be typed."""
        if self.recordings == DEFAULT_FOLDER:
            return ""
        return f" --recordings {shlex.quote(str(self.recordings))}"

    def _line(self, name: str) -> dict[str, Any]:
        """Return a session's line in the list; it is made anew only when a file of it changed."""
        try:
            folder = self.recordings / check_session_name(name)
            stamp = list_stamp(folder)
            known = self._known.get(name)
            if known is None or known[0] is None or known[0] != stamp:
                self._known[name] = known = (stamp, read_line(folder, self.without_folder))
            return known[1]
        except (KincapError, OSError) as error:
            return bare_line(name, DAMAGED, self.plain(error))

    def plain(self, error: Exception) -> str:
        """Return an error's line without the folder that all of them begin with."""
        if isinstance(error, OSError):
            return error.strerror or str(error)
        return self.without_folder(str(error))

    def without_folder(self, text: str) -> str:
        """Return a text without the folder that all of its paths begin with."""
        return text.replace(f"{self.recordings}/", "")

    @contextmanager
    def _open(self, name: str, uuid: str | None) -> Iterator[OpenSession]:
        """Give one session to one thread; another thread that wants the same one waits.

        Raises:
            NotHereError: There is no such session.
            ReplacedError: It is not the one with this uuid.
            BusyError: Another thread has been reading it for long.
            KincapError: It can't be read.
        """
        folder = self._folder(name)
        while True:
            place = self._place(name)
            if not place.lock.acquire(timeout=LOCK_WAIT_S):
                raise BusyError(f"{name}: still being read; try again")
            try:
                # closed while we waited: it was the one looked at longest ago, or was deleted
                if place.closed:
                    continue
                yield place.current(name, folder, uuid)
                return
            except FileNotFoundError as error:
                if (folder / SESSION_FILE).is_file():
                    raise
                self._forget(name)
                raise NotHereError(f"{name}: no such session") from error
            finally:
                place.lock.release()
                place.close_if_unused()

    def _folder(self, name: str) -> Path:
        """Return a session's folder.

        Raises:
            NotHereError: There is none.
        """
        try:
            folder = self.recordings / check_session_name(name)
        except SessionError as error:
            raise NotHereError("not a session's name") from error
        if not (folder / SESSION_FILE).is_file():
            self._forget(name)
            raise NotHereError(f"{name}: no such session")
        return folder

    def _place(self, name: str) -> _Place:
        """Return a session's place, which becomes the latest one looked at."""
        closing: list[_Place] = []
        with self._lock:
            place = self._places.pop(name, None) or _Place()
            self._places[name] = place
            while len(self._places) > MOST_OPEN:
                closing.append(self._places.popitem(last=False)[1])
        _close(closing)
        return place

    def _forget(self, name: str) -> None:
        """Close a session that no longer exists."""
        with self._lock:
            place = self._places.pop(name, None)
        _close([place] if place is not None else [])

    def detail(self, name: str, uuid: str | None = None) -> dict[str, Any]:
        """Return all about one session but its frames."""
        with self._open(name, uuid) as session:
            session.refresh()
            return {
                **self._line(name),
                **session.detail(),
                "data": self.context.data,
                "predictions": self.context.predictions,
                "predicted": self.context.poses_in(session.uuid),
            }

    def timeline(self, name: str, first: int, uuid: str | None = None, axis: bool = False) -> bytes:
        """Return a row for each colour frame from a seq on, see ``OpenSession.timeline``."""
        if not axis:
            self._read_bodies(name, uuid)
        with self._open(name, uuid) as session:
            return session.timeline(first, axis)

    def bodies(self, name: str, first: int, uuid: str | None = None) -> bytes:
        """Return the people in the piece of colour frames that begins at a seq."""
        self._read_bodies(name, uuid)
        with self._open(name, uuid) as session:
            return session.people(first)

    def _read_bodies(self, name: str, uuid: str | None) -> None:
        """Read the bodies of a session, which may be long; its pictures are sent meanwhile."""
        while True:
            with self._open(name, uuid) as session:
                if not session.read_more_bodies():
                    return
            time.sleep(GIVE_WAY_S)

    def frame(self, name: str, seq: int, uuid: str | None = None) -> bytes:
        """Return a colour frame's JPEG bytes as stored."""
        with self._open(name, uuid) as session:
            return session.frame(seq)

    def thumbnail(self, name: str, uuid: str | None = None) -> bytes:
        """Return a small JPEG of the session."""
        with self._open(name, uuid) as session:
            return session.thumbnail()

    def findings(self, name: str, uuid: str | None = None) -> dict[str, Any]:
        """Return what the checks found, as far as it is known."""
        identity, judged = self._judged(name, uuid)
        judge = judged.judge
        return {
            "schema": "kincap/review-findings/1",
            "uuid": identity,
            "ready": judged.ready,
            "findings": [asdict(one) for one in judge.findings] if judge else [],
            "left_out": judge.left_out if judge else 0,
            "problem": judged.problem,
        }

    def _judged(self, name: str, uuid: str | None) -> tuple[str, Judged]:
        """Return the identity of a session, and it as far as it is judged."""
        with self._open(name, uuid) as session:
            folder, identity, along = session.folder, session.uuid, session.along.name
        return identity, self._judges.get(folder, identity, recording_stamp(folder), along)

    def _facts(self, name: str, uuid: str | None) -> tuple[FrameFacts | None, Judged]:
        """Return what is known about each frame, with the decisions as they are now."""
        _, judged = self._judged(name, uuid)
        if judged.judge is None:
            return None, judged
        with self._open(name, uuid) as session:
            return session.facts(judged.judge, self.context), judged

    def lanes(self, name: str, first: int, last: int, bins: int, uuid: str | None = None) -> bytes:
        """Return the lanes of a range of frames, the worst of each bin, as packed columns."""
        facts, judged = self._facts(name, uuid)
        if facts is None:
            return pack_columns(
                {}, schema="kincap/review-lanes/1", ready=judged.ready, problem=judged.problem,
                frames=0, lanes=[], cues=[], reasons=[],
            )  # fmt: skip
        with self._open(name, uuid) as session:
            table = session.lanes(facts)
        return table.pack(first, last, bins, judged.ready)

    def suspects(
        self, name: str, query: str, limit: int, order: str, group: bool, uuid: str | None = None
    ) -> dict[str, Any]:
        """Return the frames that match a query, the worst first."""
        parse_query(query)
        facts, judged = self._facts(name, uuid)
        found: dict[str, Any] = {"total": 0, "runs": 0, "hits": [], "counts": {}}
        if facts is not None:
            found = find_suspects(facts, query, limit, order, group)
        about = {"ready": judged.ready, "problem": judged.problem}
        return {"schema": "kincap/review-suspects/1", "query": query, **about, **found}

    def about(self, name: str, seq: int, uuid: str | None = None) -> dict[str, Any]:
        """Return everything known about a frame, in words."""
        facts, judged = self._facts(name, uuid)
        found = None if facts is None else about_frame(facts, seq)
        if facts is not None and found is None:
            raise NotHereError(f"{name}: no frame {seq} is stored")
        return {"schema": "kincap/review-frame/1", "ready": judged.ready, **(found or {"seq": seq})}

    def keep(self, name: str, settings: LabelSettings, uuid: str | None = None) -> dict[str, Any]:
        """Return what build would keep of a session."""
        _, judged = self._judged(name, uuid)
        if judged.judge is None:
            about = {"ready": judged.ready, "problem": judged.problem, "kept": None}
            return {"schema": "kincap/review-keep/1", **about}
        with self._open(name, uuid) as session:
            edits = session.decided()
        found = judged.judge.keep(edits, settings)
        about = {"ready": judged.ready, "problem": None}
        return {"schema": "kincap/review-keep/1", **about, **found}

    def predictions(self, name: str, first: int, uuid: str | None = None) -> bytes:
        """Return what files of predictions say in the piece of frames that begins at a seq."""
        with self._open(name, uuid) as session:
            return session.predictions(first, self.context)

    def preview(self, name: str, seq: int, uuid: str | None = None) -> bytes:
        """Return a small JPEG of a frame."""
        with self._open(name, uuid) as session:
            return session.preview(seq)

    def quality(self, name: str, uuid: str | None = None) -> dict[str, Any]:
        """Return the report of a session.

        Raises:
            NotHereError: It has none.
        """
        with self._open(name, uuid) as session:
            found = load_quality(session.folder)
        if found is None:
            raise NotHereError(f"{name}: no report; kincap sessions report {name} makes it")
        return found

    def coverage(self, name: str, uuid: str | None = None) -> bytes:
        """Return a PNG of where wrists and elbows have been.

        Raises:
            NotHereError: It has no report.
        """
        kept = self.quality(name, uuid).get("coverage")
        try:
            grid = CoverageGrid.from_json(kept or {})
        except (KeyError, TypeError, ValueError) as error:
            again = f"kincap sessions report {name} makes it again"
            raise NotHereError(f"{name}: its report lacks the coverage; {again}") from error
        with tempfile.TemporaryDirectory(prefix="kincap-coverage-") as folder:
            path = Path(folder) / "coverage.png"
            draw_coverage(grid, name, path)
            return path.read_bytes()

    def masks(self, name: str, seq: int, uuid: str | None = None) -> dict[str, Any]:
        """Return the outlines of the bodies in a frame."""
        with self._open(name, uuid) as session:
            return session.masks(seq)

    def video(self, name: str, uuid: str, first: int, last: int) -> bytes:
        """Return an MP4 of a range; other requests are answered while it is made."""
        with self._open(name, uuid) as session:
            folder, frames = session.folder, session.labelled_frames(first, last)
        return range_video(folder, frames)

    def verify(self, name: str, uuid: str) -> SessionReport:
        """Check every byte of a session; the list shows the answer while its files are these."""
        with self._open(name, uuid) as session:
            folder = session.folder
        stamp = recording_stamp(folder)
        found = verify_session(folder)
        self._verified[name] = stamp, found.ok
        return found

    def make_report(self, name: str, uuid: str) -> tuple[str, str | None]:
        """Make the report of a session; return its verdict, and what went wrong or None."""
        with self._open(name, uuid):
            pass  # it is still that session
        quality, problem = make_report(self.recordings, name)
        return str(quality["verdict"]), problem

    def edits(self, name: str, uuid: str | None = None) -> dict[str, Any]:
        """Return the decisions in force."""
        with self._open(name, uuid) as session:
            return session.edits()

    def edit(self, name: str, uuid: str, operations: Sequence[Operation]) -> dict[str, Any]:
        """Store decisions, which one undo takes back together, and return all in force."""
        with self._open(name, uuid) as session:
            session.refresh()
            adding = session.operations(operations)
            return self._decide(session, lambda: add_edits(session.folder, adding, self._io, uuid))

    def undo(self, name: str, uuid: str) -> dict[str, Any]:
        """Take the last decision back and return all that are in force."""
        with self._open(name, uuid) as session:
            return self._decide(session, lambda: undo_edit(session.folder, self._io, uuid))

    def redo(self, name: str, uuid: str) -> dict[str, Any]:
        """Make the decision again that was taken back, and return all that are in force."""
        with self._open(name, uuid) as session:
            return self._decide(session, lambda: redo_edit(session.folder, self._io, uuid))

    def _decide(self, session: OpenSession, change: Callable[[], Edits]) -> dict[str, Any]:
        """Change the decisions of a session that may be deleted meanwhile."""
        try:
            change()
            return session.edits()
        except (KincapError, OSError) as error:
            if not (session.folder / SESSION_FILE).is_file():
                raise NotHereError(f"{session.name}: no such session") from error
            if session.is_replaced():
                raise ReplacedError(session.name) from error
            raise

    def marks(self) -> dict[str, dict[str, str]]:
        """Return what changes of each session, see ``session_marks``."""
        return session_marks(self.recordings)

    def close(self) -> None:
        """Close every session; one that a thread still reads is closed by that thread."""
        with self._lock:
            places = list(self._places.values())
            self._places.clear()
        _close(places)


def _close(places: list[_Place]) -> None:
    for place in places:
        place.closed = True
        place.close_if_unused()
