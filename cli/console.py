"""What commands print: results on stdout, progress and logs on stderr.

Everything heavy is imported late: ``kincap --help`` must stay quick.
"""

import json
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from ..core.errors import KincapError

PLAIN_LINE_EVERY_S = 10.0
"""How often progress speaks where there is no terminal to draw a bar on."""


class Progress(Protocol):
    """Where long work reports how far it is."""

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        """Say that ``done`` of ``total`` units are done; ``note`` stands behind the figures."""


def result(text: str) -> None:
    """Print one line of a command's result on stdout."""
    print(text)


def say(text: str) -> None:
    """Print one line for the person (not for scripts) on stderr."""
    print(text, file=sys.stderr, flush=True)


def print_json(report: Mapping[str, Any]) -> None:
    """Print a report as one JSON object on stdout; NaN and infinities become null."""
    print(json.dumps(_finite(report), allow_nan=False))


def _finite(value: Any) -> Any:
    """Replace numbers that JSON can't hold by None, at every depth."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def size_text(count: float) -> str:
    """Return a number of bytes in words; the review page writes sizes in the same way."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    title: str | None = None,
    right: Sequence[int] = (),
) -> None:
    """Print a table on stdout.

    Args:
        columns: The head of each column.
        rows: One sequence of cells a row; None is shown as a dash.
        title: A line above the table.
        right: Indices of columns that hold numbers, set flush right.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # a pipe has no width: rich would cut cells at 80 columns, and scripts would read half of them
    console = Console() if sys.stdout.isatty() else Console(width=200)
    drawn = Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for index, column in enumerate(columns):
        number = index in right
        drawn.add_column(column, justify="right" if number else "left", no_wrap=number or not index)
    for row in rows:
        drawn.add_row(*(Text("-" if cell is None else str(cell)) for cell in row))
    console.print(drawn)


def confirm(question: str, yes: bool) -> bool:
    """Ask before something is changed for good.

    Args:
        question: What is about to happen, ending with a question mark.
        yes: The ``--yes`` flag: the answer is given already.

    Raises:
        KincapError: There is no terminal to ask on and ``--yes`` was not given.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise KincapError(f"{question} Nobody is there to answer: say --yes")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


class _PlainProgress:
    """A line on stderr every ten seconds, for logs and pipes."""

    def __init__(self, description: str, total: int | None, unit: str) -> None:
        self._description, self._total, self._unit = description, total, unit
        self._start = self._said = time.monotonic()

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        self._total = total if total is not None else self._total
        now = time.monotonic()
        if now - self._said < PLAIN_LINE_EVERY_S:
            return
        self._said = now
        rate = done / max(now - self._start, 1e-9)
        of = f"/{self._total}" if self._total else ""
        left = f", {(self._total - done) / rate:.0f} s left" if self._total and rate > 0 else ""
        behind = f", {note}" if note else ""
        say(f"{self._description}: {done}{of} {self._unit}, {rate:.1f}/s{left}{behind}")


class _RichProgress:
    """A bar with rate and time left, for a terminal."""

    def __init__(self, bar: Any, task: Any) -> None:
        self._bar, self._task = bar, task

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        # rich's own speed needs two updates; ours is done / elapsed, as in the plain lines
        elapsed = self._bar.tasks[0].elapsed or 1e-9
        more = {} if total is None else {"total": total, "of": f"/{total}"}
        self._bar.update(self._task, completed=done, note=note, rate=done / elapsed, **more)


@contextmanager
def progress(
    description: str, total: int | None = None, unit: str = "frames"
) -> Iterator[Progress]:
    """Show how far long work is, on stderr.

    Args:
        description: What is being done, as one short phrase.
        total: How many units there are, where that is known.
        unit: What is counted.

    Yields:
        An object whose ``update(done, total, note)`` may be called as often as wanted.
    """
    if not sys.stderr.isatty():
        yield _PlainProgress(description, total, unit)
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as RichBar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=28),
        TextColumn("{task.completed:.0f}{task.fields[of]}" + f" {unit}"),
        TextColumn("{task.fields[rate]:.1f}/s"),
        TimeElapsedColumn(),
        TextColumn("so far,"),
        # some work learns its total on the way: this is "-:--:--" until it does
        TimeRemainingColumn(),
        TextColumn("left"),
        TextColumn("[dim]{task.fields[note]}"),
    )
    with RichBar(*columns, console=Console(stderr=True)) as bar:
        of = f"/{total}" if total else ""
        yield _RichProgress(bar, bar.add_task(description, total=total, of=of, note="", rate=0.0))
