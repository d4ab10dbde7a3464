"""Sessions to copy: small shards with real rows, in a folder of recordings."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sessions.repair.conftest import flip, make_session


@pytest.fixture(scope="session")
def two_sessions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of two sessions that nobody may write to."""
    recordings = tmp_path_factory.mktemp("two") / "recordings"
    make_session(recordings / "take1")
    make_session(recordings / "take2")
    return recordings


@pytest.fixture
def recordings(two_sessions: Path, tmp_path: Path) -> Path:
    """Return a copy of the folder of two sessions, an empty ``disk`` beside it."""
    (tmp_path / "disk").mkdir()
    subprocess.run(["cp", "-r", two_sessions, tmp_path / "recordings"], check=True)
    return tmp_path / "recordings"


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., "subprocess.Popen[str]"]:
    """Return a function that starts ``kincap sessions ARGS`` beside the recordings."""

    def run(*args: object, **env: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "kincap", "sessions", *map(str, args)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **env},
        )

    return run


@pytest.fixture(name="flip")
def flip_fixture() -> Callable[..., None]:
    """Return the function that flips one bit of a file."""
    return flip
