"""Functions that run on the workers of a cluster: checks, and a task with its terms."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ...core.errors import DatasetError
from .versions import byte_versions

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
    here = byte_versions()
    for name, version in expected.items():
        if here.get(name) != version:
            return f"has {name} {here.get(name)}, the build has {version}"
    return None


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
