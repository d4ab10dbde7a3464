"""Show a recording while it runs: the dashboard on a terminal, plain lines elsewhere."""

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, Protocol, TextIO

from ....core.valid_text import visible
from ...live.status import LiveStatus
from .status_text import STATE_WORDS, plain_line, troubles

if TYPE_CHECKING:
    from rich.console import Console
    from rich.screen import Screen as RichScreen

PLAIN_LINE_EVERY_S: Final = 10.0
_DRAW_EVERY_S: Final = 0.2
_LINES_KEPT: Final = 1000
_ENTER: Final = "\x1b[?1049h\x1b[?25l"
_LEAVE: Final = "\x1b[?25h\x1b[?1049l"
_BELL: Final = "\a"


class Display(Protocol):
    """Shows a recording; any thread may call it.

    Attributes:
        has_keys: Keys are read.
    """

    has_keys: bool

    def show(self, status: LiveStatus) -> None:
        """Show the newest status."""

    def progress(self, done: int, total: int | None, note: str) -> None:
        """Show how much is done."""

    def line(self, text: str) -> None:
        """Show a line for the person."""

    def enter(self) -> None:
        """Draw it again after ``leave``."""

    def leave(self) -> None:
        """Leave the terminal as it was."""


class Bell:
    """Rings a terminal's bell when a recording starts, stops, or gets into trouble."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._is_on = False
        self._troubles: set[str] = set()

    def hear(self, status: LiveStatus) -> None:
        """Ring if something changed; the same trouble rings once until it is over."""
        is_on = status.state == "recording"
        kinds = {_kind(trouble) for trouble in troubles(status)} if is_on else self._troubles
        if is_on != self._is_on or kinds - self._troubles:
            self._ring()
        self._is_on, self._troubles = is_on, kinds

    def end(self) -> None:
        """Ring if it was recording until now."""
        if self._is_on:
            self._ring()
        self._is_on = False


def _kind(trouble: str) -> str:
    """Return a trouble without its figures, which change all the time."""
    return "".join(char for char in trouble if not char.isdigit())


class PlainDisplay:
    """A line every ten seconds and one at each change, for logs and pipes.

    Args:
        write: Prints one line.
        complete: Adds to a status what the conductor does.
        now_s: Seconds of any clock.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        complete: Callable[[LiveStatus], LiveStatus],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write, self._complete, self._now_s = write, complete, now_s
        self.has_keys = False
        self._last_s = now_s()
        self._last_change: tuple[str, str, str] | None = None
        self._total: int | None = None

    def show(self, status: LiveStatus) -> None:
        """Print a line if it is time for one, or if the state or the card has changed."""
        status = self._complete(status)
        change = _change(status)
        # the begin of a recording that does not wait needs no line of its own
        before = self._last_change or ("recording", "", "")
        # nor is the end of a card, after which the next one is announced
        is_end = change[0] == before[0] == "recording" and not change[2]
        if change != before and not is_end and status.state != "ending":
            self._write(_change_line(status))
        self._last_change = change
        if self._now_s() - self._last_s >= PLAIN_LINE_EVERY_S:
            self._last_s = self._now_s()
            goal = f" of {self._total:,} frames" if self._total else ""
            self._write(plain_line(status) + goal)

    def progress(self, done: int, total: int | None, note: str) -> None:
        """Keep how much there is to do."""
        self._total = total

    def line(self, text: str) -> None:
        """Print a line."""
        self._write(text)

    def enter(self) -> None:
        """Do nothing."""

    def leave(self) -> None:
        """Do nothing."""


def _change(status: LiveStatus) -> tuple[str, str, str]:
    """Return what is worth a line when it changes."""
    card = status.card
    shown = "" if card is None or card["phase"] != "on" else f"{card['name']} {card['repetition']}"
    note = status.note.partition(":")[0] if status.state == "waiting" else ""
    return status.state, note, shown


def _change_line(status: LiveStatus) -> str:
    """Return one line about a change."""
    card = status.card
    words = STATE_WORDS[status.state]
    if status.state in ("waiting", "countdown"):
        return f"{status.session}: {words}: {status.note}".rstrip(": ")
    if card is not None and card["phase"] == "on":
        turn = f" {card['repetition']}/{card['repetitions']}" if card["repetitions"] > 1 else ""
        return f"{status.session}: {words}, cue {card['name']}{turn}: {card['text']}".rstrip(": ")
    return f"{status.session}: {words}"


class TerminalDisplay:
    """The dashboard on the whole screen of a terminal, drawn by a thread of its own.

    Args:
        console: rich's console of the terminal.
        complete: Adds to a status what the conductor does.
        duration_s: Seconds that are to be recorded.
    """

    def __init__(
        self,
        console: "Console",
        complete: Callable[[LiveStatus], LiveStatus],
        duration_s: float | None,
    ) -> None:
        self._console, self._complete, self._duration_s = console, complete, duration_s
        self.has_keys = False
        self.lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self._status = LiveStatus(state="waiting", note="opening the source")
        self._total: int | None = None
        self._bell = Bell(lambda: self._raw(_BELL))
        self._is_shown = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kincap-display", daemon=True)

    def start(self) -> None:
        """Take the screen."""
        self.enter()
        self._thread.start()

    def stop(self) -> None:
        """Give the screen back."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(2.0)
        self.leave()
        self._bell.end()

    def show(self, status: LiveStatus) -> None:
        """Keep the newest status; the thread draws it."""
        self._status = status

    def progress(self, done: int, total: int | None, note: str) -> None:
        """Keep how many frames there will be."""
        self._total = total

    def line(self, text: str) -> None:
        """Show a line among the last ones."""
        self.lines.append(visible(text))

    def enter(self) -> None:
        """Switch to a screen of its own, without a cursor."""
        if not self._is_shown:
            self._raw(_ENTER)
            self._is_shown = True

    def leave(self) -> None:
        """Switch back; the cursor is there again. Safe in a signal handler."""
        if self._is_shown:
            self._is_shown = False
            self._raw(_LEAVE)

    def _raw(self, codes: str) -> None:
        with suppress(OSError, ValueError):
            os.write(self._console.file.fileno(), codes.encode())

    def _run(self) -> None:
        while not self._ended.wait(_DRAW_EVERY_S):
            # a terminal that was closed refuses every write; the recording goes on
            with suppress(OSError, ValueError):
                self._draw()

    def _draw(self) -> None:
        status = self._complete(self._status)
        self._bell.hear(status)
        if not self._is_shown:
            return
        from .dashboard import Look, dashboard

        width, height = self._console.size
        look = Look(
            width=width,
            height=height,
            ascii_only=not can_draw_blocks(self._console.encoding),
            has_keys=self.has_keys,
            lines=tuple(self.lines)[-3:],
            frames=self._total,
            duration_s=self._duration_s,
        )
        drawn = _screen(dashboard(status, look))
        with self._console.capture() as capture:
            self._console.print(drawn, end="")
        self._raw("\x1b[H" + capture.get().replace("\n", "\r\n"))


def _screen(content: object) -> "RichScreen":
    from rich.screen import Screen
    from rich.text import Text

    assert isinstance(content, Text)
    return Screen(content)


def can_draw_blocks(encoding: str) -> bool:
    """Return True if an encoding has block characters."""
    try:
        "█▀▄░●".encode(encoding)
    except (LookupError, UnicodeEncodeError):
        return False
    return True


@contextmanager
def shown(
    say: Callable[[str], None],
    complete: Callable[[LiveStatus], LiveStatus] = lambda status: status,
    *,
    stream: TextIO | None = None,
    duration_s: float | None = None,
) -> Iterator[Display]:
    """Show a recording on a terminal, or in plain lines where there is none.

    Args:
        say: Prints one line; after the dashboard, the lines shown on it.
        complete: Adds to a status what the conductor does.
        stream: Where to draw; None: stderr.
        duration_s: Seconds that are to be recorded.
    """
    stream = stream or sys.stderr
    console = _console(stream)
    if console is None:
        yield PlainDisplay(say, complete)
        return
    display = TerminalDisplay(console, complete, duration_s)
    display.start()
    try:
        yield display
    finally:
        display.stop()
        # a terminal that was closed refuses every line
        with suppress(OSError):
            for text in display.lines:
                say(text)


def _console(stream: TextIO) -> "Console | None":
    """Return the console of a terminal that can be drawn on."""
    if not stream.isatty():
        return None
    from rich.console import Console

    console = Console(file=stream)
    if console.is_dumb_terminal or console.legacy_windows or not console.is_terminal:
        return None
    return console
