"""``kincap sessions report``: how good a recording is, worked out again from what is stored."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..core.errors import KincapError
from . import console
from .options import RECORDINGS, Json, Recordings
from .sessions import Name, app


@app.command()
def report(
    name: Name,
    recordings: Recordings = RECORDINGS,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE.png", help="Draw it along time.")
    ] = None,
    thorough: Annotated[
        bool,
        typer.Option(
            "--thorough", help="Look for late joints wherever hands move: a minute for an hour."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Report the quality of a recording: rates, gaps, joints, findings, and advice."""
    from ..report.plot import check_plot, draw_report
    from ..report.quality import report as run
    from ..sessions.edits.journal import edit_counts

    if plot is not None:
        check_plot(plot)
    quality, problem = run(recordings, name, thorough=thorough)
    counts, unread = edit_counts(recordings / name)
    for line in (problem, unread):
        if line is not None:
            console.say(line)
    failed: KincapError | None = None
    if plot is not None:
        try:
            draw_report(recordings / name, quality, plot)
        except KincapError as error:
            # the report comes first, whatever becomes of its picture
            plot, failed = None, error
    if as_json:
        console.print_json(
            {**quality, "edit_counts": counts, "plot": None if plot is None else str(plot)}
        )
    else:
        _print(name, quality, counts, plot)
    if failed is not None:
        raise failed


def _print(name: str, quality: dict[str, Any], counts: dict[str, int], plot: Path | None) -> None:
    """Print a report, the decisions beside it and the place of its picture."""
    from .report_print import print_report

    console.result(name)
    print_report(quality)
    if counts:
        # they are not in quality.json, which is made from the recording alone
        there = ", ".join(f"{count} {op.replace('_', ' ')}" for op, count in counts.items())
        console.result(f"  {'decisions':18} {there}")
    if plot is not None:
        console.result(f"Look at it: {plot}")


def register(_parent: typer.Typer) -> None:
    """Add the command: importing this file has put it into the group of sessions."""
