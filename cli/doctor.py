"""``kincap doctor``: can this machine record from a Kinect, and what to do where it can't."""

import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import print_json, result, say, visible

if TYPE_CHECKING:
    from ..capture.doctor.checks import Check, Report

EXIT_CANNOT_RECORD = 3
_INDENT = 31
_STYLES = {"ok": "green", "warning": "yellow", "missing": "bold red", "skipped": "dim"}


def doctor(
    recordings: Annotated[
        Path, typer.Option("--recordings", help="Folder of all sessions.")
    ] = Path("recordings"),
    streams: Annotated[
        str,
        typer.Option(
            "--streams",
            metavar="LIST",
            help="Streams to be recorded, separated by commas: color, bodies, mask, depth. "
            "Default: color,bodies.",
            show_default=False,
        ),
    ] = "",
    shard_mib: Annotated[int, typer.Option("--shard-mib", help="Size of a shard, MiB.")] = 512,
    selftest: Annotated[
        float | None,
        typer.Option(
            "--selftest",
            metavar="SECONDS",
            help="With a sensor: also check what only hardware can show.",
        ),
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(
            "--bundle",
            metavar="FILE.zip",
            help="Pack versions, this report, logs and the reports of the last sessions for a "
            "support case: no pictures, names replaced.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check everything that a recording needs, with a remedy for each; exit 3: can't record."""
    from ..capture.doctor.bundle import check_bundle, write_bundle
    from ..capture.doctor.doctor import DoctorSettings
    from ..capture.doctor.doctor import doctor as run

    settings = DoctorSettings(
        recordings=recordings,
        streams=tuple(filter(None, streams.split(","))),
        shard_mib=shard_mib,
        selftest_s=selftest,
    )
    if bundle is not None:
        check_bundle(bundle)
    ask = _ask if sys.stdin.isatty() else None
    report = run(settings, ask=ask, say=say, on_check=None if json else _show)
    packed = None if bundle is None else write_bundle(bundle, report, recordings)
    if json:
        print_json({**report.to_json(), "bundle": None if bundle is None else str(bundle)})
    else:
        result("")
        result(_verdict(report))
    if packed is not None:
        say(
            f"{packed.path}: {len(packed.files)} files, no pictures, names replaced; look through "
            "them before you pass them on"
        )
    if not report.ready:
        raise typer.Exit(EXIT_CANNOT_RECORD)


def _show(check: "Check") -> None:
    """Print a check as soon as it is done; some take seconds."""
    from rich.console import Console
    from rich.text import Text

    # a pipe has no width of its own
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 200
    lines = textwrap.wrap(visible(check.found), max(20, width - _INDENT))
    remedy = textwrap.wrap(visible(check.remedy), max(20, width - _INDENT - 3))
    lines += [("-> " if k == 0 else "   ") + line for k, line in enumerate(remedy)]
    shown = Text.assemble(
        (f"{check.status:<8}", _STYLES[check.status]),
        (f"{visible(check.name):<{_INDENT - 9}} ", "bold"),
        (f"\n{'':{_INDENT}}".join(lines), "dim" if check.status == "skipped" else ""),
    )
    Console(soft_wrap=True, highlight=False).print(shown)
    sys.stdout.flush()


def _verdict(report: "Report") -> str:
    """Return the answer in one line."""
    warnings = f"{report.warnings} warning{'s' * (report.warnings != 1)}"
    if report.ready:
        return f"ready to record from a Kinect v2; {warnings}"
    missing = ", ".join(check.name for check in report.checks if check.status == "missing")
    return f"can't record from a Kinect v2 here: {missing}; {warnings}"


def _ask(question: str) -> bool:
    """Ask the person in front of the terminal."""
    say(f"{question} [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def register(app: typer.Typer) -> None:
    """Add the group's command."""
    app.command("doctor")(doctor)
