"""What a training run is told: what a person asked for, and what it comes to."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from ..core.errors import KincapError
from .augment import STRONG, AugmentSettings
from .checkpoint import Checkpoint
from .nets import check_net

KINDS: Final = ("pretrain", "finetune")
OPTIMIZERS: Final = ("sgd", "adamw")
Value = TypeVar("Value")


@dataclass(frozen=True)
class TrainOptions:
    """What a person asked for; None takes the default of the kind of run and of the model.

    Attributes:
        data: A kinect13.h5.
        out: Where the best checkpoint is copied to, besides the run's folder.
        runs: Folder that run folders are made in.
        name: Last part of the run folder's name; the model's where None.
        model: One of ``train.nets.MODELS``; the checkpoint's, else linna.
        width: Factor on the network's channels; the checkpoint's, else 1.
        size: Side of the network's input, pixels; the checkpoint's, else the model's.
        epochs: How often each sample is seen; not together with ``steps``.
        steps: How many batches are learnt from.
        batch: Samples in a batch.
        lr: Learning rate.
        optimizer: ``"sgd"`` or ``"adamw"``.
        device: ``"auto"`` (a GPU where torch finds one), ``"cpu"``, ``"cuda"``, ``"cuda:1"``...
        seed: Everything random follows from it.
        shuffle_labels: Negative control: the training labels change places among the frames, so
            that pictures say nothing about them. A fair test set then shows the mean pose.
    """

    data: Path = Path("kinect13.h5")
    out: Path | None = None
    runs: Path = Path("runs")
    name: str | None = None
    model: str | None = None
    width: float | None = None
    size: int | None = None
    epochs: int | None = None
    steps: int | None = None
    batch: int | None = None
    lr: float | None = None
    optimizer: str | None = None
    device: str = "auto"
    seed: int = 0
    shuffle_labels: bool = False


@dataclass(frozen=True)
class TrainSettings:
    """What a run does, every figure known; written to its config.toml.

    Attributes:
        kind: ``"pretrain"`` or ``"finetune"``.
        model: See ``train.nets.MODELS``.
        width: Factor on the network's channels.
        size: Side of the network's input, pixels.
        epochs: How often each sample is seen, where ``steps`` is None.
        least_steps: A floor under what ``epochs`` come to: few samples need more epochs.
        steps: How many batches are learnt from, or None.
        batch: Samples in a batch (all of them where there are fewer).
        optimizer: ``"sgd"`` or ``"adamw"``.
        lr: Learning rate; its peak where it changes.
        momentum: Of SGD.
        weight_decay: On weights of two and more dimensions.
        warmup_steps: The rate rises linearly over so many steps.
        cosine: Whether the rate then falls to 0 along a cosine, else it stays.
        ema: Decay of the running mean of the weights that is validated and saved; 0 for none.
        augment: How training copies differ from the crops.
        seed: Everything random follows from it.
        shuffle_labels: Negative control, see ``TrainOptions``.
    """

    kind: str
    model: str
    width: float
    size: int
    epochs: int
    steps: int | None = None
    least_steps: int = 0
    batch: int = 256
    optimizer: str = "sgd"
    lr: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup_steps: int = 0
    cosine: bool = False
    ema: float = 0.0
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    seed: int = 0
    shuffle_labels: bool = False

    def to_toml(self) -> dict[str, Any]:
        """Return what config.toml holds; TOML has no null, so what is None is left out."""
        return {key: value for key, value in asdict(self).items() if value is not None}


def default_settings(kind: str, model: str, size: int, optimizer: str | None) -> TrainSettings:
    """Return the recipe of a model: Linna et al.'s for linna, our own for compact.

    Args:
        kind: ``"pretrain"`` or ``"finetune"``.
        model: See ``train.nets.MODELS``.
        size: Side of the network's input, pixels.
        optimizer: Another than the model's own, or None.
    """
    first = kind == "pretrain"
    sgd = TrainSettings(
        kind=kind, model=model, width=1.0, size=size, epochs=40 if first else 20,
        batch=256, lr=1e-2 if first else 1e-3,
    )  # fmt: skip
    if model == "compact":
        sgd = replace(sgd, batch=32, epochs=20, least_steps=500, ema=0.998, augment=STRONG)
    if (optimizer or ("adamw" if model == "compact" else "sgd")) == "sgd":
        return sgd
    # regression without batch normalisation needs a smaller step than the compact network
    lr = 2e-3 if model == "compact" else 5e-4
    return replace(sgd, optimizer="adamw", lr=lr, weight_decay=0.02, warmup_steps=20, cosine=True)


def resolve(
    kind: str, options: TrainOptions, start: Checkpoint | None, data_size: int
) -> TrainSettings:
    """Fill in what was not asked for, and refuse what can't be.

    Args:
        kind: ``"pretrain"`` or ``"finetune"``.
        options: What was asked for.
        start: The checkpoint that the run starts from, or None.
        data_size: Side of the data set's crops, pixels.

    Raises:
        KincapError: A flag has no possible value, or contradicts the checkpoint.
    """
    if start is not None:
        _refuse_contradiction(options, start)
    model = _asked(options.model, start.model if start else "linna")
    size = _asked(options.size, start.size if start else _default_size(model, data_size))
    width = _asked(options.width, start.width if start else 1.0)
    check_net(model, width, size)
    _check_numbers(options)
    asked = {
        name: getattr(options, name)
        for name in ("epochs", "steps", "batch", "lr")
        if getattr(options, name) is not None
    }
    settings = default_settings(kind, model, size, options.optimizer)
    if options.epochs is not None:
        asked["least_steps"] = 0
    return replace(
        settings, width=width, seed=options.seed, shuffle_labels=options.shuffle_labels, **asked
    )


def _asked(value: Value | None, default: Value) -> Value:
    """Return what was asked for; 0 and an empty text are asked for too, and refused later."""
    return default if value is None else value


def _default_size(model: str, data_size: int) -> int:
    """Return the crop's own size, but for compact, which is made to learn on a CPU."""
    return 64 if model == "compact" else data_size


def _refuse_contradiction(options: TrainOptions, start: Checkpoint) -> None:
    for flag in ("model", "width", "size"):
        asked, there = getattr(options, flag), getattr(start, flag)
        if asked is not None and asked != there:
            raise KincapError(
                f"--{flag} {asked}: the checkpoint of --init has {flag} {there}; "
                f"leave --{flag} out, or start from --init none"
            )


def _check_numbers(options: TrainOptions) -> None:
    if options.epochs is not None and options.steps is not None:
        raise KincapError("--epochs and --steps: give one of them")
    for flag in ("epochs", "steps", "batch"):
        value = getattr(options, flag)
        if value is not None and value < 1:
            raise KincapError(f"--{flag}: {value} is too few; give 1 or more")
    if options.lr is not None and not 0 < options.lr < 100:
        raise KincapError(f"--lr: {options.lr} is no learning rate; give one above 0")
    if options.optimizer not in (None, *OPTIMIZERS):
        raise KincapError(f"--optimizer: {options.optimizer!r} is none of {', '.join(OPTIMIZERS)}")
    if not 0 <= options.seed < 2**63:
        raise KincapError(f"--seed: {options.seed} is outside 0 to 2**63 - 1")
