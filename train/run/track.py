"""Figures and weights of a run while it learns; each figure with that of the mean pose."""

import math
import time
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from ...core.errors import CheckpointError, KincapError
from ..checkpoint import Checkpoint, copy_checkpoint, save_checkpoint
from ..data import Samples, mean_pose
from ..metrics.pck import Pck, Score
from ..settings import TrainSettings
from ..validate import OnBatch, Validation, calibrate, score_poses, validate
from .run_folder import RunFolder
from .run_plan import OnNotice, Pace

EXIT_INTERRUPTED: Final = 130

LOSS_EVERY: Final = 20
"""Steps between two looks at the loss: each look makes a GPU's queue run dry."""


@dataclass(frozen=True)
class Learned:
    """Figures of a finished run.

    Attributes:
        steps: Batches learnt from.
        first: The validation before the first step.
        best: The best saved validation, by PCK@0.2 of all keypoints, then by loss.
        best_step: Its step; 0 where nothing learnt was better than the start.
        last: The last validation.
        mean_pose: Score of the mean of the training targets on the same split.
        seconds: Wall time.
    """

    steps: int
    first: Validation
    best: Validation
    best_step: int
    last: Validation
    mean_pose: Score
    seconds: float


class Track:
    """Validate a net, write metrics.csv, and keep the best and the last weights.

    Weights come first: a line of figures that can't be written is reported once, and the run goes
    on. So it does where a later checkpoint can't be saved, as on a full disk: the earlier one stays
    and the next validation tries again.

    Args:
        settings: The recipe.
        data: The data set's file name, for the checkpoints.
        sessions: Every session that the net learns from or has learnt from; None: not known.
        train: The training split; gives the mean pose.
        val: The validation split.
        run: Folder of figures and weights.
        device: Device of the net.
        pace: Takes the durations of validations.
        on_notice: Takes lines for the person.

    Attributes:
        pace: As given.
        note: A line of figures, to be printed beside the progress.
    """

    def __init__(
        self,
        settings: TrainSettings,
        data: str,
        sessions: list[dict[str, str]] | None,
        train: Samples,
        val: Samples,
        run: RunFolder,
        device: torch.device,
        pace: Pace,
        on_notice: OnNotice | None = None,
    ) -> None:
        self._settings, self._data, self._val = settings, data, val
        self._sessions = sessions
        self._run, self._device = run, device
        self.pace, self._notice = pace, on_notice
        self._mean = mean_pose(train.targets, train.weight)
        self._mean_score = score_poses(self._mean, val)
        self._history: list[tuple[int, Validation]] = []
        self._best = 0
        self._saved_step: int | None = None
        self._notices: set[str] = set()
        self._losses: list[Tensor] = []
        self._train_loss, self._rate = math.nan, 0.0
        self._start = time.monotonic()
        self.note = ""

    def add_loss(self, step: int, steps: int, loss: Tensor, rate: float) -> None:
        """Note the loss of a step.

        Raises:
            KincapError: It is not a number (exit 1); the weights of the last validation stay.
        """
        self._losses.append(loss)
        self._rate = rate
        if step % LOSS_EVERY == 0 or step == steps or step <= 2:
            self._look(step)

    def validate(self, net: nn.Module, step: int, on_batch: OnBatch | None = None) -> None:
        """Measure the net on the validation split, save its weights, write a line of figures.

        Raises:
            KincapError: The loss is not a number, or not even the first checkpoint can be saved
                (exit 1).
        """
        self._look(step)
        began = time.monotonic()
        found = validate(net, self._val, self._device, on_batch)
        self.pace.add_validation(time.monotonic() - began)
        if not math.isfinite(found.loss):
            raise self._diverged(step)
        self._history.append((step, found))
        try:
            self._save(net, step)
            if len(self._history) == 1 or _rank(found) > _rank(self._history[self._best][1]):
                copy_checkpoint(self._run.last, self._run.best)
                self._best = len(self._history) - 1
        except (OSError, CheckpointError) as error:
            if len(self._history) == 1:
                raise self._unsaved(step, error) from None
            self._warn("weights", f"step {step}: the weights can't be saved ({_why(error)})")
        self._add_metrics(step, found)
        self._say()

    def finish(self, net: nn.Module, step: int) -> Learned:
        """Return the figures of the run, after its last validation.

        Raises:
            KincapError: The last weights can't be saved (exit 1).
        """
        if self._saved_step != step:
            try:
                self._save(net, step)
            except OSError as error:
                raise self._unsaved(step, error) from None
        return self.learned()

    def interrupted(
        self, net: nn.Module, step: int, steps: int, is_urgent: bool = False
    ) -> KincapError:
        """Save the weights of a run that ends early, and return the error that says so.

        Args:
            net: Holds the weights of a whole step, unless ``is_urgent``.
            step: Which step.
            steps: Steps in all.
            is_urgent: The run ended somewhere in a step.
        """
        if not is_urgent and self._saved_step != step:
            if not _is_finite(net):
                return self._diverged(step)
            try:
                self._save(net, step)
            except OSError as error:
                return self._unsaved(step, error)
        kept = "nothing was saved yet"
        if self._saved_step is not None:
            kept = f"the weights of step {self._saved_step} are in {self._run.last}"
        return KincapError(
            f"interrupted after {step} of {steps} steps; {kept}", exit_code=EXIT_INTERRUPTED
        )

    def _save(self, net: nn.Module, step: int) -> None:
        """Save the weights as they are now; figures only of a validation of the same step.

        Raises:
            OSError: They can't be saved; the earlier ones stay.
        """
        validated, found = self._history[-1] if self._history else (None, None)
        if validated != step:
            found = None
        settings = self._settings
        trained = {
            "kind": settings.kind,
            "step": step,
            "seed": settings.seed,
            "data": self._data,
            "sessions": self._sessions,
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
                mirror_training=settings.recipe.augment.mirror > 0,
                trained=trained,
                skeleton=self._val.skeleton,
                calibration=None if found is None else calibrate(found, self._val),
            ),
        )
        self._saved_step = step

    def _add_metrics(self, step: int, found: Validation) -> None:
        """Write a line of metrics.csv, if that is possible."""
        try:
            self._run.add_metrics(self._row(step, found))
        except OSError as error:
            self._warn("metrics", f"metrics.csv can't be written ({_why(error)}); training goes on")

    def _warn(self, about: str, text: str) -> None:
        """Report a problem once."""
        if self._notice is not None and about not in self._notices:
            self._notices.add(about)
            self._notice(text)

    def _unsaved(self, step: int, error: Exception) -> KincapError:
        kept = ""
        if self._saved_step is not None:
            kept = f"; {self._run.last} has the weights of step {self._saved_step}"
        return KincapError(
            f"{self._run.last}: the weights of step {step} can't be saved ({_why(error)}){kept}",
            exit_code=1,
        )

    def learned(self) -> Learned:
        """Return the figures of the run, after its last validation."""
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
        kept = self._saved_step
        where = "" if kept is None else f"; {self._run.last} has the weights of step {kept}"
        return KincapError(
            f"the loss is not a number at step {step} with --lr {self._settings.recipe.lr:g}; "
            f"try a lower --lr{where}",
            exit_code=1,
        )

    def _say(self) -> None:
        """Set the line of figures, each with that of the mean pose."""
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
            "val_mean_pck": found.score.mean_pck,
            "val_median_error_torso": found.score.median_error_torso,
        }
        for threshold, pck in found.score.pck.items():
            row |= {f"val_pck_{threshold}_{group}": value for group, value in pck.items()}
        for threshold, pck in self._mean_score.pck.items():
            row |= {f"mean_pose_pck_{threshold}_{g}": pck[g] for g in ("all", "wrist") if g in pck}
        return row


def _rank(found: Validation) -> tuple[float, float]:
    """Return the key that orders validations: the mean of PCK at 0.05 to 0.2, then the lower loss.

    PCK@0.2 alone has nothing left to gain after a few steps on real frames, while PCK@0.1 has.
    """
    mean = found.score.mean_pck
    return (-1.0 if mean is None else mean, -found.loss)


def _figure(pck: Pck, group: str) -> str:
    value = pck.get(group)
    return "-" if value is None else f"{value:.1f}"


def _why(error: Exception) -> str:
    """Return the reason of a failed write in words."""
    return getattr(error, "strerror", None) or str(error)


def _is_finite(net: nn.Module) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in net.state_dict().values())
