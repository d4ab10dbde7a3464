"""A report on a terminal: in colours, and no wider than that; elsewhere in plain lines."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ..report.line import Line
from . import console

if TYPE_CHECKING:
    from ..checks.alike.compare import Alarm

_STYLES: Final = {"grave": "bold red", "odd": "yellow", "advice": "cyan"}
_VERDICTS: Final = {"good": "bold green", "usable": "bold yellow"}


def print_report(quality: Mapping[str, Any], alarms: "Sequence[Alarm]" = ()) -> None:
    """Print a report on stdout.

    Args:
        quality: The contents of quality.json.
        alarms: Warnings about this session and earlier ones.
    """
    from ..report.text import report_lines

    print_lines(report_lines(quality, alarms=alarms))


def print_lines(lines: Sequence[Line]) -> None:
    """Print the lines of a report on stdout."""
    if not sys.stdout.isatty():
        for line in lines:
            console.result(line.plain())
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # what is too long goes on below itself, beside the labels
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    before = ""
    for line in lines:
        style = _STYLES.get(line.weight, "")
        said = Text(console.visible(line.text), style=style if line.weight == "grave" else "")
        if line.weight == "verdict":
            style = _VERDICTS.get(line.text.partition(" ")[0].strip(":"), "bold red")
            said = Text(console.visible(line.text), style=style)
        grid.add_row(Text("" if line.label == before else line.label, style=style), said)
        before = line.label
    Console(highlight=False).print(grid)
