"""Does the recorder hold more and more of anything? python -m benchmarks.soak --seconds 3600.

The real recorder in a process of its own is fed at SPEED times the pace of a Kinect with pictures
drawn beforehand. Memory, descriptors and threads are taken down each second and must be flat. It
records several sessions in turn; each is compared with its source's own log, item by item,
verified, and deleted, so that the disk does not fill. Drops are allowed (the machine may be busy),
losses without account are not. Prints one JSON object; exit 1 where something failed.

--leak shows that the check works: the worker then leaks a frame in 100, a descriptor or a thread
in 300.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.accounts import check_session
from benchmarks.pictures import draw
from benchmarks.samples import Sampler, Series
from benchmarks.worker import LEAKS, Job, Worker

KINECT_FPS = 30
PICTURES = 16
PERSONS = 2
SHARD_MIB = 32
SESSIONS = 3
LONGEST_SESSION_S = 120.0
ALLOWED_RSS_MIB = 8.0
ALLOWED_RSS_MIB_PER_MIN = 0.05
"""What memory may grow in a run: a little that a fit can't tell from nothing, and per minute."""
ALLOWED_COUNT = 1.0
"""Descriptors and threads by which a run may seem to grow."""
_TELL_EVERY_S = 10


@dataclass(frozen=True)
class Settings:
    """What is soaked.

    Attributes:
        seconds: Of recording, by the wall clock.
        speed: Times 30 frames a second.
        size_px: (width, height) of the pictures.
        folder: Where sessions are recorded; None: the system's temporary folder.
        leaks: What the worker is to leak.
    """

    seconds: float = 60.0
    speed: float = 4.0
    size_px: tuple[int, int] = (480, 270)
    folder: str | None = None
    leaks: tuple[str, ...] = ()

    @property
    def warm_up_s(self) -> float:
        """Seconds before memory counts: the pools fill, and the first session ends in them."""
        return min(self.session_s + 1, self.seconds / 2)

    @property
    def session_s(self) -> float:
        """Seconds of one session."""
        return min(LONGEST_SESSION_S, self.seconds / SESSIONS)


def soak(settings: Settings, say: Callable[[str], None]) -> dict[str, Any]:
    """Record sessions in turn and judge what the recorder's process held meanwhile.

    Args:
        settings: How long, how fast.
        say: Told how far it is.
    """
    answers: list[dict[str, Any]] = []
    problems: list[str] = []
    with tempfile.TemporaryDirectory(prefix="kincap-soak-", dir=settings.folder) as name:
        folder = Path(name)
        draw(folder / "frames.npz", PICTURES, PERSONS, settings.size_px)
        worker = Worker(folder / "frames.npz")
        sampler = Sampler(worker.process, lambda series: _tell(series, settings, answers, say))
        try:
            for k in range(max(1, round(settings.seconds / settings.session_s))):
                job = _job(settings, folder, k)
                sampler.during(lambda job=job: answers.append(worker.record(job)))
                problems += [f"{job.session}: {text}" for text in _check(folder, job, answers[-1])]
                shutil.rmtree(folder / job.session)
        finally:
            worker.close()
    return _report(settings, sampler.series, answers, problems)


def _job(settings: Settings, folder: Path, k: int) -> Job:
    """Return the k-th session."""
    fps = KINECT_FPS * settings.speed
    return Job(
        session=f"soak{k}",
        recordings=str(folder),
        frames=round(settings.session_s * fps),
        fps=fps,
        shard_mib=SHARD_MIB,
        log=str(folder / "handed-over"),
        leaks=settings.leaks,
    )


def _check(folder: Path, job: Job, answer: dict[str, Any]) -> list[str]:
    """Return what is wrong with a recorded session."""
    problems = [] if answer["error"] is None else [answer["error"]]
    handed_over = answer["result"]["handed_over"]
    if handed_over["color"] != job.frames:
        problems.append(f"{handed_over['color']} pictures handed over, expected {job.frames}")
    return problems + check_session(folder / job.session, Path(job.log))


def _tell(
    series: Series,
    settings: Settings,
    answers: list[dict[str, Any]],
    say: Callable[[str], None],
) -> None:
    """Say now and then how far it is."""
    if len(series.seconds) % _TELL_EVERY_S == 0:
        say(
            f"{series.seconds[-1]:.0f} of {settings.seconds:.0f} s, {len(answers)} sessions done, "
            f"{series.rss_mib[-1]:.1f} MiB, {series.descriptors[-1]:.0f} descriptors, "
            f"{series.threads[-1]:.0f} threads"
        )


def _report(
    settings: Settings, series: Series, answers: list[dict[str, Any]], problems: list[str]
) -> dict[str, Any]:
    """Judge a run."""
    counted = series.after(settings.warm_up_s)
    minutes = (counted.seconds[-1] - counted.seconds[0]) / 60 if counted.seconds else 0.0
    allowed = {
        "rss_mib": ALLOWED_RSS_MIB + ALLOWED_RSS_MIB_PER_MIN * minutes,
        "descriptors": ALLOWED_COUNT,
        "threads": ALLOWED_COUNT,
    }
    growth = {name: counted.growth(name) for name in allowed}
    reasons = [
        f"{name} grew by {growth[name]:.1f} in {minutes:.1f} min, allowed are {most:.1f}"
        for name, most in allowed.items()
        if not growth[name] <= most
    ]
    reasons += _left_behind(answers) + problems
    dropped: Counter[str] = Counter()
    for answer in answers:
        dropped.update(answer["result"]["dropped"])
    results = [answer["result"] for answer in answers]
    return {
        "schema": "kincap/benchmark/1",
        "name": "soak",
        "ok": not reasons,
        "reasons": reasons,
        "settings": asdict(settings),
        "sessions": len(answers),
        "shards": sum(result["shards"] for result in results),
        "recorded_s": round(sum(result["wall_s"] for result in results), 1),
        "handed_over": {
            name: sum(result["handed_over"][name] for result in results)
            for name in ("color", "bodies")
        },
        "dropped": dict(dropped),
        "accounting_closed": not problems,
        "samples": len(counted.seconds),
        "growth": {name: round(found, 3) for name, found in growth.items()},
        "allowed_growth": {name: round(most, 3) for name, most in allowed.items()},
        "growth_per_min": {
            name: round(found / minutes, 4) if minutes else 0.0 for name, found in growth.items()
        },
        "max": {name: round(max(getattr(series, name), default=0), 1) for name in allowed},
        "idle": [answer["idle"] for answer in answers],
        "late_ms_p99": round(max(answer["late_ms"]["p99"] for answer in answers), 2),
    }


def _left_behind(answers: list[dict[str, Any]]) -> list[str]:
    """Compare what the process holds after the last session with what it held after the first."""
    first, last = answers[0]["idle"], answers[-1]["idle"]
    return [
        f"{name}: {first[name]} after the first session, {last[name]} after the last"
        for name in ("descriptors", "threads")
        if last[name] > first[name]
    ]


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(prog="benchmarks.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=Settings.seconds)
    parser.add_argument("--speed", type=float, default=Settings.speed, help="times 30 frames/s")
    parser.add_argument("--size", type=_size, default=Settings.size_px, help="as 480x270")
    parser.add_argument("--folder", help="where to record; default: the temporary folder")
    parser.add_argument("--leak", action="append", choices=LEAKS, default=[])
    parser.add_argument("--json", action="store_true", help="no progress, the JSON object alone")
    args = parser.parse_args()
    settings = Settings(args.seconds, args.speed, args.size, args.folder, tuple(args.leak))
    began = time.monotonic()

    def say(text: str) -> None:
        if not args.json:
            print(f"[{time.monotonic() - began:6.0f} s] {text}", file=sys.stderr, flush=True)

    report = soak(settings, say)
    print(json.dumps(report))
    sys.exit(0 if report["ok"] else 1)


if __name__ == "__main__":
    main()
