"""Fixtures: an NTU clip of 24 numbered pictures, made once and copied for each test."""

import shutil
from pathlib import Path

import pytest

from .clips import write_avi, write_skeleton

FRAMES = 24


@pytest.fixture(scope="session")
def clip_of_jpegs(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "x_rgb.avi"
    write_avi(path, FRAMES)
    write_skeleton(path.with_name("x.skeleton"), FRAMES)
    return path


@pytest.fixture
def clip(clip_of_jpegs, tmp_path) -> Path:
    """Return the video of a clip that the test may change; every frame is coded by itself."""
    for path in (clip_of_jpegs, clip_of_jpegs.with_name("x.skeleton")):
        shutil.copy(path, tmp_path / path.name)
    return tmp_path / clip_of_jpegs.name
