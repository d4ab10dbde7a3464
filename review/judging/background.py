"""Sessions judged beside the page, each in a thread when its files have changed.

The checks read the whole session, so the page asks again until they are ready.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...core.errors import KincapError
from .session_judge import SessionJudge

PAUSE_S: Final = 4.0
"""Time between two checks of a session that is being recorded."""
MOST_JUDGED: Final = 6
"""Sessions kept; the one asked for longest ago is forgotten."""


@dataclass
class Judged:
    """A session as far as it is judged.

    Attributes:
        stamp: Of the files that were checked; None before the first check has ended.
        judge: The result; None before that, or where it can't be checked.
        problem: Why it can't be checked, or None.
        running: A thread checks it now.
        checked: When the last check ended, on the monotonic clock.
        ready: The result is that of the files as they are now.
    """

    stamp: object = None
    judge: SessionJudge | None = None
    problem: str | None = None
    running: bool = False
    checked: float = float("-inf")
    ready: bool = False


class JudgesInBackground:
    """The judges of sessions.

    Args:
        plain: Returns an error's line for the page.
    """

    def __init__(self, plain: Callable[[Exception], str]) -> None:
        self._plain = plain
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], Judged] = OrderedDict()

    def get(self, folder: Path, uuid: str, stamp: object, along: str) -> Judged:
        """Return a session as far as it is judged, and see to it that it will be.

        Args:
            folder: The session's folder.
            uuid: Its identity.
            stamp: Changes when its files do.
            along: The stream whose frames the page counts.
        """
        with self._lock:
            key = (folder.name, uuid)
            known = self._known.setdefault(key, Judged())
            self._known.move_to_end(key)
            while len(self._known) > MOST_JUDGED:
                self._known.popitem(last=False)
            known.ready = known.stamp == stamp
            due = time.monotonic() - known.checked > PAUSE_S
            if not known.ready and not known.running and due:
                known.running = True
                work = (known, folder, uuid, stamp, along)
                threading.Thread(target=self._check, args=work, name="judge", daemon=True).start()
            return known

    def _check(self, known: Judged, folder: Path, uuid: str, stamp: object, along: str) -> None:
        """Judge a session and keep the result."""
        judge, problem = None, "it can't be checked"
        try:
            judge = SessionJudge(folder, uuid, along)
        except (KincapError, OSError) as error:
            problem = self._plain(error)
        finally:
            with self._lock:
                known.stamp, known.judge, known.running = stamp, judge, False
                known.problem = None if judge else problem
                known.checked = time.monotonic()
