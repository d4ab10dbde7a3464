"""Settings of the training of a detector."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...core.errors import KincapError
from ..recipe import LIMITS
from ..settings import check_seed

EPOCHS: Final = 12
LEAST_STEPS: Final = 1200
BATCH: Final = 16
RATE: Final = 2e-3


@dataclass(frozen=True)
class DetectOptions:
    """Options of ``kincap finetune --task detect``; None takes the default.

    Attributes:
        data: A data set of whole frames.
        init: A detector to take the weights from; None: fresh weights.
        out: File that the best checkpoint is copied to, or None.
        runs: Folder that run folders are made in.
        name: Last part of the run folder's name.
        epochs: Passes over all frames; not together with ``steps``.
        steps: Number of batches.
        batch: Frames in a batch.
        lr: Peak of the learning rate.
        device: As ``loop.choose_device`` takes it.
        seed: Everything random follows from it.
    """

    data: Path
    init: Path | None = None
    out: Path | None = None
    runs: Path = Path("runs")
    name: str | None = None
    epochs: int | None = None
    steps: int | None = None
    batch: int = BATCH
    lr: float = RATE
    device: str = "auto"
    seed: int = 0

    def check(self) -> None:
        """Refuse impossible values.

        Raises:
            KincapError: There is one.
        """
        if self.epochs is not None and self.steps is not None:
            raise KincapError("--epochs and --steps: give one of them")
        for flag in ("epochs", "steps", "batch"):
            value = getattr(self, flag)
            if value is not None and value < 1:
                raise KincapError(f"--{flag}: {value} is too few; give 1 or more")
            if value is not None and value > LIMITS[flag][1]:
                raise KincapError(
                    f"--{flag}: {value} is too many; give {LIMITS[flag][1]:,.0f} at most"
                )
        check_seed(self.seed)
        if not 0 < self.lr < 1:
            raise KincapError(f"--lr: {self.lr} is not a learning rate; give one between 0 and 1")

    def count_steps(self, frames: int) -> int:
        """Return the steps of the run."""
        an_epoch = -(-frames // self.batch)
        if self.epochs is not None:
            return self.epochs * an_epoch
        return self.steps or max(EPOCHS * an_epoch, LEAST_STEPS)
