"""Signals that ask a process to end: Ctrl-C, SIGTERM, SIGHUP, and Ctrl-Break on Windows.

On Windows, SIGBREAK also arrives when the console is closed, at logoff and at shutdown.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

NAMES: Final = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


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
        yield
    finally:
        for number in wanted:
            signal.signal(number, before[number])
