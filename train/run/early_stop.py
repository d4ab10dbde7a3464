"""Early stop: end a run once validations are no longer better, and say why."""

from collections.abc import Sequence

from .history import StepFigures, StopRule, rank


def stop_rule(patience: int) -> StopRule | None:
    """Return the rule of ``--patience``: better is what ``history.rank`` orders first.

    Args:
        patience: Validations in a row without a better one that end a run; 0: none do.

    Returns:
        A function of all validations so far, so that a resumed run ends where it would have ended.
    """
    if not patience:
        return None

    def why(history: Sequence[StepFigures]) -> str | None:
        best = max(range(len(history)), key=lambda k: (rank(history[k]), -k))
        if len(history) - 1 - best < patience:
            return None
        found = history[best]
        figure = f"loss {found.loss:.4f}"
        if found.score.mean_pck is not None:
            figure = f"mean PCK {found.score.mean_pck:.1f}"
        times = "validation was" if patience == 1 else f"{patience} validations were"
        return (
            f"stopped after step {history[-1].step}: the last {times} not better than that of "
            f"step {found.step} ({figure}), which is the best one"
        )

    return why
