"""One recording that the daemon makes, as the clients that follow it see it."""

import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from ...core.units import SECOND_NS
from ..live.control import RecordingControl
from ..live.status import LiveStatus, State
from ..operator.conductor import Conductor, HandsFree
from ..operator.coverage_coach import CoverageCoach
from ..settings import RecordSettings
from ..sources.sensor import SensorInfo

MOST_LINES: Final = 1000
"""Lines of a recording that are kept for clients; the log has all of them."""

FOLLOWED_S: Final = 3.0
"""A client that has asked within this time follows."""


class Job:
    """A recording: what was asked, what it says, and in the end its outcome. Any thread may ask.

    Args:
        number: Counts the daemon's recordings, from 1.
        settings: What to record.
        hands_free: What starts, guides and ends it.

    Attributes:
        number: As given.
        settings: As given.
        control: Steers it.
        conductor: Starts, guides and ends it; an observer.
        coach: Measures the coverage; an observer.
        asked_ns: Host time of the request, ns.
        first_stored_s: Seconds from the request until the first colour frame was stored.
    """

    def __init__(self, number: int, settings: RecordSettings, hands_free: HandsFree) -> None:
        self.number, self.settings = number, settings
        self.control = RecordingControl(waiting=hands_free.waits)
        self.conductor, self.coach = Conductor(hands_free, self.control), CoverageCoach()
        self.asked_ns = time.perf_counter_ns()
        self.first_stored_s: float | None = None
        self._changed = threading.Condition()
        self._lines: list[str] = []
        self._progress: tuple[int, int | None, str] = (0, None, "")
        state: State = "waiting" if hands_free.waits else "recording"
        self._status = LiveStatus(state=state, session=settings.session)
        self._version = 0
        self._outcome: dict[str, Any] | None = None
        self._followed_s = float("-inf")
        self._is_taken = False

    @property
    def status(self) -> LiveStatus:
        """The newest status."""
        return self._status

    @property
    def outcome(self) -> dict[str, Any] | None:
        """The outcome: exit_code, error, result, lines; None while it runs."""
        return self._outcome

    def learn(self, info: SensorInfo) -> None:
        """Learn about the source.

        Raises:
            SensorError: It does not fit to what was asked.
        """
        self.conductor.begin(info)
        self.coach.begin(info)

    def note_stored(self) -> None:
        """Note that a colour frame is stored."""
        if self.first_stored_s is None:
            self.first_stored_s = (time.perf_counter_ns() - self.asked_ns) / SECOND_NS

    def say(self, text: str) -> None:
        """Add a line for the person."""
        with self._changed:
            if len(self._lines) < MOST_LINES:
                self._lines.append(text)
            self._notify()

    def set_progress(self, done: int, total: int | None, note: str) -> None:
        """Set the progress."""
        with self._changed:
            self._progress = (done, total, note)
            self._notify()

    def set_status(self, status: LiveStatus) -> None:
        """Set the status, with countdown, cue card and coverage."""
        status = self.coach.complete(self.conductor.complete(status))
        with self._changed:
            self._status = status
            self._notify()

    def finish(self, outcome: Mapping[str, Any]) -> None:
        """Set the outcome."""
        with self._changed:
            self._outcome = dict(outcome)
            self._notify()

    def follow(self, lines_seen: int, version_seen: int, wait_s: float) -> dict[str, Any]:
        """Return what is new, as soon as there is something.

        Args:
            lines_seen: Number of lines that the client has.
            version_seen: The version that it saw last, -1 for none.
            wait_s: Time after which it is answered in any case.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._version > version_seen, wait_s)
            self._followed_s = time.monotonic()
            self._is_taken = self._is_taken or self._outcome is not None
            self._changed.notify_all()
            return {
                "recording": self.number,
                "version": self._version,
                "lines": self._lines[lines_seen:],
                "progress": list(self._progress),
                "live": self._status.to_json(),
                "outcome": self._outcome,
            }

    def wait_for_clients(self, most_s: float) -> None:
        """Wait until a client that follows has taken the outcome; not at all if there is none."""
        if time.monotonic() - self._followed_s < FOLLOWED_S:
            with self._changed:
                self._changed.wait_for(lambda: self._is_taken, most_s)

    def _notify(self) -> None:
        self._version += 1
        self._changed.notify_all()
