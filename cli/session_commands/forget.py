"""``kincap sessions forget``: remove everything that is known of a person, and prove it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...core.sizes import size_text
from .. import console
from ..options import RECORDINGS, Json, Recordings
from ..sessions import Yes, app

if TYPE_CHECKING:
    from ...dataset.forget.forget import ForgetResult
    from ...dataset.forget.plan import ForgetPlan

_MOST_LINES = 20


@app.command("forget")
def forget(
    subject: Annotated[str, typer.Argument(help="The person, as sessions list shows them.")],
    data: Annotated[
        list[Path] | None,
        typer.Option(
            "--data",
            metavar="FILE",
            help="A data set with rows of the person; repeatable. Default: those in this folder "
            "and in the folder of the sessions.",
            show_default=False,
        ),
    ] = None,
    recordings: Recordings = RECORDINGS,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """Remove a person's sessions, rows of data sets and exports; list, ask, and prove it."""
    from ...dataset.forget.forget import forget as run
    from ...dataset.forget.plan import ForgetSettings, plan_forget

    settings = ForgetSettings(subject, recordings, tuple(data or ()))
    plan = plan_forget(settings)
    _list(plan)
    if not console.confirm(_question(plan), yes):
        console.say("nothing was removed")
        return 1
    try:
        with console.progress(f"forgetting {subject}", unit="steps") as bar:
            done = run(settings, plan, bar.update)
    except KeyboardInterrupt:
        console.say("what was removed is gone; run it again to go on")
        raise
    if as_json:
        console.print_json(done.to_json())
    else:
        _print(done)
    return 0 if done.proven else 1


def _list(plan: "ForgetPlan") -> None:
    """Print what was found, before it is removed."""
    lines = [f"done by an earlier run: {text}" for text in plan.done]
    lines += [
        f"session {one.folder}: {len(one.files)} files, {size_text(one.bytes)}"
        for one in plan.sessions
    ]
    for one in plan.data:
        what = "deleted" if one.rows == one.total else "written anew without them"
        lines.append(f"data set {one.path}: {one.rows} of {one.total} rows, {what}")
    lines += [f"unfinished build {path}: deleted" for path in plan.unfinished]
    for export in plan.exports:
        what = f"NOT deleted: it exists, {export.change}" if export.change else "deleted"
        lines.append(f"export {export.path}: {export.people} pictures, {what}")
    lines += [f"log {path}: names removed" for path in plan.logs]
    lines += [f"net {one.path}: trained on them, can't be changed" for one in plan.checkpoints]
    lines += [f"NOT changed: {one}" for one in plan.mentions]
    for line in lines:
        console.say(f"  {line}")
    if plan.unreadable:
        console.say(f"  can't be read, may be theirs: {', '.join(plan.unreadable)}")


def _question(plan: "ForgetPlan") -> str:
    """Return the question."""
    sessions, sets = len(plan.sessions), len(plan.data)
    return (
        f"Forget {plan.subject}: remove {sessions} session{'s' * (sessions != 1)} "
        f"({size_text(plan.bytes)}) and {plan.rows} rows of {sets} data set{'s' * (sets != 1)}, "
        "for good?"
    )


def _print(done: "ForgetResult") -> None:
    """Print what was removed, the proof, and what can't be removed."""
    for text in done.done:
        console.result(text)
    for one in done.mentions[:_MOST_LINES]:
        console.result(f"LEFT  {one}; remove it yourself, then run it again")
    for path in done.kept_exports:
        console.result(f"LEFT  {path}: exported labels that were changed since; delete it yourself")
    if done.rows_left:
        console.result(f"LEFT  {done.rows_left} rows of data sets; run it again")
    if done.proven:
        console.result(
            f"{done.plan.subject}: forgotten. {done.files} files searched: none names the subject "
            "or the uuid of a session, no row of theirs is left"
        )
    else:
        console.result(
            f"{done.plan.subject}: NOT forgotten everywhere ({done.files} files searched)"
        )
    for path in done.plan.sheets:
        console.result(f"may show them: {path}; look at it, and delete it")
    for net in done.checkpoints:
        console.result(f"trained on them: {net.path}")
    if done.checkpoints:
        console.say(
            "what a net has learnt can't be taken out of it: delete these and train again on the "
            "data set as it is now, kincap finetune --data FILE"
        )
    console.say(
        "copies on other disks, backups and snapshots are not reached: see docs/sessions.md"
    )


def register(_parent: typer.Typer) -> None:
    """Add the command: importing this file has put it into the group of sessions."""
