"""The Kinect clip: followed by a net that never saw it, and after finetuning on its first frames.

A net of kincap begins with the label's box in the first frame and follows the person from there. It
runs as ``kincap predict`` runs it: in onnxruntime where that is installed.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.off_the_shelf.__main__ import (
    FIRST_PART,
    LAST_PART,
    Row,
    clip_frames,
    followed,
    label_boxes,
    line_of,
    row,
    tracked,
)
from benchmarks.off_the_shelf.command import kincap
from benchmarks.targets.data import build_clip
from kincap.engines.constant_offsets import fit_offsets
from kincap.engines.engine import Images, PoseEngine
from kincap.engines.teacher_process import TeacherProcess
from kincap.predict.load_engine import load_pose_engine
from kincap.predict.mirror_average import averaged
from kincap.predict.tracks import Tracker

FRAMES_PER_S: Final = 30.0
_MIRROR: Final = {False: "", True: ", mirror averaging"}


@dataclass(frozen=True)
class Clip:
    """The clip with the sensor's labels.

    Attributes:
        images: N images, RGB, un-mirrored.
        labels: (N, 13, 2) pixels.
        trusted: (N, 13), tracked by the sensor.
        first_box: (4,) of the first frame.
        late_box: (4,) of the first one of the held-out frames.
    """

    images: list[Images]
    labels: np.ndarray
    trusted: np.ndarray
    first_box: np.ndarray
    late_box: np.ndarray

    @staticmethod
    def load(data: Path) -> "Clip":
        """Record the clip in a folder of its own and read it."""
        with tempfile.TemporaryDirectory() as name:  # one that is there would get another take
            images, labels, trusted = clip_frames(data, Path(name))
        has_box = np.isfinite(labels).all(axis=2)
        first_box = label_boxes(labels[:1], has_box[:1])[0]
        late_box = label_boxes(labels[LAST_PART][:1], has_box[LAST_PART][:1])[0]
        return Clip(images, np.nan_to_num(labels), trusted, first_box, late_box)

    def off_the_shelf(self, teacher: TeacherProcess) -> tuple[Row, Row]:
        """Return the rows of the net of others: of the clip, and with offsets of its last frames.

        It finds and follows the person by itself; the offsets are those of the first frames.
        """
        found, cpu_ms = followed(teacher, self.images)
        shelf = row(f"{teacher.name}, own detector and tracking", found, self.labels,
                    self.trusted, cpu_ms)  # fmt: skip
        offsets = fit_offsets(found[FIRST_PART], self.labels[FIRST_PART], self.trusted[FIRST_PART])
        moved = offsets.apply(found)[LAST_PART]
        what = f"{teacher.name} with offsets of frames 0 to 51: frames 72 to 102"
        return shelf, self._late(what, moved, cpu_ms)

    def seen(self, path: Path, *, mirror: bool = False) -> Row:
        """Return the row of a net that never saw the clip.

        Args:
            path: The checkpoint.
            mirror: True for the mean over each crop and its mirror image.
        """
        poses, cpu_ms = tracked(_engine(path, mirror), self.images, self.first_box)
        what = f"{path.name}, never saw the clip, tracked{_MIRROR[mirror]}"
        return row(what, poses, self.labels, self.trusted, cpu_ms)

    def predicted(self, path: Path, teacher: TeacherProcess, *, mirror: bool = False) -> Row:
        """Return the row of such a net as ``kincap predict`` uses it: a detector every 10 frames.

        Nothing comes from the labels, not even the first box.

        Args:
            path: The checkpoint.
            teacher: Its detector is used.
            mirror: True for the mean over each crop and its mirror image.
        """
        tracker = Tracker(_engine(path, mirror))
        found, used = [], []
        for n, image in enumerate(self.images):
            before = time.process_time()
            people = tracker.step(image, n / FRAMES_PER_S, partial(teacher.detect, image))
            used.append(1000 * (time.process_time() - before))
            found.append(people[0].keypoints_px if people else np.full((13, 2), np.nan))
        what = f"{path.name}, never saw the clip, as predict with the detector of {teacher.name}"
        what += _MIRROR[mirror]
        return row(what, np.stack(found), self.labels, self.trusted, float(np.median(used)))

    def late(self, path: Path, what: str) -> Row:
        """Return the row of a net on the held-out frames, in which it begins anew."""
        poses, cpu_ms = tracked(_engine(path), self.images[LAST_PART], self.late_box)
        return self._late(f"{what}: frames 72 to 102", poses, cpu_ms)

    def _late(self, what: str, poses: np.ndarray, cpu_ms: float) -> Row:
        return row(what, poses, self.labels[LAST_PART], self.trusted[LAST_PART], cpu_ms)


def clip_rows(asked: argparse.Namespace) -> None:
    """Print the clip: never seen, then after its first frames, against the net of others."""
    clip = Clip.load(asked.data)
    with TeacherProcess(asked.teacher) as teacher:
        shelf, late = clip.off_the_shelf(teacher)
        predicted = [
            [clip.predicted(path, teacher, mirror=mirror) for mirror in _MIRROR]
            for path in asked.init
        ]
    print(line_of(shelf), line_of(late), sep="\n", flush=True)
    for path, in_use in zip(asked.init, predicted, strict=True):
        for one in (*(clip.seen(path, mirror=mirror) for mirror in _MIRROR), *in_use):
            print(line_of(one))
            print(f"    of the off-the-shelf net: all {_ratio(one.pck['0.2'], shelf.pck['0.2'])}, "
                  f"wrist {_ratio(one.wrist, shelf.wrist)}", flush=True)  # fmt: skip
        for replay in ((), ("--replay", f"{asked.replay}:0.25"))[: 2 if asked.replay else 1]:
            for seed in range(asked.seeds):
                out = finetuned(asked, path, seed, replay)
                what = f"{path.name} finetuned on 52 frames {' '.join(replay)[:8]} seed {seed}"
                one = clip.late(out, what)
                print(line_of(one))
                ratios = f"{_ratio(one.median, late.median)}, CPU {_ratio(one.cpu_ms, late.cpu_ms)}"
                print(f"    of the off-the-shelf net with offsets: median {ratios}", flush=True)


def finetuned(asked: argparse.Namespace, init: Path, seed: int, replay: Sequence[str] = ()) -> Path:
    """Return a checkpoint that is finetuned on the first frames of the clip."""
    data = build_clip(asked.data, asked.folder)
    out: Path = asked.folder / f"{init.stem}-clip{'-replay' if replay else ''}-{seed}.ckpt"
    if not out.exists():
        kincap("finetune", "--init", init, "--data", data, "--steps", asked.finetune_steps,
               "--batch", 16, "--seed", seed, "--out", out, "--runs", asked.folder / "runs",
               *replay)  # fmt: skip
    return out


def _engine(path: Path, mirror: bool = False) -> PoseEngine:
    """Return the engine of a net, as ``predict`` opens it."""
    engine = load_pose_engine(path, "cpu", "the clip")
    return averaged(engine, path) if mirror else engine


def _ratio(value: float | None, other: float | None) -> str:
    return "-" if value is None or not other else f"{value / other:.2f}"
