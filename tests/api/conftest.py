"""What the public Python API opens: a session, a data set and a net, made by the commands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with recordings/clothing3, kinect13.h5 and pretrain.ckpt."""
    folder = tmp_path_factory.mktemp("made")
    source = "simulator:outfit=3,frames=150,fps=10,pace=fast,faults=bodies_only@3-4"
    for words in (
        ("record", "--session", "clothing3", "--source", source, "--no-report"),
        ("build", "--size", "64"),
        ("pretrain", "--data", "kinect13.h5", "--model", "compact", "--width", "0.25", "--size",
         "32", "--steps", "10", "--out", "pretrain.ckpt", "--device", "cpu"),
    ):  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "kincap", *words], cwd=folder, capture_output=True, text=True,
            check=False, timeout=240, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    return folder
