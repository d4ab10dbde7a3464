"""A recorder in a process of its own, fed at a steady pace: python -m benchmarks.worker FRAMES.npz.

Reads one JSON object a line from its standard input, records a session by it through the real
``record``, and prints what became of it as one line; ends with its input. It holds nothing else, so
what grows in this process grows in the recorder. ``Worker`` is the other end.
"""

import ctypes
import gc
import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Thread, Timer
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import psutil

from benchmarks.pictures import load
from kincap.capture.record import RecordError, RecordSettings, record
from kincap.capture.sources.sensor import BodyFrame, ColorFrame, Item, SensorInfo
from kincap.capture.stats import Latencies
from kincap.core.units import SECOND_100NS, SECOND_NS
from kincap.sessions.schema import Stream

HANDED_OVER: Final = struct.Struct("<BQq")
"""A line of the source's own log: stream, number in the stream, device time in 100 ns."""
_SLOWEST: Final = 3
_LONGEST_S: Final = 60.0
"""A session hangs if it takes _SLOWEST times its length and _LONGEST_S seconds more."""
LEAKS: Final = ("frames", "descriptors", "threads")
"""Leaks that a worker makes on request, to show that the check finds them."""


@dataclass(frozen=True)
class Job:
    """One session to record.

    Attributes:
        session: Its name.
        recordings: The folder of all sessions.
        frames: How many colour frames, and as many body rows.
        fps: At what pace, by the wall clock.
        shard_mib: Size of a shard.
        log: File for the source's own log of what it handed over.
        leaks: Of LEAKS.
    """

    session: str
    recordings: str
    frames: int
    fps: float
    shard_mib: int
    log: str
    leaks: tuple[str, ...] = ()


class PacedPictures:
    """A live device that gives the same pictures again and again, a body row before each.

    As with a real device an image is good only until the next item: the recorder copies it.
    """

    def __init__(
        self, pictures: npt.NDArray[np.uint8], rows: npt.NDArray[Any], job: Job, kept: list[Any]
    ) -> None:
        """Prepare; nothing is paced before the first item is asked for.

        Args:
            pictures: (N, height, width, 4).
            rows: (N,) BODIES_DTYPE.
            job: Pace, number, log.
            kept: Where leaks go.
        """
        self._pictures, self._rows, self._job, self._kept = pictures, rows, job, kept
        self._closed = False
        self.late = Latencies()
        height, width = pictures.shape[1:3]
        self.info = SensorInfo(
            kind="memory",
            uri="memory:",
            device_id="benchmark",
            color_size_px=(width, height),
            mirrored=True,
            frames=job.frames,
        )

    def items(self) -> Iterator[Item]:
        """Hand over a body row and a picture at each tick; note how late each tick was."""
        job = self._job
        with open(job.log, "wb") as log:
            began = time.perf_counter()
            for k in range(job.frames):
                due = began + (k + 1) / job.fps
                time.sleep(max(0.0, due - time.perf_counter()))
                self.late.add(int(max(0.0, time.perf_counter() - due) * SECOND_NS))
                if self._closed:
                    return
                tick = round((k + 1) * SECOND_100NS / job.fps)
                row = self._rows[k % len(self._rows)][None].copy()
                row["time_device"], row["time_host"] = tick, time.perf_counter_ns()
                log.write(HANDED_OVER.pack(Stream.bodies, k, tick))
                yield BodyFrame(row)
                picture = self._pictures[k % len(self._pictures)]
                log.write(HANDED_OVER.pack(Stream.color, k, tick))
                yield ColorFrame(picture, tick, time.perf_counter_ns())
                self._leak(k, picture)

    def _leak(self, k: int, picture: npt.NDArray[np.uint8]) -> None:
        """Leak as told, at every hundredth picture."""
        if k % 100:
            return
        if "frames" in self._job.leaks:
            self._kept.append(picture.copy())
        if "descriptors" in self._job.leaks:
            self._kept.append(open(os.devnull, "rb"))  # noqa: SIM115 - the leak itself
        if "threads" in self._job.leaks:
            Thread(target=Event().wait, daemon=True).start()

    def close(self) -> None:
        """Make ``items`` end at the next tick."""
        self._closed = True


def descriptors(process: psutil.Process) -> int:
    """Return how many descriptors (on Windows: handles) a process holds."""
    return int(process.num_handles() if sys.platform == "win32" else process.num_fds())


class _MallocInfo(ctypes.Structure):
    """``struct mallinfo2`` of glibc."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks",
                     "uordblks", "fordblks", "keepcost")
    )  # fmt: skip


def malloc_mib() -> float | None:
    """Return the memory that malloc gave out and that was not freed, MiB; None if it can't say.

    Resident memory says less: glibc keeps freed memory in the arenas of threads, where not even
    ``malloc_trim`` gives the last piece of each back. A ring that was full once stays resident.
    """
    if sys.platform != "linux":
        return None
    ask = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if ask is None:
        return None
    ask.restype = _MallocInfo
    found = ask()
    return float(found.uordblks + found.hblkhd) / (1 << 20)


def _record(job: Job, frames: tuple[npt.NDArray[np.uint8], Any], kept: list[Any]) -> dict[str, Any]:
    """Record one session and return what became of it, with what this process holds after it."""
    sensor = PacedPictures(*frames, job, kept)
    # a report comes after the recording, with memory of its own: it is not what is judged here
    settings = RecordSettings(
        job.session, Path(job.recordings), shard_mib=job.shard_mib, report=False
    )
    error = None
    try:
        done = record(settings, sensor=sensor)
    except RecordError as failed:
        done, error = failed.result, str(failed)
    gc.collect()
    me, held_mib = psutil.Process(), malloc_mib()
    return {
        "error": error,
        "result": done.to_json(),
        "late_ms": sensor.late.report(),
        "idle": {
            "threads": me.num_threads(),
            "descriptors": descriptors(me),
            "rss_mib": round(me.memory_info().rss / (1 << 20), 2),
            "malloc_mib": None if held_mib is None else round(held_mib, 3),
            "python_blocks": sys.getallocatedblocks(),
        },
    }


def main() -> None:
    frames, kept = load(Path(sys.argv[1])), []
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps(_record(Job(**json.loads(line)), frames, kept)), flush=True)


class Worker:
    """A worker process, as seen by who tells it what to record."""

    def __init__(self, frames: Path, cores: int | None = None) -> None:
        """Start it; returns when it has loaded its pictures.

        Args:
            frames: What ``draw`` made.
            cores: Number of cores that it may use; None: all.
        """
        command = [sys.executable, "-m", "benchmarks.worker", str(frames)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.process = psutil.Process(self._process.pid)
        if cores is not None and hasattr(self.process, "cpu_affinity"):
            self.process.cpu_affinity(self.process.cpu_affinity()[:cores])
        self._answer()

    def record(self, job: Job) -> dict[str, Any]:
        """Record a session and return what became of it; one that hangs is killed."""
        assert self._process.stdin is not None
        watchdog = Timer(_SLOWEST * job.frames / job.fps + _LONGEST_S, self._process.kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            self._process.stdin.write(json.dumps(asdict(job)) + "\n")
            self._process.stdin.flush()
            return self._answer()
        finally:
            watchdog.cancel()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the recorder's process ended with code {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


if __name__ == "__main__":
    main()
