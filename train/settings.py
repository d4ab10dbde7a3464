"""Settings of a training run: the options that a person gave, and the resulting values."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from ..core.errors import KincapError
from .checkpoint import Checkpoint
from .mixing.choice import DataChoice
from .nets.registry import PAPER, check_net, default_net, load_net
from .recipe import LIMITS, Recipe, check_recipe
from .recipe import OPTIMIZERS as OPTIMIZERS
from .run.setting_values import check_keys, read_values, set_values

RECIPES: Final = ("own", "paper")
DEFAULT_DATA: Final = Path("kinect13.h5")
Value = TypeVar("Value")


@dataclass(frozen=True)
class TrainOptions:
    """Options that a person gave; None takes the default of the kind of run and of the model.

    Attributes:
        data: A kinect13.h5, or several that are mixed (``mixing.choice``).
        out: File that the best checkpoint is copied to, or None.
        runs: Folder that run folders are made in.
        name: Last part of the run folder's name; the net's where None.
        recipe: ``"own"`` (that of the net) or ``"paper"`` (Linna et al., whatever the device).
        model: A name in ``train.nets.registry.NETS``; the checkpoint's, else compact on a CPU and
            linna on a GPU.
        width: Factor on the net's channels; the checkpoint's, else 1.
        size: Side of the net's input, pixels; the checkpoint's, else the net's.
        epochs: Passes over all samples; not together with ``steps``.
        steps: Number of batches.
        batch: Samples in a batch.
        lr: Learning rate.
        patience: Validations in a row without a better one that end the run.
        optimizer: ``"sgd"``, ``"adamw"`` or ``"adagrad"``.
        device: ``"auto"`` (a GPU where torch finds one), ``"cpu"``, ``"cuda"``, ``"cuda:1"``...
        seed: Everything random follows from it.
        shuffle_labels: Negative control: the training labels change places among the frames, so
            that images contain no information about them. A fair test then gives the mean pose.
        leave_out: Sessions that the net neither trains on nor is chosen by.
        outfit: Glob over the outfits that the net trains on and is chosen by; None: all.
        tensorboard: Write the figures for TensorBoard as well.
        set: Further values of the recipe, as texts ``key=value``.
        homogeneous: Learn only from samples with all keypoints: the baseline of Linna et al.
        trunk: Published weights for the trunk, or a file of them; None: fresh ones.
        stages: Number of stages of a cascade, or ``"auto"``; None: no cascade.
        stage_steps: Batches of each later stage.
        sigma: Side of the squares round joints in torso diameters, several with commas, or
            ``"auto"``; None: 1.
        keep_first: Take the net that the run starts from as the first stage, untrained.
        stage_recipe: ``"paper"`` or ``"net"``; None: the paper's.
        full_covariance: Simulate poses with the covariance of x and y too.
    """

    data: Path | tuple[DataChoice, ...] = DEFAULT_DATA
    out: Path | None = None
    runs: Path = Path("runs")
    name: str | None = None
    recipe: str = "own"
    model: str | None = None
    width: float | None = None
    size: int | None = None
    epochs: int | None = None
    steps: int | None = None
    batch: int | None = None
    lr: float | None = None
    patience: int | None = None
    optimizer: str | None = None
    device: str = "auto"
    seed: int = 0
    shuffle_labels: bool = False
    leave_out: tuple[str, ...] = ()
    outfit: str | None = None
    tensorboard: bool = False
    set: tuple[str, ...] = ()
    homogeneous: bool = False
    trunk: Path | None = None
    stages: str | None = None
    stage_steps: int | None = None
    sigma: str | None = None
    keep_first: bool = False
    stage_recipe: str | None = None
    full_covariance: bool = False

    @property
    def choices(self) -> tuple[DataChoice, ...]:
        """Return the data sets, at least one."""
        return self.data if isinstance(self.data, tuple) else (DataChoice(self.data),)


@dataclass(frozen=True)
class TrainSettings:
    """Settings of a run, all known; written to its config.toml.

    Attributes:
        kind: ``"pretrain"`` or ``"finetune"``.
        model: A name in ``train.nets.registry.NETS``.
        model_from: Origin of the name: ``--model``, ``--init``, ``--recipe`` or the device.
        width: Factor on the net's channels.
        size: Side of the net's input, pixels.
        recipe: The recipe.
        seed: Everything random follows from it.
        shuffle_labels: Negative control, see ``TrainOptions``.
    """

    kind: str
    model: str
    model_from: str
    width: float
    size: int
    recipe: Recipe
    seed: int = 0
    shuffle_labels: bool = False

    def to_toml(self) -> dict[str, Any]:
        """Return the content of config.toml, the recipe's figures among the others.

        TOML has no null: what is None is left out.
        """
        flat = asdict(self)
        flat |= flat.pop("recipe")
        return {key: value for key, value in flat.items() if value is not None}

    @staticmethod
    def from_toml(table: Mapping[str, Any], where: str) -> "TrainSettings":
        """Return the settings of ``to_toml``.

        Args:
            table: The table of config.toml.
            where: The file, for messages.

        Raises:
            KincapError: A key is unknown or missing, or a value has another type or is impossible.
        """
        own = {field.name for field in fields(TrainSettings)} - {"recipe"}
        check_keys(table, [*own, *(field.name for field in fields(Recipe))], where)
        recipe = {key: value for key, value in table.items() if key not in own}
        flat = read_values(_WithoutRecipe, {k: v for k, v in table.items() if k in own}, where)
        try:
            check_net(flat.model, flat.width, flat.size)
            check_seed(flat.seed)
        except KincapError as error:
            # they speak of the flag that a person would have set; here the file holds the value
            raise KincapError(f"{where}: {str(error).removeprefix('--')}") from None
        read = check_recipe(read_values(Recipe, recipe, where), where)
        return TrainSettings(recipe=read, **vars(flat))


@dataclass(frozen=True)
class _WithoutRecipe:
    """The fields of ``TrainSettings`` that are not the recipe's."""

    kind: str
    model: str
    model_from: str
    width: float
    size: int
    seed: int
    shuffle_labels: bool


def resolve(
    kind: str, options: TrainOptions, start: Checkpoint | None, data_size: int, device_type: str
) -> TrainSettings:
    """Fill in the defaults and refuse impossible values.

    Args:
        kind: ``"pretrain"`` or ``"finetune"``.
        options: The options.
        start: The checkpoint that the run starts from, or None.
        data_size: Side of the data set's crops, pixels.
        device_type: The device, as torch names it.

    Raises:
        KincapError: A flag has no possible value, or contradicts the checkpoint.
    """
    if start is not None:
        _refuse_contradiction(options, start)
    model, model_from = _choose_model(options, start, device_type)
    net = load_net(model)
    size = _asked(options.size, start.size if start else net.default_px or data_size)
    width = _asked(options.width, start.width if start else 1.0)
    check_net(model, width, size)
    _check_numbers(options)
    asked = {
        name: getattr(options, name)
        for name in ("epochs", "steps", "batch", "lr", "patience")
        if getattr(options, name) is not None
    }
    if options.epochs is not None:
        asked["least_steps"] = 0
    recipe = replace(net.recipe(kind, options.optimizer), **asked)
    return TrainSettings(
        kind=kind,
        model=model,
        model_from=model_from,
        width=width,
        size=size,
        recipe=check_recipe(set_values(recipe, options.set)),
        seed=options.seed,
        shuffle_labels=options.shuffle_labels,
    )


def _choose_model(
    options: TrainOptions, start: Checkpoint | None, device_type: str
) -> tuple[str, str]:
    """Return the net's name and where it comes from.

    Raises:
        KincapError: ``--recipe`` has no possible value, or another net or optimizer was asked for.
    """
    if options.recipe not in RECIPES:
        raise KincapError(f"--recipe: {options.recipe!r} is not one of {', '.join(RECIPES)}")
    asked = options.model if options.model is not None else start.model if start else None
    if options.recipe == "paper":
        if asked not in (None, *PAPER):
            raise KincapError(
                f"--recipe paper: the paper's net is {' or '.join(PAPER)}, not {asked}; "
                "leave --recipe out"
            )
        if options.optimizer not in (None, "sgd"):
            raise KincapError("--recipe paper: the paper's optimizer is sgd; leave --optimizer out")
    if options.model is not None:
        return options.model, "--model"
    if start is not None:
        return start.model, "--init"
    if options.recipe == "paper":
        return PAPER[0], "--recipe paper"
    return default_net(device_type), f"default on {device_type}"


def _asked(value: Value | None, default: Value) -> Value:
    """Return what was asked for; 0 and an empty text are asked for too, and refused later."""
    return default if value is None else value


def _refuse_contradiction(options: TrainOptions, start: Checkpoint) -> None:
    for flag in ("model", "width"):  # whether another --size fits, the net's layers say
        asked, there = getattr(options, flag), getattr(start, flag)
        grows = flag == "model" and there and asked and load_net(asked).starts_from == there
        if asked is not None and asked != there and not grows:
            raise KincapError(
                f"--{flag} {asked}: the checkpoint of --init has {flag} {there}; "
                f"leave --{flag} out, or start from --init none"
            )


def _check_numbers(options: TrainOptions) -> None:
    if options.epochs is not None and options.steps is not None:
        raise KincapError("--epochs and --steps: give one of them")
    for flag in ("epochs", "steps", "batch", "patience"):
        value = getattr(options, flag)
        if value is not None and value < 1:
            raise KincapError(f"--{flag}: {value} is too few; give 1 or more")
        if value is not None and value > LIMITS[flag][1]:
            raise KincapError(f"--{flag}: {value} is too many; give {LIMITS[flag][1]:,.0f} at most")
    if options.lr is not None and not 0 < options.lr < 100:
        raise KincapError(
            f"--lr: {options.lr} is not a learning rate; give one above 0 and below 100"
        )
    if options.optimizer not in (None, *OPTIMIZERS):
        raise KincapError(
            f"--optimizer: {options.optimizer!r} is not one of {', '.join(OPTIMIZERS)}"
        )
    check_seed(options.seed)


def check_seed(seed: int) -> None:
    """Refuse a seed that torch or numpy would refuse.

    Raises:
        KincapError: It is outside of 0 to 2**63 - 1.
    """
    if not 0 <= seed < 2**63:
        raise KincapError(f"--seed: {seed} is outside 0 to 2**63 - 1")
