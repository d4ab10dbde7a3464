"""A real terminal for a process: a pty that is its controlling terminal, and the screen on it."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path


class Terminal:
    """One process on a pty of its own.

    Attributes:
        process: The process.
        output: All that it wrote on the terminal.
    """

    def __init__(
        self, command: list[str], cwd: Path, size: tuple[int, int] = (100, 30), **env: str
    ) -> None:
        self._master, self._slave = pty.openpty()
        self._is_open = True
        width, height = size
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.usual = self.state()
        self.output = ""
        self.process = subprocess.Popen(
            command, cwd=cwd, stdin=self._slave, stdout=self._slave, stderr=self._slave,
            preexec_fn=self._own, env={**os.environ, "TERM": "xterm-256color", **env},
        )  # fmt: skip

    def _own(self) -> None:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def state(self) -> list[object]:
        """Return the terminal's state, as termios gives it."""
        return termios.tcgetattr(self._slave)

    def is_restored(self) -> bool:
        """Return True if the terminal is as before, its cursor shown, on its usual screen."""
        self.read(0.1)
        for on, off in (("\x1b[?25l", "\x1b[?25h"), ("\x1b[?1049h", "\x1b[?1049l")):
            if self.output.rfind(on) > self.output.rfind(off):
                return False
        return self.state() == self.usual

    def type(self, keys: str) -> None:
        """Type some keys."""
        os.write(self._master, keys.encode())

    def read(self, seconds: float) -> None:
        """Read what the process writes, for some time."""
        until = time.monotonic() + seconds
        while True:
            left = max(0.0, until - time.monotonic())
            if not select.select([self._master], [], [], left)[0]:
                return
            with contextlib.suppress(OSError):
                self.output += os.read(self._master, 65536).decode(errors="replace")

    def wait_for(self, is_there: Callable[["Terminal"], bool] | str, limit_s: float = 60) -> None:
        """Read until a text or a condition is there."""
        until = time.monotonic() + limit_s
        while not (is_there in self.output if isinstance(is_there, str) else is_there(self)):
            assert time.monotonic() < until, self.output[-3000:]
            if self.process.poll() is not None and isinstance(is_there, str):
                self.read(0.2)
                assert is_there in self.output, self.output[-3000:]
                return
            self.read(0.05)

    def end(self, limit_s: float = 60) -> int:
        """Wait for the process, reading all that it writes; return its exit code."""
        until = time.monotonic() + limit_s
        while self.process.poll() is None:
            assert time.monotonic() < until, self.output[-3000:]
            self.read(0.05)
        self.read(0.1)
        return self.process.returncode

    def hang_up(self) -> None:
        """Close the terminal, as a window that is closed does."""
        os.close(self._slave)
        os.close(self._master)
        self._is_open = False

    def close(self) -> None:
        """End the process at once and close the terminal."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self._is_open:
            os.close(self._slave)
            os.close(self._master)


@contextlib.contextmanager
def on_terminal(
    command: list[str], cwd: Path, size: tuple[int, int] = (100, 30), **env: str
) -> Iterator[Terminal]:
    """Run a command on a terminal of its own."""
    terminal = Terminal(command, cwd, size, **env)
    try:
        yield terminal
    finally:
        terminal.close()


PYTHON = [sys.executable, "-c"]
KINCAP = [sys.executable, "-m", "kincap"]
