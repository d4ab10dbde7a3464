"""Measure one net on a split, in the boxes that were asked for."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...core.errors import CheckpointError
from ...dataset.kinect13.reader import Kinect13
from ..checkpoint import Checkpoint
from ..data import Samples
from ..following.stretches import has_stretches
from ..mirror import Floats
from ..presence.score import PresenceScore, score_presence
from ..validate import OnBatch, run_net
from .box_file import read_boxes
from .boxes import (
    BoxCutter,
    BoxedPoses,
    jittered_boxes,
    poses_in_boxes,
    tracked_poses,
)
from .compare import blocks_of_rows
from .figures import Figures, Hits, figures_of, hits_of


@dataclass(frozen=True)
class NetResult:
    """Figures of one net.

    Attributes:
        checkpoint: Its file.
        sha256: Of the file.
        model: Name of the net.
        size: Side of its input, pixels.
        mirror_training: True if the net has seen mirrored copies.
        poses: (N, K, 2) float32, averaged over the crop and its mirrored copy; crop units.
        confidence: (N, K) float64 that each keypoint is within 0.2 torso; None: there is none.
        hits: Distances of the poses, where they are counted.
        mirrored: Figures of these poses.
        single: Figures of the crop alone.
        tracked: Figures in tracked boxes, averaged; None: they were not asked for.
        outside: Mean share of a box, other than the label's, that the stored image does not reach.
        missed: Rows for which a file of boxes has none; they count as wrong.
        presence: Figures of the presence head in the labels' boxes, without mirror averaging;
            None: there is none, or other boxes were asked for.
    """

    checkpoint: Path
    sha256: str
    model: str
    size: int
    mirror_training: bool
    poses: Floats
    confidence: npt.NDArray[np.float64] | None
    hits: Hits
    mirrored: Figures
    single: Figures
    tracked: Figures | None
    outside: float
    missed: int
    presence: PresenceScore | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what ``--json`` says of the net."""
        single = self.single.to_json()
        return {
            "checkpoint": str(self.checkpoint),
            "checkpoint_sha256": self.sha256,
            "model": self.model,
            "size": self.size,
            **self.mirrored.to_json(),
            "pck_single": single["pck"],
            "median_error_torso_single": single["median_error_torso"],
            "tracked": self.tracked and {**self.tracked.to_json(), "outside": self.outside},
            "mirror_training": self.mirror_training,
            "missed_boxes": self.missed,
            "presence": self.presence and self.presence.to_json(),
        }


class Passes:
    """The progress of all passes over the split of all nets as one count."""

    def __init__(self, on_batch: OnBatch | None, index: int, count: int) -> None:
        self._on_batch, self._index, self._count = on_batch, index, count
        self.passes, self.done = 1, 0

    def __call__(self, done: int, total: int) -> None:
        """Take the progress of one pass."""
        if self._on_batch is not None:
            every = self.passes * total
            self._on_batch(self._index * every + self.done * total + done, self._count * every)
        self.done += done == total


def measure(
    path: Path,
    checkpoint: Checkpoint,
    dataset: Kinect13,
    samples: Samples,
    passes: Passes,
    *,
    boxes_of: str,
    include_inferred: bool,
    device: torch.device,
) -> NetResult:
    """Run a net over a split.

    Args:
        path: The checkpoint's file.
        checkpoint: The net.
        dataset: An open data set.
        samples: The split.
        passes: Takes the progress.
        boxes_of: Boxes by name, or a file of boxes.
        include_inferred: Count every labelled keypoint, else those of weight above 0.
        device: Where the net runs.

    Raises:
        CheckpointError: The net gives no finite poses.
    """
    net = checkpoint.build().to(device)
    if len(samples):
        _check_numbers(path, run_net(net, samples.take(np.arange(1)), device).poses)
    rows = dataset.split(samples.split)
    cutter = BoxCutter(rows, checkpoint.size)
    beside = boxes_of == "auto" and has_stretches(rows)
    in_label_boxes = boxes_of in ("auto", "truth")
    passes.passes = 2 * in_label_boxes + beside or 1
    has_box = np.ones(len(samples), dtype=bool)
    tracked: BoxedPoses | None = None
    logits = None
    if in_label_boxes:
        single = run_net(net, samples, device, on_batch=passes)
        other = run_net(net, samples, device, mirrored=True, on_batch=passes)
        logits = single.presence
        both = np.float32(0.5) * (single.poses + other.poses)
        spread = None
        if single.spread is not None and other.spread is not None:
            spread = np.float32(0.5) * (single.spread + other.spread)
        found = BoxedPoses(both, single.poses, spread, cutter.label_boxes, 0.0)
        if beside:
            tracked = tracked_poses(net, cutter, samples, rows, device, passes)
    elif boxes_of == "tracked":
        found = tracked_poses(net, cutter, samples, rows, device, passes)
    else:
        boxes = jittered_boxes(cutter.label_boxes)
        if boxes_of != "jittered":
            boxes, has_box = read_boxes(Path(boxes_of), rows, dataset.meta)
        found = poses_in_boxes(net, cutter, samples, boxes, device, passes)
    _check_numbers(path, found.mirrored)
    lost = np.where(has_box[:, None, None], np.float32(0), np.float32(np.nan))
    block, inferred = blocks_of_rows(rows), include_inferred
    poses, confidence = found.mirrored + lost, None
    if checkpoint.calibration is not None and found.spread is not None:
        confidence = checkpoint.calibration.confidence(found.spread) * has_box[:, None]
    return NetResult(
        checkpoint=path,
        sha256=_sha256(path),
        model=checkpoint.model,
        size=checkpoint.size,
        mirror_training=checkpoint.mirror_training,
        poses=poses,
        confidence=confidence,
        hits=hits_of(poses, samples, inferred),
        mirrored=figures_of(poses, samples, block, inferred, confidence),
        single=figures_of(found.single + lost, samples, block, inferred),
        tracked=None if tracked is None else figures_of(tracked.mirrored, samples, block, inferred),
        outside=(tracked or found).outside,
        missed=int((~has_box).sum()),
        presence=None
        if logits is None
        else score_presence(logits, samples.weight, samples.skeleton, block),
    )


def _check_numbers(path: Path, poses: Floats) -> None:
    """Refuse a net whose weights give no poses, such as those of a file that others made.

    Raises:
        CheckpointError: A pose has a coordinate that is not a finite number.
    """
    if not np.isfinite(poses).all():
        raise CheckpointError(
            f"{path}: its net gives places that are not finite numbers; take another checkpoint"
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
