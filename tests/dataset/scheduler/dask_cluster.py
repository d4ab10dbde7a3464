"""A real Dask cluster: a scheduler and worker processes on this machine."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

QUIET = ("--dashboard-address", "127.0.0.1:0")


class Cluster:
    """A scheduler and its workers, each a process of its own.

    Attributes:
        address: ``dask://HOST:PORT``.
        workers: The workers' processes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started = 0
        self._scheduler, self._place = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", *QUIET,
            says=r"Scheduler at: *tcp://(127\.0\.0\.1:\d+)",
        )  # fmt: skip
        self.address = f"dask://{self._place}"
        self.workers: list[subprocess.Popen[bytes]] = []

    def add_worker(self, *more: str, **env: str) -> subprocess.Popen[bytes]:
        """Start a worker and wait until it is registered."""
        worker, _ = self._start(
            "worker", self._place, "--no-nanny", "--nthreads", "1", *QUIET, *more,
            says=r"Registered to: *(\S+)", **env,
        )  # fmt: skip
        self.workers.append(worker)
        return worker

    def remove(self, worker: subprocess.Popen[bytes]) -> None:
        """End a worker that a test has added."""
        self.workers.remove(worker)
        worker.kill()
        worker.wait(20)

    def kill_scheduler(self) -> None:
        """Kill the scheduler."""
        self._scheduler.kill()

    def stop(self) -> None:
        """End all its processes."""
        for process in [*self.workers, self._scheduler]:
            process.kill()
        for process in [*self.workers, self._scheduler]:
            process.wait(20)

    def _start(
        self, kind: str, *args: str, says: str, **env: str
    ) -> tuple[subprocess.Popen[bytes], str]:
        """Start a process and wait for a line; return it and what the line says."""
        self._started += 1
        log = self._folder / f"{kind}{self._started}.log"
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", kind, *args],
                cwd=self._folder,
                env={**os.environ, "OMP_NUM_THREADS": "1", **env},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if found := re.search(says, log.read_text()):
                return process, found[1]
            time.sleep(0.05)
        process.kill()
        raise AssertionError(f"dask {kind} did not start: {log.read_text()}")
