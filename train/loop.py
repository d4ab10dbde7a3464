"""The training loop, the same for every net."""

import math
import time
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from ..core.errors import KincapError, MissingPartError
from ..core.progress import OnProgress
from .batch_source import BatchSource, StepBatch, load_ahead
from .ranks.group import ALONE, Ranks
from .recipe import Recipe
from .run.first_steps import is_out_of_memory, largest_batch
from .run.history import StopRule
from .run.interrupt import Interrupt
from .run.track import EXIT_INTERRUPTED, Learned, Track
from .run.trainer import Trainer

MOST_VALIDATIONS: Final = 50
"""A run of more epochs validates less often than once an epoch."""

_STOP, _INTERRUPT = 1, 2
"""Reasons to end all processes after a step."""

GPUS: Final = ("cuda", "mps", "xpu")
"""Kinds of devices that ``--device`` accepts besides the CPU."""


def choose_device(name: str) -> torch.device:
    """Return the device that ``--device`` names: ``auto`` is a GPU where torch finds one.

    Raises:
        KincapError: There is no such kind of device.
        MissingPartError: This machine has none of that kind.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # torch knows more kinds, but they hold no values or run none of our layers
    if name.partition(":")[0] not in ("cpu", *GPUS):
        raise KincapError(f"--device: {name!r} is not a device; use auto, cpu or cuda")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (AssertionError, RuntimeError, NotImplementedError):
        raise MissingPartError(
            f"--device: torch finds no {name} on this machine; use --device cpu"
        ) from None
    return device


def count_steps(recipe: Recipe, source: BatchSource) -> int:
    """Return how many steps a run takes."""
    return recipe.steps or max(recipe.epochs * _epoch(source), recipe.least_steps)


def validate_every(steps: int, source: BatchSource) -> int:
    """Return how many steps of a run are between two validations."""
    return max(_epoch(source), math.ceil(steps / MOST_VALIDATIONS))


def _learn(trainer: Trainer, batch: StepBatch, ranks: Ranks) -> Tensor:
    """Learn from a batch; where it does not fit in memory, say which one does."""
    try:
        return trainer.learn(batch)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    # only here: the error holds all that the failed pass has allocated
    raise _no_memory(trainer, batch, ranks)


def _no_memory(trainer: Trainer, batch: StepBatch, ranks: Ranks) -> KincapError:
    """Return the error of a batch that does not fit in memory, with one that does."""
    # other processes take no part in passes that only measure
    found = len(batch.images) // 2
    if ranks.ranks == 1:
        found = largest_batch(trainer.net, batch, trainer.size)
    verb = "fits" if ranks.ranks == 1 else "may fit"
    found *= ranks.ranks
    advice = f"{found} {verb}: --batch {found}" if found else "choose a smaller --size or --width"
    batch_size, step = len(batch.images) * ranks.ranks, trainer.step + 1
    return KincapError(
        f"--batch {batch_size}: out of memory at step {step}; {advice}",
        exit_code=1,
    )


def count_validations(steps: int, source: BatchSource) -> int:
    """Return how often a run validates, before its first step and after its last one too."""
    return 1 + math.ceil(steps / validate_every(steps, source))


def _epoch(source: BatchSource) -> int:
    return math.ceil(len(source) / source.batch_size)


def learn(
    trainer: Trainer,
    source: BatchSource,
    track: Track,
    device: torch.device,
    interrupt: Interrupt,
    on_progress: OnProgress | None = None,
    should_stop: StopRule | None = None,
    ranks: Ranks = ALONE,
) -> Learned:
    """Train a net; validate and save as it goes.

    Args:
        trainer: The net to start from, or to go on with; changed.
        source: The training batches.
        track: Validates, keeps figures and saves.
        device: The device to compute on.
        interrupt: The request to end early.
        on_progress: Called after each step, and while validating, with steps done, steps in all,
            and a line of figures.
        should_stop: Called after each validation; ends the run early.
        ranks: This process, the first one; the others ``follow``.

    Returns:
        The validations that matter.

    Raises:
        KincapError: The loss is not a number (exit 1), the weights can't be saved (exit 1),
            another process is gone (exit 1), or the run was interrupted (exit 130, the weights of
            this step saved).
    """
    learning = _Learning(trainer, track, ranks, interrupt, on_progress, should_stop)
    every = validate_every(trainer.steps, source)
    try:
        last = learning.begin()
        with load_ahead(source, trainer.step, last, device, ranks.part) as batches:
            for batch in batches:
                why = learning.step(batch, every)
                if trainer.step < trainer.steps and learning.ends(why):
                    break
    except KeyboardInterrupt:
        raise track.interrupted(trainer, trainer.steps, interrupt.is_urgent) from None
    except RuntimeError as error:
        if not ranks.is_lost(error):
            raise
        raise track.lost_process(trainer, trainer.steps) from None
    return track.finish(trainer)


@dataclass
class _Learning:
    """The first process of a training, from step to step.

    Attributes:
        images_s: Images a second, a running mean; 0 before the first step.
    """

    trainer: Trainer
    track: Track
    ranks: Ranks
    interrupt: Interrupt
    on_progress: OnProgress | None
    should_stop: StopRule | None
    images_s: float = 0.0

    def begin(self) -> int:
        """Validate what there is to start from; return the last step of this run."""
        trainer, track = self.trainer, self.track
        if not track.history:
            track.validate(trainer, self._validating)
        elif self.on_progress:
            # so that the steps of an earlier process do not count as those of this one
            self.on_progress(trainer.step, trainer.steps, track.note)
        # a run may have been killed right after the validation that ends it
        why = self._why_stop()
        if why is not None:
            track.stop(why)
        return trainer.step if self.ranks.largest(_STOP if why else 0) else trainer.steps

    def step(self, batch: StepBatch, every: int) -> str | None:
        """Learn from a batch; validate when it is time, and then return why to stop, if so."""
        trainer, track, steps = self.trainer, self.track, self.trainer.steps
        began = time.monotonic()
        loss = _learn(trainer, batch, self.ranks)
        step = trainer.step
        track.add_loss(step, steps, loss, trainer.rate)
        took_s = time.monotonic() - began
        track.pace.add_step(step, took_s)
        rate = len(batch.images) * self.ranks.ranks / took_s
        self.images_s = 0.9 * self.images_s + 0.1 * rate if self.images_s else rate
        why = None
        if step % every == 0 or step == steps:
            track.validate(trainer, self._validating)
            why = self._why_stop()
        if self.on_progress:
            self.on_progress(step, steps, f"{self.images_s:.0f} images/s, {track.note}")
        return why

    def ends(self, why: str | None) -> bool:
        """Return True if the run ends before its last step; save the weights when it is time.

        Raises:
            KeyboardInterrupt: It was interrupted, here or in another process.
        """
        end = self.ranks.largest(_INTERRUPT if self.interrupt.is_asked else _STOP if why else 0)
        if end == _INTERRUPT:
            raise KeyboardInterrupt
        if end and why:
            self.track.stop(why)
            return True
        self.track.save_when_due(self.trainer)
        return False

    def _why_stop(self) -> str | None:
        return self.should_stop(self.track.history) if self.should_stop else None

    def _validating(self, done: int, of: int) -> None:
        if self.on_progress:
            self.on_progress(self.trainer.step, self.trainer.steps, f"validating {done}/{of}")
        self.interrupt.check()


def follow(
    trainer: Trainer, source: BatchSource, device: torch.device, interrupt: Interrupt, ranks: Ranks
) -> None:
    """Take part in the training of the first process, which validates and saves.

    Args:
        trainer: The net to start from, or to go on with; changed.
        source: The training batches.
        device: The device to compute on.
        interrupt: The request to end early; ends all processes.
        ranks: This process.

    Raises:
        KincapError: The run was interrupted (exit 130).
    """
    steps = trainer.steps
    if ranks.largest(0):
        return
    with load_ahead(source, trainer.step, steps, device, ranks.part) as batches:
        for batch in batches:
            _learn(trainer, batch, ranks)
            if trainer.step == steps:
                return
            end = ranks.largest(_INTERRUPT if interrupt.is_asked else 0)
            if end == _INTERRUPT:
                raise KincapError("interrupted", exit_code=EXIT_INTERRUPTED)
            if end:
                return
