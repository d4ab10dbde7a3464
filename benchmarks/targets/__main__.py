"""Real people and a real clip against a net of others: two rows of the target table.

``people``: nets learn from 100, 200 and all of the people of LSP-extended and PARSE that a build
does not hold out, and are judged on the others in their whole pictures. ``clip``: a net that never
saw the NTU clip follows it; then it is finetuned on the first 52 frames, with and without
rehearsal, and judged on frames 72 to 102. Ratios are against BlazePose in the same run, which finds
and follows the person itself; its offsets are fitted on the same 52 frames.

``python -m benchmarks.targets ROW --data DIR --folder FOLDER [--init FILE] [--seeds N] [...]``
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch

from benchmarks.off_the_shelf.__main__ import (
    FIRST_PART,
    LAST_PART,
    Row,
    alone,
    clip_frames,
    followed,
    held_out_people,
    label_boxes,
    line_of,
    net_poses,
    row,
    tracked,
)
from benchmarks.off_the_shelf.command import CLIP, SETS, kincap
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.engines.constant_offsets import fit_offsets
from kincap.engines.teacher_process import TeacherProcess
from kincap.predict.deployed_net import torch_engine
from kincap.train.batch_source import SplitBatches
from kincap.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from kincap.train.data import load_samples, mean_pose
from kincap.train.nets.registry import build_net, load_net
from kincap.train.run.trainer import Trainer
from kincap.train.settings import TrainSettings

CPU: Final = torch.device("cpu")
PEOPLE: Final = (100, 200, 10_000)


def learn_people(
    built: Path, people: int, size: int, steps: int, seed: int, rotation_deg: float
) -> Checkpoint:
    """Return a net that has learnt from some of the people, from fresh weights.

    Args:
        built: The data set.
        people: How many of its training rows, or all where it has fewer.
        size: Side of the net's input, pixels.
        steps: Batches.
        seed: Of the weights, the people and the batches.
        rotation_deg: Largest turn of the copies.
    """
    own = load_net("compact").recipe("pretrain", None)
    turned = replace(own.augment, rotation_deg=rotation_deg, scale=1.35)
    settings = TrainSettings(
        "pretrain", "compact", "targets", 1.0, size, replace(own, augment=turned), seed
    )
    torch.manual_seed(seed)
    with open_kinect13(built) as dataset:
        every = load_samples(dataset, "train", size, with_margin=True)
        order = np.random.default_rng(seed).permutation(len(every))
        train = every.take(order[:people])
        source = SplitBatches(train, own.batch, seed)
        trainer = Trainer(settings, build_net("compact", 1.0, size), steps, CPU)
        for step in range(steps):
            trainer.learn(source.batch(step))
    return Checkpoint(
        "compact", 1.0, size, dict(trainer.kept.state_dict()),
        torch.from_numpy(mean_pose(train.targets, train.weight)), mirror_training=True,
    )  # fmt: skip


def people_rows(asked: argparse.Namespace) -> None:
    """Print the curve over the number of people, each seed and the ratios."""
    built = asked.folder / "public.h5"
    if not built.exists():
        added = [word for one in SETS for word in ("--add", f"{one}:{asked.data / one}")]
        kincap("build", *added, "--val", "0.25", "--margin", "1.5", "--size", 128, "--out", built)
    others = held_out_people(asked.data, built)
    with TeacherProcess(asked.teacher) as teacher:
        found, cpu_ms = alone(teacher, others.images)
        shelf = row(teacher.name, found, others.labels, others.known, cpu_ms)
    print(line_of(shelf), flush=True)
    with open_kinect13(built) as dataset:
        most = len(dataset.split("train"))
    for people in (
        min(count, most) for count in PEOPLE if not asked.people or count in asked.people
    ):
        rows: list[Row] = []
        for seed in range(asked.seeds):
            kept = asked.folder / f"people{people}-{asked.size}-{asked.steps}-{seed}.ckpt"
            began = time.process_time()
            if not kept.exists():
                save_checkpoint(kept, learn_people(
                    built, people, asked.size, asked.steps, seed, asked.rotation,
                ))  # fmt: skip
            spent = time.process_time() - began
            poses = net_poses(torch_engine(load_checkpoint(kept), CPU), others.images)
            one = row(f"{people} people, seed {seed}, {spent:.0f} s of CPU", poses, others.labels,
                      others.known)  # fmt: skip
            print(line_of(one), flush=True)
            rows.append(one)
        values = [one.pck["0.2"] for one in rows]
        spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
        mean = statistics.mean(values)
        print(f"{people} people: PCK@0.2 {mean:.1f}{spread}, {mean / shelf.pck['0.2']:.2f} of "
              f"{shelf.what}", flush=True)  # fmt: skip


def clip_rows(asked: argparse.Namespace) -> None:
    """Print the clip: never seen, then after its first frames, against the net of others."""
    with tempfile.TemporaryDirectory() as name:  # a recording that is there would get another take
        images, labels, trusted = clip_frames(asked.data, Path(name))
    has_box = np.isfinite(labels).all(axis=2)
    first_box = label_boxes(labels[:1], has_box[:1])[0]
    late_box = label_boxes(labels[LAST_PART][:1], has_box[LAST_PART][:1])[0]
    labels = np.nan_to_num(labels)
    with TeacherProcess(asked.teacher) as teacher:
        found, cpu_ms = followed(teacher, images)
        shelf = row(f"{teacher.name}, own detector and tracking", found, labels, trusted, cpu_ms)
        offsets = fit_offsets(found[FIRST_PART], labels[FIRST_PART], trusted[FIRST_PART])
        late = row(
            f"{teacher.name} with offsets of frames 0 to 51: frames 72 to 102",
            offsets.apply(found)[LAST_PART], labels[LAST_PART], trusted[LAST_PART], cpu_ms,
        )  # fmt: skip
    print(line_of(shelf), line_of(late), sep="\n", flush=True)
    for path in asked.init:
        poses, cpu_ms = _timed(path, images, first_box)
        one = row(f"{path.name}, never saw the clip, tracked", poses, labels, trusted, cpu_ms)
        print(line_of(one))
        print(f"    of the off-the-shelf net: all {_ratio(one.pck['0.2'], shelf.pck['0.2'])}, "
              f"wrist {_ratio(one.wrist, shelf.wrist)}", flush=True)  # fmt: skip
        for replay in ((), ("--replay", f"{asked.replay}:0.25"))[: 2 if asked.replay else 1]:
            for seed in range(asked.seeds):
                out = _finetuned(asked, path, seed, replay)
                poses, cpu_ms = _timed(out, images[LAST_PART], late_box)
                one = row(f"{path.name} finetuned on 52 frames {' '.join(replay)[:8]} seed {seed}: "
                          "frames 72 to 102", poses, labels[LAST_PART], trusted[LAST_PART],
                          cpu_ms)  # fmt: skip
                print(line_of(one))
                ratios = f"{_ratio(one.median, late.median)}, CPU {_ratio(one.cpu_ms, late.cpu_ms)}"
                print(f"    of the off-the-shelf net with offsets: median {ratios}", flush=True)


def _finetuned(asked: argparse.Namespace, init: Path, seed: int, replay: Sequence[str]) -> Path:
    """Return a checkpoint that is finetuned on the first frames of the clip."""
    data = asked.folder / "clip.h5"
    if not data.exists():
        recordings = asked.folder / "recordings"
        kincap("record", "--session", "clip", "--source", f"ntu:{asked.data / CLIP}",
               "--recordings", recordings, "--no-report")  # fmt: skip
        kincap("build", "--recordings", recordings, "--val", "0.2", "--test",
               "0.3", "--guard", "0.2", "--margin", "1.5", "--out", data)  # fmt: skip
    out: Path = asked.folder / f"{init.stem}-clip{'-replay' if replay else ''}-{seed}.ckpt"
    if not out.exists():
        kincap("finetune", "--init", init, "--data", data, "--steps", asked.steps, "--batch", 16,
               "--seed", seed, "--out", out, "--runs", asked.folder / "runs", *replay)  # fmt: skip
    return out


def _timed(path: Path, images: Any, first_box: Any) -> tuple[np.ndarray, float]:
    """Return the poses of a net that follows a person, and ms of one thread a frame."""
    engine = torch_engine(load_checkpoint(path), CPU)
    began = time.process_time()
    found = tracked(engine, images, first_box)
    return found, 1000 * (time.process_time() - began) / len(images)


def _ratio(value: float | None, other: float | None) -> str:
    return "-" if value is None or not other else f"{value / other:.2f}"


def main(words: Sequence[str] | None = None) -> int:
    """Print a row."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("row", choices=["people", "clip"])
    parser.add_argument("--data", type=Path, required=True, help="folder of real recordings")
    parser.add_argument("--folder", type=Path, required=True, help="for data and nets")
    parser.add_argument("--teacher", default="blazepose")
    parser.add_argument("--init", type=Path, action="append", default=[], help="clip: nets")
    parser.add_argument("--replay", type=Path, help="clip: rehearse a quarter of it, too")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--size", type=int, default=96, help="people: side of the input")
    parser.add_argument("--steps", type=int, default=1500, help="batches of each training")
    parser.add_argument("--rotation", type=float, default=20.0, help="people: degrees")
    parser.add_argument("--people", type=int, action="append", help="people: this many only")
    asked = parser.parse_args(words)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    asked.folder.mkdir(parents=True, exist_ok=True)
    (people_rows if asked.row == "people" else clip_rows)(asked)
    return 0


if __name__ == "__main__":
    sys.exit(main())
