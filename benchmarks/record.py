"""The record pipeline at the pace of a Kinect: python -m benchmarks.record [--seconds 60].

1080p frames with six people and their body rows, drawn beforehand, go at 30 frames a second through
the real ``record`` in a process of its own, on two cores. Goals: nothing dropped, from the
sensor's hand-over until the row is written p95 <= 33 ms, blob and row written p99 <= 5 ms, memory
flat. Prints one JSON object. What a loaded machine gives says little about the recorder: then
``noisy`` says so, and only that the accounting closes is judged. Exit 1 where a goal was missed on
a quiet machine, or where an item is unaccounted for.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.accounts import check_session
from benchmarks.pictures import draw
from benchmarks.samples import Sampler, Series
from benchmarks.worker import Job, Worker

FPS = 30.0
SIZE_PX = (1920, 1080)
PERSONS = 6
PICTURES = 60
CORES = 2
SHARD_MIB = 512
WARM_UP_S = 10.0
GOAL_DISK_P95_MS = 33.0
GOAL_APPEND_P99_MS = 5.0
GOAL_MIB_PER_MIN = 1.0
QUIET_CORES = 0.15
"""Cores that others may use, and the hypervisor take, on a quiet machine."""
QUIET_LATE_P99_MS = 2.0
"""Longest delay of the source's own thread there."""


@dataclass(frozen=True)
class Load:
    """Processor time up to a moment, seconds.

    Attributes:
        at: ``time.monotonic()``.
        busy: All cores, all processes.
        stolen: Taken by the hypervisor.
        worker: The recorder's process.
        parent: This process.
    """

    at: float
    busy: float
    stolen: float
    worker: float
    parent: float


def look(worker: psutil.Process) -> Load:
    """Look at what the processor has done until now."""
    times = psutil.cpu_times()
    waiting = times.idle + getattr(times, "iowait", 0.0)
    stolen = getattr(times, "steal", 0.0)
    theirs, mine = worker.cpu_times(), psutil.Process().cpu_times()
    return Load(
        at=time.monotonic(),
        busy=sum(times) - waiting - stolen - getattr(times, "guest", 0.0),
        stolen=stolen,
        worker=theirs.user + theirs.system,
        parent=mine.user + mine.system,
    )


def record_paced(
    seconds: float, pictures: int, folder: str | None, say: Callable[[str], None]
) -> dict[str, Any]:
    """Record for some seconds and judge.

    Args:
        seconds: How long.
        pictures: How many are drawn; they come again and again.
        folder: Where the session is recorded; None: the system's temporary folder.
        say: Told how far it is.
    """
    with tempfile.TemporaryDirectory(prefix="kincap-record-", dir=folder) as name:
        here = Path(name)
        say(f"drawing {pictures} frames with {PERSONS} people")
        draw(here / "frames.npz", pictures, PERSONS, SIZE_PX)
        frames = round(seconds * FPS)
        job = Job("bench", name, frames, FPS, SHARD_MIB, str(here / "handed-over"))
        worker = Worker(here / "frames.npz", CORES)
        sampler = Sampler(worker.process, lambda series: _tell(series, seconds, say))
        answers: list[dict[str, Any]] = []
        try:
            before = look(worker.process)
            sampler.during(lambda: answers.append(worker.record(job)))
            after = look(worker.process)
        finally:
            worker.close()
        problems = check_session(here / job.session, Path(job.log))
        shutil.rmtree(here / job.session)
    return report(answers[0], problems, sampler.series, before, after)


def report(
    answer: dict[str, Any], problems: list[str], series: Series, before: Load, after: Load
) -> dict[str, Any]:
    """Judge a run.

    Args:
        answer: The worker's.
        problems: What does not add up in the session.
        series: The worker's memory, second by second.
        before: The processor's work before it.
        after: And after it.
    """
    result, wall_s = answer["result"], after.at - before.at
    timing = result["timing_ms"]
    counted = series.after(WARM_UP_S)
    slope = counted.per_min("rss_mib")
    mine = after.worker - before.worker + after.parent - before.parent
    machine = {
        "cores": os.cpu_count(),
        "others_cores": round((after.busy - before.busy - mine) / wall_s, 3),
        "stolen_cores": round((after.stolen - before.stolen) / wall_s, 3),
        "load_average": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "source_late_ms": {key: round(ms, 3) for key, ms in answer["late_ms"].items()},
    }
    noisy = (
        machine["others_cores"] + machine["stolen_cores"] > QUIET_CORES
        or answer["late_ms"]["p99"] > QUIET_LATE_P99_MS
    )
    missed = _missed(result["dropped"], timing, slope)
    reasons = [*problems, *filter(None, [answer["error"]])]
    return {
        "schema": "kincap/benchmark/1",
        "name": "record",
        "ok": not reasons and (noisy or not missed),
        "reasons": reasons,
        "goals_missed": missed,
        "noisy": noisy,
        "machine": machine,
        "accounting_closed": not problems,
        "handed_over": result["handed_over"],
        "stored": {"color": result["color_frames"], "bodies": result["body_frames"]},
        "dropped": result["dropped"],
        "fps": round(result["color_frames"] / result["wall_s"], 2),
        "mb_per_s": round(result["color_bytes"] / result["wall_s"] / 1e6, 2),
        "timing_ms": {
            name: {key: round(ms, 3) for key, ms in values.items()}
            for name, values in timing.items()
        },
        "rss_mib_per_min": round(slope, 3),
        "rss_mib_max": round(max(series.rss_mib, default=0.0), 1),
        "cpu_cores": round((after.worker - before.worker) / wall_s, 3),
        "goals": {
            "dropped": 0,
            "sensor_to_disk_p95_ms": GOAL_DISK_P95_MS,
            "append_p99_ms": GOAL_APPEND_P99_MS,
            "rss_mib_per_min": GOAL_MIB_PER_MIN,
        },
    }


def _missed(
    dropped: dict[str, int], timing: dict[str, dict[str, float]], slope: float
) -> list[str]:
    """Return the goals that were missed, one line each."""
    disk, append = timing["sensor_to_disk"]["p95"], timing["append"]["p99"]
    found = {
        f"{sum(dropped.values())} items dropped": not dropped,
        f"sensor to disk: p95 {disk:.1f} ms": disk <= GOAL_DISK_P95_MS,
        f"append: p99 {append:.1f} ms": append <= GOAL_APPEND_P99_MS,
        f"memory grows by {slope:.2f} MiB/min": slope < GOAL_MIB_PER_MIN,
    }
    return [text for text, reached in found.items() if not reached]


def _tell(series: Series, seconds: float, say: Callable[[str], None]) -> None:
    """Say now and then how far it is."""
    if len(series.seconds) % 10 == 0:
        say(f"{series.seconds[-1]:.0f} of {seconds:.0f} s, {series.rss_mib[-1]:.0f} MiB")


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(prog="benchmarks.record", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--pictures", type=int, default=PICTURES, help="how many are drawn")
    parser.add_argument("--folder", help="where to record; default: the temporary folder")
    parser.add_argument("--json", action="store_true", help="no progress, the JSON object alone")
    args = parser.parse_args()

    def say(text: str) -> None:
        if not args.json:
            print(text, file=sys.stderr, flush=True)

    done = record_paced(args.seconds, args.pictures, args.folder, say)
    if done["noisy"] and not args.json:
        print(f"machine too noisy for its figures to mean much: {done['machine']}", file=sys.stderr)
    print(json.dumps(done))
    sys.exit(0 if done["ok"] else 1)


if __name__ == "__main__":
    main()
