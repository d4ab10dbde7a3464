"""The workers of a Dask cluster, which see the recordings and the output under the same paths."""

import logging
import secrets
import socket
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ...core.errors import DatasetError, KincapError, MissingPartError
from ...core.files.file_io import FileIO
from .on_worker import (
    DIFFERS,
    PROBE,
    SeenPaths,
    Terms,
    do_task,
    probe_crop,
    see_paths,
    version_problem,
)
from .versions import byte_versions

if TYPE_CHECKING:
    from distributed import Client, Future

Task = TypeVar("Task")
Result = TypeVar("Result")

CONNECT_S: Final = 10.0
"""Longest wait for an answer of the scheduler."""
WITHOUT_WORKERS_S: Final = 60.0
"""A build ends when the cluster has had no worker for this long."""
_LOOK_S: Final = 2.0
"""The workers are counted this often, seconds."""
_AHEAD: Final = 2
"""Tasks handed out for each thread of the cluster."""


@contextmanager
def open_cluster(place: str, connect_s: float = CONNECT_S) -> Iterator["DaskCluster"]:
    """Connect to a scheduler, and check its workers' versions.

    Args:
        place: HOST:PORT.
        connect_s: Longest wait for the scheduler and for its first worker, seconds.

    Raises:
        DatasetError: No answer, no workers, or workers with other versions (exit 2).
        MissingPartError: Dask is not installed here.
    """
    client = _connect(place, connect_s)
    try:
        cluster = DaskCluster(client, f"dask://{place}")
        cluster.check_workers(connect_s)
        yield cluster
    finally:
        client.close(timeout=5)


def _connect(place: str, timeout_s: float) -> "Client":
    """Return a client of a scheduler."""
    try:
        from distributed import Client
    except ImportError as err:
        raise MissingPartError(
            f"--scheduler dask://{place}: dask is not installed ({err}); pip install 'kincap[dask]'"
        ) from err
    # what it logs about lost workers and connections comes as one line of ours
    for name in list(logging.root.manager.loggerDict):
        if name == "distributed" or name.startswith("distributed."):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    _knock(place, timeout_s)
    try:
        with warnings.catch_warnings():
            # versions of Dask itself that differ: ours are checked by ourselves
            warnings.simplefilter("ignore")
            return Client(f"tcp://{place}", timeout=timeout_s, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as err:
        raise _no_scheduler(place, "what answers there is not a Dask scheduler") from err


def _knock(place: str, timeout_s: float) -> None:
    """Refuse an address where nothing listens: the client would try again until its timeout."""
    host, _, port = place.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout_s).close()
    except TimeoutError as err:
        raise _no_scheduler(place, f"no answer within {timeout_s:g} s") from err
    except OSError as err:
        raise _no_scheduler(place, err.strerror or str(err)) from err


def _no_scheduler(place: str, why: str) -> DatasetError:
    """Return the error of an address without a scheduler."""
    return DatasetError(
        f"--scheduler dask://{place}: {why}; start one with 'dask scheduler', or leave the flag out"
    )


class DaskCluster:
    """The workers of a Dask cluster.

    Args:
        client: Connected.
        address: ``dask://HOST:PORT``, for messages.
    """

    is_remote = True

    def __init__(self, client: "Client", address: str) -> None:
        self._client = client
        self._address = address
        self._versions = {**byte_versions(), PROBE: probe_crop()}

    def check_workers(self, wait_s: float) -> None:
        """Refuse a cluster without workers, or with one that would make other bytes.

        Args:
            wait_s: Longest wait for the first worker, seconds.

        Raises:
            DatasetError: Names the worker and what differs (exit 2).
        """
        try:
            self._client.wait_for_workers(1, timeout=wait_s)
        except TimeoutError as err:
            raise DatasetError(
                f"--scheduler {self._address}: it has no workers; start some with "
                f"'dask worker {self._address.removeprefix('dask://')} --nthreads 1'"
            ) from err
        for worker, found in self._ask(version_problem, self._versions).items():
            if found is None:
                continue
            # an exception, or its text where the worker could not even load the function
            is_answer = isinstance(found, str) and found.startswith(DIFFERS)
            problem = found if is_answer else f"can't run this kincap ({found})"
            raise DatasetError(
                f"--scheduler {self._address}: worker {worker} {problem}; "
                "install the same version there"
            )

    def check_paths(self, recordings: Path, folder: Path) -> None:
        """Refuse workers that don't see the same folders under the same paths.

        Args:
            recordings: The folder of recordings.
            folder: Where the data set goes.

        Raises:
            DatasetError: Names the worker and the folder (exit 2).
        """
        io, content = FileIO(), secrets.token_hex(16).encode()
        mark = folder / f"kincap-shared-path.{secrets.token_hex(4)}.kincap-tmp"
        try:
            io.write_atomic(mark, content, mode=0o644, unique=True)
            answers: dict[str, SeenPaths | Exception] = self._ask(see_paths, recordings, mark)
        finally:
            io.discard(mark)
        for worker, seen in answers.items():
            unseen = None
            if not isinstance(seen, SeenPaths):
                raise DatasetError(f"--scheduler {self._address}: worker {worker}: {seen}")
            if not seen.recordings:
                unseen = f"does not see --recordings {recordings}"
            elif seen.mark != content:
                unseen = f"does not see the folder of --out, {folder}"
            elif not seen.writable:
                unseen = f"may not write to the folder of --out, {folder}"
            if unseen:
                raise DatasetError(
                    f"--scheduler {self._address}: worker {worker} {unseen}; workers need the same "
                    "shared folders under the same paths"
                )

    def _ask(self, function: Callable[..., Any], *args: Any) -> dict[str, Any]:
        """Run a function on all present workers; an exception is the answer of its worker."""
        answers: dict[str, Any] = self._client.run(function, *args, on_error="return")
        return answers

    def run(
        self, work: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result]]:
        """Do tasks on the workers; what a lost worker had begun is done by another one.

        Raises:
            DatasetError: No worker or no scheduler is left, or a task ends every worker (exit 1).
            Exception: What the work raised; no further task is handed out.
        """
        terms = Terms(self._address, tuple(self._versions.items()))
        waiting: dict[Future, Task] = {}
        rest = iter(tasks)
        watch = _Waiting(self._client, self._address)
        try:
            while True:
                for task in _some(rest, watch.ahead() - len(waiting)):
                    # the same path may hold other bytes tomorrow: never an earlier answer
                    future = self._client.submit(do_task, work, task, terms, pure=False)
                    waiting[future] = task
                    future.add_done_callback(watch.ended.put)
                if not waiting:
                    return
                future = watch.next_ended()
                if future is not None:
                    yield waiting.pop(future), self._result(future)
        finally:
            if waiting:
                # those that have begun run on: their build's token stops them
                self._client.cancel(list(waiting), force=True)

    def _result(self, future: "Future") -> Any:
        """Return the result of a task that has ended."""
        from distributed import KilledWorker

        try:
            return future.result(timeout=CONNECT_S)
        except KincapError:
            raise
        except KilledWorker as err:
            raise DatasetError(
                f"--scheduler {self._address}: workers die at the same task (out of memory?); "
                "run the build again to go on, with fewer workers on a machine",
                exit_code=1,
            ) from err
        except Exception as err:
            if future.status in ("cancelled", "lost"):
                raise _scheduler_lost(self._address) from err
            raise


class _Waiting:
    """Waits for tasks, and counts the workers now and then.

    Args:
        client: Connected.
        address: For messages.

    Attributes:
        ended: Tasks that have ended put themselves here.
    """

    def __init__(self, client: "Client", address: str) -> None:
        self.ended: SimpleQueue[Future] = SimpleQueue()
        self._client = client
        self._address = address
        self._threads = 1
        self._looked_s = 0.0
        self._had_workers_s = time.monotonic()

    def ahead(self) -> int:
        """Return how many tasks may be handed out now."""
        now = time.monotonic()
        if now - self._looked_s >= _LOOK_S:
            self._looked_s = now
            self._look()
        return self._threads * _AHEAD

    def _look(self) -> None:
        """Count the threads of all workers.

        Raises:
            DatasetError: The scheduler is gone, or has had no worker for a while (exit 1).
        """
        try:
            threads = sum(self._client.nthreads().values())
        except Exception as err:
            raise _scheduler_lost(self._address) from err
        if threads:
            self._threads, self._had_workers_s = threads, time.monotonic()
        elif time.monotonic() - self._had_workers_s > WITHOUT_WORKERS_S:
            raise DatasetError(
                f"--scheduler {self._address}: no worker is left; start some and run the build "
                "again to go on",
                exit_code=1,
            )

    def next_ended(self) -> "Future | None":
        """Return a task that has ended; None if none does for a while."""
        try:
            return self.ended.get(timeout=_LOOK_S)
        except Empty:
            return None


def _some(rest: Iterator[Task], count: int) -> Iterator[Task]:
    """Yield the next ones, at most ``count``."""
    for _ in range(count):
        try:
            yield next(rest)
        except StopIteration:
            return


def _scheduler_lost(address: str) -> DatasetError:
    """Return the error of a scheduler that is gone."""
    return DatasetError(
        f"--scheduler {address}: the scheduler was lost; start it again and run the build again "
        "to go on",
        exit_code=1,
    )
