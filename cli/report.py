"""``kincap sessions report`` and ``coverage``: quality and coverage of what is stored."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ..core.errors import KincapError
from . import console
from .options import RECORDINGS, Json, Recordings
from .sessions import Name, app

if TYPE_CHECKING:
    from ..checks.alike.compare import Alarm
    from ..report.coverage import CoverageReport

_COVERAGE_PLOT: Final = Path("coverage.png")


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
            "--thorough",
            help="Look for late joints wherever hands move (a minute for an hour), and at all "
            "masks and depth images (3 ms each); kincap build then need not.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Report the quality of a recording: rates, gaps, joints, findings, and advice."""
    from ..report.guard_rails import session_alarms
    from ..report.plot import check_plot, draw_report
    from ..report.quality import report as run
    from ..sessions.edits.journal import edit_counts

    if plot is not None:
        check_plot(plot)
    quality, problem = run(recordings, name, thorough=thorough)
    counts, unread = edit_counts(recordings / name)
    alarms = session_alarms(recordings / name, quality)
    for line in (problem, unread):
        if line is not None:
            console.say(line)
    failed: KincapError | None = None
    if plot is not None:
        try:
            draw_report(recordings / name, quality, plot)
        except KincapError as error:
            # the report comes first, even if its picture fails
            plot, failed = None, error
    if as_json:
        console.print_json(
            {
                **quality,
                "edit_counts": counts,
                "alarms": [alarm.to_json() for alarm in alarms],
                "plot": None if plot is None else str(plot),
            }
        )
    else:
        _print(name, quality, counts, alarms, plot)
    if failed is not None:
        raise failed


def _print(
    name: str,
    quality: dict[str, Any],
    counts: dict[str, int],
    alarms: "list[Alarm]",
    plot: Path | None,
) -> None:
    """Print a report, the decisions beside it and the place of its picture."""
    from .report_print import print_report

    console.result(name)
    print_report(quality, alarms)
    if counts:
        # they are not in quality.json, which is made from the recording alone
        there = ", ".join(f"{count} {op.replace('_', ' ')}" for op, count in counts.items())
        console.result(f"  {'decisions':18} {there}")
    if plot is not None:
        console.result(f"Look at it: {plot}")


@app.command()
def coverage(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Sessions; default all.")
    ] = None,
    recordings: Recordings = RECORDINGS,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot",
            metavar="FILE.png",
            help="The picture; default coverage.png, with --json none.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw where hands and elbows have been in one or many sessions; list what is missing."""
    from ..report.coverage import coverage as run
    from ..report.coverage_picture import draw_coverage
    from ..report.plot import check_plot

    path = plot if plot is not None or as_json else _COVERAGE_PLOT
    if path is not None:
        check_plot(path)
    with console.progress("coverage", unit="sessions") as bar:
        found = run(recordings, names or (), bar.update)
    for problem in found.problems:
        console.say(f"left out: {problem}")
    if as_json:
        console.print_json({**found.to_json(), "plot": None if path is None else str(path)})
    else:
        _print_coverage(found)
    if path is not None:
        draw_coverage(found.together, found.title, path)
        if not as_json:
            console.result(f"Look at it: {path}")


def _print_coverage(found: "CoverageReport") -> None:
    """Print a line for each session, and what all of them together lack."""
    from ..checks.coverage.missing import limb_words
    from ..checks.coverage.places import LIMBS
    from ..report.advice import share_words

    grids = dict(found.sessions)
    if len(grids) > 1:
        grids["together"] = found.together
    columns = ("session", "bodies", *(f"{limb_words(limb)}" for limb in LIMBS))
    console.table(
        columns,
        [
            (name, grid.frames, *(share_words(grid.visited_share(limb)) for limb in LIMBS))
            for name, grid in grids.items()
        ],
        title="Share of the reach that was visited",
        right=range(1, len(columns)),
    )
    missing = found.together.missing()
    if not missing:
        console.result(f"missing: {found.together.why_nothing_is_missing()}")
    for line in missing:
        console.result(f"missing: {line}")


def register(_parent: typer.Typer) -> None:
    """Add the commands: importing this file has put them into the group of sessions."""
