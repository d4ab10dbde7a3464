"""Signals that ask a process to end: Ctrl-C, SIGTERM, SIGHUP, and Ctrl-Break on Windows.

On Windows, closing the console, logging off and shutting down are asked for in another way: the
system calls a function in a thread of its own and ends the process when that returns, or after 5 s.
"""

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

NAMES: Final = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
CONSOLE_CLOSES: Final = (2, 5, 6)
"""CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT."""
CLOSE_MAY_TAKE_S: Final = 4.5
"""Windows ends the process 5 s after it has said that the console closes."""


@contextmanager
def on_stop_signals(handle: Callable[[], None]) -> Iterator[None]:
    """Call a function in the main thread whenever the process is asked to end.

    Python allows handlers only in the main thread; elsewhere this does nothing. Signals that the
    process ignores (nohup) stay ignored.

    Args:
        handle: Called for each signal. The earlier handlers are back after the with statement.
    """

    def call(_number: int, _frame: FrameType | None) -> None:
        handle()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    wanted = [number for number in numbers if before[number] is not signal.SIG_IGN]
    for number in wanted:
        signal.signal(number, call)
    try:
        with _before_the_console_closes():
            yield
    finally:
        for number in wanted:
            signal.signal(number, before[number])


def console_handler(ask: Callable[[], None], is_done: threading.Event) -> Callable[[int], bool]:
    """Return what Windows calls in a thread of its own when the console closes.

    Args:
        ask: Asks the main thread to end.
        is_done: Set when it has ended.
    """

    def handle(event: int) -> bool:
        if event not in CONSOLE_CLOSES:
            return False  # Ctrl-C and Ctrl-Break arrive as signals
        ask()
        # the process is ended as soon as this returns
        is_done.wait(CLOSE_MAY_TAKE_S)
        return True

    return handle


@contextmanager
def _before_the_console_closes() -> Iterator[None]:
    """Ask the main thread to end when the console closes, and give it time; not tried."""
    if sys.platform != "win32":
        yield
        return
    import ctypes

    is_done = threading.Event()
    handle = console_handler(lambda: signal.raise_signal(signal.SIGBREAK), is_done)
    # kept in a variable: Windows calls it by its address
    called = ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_uint)(handle)
    kernel32 = ctypes.windll.kernel32
    is_set = bool(kernel32.SetConsoleCtrlHandler(called, True))
    try:
        yield
    finally:
        is_done.set()
        if is_set:
            with contextlib.suppress(OSError):
                kernel32.SetConsoleCtrlHandler(called, False)
