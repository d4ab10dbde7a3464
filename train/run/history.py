"""The validations of a run: which is the best, and the curve in words."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from ..metrics.pck import Pck, Score

FLAT_POINTS: Final = 0.3
"""Change of the mean PCK, in points, that counts as neither better nor worse."""

_SHOWN: Final = 4
"""Most figures of a curve in words."""


@dataclass(frozen=True)
class StepFigures:
    """One validation of a run.

    Attributes:
        step: Steps done.
        loss: Mean loss over the validation split.
        score: PCK and median error over keypoints of weight above 0.
    """

    step: int
    loss: float
    score: Score

    def to_plain(self) -> dict[str, Any]:
        """Return the figures as plain dicts and numbers."""
        return {"step": self.step, "loss": self.loss, "score": asdict(self.score)}

    @staticmethod
    def from_plain(content: dict[str, Any]) -> "StepFigures":
        """Return the figures of ``to_plain``.

        Raises:
            KeyError, TypeError: The content is another one.
        """
        return StepFigures(content["step"], content["loss"], Score(**content["score"]))


StopRule = Callable[[Sequence[StepFigures]], str | None]
"""Called after each validation with all of them; returns why the run ends now, or None."""


def rank(found: StepFigures) -> tuple[float, float]:
    """Return the key that orders validations: the mean of PCK at 0.05 to 0.2, then the lower loss.

    PCK@0.2 alone has nothing left to gain after a few steps on real frames, while PCK@0.1 has.
    """
    mean = found.score.mean_pck
    return (-1.0 if mean is None else mean, -found.loss)


def curve_words(history: Sequence[StepFigures]) -> str:
    """Return the validation curve in words, for a line of progress.

    Args:
        history: All validations so far; at least one.
    """
    points = [(one.step, one.score.mean_pck) for one in history if one.score.mean_pck is not None]
    if len(points) < 2:
        return ""
    values = [value for _, value in points]
    shown = " > ".join(f"{value:.1f}" for value in values[-_SHOWN:])
    best_step, best = max(points, key=lambda point: point[1])
    if values[-1] - values[-2] > FLAT_POINTS and values[-1] >= best:
        return f"mean PCK {shown}, rising"
    if best - values[-1] > FLAT_POINTS:
        return f"mean PCK {shown}, below the best ({best:.1f} at step {best_step})"
    first = next(step for step, value in points if value >= best - FLAT_POINTS)
    return f"mean PCK {shown}, flat since step {first}"


def pck_words(here: Pck, mean: Pck) -> str:
    """Return PCK@0.2 of a net, each figure with that of the mean pose."""
    return (
        f"PCK@0.2 {_figure(here, 'all')} (mean pose {_figure(mean, 'all')}), "
        f"wrist {_figure(here, 'wrist')} ({_figure(mean, 'wrist')})"
    )


def _figure(pck: Pck, group: str) -> str:
    value = pck.get(group)
    return "-" if value is None else f"{value:.1f}"
