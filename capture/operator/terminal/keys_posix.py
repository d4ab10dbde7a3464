"""Read single keys on Linux and macOS, by termios."""

import os
import select
import signal
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Final

from .screen import Screen

_LOOK_EVERY_S: Final = 0.1
_LOCAL_FLAGS: Final = 3
_CONTROL_CHARS: Final = 6
_FATAL: Final = ("SIGQUIT", "SIGALRM", "SIGUSR1", "SIGUSR2")
"""Signals that end a process, besides those that end a recording in order."""


@contextmanager
def read_keys(
    ended: threading.Event, on_typed: Callable[[str], object], screen: Screen
) -> Iterator[bool]:
    """Read keys in a thread until an event is set.

    Args:
        ended: Ends the thread.
        on_typed: Called with what each read gave.
        screen: Left and entered again together with the terminal's state.

    Yields:
        True if stdin is a terminal in whose foreground this process is.
    """
    terminal = _Terminal.of_stdin()
    if terminal is None:
        yield False
        return
    thread = threading.Thread(
        target=_read, args=(terminal, ended, on_typed, screen), name="kincap-keys", daemon=True
    )
    with _restored(terminal, screen):
        terminal.take()
        thread.start()
        yield True
        ended.set()


class _Terminal:
    """A terminal and its usual state."""

    def __init__(self, number: int, usual: list[Any]) -> None:
        self.number, self._usual = number, usual
        self._is_taken = False

    @classmethod
    def of_stdin(cls) -> "_Terminal | None":
        """Return the terminal that stdin is; None if it is none, or belongs to another job."""
        try:
            number = sys.stdin.fileno()
            terminal = cls(number, termios.tcgetattr(number))
        except (OSError, ValueError, AttributeError, termios.error):
            return None
        return terminal if terminal.is_ours() else None

    def is_ours(self) -> bool:
        """Return True if this process is in the terminal's foreground.

        A read, or a change of the state, from the background would stop the whole process.
        """
        try:
            return os.tcgetpgrp(self.number) == os.getpgrp()
        except OSError:
            return False

    def take(self) -> bool:
        """Let the terminal give single keys, unseen; Ctrl-C and Ctrl-Z act as before.

        Returns:
            True if it was done now.
        """
        if self._is_taken or not self.is_ours():
            return False
        state = [*self._usual[:_CONTROL_CHARS], list(self._usual[_CONTROL_CHARS])]
        state[_LOCAL_FLAGS] &= ~(termios.ICANON | termios.ECHO)
        state[_CONTROL_CHARS][termios.VMIN] = 1
        state[_CONTROL_CHARS][termios.VTIME] = 0
        with suppress(termios.error):
            termios.tcsetattr(self.number, termios.TCSANOW, state)
            self._is_taken = True
        return self._is_taken

    def give_back(self) -> None:
        """Put the usual state back."""
        if self._is_taken and self.is_ours():
            with suppress(termios.error):
                termios.tcsetattr(self.number, termios.TCSANOW, self._usual)
                self._is_taken = False


@contextmanager
def _restored(terminal: _Terminal, screen: Screen) -> Iterator[None]:
    """Give the terminal back at the end, at signals that end the process, and while it is stopped.

    The signals that end a recording come back as an end of this with statement.
    """

    def end(number: int, _frame: FrameType | None) -> None:
        screen.leave()
        terminal.give_back()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def stop(number: int, _frame: FrameType | None) -> None:
        screen.leave()
        terminal.give_back()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.signal(number, stop)
        if terminal.take():
            screen.enter()

    handlers: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        wanted: dict[int, Any] = {getattr(signal, name): end for name in _FATAL}
        wanted[signal.SIGTSTP] = stop
        # a read that comes just after the program went to the background fails instead of stopping
        wanted[signal.SIGTTIN] = signal.SIG_IGN
        for number, handler in wanted.items():
            if signal.getsignal(number) == signal.SIG_DFL:
                handlers[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        terminal.give_back()
        for number, before in handlers.items():
            signal.signal(number, before)


def _read(
    terminal: _Terminal,
    ended: threading.Event,
    on_typed: Callable[[str], object],
    screen: Screen,
) -> None:
    """Read until the event is set or the terminal is gone."""
    while not ended.is_set():
        if not terminal.is_ours():
            ended.wait(_LOOK_EVERY_S)
            continue
        if terminal.take():  # the program was in the background
            screen.enter()
        try:
            if not select.select([terminal.number], [], [], _LOOK_EVERY_S)[0] or ended.is_set():
                continue
            typed = os.read(terminal.number, 64)
        except (OSError, ValueError):
            ended.wait(_LOOK_EVERY_S)
            continue
        if not typed:
            return  # hung up
        on_typed(typed.decode(errors="replace"))
