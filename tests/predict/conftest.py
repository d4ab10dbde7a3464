"""Recordings of two outfits with labels that are wrong in known frames, and nets for them."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from kincap.core.jpeg import encode_jpeg
from kincap.core.skeleton import JOINT, KEYPOINT, KEYPOINT_JOINT, LIMBS
from kincap.dataset.build import BuildSettings, build
from kincap.train.finetune import finetune
from kincap.train.settings import TrainOptions
from tests.dataset.conftest import Body, Frame, Sessions
from tests.warm_start import run_kincap

FRAMES = 150
WRONG = range(100, 106)
"""Frames of session b in which the left wrist is labelled elsewhere."""
SWAPPED = range(120, 124)
"""Frames of session b in which left and right are exchanged."""
SMALL = {"model": "compact", "width": 0.5, "size": 32, "batch": 16}


@pytest.fixture
def kincap(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs ``kincap ARGS`` in an empty folder, PyTorch loaded already."""
    return partial(run_kincap, cwd=tmp_path)


@dataclass(frozen=True)
class Audited:
    """A folder of work: ``recordings`` of a and b, ``kinect13.h5``.

    Attributes:
        folder: The folder.
        without_b: A net that was trained on a alone.
        saw_both: A net that was trained on both.
    """

    folder: Path
    without_b: Path
    saw_both: Path

    def kincap(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Run a command in the folder."""
        return run_kincap(*words, cwd=self.folder)


def draw_body(body: Body, shade: int) -> np.ndarray:
    """Return (240, 320, 3) BGR, mirrored: thick limbs, the person's left in another colour."""
    image = np.full((240, 320, 3), shade, np.uint8)
    points = np.round(body.joints_px()[KEYPOINT_JOINT]).astype(int).tolist()
    names = list(KEYPOINT)
    for a, b in LIMBS:
        colour = (40, 60, 250) if names[b].startswith("l_") else (250, 200, 60)
        cv2.line(image, points[a], points[b], colour, 7)
    cv2.circle(image, points[0], 12, (230, 230, 230), -1)
    return np.ascontiguousarray(image[:, ::-1])


def _frames(seed: int, wrong: range, swapped: range) -> list[Frame]:
    """Return frames whose picture shows where the arms are, and whose label does not always."""
    rng = np.random.default_rng(seed)
    made = []
    for seq in range(FRAMES):
        x, y = 130 + 60 * rng.random(), 112 + 10 * rng.random()
        arms = {
            f"{part}{side}": (
                x + sign * out * (1 + 0.5 * rng.random()),
                y + drop * rng.random() - 30,
            )
            for side, sign in (("Left", 1), ("Right", -1))
            for part, out, drop in (("Elbow", 28, 30), ("Wrist", 40, 60))
        }
        blob = encode_jpeg(draw_body(Body(x=x, y=y, moved=arms), 70 + seq % 40), 95)
        label = dict(arms)
        if seq in wrong:
            label["WristLeft"] = (x - 45, y + 50)
        body = Body(x=x, y=y, moved=label)
        if seq in swapped:
            sides = body.joints_px()
            body = Body(x=x, y=y, moved={name: tuple(sides[JOINT[_other(name)]]) for name in JOINT})
        made.append(Frame((body,), blob=blob))
    return made


def _other(name: str) -> str:
    """Return the name of the joint on the other side."""
    if name.endswith("Left"):
        return name.removesuffix("Left") + "Right"
    return name.removesuffix("Right") + "Left" if name.endswith("Right") else name


@pytest.fixture(scope="session")
def _audited(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    """Make the folder once; tests get copies of what they change."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("audit")
    sessions = Sessions(folder / "recordings")
    sessions("a", _frames(1, range(0), range(0)), outfit="one")
    sessions("b", _frames(2, WRONG, SWAPPED), outfit="two")
    data = folder / "kinect13.h5"
    build(BuildSettings(data, sessions.recordings, size=32, guard_s=0.0, workers=1))

    def train(name: str, steps: int, leave_out: tuple[str, ...]) -> Path:
        options = TrainOptions(
            data, folder / name, folder / "runs", steps=steps, leave_out=leave_out, **SMALL
        )
        done = finetune(options, None)
        assert done.out is not None
        return done.out

    return Audited(folder, train("without_b.ckpt", 200, ("b",)), train("both.ckpt", 2, ()))


@dataclass(frozen=True)
class Waving:
    """A folder of work: session ``wave`` of a person who moves steadily, and a net that knows it.

    Attributes:
        folder: The folder.
        session: The session's folder.
        net: A checkpoint that was trained on it.
    """

    folder: Path
    session: Path
    net: Path

    def kincap(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Run a command in the folder."""
        return Audited(self.folder, self.net, self.net).kincap(*words)


@pytest.fixture(scope="session")
def waving(tmp_path_factory: pytest.TempPathFactory) -> Waving:
    """Record a person who waves, at 30 frames a second, and train a net on it."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("waving")
    sessions = Sessions(folder / "recordings")
    made = []
    for seq in range(FRAMES):
        turn = 2 * np.pi * seq / 60
        x, y = 160 + 25 * np.sin(turn / 2), 115 + 3 * np.cos(turn)
        arms = {
            f"{part}{side}": (x + sign * out, y - 20 + reach * np.sin(turn + (sign < 0)))
            for side, sign in (("Left", 1), ("Right", -1))
            for part, out, reach in (("Elbow", 32, 8), ("Wrist", 50, 30))
        }
        body = Body(x=x, y=y, moved=arms)
        made.append(Frame((body,), blob=encode_jpeg(draw_body(body, 70 + seq % 40), 95)))
    sessions("wave", made, outfit="one")
    data = folder / "kinect13.h5"
    build(BuildSettings(data, sessions.recordings, size=32, guard_s=0.0, workers=1))
    done = finetune(
        TrainOptions(data, folder / "net.ckpt", folder / "runs", steps=250, **SMALL), None
    )
    assert done.out is not None
    return Waving(folder, sessions.recordings / "wave", done.out)


@pytest.fixture
def audited(_audited: Audited) -> Audited:
    """Return the folder, its sessions without suggestions."""
    for path in _audited.folder.glob("recordings/*/suggestions.json"):
        path.unlink()
    return _audited
