"""Data sets that no build made, and files of others under the names that a build uses."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kincap.dataset.kinect13.reader import write_kinect13

from ...dataset.kinect13.test_kinect13 import BAD
from ...dataset.kinect13.test_versions import HOSTILE
from . import OUTSIDE, Attack

NAME = "kinect13.h5"
USE = (
    ("finetune", "--init", "none", "--data", NAME, "--steps", "2"),
    ("build", "--out", NAME),
)
BUILD = (("build", "--out", NAME),)
BESIDE = (f"{NAME}.json", f"{NAME}.png", f"{NAME}.part", f"{NAME}.part.json", f"{NAME}.lock")


def _damaged(damage: Callable[[Path], object], size: int = 16) -> Callable[[Path], object]:
    """Return a function that writes a data set and damages it."""

    def make(folder: Path) -> None:
        rng = np.random.default_rng(0)
        rows = {
            "images": rng.integers(0, 256, (60, size, size, 3), dtype=np.uint8),
            "keypoints_px": rng.uniform(0, size, (60, 13, 2)),
        }
        few = {name: values[:3] for name, values in rows.items()}
        damage(write_kinect13(folder / NAME, {"train": rows, "val": few}))

    return make


def _terabyte(path: Path) -> None:
    """Make the file a hole of a terabyte after its end."""
    os.truncate(path, 1 << 40)


def _link(name: str, to: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).symlink_to(folder.parent / OUTSIDE / to)


def _fifo(name: str) -> Callable[[Path], object]:
    return lambda folder: os.mkfifo(folder / name)


def _zeros(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(bytes(5000))


ATTACKS = [
    *(Attack(name, _damaged(damage), USE) for name, damage in BAD.items()),
    *(Attack(f"version 2: {name}", _damaged(damage, 8), USE) for name, damage in HOSTILE.items()),
    Attack("a hole of a terabyte at its end", _damaged(_terabyte), USE[:1]),
    Attack("a FIFO as data set", _fifo(NAME), USE),
    Attack("a link as data set", _link(NAME, "precious"), BUILD),
    *(Attack(f"a link as {name}", _link(name, "precious"), BUILD) for name in BESIDE),
    *(Attack(f"a link to nothing as {name}", _link(name, "new"), BUILD) for name in BESIDE),
    *(Attack(f"a FIFO as {name}", _fifo(name), BUILD) for name in BESIDE),
    *(Attack(f"zeros as {name}", _zeros(name), BUILD) for name in BESIDE),
]
"""A data set is read by training and would be replaced by building."""
