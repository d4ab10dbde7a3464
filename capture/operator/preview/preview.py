"""The preview: a window in a process of its own, which never slows or ends a recording."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from ...live.observers import Picture
from ...live.status import LiveStatus
from .preview_frame import frame_of
from .preview_window import CLOSED, NO_WINDOWS

_EVERY_S: Final = 0.1
_NICE: Final = 5
_WINDOW: Final = "kincap.capture.operator.preview.preview_window"
_ABORTED: Final = -6
"""OpenCV aborts the process where a display can't be used."""
_GOES_ON: Final = "recording goes on"


@contextmanager
def previewed(
    picture: Callable[[], Picture | None],
    status: Callable[[], LiveStatus],
    say: Callable[[str], None],
) -> Iterator[None]:
    """Show the newest pictures in a window; say in one line if that can't be.

    Args:
        picture: Returns the newest picture.
        status: Returns the newest status.
        say: Called with one line, from any thread.
    """
    missing = display_missing()
    if missing:
        say(f"preview: {missing}; {_GOES_ON}")
        yield
        return
    window = _Window(picture, status, say)
    try:
        yield
    finally:
        window.close()


def display_missing() -> str:
    """Return why there can be no window; "" if there may be one."""
    if sys.platform in ("win32", "darwin") or os.environ.get("DISPLAY"):
        return ""
    return "no display (DISPLAY is not set)"


class _Window:
    """The window's process and the thread that feeds it."""

    def __init__(
        self,
        picture: Callable[[], Picture | None],
        status: Callable[[], LiveStatus],
        say: Callable[[str], None],
    ) -> None:
        self._picture, self._status, self._say = picture, status, say
        self._ended = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="kincap-preview", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the window; what hangs in it is not waited for."""
        self._ended.set()
        if self._process is not None:
            # the thread may be waiting for it
            self._process.kill()
        self._thread.join(2.0)
        if self._process is not None:
            self._process.kill()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
            assert self._process.stdin is not None
            with suppress(OSError):
                self._process.stdin.close()

    def _run(self) -> None:
        try:
            self._process = self._start()
            self._feed(self._process)
        except OSError as error:
            if not self._ended.is_set():
                self._say(f"preview: {self._why(error)}; {_GOES_ON}")

    def _start(self) -> subprocess.Popen[bytes]:
        """Start the window's process, below the recorder in the queue for the processor."""
        return subprocess.Popen(
            [sys.executable, "-m", _WINDOW],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )

    def _feed(self, process: subprocess.Popen[bytes]) -> None:
        """Send the newest picture ten times a second; a slow window gets fewer."""
        assert process.stdin is not None
        if hasattr(os, "setpriority"):
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
        number = -1
        while not self._ended.wait(_EVERY_S):
            newest = self._picture()
            if newest is not None and newest.number != number:
                number = newest.number
                frame_of(newest, self._status()).write(process.stdin)
            if process.poll() is not None:
                raise BrokenPipeError

    def _why(self, error: OSError) -> str:
        """Return why there is no window any more."""
        if self._process is None:
            return f"its process can't be started ({error.strerror or error})"
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        code = self._process.returncode
        if code == CLOSED:
            return "its window was closed"
        if code == NO_WINDOWS:
            return "this OpenCV has no windows (opencv-python-headless?)"
        if code != _ABORTED:
            return f"its process ended (code {code})"
        # short: on a terminal of 80 columns the dashboard shows the whole line
        where = os.environ.get("DISPLAY", "the display")
        return f"its process ended (code {code}: no window on {where}?)"
