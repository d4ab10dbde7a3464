"""Blocking work beside a server's loop, in threads that never keep the process from ending.

The standard pools join their threads when the process ends. One thread that waits for a dead disk
would then hold up Ctrl-C for ever. These are daemon threads: they are left behind.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, Final, TypeVar

from starlette.exceptions import HTTPException

MOST_THREADS: Final = 32
ANSWER_TIME_S: Final = 30.0
"""An answer that takes longer is given up; the thread goes on."""

T = TypeVar("T")


class WorkerThreads:
    """Runs functions in daemon threads.

    Args:
        most: Threads at most; further calls wait for a free one.
        patience_s: How long a call may take before it is answered with 503.
    """

    def __init__(self, most: int = MOST_THREADS, patience_s: float = ANSWER_TIME_S) -> None:
        self._most, self._patience_s = most, patience_s
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        self._threads = 0
        self._unfinished = 0

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        """Run a function in a thread.

        Raises:
            HTTPException: 503, it takes too long.
        """
        future: Future[T] = Future()
        with self._lock:
            self._jobs.put((future, lambda: work(*args)))
            self._unfinished += 1
            # counted here and not by the threads: one that has just taken a job looks free
            if self._threads < min(self._unfinished, self._most):
                self._threads += 1
                threading.Thread(target=self._serve, name="page worker", daemon=True).start()
        try:
            async with asyncio.timeout(self._patience_s):
                return await asyncio.wrap_future(future)
        except TimeoutError as error:
            raise HTTPException(503, "reading takes too long; try again") from error

    def _serve(self) -> None:
        """Do one job after the other."""
        while True:
            future, work = self._jobs.get()
            if not future.set_running_or_notify_cancel():
                self._finish()
                continue
            try:
                result = work()
            except BaseException as error:
                self._finish()
                future.set_exception(error)
            else:
                self._finish()
                future.set_result(result)

    def _finish(self) -> None:
        """Count a job as done, before its answer can bring the next one."""
        with self._lock:
            self._unfinished -= 1
