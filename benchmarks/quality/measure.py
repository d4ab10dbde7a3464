"""Run build's filters over injected faults and over the simulator's own, and count."""

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from kincap.dataset.filters import FilterSettings

from .faults import FAULTS, SIZES, inject
from .judge import Verdicts, judge
from .recordings import CLEAN_SEEDS, OWN_SEEDS, FaultyCopy, clean_name, own_name
from .score import GOAL_TORSO, Counts, mean

NEEDS_PICTURES: Final = ("delay",)
"""Faults that only the pictures show: there the lag is measured."""
NO_FAULT: Final = "none"


@dataclass
class Quality:
    """The figures of one group of seeds.

    Attributes:
        seeds: Of the clean recordings, and of those with the simulator's own faults.
        clean: All labels of the clean recordings.
        injected: By fault, by size (the last one: all sizes).
        own: By fault of the simulator; ``none``: bodies that no fault touched.
    """

    seeds: dict[str, list[int]]
    clean: Counts = field(default_factory=Counts)
    injected: dict[str, list[Counts]] = field(default_factory=dict)
    own: dict[str, Counts] = field(default_factory=dict)

    def score(self) -> dict[str, float | None]:
        """Return recall, F1 and the score: half of it is the simulator's own faults."""
        faults = [counts[-1] for counts in self.injected.values()]
        own = [one for name, one in self.own.items() if name != NO_FAULT]
        injected_f1 = mean(one.f1(GOAL_TORSO) for one in faults)
        own_f1 = mean(one.f1(GOAL_TORSO) for one in own)
        return {
            "injected_recall": mean(one.recall(GOAL_TORSO) for one in faults),
            "injected_f1": injected_f1,
            "own_recall": mean(one.recall(GOAL_TORSO) for one in own),
            "own_f1": own_f1,
            "false_alarms": self.clean.false_alarms(),
            "left_out": self.clean.left_out(),
            "score": mean([injected_f1, own_f1]),
        }

    def to_json(self) -> dict[str, Any]:
        """Return all figures."""
        return {
            "seeds": self.seeds,
            "score": self.score(),
            "clean": self.clean.to_json(),
            "injected": {
                name: {
                    "all": counts[-1].to_json(),
                    "by_size": {
                        f"{size:g}": counts[level].to_json() for level, size in enumerate(SIZES)
                    },
                }
                for name, counts in self.injected.items()
            },
            "own": {name: one.to_json() for name, one in self.own.items()},
        }


def measure(
    recordings: Path,
    group: str,
    filters: FilterSettings,
    *,
    faults: tuple[str, ...] = tuple(FAULTS),
    seeds: int | None = None,
) -> Quality:
    """Run the filters over all recordings of a group.

    Args:
        recordings: The folder of all sessions, with those of the group.
        group: ``TUNING`` or ``REPORT``.
        filters: Thresholds.
        faults: Which faults to inject.
        seeds: How many seeds of each; None: all.
    """
    clean, own = CLEAN_SEEDS[group][:seeds], OWN_SEEDS[group][:seeds]
    quality = Quality({"clean": list(clean), "own": list(own)})
    for seed in clean:
        began = time.monotonic()
        quality.clean.add(judge(recordings / clean_name(seed), filters, lag=True))
        _inject_all(quality, recordings, seed, filters, faults)
        print(f"{clean_name(seed)}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    for seed in own:
        _add_own(quality, judge(recordings / own_name(seed), filters, lag=True))
    return quality


def _inject_all(
    quality: Quality, recordings: Path, seed: int, filters: FilterSettings, faults: tuple[str, ...]
) -> None:
    """Inject every fault in every size into a copy of a clean recording."""
    copy = FaultyCopy(recordings / clean_name(seed), recordings.parent / "faulty" / "copy")
    track = copy.track()
    for name in faults:
        counts = quality.injected.setdefault(name, [Counts() for _ in (*SIZES, "all")])
        for level in range(len(SIZES)):
            copy.write(inject(name, level, track, seed))
            verdicts = judge(copy.folder, filters, lag=name in NEEDS_PICTURES)
            counts[level].add(verdicts)
            counts[-1].add(verdicts)


def _add_own(quality: Quality, verdicts: Verdicts) -> None:
    """Add a recording with the simulator's own faults, fault by fault."""
    untouched = np.ones(len(verdicts.lost), np.bool_)
    for name, rows in verdicts.touched.items():
        if rows.any():
            quality.own.setdefault(name, Counts()).add(verdicts, rows)
        untouched &= ~rows
    quality.own.setdefault(NO_FAULT, Counts()).add(verdicts, untouched)
