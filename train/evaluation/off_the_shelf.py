"""The off-the-shelf row of an evaluation: a net of others on the same rows, untrained."""

import contextlib
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from ...core.errors import KincapError
from ...core.skeleton import KEYPOINTS_13
from ...dataset.kinect13.reader import Kinect13, Split
from ...engines.constant_offsets import ConstantOffsets, fit_offsets
from ...engines.teacher_process import TeacherProcess
from ..checkpoint import Checkpoint
from ..data import Indices, Samples
from ..following.stretches import stretches
from ..validate import OnBatch
from .compare import blocks_of_rows, difference
from .figures import Figures, Hits, figures_of, hits_of
from .teacher_poses import OnRow, WholeImages, followed_poses, poses_in_label_boxes

Floats = npt.NDArray[np.float64]

FIT_ROWS: Final = 300
"""Rows of the training split that the offsets are fitted on."""
TIMED_CALLS: Final = 15
WHOLE_IMAGE: Final = "whole images, own detector and tracking"
LABEL_BOXES: Final = "in the labels' boxes"

PosesOf = Callable[[Split, Indices, OnRow], Floats]


@dataclass(frozen=True)
class TeacherRow:
    """A teacher used in one way.

    Attributes:
        how: ``WHOLE_IMAGE`` or ``LABEL_BOXES``.
        figures: Of its poses as they are.
        fitted: With constant offsets; None: there is no training split to fit them on.
        hits: Distances of the poses as they are.
        fitted_hits: The same with offsets.
        cpu_ms: CPU time a person, one thread, without decoding.
        missed: Rows without a pose; they count as wrong.
    """

    how: str
    figures: Figures
    fitted: Figures | None
    hits: Hits
    fitted_hits: Hits | None
    cpu_ms: float
    missed: int

    def to_json(self) -> dict[str, Any]:
        """Return what ``--json`` says of it."""
        return {
            "how": self.how,
            **self.figures.to_json(),
            "cpu_ms": round(self.cpu_ms, 3),
            "missed": self.missed,
            "fitted": self.fitted and self.fitted.to_json(),
        }


@dataclass(frozen=True)
class OffTheShelf:
    """A teacher beside the nets of an evaluation.

    Attributes:
        teacher: As asked for.
        rows: As it is used; the first one is the yardstick.
        difference: The first net minus the yardstick, and minus the yardstick with offsets.
        net_cpu_ms: CPU time a person of the first net: torch, one thread, one crop at a time,
            without mirror averaging and without cutting the crop.
        left_out: Why whole images were not used; None: they were.
    """

    teacher: str
    rows: tuple[TeacherRow, ...]
    difference: dict[str, dict[str, Any]]
    net_cpu_ms: float
    left_out: str | None

    def to_json(self) -> dict[str, Any]:
        """Return what ``--json`` says of it."""
        return {
            "teacher": self.teacher,
            "rows": [row.to_json() for row in self.rows],
            "difference": self.difference,
            "net_cpu_ms": round(self.net_cpu_ms, 3),
            "left_out": self.left_out,
        }


def off_the_shelf(
    teacher: TeacherProcess,
    dataset: Kinect13,
    samples: Samples,
    net: Hits,
    checkpoint: Checkpoint,
    recordings: Path,
    *,
    include_inferred: bool = False,
    on_rows: OnBatch | None = None,
) -> OffTheShelf:
    """Measure a teacher on a split.

    Args:
        teacher: The teacher.
        dataset: An open data set.
        samples: The split.
        net: Hits of the net that is compared with it.
        checkpoint: That net.
        recordings: The folder of all sessions, for whole images.
        include_inferred: Count every labelled keypoint, else those of weight above 0.
        on_rows: Called with rows done and rows in all.

    Raises:
        KincapError: The data set has other keypoints, or its images can't be read (exit 1).
    """
    if samples.skeleton.points != KEYPOINTS_13.points:
        raise KincapError(
            f"--teacher: gives the 13 keypoints, {dataset.path} has {samples.skeleton.name}"
        )
    rows = dataset.split(samples.split)
    images, left_out = None, None
    try:
        names = _sessions_of(dataset, samples.split)
        images = WholeImages(recordings, dataset.meta, names)
    except KincapError as error:
        left_out = str(error)
    passes = 1 if images is None else 2
    on_row = _counter(on_rows, passes * (len(rows) + _fit_count(dataset)))

    def measured(how: str, poses_of: PosesOf) -> TeacherRow:
        return _measure(how, poses_of, teacher, dataset, samples, include_inferred, on_row)

    found_rows = []
    if images is not None:
        with contextlib.closing(images) as whole:
            found_rows.append(
                measured(
                    WHOLE_IMAGE,
                    lambda part, chosen, on_row: followed_poses(
                        teacher, whole, part, dataset.meta, chosen, on_row
                    ),
                )
            )
    found_rows.append(
        measured(
            LABEL_BOXES,
            lambda part, chosen, on_row: poses_in_label_boxes(teacher, part, chosen, on_row),
        )
    )
    first, block, groups = found_rows[0], blocks_of_rows(rows), samples.skeleton.group_indices
    found = {"untrained": difference(net, first.hits, block, groups)}
    if first.fitted_hits is not None:
        found["with offsets"] = difference(net, first.fitted_hits, block, groups)
    return OffTheShelf(teacher.name, tuple(found_rows), found, _net_cpu_ms(checkpoint), left_out)


def _net_cpu_ms(checkpoint: Checkpoint) -> float:
    """Return the CPU time of a net for one crop, ms."""
    net = checkpoint.build().eval()
    pixels = torch.zeros(1, 3, checkpoint.size, checkpoint.size)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    times = []
    try:
        with torch.inference_mode():
            for _ in range(TIMED_CALLS):
                began = time.process_time()
                net(pixels)
                times.append(time.process_time() - began)
    finally:
        torch.set_num_threads(threads)
    return 1000 * median(times)


def _counter(on_rows: OnBatch | None, total: int) -> OnRow:
    """Return what counts rows one by one."""
    numbers = itertools.count(1)
    return lambda: None if on_rows is None else on_rows(min(next(numbers), total), total)


def _fit_count(dataset: Kinect13) -> int:
    return len(fit_rows(dataset.split("train"))) if "train" in dataset.splits else 0


def _sessions_of(dataset: Kinect13, split: str) -> list[str]:
    """Return the sessions whose images are needed.

    Raises:
        KincapError: Rows have no times: they are of a public set.
    """
    used: set[int] = set()
    for name in {split, *(one for one in dataset.splits if one == "train")}:
        rows = dataset.split(name)
        if not np.isfinite(rows.time_s).all():
            raise KincapError(f"{dataset.path}: rows of public sets have no whole images")
        used |= set(np.unique(rows.session).tolist())
    return [dataset.meta.sessions[k] for k in sorted(used)]


def _measure(
    how: str,
    poses_of: PosesOf,
    teacher: TeacherProcess,
    dataset: Kinect13,
    samples: Samples,
    include_inferred: bool,
    on_row: OnRow,
) -> TeacherRow:
    rows = dataset.split(samples.split)
    before = teacher.cpu_s
    poses = poses_of(rows, np.arange(len(rows)), on_row)
    cpu_ms = 1000 * (teacher.cpu_s - before) / max(len(rows), 1)
    offsets = fit_on_training(poses_of, dataset, on_row)
    block = blocks_of_rows(rows)

    def judged(poses_px: Floats) -> tuple[Figures, Hits]:
        units = _crop_units(poses_px, samples)
        return (
            figures_of(units, samples, block, include_inferred),
            hits_of(units, samples, include_inferred),
        )

    figures, hits = judged(poses)
    fitted, fitted_hits = (None, None) if offsets is None else judged(offsets.apply(poses))
    missed = int(np.isnan(poses).any(axis=(1, 2)).sum())
    return TeacherRow(how, figures, fitted, hits, fitted_hits, cpu_ms, missed)


def fit_on_training(
    poses_of: PosesOf, dataset: Kinect13, on_row: OnRow = lambda: None
) -> ConstantOffsets | None:
    """Return a teacher's offsets on the training split of a data set; None: there is none.

    Args:
        poses_of: Gives the teacher's poses (M, 13, 2) of some rows, pixels of the original images.
        dataset: Its labels with weight count.
        on_row: Called after each row.
    """
    if "train" not in dataset.splits or not len(dataset.split("train")):
        return None
    rows = dataset.split("train")
    chosen = fit_rows(rows)
    label = np.asarray(rows.bbox_xyxy_px, np.float64)[chosen]
    side = (label[:, 2] - label[:, 0])[:, None, None]
    points = np.asarray(rows.keypoints_px, np.float64)[chosen]
    labels_px = label[:, None, :2] + (points + 0.5) / rows.size * side
    return fit_offsets(poses_of(rows, chosen, on_row), labels_px, rows.weight[chosen] > 0)


def fit_rows(rows: Split) -> Indices:
    """Return the rows that offsets are fitted on: the first ones of each stretch, evenly."""
    if not np.isfinite(rows.time_s).all():
        step = max(1, len(rows) // FIT_ROWS)
        return np.arange(0, len(rows), step, dtype=np.int64)[:FIT_ROWS]
    parts = stretches(rows)
    most = -(-FIT_ROWS // len(parts))
    return np.sort(np.concatenate([part[:most] for part in parts]))[:FIT_ROWS]


def _crop_units(poses_px: Floats, samples: Samples) -> npt.NDArray[np.float32]:
    box = samples.bbox_xyxy_px
    side = (box[:, 2] - box[:, 0])[:, None, None]
    units: npt.NDArray[np.float32] = ((poses_px - box[:, None, :2]) / side).astype(np.float32)
    return units
