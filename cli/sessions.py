"""``kincap sessions``: look at recorded sessions, verify, repair, rename and delete them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.sizes import size_text
from ..core.units import SECOND_NS
from . import console, session_edits
from .options import RECORDINGS, Json, Recordings

if TYPE_CHECKING:
    from ..sessions.details import SessionDetails
    from ..sessions.device import Device
    from ..sessions.repair.repair import RepairReport
    from ..sessions.repair.verify import SessionReport
    from ..sessions.summary import SessionSummary

Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]
Name = Annotated[str, typer.Argument(help="The session's name.")]

_MOST_LINES = 20
_MOST_LETTERS = 24
"""Of a consent in a list."""
_MIB = 1 << 20
_STATES = {"left": "not sealed", "open": "being written"}

app = typer.Typer(
    help="List, show, verify, repair, edit, correct, rename and delete sessions.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
session_edits.register(app)


def register(parent: typer.Typer) -> None:
    """Add the group to the command line."""
    parent.add_typer(app, name="sessions")


@app.command("list")
def list_(recordings: Recordings = RECORDINGS, as_json: Json = False) -> None:
    """List all sessions with frames, size, outfit and state."""
    from ..report.guard_rails import folder_alarms
    from ..sessions.summary import list_sessions

    found = list_sessions(recordings)
    alarms = folder_alarms(recordings)
    if as_json:
        sessions = [session.to_json() for session in found]
        warnings = [alarm.to_json() for alarm in alarms]
        console.print_json(
            {"schema": "kincap/sessions/1", "sessions": sessions, "alarms": warnings}
        )
        return
    if not found:
        console.say(f"{recordings}: no sessions; kincap record --session NAME makes one")
        return
    _print_list(found)
    for session in found:
        for problem in session.problems:
            console.say(f"{session.name}: {problem}; kincap sessions verify {session.name}")
    for alarm in alarms:
        console.say(alarm.line())


def _print_list(found: "list[SessionSummary]") -> None:
    """Print a line for each session, without the columns that would say nothing."""
    from ..sessions.schema import Stream

    columns: dict[str, list[object]] = {
        "session": [session.name for session in found],
        "state": [_STATES.get(session.state, session.state) for session in found],
        "frames": [session.items[Stream.color] for session in found],
        "bodies": [session.items[Stream.bodies] for session in found],
        "masks": [session.items[Stream.mask] or None for session in found],
        "depth": [session.items[Stream.depth] or None for session in found],
        "lost": [session.dropped.total() or None for session in found],
        "time": [_duration(session.duration_s) for session in found],
        "takes": [len(session.takes) for session in found],
        "size": [size_text(session.bytes) for session in found],
        "outfit": [(session.info and session.info.outfit) or None for session in found],
        "subject": [(session.info and session.info.subject) or None for session in found],
        "consent": [_short(session.info.consent if session.info else "") for session in found],
    }
    if set(columns["takes"]) == {1}:
        del columns["takes"]
    columns = {name: cells for name, cells in columns.items() if set(cells) != {None}}
    numbers = ("frames", "bodies", "masks", "depth", "lost", "time", "takes", "size")
    console.table(
        tuple(columns),
        list(zip(*columns.values(), strict=True)),
        right=[i for i, name in enumerate(columns) if name in numbers],
    )


def _short(text: str) -> str | None:
    """Return the beginning of a text; None where there is none."""
    return (text[: _MOST_LETTERS - 3] + "..." if len(text) > _MOST_LETTERS else text) or None


@app.command()
def show(name: Name, recordings: Recordings = RECORDINGS, as_json: Json = False) -> None:
    """Show everything about one session: takes, shards, what was lost, joints, edits."""
    from ..sessions.details import show_session

    details = show_session(recordings, name)
    if as_json:
        console.print_json(details.to_json())
    else:
        _print_details(details)


def _print_details(details: "SessionDetails") -> None:
    """Print everything about one session."""
    from ..sessions.schema import Stream

    summary, info = details.summary, details.summary.info
    state = _STATES.get(summary.state, summary.state)
    by = details.recording_by
    lines: list[tuple[str, object]] = [
        ("state", f"{state} by process {by.get('pid')} ({by.get('command')})" if by else state),
        ("problems", "; ".join(summary.problems)),
        (
            "recorded",
            f"{_duration(summary.duration_s)} in {_count(len(summary.takes), 'take')}: "
            f"{_count(summary.items[Stream.color], 'colour frame')}, "
            f"{_count(summary.items[Stream.bodies], 'body row')}, "
            f"{_planes(summary)}{size_text(summary.bytes)}",
        ),
    ]
    if info is not None:
        width, height = info.device.color_size_px or ("?", "?")
        mirrored = "mirrored" if info.device.mirrored else "not mirrored"
        lines += [
            ("created", info.created_utc),
            ("outfit", info.outfit),
            ("subject", info.subject),
            ("consent", info.consent or "none is noted"),
            ("note", info.note),
            ("tags", ", ".join(summary.tags)),
            ("source", info.source.get("uri")),
            ("device", info.device.id),
            ("images", f"{width}x{height}, {mirrored}, {info.settings.get('codec', 'jpeg')}"),
            ("pixels", _estimate(info.device)),
            ("times", info.device.times),
            ("uuid", info.uuid),
        ]
    lost = "; ".join(
        f"{stream}: " + ", ".join(f"{n} {reason}" for reason, n in reasons.items())
        for stream, reasons in details.lost.items()
    )
    empty = f", {details.empty_rows} rows without a body" if details.empty_rows else ""
    ranges = ", ".join(
        f"{verdict} {first}" + (f"-{last}" if last != first else "")
        for first, last, verdict in details.edits[:_MOST_LINES]
    )
    lines += [
        ("lost", lost or "nothing"),
        ("noticed", ", ".join(f"{n} {kind}" for kind, n in details.noticed.items())),
        ("bodies", f"{details.bodies} tracked{empty}"),
        ("edits", ranges and f"{ranges} ({_count(details.summary.rejected, 'frame')} rejected)"),
        ("decisions", ", ".join(f"{n} {op}" for op, n in details.summary.edits.items())),
        ("notes", "; ".join(details.notes)),
        ("kept", ", ".join(details.kept)),
    ]
    console.result(summary.name)
    for label, text in lines:
        if text:
            console.result(f"  {label:9} {text}")
    _print_tables(details)


def _planes(summary: "SessionSummary") -> str:
    """Return the numbers of masks and depth images, where there are any."""
    from ..sessions.schema import Stream

    words = ((Stream.mask, "mask"), (Stream.depth, "depth image"))
    return "".join(f"{_count(summary.items[s], w)}, " for s, w in words if summary.items[s])


def _estimate(device: "Device") -> str:
    """Return a word on joints' pixels that were estimated, not given by a sensor."""
    if not device.is_estimated or device.projection is None:
        return ""
    return f"of joints: estimated from {device.projection.get('origin', 'an assumed projection')}"


def _print_tables(details: "SessionDetails") -> None:
    """Print the takes, shards and joints of a session."""
    from ..sessions.schema import Stream

    summary = details.summary
    console.table(
        ("take", "began (UTC)", "time", "frames", "bodies", "source"),
        [
            (
                take.take,
                _moment(take.wall_utc_ns),
                _duration(take.duration_s),
                take.items[Stream.color],
                take.items[Stream.bodies],
                take.source or None,
            )
            for _, take in sorted(summary.takes.items())
        ],
        right=(0, 2, 3, 4),
    )
    console.table(
        ("shard", "state", "size"),
        [
            (name, _STATES.get(state, state), size_text(size))
            for name, state, size in summary.shards
        ],
        right=(2,),
    )
    if details.joints:
        console.table(
            ("joint", "tracked", "inferred", "not tracked"),
            [
                (name, *(f"{share:.1%}" for share in shares))
                for name, shares in details.joints.items()
            ],
            right=(1, 2, 3),
        )


def _moment(wall_utc_ns: int | None) -> str | None:
    """Return a moment in words, or None where it is not known."""
    from datetime import UTC, datetime

    if wall_utc_ns is None:
        return None
    return f"{datetime.fromtimestamp(wall_utc_ns / SECOND_NS, UTC):%Y-%m-%d %H:%M:%S}"


@app.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Sessions; default all.")
    ] = None,
    recordings: Recordings = RECORDINGS,
    as_json: Json = False,
) -> int:
    """Check every row, frame and checksum; exit 1 where anything is damaged."""
    from ..sessions.repair.verify import verify as run

    with console.progress("verifying", unit="MiB") as bar:
        reports = run(
            recordings,
            names or (),
            in_mib(bar),
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


def in_mib(bar: console.Progress) -> Callable[[int, int, str], None]:
    """Return a function that takes bytes done, bytes in all and a note, for a bar of MiB."""
    return lambda done, total, note: bar.update(done // _MIB, -(-total // _MIB), note)


def _print_report(report: "SessionReport") -> None:
    """Print what verify found in one session."""
    state = "sealed" if report.sealed else "being recorded" if report.recording else "not sealed"
    shards = _count(len(report.shards), "shard")
    found = "ok" if report.ok else f"DAMAGED in {_count(len(report.damage), 'place')}"
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
    recordings: Recordings = RECORDINGS,
    discard: Annotated[
        bool, typer.Option("--discard", help="Delete what repairs have kept, once all is well.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Restore or leave out what is damaged, seal what was left; keep all the rest."""
    from ..sessions.repair.repair import repair as run

    with console.progress("repairing", unit="MiB") as bar:
        report = run(
            recordings,
            name,
            discard=discard,
            on_progress=in_mib(bar),
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


@app.command()
def rename(
    old: Annotated[str, typer.Argument(help="The session's name.")],
    new: Annotated[str, typer.Argument(help="Its new name.")],
    recordings: Recordings = RECORDINGS,
    yes: Yes = False,
) -> int:
    """Give a session another name; asks first."""
    from ..sessions.repair.rename_delete import check_rename
    from ..sessions.repair.rename_delete import rename as run

    check_rename(recordings, old, new)
    if not console.confirm(f"Rename session {old} to {new}?", yes):
        console.say("nothing was changed")
        return 1
    console.result(f"{old} is {run(recordings, old, new)} now")
    return 0


@app.command()
def upgrade(
    name: Name,
    to: Annotated[
        str | None, typer.Option("--to", help="The new session's name; default NAME-v2.")
    ] = None,
    recordings: Recordings = RECORDINGS,
    as_json: Json = False,
) -> None:
    """Write a session anew in this kincap's version, beside the old one; delete nothing."""
    from ..sessions.repair.upgrade import upgrade as run

    with console.progress("upgrading", unit="MiB") as bar:
        done = run(
            recordings,
            name,
            to,
            in_mib(bar),
        )
    if as_json:
        folder = str(done.folder) if done.folder else None
        console.print_json(
            {"schema": "kincap/upgrade/1", "session": name, "new": folder,
             "version_before": done.version_before, "shards": done.shards}
        )  # fmt: skip
    elif done.folder is None:
        console.result(f"{name}: has version {done.version_before} already; nothing was written")
    else:
        console.result(
            f"{done.folder}: written and verified, {_count(done.shards, 'shard')}; "
            f"{name} is as it was"
        )
        console.say(f"kincap sessions report {done.folder.name} makes its report")


@app.command()
def delete(name: Name, recordings: Recordings = RECORDINGS, yes: Yes = False) -> int:
    """Delete a session with all its frames; lists them and asks first."""
    from ..sessions.repair.rename_delete import contents
    from ..sessions.repair.rename_delete import delete as run

    found = contents(recordings, name)
    for file, size in found.files:
        console.say(f"  {file:24} {size_text(size):>10}")
    question = f"Delete {found.folder} with {_count(len(found.files), 'file')}, "
    if not console.confirm(f"{question}{size_text(found.bytes)}, for good?", yes):
        console.say("nothing was deleted")
        return 1
    run(recordings, name)
    console.result(f"{found.folder}: deleted, {size_text(found.bytes)} are free again")
    return 0


def _count(number: int, unit: str) -> str:
    """Return a number of things in words."""
    return f"{number} {unit}{'' if number == 1 else 's'}"


def _duration(seconds: float) -> str:
    """Return a duration in seconds below a minute, else as h:mm:ss."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
