"""Random batches of 256 from kinect13.h5 against a warm np.memmap: python -m benchmarks.batches.

The reference maps the same pictures and copies them row by row, ``out[k] = A[i]``, out of the page
cache. Goal: at least 0.5 of its speed. Runs alternate, medians count. An argument names the folder
to write the data set (300 MB) in.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import h5py
import numpy as np

from kincap.dataset.kinect13.reader import Split, open_kinect13, write_kinect13

from .arguments import folder_argument

ROWS = 2048
SIZE = 224
BATCH = 256
BATCHES = 12
ROUNDS = 15
GOAL = 0.5
NOISY_PER_S = 40_000


def memmap(pictures: np.memmap, batches: list[np.ndarray], out: np.ndarray) -> float:
    """Copy random rows of a warm map one by one; return pictures a second."""
    start = time.perf_counter()
    for indices in batches:
        for k, i in enumerate(indices):
            out[k] = pictures[i]
    return BATCH * len(batches) / (time.perf_counter() - start)


def ours(split: Split, batches: list[np.ndarray], out: np.ndarray) -> float:
    """Read the same rows with kincap; return pictures a second."""
    start = time.perf_counter()
    for indices in batches:
        split.images(indices, out)
    return BATCH * len(batches) / (time.perf_counter() - start)


def make(path: Path) -> np.memmap:
    """Write a data set of noise and return its training pictures, mapped and warm."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (ROWS, SIZE, SIZE, 3), dtype=np.uint8)
    write_kinect13(path, {"train": {"images": images, "keypoints_px": np.zeros((ROWS, 13, 2))}})
    with h5py.File(path) as file:
        offset = file["train/images"].id.get_offset()
    mapped = np.memmap(path, np.uint8, mode="r", offset=offset, shape=images.shape)
    if not np.array_equal(mapped, images):  # reads every page: warm from here on
        raise SystemExit("the map does not show the pictures that were written")
    return mapped


def main() -> None:
    place = folder_argument("where to write; the system's temporary folder by default")
    rng = np.random.default_rng(1)
    out = np.empty((BATCH, SIZE, SIZE, 3), np.uint8)
    theirs_per_s, ours_per_s = [], []
    with tempfile.TemporaryDirectory(dir=place) as folder:
        mapped = make(Path(folder, "batches.h5"))
        with open_kinect13(Path(folder, "batches.h5")) as dataset:
            split = dataset.split("train")
            for turn in range(ROUNDS):
                batches = [rng.integers(0, ROWS, BATCH) for _ in range(BATCHES)]
                for which in (0, 1) if turn % 2 else (1, 0):
                    if which == 0:
                        theirs_per_s.append(memmap(mapped, batches, out))
                    else:
                        ours_per_s.append(ours(split, batches, out))
        del mapped
    per_s = median(theirs_per_s)
    noisy = per_s < NOISY_PER_S
    if noisy:
        print(f"machine too noisy: memmap gives {per_s:.0f} pictures a second", file=sys.stderr)
    result = {
        "schema": "kincap/benchmark/1",
        "name": "batches",
        "batch": BATCH,
        "picture_bytes": SIZE * SIZE * 3,
        "memmap_per_s": round(per_s),
        "kincap_per_s": round(median(ours_per_s)),
        "ratio": round(median(o / t for o, t in zip(ours_per_s, theirs_per_s, strict=True)), 3),
        "goal": GOAL,
        "noisy": noisy,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
