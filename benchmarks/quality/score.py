"""Counts of wrong labels found and clean labels lost: precision, recall and F1."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .faults import SIZES
from .judge import Verdicts

Bools = NDArray[np.bool_]

GOAL_TORSO = 0.2
"""Labels farther from the truth than this must be found."""
REPAIRED_TORSO = 0.1
"""A wrong label that build moves to within this of the truth is found, too."""


@dataclass
class Counts:
    """Labels of some sessions.

    Attributes:
        wrong: Wrong labels by size, the place in ``SIZES``.
        found: Of these, those that build took the weight from, left out, or repaired.
        repaired: Of the found ones, those repaired.
        clean: Clean labels.
        lost: Of these, those that a filter names, or that a repair moved away: false alarms.
        dropped: Of the others, those that are left out with their frame, in which the sensor
            guesses too many keypoints or filters name too many.
        by_filter: By filter, wrong labels of at least ``GOAL_TORSO``, and clean labels, that it
            named.
    """

    wrong: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(SIZES), np.int64))
    found: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(SIZES), np.int64))
    repaired: int = 0
    clean: int = 0
    lost: int = 0
    dropped: int = 0
    by_filter: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, verdicts: Verdicts, rows: Bools | None = None) -> None:
        """Add the labels of a session.

        Args:
            verdicts: What build decides.
            rows: (C,) the bodies whose wrong labels count; None: all.
        """
        counted = np.ones(verdicts.lost.shape, np.bool_)
        if rows is not None:
            counted &= rows[:, None]
        with np.errstate(invalid="ignore"):
            wrong = counted & (verdicts.before >= SIZES[0])
            near = verdicts.after <= np.minimum(REPAIRED_TORSO, verdicts.before / 2)
            moved_away = verdicts.after > REPAIRED_TORSO
            goal = counted & (verdicts.before >= GOAL_TORSO)
        repaired = wrong & ~verdicts.lost & near
        found = wrong & (verdicts.lost | near)
        size = np.digitize(np.nan_to_num(verdicts.before), SIZES) - 1
        self.wrong += np.bincount(size[wrong], minlength=len(SIZES))
        self.found += np.bincount(size[found], minlength=len(SIZES))
        self.repaired += int(repaired.sum())
        clean = verdicts.clean & counted
        self.clean += int(clean.sum())
        false = clean & (verdicts.named | (moved_away & ~verdicts.lost))
        self.lost += int(false.sum())
        self.dropped += int((clean & verdicts.lost & ~false).sum())
        for name, where in verdicts.reasons.items():
            right, false = self.by_filter.get(name, (0, 0))
            self.by_filter[name] = (
                right + int((goal & where).sum()),
                false + int((clean & where).sum()),
            )

    def recall(self, at_least: float = 0.0) -> float | None:
        """Return the share of wrong labels of at least some size that are found."""
        chosen = np.array(SIZES) >= at_least
        return _share(self.found[chosen].sum(), self.wrong[chosen].sum())

    def recall_by_size(self) -> list[float | None]:
        """Return the same for each size."""
        return [_share(*pair) for pair in zip(self.found, self.wrong, strict=True)]

    def precision(self, at_least: float = 0.0) -> float | None:
        """Return the share of wrong labels among those found and the clean ones lost."""
        found = self.found[np.array(SIZES) >= at_least].sum()
        return _share(found, found + self.lost)

    def f1(self, at_least: float = 0.0) -> float | None:
        """Return the harmonic mean of precision and recall."""
        recall, precision = self.recall(at_least), self.precision(at_least)
        if recall is None or precision is None or recall + precision == 0:
            return None
        return 2 * recall * precision / (recall + precision)

    def false_alarms(self) -> float | None:
        """Return the share of clean labels that a filter names."""
        return _share(self.lost, self.clean)

    def left_out(self) -> float | None:
        """Return the share of clean labels that go with their frame."""
        return _share(self.dropped, self.clean)

    def to_json(self) -> dict[str, object]:
        """Return the figures."""
        return {
            "wrong": self.wrong.tolist(),
            "found": self.found.tolist(),
            "repaired": self.repaired,
            "recall_by_size": self.recall_by_size(),
            "recall": self.recall(GOAL_TORSO),
            "precision": self.precision(GOAL_TORSO),
            "f1": self.f1(GOAL_TORSO),
            "clean": self.clean,
            "false_alarms": self.false_alarms(),
            "left_out": self.left_out(),
            "by_filter": {name: list(pair) for name, pair in self.by_filter.items() if any(pair)},
        }


def _share(part: float, whole: float) -> float | None:
    return float(part) / float(whole) if whole else None


def mean(values: Iterable[float | None]) -> float | None:
    """Return the mean of those that are known."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
