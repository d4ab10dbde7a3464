"""``kincap protocol``: a guided afternoon of recordings, outfit after outfit."""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..capture.sources.registry import source_forms
from ..report.line import Line
from .console import print_json, result
from .options import RECORDINGS, Consent, Json, Recordings, ShardMib
from .record import run_recording, summary_line
from .report_print import print_lines

if TYPE_CHECKING:
    from ..capture.operator.protocol import Protocol, ProtocolProgress


def protocol(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A TOML file, or paper: the paper's Table 3.")
    ] = "paper",
    recordings: Recordings = RECORDINGS,
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            metavar="SOURCE",
            help=f"One of {source_forms()} [default: kinect, or the daemon's].",
            show_default=False,
        ),
    ] = None,
    subject: Annotated[
        str, typer.Option("--subject", metavar="ID", help="The person recorded.")
    ] = "",
    consent: Consent = "",
    countdown: Annotated[
        float, typer.Option("--countdown", metavar="S", help="Seconds from the zone to the start.")
    ] = 3.0,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show the picture in a window.")
    ] = False,
    shard_mib: ShardMib = 512,
    standalone: Annotated[
        bool, typer.Option("--standalone", help="Record here, although a daemon runs.")
    ] = False,
    status: Annotated[
        bool, typer.Option("--status", help="Only print what is done and what is missing.")
    ] = False,
    print_file: Annotated[
        bool, typer.Option("--print", help="Print the file, to change a copy of it.")
    ] = False,
    json: Json = False,
) -> None:
    """Guide through the recordings of a protocol: which outfit next, which cues, what is missing.

    It asks before each recording. Sessions on the disk count, so it goes on after a break.
    """
    from ..capture.operator.protocol import load_protocol, progress_of
    from ..capture.operator.toml_tables import read_text

    wanted = load_protocol(file)
    if print_file:
        for line in read_text("protocol", file, "protocols").splitlines():
            result(line)
        return
    progress = progress_of(wanted, recordings)
    if json:
        print_json(progress.to_json())
        return
    if status or not sys.stdin.isatty():
        _print(progress)
        _print_missing(progress)
        return
    common = {"subject": subject, "consent": consent, "shard_mib": shard_mib}
    run = partial(
        run_recording, source=source, recordings=recordings, preview=preview, standalone=standalone
    )
    while _records(wanted, recordings, common, countdown, run):
        result()


def _records(
    wanted: "Protocol",
    recordings: Path,
    common: dict[str, Any],
    countdown_s: float,
    run: Callable[..., None],
) -> bool:
    """Ask for the next recording and make it; return False if there is none, or if it is left."""
    from ..capture.operator.guide import recording_of
    from ..capture.operator.protocol import progress_of

    progress = progress_of(wanted, recordings)
    _print(progress)
    step = progress.next_step
    if step is None or not _asked("Enter records, q leaves: "):
        _print_missing(progress)
        return False
    asked, hands_free = recording_of(step)
    run({**asked, **common}, {**hands_free, "countdown_s": countdown_s}, _show)
    return True


def _show(done: Mapping[str, Any], lines: Sequence[Line]) -> None:
    """Print the result of a recording."""
    result(summary_line(done))
    print_lines(lines)


def _asked(question: str) -> bool:
    """Ask; return False if the answer is to leave."""
    sys.stderr.write(question)
    sys.stderr.flush()
    answer = sys.stdin.readline()
    return bool(answer) and answer.strip().lower() not in ("q", "quit", "n", "no")


def _print(progress: "ProtocolProgress") -> None:
    """Print the sessions and what to do next."""
    from rich.console import Console

    from ..capture.operator.guide import protocol_screen
    from ..capture.operator.terminal.display import can_draw_blocks

    console = Console()
    ascii_only = not can_draw_blocks(console.encoding)
    console.print(
        protocol_screen(progress, width=console.width, ascii_only=ascii_only), soft_wrap=True
    )
    result()


def _print_missing(progress: "ProtocolProgress") -> None:
    """Print what is missing, or what to do with all that is there."""
    missing = progress.missing()
    if not missing:
        tests = [one.step.session for one in progress.steps if one.step.is_test]
        flags = f" --test {tests[0]}" if tests else ""
        result(f"all is recorded; next: kincap build{flags} --out kinect13.h5")
        return
    result(f"missing, {progress.minutes_left:.0f} minutes in all:")
    for line in missing:
        result(f"  {line}")


def register(app: typer.Typer) -> None:
    """Add the group's command."""
    app.command("protocol")(protocol)
