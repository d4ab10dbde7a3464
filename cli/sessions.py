"""``kincap sessions``: look at recorded sessions, verify, repair, rename and delete them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import console

if TYPE_CHECKING:
    from ..core.repair import RepairReport
    from ..core.verify import SessionReport

Recordings = Annotated[
    Path, typer.Option(envvar="KINCAP_RECORDINGS", help="The folder of all sessions.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]
Name = Annotated[str, typer.Argument(help="The session's name.")]

_DEFAULT = Path("recordings")
_MOST_LINES = 20
_MIB = 1 << 20

app = typer.Typer(
    help="List, show, verify, repair, rename and delete sessions.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(parent: typer.Typer) -> None:
    """Add the group to the command line."""
    parent.add_typer(app, name="sessions")


@app.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Sessions; default all.")
    ] = None,
    recordings: Recordings = _DEFAULT,
    as_json: Json = False,
) -> int:
    """Check every row, frame and checksum; exit 1 where anything is damaged."""
    from ..core.verify import verify

    with console.progress("verifying", unit="MiB") as bar:
        reports = verify(
            recordings,
            names or (),
            lambda done, total, note: bar.update(done // _MIB, -(-total // _MIB), note),
        )
    if as_json:
        sessions = [report.to_json() for report in reports]
        console.print_json({"schema": "kincap/verify/1", "sessions": sessions})
    else:
        for report in reports:
            _print_report(report)
        if not reports:
            console.say(f"{recordings}: no sessions")
    return 0 if all(report.ok for report in reports) else 1


def _print_report(report: "SessionReport") -> None:
    """Print what verify found in one session."""
    state = "sealed" if report.sealed else "being recorded" if report.recording else "not sealed"
    shards = f"{len(report.shards)} shard{'' if len(report.shards) == 1 else 's'}"
    found = "ok" if report.ok else f"DAMAGED in {len(report.damage)} places"
    console.result(f"{report.name}: {found} ({shards}, {state})")
    for damage in report.damage[:_MOST_LINES]:
        parts = (damage.shard, damage.stream, None if damage.seq is None else f"{damage.seq}")
        where = " ".join(part for part in parts if part)
        console.result(f"  {damage.kind:8} {where + ': ' if where else ''}{damage.what}")
    if len(report.damage) > _MOST_LINES:
        console.result(f"  and {len(report.damage) - _MOST_LINES} more; --json lists them all")
    for note in report.notes:
        console.result(f"  note     {note}")
    if not report.ok and not report.recording:
        console.say(f"kincap sessions repair {report.name} keeps all that is whole")


@app.command()
def repair(
    name: Name,
    recordings: Recordings = _DEFAULT,
    discard: Annotated[
        bool, typer.Option("--discard", help="Delete what repairs have kept, once all is well.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Restore or leave out what is damaged, seal what was left; keep all the rest."""
    from ..core.repair import repair

    with console.progress("repairing", unit="MiB") as bar:
        report = repair(
            recordings,
            name,
            discard=discard,
            on_progress=lambda done, total, note: bar.update(done // _MIB, -(-total // _MIB), note),
        )
    if as_json:
        console.print_json(report.to_json())
    else:
        _print_repair(report)
    return 0 if report.after.ok else 1


def _print_repair(report: "RepairReport") -> None:
    """Print what repair did."""
    console.result(f"{report.name}: {'repaired' if report.done else 'nothing to repair'}")
    for text in report.done:
        console.result(f"  {text}")
    for text in report.look_at:
        console.result(f"  please check  {text}")
    if report.kept:
        console.result(f"  kept until --discard: {', '.join(dict.fromkeys(report.kept))}")
    if report.discarded:
        console.result(f"  deleted: {', '.join(report.discarded)}")
    _print_report(report.after)


def _size(count: float) -> str:
    """Return a number of bytes in words."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def _duration(seconds: float | None) -> str | None:
    """Return a duration as h:mm:ss."""
    if seconds is None:
        return None
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
