"""Stick figures: a data set small enough to learn in seconds, hard enough to need looking."""

import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch

from kincap.core.skeleton import KEYPOINT, LIMBS
from kincap.dataset.kinect13.reader import write_kinect13
from tests.warm_start import run_kincap

Fields = dict[str, npt.NDArray[np.generic]]


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Leave the other core to whoever else runs here."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


@pytest.fixture
def kincap(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs ``kincap ARGS`` in an empty folder, PyTorch loaded already."""
    return partial(run_kincap, cwd=tmp_path)


def in_time(fields: Fields) -> Fields:
    """Return rows that follow each other, ten a second, as those of one person."""
    count = len(fields["keypoints_px"])
    return fields | {
        "time_s": np.arange(count) / 10,
        "tracking_id": np.full(count, 7, np.uint64),
        "color_seq": np.arange(count, dtype=np.uint64),
    }


def draw_figures(count: int, seed: int, size: int = 48) -> Fields:
    """Return crops of people of sticks: arms anywhere, each limb of the person's left in blue.

    Args:
        count: How many.
        seed: Of poses and backgrounds.
        size: Side of the crops, pixels.

    Returns:
        images, keypoints_px, visibility, weight and bbox_xyxy_px, as kinect13.h5 has them. One
        wrist in ten is inferred (visibility 1, weight 0); boxes are 4 times the crops.
    """
    rng = np.random.default_rng(seed)
    at = np.zeros((count, len(KEYPOINT), 2))
    for name, x, y in (
        ("head", 0.5, 0.15), ("r_shoulder", 0.4, 0.3), ("l_shoulder", 0.6, 0.3),
        ("r_hip", 0.44, 0.58), ("l_hip", 0.56, 0.58), ("r_knee", 0.43, 0.75),
        ("l_knee", 0.57, 0.75), ("r_ankle", 0.42, 0.92), ("l_ankle", 0.58, 0.92),
    ):  # fmt: skip
        at[:, KEYPOINT[name]] = (x, y) + rng.normal(0, 0.008, (count, 2))
    for side, out in (("r", -1), ("l", 1)):
        angle = rng.uniform(-2.6, 0.6, (count, 2)) * (1, out)
        for start, end, turn in (("shoulder", "elbow", 0), ("elbow", "wrist", 1)):
            step = 0.15 * np.stack([out * np.cos(angle[:, 0]), -np.sin(angle[:, 0])], 1)
            at[:, KEYPOINT[f"{side}_{end}"]] = at[:, KEYPOINT[f"{side}_{start}"]] + step
            angle[:, 0] += 0.6 * turn
    at += rng.uniform(-0.06, 0.06, (count, 1, 2))
    keypoints = (at * size - 0.5).astype(np.float32)
    inferred = np.zeros((count, len(KEYPOINT)), dtype=bool)
    inferred[:, [KEYPOINT["l_wrist"], KEYPOINT["r_wrist"]]] = rng.random((count, 2)) < 0.1
    corner = rng.integers(0, 500, (count, 2)).astype(np.float32) - 0.5
    return {
        "images": _draw(keypoints, size, rng),
        "keypoints_px": keypoints,
        "visibility": np.where(inferred, 1, 2).astype(np.uint8),
        "weight": np.where(inferred, 0, 1).astype(np.float32),
        "bbox_xyxy_px": np.concatenate([corner, corner + 4 * size], axis=1).astype(np.float32),
    }


def _draw(
    keypoints: npt.NDArray[np.float32], size: int, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    images = rng.integers(60, 120, (len(keypoints), size, size, 3), dtype=np.uint8)
    names = list(KEYPOINT)
    for image, points in zip(images, keypoints, strict=True):
        spots = np.round(points).astype(int).tolist()
        for a, b in LIMBS:
            colour = (40, 60, 250) if names[b].startswith("l_") else (250, 200, 60)
            cv2.line(image, spots[a], spots[b], colour, 2)
        cv2.circle(image, spots[0], size // 14, (230, 230, 230), -1)
    return images


@pytest.fixture(scope="session")
def figures() -> Callable[..., Fields]:
    """Return ``draw_figures``."""
    return draw_figures


@pytest.fixture(scope="session")
def figures_h5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data set of stick figures: 400 to learn from, 60 to validate, 40 to test."""
    path = tmp_path_factory.mktemp("figures") / "kinect13.h5"
    return write_kinect13(
        path,
        {
            "train": draw_figures(400, seed=1),
            "val": draw_figures(60, seed=2),
            "test": draw_figures(40, seed=3),
        },
    )
