"""Worker processes of this machine: spawned, so that they inherit no lock and no file."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from typing import TypeVar

from ...core.errors import DatasetError

Task = TypeVar("Task")
Result = TypeVar("Result")


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_tasks(
    work: Callable[[Task], Result], tasks: Iterable[Task], workers: int
) -> Iterator[tuple[Task, Result]]:
    """Do tasks in processes and yield each with its result, in any order.

    Args:
        work: A function of a module; what it takes and returns can be pickled.
        tasks: What to do.
        workers: How many processes; with 1 the work is done in this one.

    Yields:
        Task and result, as they are done.

    Raises:
        DatasetError: A worker process died (exit 1).
        Exception: What the work raised; no further task is begun.
    """
    if workers <= 1:
        for task in tasks:
            yield task, work(task)
        return
    spawn = multiprocessing.get_context("spawn")
    # nothing is ever sent: workers end at once when the other end closes, also when this process
    # is killed and can't tell them anything
    far_end, lifeline = spawn.Pipe(duplex=False)
    pool = ProcessPoolExecutor(
        workers, mp_context=spawn, initializer=_start_worker, initargs=(far_end,)
    )
    try:
        yield from _feed(pool, work, tasks, ahead=2 * workers)
    except BrokenProcessPool as err:
        raise DatasetError(
            "a worker process died (out of memory?); run the command again to go on, "
            "with fewer --workers",
            exit_code=1,
        ) from err
    finally:
        lifeline.close()
        pool.shutdown(wait=True, cancel_futures=True)
        far_end.close()


def _feed(
    pool: ProcessPoolExecutor,
    work: Callable[[Task], Result],
    tasks: Iterable[Task],
    ahead: int,
) -> Iterator[tuple[Task, Result]]:
    """Hand tasks out, a few ahead: thousands of pickled ones would cost memory."""
    waiting: dict[Future[Result], Task] = {}
    for task in tasks:
        waiting[pool.submit(work, task)] = task
        if len(waiting) >= ahead:
            yield from _done(waiting)
    while waiting:
        yield from _done(waiting)


def _done(waiting: dict[Future[Result], Task]) -> Iterator[tuple[Task, Result]]:
    """Wait until something is done and yield it."""
    for future in wait(waiting, return_when=FIRST_COMPLETED).done:
        yield waiting.pop(future), future.result()


def _start_worker(far_end: Connection) -> None:
    """Prepare a worker process."""
    import cv2

    # one thread each: the processes are what runs side by side
    cv2.setNumThreads(1)
    # Ctrl-C goes to the whole group; the parent decides and says it once
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(far_end,), daemon=True).start()


def _end_with_parent(far_end: Connection) -> None:
    """End this process when the parent has closed its end or is gone; its work can be repeated."""
    wait_for([far_end])
    os._exit(1)
