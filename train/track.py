"""What a run keeps while it learns: figures beside the mean pose's, and the weights."""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from ..core.errors import KincapError
from .checkpoint import Checkpoint, copy_checkpoint, save_checkpoint
from .data import Samples, mean_pose
from .metrics import Pck, Score
from .runs import Run
from .settings import TrainSettings
from .validate import Validation, score_poses, validate

LOSS_EVERY: Final = 20
"""Steps between two looks at the loss: each look makes a GPU's queue run dry."""


@dataclass(frozen=True)
class Learned:
    """How a run went.

    Attributes:
        steps: Batches learnt from.
        first: What the network made of the validation split before the first step.
        best: The best validation, by PCK@0.2 of all keypoints, then by loss.
        best_step: When it was made; 0 where nothing learnt was better than the start.
        last: The last validation.
        mean_pose: What the mean of the training targets makes of the same split.
        seconds: Time on the wall.
    """

    steps: int
    first: Validation
    best: Validation
    best_step: int
    last: Validation
    mean_pose: Score
    seconds: float


class Track:
    """Validate a network, write metrics.csv, and keep the best and the last weights.

    Args:
        settings: The recipe.
        data: The data set's file name, for the checkpoints.
        train: The training split; gives the mean pose.
        val: The validation split.
        run: Where figures and weights go.
        device: Where the network is.
    """

    def __init__(
        self,
        settings: TrainSettings,
        data: str,
        train: Samples,
        val: Samples,
        run: Run,
        device: torch.device,
    ) -> None:
        self._settings, self._data, self._val = settings, data, val
        self._run, self._device = run, device
        self._mean = mean_pose(train.targets, train.weight)
        self._mean_score = score_poses(self._mean, val)
        self._history: list[tuple[int, Validation]] = []
        self._best = 0
        self._losses: list[Tensor] = []
        self._train_loss, self._rate = math.nan, 0.0
        self._start = time.monotonic()
        self.note = ""

    def add_loss(self, step: int, steps: int, loss: Tensor, rate: float) -> None:
        """Note the loss of a step.

        Raises:
            KincapError: It is no number any more (exit 1); the weights of the last validation stay.
        """
        self._losses.append(loss)
        self._rate = rate
        if step % LOSS_EVERY == 0 or step == steps or step <= 2:
            self._look(step)

    def validate(self, net: nn.Module, step: int) -> None:
        """Measure the network on the validation split, write a line of figures, save the weights.

        Raises:
            KincapError: The loss is no number any more (exit 1).
        """
        self._look(step)
        found = validate(net, self._val, self._device)
        if not math.isfinite(found.loss):
            raise self._diverged(step)
        self._history.append((step, found))
        self._run.add_metrics(self._row(step, found))
        self.save_last(net, step)
        if len(self._history) == 1 or _rank(found) > _rank(self._history[self._best][1]):
            self._best = len(self._history) - 1
            copy_checkpoint(self._run.last, self._run.best)
        self._say()

    def save_last(self, net: nn.Module, step: int) -> Path:
        """Save the weights as they are now and return where."""
        found = self._history[-1][1] if self._history else None
        settings = self._settings
        trained = {
            "kind": settings.kind,
            "step": step,
            "seed": settings.seed,
            "data": self._data,
            "shuffle_labels": settings.shuffle_labels,
            "val_pck": found.score.pck["0.2"]["all"] if found else None,
            "val_loss": found.loss if found else None,
        }
        save_checkpoint(
            self._run.last,
            Checkpoint(
                model=settings.model,
                width=settings.width,
                size=settings.size,
                weights={k: v.detach().cpu().contiguous() for k, v in net.state_dict().items()},
                mean_pose=torch.from_numpy(self._mean),
                mirror_training=settings.augment.mirror > 0,
                trained=trained,
            ),
        )
        return self._run.last

    def learned(self) -> Learned:
        """Return how the run went, after its last validation."""
        best_step, best = self._history[self._best]
        return Learned(
            steps=self._history[-1][0],
            first=self._history[0][1],
            best=best,
            best_step=best_step,
            last=self._history[-1][1],
            mean_pose=self._mean_score,
            seconds=time.monotonic() - self._start,
        )

    def _look(self, step: int) -> None:
        """Take the mean of the losses since the last look."""
        if not self._losses:
            return
        self._train_loss = float(torch.stack(self._losses).mean())
        self._losses.clear()
        if not math.isfinite(self._train_loss):
            raise self._diverged(step)
        self._say()

    def _diverged(self, step: int) -> KincapError:
        kept = self._history[-1][0] if self._history else None
        where = "" if kept is None else f"; {self._run.last} has the weights of step {kept}"
        return KincapError(
            f"the loss is no number any more at step {step} with --lr {self._settings.lr:g}; "
            f"try a lower --lr{where}",
            exit_code=1,
        )

    def _say(self) -> None:
        """Set the line that stands beside the progress: every figure with the mean pose's."""
        parts = [f"loss {self._train_loss:.4f}"] if math.isfinite(self._train_loss) else []
        if self._history:
            here, mean = self._history[-1][1].score.pck["0.2"], self._mean_score.pck["0.2"]
            parts.append(
                f"PCK@0.2 {_figure(here, 'all')} (mean pose {_figure(mean, 'all')}), "
                f"wrist {_figure(here, 'wrist')} ({_figure(mean, 'wrist')})"
            )
        self.note = ", ".join(parts)

    def _row(self, step: int, found: Validation) -> dict[str, float | int | None]:
        """Return a line of metrics.csv."""
        row: dict[str, float | int | None] = {
            "step": step,
            "seconds": round(time.monotonic() - self._start, 3),
            "lr": self._rate,
            "train_loss": self._train_loss if math.isfinite(self._train_loss) else None,
            "val_loss": found.loss,
            "val_median_error_torso": found.score.median_error_torso,
        }
        for threshold, pck in found.score.pck.items():
            row |= {f"val_pck_{threshold}_{group}": value for group, value in pck.items()}
        for threshold, pck in self._mean_score.pck.items():
            row |= {f"mean_pose_pck_{threshold}_{g}": pck[g] for g in ("all", "wrist")}
        return row


def _rank(found: Validation) -> tuple[float, float]:
    """Return what validations are ordered by: PCK@0.2 first, then the lower loss."""
    pck = found.score.pck["0.2"]["all"]
    return (-1.0 if pck is None else pck, -found.loss)


def _figure(pck: Pck, group: str) -> str:
    value = pck[group]
    return "-" if value is None else f"{value:.1f}"
