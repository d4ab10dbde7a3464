"""Record with an operator in front: dashboard, keys, triggers, cue cards, preview window."""

from collections.abc import Callable
from contextlib import ExitStack, suppress

from ..live.control import RecordingControl
from ..live.observers import LatestPicture
from ..live.status import LiveStatus
from ..record import record
from ..record_result import RecordResult
from ..settings import RecordSettings
from ..sources.sensor import SensorInfo
from .conductor import Conductor, HandsFree
from .coverage_coach import CoverageCoach
from .newest import Newest
from .preview.preview import previewed
from .terminal.display import shown
from .terminal.keys import keys_pressed


def operate(
    settings: RecordSettings,
    hands_free: HandsFree,
    say: Callable[[str], None],
    *,
    preview: bool = False,
    on_notice: Callable[[str], None] | None = None,
) -> RecordResult:
    """Record with dashboard or plain lines on stderr, keys from stdin, and what is hands-free.

    Args:
        settings: What to record.
        hands_free: What starts and stops it, and which cards are shown.
        say: Prints one line for the person.
        preview: Open a window with the picture.
        on_notice: Called with each line about the recording, for a log.

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

    def warn(text: str) -> None:
        if on_notice is not None:
            on_notice(text)
        display.line(text)

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
            on_warning=warn,
            on_status=newest.show,
            on_source=begin,
            control=control,
            observers=(conductor, coach),
            picture=picture,
        )
    if conductor.ended_by:
        with suppress(OSError):
            say(f"ended: {conductor.ended_by}")
    return done
