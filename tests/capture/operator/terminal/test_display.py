"""The display: plain lines at their time, a bell at what matters, a terminal that may go away."""

import io
from dataclasses import replace

from kincap.capture.live.status import LiveStatus
from kincap.capture.operator.terminal.display import Bell, PlainDisplay, shown
from kincap.capture.operator.terminal.status_text import plain_line

from ..statuses import COUNTDOWN, DROPPING, GOOD, ON_CARD, PAUSED, READY_CARD, WAITING

ENDING = replace(GOOD, state="ending")


class Written:
    """A plain display on a clock that is moved by hand."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.now_s = 0.0
        self.display = PlainDisplay(self.lines.append, lambda status: status, lambda: self.now_s)

    def show(self, *statuses: LiveStatus, every_s: float = 0.5) -> list[str]:
        """Show statuses one after another; return the lines."""
        for status in statuses:
            self.now_s += every_s
            self.display.show(status)
        return self.lines


def test_a_line_comes_every_ten_seconds_and_none_at_begin_and_end() -> None:
    written = Written()
    assert written.show(*[GOOD] * 19) == []
    assert written.show(GOOD) == [plain_line(GOOD)]
    assert len(written.show(*[GOOD] * 40, ENDING)) == 3
    written.display.progress(10, 9000, "")
    assert written.show(*[GOOD] * 20)[-1] == f"{plain_line(GOOD)} of 9,000 frames"


def test_each_change_is_a_line() -> None:
    written = Written()
    lines = written.show(
        WAITING, WAITING, replace(WAITING, note="stay there: 2 s"),
        replace(WAITING, note="stay there: 1 s"), COUNTDOWN, replace(COUNTDOWN, note="2"),
        READY_CARD,
        ON_CARD, ON_CARD, READY_CARD, PAUSED, GOOD, ENDING,
    )  # fmt: skip
    assert lines == [
        "clothing3: waiting: step back",
        "clothing3: waiting: stay there: 2 s",
        "clothing3: starting: 3",
        "clothing3: recording",
        "clothing3: recording, cue zoom 1/2: Both hands closed: pull apart, push together",
        "clothing3: paused",
        "clothing3: recording",
    ]


def test_the_bell_rings_at_start_stop_and_once_for_a_trouble() -> None:
    rung: list[int] = []
    bell = Bell(lambda: rung.append(1))

    def after(*statuses: LiveStatus) -> int:
        rung.clear()
        for status in statuses:
            bell.hear(status)
        return len(rung)

    assert after(WAITING, COUNTDOWN) == 0
    assert after(GOOD, GOOD) == 1
    assert after(DROPPING, replace(DROPPING, dropped_share_10s=0.05)) == 1
    assert after(GOOD, DROPPING) == 1
    assert after(replace(DROPPING, low_light=True)) == 1
    assert after(PAUSED, PAUSED) == 1
    assert after(GOOD) == 1
    assert after(ENDING, ENDING) == 1
    bell.end()
    assert rung == [1]
    after(GOOD)
    bell.end()
    assert rung == [1, 1]


def test_where_there_is_no_terminal_lines_are_plain() -> None:
    lines: list[str] = []
    with shown(lines.append, stream=io.StringIO()) as display:
        assert isinstance(display, PlainDisplay)
        display.line("a warning")
    assert lines == ["a warning"]
