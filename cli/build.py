"""``kincap build``: from sessions into kinect13.h5."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import KincapError
from . import console
from .building.result_text import print_result
from .options import BlurFaces

if TYPE_CHECKING:
    from ..checks.filters.settings import FilterSettings


def build(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", help="The data set to make.")] = Path("kinect13.h5"),
    recordings: Annotated[
        Path, typer.Option("--recordings", help="Folder of all sessions.")
    ] = Path("recordings"),
    sessions: Annotated[
        str, typer.Option("--sessions", help="Glob of the sessions to build from.")
    ] = "*",
    add: Annotated[
        list[str] | None,
        typer.Option(
            "--add",
            metavar="SET:PATH",
            help="Build from this public set instead of sessions; give it several times for "
            "several sets (docs/datasets.md).",
        ),
    ] = None,
    boxes: Annotated[
        str,
        typer.Option(
            "--boxes",
            metavar="truth|FILE",
            help="Crops of public sets: around the labels, or by the detections in a JSON file.",
        ),
    ] = "truth",
    val: Annotated[
        str,
        typer.Option(
            "--val",
            metavar="FRACTION|NAMES",
            help="Validation: a share of the time (the last part of each run of takes; short "
            "runs go whole to one side), or whole sessions: GLOB, subject:GLOB, outfit:GLOB, "
            "several with commas. With --add: a share of the people with all 13 keypoints, at "
            "most 2000, or whole sets.",
        ),
    ] = "0.2",
    test: Annotated[
        str | None,
        typer.Option("--test", metavar="FRACTION|NAMES", help="The test set, as for --val."),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            "--folds",
            metavar="K",
            help="Make K data sets, OUT.fold1.h5 and so on, each with other outfits as validation.",
        ),
    ] = None,
    guard: Annotated[
        float,
        typer.Option(
            "--guard",
            metavar="S",
            help="Seconds around validation and test frames that are left out of training.",
        ),
    ] = 2.0,
    near_copies: Annotated[
        str,
        typer.Option(
            "--near-copies",
            metavar="report|drop|refuse",
            help="Training rows that nearly show what a validation or test row shows: count some, "
            "leave all out, or refuse to build.",
        ),
    ] = "report",
    thin: Annotated[
        float | None,
        typer.Option(
            "--thin",
            metavar="SHARE",
            help="Leave out frames in which the person has moved less than this share of the torso "
            "since the last one that is kept, for example 0.01.",
        ),
    ] = None,
    balance: Annotated[
        float | None,
        typer.Option(
            "--balance",
            metavar="F",
            help="Leave out training rows of frequent poses: no bin of poses keeps more than F "
            "times the rows of the mean bin.",
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            "--size",
            help="Side of the crops, pixels, a multiple of 4; default 224. Height of whole frames; "
            "default 368.",
        ),
    ] = None,
    margin: Annotated[
        float,
        typer.Option(
            "--margin",
            metavar="1.0|1.5",
            help="Side of the stored images, in sides of the crop: 1.5 for training with shifts.",
        ),
    ] = 1.0,
    decoding: Annotated[
        str,
        typer.Option(
            "--decoding",
            metavar="exact|fast",
            help="All pixels of a crop, or images decoded at a fraction of their size.",
        ),
    ] = "exact",
    layout: Annotated[
        str,
        typer.Option(
            "--layout",
            metavar="crops|full",
            help="A crop around each person, or whole frames, 368 pixels high, with all people.",
        ),
    ] = "crops",
    masks: Annotated[
        bool,
        typer.Option("--masks", help="Write the sensor's body masks beside the images."),
    ] = False,
    joints_at: Annotated[
        str,
        typer.Option(
            "--joints-at",
            metavar="nearest|color",
            help="Joints as the nearest body row has them, or moved to the picture's time.",
        ),
    ] = "nearest",
    skip_damaged: Annotated[
        bool,
        typer.Option(
            "--skip-damaged",
            help="Leave out pictures that can't be decoded, and missing or damaged shards.",
        ),
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Throw away what an interrupted build has done.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes; default: one for each core.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            metavar="dask://HOST:PORT",
            help="Build on a Dask cluster that sees the same folders; see docs/scale.md.",
        ),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option("--sheet", help="Where examples are drawn, PNG; default: beside the output."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE",
            help="Where the HTML report goes; default: beside the output.",
        ),
    ] = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Make no HTML report.")] = False,
    blur_faces: BlurFaces = False,
    filters: Annotated[
        Path | None,
        typer.Option("--filters", metavar="FILE", help="Thresholds, TOML; see docs/quality.md."),
    ] = None,
    bodies: Annotated[
        str,
        typer.Option(
            "--bodies",
            metavar="largest|all|ID,ID",
            help="Whose: the largest and most central person of each take, everyone, or the people "
            "with these tracking ids.",
        ),
    ] = "largest",
    unknown_weight: Annotated[
        float,
        typer.Option(
            "--unknown-weight",
            metavar="W",
            help="Weight of joints whose source has no tracking state.",
        ),
    ] = 0.0,
    swap_back: Annotated[
        bool,
        typer.Option(
            "--swap-back/--no-swap-back",
            help="Put back left and right where they are exchanged for a moment.",
        ),
    ] = True,
    correct_lag: Annotated[
        bool,
        typer.Option(
            "--correct-lag/--no-correct-lag",
            help="Move joints by a lag of the whole take that is certain.",
        ),
    ] = True,
    joint_bias: Annotated[
        str,
        typer.Option(
            "--joint-bias",
            metavar="none|kinect2|FILE",
            help="Correct the sensor's known bias: kinect2 assumes one, a TOML file is fitted; see "
            "docs/quality.md.",
        ),
    ] = "none",
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels",
            help="Corrected or filled labels (CSV or JSON, docs/format.md 2.6) to use in place of "
            "the sensor's.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make a data set of 13 keypoints from recordings or public sets; a killed build goes on."""
    if size is None:
        size = 368 if layout == "full" else 224
    if add or boxes != "truth":
        from .building.public_sets import build_from_sets

        build_from_sets(
            context, add or [], json, out=out, boxes=boxes, val=val, test=test, size=size,
            margin=margin, skip_damaged=skip_damaged, restart=restart, dry_run=dry_run,
            workers=workers, scheduler=scheduler, sheet=sheet, report=report,
            with_report=not no_report, blur_faces=blur_faces,
        )  # fmt: skip
        return
    from ..dataset.build import BuildSettings, build_folds
    from ..dataset.build import build as run
    from ..dataset.labels.joint_bias import load_bias

    settings = BuildSettings(
        filters=_filters(filters, thin),
        bodies=bodies,
        unknown_weight=unknown_weight,
        swap_back=swap_back,
        correct_lag=correct_lag,
        joint_bias=load_bias(joint_bias),
        out=out,
        recordings=recordings,
        sessions=sessions,
        val=val,
        test=test,
        folds=folds,
        near_copies=near_copies,
        balance=balance,
        guard_s=guard,
        size=size,
        margin=margin,
        decoding=decoding,
        layout=layout,
        masks=masks,
        joints_at=joints_at,
        skip_damaged=skip_damaged,
        restart=restart,
        dry_run=dry_run,
        workers=workers,
        scheduler=scheduler,
        sheet=sheet,
        report=report,
        with_report=not no_report,
        blur_faces=blur_faces,
        labels=labels,
    )
    with console.progress(f"building {out}", unit="rows") as bar:
        if folds is None:
            results = [run(settings, on_progress=bar.update)]
        else:
            results = build_folds(settings, on_progress=bar.update)
    if json:
        # the objects have the warnings
        objects = [done.to_json() for done in results]
        by_fold = {"schema": "kincap/build-folds/1", "out": str(out), "folds": objects}
        console.print_json(objects[0] if folds is None else by_fold)
        return
    for done in results:
        if done.fold is not None:
            outfits = ", ".join(done.fold["outfits"])
            console.result(f"Fold {done.fold['number']} of {folds}: validation is {outfits}")
        for warning in done.warnings:
            console.say(f"warning: {warning}")
        print_result(done)


def _filters(file: Path | None, thin: float | None) -> "FilterSettings":
    """Return the thresholds of ``--filters``, with that of ``--thin``."""
    from dataclasses import replace

    from ..checks.filters.registry import FILTER_NAMES
    from ..checks.filters.settings import FilterSettings, read_filters

    settings = FilterSettings() if file is None else read_filters(file, FILTER_NAMES)
    if thin is None:
        return settings
    if not 0 <= thin <= 1:
        raise KincapError(f"--thin {thin:g}: expected a share of the torso from 0 to 1")
    return replace(settings, thin_motion=thin)


def register(app: typer.Typer) -> None:
    """Add the group's commands."""
    app.command("build")(build)
