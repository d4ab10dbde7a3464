"""The live dashboard: a pure function from a recording's status to lines of text with styles."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ...live.status import LiveStatus, State
from .block_letters import block_letters
from .keys import KEYS_HELP
from .status_text import STATE_WORDS, StatusFigure, big_words, clock_text, figures, troubles

if TYPE_CHECKING:
    from rich.text import Text

_CELL: Final = 40
"""Columns of a figure; a longer one takes more than one cell."""
_LABEL: Final = 10
_MOOD_STYLES: Final = {"plain": "", "odd": "yellow", "bad": "bold red"}
_STATE_STYLES: Final[dict[State, str]] = {
    "waiting": "bold cyan",
    "countdown": "bold yellow",
    "recording": "bold green",
    "paused": "bold yellow",
    "ending": "bold",
    "idle": "dim",
}
_LEAST_BIG: Final = 4
"""Rows that large letters need."""
_MOST_LINES: Final = 3
"""Warnings that are shown."""


@dataclass(frozen=True)
class Look:
    """The terminal under the dashboard, and its content besides the status.

    Attributes:
        width: Columns.
        height: Rows.
        ascii_only: The terminal's encoding has no block characters.
        has_keys: Keys are read.
        lines: Warnings so far, the newest last.
        frames: Colour frames there will be; None: unknown.
        duration_s: Seconds that are to be recorded; None: unknown.
    """

    width: int = 80
    height: int = 24
    ascii_only: bool = False
    has_keys: bool = True
    lines: Sequence[str] = ()
    frames: int | None = None
    duration_s: float | None = None


def dashboard(status: LiveStatus, look: Look) -> "Text":
    """Draw the status of a recording.

    Args:
        status: What is shown.
        look: Where, and what else.

    Returns:
        At most ``look.height`` lines of at most ``look.width`` columns.
    """
    from rich.text import Text

    head, foot = _head(status, look), _foot(status, look)
    room = look.height - len(head) - len(foot)
    has_card = status.card is not None and status.state == "recording"
    big = _card(status, look, room) if has_card else _big(big_words(status), look, room)
    style = _STATE_STYLES[status.state]
    if has_card and status.card and status.card["phase"] != "on":
        style = _STATE_STYLES["countdown"]
    middle = [Text(line, style if is_bold else "") for line, is_bold in big]
    spare = max(0, room - len(middle))
    blank = [Text() for _ in range(spare)]
    lines = [*head, *blank[: spare // 2], *middle, *blank[spare // 2 :], *foot]
    for line in lines:
        line.truncate(look.width, overflow="crop" if look.ascii_only else "ellipsis")
    return Text("\n").join(lines[: look.height])


def _head(status: LiveStatus, look: Look) -> list["Text"]:
    """Return the lines above: session, take, state, time, trouble."""
    from rich.text import Text

    dot = "*" if look.ascii_only else "●"
    first = Text(no_wrap=True)
    first.append(f"{dot} {STATE_WORDS[status.state].upper()}", _STATE_STYLES[status.state])
    first.append(f"  {clock_text(status.elapsed_s)}  {status.session}", "bold")
    if status.take > 0:
        first.append(f"  take {status.take}")
    bar = _progress(status, look)
    if bar and first.cell_len + len(bar) + 2 <= look.width:
        first.append(f"  {bar}", "dim")
    lines = [first]
    found = troubles(status)
    if found:
        lines.append(Text(f" TROUBLE: {'; '.join(found)} ", "bold white on red"))
    return lines


def _progress(status: LiveStatus, look: Look) -> str:
    """Return how far the recording is, where it has a limit."""
    if look.frames:
        share = status.color_frames / look.frames
    elif look.duration_s:
        share = status.elapsed_s / look.duration_s
    else:
        return ""
    share = min(1.0, share)
    full, empty = ("#", "-") if look.ascii_only else ("█", "░")
    drawn = (full * round(20 * share)).ljust(20, empty)
    return f"{drawn} {100 * share:.0f} %"


def _foot(status: LiveStatus, look: Look) -> list["Text"]:
    """Return the lines below: figures, warnings, keys; fewer where there is no room."""
    from rich.text import Text

    rows = _flowed(figures(status), look.width)
    if status.coverage:
        rows.append(_labelled(StatusFigure("coverage", status.coverage)))
    warnings = [Text(f"! {line}", "yellow") for line in list(look.lines)[-_MOST_LINES:]]
    keys = [Text(KEYS_HELP, "dim")] if look.has_keys else []
    room = look.height - 2
    # while something is to be read from afar, it gets half of the rows
    wanted = look.height // 2 if status.card or status.state != "recording" else _LEAST_BIG
    rows = rows[: max(2, room - wanted - len(keys))]
    warnings = warnings[: max(0, room - len(keys) - len(rows))]
    return [*rows, *warnings, *keys]


def _flowed(shown: Sequence[StatusFigure], width: int) -> list["Text"]:
    """Return figures side by side in cells, as many in a line as there is room for."""
    from rich.text import Text

    lines: list[Text] = []
    used = width
    for figure in shown:
        text = _labelled(figure)
        cells = -(-(text.cell_len + 1) // _CELL)
        if used + cells * _CELL > max(width, _CELL):
            lines.append(Text(no_wrap=True))
            used = 0
        lines[-1].pad_right(used - lines[-1].cell_len)
        lines[-1].append_text(text)
        used += cells * _CELL
    return lines


def _labelled(figure: StatusFigure) -> "Text":
    from rich.text import Text

    text = Text(no_wrap=True)
    text.append(figure.label.ljust(_LABEL) + " ", "dim")
    return text.append(figure.text, _MOOD_STYLES[figure.mood])


def _big(words: str, look: Look, room: int) -> list[tuple[str, bool]]:
    """Return words as large as they fit, centred; as they are where they don't fit."""
    if room <= 0:
        return []
    rows = room - 2 if room > 2 * _LEAST_BIG else room
    lines = block_letters(words, look.width - 2, rows, ascii_only=look.ascii_only)
    return _centred(lines or [words.upper()], look.width)


def _card(status: LiveStatus, look: Look, room: int) -> list[tuple[str, bool]]:
    """Return a cue card: its name large, how it is done, how long, what comes next.

    The way it is done is as large as it fits while the card is announced; while it is done, the
    name and the seconds left are.
    """
    card = status.card or {}
    is_on = card["phase"] == "on"
    left = f"{max(0.0, card['left_s']):.0f}"
    words = f"{card['name']} {left}" if is_on else card["name"]
    small = _small(status, left)
    if room < _LEAST_BIG + 2:
        return _centred([words.upper(), small][: max(0, room)], look.width)
    lines, text = _name_and_text(words, card["text"], look, room - 3, is_on)
    return [
        *_centred(lines, look.width),
        ("", False),
        *((line, False) for line, _ in _centred(text, look.width)),
        ("", False),
        *_centred([small], look.width),
    ]


def _name_and_text(
    name: str, text: str, look: Look, room: int, is_on: bool
) -> tuple[list[str], list[str]]:
    """Return the lines of a card's name and of its text, in large letters where they fit."""
    width = max(1, look.width - 2)

    def large(words: str, rows: int) -> list[str]:
        return block_letters(words, width, rows, ascii_only=look.ascii_only)

    plain = textwrap.wrap(text, width)
    if not is_on:
        for rows in (room // 2, room // 3, _LEAST_BIG):
            lines = large(name, rows)
            drawn = large(text, room - len(lines)) if lines else []
            if drawn:
                return lines, drawn
    lines = large(name, room - len(plain)) or [name.upper()]
    return lines, plain[: max(0, room - len(lines))]


def _small(status: LiveStatus, left: str) -> str:
    """Return the line under a card."""
    card = status.card or {}
    parts = []
    if card["phase"] != "on":
        parts.append(f"GET READY {left}")
    if card["repetitions"] > 1:
        parts.append(f"{card['repetition']} of {card['repetitions']}")
    parts.append(f"card {card['number']}/{card['cards']}")
    if card["next"]:
        parts.append(f"then {card['next']}")
    return "   ".join(parts)


def _centred(lines: Sequence[str], width: int) -> list[tuple[str, bool]]:
    """Return lines moved to the middle together, each to be shown bold."""
    aside = max(0, (width - max(map(len, lines), default=0)) // 2)
    return [(" " * aside + line, True) for line in lines]
