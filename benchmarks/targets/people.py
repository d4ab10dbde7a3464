"""Held-out people of LSP-extended and PARSE in their whole pictures, over the number of people."""

import argparse
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import torch

from benchmarks.off_the_shelf.__main__ import (
    HeldOutPeople,
    Row,
    alone,
    held_out_people,
    line_of,
    net_poses,
    row,
)
from benchmarks.targets.data import build_public
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.engines.engine import Images, PoseEngine, PoseResult
from kincap.engines.teacher_process import TeacherProcess
from kincap.predict.load_engine import load_pose_engine
from kincap.train.batch_source import SplitBatches
from kincap.train.checkpoint import Checkpoint, save_checkpoint
from kincap.train.data import load_samples, mean_pose
from kincap.train.mirror import mirror_images, mirror_targets
from kincap.train.nets.pretrained import find_trunk, load_trunk
from kincap.train.nets.registry import build_net, load_net
from kincap.train.run.trainer import Trainer
from kincap.train.settings import TrainSettings

CPU: Final = torch.device("cpu")
PEOPLE: Final = (100, 200, 10_000)


class MirrorAverage:
    """A net whose poses are the mean of those of a crop and of its mirrored copy.

    Args:
        engine: The net.
    """

    def __init__(self, engine: PoseEngine) -> None:
        self.size, self.keypoint_names, self._engine = engine.size, engine.keypoint_names, engine

    def poses(self, crops: Images) -> PoseResult:
        """Return the poses of crops (N, size, size, 3) uint8, RGB."""
        one, other = self._engine.poses(crops), self._engine.poses(mirror_images(crops))
        coords = (one.coords + mirror_targets(other.coords)) / 2
        return PoseResult(coords.astype(np.float32), one.confidence)


def rows_of(path: Path, people: HeldOutPeople) -> dict[str, Row]:
    """Return the rows of a net: as it is, and averaged with the mirror image."""
    engine = load_pose_engine(path, "cpu", "people")
    ways = {"as it is": engine, "mirror averaging": MirrorAverage(engine)}
    return {
        way: row(
            f"{path.name}, whole pictures, {way}", net_poses(one, people.images), people.labels,
            people.known,
        )
        for way, one in ways.items()
    }  # fmt: skip


def off_the_shelf(teacher: TeacherProcess, people: HeldOutPeople) -> Row:
    """Return the row of the net of others, which finds each person by itself."""
    found, cpu_ms = alone(teacher, people.images)
    return row(teacher.name, found, people.labels, people.known, cpu_ms)


def learn_people(built: Path, people: int, seed: int, asked: argparse.Namespace) -> Checkpoint:
    """Return a net that has learnt from some of the people.

    Args:
        built: The data set.
        people: How many of its training rows, or all where it has fewer.
        seed: Of the fresh weights, the people and the batches.
        asked: The net, the weights of its trunk, the side of its input, batches and turns.
    """
    model, size, steps = asked.model, asked.size, asked.steps
    own = load_net(model).recipe("pretrain", None)
    turned = replace(own.augment, rotation_deg=asked.rotation, scale=1.35)
    own = replace(own, batch=asked.batch, augment=turned)
    settings = TrainSettings("pretrain", model, "targets", 1.0, size, own, seed)
    torch.manual_seed(seed)
    net = build_net(model, 1.0, size)
    if asked.trunk:
        load_trunk(net, find_trunk(asked.trunk))
    with open_kinect13(built) as dataset:
        every = load_samples(dataset, "train", size, with_margin=True)
        order = np.random.default_rng(seed).permutation(len(every))
        train = every.take(order[:people])
        source = SplitBatches(train, own.batch, seed)
        trainer = Trainer(settings, net, steps, CPU)
        for step in range(steps):
            trainer.learn(source.batch(step))
    return Checkpoint(
        model, 1.0, size, dict(trainer.kept.state_dict()),
        torch.from_numpy(mean_pose(train.targets, train.weight)), mirror_training=True,
    )  # fmt: skip


def people_rows(asked: argparse.Namespace) -> None:
    """Print the curve over the number of people, each seed and the ratios."""
    built = build_public(asked.data, asked.folder)
    others = held_out_people(asked.data, built)
    with TeacherProcess(asked.teacher) as teacher:
        shelf = off_the_shelf(teacher, others)
    print(line_of(shelf), flush=True)
    with open_kinect13(built) as dataset:
        most = len(dataset.split("train"))
    for people in (
        min(count, most) for count in PEOPLE if not asked.people or count in asked.people
    ):
        rows: list[Row] = []
        for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
            net = f"{asked.model}{'-trunk' if asked.trunk else ''}-{asked.size}-{asked.steps}"
            kept = asked.folder / f"people{people}-{net}-{seed}.ckpt"
            began = time.process_time()
            if not kept.exists():
                save_checkpoint(kept, learn_people(built, people, seed, asked))
            spent = time.process_time() - began
            poses = net_poses(load_pose_engine(kept, "cpu", "people"), others.images)
            one = row(f"{people} people, seed {seed}, {spent:.0f} s of CPU", poses, others.labels,
                      others.known)  # fmt: skip
            print(line_of(one), flush=True)
            rows.append(one)
        values = [one.pck["0.2"] for one in rows]
        spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
        mean = statistics.mean(values)
        print(f"{people} people: PCK@0.2 {mean:.1f}{spread}, {mean / shelf.pck['0.2']:.2f} of "
              f"{shelf.what}", flush=True)  # fmt: skip
