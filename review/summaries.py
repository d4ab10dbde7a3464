"""The lines of the session list, read beside each other: a slow session never holds up the others.

A folder on a dead network disk can keep a thread waiting for ever. So each line is read in a thread
of its own, which is left alone when it takes too long; the list then says that this session is
still being read.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

PATIENCE_S: Final = 2.0
"""Time that the list waits for the lines of all sessions."""

AT_ONCE: Final = 4
"""Sessions read at the same time."""

Line = dict[str, Any]


class Summaries:
    """The lines of sessions, as of the last look.

    Args:
        read: Returns the line of a session by name; called in threads.
        patience_s: Time that ``get`` waits.
    """

    def __init__(self, read: Callable[[str], Line], patience_s: float = PATIENCE_S) -> None:
        self._read, self._patience_s = read, patience_s
        self._changed = threading.Condition()
        self._lines: dict[str, Line] = {}
        self._running: set[str] = set()

    def get(self, names: Sequence[str]) -> dict[str, Line | None]:
        """Read the lines of sessions.

        Args:
            names: The sessions.

        Returns:
            The line of each; the last known one, or None, where it is still being read.
        """
        waiting = deque(names)
        done: set[str] = set()
        for _ in range(min(AT_ONCE, len(names))):
            threading.Thread(
                target=self._work, args=(waiting, done), name="session list", daemon=True
            ).start()
        end = time.monotonic() + self._patience_s
        with self._changed:
            self._changed.wait_for(
                lambda: done.issuperset(names), timeout=max(0.0, end - time.monotonic())
            )
            for gone in self._lines.keys() - set(names):
                del self._lines[gone]
            return {name: self._lines.get(name) for name in names}

    def _work(self, waiting: deque[str], done: set[str]) -> None:
        """Read one session after the other, but for those that another thread reads."""
        while True:
            with self._changed:
                if not waiting:
                    return
                name = waiting.popleft()
                if name in self._running:
                    continue
                self._running.add(name)
            try:
                line = self._read(name)
            finally:
                with self._changed:
                    self._running.discard(name)
            with self._changed:
                self._lines[name] = line
                done.add(name)
                self._changed.notify_all()
