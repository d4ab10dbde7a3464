"""Precision and recall of ``kincap audit`` on every kind of injected fault.

Each fault is injected into a clean recording, and a net that has never seen it judges the labels:
as they are, without any filter, and those that the filters keep. A suggested label, one keypoint in
one frame, is right if it is at least 0.2 of the torso from the truth; a suggestion, a range of
frames, is right if at least half of its labels are.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import tomli_w
from numpy.typing import NDArray

from kincap.checks.filters.registry import FILTER_NAMES
from kincap.core.geometry import unmirror_points
from kincap.core.skeleton import KEYPOINT, KEYPOINT_JOINT, TORSO
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.sessions.session_file import load_session
from kincap.sessions.truth import load_truth

from .faults import FAULTS, inject
from .labels import write_labels
from .recordings import CLEAN_SEEDS, REPORT, FaultyCopy, clean_name
from .score import GOAL_TORSO

LEVEL: Final = 4
"""Size of the faults: a place in ``faults.SIZES``, 0.5 to 0.75 torso."""
TOPS: Final = (10, 50)
SIZE: Final = 64
AS_THEY_ARE, FILTERED = "as they are", "filtered"
ALL: Final = "all"


@dataclass
class AuditCounts:
    """Labels of one data set, or of several.

    Attributes:
        labels: Labels with weight.
        wrong: Of these, those that are wrong by 0.2 torso or more.
        found: Of these, those that are suggested.
        named: Suggested labels.
        tops: By number of labels at the top, how many of them are wrong, and how many there are.
        suggestions: Of the ten best suggestions how many are right, and how many there are.
    """

    labels: int = 0
    wrong: int = 0
    found: int = 0
    named: int = 0
    tops: dict[int, tuple[int, int]] = field(default_factory=lambda: dict.fromkeys(TOPS, (0, 0)))
    suggestions: tuple[int, int] = (0, 0)

    def add(self, other: "AuditCounts") -> None:
        """Add those of another data set."""
        self.labels += other.labels
        self.wrong += other.wrong
        self.found += other.found
        self.named += other.named
        self.tops = {top: _sum(self.tops[top], other.tops[top]) for top in TOPS}
        self.suggestions = _sum(self.suggestions, other.suggestions)

    def to_json(self) -> dict[str, Any]:
        """Return the figures."""
        return {
            "labels": self.labels,
            "wrong": self.wrong,
            "recall": self.found / self.wrong if self.wrong else None,
            "precision": self.found / self.named if self.named else None,
            **{f"top {top}": _share(self.tops[top]) for top in TOPS},
            "suggestions": _share(self.suggestions),
        }


def _sum(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] + other[0], one[1] + other[1]


def _share(counts: tuple[int, int]) -> float | None:
    return counts[0] / counts[1] if counts[1] else None


def measure_audit(folder: Path, checkpoint: Path, faults: Collection[str]) -> dict[str, Any]:
    """Return the figures by fault, of the labels as they are and of the filtered ones.

    Args:
        folder: The benchmark's, with the clean recordings.
        checkpoint: A net that was not trained on them.
        faults: Of ``FAULTS``; each has a recording of its own, whichever others are measured.
    """
    work = folder / "audit"
    found: dict[str, Any] = {}
    totals = {kind: AuditCounts() for kind in (AS_THEY_ARE, FILTERED)}
    for place, fault in enumerate(FAULTS):
        if fault not in faults:
            continue
        seed = CLEAN_SEEDS[REPORT][place % len(CLEAN_SEEDS[REPORT])]
        shutil.rmtree(work, ignore_errors=True)
        name = clean_name(seed)
        copy = FaultyCopy(folder / "recordings" / name, work / "recordings" / name)
        copy.write(inject(fault, LEVEL, copy.track(), seed))
        found[fault] = {}
        for kind, total in totals.items():
            one = _audited(work, name, checkpoint.resolve(), filtered=kind == FILTERED)
            total.add(one)
            found[fault][kind] = one.to_json()
        print(f"{fault}: {found[fault]}", file=sys.stderr)
    return {**found, ALL: {kind: total.to_json() for kind, total in totals.items()}}


def _audited(work: Path, name: str, checkpoint: Path, *, filtered: bool) -> AuditCounts:
    """Build a data set of one session and audit it."""
    words: list[object] = ["build", "--size", SIZE, "--out", "audit.h5", "--decoding", "fast"]
    if not filtered:
        write_labels(work / "recordings", [], [name], work / "given.csv")
        kept = ("tracking", "range", "edge")
        off = [one for one in FILTER_NAMES if one not in kept]
        (work / "off.toml").write_text(tomli_w.dumps({"off": off}))
        words += ["--labels", "given.csv", "--filters", "off.toml", "--no-correct-lag"]
    for old in work.glob("audit.h5*"):
        old.unlink()
    _kincap(work, *words)
    report = _kincap(work, "audit", checkpoint, "--data", "audit.h5", "--top", 10_000, "--dry-run")
    bad = _bad_labels(work / "audit.h5", work / "recordings" / name)
    counts = AuditCounts(labels=len(bad), wrong=sum(bad.values()))
    suggestions = [_labels_of(one, bad.keys()) for one in report["suggestions"]]
    named = list(dict.fromkeys(label for labels in suggestions for label in labels))
    counts.named, counts.found = len(named), sum(bad[label] for label in named)
    counts.tops = {top: (sum(bad[label] for label in named[:top]), len(named[:top]))
                   for top in TOPS}  # fmt: skip
    best = [[bad[label] for label in labels] for labels in suggestions[:10] if labels]
    counts.suggestions = sum(2 * sum(one) >= len(one) for one in best), len(best)
    return counts


Label = tuple[int, int]
"""Colour frame and keypoint."""


def _bad_labels(data: Path, session: Path) -> dict[Label, bool]:
    """Return for each label with weight whether it is wrong."""
    truth, info = load_truth(session), load_session(session)
    at = {int(seq): k for k, seq in enumerate(truth.color["seq"])}
    found: dict[Label, bool] = {}
    with open_kinect13(data) as opened:
        for split in map(opened.split, opened.splits):
            box = np.asarray(split.bbox_xyxy_px, np.float64)
            side = (box[:, 2] - box[:, 0])[:, None, None]
            points = box[:, None, :2] + (split.keypoints_px + 0.5) * side / split.size
            for row, seq in enumerate(split.color_seq):
                true = unmirror_points(
                    truth.color["joint_color_px"][at[int(seq)], 0][KEYPOINT_JOINT], info.size_px[0]
                )
                torso = np.linalg.norm(true[TORSO[0]] - true[TORSO[1]])
                off: NDArray[np.float64] = np.linalg.norm(points[row] - true, axis=-1) / torso
                for k in np.flatnonzero(split.weight[row] > 0).tolist():
                    found[int(seq), k] = bool(off[k] >= GOAL_TORSO)
    return found


def _labels_of(suggestion: dict[str, Any], known: Collection[Label]) -> list[Label]:
    """Return the labels of a suggestion that exist."""
    frames = range(suggestion["seq_first"], suggestion["seq_last"] + 1)
    labels = [(seq, KEYPOINT[name]) for seq in frames for name in suggestion["keypoints"]]
    return [label for label in labels if label in known]


def audit_tables(found: dict[str, Any]) -> list[str]:
    """Return the lines of a table of Markdown."""
    head = ["injected fault", "labels", "kept", "wrong >= 0.2", "recall", "precision",
            *(f"top {top} labels" for top in TOPS), "top 10 suggestions"]  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    figures = ("recall", "precision", *(f"top {top}" for top in TOPS), "suggestions")
    for fault, kinds in found.items():
        for kind, one in kinds.items():
            shares = ("-" if one[k] is None else f"{100 * one[k]:.0f}" for k in figures)
            cells = [fault, kind, str(one["labels"]), str(one["wrong"]), *shares]
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def _kincap(folder: Path, *words: object) -> dict[str, Any]:
    """Run a command in the folder and return its report."""
    command = [sys.executable, "-m", "kincap", *map(str, words), "--json"]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout))
