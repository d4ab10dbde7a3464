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
        self._idle = 0

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        """Run a function in a thread.

        Raises:
            HTTPException: 503, it takes too long.
        """
        future: Future[T] = Future()
        with self._lock:
            self._jobs.put((future, lambda: work(*args)))
            if self._jobs.qsize() > self._idle and self._threads < self._most:
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
            with self._lock:
                self._idle += 1
            future, work = self._jobs.get()
            with self._lock:
                self._idle -= 1
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = work()
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)
