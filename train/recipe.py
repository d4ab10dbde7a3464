"""Training recipes: every figure of a training, apart from the net and the data."""

from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Final, Literal

from ..core.errors import KincapError
from .augment import AugmentSettings
from .loss import Norm
from .run.device_use import Precision

OPTIMIZERS: Final = ("sgd", "adamw", "adagrad")


@dataclass(frozen=True)
class Recipe:
    """The training recipe of a net.

    Attributes:
        epochs: Passes over all samples, where ``steps`` is None.
        steps: Number of batches, or None.
        least_steps: Lowest number of steps that ``epochs`` may come to.
        batch: Samples in a batch (all of them where there are fewer).
        optimizer: ``"sgd"``, ``"adamw"`` or ``"adagrad"``.
        lr: Learning rate; its peak where it changes.
        momentum: Momentum of SGD.
        weight_decay: Applied to weights of two and more dimensions.
        warmup_steps: Steps over which the rate rises linearly.
        cosine: True if the rate then falls to 0 along a cosine; else it is constant.
        ema: Decay of the running mean of the weights that is validated and saved; 0 for none.
        patience: Validations in a row without a better one that end a run; 0: none do.
        save_every_s: Longest time between two writings of last.ckpt, seconds; a kill costs that.
        norm: Divisor of the squared error, see ``loss.masked_l2``; nets with maps have their own.
        beyond: Keypoints further than this outside of the crop, in its sides, have weight 0 in
            training; None: they keep their weight, as in Linna et al.
        precision: Number format of the net's layers: float32, bf16 or (GPUs only) fp16.
        compile: Let torch compile the net for the device; pays off in long runs.
        on_device: Keep all images on a GPU where they take at most half of its free memory.
        light_end: Share of the steps, at the end, whose copies look as they are: no change of
            colours, no patches, no other background, no half bodies.
        masks: Where masks of people are from: ``"file"``, the data set, or ``"selfie"``, a net of
            others.
        augment: Changes of the training copies.
        presence_share: Share of the steps that a net with a presence head learns presence alone in
            (phase 1), before it learns locations (phase 2); 0: both heads learn together.
        keypoint_weight: Factor on the errors of the keypoints' maps of a net of several people; 1:
            they count as those of limbs and background do.
        freeze_trunk: True if phase 2 leaves all but the location head as phase 1 left it.
        dropout: Share of the units that each dropout layer leaves out; None: that of the net.
    """

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
    patience: int = 0
    save_every_s: float = 240.0
    norm: Norm = "batch"
    beyond: float | None = None
    precision: Precision = "float32"
    compile: bool = False
    on_device: bool = True
    light_end: float = 0.0
    masks: Literal["file", "selfie"] = "file"
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    presence_share: float = 0.0
    keypoint_weight: float = 1.0
    freeze_trunk: bool = True
    dropout: float | None = None

    def with_adamw(self, lr: float) -> "Recipe":
        """Return the same recipe with AdamW, a warm-up and a cosine.

        Args:
            lr: The peak of the learning rate.
        """
        return replace(
            self, optimizer="adamw", lr=lr, weight_decay=0.02, warmup_steps=20, cosine=True
        )

    def with_optimizer(self, optimizer: str | None, adamw_lr: float) -> "Recipe":
        """Return the same recipe with an optimizer.

        Args:
            optimizer: A name in ``OPTIMIZERS``; None, and ``"sgd"``: the recipe as it is.
            adamw_lr: The peak of AdamW's learning rate.
        """
        if optimizer == "adamw":
            return self.with_adamw(adamw_lr)
        return self.with_adagrad() if optimizer == "adagrad" else self

    def with_adagrad(self) -> "Recipe":
        """Return the same recipe with the Adagrad of Toshev and Szegedy 2014."""
        return replace(self, optimizer="adagrad", lr=5e-4, weight_decay=0.0)


LIMITS: Final[dict[str, tuple[float, float]]] = {
    "epochs": (1, 1e9), "steps": (1, 1e9), "least_steps": (0, 1e9), "batch": (1, 1e6),
    "lr": (1e-12, 99.9999), "momentum": (0, 0.9999), "weight_decay": (0, 10),
    "warmup_steps": (0, 1e9), "ema": (0, 0.999999), "save_every_s": (0, 300), "patience": (0, 1e6),
    "presence_share": (0, 0.95), "dropout": (0, 0.95), "keypoint_weight": (1e-3, 1e3),
    "beyond": (0, 100),
    "augment.mirror": (0, 1), "augment.rotation_deg": (0, 180), "augment.scale": (1, 4),
    "augment.shift": (0, 1), "augment.gain": (0, 1), "augment.shuffle": (0, 1),
    "augment.half_body": (0, 1), "augment.clothing": (0, 1), "augment.background": (0, 1),
    "augment.patches": (0, 1), "augment.forearm": (0, 1), "light_end": (0, 1),
}  # fmt: skip
"""Least and largest value of the recipe's numbers."""


def check_recipe(recipe: Recipe, where: str = "--set") -> Recipe:
    """Return a recipe whose numbers are possible.

    Args:
        recipe: The recipe.
        where: The flag or the file that it is from, for messages.

    Raises:
        KincapError: One is outside of ``LIMITS``, or the optimizer is unknown.
    """
    for key, (least, most) in LIMITS.items():
        value = attrgetter(key)(recipe)
        if value is not None and not least <= value <= most:
            raise KincapError(f"{where}: {key}={value:g} is outside {least:g} to {most:g}")
    if recipe.optimizer not in OPTIMIZERS:
        raise KincapError(
            f"{where}: optimizer={recipe.optimizer} is not one of {', '.join(OPTIMIZERS)}"
        )
    if recipe.masks != "file" and not recipe.augment.needs_masks:
        raise KincapError(
            f"{where}: masks={recipe.masks}: only with augment.background or augment.forearm"
        )
    return recipe
