"""Keys of a running recording, read from the terminal: they work over SSH and need no display.

The terminal gives each key at once and does not show it. Its usual state is back afterwards: after
an error, at each signal that ends or stops a process, and while the program is in the background.
"""

import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal

from .screen import NoScreen, Screen

Action = Literal["pause", "mark", "retake", "stop"]

KEYS: Final[dict[str, Action]] = {" ": "pause", "m": "mark", "r": "retake", "q": "stop"}
"""Each key and what it does; space pauses and goes on."""

KEYS_HELP: Final = "space pause   m mark   r retake   q stop"

_CODES: Final = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|O.|.)?")
"""Codes of arrows, function keys, and keys together with Alt."""


def actions_of(typed: str) -> list[Action]:
    """Return the actions of some typed characters, without the codes of arrows and other keys.

    Args:
        typed: What one read from a terminal gave.
    """
    return [KEYS[char] for char in _CODES.sub("", typed).lower() if char in KEYS]


@contextmanager
def keys_pressed(
    on_action: Callable[[Action], None], screen: Screen | None = None
) -> Iterator[bool]:
    """Call a function with each key's action, from a thread of its own.

    Args:
        on_action: Must be quick; may be called from another thread.
        screen: What is drawn on the terminal: left while the process is stopped, and at its end.

    Yields:
        True if keys are read; False if stdin is not a terminal, or one that another program uses.
    """
    if sys.platform == "win32":
        from .keys_windows import read_keys
    else:
        from .keys_posix import read_keys

    ended = threading.Event()

    def on_typed(typed: str) -> None:
        for action in actions_of(typed):
            on_action(action)

    with read_keys(ended, on_typed, screen or NoScreen()) as on:
        try:
            yield on
        finally:
            ended.set()
