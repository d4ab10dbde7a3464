"""Does the recorder hold more and more of anything? python -m benchmarks.soak --seconds 3600.

The real recorder in a process of its own is fed at SPEED times the pace of a Kinect with pictures
drawn beforehand. Memory, descriptors and threads are taken down each second and must be flat inside
each session; what the process holds after a session, without what its allocator keeps, must be flat
from session to session. Each session is compared with its source's own log, item by item,
verified, and deleted, so that the disk does not fill. Drops are allowed (the machine may be busy),
losses without account are not. Prints one JSON object; exit 1 where something failed.

--leak shows that the check works: the worker then leaks a picture, a descriptor or a thread at
every hundredth picture.
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
LONGEST_SESSION_S = 300.0
WARM_UP_S = 5.0
"""Seconds of each session that don't count, of short ones a quarter: the pools fill."""
ALLOWED_MIB_PER_MIN = 0.2
ALLOWED_MIB = 1.5
"""Allowed growth of memory inside sessions: a minute, and at most as an error of a short fit."""
ALLOWED_HELD = {"malloc_mib": 0.3, "python_blocks": 2000}
"""Allowed growth from after the second session to after the last: memory that malloc gave out (0.02
MiB were seen in twelve sessions; one picture is 0.5), and small blocks of Python objects."""
ALLOWED_COUNT = 1.0
"""Descriptors and threads by which a session may seem to grow."""
_TELL_EVERY_S = 10


@dataclass(frozen=True)
class Settings:
    """Settings of a soak.

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
            f"session {len(answers)}, {series.seconds[-1]:.0f} of {settings.session_s:.0f} s, "
            f"{series.rss_mib[-1]:.1f} MiB, {series.descriptors[-1]:.0f} descriptors, "
            f"{series.threads[-1]:.0f} threads"
        )


def _report(
    settings: Settings, series: Series, answers: list[dict[str, Any]], problems: list[str]
) -> dict[str, Any]:
    """Judge a run."""
    counted = series.after(min(WARM_UP_S, settings.session_s / 4))
    per_min = {name: counted.per_min(name) for name in ("rss_mib", "descriptors", "threads")}
    allowed = {
        "rss_mib": ALLOWED_MIB_PER_MIN + ALLOWED_MIB * 60 / settings.seconds,
        "descriptors": ALLOWED_COUNT * 60 / settings.session_s,
        "threads": ALLOWED_COUNT * 60 / settings.session_s,
    }
    reasons = [
        f"{name} grows by {per_min[name]:.2f} a minute inside a session, allowed are {most:.2f}"
        for name, most in allowed.items()
        if not per_min[name] <= most
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
        "per_min": {name: round(found, 4) for name, found in per_min.items()},
        "allowed_per_min": {name: round(most, 4) for name, most in allowed.items()},
        "max": {name: round(max(getattr(series, name), default=0), 1) for name in per_min},
        "held_after_each": [answer["idle"] for answer in answers],
        "late_ms_p99": round(max(answer["late_ms"]["p99"] for answer in answers), 2),
    }


def _left_behind(answers: list[dict[str, Any]]) -> list[str]:
    """Compare what the process holds after the last session with what it held after the first.

    Memory is compared with that after the second: the first fills what is kept for all.
    """
    held = [answer["idle"] for answer in answers]
    first, last = held[0], held[-1]
    reasons = [
        f"{name}: {first[name]} after the first session, {last[name]} after the last"
        for name in ("descriptors", "threads")
        if last[name] > first[name]
    ]
    second = held[min(1, len(held) - 1)]
    for name, most in ALLOWED_HELD.items():
        # not every system's malloc can be asked
        if last[name] is not None and last[name] - second[name] > most:
            reasons.append(
                f"{name}: {second[name]} after the second session, {last[name]} after the last, "
                f"allowed are {most} more"
            )
    return reasons


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
