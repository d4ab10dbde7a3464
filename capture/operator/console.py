"""The operator's console: a recording shown on the terminal and steered by keys.

It is the same for a recording of this process and for one of the daemon.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from ..live.status import LiveStatus
from .terminal.display import Display, shown
from .terminal.keys import Action, keys_pressed
from .terminal.status_text import clock_text


class Steered(Protocol):
    """The part of ``RecordingControl`` that keys need; the daemon's client has it, too."""

    def start(self) -> None:
        """Begin to store."""

    def stop(self) -> None:
        """End cleanly."""

    def pause(self) -> None:
        """Store nothing until ``resume``."""

    def resume(self) -> None:
        """Go on."""

    def mark(self, text: str = "") -> None:
        """Mark the next frame."""

    def retake(self) -> None:
        """Reject the present take and begin a new one."""


class OperatorConsole:
    """A recording on the operator's terminal: its newest status, and the actions of keys on it.

    Args:
        control: Steers the recording.
        display: Shows it.
        complete: Adds to a status what the conductor does.
    """

    def __init__(
        self,
        control: Steered,
        display: Display,
        complete: Callable[[LiveStatus], LiveStatus],
    ) -> None:
        self._control, self._complete, self.display = control, complete, display
        self._status = LiveStatus(state="waiting")

    def show(self, status: LiveStatus) -> None:
        """Keep the newest status and show it."""
        self._status = status
        self.display.show(status)

    def get(self) -> LiveStatus:
        """Return the newest status."""
        return self._complete(self._status)

    def act(self, action: Action) -> None:
        """Do the action of a key; any thread may call it."""
        status = self._status
        at = clock_text(status.elapsed_s)
        if action == "stop":
            self._control.stop()
        elif status.state in ("waiting", "countdown"):
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
            self.display.line(f"mark at {at}")
        else:
            self._control.retake()
            self.display.line(
                f"take {status.take} rejected at {at}; nothing is erased, a new take begins"
            )


@contextmanager
def operator_console(
    control: Steered,
    say: Callable[[str], None],
    complete: Callable[[LiveStatus], LiveStatus] = lambda status: status,
    *,
    duration_s: float | None = None,
) -> Iterator[OperatorConsole]:
    """Show a recording on stderr and steer it by keys from stdin, wherever it runs.

    Args:
        control: Steers it.
        say: Prints one line for the person.
        complete: Adds to a status what the conductor does; a daemon does that itself.
        duration_s: Seconds that are to be recorded.
    """
    with shown(say, complete, duration_s=duration_s) as display:
        console = OperatorConsole(control, display, complete)
        with keys_pressed(console.act, display) as has_keys:
            display.has_keys = has_keys
            yield console
