"""The cost of a run, for the person who starts it: steps, time and disk."""

import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...core.errors import KincapError
from ...core.sizes import size_text

OnNotice = Callable[[str], None]

_FEW_STEPS: Final = 5
_ENOUGH_S: Final = 5.0
"""Steps after the first that are timed, or the time that is enough for fewer of them."""


@dataclass(frozen=True)
class RunPlan:
    """A run before its first step.

    Attributes:
        kind: ``"pretrain"`` or ``"finetune"``.
        model: Name of the net.
        model_from: Origin of its name.
        weights: Number of its weights.
        init: The checkpoint that they are taken from, or None for fresh ones.
        size: Side of its input, pixels.
        device: The device that trains it.
        steps: Number of batches.
        batch: Samples in a batch.
        samples: Crops to train on.
        val_samples: Crops to validate on.
        validations: Number of validations.
        checkpoint_bytes: Size of one checkpoint's weights.
        state_bytes: Size of what last.ckpt has beside them, for a resumed run.
    """

    kind: str
    model: str
    model_from: str
    weights: int
    init: Path | None
    size: int
    device: str
    steps: int
    batch: int
    samples: int
    val_samples: int
    validations: int
    checkpoint_bytes: int
    state_bytes: int

    @property
    def disk_bytes(self) -> int:
        """Return the size of the run's folder while a checkpoint is replaced: best, last, new."""
        return 3 * self.checkpoint_bytes + 2 * self.state_bytes

    def lines(self, folder: Path) -> tuple[str, str]:
        """Return the plan as two lines for a person.

        Args:
            folder: The folder of the checkpoints.
        """
        start = "fresh weights" if self.init is None else f"weights of {self.init}"
        often = f"{self.validations} validation{'s' if self.validations != 1 else ''}"
        disk = size_text(self.disk_bytes)
        free = size_text(shutil.disk_usage(_existing(folder)).free)
        return (
            f"{self.kind}: {self.model} ({self.model_from}), {self.weights:,} weights, {start}, "
            f"{self.size} px, on {self.device}",
            f"{self.steps} steps of {self.batch} of {self.samples} crops, {often} of "
            f"{self.val_samples} crops; checkpoints need {disk}, {free} free",
        )


def check_space(flag: str, folder: Path, needed: int, what: str = "checkpoints need") -> None:
    """Refuse work whose files don't fit on the disk.

    Args:
        flag: The flag that names the folder.
        folder: Their folder; need not exist.
        needed: Bytes.
        what: What needs them, for the message.

    Raises:
        KincapError: Less is free.
    """
    there = _existing(folder)
    free = shutil.disk_usage(there).free
    if free < needed:
        raise KincapError(
            f"{flag}: {what} {size_text(needed)}, {there} has {size_text(free)} free; "
            "make room or name another folder"
        )


def _existing(folder: Path) -> Path:
    """Return the nearest folder above that exists."""
    folder = folder.absolute()
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder


class Pace:
    """Times the first steps of a run and reports once how long all of them will take.

    Args:
        steps: Steps in all.
        validate_every: Steps between two validations; the last step has one too.
        on_notice: Takes the line.

    Attributes:
        validation_s: How long the last validation took; a run that goes on has it from before.
    """

    def __init__(self, steps: int, validate_every: int, on_notice: OnNotice | None) -> None:
        self._steps, self._every = steps, validate_every
        self._notice = on_notice
        self._has_begun = False
        self._timed = 0
        self._seconds = self.validation_s = 0.0

    def add_step(self, step: int, seconds: float) -> None:
        """Note how long a step took; after the first few, report.

        Args:
            step: Which step of the run, counted from 1, before its validation.
            seconds: Its duration; the first step of a process is slower than all others.
        """
        if self._notice is None:
            return
        if self._has_begun or seconds > _ENOUGH_S:
            self._timed, self._seconds = self._timed + 1, self._seconds + seconds
        self._has_begun = True
        if self._timed < _FEW_STEPS and self._seconds < _ENOUGH_S:
            return
        each = self._seconds / self._timed
        validations = math.ceil(self._steps / self._every) - (step - 1) // self._every
        left = (self._steps - step) * each + validations * self.validation_s
        self._notice(f"{each:.2g} s a step, about {duration_text(left)} to go")
        self._notice = None


def duration_text(seconds: float) -> str:
    """Return a duration in words, in two digits or so: a plan is not more exact."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
