"""End a recording: the first request drains and seals, the second one stops at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..core.stop_signals import on_stop_signals


class Stop:
    """A request to end a recording, cleanly or at once; any thread may make it."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._aborted = threading.Event()

    def ask(self) -> None:
        """Ask for a clean end: items handed over are stored, shards are sealed."""
        self._asked.set()

    def abort(self) -> None:
        """Ask to stop now; the disk stays as after a kill."""
        self._aborted.set()
        self._asked.set()

    def is_asked(self) -> bool:
        """Return True if the source has to end."""
        return self._asked.is_set()

    def is_aborted(self) -> bool:
        """Return True if nothing is to be waited for any more."""
        return self._aborted.is_set()


@contextmanager
def stop_on_signals(stop: Stop) -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and SIGHUP end the recording: the first cleanly, the second at once.

    Python allows handlers only in the main thread; elsewhere this does nothing. Signals that the
    process ignores (nohup) stay ignored.
    """

    def handle() -> None:
        if stop.is_asked():
            stop.abort()
        else:
            stop.ask()

    with on_stop_signals(handle):
        yield
