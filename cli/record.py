"""``kincap record``: from a sensor, a simulator or a file into a session."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from ..capture.sources.registry import source_forms
from ..core.sizes import size_text
from .console import print_json, result, say
from .options import RECORDINGS, Consent, Json, Recordings, Report, ShardMib, Strict, Tags

if TYPE_CHECKING:
    from ..capture.record import RecordResult


def record(
    session: Annotated[str, typer.Option("--session", metavar="NAME", help="Name of the session.")],
    source: Annotated[
        str,
        typer.Option(
            "--source",
            metavar="SOURCE",
            help=f"A recording's path, or one of {source_forms()}.",
        ),
    ] = "kinect",
    recordings: Recordings = RECORDINGS,
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
        float, typer.Option("--countdown", metavar="S", help="Count S seconds down before it.")
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
    json: Json = False,
) -> None:
    """Record colour and bodies into a session; Ctrl-C ends it cleanly, a second one at once.

    Keys on a terminal: space pauses and goes on, m marks, r takes again, q stops.
    """
    # numpy's threads are of no use here, and one that can't be started ends the process
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ..capture.operator.conductor import HandsFree
    from ..capture.operator.cues import load_cues
    from ..capture.operator.operate import operate
    from ..capture.record import RecordError, RecordSettings

    settings = RecordSettings(
        session=session,
        recordings=recordings,
        source=source,
        streams=tuple(filter(None, streams.split(","))),
        frames=frames,
        duration_s=duration,
        shard_mib=shard_mib,
        subject=subject,
        outfit=outfit,
        note=note,
        tags=tuple(tag or ()),
        consent=consent,
        strict=strict,
        report=report,
    )

    hands_free = HandsFree(
        countdown_s=countdown,
        start_when=start_when,
        stop_when=stop_when,
        cues=load_cues(cues) if cues else None,
        cues_again=bool(frames or duration or stop_when),
    )
    try:
        done = operate(settings, hands_free, say, preview=preview)
    except RecordError as error:
        _show(error.result, json=json)
        raise
    _show(done, json=json)


def _show(done: "RecordResult", *, json: bool) -> None:
    """Print the result and the report."""
    from .report_print import print_report

    if json:
        print_json(done.to_json())
        return
    result(_summary(done))
    if done.report is not None:
        print_report(done.report)


def _summary(done: "RecordResult") -> str:
    """Return the recording in one line."""
    lost = ", ".join(f"{count} dropped ({reason})" for reason, count in done.dropped.items())
    if done.not_stored:
        lost = f"{lost or '0 dropped'}, {sum(done.not_stored.values())} not stored (paused)"
    shards = f"{done.shards} shard{'s' * (done.shards != 1)}"
    planes = f"{done.mask_frames} masks, " if done.mask_frames else ""
    planes += f"{done.depth_frames} depth images, " if done.depth_frames else ""
    return (
        f"{done.session}: {done.color_frames} colour frames, {done.body_frames} body rows, "
        f"{planes}{lost or '0 dropped'}, {done.duration_s:.1f} s, "
        f"{size_text(done.bytes)} in {shards} -> {done.path}"
    )


def register(app: typer.Typer) -> None:
    """Add the group's command."""
    app.command("record")(record)
