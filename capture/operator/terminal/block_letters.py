"""Text in large block letters, as large as a terminal's cells allow."""

from itertools import zip_longest
from typing import Final

from .glyphs import GLYPHS, ROWS, can_draw, plain_letters

_GAP: Final = 1
"""Dots between two letters."""
_LINE_GAP: Final = 1
"""Dots between two lines of letters."""
_HALVES: Final = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
_LARGEST: Final = 4


def block_letters(text: str, width: int, height: int, *, ascii_only: bool = False) -> list[str]:
    """Draw a text as large as it fits, on several lines where that makes it larger.

    A dot is two columns wide and one row high, or a multiple of that; where this does not fit, it
    is one column wide and half a row high. Spaces are where lines may break.

    Args:
        text: Any letters.
        width: Columns there are.
        height: Rows there are.
        ascii_only: Draw with ``#`` instead of block characters.

    Returns:
        Lines of at most ``width`` columns, at most ``height`` of them; empty if the text does not
        fit, or has a letter that the font lacks.
    """
    if not text.strip() or not can_draw(text):
        return []
    words = plain_letters(text).split()
    for scale in range(_LARGEST, 0, -1):
        dots = _broken(words, width // (2 * scale))
        if dots and len(dots) * scale <= height:
            return _full(dots, scale, "#" if ascii_only else "█")
    if ascii_only:
        dots = _broken(words, width)
        return _full(dots, 1, "#", columns=1) if dots and len(dots) <= height else []
    dots = _broken(words, width)
    return _half(dots) if dots and (len(dots) + 1) // 2 <= height else []


def _broken(words: list[str], width: int) -> list[list[bool]]:
    """Return rows of dots of words on as few lines as they need; empty if a word is too wide."""
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]} {word}" if lines else word
        if _width(longer) <= width:
            lines[-1:] = [longer]
        elif _width(word) <= width:
            lines.append(word)
        else:
            return []
    rows: list[list[bool]] = []
    for number, line in enumerate(lines):
        rows += [[] for _ in range(_LINE_GAP if number else 0)]
        rows += _dots(line)
    return rows


def _width(line: str) -> int:
    """Return how many dots wide a line of letters is."""
    return sum(len(GLYPHS[char][0]) + _GAP for char in line) - _GAP


def _dots(line: str) -> list[list[bool]]:
    """Return seven rows of dots of one line of letters."""
    gap = "." * _GAP
    return [
        [dot == "#" for dot in gap.join(GLYPHS[char][row] for char in line)] for row in range(ROWS)
    ]


def _full(dots: list[list[bool]], scale: int, ink: str, columns: int = 2) -> list[str]:
    """Draw each dot with ``columns * scale`` columns and ``scale`` rows."""
    lines = []
    for row in dots:
        drawn = "".join((ink if dot else " ") * (columns * scale) for dot in row).rstrip()
        lines += [drawn] * scale
    return lines


def _half(dots: list[list[bool]]) -> list[str]:
    """Draw two rows of dots with each row of characters."""
    lines = []
    for top in range(0, len(dots), 2):
        lower = dots[top + 1] if top + 1 < len(dots) else []
        pairs = zip_longest(dots[top], lower, fillvalue=False)
        lines.append("".join(_HALVES[pair] for pair in pairs).rstrip())
    return lines
