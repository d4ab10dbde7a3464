"""Commands that learn: pretrain, finetune, evaluate."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.errors import KincapError
from ..train.nets.registry import NETS
from .console import print_json, progress, result, say, table
from .options import BlurFaces, Json

if TYPE_CHECKING:
    from ..train.evaluate import EvaluateResult
    from ..train.finetune import TrainResult

GROUPS = ("head", "wrist", "elbow", "shoulder", "hip", "knee", "ankle", "all")

_NETS = ", ".join(f"{name} ({entry.about})" for name, entry in NETS.items())

Init = Annotated[
    str | None,
    typer.Option("--init", help="Checkpoint to start from; default: fresh weights, as with none."),
]
Recipe = Annotated[
    str, typer.Option("--recipe", help="own (the net's) or paper (Linna et al., always linna).")
]
Data = Annotated[Path, typer.Option("--data", help="Data set that build made.")]
Out = Annotated[Path | None, typer.Option("--out", help="Copy the best checkpoint there.")]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        help=f"{_NETS}. Default: the checkpoint's, else compact on a CPU, linna on a GPU.",
    ),
]
Width = Annotated[float | None, typer.Option("--width", help="Factor on the net's channels.")]
Size = Annotated[int | None, typer.Option("--size", help="Side of the net's input, pixels.")]
Epochs = Annotated[int | None, typer.Option("--epochs", help="How often each sample is seen.")]
Steps = Annotated[int | None, typer.Option("--steps", help="Batches, instead of --epochs.")]
Batch = Annotated[int | None, typer.Option("--batch", help="Samples in a batch.")]
Rate = Annotated[float | None, typer.Option("--lr", help="Learning rate.")]
Optimizer = Annotated[str | None, typer.Option("--optimizer", help="sgd or adamw.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1 ...")]
Seed = Annotated[int, typer.Option("--seed", help="Everything random follows from it.")]
Name = Annotated[str | None, typer.Option("--name", help="Last part of the run folder's name.")]
Runs = Annotated[Path, typer.Option("--runs", help="Folder that run folders are made in.")]
# a negative control for people who check the demo, not for daily work
Shuffle = Annotated[bool, typer.Option("--shuffle-labels", hidden=True)]


def register(app: typer.Typer) -> None:
    """Add the group's commands."""
    app.command("pretrain")(pretrain)
    app.command("finetune")(finetune)
    app.command("evaluate")(evaluate)


def pretrain(
    data: Data,
    out: Out = None,
    recipe: Recipe = "own",
    model: Model = None,
    width: Width = None,
    size: Size = None,
    epochs: Epochs = None,
    steps: Steps = None,
    batch: Batch = None,
    lr: Rate = None,
    optimizer: Optimizer = None,
    device: Device = "auto",
    seed: Seed = 0,
    name: Name = None,
    runs: Runs = Path("runs"),
    shuffle_labels: Shuffle = False,
    json: Json = False,
) -> None:
    """Train fresh weights on many people and places, to finetune from."""
    from ..train.pretrain import pretrain as work
    from ..train.settings import TrainOptions

    options = TrainOptions(
        data=data, out=out, runs=runs, name=name, recipe=recipe, model=model, width=width,
        size=size, epochs=epochs, steps=steps, batch=batch, lr=lr, optimizer=optimizer,
        device=device, seed=seed, shuffle_labels=shuffle_labels,
    )  # fmt: skip
    with progress("pretrain", unit="steps") as bar:
        done = work(options, bar.update, say)
    _report(done, json)


def finetune(
    init: Init = None,
    data: Data = Path("kinect13.h5"),
    out: Out = None,
    recipe: Recipe = "own",
    model: Model = None,
    width: Width = None,
    size: Size = None,
    epochs: Epochs = None,
    steps: Steps = None,
    batch: Batch = None,
    lr: Rate = None,
    optimizer: Optimizer = None,
    device: Device = "auto",
    seed: Seed = 0,
    name: Name = None,
    runs: Runs = Path("runs"),
    shuffle_labels: Shuffle = False,
    json: Json = False,
) -> None:
    """Train on your own frames, from a checkpoint's weights or from fresh ones."""
    from ..train.finetune import finetune as work
    from ..train.settings import TrainOptions

    options = TrainOptions(
        data=data, out=out, runs=runs, name=name, recipe=recipe, model=model, width=width,
        size=size, epochs=epochs, steps=steps, batch=batch, lr=lr, optimizer=optimizer,
        device=device, seed=seed, shuffle_labels=shuffle_labels,
    )  # fmt: skip
    start = None if init in (None, "none") else Path(init)
    with progress("finetune", unit="steps") as bar:
        done = work(options, start, bar.update, say)
    _report(done, json)


def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint of pretrain or finetune.")],
    data: Data = Path("kinect13.h5"),
    split: Annotated[str, typer.Option("--split", help="val or test.")] = "val",
    include_inferred: Annotated[
        bool, typer.Option("--include-inferred", help="Count inferred keypoints too.")
    ] = False,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", help="Save crops with both poses drawn (PNG).")
    ] = None,
    blur_faces: BlurFaces = False,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Measure a checkpoint: PCK by joint beside the mean pose's, median error, a sheet."""
    from ..train.evaluate import EvaluateSettings
    from ..train.evaluate import evaluate as work

    done = work(
        EvaluateSettings(checkpoint, data, split, include_inferred, sheet, device, blur_faces)
    )
    report = done.to_json()
    if not done.mirror_training:
        say("this net never saw mirrored pictures: averaging over them may hurt (see single)")
    if json:
        print_json(report)
        _fail_without_sheet(done)
        return
    shown = (("net", report["pck"]), ("net, single", report["pck_single"]))
    _pck_table(
        f"{checkpoint} on {split} of {data}: {done.samples} crops, {report['counted']}",
        (*shown, ("mean pose", report["mean_pose"]["pck"])),
    )
    median, mean = report["median_error_torso"], report["mean_pose"]["median_error_torso"]
    result(f"median error {_figure(median)} % of the torso (mean pose {_figure(mean)})")
    if done.mirrored.skipped:
        result(f"skipped {done.mirrored.skipped} frames: no torso to measure by")
    _fail_without_sheet(done)
    if sheet is not None:
        result(f"sheet {sheet}")


def _fail_without_sheet(done: "EvaluateResult") -> None:
    """End with exit code 1 where the sheet could not be saved; the figures are printed by now."""
    if done.sheet_problem is not None:
        raise KincapError(done.sheet_problem, exit_code=1)


def _report(done: "TrainResult", json: bool) -> None:
    """Print how a run went."""
    report = done.to_json()
    if json:
        print_json(report)
        return
    learned = done.learned
    _pck_table(
        f"{done.kind} {done.model} at {done.size} px on {done.device}: {learned.steps} steps, "
        f"{learned.seconds:.0f} s; validation split, no mirror averaging",
        (
            ("before", report["first"]["pck_single"]),
            (f"best (step {learned.best_step})", report["val"]["pck_single"]),
            ("mean pose", report["mean_pose"]["pck"]),
        ),
    )
    wrist = report["val"]["pck_single"]["0.2"]["wrist"]
    if _not_above(wrist, report["mean_pose"]["pck"]["0.2"]["wrist"]):
        say("the wrist is not above the mean pose: this net has not learnt to use the picture")
    result(f"best {done.best}")
    if done.out is not None:
        result(f"copied to {done.out}")


def _pck_table(title: str, rows: tuple[tuple[str, Mapping[str, Mapping[str, Any]]], ...]) -> None:
    """Print a table of PCK: a row for each threshold and each of ``rows``."""
    thresholds = tuple(rows[0][1])
    table(
        ("PCK", "", *GROUPS),
        [
            (f"@{a}" if index == 0 else "", name, *(_figure(pck[a][g]) for g in GROUPS))
            for a in thresholds
            for index, (name, pck) in enumerate(rows)
        ],
        title=title,
        right=range(2, 2 + len(GROUPS)),
    )


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _not_above(value: float | None, baseline: float | None) -> bool:
    return value is not None and baseline is not None and value <= baseline
