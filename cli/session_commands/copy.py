"""``kincap sessions copy``: sessions to another disk, every byte verified."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...core.errors import KincapError
from ...core.sizes import size_text
from .. import console
from ..options import RECORDINGS, Json, Recordings
from ..sessions import app, in_mib

if TYPE_CHECKING:
    from ...sessions.copying.copy import CopyResult, SessionCopy


@app.command("copy")
def copy(
    words: Annotated[
        list[str],
        typer.Argument(metavar="NAME... DEST", help="Sessions, then the folder to copy into."),
    ],
    everything: Annotated[
        bool, typer.Option("--all", help="Copy all sessions; only DEST is named.")
    ] = False,
    recordings: Recordings = RECORDINGS,
    as_json: Json = False,
) -> int:
    """Copy sessions to another disk and verify every byte; go on where an earlier run ended."""
    from ...sessions.copying.copy import copy_sessions as run

    names, destination = words[:-1], Path(words[-1])
    if everything and names:
        raise KincapError(f"--all and {names[0]}: both given, expected one of them")
    if not everything and not names:
        raise KincapError(
            f"{destination}: one name given; expected sessions and the folder to copy into, or "
            "--all and the folder"
        )
    try:
        with console.progress("copying", unit="MiB") as bar:
            done = run(
                recordings, names, destination, everything=everything, on_progress=in_mib(bar)
            )
    except KeyboardInterrupt:
        console.say("what was copied stays; run it again to go on")
        raise
    if as_json:
        console.print_json(done.to_json())
    else:
        _print(done)
    return 0 if done.ok else 1


def _print(done: "CopyResult") -> None:
    """Print what was copied, and what may be deleted."""
    for one in done.sessions:
        console.result(f"{one.name}: {_state(one)}")
        for text in one.damage:
            console.result(f"  DAMAGED  {text}; the copy is as damaged")
        for name in one.links:
            console.result(f"  not copied: {name} (a link)")
        if one.unsealed:
            console.result(f"  not sealed: {', '.join(one.unsealed)}; copied as it is")
    for name, why in done.left_out.items():
        console.result(f"{name}: left out: {why}")
    safe = [one.name for one in done.sessions if one.source_may_be_deleted]
    if safe:
        console.result(
            f"the sources of {', '.join(safe)} may be deleted: kincap sessions delete NAME"
        )
    if done.same_disk:
        console.say(f"{done.destination}: on the disk of the recordings; one fault may take both")
    for one in done.sessions:
        if one.damage:
            console.say(f"keep the source: kincap sessions repair {one.name} keeps all it can")


def _state(one: "SessionCopy") -> str:
    """Return the result for a session in one line."""
    if one.problem:
        return f"FAILED: {one.problem}"
    size = f"{one.files} files, {size_text(one.bytes)}"
    if one.state != "copied":
        return f"{one.state}: {one.path}, {size}, all bytes compared"
    resumed = f" ({size_text(one.resumed_bytes)} by an earlier run)" if one.resumed_bytes else ""
    return f"copied to {one.path}: {size}{resumed}, read back and the same"


def register(_parent: typer.Typer) -> None:
    """Add the command: importing this file has put it into the group of sessions."""
