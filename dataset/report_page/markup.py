"""Pieces of HTML: every text is escaped here, so that no name or note of a session is markup."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

MOST_ROWS: Final = 200
"""Rows of a table; what is left out is counted."""
NO_NUMBER: Final = "-"
MOST_TEXT: Final = 400
"""Characters of a text from outside."""


@dataclass(frozen=True)
class Markup:
    """HTML that is safe to put into a page.

    Attributes:
        html: The markup.
    """

    html: str

    def __add__(self, other: "Markup") -> "Markup":
        return Markup(self.html + other.html)


Cell = Markup | str | int | float | None
"""A cell of a table; None: empty."""


def text(value: object) -> Markup:
    """Return a text, escaped; one that is too long is cut."""
    shown = str(value).encode(errors="backslashreplace").decode()
    if len(shown) > MOST_TEXT:
        shown = shown[:MOST_TEXT] + " ..."
    return Markup(escape(shown))


def join(parts: Iterable[Markup]) -> Markup:
    """Return pieces one after another."""
    return Markup("".join(part.html for part in parts))


def tag(name: str, content: Markup | str = "", kind: str = "") -> Markup:
    """Return an element.

    Args:
        name: Of the element.
        content: Its content; a plain text is escaped.
        kind: Its class.
    """
    inner = content if isinstance(content, Markup) else text(content)
    klass = f' class="{kind}"' if kind else ""
    return Markup(f"<{name}{klass}>{inner.html}</{name}>")


def block(content: str) -> Markup:
    """Return a text of many lines, such as settings, as it is."""
    return Markup(f"<pre>{escape(content)}</pre>")


def section(title: str, *parts: Markup, note: str = "") -> Markup:
    """Return a section with a heading and a sentence under it."""
    head = tag("h2", title) + (tag("p", note, "note") if note else Markup(""))
    return tag("section", head + join(parts))


def bar(share: float, label: str = "") -> Markup:
    """Return a bar for a share of 0 to 1, with words for those who don't see it."""
    width = min(max(share, 0.0), 1.0) * 100
    return Markup(
        f'<div class="bar" role="img" aria-label="{escape(label or percent(share))}">'
        f'<div style="width:{width:.2f}%"></div></div>'
    )


def table(head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Markup:
    """Return a table; numbers are aligned to the right.

    Args:
        head: Titles of the columns.
        rows: The cells.
    """
    if not rows:
        return tag("p", "none", "note")
    numeric = [all(_is_number(row[column]) for row in rows) for column in range(len(head))]
    kinds = ["number" if is_number else "" for is_number in numeric]
    titles = join(tag("th", title, kind) for title, kind in zip(head, kinds, strict=True))
    body = [
        tag("tr", join(tag("td", _cell(cell), kind) for cell, kind in zip(row, kinds, strict=True)))
        for row in rows[:MOST_ROWS]
    ]
    if len(rows) > MOST_ROWS:
        more = f"{len(rows) - MOST_ROWS} more rows are left out"
        body.append(Markup(f'<tr><td colspan="{len(head)}">{more}</td></tr>'))
    whole = tag("tbody", join(body))
    if any(head):
        whole = tag("thead", tag("tr", titles)) + whole
    return tag("div", tag("table", whole), "scroll")


def _is_number(cell: Cell) -> bool:
    """Return True for a number, a percentage, and an empty cell."""
    if isinstance(cell, str):
        return cell.endswith(" %") or cell == NO_NUMBER
    return isinstance(cell, int | float | None)


def _cell(cell: Cell) -> Markup:
    """Return the content of a cell."""
    if isinstance(cell, Markup):
        return cell
    if cell is None:
        return Markup("")
    if isinstance(cell, int):
        return text(count(cell))
    return text(f"{cell:.3g}" if isinstance(cell, float) else cell)


def folded(title: str, content: Markup) -> Markup:
    """Return content that is shown after a click, without a script."""
    return tag("details", tag("summary", title) + content)


def figure(image: bytes, kind: str, alt: str, caption: Markup, klass: str) -> Markup:
    """Return an image inside the page.

    Args:
        image: An encoded image.
        kind: "png" or "jpeg".
        alt: Its content in words.
        caption: The text under it.
        klass: Class of the figure.
    """
    data = base64.b64encode(image).decode()
    shown = Markup(f'<img src="data:image/{kind};base64,{data}" alt="{escape(alt)}">')
    return tag("figure", shown + tag("figcaption", caption), klass)


def count(number: int) -> str:
    """Return a number with its thousands apart."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def percent(share: float) -> str:
    """Return a share as a percentage."""
    if share != share:
        return NO_NUMBER
    is_near_an_end = 0 < share < 0.1 or 0.99 < share < 1
    return f"{100 * share:.1f} %" if is_near_an_end else f"{100 * share:.0f} %"
