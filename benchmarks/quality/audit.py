"""Precision of ``kincap audit`` on injected faults: the share of right suggestions at the top.

Faults that the filters mostly miss are injected into clean recordings, a data set is built of what
the filters keep, and a net that has never seen those recordings judges it. A suggested label, one
keypoint in one frame, is right if it is at least 0.2 of the torso from the truth.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kincap.core.geometry import unmirror_points
from kincap.core.skeleton import KEYPOINT, KEYPOINT_JOINT, TORSO
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.sessions.session_file import load_session
from kincap.sessions.truth import load_truth

from .faults import inject
from .recordings import CLEAN_SEEDS, REPORT, FaultyCopy, clean_name
from .score import GOAL_TORSO

FAULTS: Final = ("drift", "occlusion", "limb_swap", "facing")
LEVELS: Final = (3, 4, 5)
TOPS: Final = (10, 20, 50, 100)
SIZE: Final = 64


def measure_audit(folder: Path, checkpoint: Path) -> dict[str, Any]:
    """Return the precision of suggestions by fault.

    Args:
        folder: The benchmark's, with the clean recordings.
        checkpoint: A net that was not trained on them.
    """
    work = folder / "audit"
    found: dict[str, Any] = {}
    for fault in FAULTS:
        right: dict[int, list[bool]] = {top: [] for top in TOPS}
        wrong = kept = 0
        for seed, level in zip(CLEAN_SEEDS[REPORT], LEVELS, strict=False):
            shutil.rmtree(work, ignore_errors=True)
            name = clean_name(seed)
            copy = FaultyCopy(folder / "recordings" / name, work / "recordings" / name)
            copy.write(inject(fault, level, copy.track(), seed))
            _kincap(work, "build", "--size", SIZE, "--out", "audit.h5")
            report = _kincap(work, "audit", checkpoint.resolve(), "--data", "audit.h5", "--top",
                             10_000, "--dry-run")  # fmt: skip
            bad = _bad_labels(work / "audit.h5", work / "recordings" / name)
            wrong += sum(bad.values())
            kept += len(bad)
            labels = _suggested(report, bad.keys())
            for top in TOPS:
                right[top] += [bad.get(label, False) for label in labels[:top]]
        found[fault] = {
            "labels": kept,
            "wrong": wrong,
            "precision": {str(top): float(np.mean(hits)) if hits else None
                          for top, hits in right.items()},
        }  # fmt: skip
    return found


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


def _suggested(report: dict[str, Any], known: Any) -> list[Label]:
    """Return the suggested labels that exist, those of the strongest suggestion first."""
    labels: dict[Label, None] = {}
    for one in report["suggestions"]:
        for seq in range(one["seq_first"], one["seq_last"] + 1):
            for name in one["keypoints"]:
                if (seq, KEYPOINT[name]) in known:
                    labels[seq, KEYPOINT[name]] = None
    return list(labels)


def audit_tables(found: dict[str, Any]) -> list[str]:
    """Return the lines of a table of Markdown."""
    head = ["injected fault", "labels kept", "wrong >= 0.2", *(f"top {top}" for top in TOPS)]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for fault, one in found.items():
        shares = ("-" if v is None else f"{100 * v:.0f}" for v in one["precision"].values())
        lines.append(f"| {fault} | {one['labels']} | {one['wrong']} | " + " | ".join(shares) + " |")
    return lines


def _kincap(folder: Path, *words: object) -> dict[str, Any]:
    """Run a command in the folder and return its report."""
    command = [sys.executable, "-m", "kincap", *map(str, words), "--json"]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout))
