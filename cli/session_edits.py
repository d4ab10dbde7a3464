"""``kincap sessions edit`` and ``correct``: decisions about frames and joints, from a command."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.errors import KincapError
from . import console
from .options import RECORDINGS, Json, Recordings

if TYPE_CHECKING:
    from ..dataset.corrections.correct import Corrections

_MOST_LINES = 20

Name = Annotated[str, typer.Argument(help="The session's name.")]


def edit(
    name: Name,
    operation: Annotated[
        str,
        typer.Argument(
            metavar="reject|keep|trim|move|visibility|swap-sides|tag|note|undo|redo",
            help="The decision (docs/format.md 1.8).",
        ),
    ],
    frames: Annotated[
        str | None, typer.Option("--frames", metavar="A[-B]", help="Colour frames, by number.")
    ] = None,
    person: Annotated[
        str | None, typer.Option("--person", help="Tracking id; needed where there are several.")
    ] = None,
    keypoint: Annotated[
        str | None, typer.Option("--keypoint", help="A keypoint, or a joint of the sensor.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="X,Y", help="Pixels of the image as stored.")
    ] = None,
    value: Annotated[
        int | None,
        typer.Option("--value", help="Visibility: 0 not labelled, 1 occluded, 2 visible."),
    ] = None,
    tag: Annotated[str | None, typer.Option("--tag", help="A word for the frames.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the tag away.")] = False,
    note: Annotated[str, typer.Option("--note", help="A remark.")] = "",
    recordings: Recordings = RECORDINGS,
    as_json: Json = False,
) -> None:
    """Decide about frames or joints of a session, as the review page does; undo takes it back."""
    from ..sessions.edits.edit_session import edit_session

    given: dict[str, Any] = {
        "frames": None if frames is None else _frames(frames),
        "person": person,
        "point": keypoint,
        "xy_px": None if to is None else _place(to),
        "value": value,
        "tag": tag,
        "remove": remove,
        "note": note,
    }
    edits = edit_session(recordings, name, operation.replace("-", "_"), given)
    counts = edits.counts()
    if as_json:
        console.print_json(
            {"schema": "kincap/edit/1", "session": name, "edit_counts": counts,
             "can_undo": edits.can_undo, "can_redo": edits.can_redo}
        )  # fmt: skip
        return
    there = ", ".join(f"{count} {op.replace('_', ' ')}" for op, count in counts.items())
    console.result(f"{name}: {there or 'no edits'}")


def correct(
    name: Name,
    file: Annotated[
        Path,
        typer.Option(
            "--from", help="COCO or Label Studio JSON, or CVAT XML, of exported pictures."
        ),
    ],
    export: Annotated[
        Path | None,
        typer.Option("--export", help="The exported folder; default: the one that FILE is in."),
    ] = None,
    tolerance: Annotated[
        float, typer.Option("--tolerance", metavar="PX", help="Smaller moves count as none.")
    ] = 0.1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show.")] = False,
    recordings: Recordings = RECORDINGS,
    as_json: Json = False,
) -> None:
    """Take labels that were corrected in another tool back as edits; one undo takes all away."""
    from ..dataset.corrections.correct import CorrectSettings
    from ..dataset.corrections.correct import correct as run

    done = run(CorrectSettings(recordings, name, file, export, tolerance, dry_run))
    if as_json:
        console.print_json(done.to_json())
    else:
        _print_corrections(done)


def _print_corrections(done: "Corrections") -> None:
    """Print the changes."""
    from ..dataset.corrections.correct import summary_lines

    lines = summary_lines(done.operations, _MOST_LINES)
    if lines:
        console.table(("frame", "person", "keypoint", "change"), lines)
    if len(done.operations) > _MOST_LINES:
        console.result(f"and {len(done.operations) - _MOST_LINES} more; --json lists them all")
    for reason, count in done.skipped.items():
        console.say(f"left out: {count} ({reason})")
    if done.compared_with == "session":
        console.say(
            "compared with the session's present labels, edits since the export included; "
            "--export DIR compares with the exported ones"
        )
    state = "now in edits.json" if done.applied else "nothing was changed"
    console.result(
        f"{done.session}: {done.people} people; {done.moved} keypoints moved, {done.visibility} "
        f"with another visibility, {done.unchanged} unchanged; {state}"
    )


def _frames(text: str) -> tuple[int, int]:
    """Return a range of frames."""
    found = re.fullmatch(r"(\d{1,19})(?:-(\d{1,19}))?", text)
    if found is None:
        raise KincapError(f"--frames {text}: expected a number or a range such as 10-30")
    first = int(found[1])
    return first, int(found[2] or first)


def _place(text: str) -> tuple[float, float]:
    """Return a position."""
    try:
        x, y = map(float, text.split(","))
    except ValueError as err:
        raise KincapError(f"--to {text}: expected two numbers such as 960.5,540") from err
    return x, y


def register(sessions: typer.Typer) -> None:
    """Add the commands to the group of sessions."""
    sessions.command("edit")(edit)
    sessions.command("correct")(correct)
