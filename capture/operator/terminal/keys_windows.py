"""Read single keys on Windows, by msvcrt. Written from its documentation, not tried there."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from .screen import Screen

_LOOK_EVERY_S: Final = 0.05
_SPECIAL: Final = ("\x00", "\xe0")
"""The first of the two characters of an arrow or a function key."""


@contextmanager
def read_keys(
    ended: threading.Event, on_typed: Callable[[str], object], _screen: Screen
) -> Iterator[bool]:
    """Read keys in a thread until an event is set; the console's state is not changed.

    Args:
        ended: Ends the thread.
        on_typed: Called with each key.

    Yields:
        True if stdin is a console.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        yield False
        return
    threading.Thread(target=_read, args=(ended, on_typed), name="kincap-keys", daemon=True).start()
    yield True


def _read(ended: threading.Event, on_typed: Callable[[str], object]) -> None:
    """Look for keys until the event is set."""
    import msvcrt

    console = vars(msvcrt)  # its functions exist on Windows only
    while not ended.wait(_LOOK_EVERY_S):
        while console["kbhit"]():
            key = console["getwch"]()
            if key in _SPECIAL:
                console["getwch"]()
            else:
                on_typed(key)
