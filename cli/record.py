"""``kincap record``: from a sensor, a simulator or a file into a session."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..capture.sources.registry import source_forms
from ..core.sizes import size_text
from ..report.line import Line
from .console import print_json, result, say
from .options import RECORDINGS, Consent, Json, Report, ShardMib, Strict, Tags
from .report_print import print_lines

if TYPE_CHECKING:
    from ..capture.record import RecordResult


def record(
    session: Annotated[str, typer.Option("--session", metavar="NAME", help="Name of the session.")],
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            metavar="SOURCE",
            help=f"A recording's path, or one of {source_forms()} [default: kinect, or the "
            "daemon's].",
            show_default=False,
        ),
    ] = None,
    recordings: Annotated[
        Path | None,
        typer.Option(
            "--recordings",
            metavar="DIR",
            help="Folder of all sessions [default: recordings, or the daemon's].",
            show_default=False,
        ),
    ] = None,
    streams: Annotated[
        str,
        typer.Option(
            "--streams",
            metavar="LIST",
            help="Streams of a kinect, simulator or session, separated by commas: color, bodies, "
            "mask, depth. "
            "Default: color,bodies; of a session: all.",
            show_default=False,
        ),
    ] = "",
    frames: Annotated[
        int | None, typer.Option("--frames", metavar="N", help="End after N colour frames.")
    ] = None,
    duration: Annotated[
        float | None, typer.Option("--duration", metavar="S", help="End after S seconds.")
    ] = None,
    countdown: Annotated[
        float,
        typer.Option(
            "--countdown", metavar="S", help="Count S seconds down first.", show_default=False
        ),
    ] = 0.0,
    start_when: Annotated[
        str,
        typer.Option(
            "--start-when",
            metavar="WHAT",
            help="body: start when one person has been in the zone for 2 s.",
        ),
    ] = "",
    stop_when: Annotated[
        str,
        typer.Option(
            "--stop-when",
            metavar="WHAT",
            help="lost: end when no one was seen for 3 s; raised-hands: when both hands were above "
            "the head and closed for 1 s.",
        ),
    ] = "",
    cues: Annotated[
        str,
        typer.Option(
            "--cues",
            metavar="FILE",
            help="Show the cue cards of a TOML file, or those named gestures; the recording ends "
            "after the last one, unless another flag says when.",
        ),
    ] = "",
    preview: Annotated[
        bool, typer.Option("--preview", help="Show the picture in a window.")
    ] = False,
    shard_mib: ShardMib = 512,
    subject: Annotated[
        str, typer.Option("--subject", metavar="ID", help="The person recorded.")
    ] = "",
    outfit: Annotated[
        str,
        typer.Option(
            "--outfit",
            metavar="ID",
            help="The clothing of the person. Default: the session's name.",
        ),
    ] = "",
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Free text.")] = "",
    tag: Tags = None,
    consent: Consent = "",
    strict: Strict = False,
    report: Report = True,
    standalone: Annotated[
        bool, typer.Option("--standalone", help="Record here, although a daemon runs.")
    ] = False,
    json: Json = False,
) -> None:
    """Record colour and bodies into a session; Ctrl-C ends it cleanly, a second one at once.

    Keys on a terminal: space pauses and goes on, m marks, r takes again, q stops. Where a daemon
    runs (kincap daemon), it records.
    """
    chosen = tuple(filter(None, streams.split(",")))
    deck = None
    if cues:
        from ..capture.operator.cues import load_cues

        deck = load_cues(cues)
    asked: dict[str, Any] = {
        "session": session,
        "frames": frames,
        "duration_s": duration,
        "shard_mib": shard_mib,
        "subject": subject,
        "outfit": outfit,
        "note": note,
        "tags": tuple(tag or ()),
        "consent": consent,
        "strict": strict,
        "report": report,
    }
    hands_free: dict[str, Any] = {
        "countdown_s": countdown,
        "start_when": start_when,
        "stop_when": stop_when,
        "cues_again": bool(frames or duration or stop_when),
    }

    def show(done: Mapping[str, Any], lines: Sequence[Line]) -> None:
        if json:
            print_json(done)
            return
        result(summary_line(done))
        print_lines(lines)

    run_recording(
        asked,
        {**hands_free, "cues": deck},
        show,
        source=source,
        recordings=recordings,
        streams=chosen,
        preview=preview,
        standalone=standalone,
    )


def run_recording(
    asked: Mapping[str, Any],
    hands_free: Mapping[str, Any],
    show: Callable[[Mapping[str, Any], Sequence[Line]], None],
    *,
    source: str | None,
    recordings: Path | None,
    streams: tuple[str, ...] = (),
    preview: bool = False,
    standalone: bool = False,
) -> None:
    """Record through the daemon where one runs, else in this process.

    Args:
        asked: The fields of ``RecordSettings`` but for the next ones.
        hands_free: The fields of ``HandsFree``.
        show: Prints the result, an object as of ``--json``, and the lines of the report.
        source: None: the daemon's, or a Kinect.
        recordings: None: the daemon's, or the usual folder.
        streams: (): those of the daemon, or the usual ones.
        preview: Show the picture.
        standalone: Record in this process, although a daemon runs.

    Raises:
        KincapError: As ``kincap record`` ends.
        KeyboardInterrupt: Stopped at once.
    """
    if not standalone:
        from .daemon.record_by_daemon import recorded_by_daemon

        deck = hands_free["cues"]
        same = {
            "source": source,
            "streams": streams or None,
            "recordings": None if recordings is None else str(recordings.absolute()),
            "cues": None if deck is None else deck.to_json(),
        }
        if recorded_by_daemon({**asked, **hands_free, **same}, show, preview=preview):
            return
    # numpy's threads are of no use here, and one that can't be started ends the process
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ..capture.log import log_recorded, record_log
    from ..capture.operator.conductor import HandsFree
    from ..capture.operator.operate import operate
    from ..capture.record import RecordError, RecordSettings
    from ..report.text import report_lines
    from .session_commands.consent import ask_for_recording, warn_of_recording

    consent = ask_for_recording(
        asked["consent"],
        recordings=recordings or RECORDINGS,
        session=asked["session"],
        subject=asked["subject"],
        source=source or "kinect",
    )
    settings = RecordSettings(
        **{**asked, "consent": consent},
        recordings=recordings or RECORDINGS,
        source=source or "kinect",
        streams=streams,
    )

    def show_result(done: "RecordResult") -> None:
        log_recorded(log, done)
        show(done.to_json(), [] if done.report is None else report_lines(done.report))

    with record_log(settings) as log:
        try:
            done = operate(
                settings,
                HandsFree(**hands_free),
                say,
                preview=preview,
                on_notice=lambda text: log.warning("noticed: %s", text),
            )
        except RecordError as error:
            show_result(error.result)
            raise
        show_result(done)
    warn_of_recording(settings.recordings, settings.session, settings.source)


def summary_line(done: Mapping[str, Any]) -> str:
    """Return the recording in one line.

    Args:
        done: As ``--json`` prints it.
    """
    lost = ", ".join(f"{count} dropped ({reason})" for reason, count in done["dropped"].items())
    if done["not_stored"]:
        lost = f"{lost or '0 dropped'}, {sum(done['not_stored'].values())} not stored (paused)"
    shards = f"{done['shards']} shard{'s' * (done['shards'] != 1)}"
    planes = f"{done['mask_frames']} masks, " if done["mask_frames"] else ""
    planes += f"{done['depth_frames']} depth images, " if done["depth_frames"] else ""
    return (
        f"{done['session']}: {done['color_frames']} colour frames, {done['body_frames']} body "
        f"rows, {planes}{lost or '0 dropped'}, {done['duration_s']:.1f} s, "
        f"{size_text(done['bytes'])} in {shards} -> {done['path']}"
    )


def register(app: typer.Typer) -> None:
    """Add the group's command."""
    app.command("record")(record)
