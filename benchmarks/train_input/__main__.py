"""The cost of the data path in a training step: python -m benchmarks.train_input.

Images a second of whole training steps, as ``kincap pretrain`` makes them (read from kinect13.h5,
sent, changed, learnt from), over those of the same steps on one batch that is in memory already.
Both change their copies. Goal: at least 0.95. Blocks of steps take turns; ``ratio`` is the median
of their ratios, ``cpu_ratio`` that of processor time, which other work does not change.
``--precision`` and ``--compile`` time the same steps otherwise, against plain ones.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import torch

from kincap.dataset.kinect13.reader import open_kinect13, write_kinect13
from kincap.train.batch_source import Batch, SplitBatches, load_ahead
from kincap.train.data import load_samples
from kincap.train.nets.registry import build_net, load_net
from kincap.train.run.device_use import check_device_use, keep_on_gpu
from kincap.train.run.trainer import Trainer
from kincap.train.settings import TrainSettings

GOAL = 0.95
ROWS = 1024


def make(path: Path, size: int) -> None:
    """Write a data set of noise with a margin of 1.5."""
    rng = np.random.default_rng(0)
    side = size * 3 // 2
    images = rng.integers(0, 256, (ROWS, side, side, 3), dtype=np.uint8)
    keypoints = rng.uniform(0.1, 0.9, (ROWS, 13, 2)) * size
    write_kinect13(path, {"train": {"images": images, "keypoints_px": keypoints}}, margin=1.5)


def block_s(
    trainer: Trainer, batches: Iterator[Batch], steps: int, device: torch.device
) -> tuple[float, float]:
    """Return the seconds of some steps, and their seconds of processor time in all threads."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    began, used = time.perf_counter(), time.process_time()
    for _ in range(steps):
        trainer.learn(next(batches))
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began, time.process_time() - used


def compare(asked: argparse.Namespace, path: Path) -> dict[str, object]:
    """Return images a second of whole steps and of steps on one batch in memory."""
    device, net = torch.device(asked.device), load_net(asked.model)
    recipe = replace(
        net.recipe("pretrain", None), batch=asked.batch, precision=asked.precision,
        compile=asked.compile,
    )  # fmt: skip
    check_device_use(recipe.precision, recipe.compile, device)
    plain = replace(recipe, precision="float32", compile=False)
    steps = (asked.blocks + 1) * asked.steps
    with open_kinect13(path) as dataset:
        warps = recipe.augment.warps
        source = SplitBatches(
            load_samples(dataset, "train", asked.size, with_margin=warps), asked.batch, 0
        )
        one = Batch(*(t if t is None else t.to(device) for t in source.batch(0)))
        used = keep_on_gpu(source, device)
        times: dict[str, list[float]] = {"whole": [], "in_memory": [], "plain_in_memory": []}
        cpu: dict[str, list[float]] = {name: [] for name in times}
        with load_ahead(used, 0, steps, device) as ahead:
            ways = {"whole": (recipe, ahead), "in_memory": (recipe, iter(lambda: one, None))}
            if recipe != plain:
                ways["plain_in_memory"] = (plain, iter(lambda: one, None))
            trainers = {}
            for name, (own, _) in ways.items():
                settings = TrainSettings(
                    "pretrain", asked.model, "benchmark", asked.width, asked.size, own
                )
                torch.manual_seed(0)
                fresh = build_net(asked.model, asked.width, asked.size)
                trainers[name] = Trainer(settings, fresh, steps, device)
            for turn in range(asked.blocks + 1):
                for name, (_, batches) in ways.items():
                    took, used_s = block_s(trainers[name], batches, asked.steps, device)
                    if turn:  # the first block allocates, and compiles
                        times[name].append(took)
                        cpu[name].append(used_s)
    per_s = {n: round(asked.batch * asked.steps / median(t), 1) for n, t in times.items() if t}
    ratios = [m / w for w, m in zip(times["whole"], times["in_memory"], strict=True)]
    found: dict[str, object] = {
        "schema": "kincap/benchmark/1", "name": "train_input", "model": asked.model,
        "size": asked.size, "width": asked.width, "batch": asked.batch, "device": str(device),
        "precision": asked.precision, "compile": asked.compile,
        "threads": torch.get_num_threads(), "images_per_s": per_s,
        "ratio": round(median(ratios), 3),
        "cpu_ratio": round(median(cpu["in_memory"]) / median(cpu["whole"]), 3),
        "goal": GOAL,
    }  # fmt: skip
    if times["plain_in_memory"]:
        faster = zip(times["plain_in_memory"], times["in_memory"], strict=True)
        found["times_as_fast"] = round(median(p / m for p, m in faster), 2)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="compact")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=10, help="steps of a block")
    parser.add_argument("--blocks", type=int, default=9)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="float32", choices=["float32", "bf16", "fp16"])
    parser.add_argument("--compile", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "input.h5")
        make(path, asked.size)
        print(json.dumps(compare(asked, path)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
