"""Record with an operator in front: dashboard, keys, triggers, cue cards, preview window."""

from collections.abc import Callable
from contextlib import ExitStack

from ..live.control import RecordingControl
from ..live.observers import LatestPicture
from ..live.status import LiveStatus
from ..record import record
from ..record_result import RecordResult
from ..settings import RecordSettings
from ..sources.sensor import SensorInfo
from .conductor import Conductor, HandsFree
from .coverage_coach import CoverageCoach
from .preview.preview import previewed
from .terminal.display import Display, shown
from .terminal.keys import Action, keys_pressed
from .terminal.status_text import clock_text


class Newest:
    """The newest status of a recording, and what a key does in it.

    Args:
        control: Steers the recording, here or in the daemon.
        complete: Adds to a status what the conductor does.
    """

    def __init__(
        self,
        control: RecordingControl,
        complete: Callable[[LiveStatus], LiveStatus] = lambda status: status,
    ) -> None:
        self._control, self._complete = control, complete
        self._status = LiveStatus(state="waiting")
        self.display: Display | None = None

    def show(self, status: LiveStatus) -> None:
        """Keep the newest status and show it."""
        self._status = status
        if self.display is not None:
            self.display.show(status)

    def get(self) -> LiveStatus:
        """Return the newest status."""
        return self._complete(self._status)

    def act(self, action: Action) -> None:
        """Do what a key is for; any thread may call it."""
        status = self._status
        at = clock_text(status.elapsed_s)
        if action == "stop":
            self._control.stop()
        elif status.state == "waiting":
            # there is nothing yet to mark or to take again
            if action == "pause":
                self._control.start()
        elif action == "pause":
            if status.state == "paused":
                self._control.resume()
            else:
                self._control.pause()
        elif action == "mark":
            self._control.mark()
            self._say(f"mark at {at}")
        else:
            self._control.retake()
            self._say(f"take {status.take} rejected at {at}; nothing is erased, a new take begins")

    def _say(self, text: str) -> None:
        if self.display is not None:
            self.display.line(text)


def operate(
    settings: RecordSettings,
    hands_free: HandsFree,
    say: Callable[[str], None],
    *,
    preview: bool = False,
) -> RecordResult:
    """Record with dashboard or plain lines on stderr, keys from stdin, and what is hands-free.

    Args:
        settings: What to record.
        hands_free: What starts and stops it, and which cards are shown.
        say: Prints one line for the person.
        preview: Open a window with the picture.

    Raises:
        KincapError: As ``record``; or a value of ``hands_free`` makes no sense (exit 2).
        KeyboardInterrupt: As ``record``.
    """
    hands_free.check()
    control = RecordingControl(waiting=hands_free.waits)
    conductor, coach = Conductor(hands_free, control), CoverageCoach()

    def complete(status: LiveStatus) -> LiveStatus:
        return coach.complete(conductor.complete(status))

    def begin(info: SensorInfo) -> None:
        conductor.begin(info)
        coach.begin(info)

    newest = Newest(control, complete)
    picture = LatestPicture() if preview else None
    with ExitStack() as stack:
        display = stack.enter_context(shown(say, complete, duration_s=settings.duration_s))
        newest.display = display
        display.has_keys = stack.enter_context(keys_pressed(newest.act, display))
        if picture is not None:
            stack.enter_context(previewed(picture.get, newest.get, display.line))
        done = record(
            settings,
            on_progress=display.progress,
            on_warning=display.line,
            on_status=newest.show,
            on_source=begin,
            control=control,
            observers=(conductor, coach),
            picture=picture,
        )
    if conductor.ended_by:
        say(f"ended: {conductor.ended_by}")
    return done
