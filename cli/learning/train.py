"""Commands that learn: pretrain and finetune."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...train.nets.registry import NETS
from ..console import print_json, progress, result, say
from ..options import Json
from .pck_table import pck_table

if TYPE_CHECKING:
    from ...train.finetune import TrainResult

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
        help=f"{', '.join(NETS)}; kincap nets describes them. "
        "Default: the checkpoint's, else compact on a CPU, linna on a GPU.",
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
    from ...train.pretrain import pretrain as work
    from ...train.settings import TrainOptions

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
    from ...train.finetune import finetune as work
    from ...train.settings import TrainOptions

    options = TrainOptions(
        data=data, out=out, runs=runs, name=name, recipe=recipe, model=model, width=width,
        size=size, epochs=epochs, steps=steps, batch=batch, lr=lr, optimizer=optimizer,
        device=device, seed=seed, shuffle_labels=shuffle_labels,
    )  # fmt: skip
    start = None if init in (None, "none") else Path(init)
    with progress("finetune", unit="steps") as bar:
        done = work(options, start, bar.update, say)
    _report(done, json)


def _report(done: "TrainResult", json: bool) -> None:
    """Print how a run went."""
    report = done.to_json()
    if json:
        print_json(report)
        return
    learned = done.learned
    pck_table(
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


def _not_above(value: float | None, baseline: float | None) -> bool:
    return value is not None and baseline is not None and value <= baseline
