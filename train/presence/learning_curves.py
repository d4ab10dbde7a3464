"""Curves of a run, read from its metrics.csv, and how long each phase took to converge."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..run.history import FLAT_POINTS

PRESENCE: Final = "val_presence_accuracy"
LOCATION: Final = "val_mean_pck"
_MOST_BYTES: Final = 1 << 24


@dataclass(frozen=True)
class PhaseCurve:
    """One phase of a run; a run without phases has one.

    Attributes:
        phase: 1, 2, or 0 where all heads learn together.
        figure: ``presence accuracy`` or ``mean PCK``.
        steps: Steps of the validations.
        seconds: Since the begin of the run.
        train_loss: Mean loss of the batches before each; NaN where there were none.
        val_loss: The same loss on the validation split.
        values: The figure, percent.
        converged: Index of the first validation within ``FLAT_POINTS`` of the best.
    """

    phase: int
    figure: str
    steps: list[int]
    seconds: list[float]
    train_loss: list[float]
    val_loss: list[float]
    values: list[float]
    converged: int

    def to_json(self) -> dict[str, Any]:
        """Return when the phase had converged, and its best figure."""
        first = self.seconds[0] if self.phase == 2 else 0.0
        return {
            "phase": self.phase,
            "figure": self.figure,
            "best": max(self.values),
            "converged_step": self.steps[self.converged],
            "converged_s": round(self.seconds[self.converged] - first, 1),
            "steps": self.steps[-1],
            "seconds": round(self.seconds[-1] - first, 1),
        }


def read_curves(checkpoint: Path) -> list[PhaseCurve]:
    """Return the curves of a run by phase; none where its metrics.csv is not beside the file.

    Args:
        checkpoint: A file in the folder of a run.
    """
    path = checkpoint.parent / "metrics.csv"
    try:
        if path.stat().st_size > _MOST_BYTES:
            return []
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        phases = sorted({int(row.get("phase") or 0) for row in rows})
        curves = [_curve([r for r in rows if int(r.get("phase") or 0) == p], p) for p in phases]
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return []  # not there, or not ours: the report goes without
    return [one for one in curves if one is not None]


def _curve(rows: list[dict[str, str]], phase: int) -> PhaseCurve | None:
    column = PRESENCE if phase == 1 else LOCATION
    rows = [row for row in rows if row[column]]
    if len(rows) < 2:
        return None
    values = [float(row[column]) for row in rows]
    best = max(values)
    return PhaseCurve(
        phase=phase,
        figure="presence accuracy" if phase == 1 else "mean PCK",
        steps=[int(row["step"]) for row in rows],
        seconds=[float(row["seconds"]) for row in rows],
        train_loss=[float(row["train_loss"] or math.nan) for row in rows],
        val_loss=[_loss(row, phase) for row in rows],
        values=values,
        converged=next(k for k, value in enumerate(values) if value >= best - FLAT_POINTS),
    )


def _loss(row: dict[str, str], phase: int) -> float:
    """Return the validation loss that the phase lowers: the stored one is of all heads."""
    presence = float(row.get("val_presence_loss") or 0.0)
    whole = float(row["val_loss"])
    return {0: whole, 1: presence, 2: whole - presence}[phase]
