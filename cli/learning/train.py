"""Commands that learn: pretrain and finetune."""

import os
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...core.errors import KincapError
from ...train.nets.registry import NETS
from ..console import Progress, print_json, progress, result, say, table
from ..options import Json
from .distilling import DistillFlags, with_distilled
from .flags import with_flags
from .pck_table import figure_text, pck_table

if TYPE_CHECKING:
    from ...train.cascade.run import StagesResult
    from ...train.detect.settings import DetectOptions
    from ...train.finetune import TrainResult
    from ...train.run.resume import ResumeOptions
    from ...train.settings import TrainOptions

# evaluate has these two as well
Data = Annotated[Path, typer.Option("--data", help="Data set that build made.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1 ...")]


@dataclass(frozen=True)
class TrainFlags:
    """The flags of pretrain and finetune; a None is a flag that was not given."""

    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            metavar="FILE[:WEIGHT]",
            help="Data set that build made (kinect13.h5). Several times: they are mixed, a sample "
            "of weight 2 is drawn twice as often; FILE:1,rotation=40 turns copies by up to 40 "
            "degrees.",
        ),
    ] = None
    distill: Annotated[
        list[str] | None,
        typer.Option(
            "--distill",
            metavar="SOURCE[:WEIGHT]",
            help="Learn from frames without labels too: pictures, a video, a folder of these or a "
            "session, labelled once by --teacher. Weight and rotation as for --data.",
        ),
    ] = None
    teacher: Annotated[
        str | None,
        typer.Option(
            "--teacher", metavar="NAME", help="Labels --distill: blazepose (default) or onnx:FILE."
        ),
    ] = None
    out: Annotated[Path | None, typer.Option("--out", help="Copy the best checkpoint there.")] = (
        None
    )
    resume: Annotated[
        Path | None,
        typer.Option(
            "--resume", metavar="RUN", help="Go on with an interrupted run: its folder, in runs/."
        ),
    ] = None
    outfit: Annotated[
        str | None,
        typer.Option(
            "--outfit", metavar="GLOB", help="Only sessions of these outfits: 'clothing[2-7]'."
        ),
    ] = None
    homogeneous: Annotated[
        bool,
        typer.Option("--homogeneous", help="Learn only from samples with all keypoints."),
    ] = False
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            metavar="own|paper",
            help="The net's own, or that of Linna et al. for linna.  [default: own]",
        ),
    ] = None
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="NAME",
            help=f"{', '.join(NETS)}; kincap nets describes them. "
            "Default: the checkpoint's, else compact on a CPU, linna on a GPU.",
        ),
    ] = None
    width: Annotated[
        float | None, typer.Option("--width", help="Factor on the net's channels; 1.")
    ] = None
    size: Annotated[int | None, typer.Option("--size", help="Side of the net's input, pixels.")] = (
        None
    )
    epochs: Annotated[
        int | None,
        typer.Option("--epochs", help="How often each sample is seen; default: the recipe's."),
    ] = None
    steps: Annotated[int | None, typer.Option("--steps", help="Batches, instead of --epochs.")] = (
        None
    )
    batch: Annotated[
        int | None, typer.Option("--batch", help="Samples in a batch; default: the recipe's.")
    ] = None
    lr: Annotated[
        float | None, typer.Option("--lr", help="Learning rate; default: the recipe's.")
    ] = None
    optimizer: Annotated[
        str | None,
        typer.Option("--optimizer", metavar="sgd|adamw|adagrad", help="Default: the recipe's."),
    ] = None
    patience: Annotated[
        int | None,
        typer.Option(
            "--patience",
            help="End after N validations in a row without a better one; default: never. Of a "
            "cascade it ends the first stage.",
        ),
    ] = None
    set: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Another value of the recipe, as in config.toml: ema=0.99, augment.scale=1.2.",
        ),
    ] = None
    device: Annotated[str | None, typer.Option("--device", help="auto, cpu, cuda, cuda:1 ...")] = (
        None
    )
    gpus: Annotated[
        int | None,
        typer.Option(
            "--gpus",
            metavar="N",
            help="Share each batch among N processes, one for each GPU; "
            "with --device cpu, N processes of the CPU.",
        ),
    ] = None
    trunk: Annotated[
        Path | None,
        typer.Option(
            "--trunk",
            metavar="NAME|FILE",
            help="Start the trunk from published weights: efficientnet-lite0 (kincap weights get), "
            "or a file in torchvision's key names (AlexNet, VGG-19).",
        ),
    ] = None
    seed: Annotated[
        int | None, typer.Option("--seed", help="Start of all random numbers.  [default: 0]")
    ] = None
    name: Annotated[
        str | None,
        typer.Option("--name", help="Last part of the run folder's name; default: the net's."),
    ] = None
    runs: Annotated[
        Path | None,
        typer.Option("--runs", help="Folder that run folders are made in.  [default: runs]"),
    ] = None
    tensorboard: Annotated[
        bool,
        typer.Option(
            "--tensorboard", help="Write the figures for TensorBoard too (extra tensorboard)."
        ),
    ] = False
    # a negative control for people who check the demo, not for daily work
    shuffle_labels: Annotated[bool, typer.Option("--shuffle-labels", hidden=True)] = False
    json: Json = False

    def given(self) -> dict[str, Any]:
        """Return the flags that were given, by name; 0 is a value, too."""
        values = {one.name: (getattr(self, one.name), one.default) for one in fields(self)}
        return {name: value for name, (value, default) in values.items() if value != default}

    def options(self) -> "TrainOptions":
        """Return the options of a new run, without the frames of ``--distill``."""
        from ...train.mixing.choice import DataChoice, parse_data, parse_replay
        from ...train.settings import DEFAULT_DATA, TrainOptions

        own = {"json", "resume", "init", "set", "task", "data", "replay", "gpus"}
        own |= {"distill", "teacher"}
        given = {
            name: value
            for name, value in vars(self).items()
            if value is not None and name not in own
        }
        data = [parse_data(text) for text in self.data or ()] or [DataChoice(DEFAULT_DATA)]
        data += [parse_replay(text) for text in getattr(self, "replay", None) or ()]
        return TrainOptions(**given, data=tuple(data), set=tuple(self.set or ()))

    def resume_options(self, kind: str) -> "ResumeOptions":
        """Return the options of a run that goes on.

        Raises:
            KincapError: A flag was given that the run itself decides.
        """
        from ...train.run.resume import ResumeOptions

        kept = ("resume", "json", "device", "out", "data", "gpus")
        for name in self.given():
            if name not in kept:
                flag = "--" + name.replace("_", "-")
                raise KincapError(
                    f"{flag}: a run goes on with its own settings; leave {flag} out, or start a "
                    "new run without --resume"
                )
        assert self.resume is not None
        data = tuple(Path(text) for text in self.data or ())
        return ResumeOptions(self.resume, kind, self.device, self.out, data)


@dataclass(frozen=True)
class FinetuneFlags(TrainFlags):
    """The flags of finetune."""

    init: Annotated[
        str | None,
        typer.Option(
            "--init",
            metavar="FILE|none",
            help="Checkpoint to start from.  [default: none, fresh weights]",
        ),
    ] = None

    replay: Annotated[
        list[str] | None,
        typer.Option(
            "--replay",
            metavar="FILE:SHARE",
            help="Rehearse: this share of every batch comes from the data set of the pretraining.",
        ),
    ] = None
    stages: Annotated[
        str | None,
        typer.Option(
            "--stages",
            metavar="N|auto",
            help="Train a cascade of N stages over the net; auto: as long as PDJ, the share of "
            "detected joints, improves.",
        ),
    ] = None
    stage_steps: Annotated[
        int | None, typer.Option("--stage-steps", help="Batches of each stage after the first.")
    ] = None
    sigma: Annotated[
        str | None,
        typer.Option(
            "--sigma",
            metavar="NUMBER",
            help="Side of the squares round joints, torso diameters. Several with commas, or "
            "auto: the best on 50 validation images.  [default: 1]",
        ),
    ] = None
    keep_first: Annotated[
        bool,
        typer.Option("--keep-first", help="Take the net of --init as first stage, untrained."),
    ] = False
    stage_recipe: Annotated[
        str | None,
        typer.Option(
            "--stage-recipe",
            metavar="paper|net",
            help="Of the stages after the first: Adagrad in batches of 128, or the net's own.  "
            "[default: paper]",
        ),
    ] = None
    full_covariance: Annotated[
        bool,
        typer.Option("--full-covariance", help="Simulate errors of stages with x and y together."),
    ] = False

    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            metavar="pose|detect",
            help="pose, or detect: the detector of people, on a file of build --layout full.",
        ),
    ] = None

    def detect_options(self) -> "DetectOptions":
        """Return the options of a detector's run.

        Raises:
            KincapError: A flag was given that a detector does not have.
        """
        from ...train.detect.settings import DetectOptions

        given = self.given()
        init = given.pop("init", "none")
        for name in ("json", "task"):
            given.pop(name, None)
        known = {one.name for one in fields(DetectOptions)}
        for name in given:
            if name not in known:
                raise KincapError(
                    f"--{name.replace('_', '-')}: not for --task detect; leave it out"
                )
        first, *more = given.pop("data", ["kinect13.h5"])
        if more:
            raise KincapError("--data: a detector learns from one file; give --data once")
        return DetectOptions(data=Path(first), init=None if init == "none" else Path(init), **given)


def register(app: typer.Typer) -> None:
    """Add the group's commands."""
    app.command("pretrain")(with_flags(pretrain, TrainFlags))
    app.command("finetune")(with_flags(finetune, FinetuneFlags))


def pretrain(flags: TrainFlags) -> None:
    """Train fresh weights on many people and places, to finetune from.

    For example: kincap pretrain --data wild13.h5 --out pretrain.ckpt
    """
    from ...train.pretrain import pretrain as work

    if flags.data is None and flags.resume is None:
        raise KincapError("--data: give the data set to train on, or --resume RUN")
    options = _options("pretrain", flags, None)
    with progress("pretrain", unit="steps") as bar:
        done = (
            _resumed("pretrain", flags, bar) if options is None else work(options, bar.update, say)
        )
    _report(done, flags.json)


def finetune(flags: FinetuneFlags) -> None:
    """Train on your own frames, from a checkpoint's weights or from fresh ones.

    For example: kincap finetune --init pretrain.ckpt --data kinect13.h5 --out best.ckpt
    """
    if flags.task == "detect":
        _finetune_detector(flags)
        return
    if flags.task not in (None, "pose"):
        raise KincapError(f"--task: {flags.task!r} is not pose or detect")
    from ...train.finetune import finetune as work

    start = None if flags.init in (None, "none") else Path(flags.init)
    options = _options("finetune", flags, start)
    with progress("finetune", unit="steps") as bar:
        done = (
            _resumed("finetune", flags, bar)
            if options is None
            else work(options, start, bar.update, say)
        )
    _report(done, flags.json)


def _options(kind: str, flags: TrainFlags, init: Path | None) -> "TrainOptions | None":
    """Return the options of a new run, after labelling its frames; None: a run goes on.

    Returns where this process is to train: it is the only one, or one of several. A run of several
    is started here, and this process ends with their exit code.
    """
    from ...train.ranks.launch import launch, processes_asked

    options = None
    if flags.resume is not None:
        flags.resume_options(kind)  # refuses other flags
    else:
        options = flags.options()
    count = processes_asked(flags.gpus, flags.resume, flags.device)
    if options is not None:
        # before there are several processes: all of them then find the same labels
        asked = DistillFlags(flags.distill or (), flags.teacher, kind, init, count)
        options = with_distilled(options, asked)
    if count > 1:
        sys.exit(launch(count, sys.argv[1:]))
    return options


def _finetune_detector(flags: FinetuneFlags) -> None:
    from ...train.detect.finetune import finetune_detector

    with progress("finetune", unit="steps") as bar:
        done = finetune_detector(flags.detect_options(), bar.update)
    if flags.json:
        print_json(done.to_json())
        return
    for split, score in (("validation", done.val), ("test", done.test)):
        if score is not None:
            result(f"{split}: {score.text()}")
    result(f"best {done.best if done.out is None else done.out}")


def _resumed(kind: str, flags: TrainFlags, bar: Progress) -> "TrainResult":
    """Go on with the run of ``--resume``."""
    from ...train.run.resume import resume

    return resume(flags.resume_options(kind), bar.update, say)


def _report(done: "TrainResult", json: bool) -> None:
    """Print how a run went, in the first of its processes."""
    from ...train.ranks.group import ranks_of

    if not ranks_of(os.environ).is_first:
        return
    report = done.to_json()
    if json:
        print_json(report)
        return
    learned = done.learned
    first = ""
    if done.stages is not None:
        _stages(done.stages)
        first = "stage 1, "
    pck_table(
        f"{done.kind} {done.model} at {done.size} px on {done.device}: {learned.steps} steps, "
        f"{learned.seconds:.0f} s; validation split, no mirror averaging",
        (
            ("before", report["first"]["pck_single"]),
            (f"{first}best (step {learned.best_step})", report["val"]["pck_single"]),
            ("mean pose", report["mean_pose"]["pck"]),
        ),
    )
    if learned.stopped is not None:
        result(learned.stopped)
    if done.stages is None and learned.steps and not learned.best_step:
        say(
            "no validation was better than the first one: the best checkpoint has the weights that "
            "the run began with; train for more steps, or with a lower --lr"
        )
    best, base = report["val"]["pck_single"], report["mean_pose"]["pck"]
    if _not_above(_wrist(best), _wrist(base)):
        say("the wrist is not above the mean pose: this net has not learnt to use the picture")
    result(f"best {done.best}")
    if done.out is not None:
        result(f"copied to {done.out}")


def _stages(found: "StagesResult") -> None:
    """Print PDJ of a cascade by stage."""
    thresholds = ("0.2", "0.1", "0.05")
    table(
        ("stage", "steps", *(f"PDJ@{a}" for a in thresholds), ""),
        [
            (
                str(one["stage"]),
                str(one["steps"]),
                *(figure_text(one["pdj"][a]) for a in thresholds),
                "" if one["kept"] else "left out",
            )
            for one in found.stages
        ],
        title=f"Stages with sigma {found.sigma:g}; validation split, no mirror averaging",
        right=range(1, 5),
    )


def _wrist(pck: dict[str, dict[str, float | None]]) -> float | None:
    """Return PCK of the wrist, the mean of all thresholds: one alone may be saturated."""
    values = [one["wrist"] for one in pck.values() if one["wrist"] is not None]
    return sum(values) / len(values) if values else None


def _not_above(value: float | None, baseline: float | None) -> bool:
    return value is not None and baseline is not None and value <= baseline
