"""``kincap protocol``: a guided afternoon of recordings, outfit after outfit."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ..capture.sources.registry import source_forms
from .console import print_json, result, say
from .options import RECORDINGS, Consent, Json, Recordings, ShardMib

if TYPE_CHECKING:
    from ..capture.operator.guide import GuideSettings
    from ..capture.operator.protocol import Protocol, ProtocolProgress


def protocol(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A TOML file, or paper: the paper's Table 3.")
    ] = "paper",
    recordings: Recordings = RECORDINGS,
    source: Annotated[
        str, typer.Option("--source", metavar="SOURCE", help=f"One of {source_forms()}.")
    ] = "kinect",
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
    from ..capture.operator.guide import GuideSettings
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
    common = GuideSettings(
        recordings=recordings,
        source=source,
        subject=subject,
        consent=consent,
        countdown_s=countdown,
        shard_mib=shard_mib,
    )
    _guide(wanted, common, preview=preview)


def _guide(wanted: "Protocol", common: "GuideSettings", *, preview: bool) -> None:
    """Ask for one recording after another and make it, until all are done or the person leaves."""
    # numpy's threads are of no use here, and one that can't be started ends the process
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ..capture.operator.guide import recording_of
    from ..capture.operator.operate import operate
    from ..capture.operator.protocol import progress_of
    from .record import summary_line

    while True:
        progress = progress_of(wanted, common.recordings)
        _print(progress)
        step = progress.next_step
        if step is None or not _asked("Enter records, q leaves: "):
            _print_missing(progress)
            return
        settings, hands_free = recording_of(step, common)
        done = operate(settings, hands_free, say, preview=preview)
        result(summary_line(done))
        verdict = (done.report or {}).get("verdict")
        if verdict:
            result(f"quality: {verdict}")
        result()


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
