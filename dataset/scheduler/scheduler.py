"""Choose the processes that do a build's tasks."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Final, Protocol, TypeVar

from ...core.errors import DatasetError
from .processes import run_tasks, usable_cores

Task = TypeVar("Task")
Result = TypeVar("Result")

_ADDRESS: Final = re.compile(
    r"dask://(?P<place>[A-Za-z0-9._-]+:[0-9]{1,5}|\[[0-9A-Fa-f:.]+\]:[0-9]{1,5})"
)


class Scheduler(Protocol):
    """Hands tasks to processes.

    Attributes:
        is_remote: True if the processes may be on other machines.
    """

    is_remote: bool

    def check_paths(self, recordings: Path, folder: Path) -> None:
        """Refuse processes that can't see the recordings or write where the data set goes."""

    def run(
        self, work: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result]]:
        """Do tasks and yield each with its result, in any order.

        Args:
            work: A function of a module; what it takes and returns can be pickled. It may be called
                more than once for a task.
            tasks: What to do.
        """


class LocalProcesses:
    """Processes of this machine.

    Args:
        workers: How many; None for one for each core.
    """

    is_remote = False

    def __init__(self, workers: int | None) -> None:
        self._workers = workers or usable_cores()

    def check_paths(self, recordings: Path, folder: Path) -> None:
        """Do nothing: they see what this process sees."""

    def run(
        self, work: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result]]:
        """Do tasks in processes; with one worker, or for one task, in this process."""
        yield from run_tasks(work, tasks, min(self._workers, len(tasks)))


def dask_place(address: str) -> str:
    """Return HOST:PORT of ``dask://HOST:PORT``.

    Raises:
        DatasetError: It is another text.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None or not 0 < int(found["place"].rpartition(":")[2]) < 1 << 16:
        raise DatasetError(
            f"--scheduler {address}: expected dask://HOST:PORT, the address that "
            "'dask scheduler' prints"
        )
    return found["place"]


def open_scheduler(address: str | None, workers: int | None) -> AbstractContextManager[Scheduler]:
    """Return the processes that a build was asked to use, for a with statement.

    Args:
        address: ``dask://HOST:PORT``; None for processes of this machine.
        workers: How many processes of this machine; None for one for each core.

    Raises:
        DatasetError: The scheduler can't be reached, has no workers, or they have other versions
            (exit 2).
        MissingPartError: Dask is not installed here.
    """
    if address is None:
        return nullcontext(LocalProcesses(workers))
    # late: a second of imports
    from .cluster import open_cluster

    return open_cluster(dask_place(address))
