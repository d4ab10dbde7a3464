"""Figures and weights of a run while it learns; each figure with that of the mean pose."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import torch
from torch import Tensor, nn

from ...core.errors import KincapError
from ..checkpoint import Checkpoint, save_checkpoint
from ..data import Samples, mean_pose
from ..metrics.pck import Score
from ..settings import TrainSettings
from ..validate import OnBatch, Validation, calibrate, score_poses, validate
from .history import StepFigures, curve_words, pck_words, rank
from .run_folder import RunFolder
from .run_plan import OnNotice, Pace
from .trainer import Trainer

EXIT_INTERRUPTED: Final = 130

LOSS_EVERY: Final = 20
"""Steps between two looks at the loss: each look makes a GPU's queue run dry."""


@dataclass(frozen=True)
class Learned:
    """Figures of a finished run.

    Attributes:
        steps: Batches learnt from.
        first: The validation before the first step.
        best: The best saved validation, see ``history.rank``.
        best_step: Its step; 0 where nothing learnt was better than the start.
        last: The last validation.
        mean_pose: Score of the mean of the training targets on the same split.
        seconds: Wall time, of all processes of a run that was resumed.
        stopped: Why the run ended before its last step, or None.
    """

    steps: int
    first: StepFigures
    best: StepFigures
    best_step: int
    last: StepFigures
    mean_pose: Score
    seconds: float
    stopped: str | None = None


class Judge(Protocol):
    """Validates what a run trains, where that is not a net for whole crops."""

    def validate(self, net: nn.Module, on_batch: OnBatch | None) -> Validation:
        """Return the figures of the net on the validation split."""

    def complete(self, checkpoint: Checkpoint) -> Checkpoint:
        """Return the checkpoint that is saved; the given one has the weights of the net alone."""


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
        pace: Is told how long validations take.
        on_notice: Takes lines for the person.
        judge: Validates and completes checkpoints; None: the net's poses are those of crops.

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
        judge: Judge | None = None,
    ) -> None:
        self._judge = judge
        self._settings, self._data, self._val = settings, data, val
        self._sessions = sessions
        self._run, self._device = run, device
        self.pace, self._notice = pace, on_notice
        self._mean = mean_pose(train.targets, train.weight)
        self._mean_score = score_poses(self._mean, val)
        self._history: list[StepFigures] = []
        self._latest: Validation | None = None
        self._best = 0
        self._saved_step: int | None = None
        self._saved_at = time.monotonic()
        self._stopped: str | None = None
        self._notices: set[str] = set()
        self._losses: list[Tensor] = []
        self._train_loss, self._rate, self._phase = math.nan, 0.0, 0
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

    @property
    def history(self) -> Sequence[StepFigures]:
        """Return all validations so far."""
        return self._history

    def validate(self, trainer: Trainer, on_batch: OnBatch | None = None) -> None:
        """Measure the net on the validation split, save its weights, write a line of figures.

        Raises:
            KincapError: The loss is not a number, or not even the first checkpoint can be saved
                (exit 1).
        """
        step = trainer.step
        # the phase that led here: the first validation is before any
        self._phase = trainer.phases.phase(max(0, step - 1))
        self._look(step)
        began = time.monotonic()
        if self._judge is None:
            found = validate(trainer.kept, self._val, self._device, on_batch)
        else:
            found = self._judge.validate(trainer.kept, on_batch)
        self.pace.validation_s = time.monotonic() - began
        if not math.isfinite(found.loss):
            raise self._diverged(step)
        self._latest = found
        self._history.append(StepFigures(step, found.loss, found.score))
        self._add_metrics(step, found)
        index, better = len(self._history) - 1, self._history[-1]
        try:
            if index == 0 or rank(better) > rank(self._history[self._best]):
                # before last.ckpt, which names the best one: a kill between the two costs nothing
                save_checkpoint(self._run.best, self._checkpoint(trainer))
                self._best = index
            self._save(trainer)
        except OSError as error:
            if index == 0:
                raise self._unsaved(step, error) from None
            self._warn("weights", f"step {step}: the weights can't be saved ({_why(error)})")
        self._say()

    def stop(self, why: str) -> None:
        """Note why the run ends before its last step; ``finish`` saves it."""
        self._stopped, self._saved_step = why, None

    def save_when_due(self, trainer: Trainer) -> None:
        """Save the weights if the last time was long ago, so that a kill costs minutes at most."""
        if time.monotonic() - self._saved_at < self._settings.recipe.save_every_s:
            return
        self._saved_at = time.monotonic()  # a full disk is tried again after the same time
        self._look(trainer.step)
        try:
            self._save(trainer)
        except OSError as error:
            step = trainer.step
            self._warn("weights", f"step {step}: the weights can't be saved ({_why(error)})")

    def finish(self, trainer: Trainer) -> Learned:
        """Return the figures of the run, after its last validation.

        Raises:
            KincapError: The last weights can't be saved (exit 1).
        """
        if self._saved_step != trainer.step:
            try:
                self._save(trainer)
            except OSError as error:
                raise self._unsaved(trainer.step, error) from None
        return self.learned()

    def interrupted(self, trainer: Trainer, steps: int, is_urgent: bool = False) -> KincapError:
        """Save the weights of a run that ends early, and return the error that says so.

        Args:
            trainer: Has the weights of a whole step, unless ``is_urgent``.
            steps: Steps in all.
            is_urgent: The run ended somewhere in a step.
        """
        step = trainer.step
        if not is_urgent and self._saved_step != step:
            if not _is_finite(trainer.kept):
                return self._diverged(step)
            try:
                self._save(trainer)
            except OSError as error:
                return self._unsaved(step, error)
        return KincapError(
            f"interrupted after {step} of {steps} steps; {self._way_on()}",
            exit_code=EXIT_INTERRUPTED,
        )

    def lost_process(self, trainer: Trainer, steps: int) -> KincapError:
        """Return the error of a run that another process of it has left.

        Args:
            trainer: Of this process; its weights may be those of an unfinished step.
            steps: Steps in all.
        """
        return KincapError(
            f"another process of this run has ended, after {trainer.step} of {steps} steps; "
            f"{self._way_on()}",
            exit_code=1,
        )

    def _way_on(self) -> str:
        """Return what is saved and the command that goes on from it."""
        if self._saved_step is None:
            return "nothing was saved yet"
        return (
            f"the weights of step {self._saved_step} are in {self._run.last}; "
            f"kincap {self._settings.kind} --resume {self._run.home} goes on"
        )

    def _save(self, trainer: Trainer) -> None:
        """Save last.ckpt: the weights as they are now, and all that a resumed run needs.

        Raises:
            OSError: It can't be saved; the earlier one stays.
        """
        save_checkpoint(self._run.last, self._checkpoint(trainer), self._state(trainer))
        self._saved_step, self._saved_at = trainer.step, time.monotonic()

    def _checkpoint(self, trainer: Trainer) -> Checkpoint:
        """Return the weights as they are now; figures only of a validation of the same step."""
        found = self._latest
        if not self._history or self._history[-1].step != trainer.step:
            found = None
        settings = self._settings
        made = Checkpoint(
            model=settings.model,
            width=settings.width,
            size=settings.size,
            weights={k: _plain(v) for k, v in trainer.kept.state_dict().items()},
            mean_pose=torch.from_numpy(self._mean),
            mirror_training=settings.recipe.augment.mirror > 0,
            trained={
                "kind": settings.kind,
                "step": trainer.step,
                "seed": settings.seed,
                "data": self._data,
                "sessions": self._sessions,
                "shuffle_labels": settings.shuffle_labels,
                "val_pck": found.score.pck["0.2"]["all"] if found else None,
                "val_loss": found.loss if found else None,
            },
            skeleton=self._val.skeleton,
            calibration=None if found is None else calibrate(found, self._val),
        )
        return made if self._judge is None else self._judge.complete(made)

    def _state(self, trainer: Trainer) -> dict[str, Any]:
        """Return what a resumed run needs besides the weights that are kept."""
        return {
            "trainer": trainer.state(),
            "history": [one.to_plain() for one in self._history],
            "best": self._best,
            "losses": torch.stack(self._losses).cpu() if self._losses else torch.empty(0),
            "train_loss": self._train_loss,
            "seconds": time.monotonic() - self._start,
            "stopped": self._stopped,
            "validation_s": self.pace.validation_s,
        }

    def load_state(self, state: dict[str, Any], step: int) -> None:
        """Go on from a state.

        Args:
            state: What was saved beside the weights.
            step: The step of the weights.

        Raises:
            KeyError, TypeError, ValueError: It is not such a state.
        """
        self._history = [StepFigures.from_plain(one) for one in state["history"]]
        self._best = range(len(self._history))[state["best"]]
        self._losses = list(state["losses"].to(self._device))
        self._train_loss = state["train_loss"]
        self._start = time.monotonic() - state["seconds"]
        self.pace.validation_s = state.get("validation_s", 0.0)
        self._saved_step = step
        self._run.drop_metrics_after(step)
        self._say()

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
        best = self._history[self._best]
        return Learned(
            steps=self._history[-1].step,
            first=self._history[0],
            best=best,
            best_step=best.step,
            last=self._history[-1],
            mean_pose=self._mean_score,
            seconds=time.monotonic() - self._start,
            stopped=self._stopped,
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
        if step == 0:
            # nothing was learnt yet, so no rate is to blame
            return KincapError(
                "the loss is not a number before the first step: the net gives no numbers with the "
                "weights that it begins with; take other ones (--init, --trunk)"
            )
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
            here, mean = self._history[-1].score.pck["0.2"], self._mean_score.pck["0.2"]
            parts += [pck_words(here, mean), curve_words(self._history)]
        presence = None if self._latest is None else self._latest.presence
        if presence is not None:
            parts.append(
                f"presence {presence.accuracy:.1f} (majority class {presence.majority:.1f})"
            )
        self.note = ", ".join(part for part in parts if part)

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
        if found.presence is not None:
            row |= {
                "phase": self._phase,
                "val_presence_accuracy": found.presence.accuracy,
                "val_presence_majority": found.presence.majority,
                "val_presence_loss": found.presence.loss,
            }
        for threshold, pck in found.score.pck.items():
            row |= {f"val_pck_{threshold}_{group}": value for group, value in pck.items()}
        for threshold, pck in self._mean_score.pck.items():
            row |= {f"mean_pose_pck_{threshold}_{g}": pck[g] for g in ("all", "wrist") if g in pck}
        return row


def _why(error: Exception) -> str:
    """Return the reason of a failed write in words."""
    return getattr(error, "strerror", None) or str(error)


def _is_finite(net: nn.Module) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in net.state_dict().values())


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().contiguous()
