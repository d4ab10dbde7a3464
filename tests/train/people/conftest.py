"""A data set of whole frames with stick figures: several people, some of them without labels."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from kincap.core.skeleton import KEYPOINT, LIMBS
from kincap.dataset.kinect13.reader import write_kinect13

HEIGHT, WIDTH, PEOPLE = 96, 168, 2

UPRIGHT = {
    "head": (0.0, 0.1), "r_shoulder": (-0.1, 0.25), "l_shoulder": (0.1, 0.25),
    "r_elbow": (-0.22, 0.38), "l_elbow": (0.22, 0.38), "r_wrist": (-0.25, 0.55),
    "l_wrist": (0.25, 0.55), "r_hip": (-0.07, 0.55), "l_hip": (0.07, 0.55),
    "r_knee": (-0.08, 0.75), "l_knee": (0.08, 0.75), "r_ankle": (-0.08, 0.95),
    "l_ankle": (0.08, 0.95),
}  # fmt: skip
"""A person 1 high: x from the middle, y from the top."""


def draw_frames(count: int, seed: int) -> dict[str, npt.NDArray[np.generic]]:
    """Return frames of one or two stick figures, the left limbs in blue.

    The second of two has no labels in one frame of four; one wrist in ten is inferred.
    """
    rng = np.random.default_rng(seed)
    images = rng.integers(70, 100, (count, HEIGHT, WIDTH, 3), dtype=np.uint8)
    points = np.full((count, PEOPLE, len(KEYPOINT), 2), np.nan, np.float32)
    weight = np.zeros((count, PEOPLE, len(KEYPOINT)), np.float32)
    for n in range(count):
        for person in range(1 + int(rng.random() < 0.7)):
            tall = rng.uniform(48, 64)
            middle = (40, 120)[person] + rng.uniform(-10, 10)
            top = rng.uniform(8, HEIGHT - tall - 4)
            at = np.array([UPRIGHT[name] for name in KEYPOINT]) + rng.normal(0, 0.015, (13, 2))
            points[n, person] = at * tall + (middle, top)
            is_rejected = person == 1 and rng.random() < 0.25
            weight[n, person] = 0 if is_rejected else 1
            if rng.random() < 0.1:
                weight[n, person, KEYPOINT["l_wrist"]] = 0
            _draw(images[n], points[n, person])
    person = np.where(np.isfinite(points[:, :, 0, 0]), np.where(weight.any(axis=2), 2, 1), 0)
    return {"images": images, "keypoints_px": points, "weight": weight, "person": person}


def _draw(image: npt.NDArray[np.uint8], pose: npt.NDArray[np.float32]) -> None:
    names = list(KEYPOINT)
    spots = np.round(pose).astype(int).tolist()
    for a, b in LIMBS:
        colour = (40, 60, 250) if names[b].startswith("l_") else (250, 200, 60)
        cv2.line(image, spots[a], spots[b], colour, 2)
    cv2.circle(image, spots[0], 4, (230, 230, 230), -1)


@pytest.fixture(scope="session")
def frames_h5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data set: 24 frames to learn from, 8 to validate, 8 to test."""
    path = tmp_path_factory.mktemp("frames") / "kinect13.h5"
    return write_kinect13(
        path,
        {"train": draw_frames(24, 1), "val": draw_frames(8, 2), "test": draw_frames(8, 3)},
    )
