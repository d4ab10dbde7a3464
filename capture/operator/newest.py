"""The newest status of a recording, and its keys; imports no recorder: clients use it, too."""

from collections.abc import Callable
from typing import Protocol

from ..live.status import LiveStatus
from .terminal.display import Display
from .terminal.keys import Action
from .terminal.status_text import clock_text


class Steers(Protocol):
    """Steers a recording: of this process (``RecordingControl``) or of the daemon."""

    def start(self) -> None:
        """Begin to store, if the recording waits for it."""

    def stop(self) -> None:
        """End cleanly."""

    def pause(self) -> None:
        """Store nothing until ``resume``."""

    def resume(self) -> None:
        """Go on after a pause."""

    def retake(self) -> None:
        """Reject the present take and begin a new one."""

    def mark(self, text: str = "") -> None:
        """Store a mark."""


class Newest:
    """The newest status of a recording, and what a key does in it.

    Args:
        control: Steers the recording, here or in the daemon.
        complete: Adds to a status what the conductor does.
    """

    def __init__(
        self,
        control: Steers,
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
            self._say(f"mark at {at}")
        else:
            self._control.retake()
            self._say(f"take {status.take} rejected at {at}; nothing is erased, a new take begins")

    def _say(self, text: str) -> None:
        if self.display is not None:
            self.display.line(text)
