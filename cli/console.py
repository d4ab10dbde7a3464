"""Output of commands: results on stdout, progress and logs on stderr.

This is the only place that prints texts of others (notes, names, messages of libraries), and
``visible`` makes them harmless for a terminal. Everything heavy is imported late: ``kincap --help``
must stay quick.
"""

import contextlib
import json
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from ..core.errors import KincapError
from ..core.valid_text import visible as visible

PLAIN_LINE_EVERY_S = 10.0
"""Seconds between two lines of progress where there is no terminal to draw a bar on."""


class Progress(Protocol):
    """Takes the progress of long work."""

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        """Report that ``done`` of ``total`` units are done; ``note`` follows the figures."""


def result(text: str = "") -> None:
    """Print one line of a command's result on stdout."""
    print(visible(text))


def say(text: str = "") -> None:
    """Print one line for the person (not for scripts) on stderr."""
    # work goes on where no one reads how it goes
    with contextlib.suppress(BrokenPipeError):
        print(visible(text), file=sys.stderr, flush=True)


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
        right: Indices of columns of numbers, which are set flush right.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # a pipe has no width: rich would cut cells at 80 columns, and scripts would read half of them
    console = Console() if sys.stdout.isatty() else Console(width=200)
    if title is not None:
        # rich would break it at the width of the table
        console.print(Text(visible(title), style="italic"))
    drawn = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for index, column in enumerate(columns):
        number = index in right
        drawn.add_column(column, justify="right" if number else "left", no_wrap=number or not index)
    for row in rows:
        drawn.add_row(*(Text("-" if cell is None else visible(str(cell))) for cell in row))
    console.print(drawn)


def confirm(question: str, yes: bool) -> bool:
    """Ask before something is changed for good.

    Args:
        question: What is about to happen, ending with a question mark.
        yes: The ``--yes`` flag, which answers the question.

    Raises:
        KincapError: There is no terminal to ask on and ``--yes`` was not given.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise KincapError(f"{question} stdin is not a terminal; pass --yes")
    sys.stderr.write(f"{visible(question)} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


class UnitRate:
    """Units a second, from the first count that was reported.

    Work that is resumed begins with what an earlier process did, which took this one no time.
    """

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None
        self._last = 0

    def at(self, done: int, now: float) -> float:
        """Return the units a second; 0 until a second count has been reported.

        Args:
            done: Units that are done. Fewer than before: other work has begun.
            now: Seconds of a steady clock.
        """
        if self._first is None or done < self._last:
            self._first = done, now
        self._last = done
        first, since = self._first
        return (done - first) / (now - since) if now > since else 0.0


class _PlainProgress:
    """A line on stderr every ten seconds, for logs and pipes."""

    def __init__(self, description: str, total: int | None, unit: str) -> None:
        self._description, self._total, self._unit = description, total, unit
        self._said = time.monotonic()
        self._rate = UnitRate()

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        self._total = total if total is not None else self._total
        now = time.monotonic()
        rate = self._rate.at(done, now)
        if now - self._said < PLAIN_LINE_EVERY_S:
            return
        self._said = now
        of = f"/{self._total}" if self._total else ""
        speed = f", {rate:.1f}/s" if rate > 0 else ""
        left = f", {(self._total - done) / rate:.0f} s left" if self._total and rate > 0 else ""
        more = f", {note}" if note else ""
        say(f"{self._description}: {done}{of} {self._unit}{speed}{left}{more}")


class _RichProgress:
    """A bar with rate and time left, for a terminal."""

    def __init__(self, bar: Any, task: Any) -> None:
        self._bar, self._task = bar, task
        self._rate = UnitRate()

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        more = {} if total is None else {"total": total, "of": f"/{total}"}
        # rich's own speed is that of the last seconds; ours is the same as in the plain lines
        rate = self._rate.at(done, time.monotonic())
        self._bar.update(self._task, completed=done, note=visible(note), rate=rate, **more)


@contextmanager
def progress(
    description: str, total: int | None = None, unit: str = "frames"
) -> Iterator[Progress]:
    """Show the progress of long work on stderr.

    Args:
        description: The work in one short phrase.
        total: Number of units, where that is known.
        unit: The unit's name.

    Yields:
        An object whose ``update(done, total, note)`` may be called as often as wanted.
    """
    if not sys.stderr.isatty():
        yield _PlainProgress(description, total, unit)
        return
    from rich.console import Console, RenderableType
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as RichBar
    from rich.text import Text

    class BarAndNote(RichBar):
        """A bar with its note below: in one line a long note would push out the time left."""

        def get_renderables(self) -> Iterator[RenderableType]:
            yield self.make_tasks_table(self.tasks)
            for task in self.tasks:
                if task.fields["note"]:
                    yield Text(task.fields["note"], style="dim")

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=16),
        TextColumn("{task.completed:.0f}{task.fields[of]}" + f" {unit}"),
        TextColumn("{task.fields[rate]:.1f}/s"),
        TimeElapsedColumn(),
        TextColumn("so far,"),
        # some work learns its total on the way: until then this is "-:--:--"
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with BarAndNote(*columns, console=Console(stderr=True)) as bar:
        of = f"/{total}" if total else ""
        task = bar.add_task(visible(description), total=total, of=of, note="", rate=0.0)
        yield _RichProgress(bar, task)
