"""Settings of the later stages of a cascade."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from ...core.errors import KincapError
from ..nets.registry import load_net
from ..recipe import Recipe
from ..settings import TrainOptions
from .stored import MOST_STAGES

AUTO: Final = "auto"
SIGMA: Final = 1.0
"""That of the paper for FLIC, whose people stand upright as those before a Kinect do."""
SEARCHED: Final = (0.8, 1.0, 1.2, 1.5, 2.0)
"""Values that ``--sigma auto`` tries: those of the paper for FLIC and for LSP."""
PASSES: Final = 80
"""40 simulated poses for each joint and image, and as many mirrored ones."""
BATCH: Final = 128
STAGE_RECIPES: Final = ("paper", "net")


@dataclass(frozen=True)
class CascadeSettings:
    """Settings of the stages after the first; written to config.toml.

    Attributes:
        stages: Number of stages, the first one included; the most where ``auto``.
        auto: Stages are added until PDJ on the validation split stops improving.
        keep_first: The net of ``--init`` is the first stage as it is.
        sigmas: Sides of the squares round joints, torso diameters; several: they are compared.
        steps: Batches of each stage; None: ``PASSES`` over all labelled joints.
        recipe: ``"paper"`` (Adagrad 5e-4, batch 128) or ``"net"`` (the net's own).
        full_covariance: Simulate poses with the covariance of x and y too.
    """

    stages: int
    auto: bool
    keep_first: bool
    sigmas: tuple[float, ...]
    steps: int | None
    recipe: str
    full_covariance: bool

    def to_toml(self) -> dict[str, Any]:
        """Return the content of config.toml; TOML has no null: what is None is left out."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    def stage_recipe(self, first: Recipe, model: str, kind: str) -> Recipe:
        """Return the recipe of a later stage.

        Args:
            first: The recipe of the first stage; colours of copies change as in it.
            model: The net.
            kind: ``"pretrain"`` or ``"finetune"``.
        """
        # the simulated poses shift the squares already
        changes = replace(first.augment, rotation_deg=0.0, scale=1.0, shift=0.0)
        own = load_net(model).recipe(kind, None)
        if self.recipe == "paper":
            own = replace(Recipe(epochs=PASSES, batch=BATCH).with_adagrad(), norm=first.norm)
        own = replace(own, presence_share=0.0, dropout=first.dropout)
        own = replace(own, epochs=PASSES, least_steps=0, steps=self.steps, augment=changes)
        return replace(own, save_every_s=first.save_every_s)


def cascade_settings(options: TrainOptions, has_init: bool) -> CascadeSettings | None:
    """Return the settings of the later stages, or None where there are none.

    Args:
        options: The options of a run.
        has_init: True if the run starts from a checkpoint.

    Raises:
        KincapError: A flag has no possible value.
    """
    if options.stages is None:
        for flag in ("sigma", "stage_steps", "keep_first", "stage_recipe", "full_covariance"):
            if getattr(options, flag):
                words = flag.replace("_", "-")
                raise KincapError(f"--{words}: only with --stages; give --stages 3 or auto")
        return None
    if options.keep_first and not has_init:
        raise KincapError("--keep-first: there is no first stage to keep; give --init CHECKPOINT")
    if options.shuffle_labels:
        raise KincapError("--shuffle-labels: not with --stages")
    if options.stage_steps is not None and options.stage_steps < 1:
        raise KincapError(f"--stage-steps: {options.stage_steps} is too few; give 1 or more")
    recipe = options.stage_recipe or "paper"
    if recipe not in STAGE_RECIPES:
        raise KincapError(f"--stage-recipe: {recipe!r} is not one of {', '.join(STAGE_RECIPES)}")
    is_auto = options.stages == AUTO
    return CascadeSettings(
        stages=MOST_STAGES if is_auto else _count(options.stages),
        auto=is_auto,
        keep_first=options.keep_first,
        sigmas=_sigmas(options.sigma),
        steps=options.stage_steps,
        recipe=recipe,
        full_covariance=options.full_covariance,
    )


def _count(text: str) -> int:
    if not text.isdecimal() or not 2 <= int(text[:4]) <= MOST_STAGES:
        raise KincapError(f"--stages: {text!r} is not 2 to {MOST_STAGES} or auto")
    return int(text)


def _sigmas(text: str | None) -> tuple[float, ...]:
    if text is None:
        return (SIGMA,)
    if text == AUTO:
        return SEARCHED
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or not all(math.isfinite(one) and 0.1 <= one <= 10 for one in found):
        raise KincapError(
            f"--sigma: {text!r} is not a number from 0.1 to 10, several with commas, or auto"
        )
    return found
