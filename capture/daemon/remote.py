"""Record through the daemon: what ``kincap record`` does where one runs.

Ctrl-C ends the recording as it would alone. A client that is killed changes nothing: the daemon
goes on, and ``kincap daemon status`` shows it.
"""

import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...core.errors import KincapError
from ...core.stop_signals import on_stop_signals
from ...report.line import Line
from ..live.status import LiveStatus
from .connection import DaemonConnection, DaemonGoneError


@dataclass(frozen=True)
class Outcome:
    """The result of a recording that the daemon made.

    Attributes:
        result: As ``kincap record --json`` prints it; None: nothing was recorded.
        lines: The report.
        error: Why it ended badly; None: it ended well.
        exit_code: Of the command.
    """

    result: dict[str, Any] | None
    lines: list[Line]
    error: str | None
    exit_code: int


class RemoteControl:
    """Steers the daemon's recording as ``RecordingControl`` steers one of this process.

    Args:
        connection: To the daemon.
    """

    def __init__(self, connection: DaemonConnection) -> None:
        self._connection = connection

    def start(self) -> None:
        """Begin to store, if the recording waits for it."""
        self._connection.post("/api/start")

    def stop(self) -> None:
        """End cleanly after the present frame."""
        self._connection.post("/api/stop")

    def abort(self) -> None:
        """Stop at once; the disk stays as after a kill."""
        self._connection.post("/api/stop", {"at_once": True})

    def pause(self) -> None:
        """Store nothing until ``resume``."""
        self._connection.post("/api/pause")

    def resume(self) -> None:
        """Go on after a pause, with a new take."""
        self._connection.post("/api/resume")

    def retake(self) -> None:
        """Reject the present take and begin a new one; nothing is erased."""
        self._connection.post("/api/retake")

    def mark(self, text: str = "") -> None:
        """Store an event that names the next colour frame."""
        self._connection.post("/api/mark", {"text": text})

    def cue(
        self, name: str, phase: str, *, text: str = "", repetition: int = 0, seconds: float = 0.0
    ) -> None:
        """Store and show what the person is asked to do."""
        body = {"name": name, "phase": phase, "text": text, "repetition": repetition}
        self._connection.post("/api/cue", {**body, "seconds": seconds})


def record_by_daemon(
    connection: DaemonConnection,
    asked: Mapping[str, Any],
    *,
    on_progress: Callable[[int, int | None, str], None],
    on_warning: Callable[[str], None],
    on_status: Callable[[LiveStatus], None] | None = None,
) -> Outcome:
    """Record through the daemon until a limit, the source's end, Ctrl-C or a request of another.

    Args:
        connection: To the daemon.
        asked: What to record (``asked.settings_asked``).
        on_progress: Called with colour frames stored, their number in all if known, and a note.
        on_warning: Called with each line for the person.
        on_status: Called with the status, about twice a second.

    Raises:
        KincapError: The daemon refused, or does not answer any more.
    """
    asks = _Asks(connection)
    with on_stop_signals(asks.ask):
        number = int(connection.post("/api/record", asked)["recording"])
        asks.begin()
        return _follow(connection, number, on_progress, on_warning, on_status)


class _Asks:
    """Ctrl-C: the first one ends the recording cleanly, the second one at once."""

    def __init__(self, connection: DaemonConnection) -> None:
        self._control = RemoteControl(connection)
        self._asked, self._has_begun = 0, False

    def begin(self) -> None:
        """Pass on what was asked before the recording began."""
        self._has_begun = True
        if self._asked:
            self._pass_on()

    def ask(self) -> None:
        """Take a signal; called in the main thread, in the middle of anything."""
        self._asked += 1
        if self._has_begun:
            # the main thread may be waiting for an answer; it goes on with that
            threading.Thread(target=self._pass_on, daemon=True).start()

    def _pass_on(self) -> None:
        # a recording that has ended meanwhile needs no stop; a daemon that is gone shows elsewhere
        with contextlib.suppress(KincapError):
            if self._asked > 1:
                self._control.abort()
            else:
                self._control.stop()


def _follow(
    connection: DaemonConnection,
    number: int,
    on_progress: Callable[[int, int | None, str], None],
    on_warning: Callable[[str], None],
    on_status: Callable[[LiveStatus], None] | None,
) -> Outcome:
    """Show a recording until it ends."""
    lines, version = 0, -1
    while True:
        try:
            news = connection.get(f"/api/recordings/{number}?lines={lines}&version={version}")
        except DaemonGoneError as error:
            raise DaemonGoneError(
                f"the daemon (process {connection.daemon.pid}) ended during the recording; what "
                "it had stored is kept: kincap daemon start, or a record into the same session, "
                "seals it"
            ) from error
        for line in news["lines"]:
            on_warning(line)
        lines, version = lines + len(news["lines"]), int(news["version"])
        on_progress(*news["progress"])
        if on_status is not None:
            on_status(_status(news["live"]))
        if news["outcome"] is not None:
            return _outcome(news["outcome"])


def _status(said: Mapping[str, Any]) -> LiveStatus:
    return LiveStatus(**{key: value for key, value in said.items() if key != "schema"})


def _outcome(said: Mapping[str, Any]) -> Outcome:
    return Outcome(
        result=said["result"],
        lines=[Line(*fields) for fields in said["lines"]],
        error=said["error"],
        exit_code=int(said["exit_code"]),
    )
