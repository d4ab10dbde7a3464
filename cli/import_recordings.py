"""``kincap import``: many recordings of others at once."""

from typing import TYPE_CHECKING, Annotated

import typer

from ..capture.sources.registry import file_forms
from .console import print_json, progress, result, say, table
from .options import RECORDINGS, Consent, Json, Recordings, Report, ShardMib, Strict, Tags

if TYPE_CHECKING:
    from ..capture.import_recordings import Imported, ImportResult


def import_recordings(
    patterns: Annotated[
        list[str],
        typer.Argument(
            metavar="RECORDING...",
            help="Files, folders or patterns, such as 'irds:DIR/*.txt': "
            f"{', '.join(file_forms())}.",
            show_default=False,
        ),
    ],
    recordings: Recordings = RECORDINGS,
    prefix: Annotated[
        str, typer.Option("--prefix", help="Text in front of the sessions' names.")
    ] = "",
    subject: Annotated[str, typer.Option("--subject", help="Person in all of them.")] = "",
    outfit: Annotated[str, typer.Option("--outfit", help="Clothes in all of them.")] = "",
    tag: Tags = None,
    consent: Consent = "",
    shard_mib: ShardMib = 64,
    strict: Strict = False,
    report: Report = True,
    json: Json = False,
) -> None:
    """Record many files, each into its own session; skip those that have one."""
    from ..capture.import_recordings import ImportSettings
    from ..capture.import_recordings import import_recordings as run
    from ..capture.settings import RecordSettings

    shared = RecordSettings(
        session="",
        recordings=recordings,
        shard_mib=shard_mib,
        subject=subject,
        outfit=outfit,
        tags=tuple(tag or ()),
        consent=consent,
        strict=strict,
        report=report,
    )
    with progress("importing", unit="recordings") as bar:
        done = run(
            ImportSettings(tuple(patterns), shared, prefix),
            on_item=lambda number, item: bar.update(number, note=item.session),
            on_warning=say,
        )
    if json:
        print_json(done.to_json())
    else:
        _print(done)
    for item in done.items:
        if item.error is not None:
            say(f"kincap: {item.session}: {item.error}")
    if done.exit_code:
        raise typer.Exit(done.exit_code)


def _print(done: "ImportResult") -> None:
    columns = ("session", "state", "colour", "bodies", "lost", "quality")
    table(columns, [_row(item) for item in done.items], right=(2, 3, 4))
    result(", ".join(f"{count} {state}" for state, count in done.counts.items()))


def _row(item: "Imported") -> tuple[object, ...]:
    is_new = item.state in ("recorded", "failed")
    figures = (item.color_frames, item.body_frames, sum(item.dropped.values()))
    return (
        item.session,
        item.state,
        *(figures if is_new else (None,) * 3),
        item.verdict,
    )


def register(app: typer.Typer) -> None:
    """Add the group's command."""
    app.command("import")(import_recordings)
