"""The dashboard: every figure is on it, it fits any terminal, and trouble shows without colour."""

from dataclasses import replace

import pytest
from rich.console import Console

from kincap.capture.live.status import LiveStatus
from kincap.capture.operator.terminal.block_letters import block_letters
from kincap.capture.operator.terminal.dashboard import Look, dashboard
from kincap.capture.operator.terminal.status_text import clock_text, figures, plain_line, troubles

from ..statuses import CARD, COUNTDOWN, DROPPING, GOOD, ON_CARD, PAUSED, READY_CARD, WAITING

ALL = (GOOD, DROPPING, WAITING, COUNTDOWN, PAUSED, ON_CARD, READY_CARD, LiveStatus())


def text(status: LiveStatus, look: Look = Look()) -> str:  # noqa: B008 - it is frozen
    """Return the dashboard as plain text."""
    return dashboard(status, look).plain


def has_large(words: str, drawn: str) -> bool:
    """Return True if words are on a drawing in large letters of some size."""
    lines = [line.strip() for line in drawn.splitlines()]
    for width in range(20, 200, 2):
        letters = [line.strip() for line in block_letters(words, width, 20)]
        for at in range(len(lines)) if letters else ():
            if lines[at : at + len(letters)] == letters:
                return True
    return False


def test_every_figure_is_shown() -> None:
    drawn = text(replace(GOOD, coverage="left hand above the shoulder: 2 % of frames"))
    for part in (
        "RECORDING  1:23  clothing3", "30.0 fps, 2,490 stored", "29.9 fps, 2,488 stored",
        "1 tracked", "91 % tracked, 8 % inferred", "7.4 ms apart", "dropped    0",
        "light      good",
        "312 min left", "coverage   left hand above the shoulder: 2 % of frames",
        "space pause   m mark   r retake   q stop",
    ):  # fmt: skip
        assert part in drawn, part
    assert "TROUBLE" not in drawn
    assert has_large("1:23", drawn)


def test_drops_are_shown_by_reason_and_more_than_a_percent_is_trouble() -> None:
    drawn = text(DROPPING)
    assert "84 (3 ring full, 81 writer), 3.1 % in 10 s" in drawn
    assert "TROUBLE: 3.1 % dropped in 10 s" in drawn
    assert "take 1" in drawn
    few = replace(DROPPING, dropped_share_10s=0.01)
    assert "TROUBLE" not in text(few)
    styles = {str(span.style) for span in dashboard(DROPPING, Look()).spans}
    assert {"bold white on red", "bold red"} <= styles
    assert "bold red" not in {str(span.style) for span in dashboard(few, Look()).spans}


@pytest.mark.parametrize(
    ("change", "trouble"),
    [
        ({"disk_minutes_left": 4.2}, "disk full in 4 min"),
        ({"low_light": True}, "low light"),
        ({"color_fps": 0.0}, "no colour"),
        ({"color_fps": 0.0, "elapsed_s": 1.0}, ""),
        ({"color_fps": 0.0, "color_frames": 0}, ""),
        ({"body_fps": 0.0}, ""),
    ],
)
def test_other_troubles(change: dict[str, float], trouble: str) -> None:
    assert troubles(replace(GOOD, **change)) == ([trouble] if trouble else [])


def test_what_to_do_is_readable_from_afar() -> None:
    assert has_large("step back", text(WAITING))
    assert has_large("3", text(COUNTDOWN))
    assert has_large("paused", text(PAUSED))
    assert has_large("zoom 6", text(ON_CARD))
    assert has_large("zoom", text(READY_CARD))
    wide = text(READY_CARD, Look(width=190, height=50))
    assert has_large("Both hands closed: pull apart, push together", wide)


def test_a_card_says_how_which_and_what_comes_next() -> None:
    drawn = text(ON_CARD)
    assert "Both hands closed: pull apart, push together" in drawn
    assert "1 of 2   card 5/9   then draw" in drawn
    assert "GET READY 2   1 of 2" in text(READY_CARD)
    last = text(replace(GOOD, card={**CARD, "next": "", "repetitions": 1}))
    assert "then" not in last
    assert "1 of 1" not in last
    paused = text(replace(ON_CARD, state="paused"))
    assert has_large("paused", paused)
    assert "1 of 2" not in paused


@pytest.mark.parametrize(
    "size", [(200, 60), (80, 24), (60, 15), (40, 12), (30, 8), (20, 4), (5, 2)]
)
def test_it_fits_any_terminal(size: tuple[int, int]) -> None:
    width, height = size
    lines = ["a warning that is a good deal longer than the terminal is wide " * 3] * 5
    for status in ALL:
        for ascii_only in (False, True):
            drawn = dashboard(status, Look(width, height, ascii_only=ascii_only, lines=lines))
            rows = drawn.plain.split("\n")
            assert len(rows) <= height
            assert max(map(len, rows)) <= width
            assert drawn.plain.isascii() or not ascii_only


def test_a_small_terminal_keeps_what_matters() -> None:
    drawn = text(DROPPING, Look(width=40, height=8))
    for part in ("RECORDING", "TROUBLE: 3.1 % dropped", "30.0 fps", "q stop"):
        assert part in drawn


def test_without_colour_it_says_the_same() -> None:
    plain = Console(width=80, height=24, no_color=True, force_terminal=True)
    coloured = Console(width=80, height=24, force_terminal=True, color_system="standard")
    with plain.capture() as without, coloured.capture() as with_colour:
        plain.print(dashboard(DROPPING, Look()))
        coloured.print(dashboard(DROPPING, Look()))
    assert "\x1b[1;37;41m" in with_colour.get()
    assert "41m" not in without.get()
    assert "TROUBLE: 3.1 % dropped in 10 s" in without.get()


def test_progress_is_shown_where_there_is_a_limit() -> None:
    assert "██████████░░░░░░░░░░ 50 %" in text(GOOD, Look(frames=4980))
    assert "100 %" in text(GOOD, Look(duration_s=60))
    assert "%" not in text(GOOD).splitlines()[0]


def test_the_newest_warnings_are_shown() -> None:
    drawn = text(GOOD, Look(lines=[f"warning {number}" for number in range(9)]))
    assert [f"warning {n}" in drawn for n in range(9)] == [False] * 6 + [True] * 3


def test_the_plain_line_has_every_figure() -> None:
    line = plain_line(replace(DROPPING, coverage="left hand up: 2 %", card=CARD))
    assert line == (
        "clothing3: TROUBLE: 3.1 % dropped in 10 s; recording 1:23, colour 30.0 fps, 2,490 stored, "
        "bodies 29.9 fps, 2,488 stored, people 2 tracked, dropped 84 (3 ring full, 81 writer), "
        "3.1 % in 10 s, joints 91 % tracked, 8 % inferred, pairs 7.4 ms apart, light good, "
        "disk 312 min left, coverage left hand up: 2 %, cue zoom"
    )
    assert all(figure.text in plain_line(GOOD) for figure in figures(GOOD))


def test_durations() -> None:
    assert [clock_text(s) for s in (0, 59.9, 60, 3599, 3661)] == [
        "0:00", "0:59", "1:00", "59:59", "1:01:01",
    ]  # fmt: skip
