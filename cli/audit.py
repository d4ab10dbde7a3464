"""``kincap audit``: labels that trained nets disagree with."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import KincapError
from . import console
from .options import given_flags

if TYPE_CHECKING:
    from ..predict.audit import AuditResult

SHOWN = 20
_OF_TEACHERS = {
    "--teacher", "--recordings", "--sessions", "--top", "--dry-run", "--fill-inferred", "--json",
}  # fmt: skip
"""Flags that have an effect with --teacher."""


def audit(
    context: typer.Context,
    checkpoints: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[CKPT]...", help="Nets; each judges sessions it has not learnt."),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option("--folds", help="Train this many nets, each without the sessions it judges."),
    ] = None,
    data: Annotated[Path, typer.Option("--data", help="Data set whose labels are audited.")] = Path(
        "kinect13.h5"
    ),
    recordings: Annotated[
        Path, typer.Option("--recordings", help="Folder of all sessions.")
    ] = Path("recordings"),
    sessions: Annotated[
        str, typer.Option("--sessions", help="Glob of the sessions to audit.")
    ] = "*",
    top: Annotated[int, typer.Option("--top", help="Suggestions to keep, over all.")] = 200,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write no file.")] = False,
    init: Annotated[
        Path | None,
        typer.Option("--init", help="With --folds: checkpoint to start from; default: fresh."),
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="With --folds: the net.")] = None,
    size: Annotated[
        int | None, typer.Option("--size", help="With --folds: side of its input, pixels.")
    ] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="With --folds: batches.")] = None,
    batch: Annotated[
        int | None, typer.Option("--batch", help="With --folds: samples in a batch.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="With --folds: of the training.")] = 0,
    runs: Annotated[
        Path, typer.Option("--runs", help="With --folds: folder of run folders.")
    ] = Path("runs"),
    teacher: Annotated[
        str | None,
        typer.Option(
            "--teacher",
            metavar="NAME",
            help="Audit recordings by a net of others instead: blazepose, or onnx:FILE.",
        ),
    ] = None,
    fill_inferred: Annotated[
        Path | None,
        typer.Option(
            "--fill-inferred",
            metavar="FILE",
            help="With --teacher: write labels of the joints that the sensor only guessed (CSV, "
            "for build --labels).",
        ),
    ] = None,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1 ...")] = "auto",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List labels that nets which never learnt them disagree with, for a person to look at."""
    if teacher is not None:
        _refuse_nets(checkpoints, folds)
        for flag in sorted(given_flags(context) - _OF_TEACHERS):
            raise KincapError(
                f"{flag}: not with --teacher, which audits recordings and trains nothing; leave "
                f"{flag} out"
            )
        _audit_by_teacher(teacher, recordings, sessions, top, dry_run, fill_inferred, json)
        return
    if fill_inferred is not None:
        raise KincapError("--fill-inferred: only with --teacher, whose labels they are")
    _check(checkpoints, folds, {"init": init, "model": model, "size": size, "steps": steps,
                                "batch": batch})  # fmt: skip
    from ..predict.audit import AuditSettings
    from ..predict.audit import audit as work
    from ..predict.folds import FoldSettings, audit_folds
    from ..train.settings import TrainOptions

    settings = AuditSettings(
        checkpoints=tuple(checkpoints or ()), data=data, recordings=recordings,
        sessions=sessions, top=top, dry_run=dry_run, device=device,
    )  # fmt: skip
    with console.progress("audit", unit="steps" if folds else "rows") as bar:
        if folds is None:
            done = work(settings, bar.update)
        else:
            training = TrainOptions(
                runs=runs, model=model, size=size, steps=steps, batch=batch, seed=seed,
                device=device,
            )  # fmt: skip
            plan = FoldSettings(folds, init, training)
            done = audit_folds(settings, plan, bar.update, console.say)
    if json:
        console.print_json(done.to_json())
        return
    _show(done)


def _check(checkpoints: list[Path] | None, folds: int | None, training: dict[str, object]) -> None:
    """Refuse flags that contradict each other."""
    if checkpoints and folds is not None:
        raise KincapError("--folds: trains its own nets; name checkpoints or --folds, not both")
    for flag, value in training.items():
        if value is not None and folds is None:
            raise KincapError(f"--{flag}: only with --folds, which trains nets")


def _refuse_nets(checkpoints: list[Path] | None, folds: int | None) -> None:
    if checkpoints or folds is not None:
        flag = "--folds" if folds is not None else ", ".join(map(str, checkpoints or ()))
        raise KincapError(f"--teacher: judges in place of {flag}; give one of them")


def _audit_by_teacher(
    teacher: str, recordings: Path, sessions: str, top: int, dry_run: bool, fill: Path | None,
    json: bool,
) -> None:  # fmt: skip
    """Audit by a net of others, print what it found."""
    from ..predict.teacher_audit import TeacherAuditSettings, audit_by_teacher

    settings = TeacherAuditSettings(teacher, recordings, sessions, top, dry_run, fill)
    with console.progress("audit", unit="people") as bar:
        done = audit_by_teacher(settings, bar.update)
    if json:
        console.print_json(done.to_json())
        return
    _show(done.result)
    if fill is None:
        return
    for name, filled in done.filled.items():
        console.result(f"{name}: {len(filled.lines)} of {filled.guessed} guessed keypoints filled")
    if done.file is not None:
        console.result(f"kincap build --labels {done.file} uses them, for training only")


def _show(done: "AuditResult") -> None:
    """Print what was found."""
    console.table(
        ("session", "rows judged", "suggestions", "by", "written to"),
        [
            (one.session, one.rows, len(one.suggestions), ", ".join(one.nets), one.file)
            if one.skipped is None
            else (f"{one.session}: skipped", 0, 0, one.skipped, None)
            for one in done.sessions
        ],
        right=(1, 2),
    )
    suggestions = done.suggestions
    if not suggestions:
        console.result("no suggestions: nets and labels agree")
        return
    console.table(
        ("session", "frames", "person", "kind", "score", "keypoints"),
        [
            (one.session, f"{one.seq_first}-{one.seq_last}", one.tracking_id, one.kind,
             f"{one.score:.1f}", ", ".join(one.keypoints))
            for one in suggestions[:SHOWN]
        ],
        title=f"{len(suggestions)} suggestions, the strongest first",
        right=(4,),
    )  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add the group's commands."""
    app.command("audit")(audit)
