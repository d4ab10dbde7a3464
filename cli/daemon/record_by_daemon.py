"""``kincap record`` where a daemon runs: the same output and exit code, without the recorder."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

from ...capture.daemon.connection import DaemonConnection
from ...capture.daemon.discovery import find_daemon
from ...capture.daemon.remote import Outcome, RemoteControl
from ...capture.daemon.remote import record_by_daemon as run
from ...capture.operator.newest import Newest
from ...capture.operator.terminal.display import Display, shown
from ...capture.operator.terminal.keys import Action, keys_pressed
from ...core.errors import KincapError
from ...report.line import Line
from ..console import say
from ..session_commands.consent import ask_for_recording, warn_of_recording

EXIT_INTERRUPTED = 130


def recorded_by_daemon(
    asked: Mapping[str, Any],
    show: Callable[[Mapping[str, Any], Sequence[Line]], None],
    *,
    preview: bool = False,
) -> bool:
    """Record through the daemon.

    Args:
        asked: What to record; what the person did not give is None.
        show: Prints the result, an object as of ``--json``, and the lines of the report.
        preview: A picture was asked for: the daemon's page shows it.

    Returns:
        False if no daemon runs.

    Raises:
        KincapError: The daemon refused, the recording ended badly, or the daemon is gone.
        KeyboardInterrupt: Stopped at once.
    """
    found = find_daemon()
    if found is None:
        return False
    if preview:
        say(f"--preview: the daemon's page shows the picture: {found.page}")
    consent = ask_for_recording(
        asked["consent"],
        recordings=Path(found.recordings),
        session=asked["session"],
        subject=asked["subject"],
        source=found.source,
    )
    asked = {**asked, "consent": consent}
    connection = DaemonConnection(found)
    newest = Newest(RemoteControl(connection))
    with ExitStack() as stack:
        display = stack.enter_context(shown(say, duration_s=asked["duration_s"]))
        newest.display = display
        act = _acting(newest, display)
        display.has_keys = stack.enter_context(keys_pressed(act, display))
        done = run(
            connection,
            asked,
            on_progress=display.progress,
            on_warning=display.line,
            on_status=newest.show,
        )
    if done.result is not None:
        show(done.result, done.lines)
    if done.exit_code:
        _fail(done)
    warn_of_recording(Path(found.recordings), asked["session"], found.source)
    return True


def _acting(newest: Newest, display: Display) -> Callable[[Action], None]:
    """Return what a key does; where the daemon refuses it, a line says so."""

    def act(action: Action) -> None:
        try:
            newest.act(action)
        except KincapError as error:
            display.line(str(error))

    return act


def _fail(done: Outcome) -> NoReturn:
    """End with the error and the exit code of a recording."""
    if done.exit_code == EXIT_INTERRUPTED:
        raise KeyboardInterrupt
    raise KincapError(done.error or "the recording failed", exit_code=done.exit_code)
