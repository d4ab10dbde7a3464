"""Functions that run on the workers of a cluster: checks, and a task with its terms."""

import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

from ...core.errors import DatasetError
from ...core.jpeg import decode_jpeg, encode_jpeg
from ..crop import cut_crop
from .versions import byte_versions

DIFFERS: Final = "has"
"""Begin of an answer about versions."""
PROBE: Final = "crops of a test picture with checksum"

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True)
class SeenPaths:
    """View of one worker of the paths of a build.

    Attributes:
        recordings: True if the folder of recordings is there.
        mark: Content of the file that the build put beside its output; None if it isn't there.
        writable: True if the worker may write there.
    """

    recordings: bool
    mark: bytes | None
    writable: bool


def see_paths(recordings: Path, mark: Path) -> SeenPaths:
    """Return what this worker sees.

    Args:
        recordings: The folder of recordings.
        mark: A file that the build made where its output goes.
    """
    try:
        content = mark.read_bytes()
    except OSError:
        content = None
    return SeenPaths(recordings.is_dir(), content, os.access(mark.parent, os.W_OK))


def version_problem(expected: dict[str, str]) -> str | None:
    """Return how the versions here differ from those of the build; None if they are equal."""
    here = {**byte_versions(), PROBE: probe_crop()}
    for name, version in expected.items():
        if here.get(name) != version:
            return f"{DIFFERS} {name} {here.get(name)}, the build has {version}"
    return None


@cache
def probe_crop() -> str:
    """Return a checksum of crops of a picture that is made here.

    Other processors, or other builds of the same libraries, may decode and resize to other bytes.
    """
    coarse = np.random.default_rng(7).integers(0, 256, (18, 32, 3), np.uint8)
    image = np.repeat(np.repeat(coarse, 10, axis=0), 10, axis=1)
    decoded = decode_jpeg(encode_jpeg(image, 80))
    crops = [cut_crop(decoded, np.array([30, -5, side]), True, 64) for side in (150, 40)]
    return f"{zlib.crc32(b''.join(crop.tobytes() for crop in crops)):08x}"


@dataclass(frozen=True)
class Terms:
    """Conditions of every task.

    Attributes:
        scheduler: Address of the scheduler, for messages.
        versions: Those of the build.
    """

    scheduler: str
    versions: tuple[tuple[str, str], ...]


def do_task(work: Callable[[Task], Result], task: Task, terms: Terms) -> Result:
    """Do a task on this worker, which may have joined after the build's checks.

    Raises:
        DatasetError: This worker has other versions (exit 1).
        Exception: What the work raised.
    """
    import cv2

    problem = version_problem(dict(terms.versions))
    if problem:
        raise DatasetError(
            f"--scheduler {terms.scheduler}: a worker that joined later {problem}; install the "
            "same version there and run the build again to go on",
            exit_code=1,
        )
    # one thread a task: the tasks are what runs side by side
    cv2.setNumThreads(1)
    return work(task)
