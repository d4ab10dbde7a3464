"""``kincap record``: from a sensor, a simulator or a file into a session."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from ..capture.sources.registry import source_forms
from ..core.sizes import size_text
from .console import print_json, progress, result, say
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
    """Record colour and bodies into a session; Ctrl-C ends it cleanly, a second one at once."""
    # numpy's threads are of no use here, and one that can't be started ends the process
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ..capture.record import RecordError, RecordSettings
    from ..capture.record import record as run
    from .report_print import print_report

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

    def show(done: "RecordResult") -> None:
        if json:
            print_json(done.to_json())
        else:
            result(_summary(done))
            if done.report is not None:
                print_report(done.report)

    try:
        with progress(f"recording {session}", frames) as bar:
            done = run(settings, on_progress=bar.update, on_warning=say)
    except RecordError as error:
        show(error.result)
        raise
    show(done)


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
