"""A stop after every single change of the disk: ``python -m tests.nightly stops``.

A recording of 12 frames is logged call by call (``disk``). The disk is then made again as it was
after each call (and in the middle of each write), which is what a killed process leaves: what it
had written lies in the system's memory, synced or not. From each such state a next recording, and
a repair, must find everything that was acknowledged, and both are stopped after each of their own
calls in turn.

The recorder's threads may take turns in many orders. Each logged order is one that can happen, and
each of its calls is stopped at; three recordings with different pauses of the device give three:
syncs, keeper and writer by turns, the keeper always ahead of the writer, the writer always ahead.
"""

import hashlib
import os
import random
import re
import shutil
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from kincap.capture.clock import Clock
from kincap.sessions.repair.repair import repair
from kincap.sessions.repair.verify import verify_session

from .disk import PAGE, Call, Disk, Image, LoggingIO, put
from .items import (
    Items,
    Wrong,
    acknowledged,
    check_opens,
    check_there,
    read_items,
    rows_written,
)
from .tiny import FRAMES, NAME, HurriedClock, record_tiny

MOST_FAILURES = 20
MOST_WAITING = 8
NEXT_FRAMES = 2


@dataclass
class Counts:
    """What was tried, and what came of it.

    Attributes:
        stops: How many stops there were.
        same: How many of them left the same state as one before (a sync changes nothing that a
            killed process leaves): recovered once for all.
        recoveries: How many recoveries were tried.
        recovered: How many of them found everything.
        acknowledged: Acknowledged items that they had to find, all together.
        by_call: Stops by the kind of call after which (or inside which) they fell.
        failures: What went wrong.
    """

    stops: int = 0
    same: int = 0
    recoveries: int = 0
    recovered: int = 0
    acknowledged: int = 0
    by_call: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, other: "Counts") -> None:
        """Add what another part of the work counted."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def is_new(self, state: "State", seen: set[str]) -> bool:
        """Count a stop; say whether its state differs from all that were seen."""
        self.stops += 1
        self.by_call[state.kind] += 1
        key = state.key()
        self.same += key in seen
        is_new = key not in seen
        seen.add(key)
        return is_new

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        told = {name: value for name, value in vars(self).items() if name != "failures"}
        return {**told, "by_call": dict(sorted(self.by_call.items())), "lost": len(self.failures)}


@dataclass(frozen=True)
class State:
    """A folder after a stop.

    Attributes:
        image: Its files.
        folders: Its folders.
        known: What was acknowledged before.
        after: The call that was the last, or the write that was cut off.
    """

    image: Image
    folders: frozenset[str]
    known: Items
    after: str

    def key(self) -> str:
        """Return the same text for the same state."""
        total = hashlib.sha256()
        for path, (content, mode) in sorted(self.image.items()):
            total.update(f"{path} {mode} {len(content)} ".encode() + content)
        return total.hexdigest() + str(sorted(self.folders)) + str(sorted(self.known))

    @property
    def kind(self) -> str:
        """The kind of the call."""
        return self.after.replace("half of ", "inside_").split()[0]


def states(start: State, calls: Sequence[Call]) -> Iterator[State]:
    """Yield the disk after each call, and in the middle of each write.

    Args:
        start: What there was before.
        calls: What happens to it.
    """
    disk, rows = Disk.of(start.image, start.folders), rows_written(calls)
    known = dict(start.known)
    for number, call in enumerate(calls):
        if call.kind == "write" and len(call.data) > 1:
            # a write into the page cache can be cut off between two pages
            at = PAGE - call.offset % PAGE
            part = call.data[: at if at < len(call.data) else len(call.data) // 2]
            image = disk.image()
            content, mode = image[call.path]
            torn = bytearray(content)
            torn[call.offset : call.offset + len(part)] = part
            image[call.path] = bytes(torn), mode
            yield State(image, frozenset(disk.folders), dict(known), f"half of {call}")
        disk.apply([call])
        if number in rows:
            key, row, blob = rows[number]
            known[key] = row, blob
        yield State(disk.image(), frozenset(disk.folders), dict(known), str(call))


def check_left(folder: Path, known: Items) -> None:
    """Check what a stop left, before anything recovers it.

    Raises:
        Wrong: Something acknowledged is not there, or verify calls damage what is none.
    """
    check_opens(folder)
    if (folder / "session.json").is_file():
        check_there(known, read_items(folder))
        damage = verify_session(folder).damage
        if damage:
            raise Wrong(f"verify before recovery: {damage}")
    elif known:
        raise Wrong("no session.json")


def by_record(root: Path, state: State) -> list[Call]:
    """Recover by a next recording; return what it did to the disk.

    Raises:
        Exception: It can't, or something is lost, or stored or acknowledged twice.
    """
    put(root, state.image, state.folders)
    disk = Disk.of(state.image, state.folders)
    folder, io = root / NAME, LoggingIO(root, disk)
    check_left(folder, state.known)
    record_tiny(root, io, frames=NEXT_FRAMES, first=100, report=False)
    new = acknowledged(io.log)
    for stream in ("color", "bodies"):
        before = [seq for of, seq in state.known if of == stream]
        after = [seq for of, seq in new if of == stream]
        if len(after) != NEXT_FRAMES or min(after) <= max(before, default=-1):
            raise Wrong(f"{stream}: {after} acknowledged after {before}")
    check_whole(folder, {**state.known, **new})
    check_log(root, disk.apply(io.log).image())
    return io.log


def by_repair(root: Path, state: State) -> list[Call]:
    """Recover by ``sessions repair``; return what it did to the disk.

    Raises:
        Exception: It can't, or something is lost.
    """
    put(root, state.image, state.folders)
    disk = Disk.of(state.image, state.folders)
    folder, io = root / NAME, LoggingIO(root, disk)
    check_left(folder, state.known)
    if not (folder / "session.json").is_file() and not any(folder.glob("*.h5*")):
        return []  # no session has begun
    if not repair(root, NAME, io=io).after.ok:
        raise Wrong("repair leaves damage")
    check_whole(folder, state.known)
    check_log(root, disk.apply(io.log).image())
    return io.log


def check_whole(folder: Path, known: Items) -> None:
    """Check that a session is sealed, verifies, and holds all that is known.

    Raises:
        Wrong: It does not.
    """
    check_opens(folder)
    check_there(known, read_items(folder))
    report = verify_session(folder)
    if report.damage or not report.sealed:
        raise Wrong(f"verify: {report.damage or 'not sealed'}")
    left = [path.name for path in folder.iterdir() if path.suffix in (".new", ".tmp")]
    if left:
        raise Wrong(f"left over: {left}")


WAYS: dict[str, Callable[[Path, State], list[Call]]] = {"record": by_record, "repair": by_repair}


def _try(root: Path, way: str, state: State, counts: Counts, before: str = "") -> list[Call]:
    """Recover in one way and count how that went; return what it did to the disk."""
    counts.recoveries += 1
    counts.acknowledged += len(state.known)
    try:
        calls = WAYS[way](root, state)
    except Exception as error:
        text = f"{before}stopped after {state.after!r}, {way}: {type(error).__name__}: {error}"
        counts.failures.append(text)
        return []
    counts.recovered += 1
    return calls


def logged(
    root: Path, pause: Callable[[], None] | None = None, clock: Clock | None = None
) -> list[Call]:
    """Record 12 frames and return what that did to the disk.

    Raises:
        Wrong: The log does not say all that happened.
    """
    put(root, {}, ())
    io = LoggingIO(root)
    record_tiny(root, io, pause=pause, clock=clock)
    if len(acknowledged(io.log)) != 2 * FRAMES:
        raise Wrong("not every item was acknowledged")
    check_log(root, Disk().apply(io.log).image())
    return io.log


def check_log(root: Path, image: Image) -> None:
    """Check that a folder holds what its log says.

    Raises:
        Wrong: Something changed the disk without the log.
    """
    there = {
        str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mode & 0o777)
        for path in root.rglob("*")
        if path.is_file() and path.name != "lock"
    }
    if there != image:
        names = sorted(name for name in there | image if there.get(name) != image.get(name))
        raise Wrong(f"the log says something else about {names}")


def orders(seed: int) -> list[tuple[Callable[[], None] | None, Clock | None]]:
    """Return the device's pauses and the clock: syncs between the frames, keeper first, last."""
    rng = random.Random(seed)
    return [
        (lambda: time.sleep(rng.choice((0, 0.001, 0.004))), HurriedClock(500)),
        (lambda: time.sleep(0.1), None),
        (None, None),
    ]


def run(
    runs: int | None = None,
    seed: int = 0,
    jobs: int = 1,
    *,
    recordings: int = 3,
    recoveries: int | None = None,
) -> dict[str, Any]:
    """Stop recordings at every call, and their recoveries at every one of theirs.

    Args:
        runs: How often; None: once.
        seed: Of the device's pauses, and of which recoveries are stopped where not all are.
        jobs: How many processes share the work.
        recordings: How many orders of calls are recorded, 1 to 3.
        recoveries: About how many recoveries are stopped, those after different kinds of stops
            first; None: all.

    Returns:
        Counts; ``first`` of stopped recordings, ``second`` of stopped recoveries.
    """
    began = time.monotonic()
    first, second, calls = Counts(), Counts(), 0
    with tempfile.TemporaryDirectory(prefix="kincap-stops-", dir=memory_folder()) as name:
        root = Path(name, "recordings")
        for turn in range(runs or 1):
            logs = [logged(root, *how) for how in orders(seed + turn)[:recordings]]
            calls += sum(map(len, logs))
            wanted = _choose(logs, recoveries, seed + turn)
            with _pool(jobs) as pool:
                for one, more in _each(pool, _stop, _new_states(Path(name), logs, wanted, first)):
                    first.add(one)
                    second.add(more)
    failures = first.failures + second.failures
    return {
        "schema": "kincap/crash-stops/1",
        "seed": seed,
        "ok": not failures,
        "recordings": recordings * (runs or 1),
        "calls": calls,
        "first": first.to_json(),
        "second": second.to_json(),
        "lost": len(failures),
        "failures": failures[:MOST_FAILURES],
        "seconds": round(time.monotonic() - began, 1),
    }


def memory_folder() -> str | None:
    """Return a folder in memory where the system has one: nothing here has to outlive anything."""
    folder = Path("/dev/shm")
    return str(folder) if folder.is_dir() else None


@contextmanager
def _pool(jobs: int) -> Iterator[Executor | None]:
    """Return processes to share the work; None: this one does it alone."""
    if jobs == 1:
        yield None
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        yield pool


def _each(
    pool: Executor | None, work: Callable[["Job"], tuple[Counts, Counts]], jobs: Iterator["Job"]
) -> Iterator[tuple[Counts, Counts]]:
    """Yield what comes of each job; few of them wait at a time, each holds a folder's content."""
    if pool is None:
        yield from map(work, jobs)
        return
    waiting: deque[Future[tuple[Counts, Counts]]] = deque()
    for job in jobs:
        waiting.append(pool.submit(work, job))
        if len(waiting) > MOST_WAITING:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@dataclass(frozen=True)
class Job:
    """A stopped recording to recover.

    Attributes:
        folder: Where to do that.
        state: What the stop left.
        stop: Ways of recovery that are stopped at each of their calls.
    """

    folder: Path
    state: State
    stop: tuple[str, ...]


def _new_states(
    folder: Path, logs: list[list[Call]], wanted: set[tuple[int, str]], counts: Counts
) -> Iterator[Job]:
    """Yield every state that a stop of the recordings leaves, once."""
    seen: set[str] = set()
    number = 0
    for log in logs:
        for state in states(State({}, frozenset(), {}, "nothing"), log):
            if counts.is_new(state, seen):
                yield Job(folder, state, tuple(way for way in WAYS if (number, way) in wanted))
                number += 1


def _choose(logs: list[list[Call]], recoveries: int | None, seed: int) -> set[tuple[int, str]]:
    """Return which recoveries are stopped: number of the state, and way."""
    kinds: Counter[str] = Counter()
    order = []
    jobs = list(_new_states(Path(), logs, set(), Counts()))
    numbers = list(range(len(jobs)))
    random.Random(seed).shuffle(numbers)
    for number in numbers:
        for way in WAYS:
            # one of each kind first
            kind = f"{way} {re.sub('[0-9]+', '', jobs[number].state.after)}"
            order.append((kinds[kind], number, way))
            kinds[kind] += 1
    order.sort(key=lambda one: one[0])
    return {(number, way) for _, number, way in order[:recoveries]}


def _stop(job: Job) -> tuple[Counts, Counts]:
    """Recover from a stop in each way; stop some of these recoveries at each of their calls."""
    first, second = Counts(), Counts()
    root = job.folder / f"recordings{os.getpid()}"
    for way in WAYS:
        calls = _try(root, way, job.state, first)
        if way in job.stop:
            _stop_recovery(root, way, job.state, calls, second)
    shutil.rmtree(root, ignore_errors=True)
    return first, second


def _stop_recovery(root: Path, way: str, start: State, calls: list[Call], counts: Counts) -> None:
    """Stop a recovery at each of its calls and recover from that."""
    seen = {start.key()}
    for number, state in enumerate(states(start, calls)):
        if counts.is_new(state, seen):
            # in turns: a repair that was stopped is followed by a recording too, and so on
            then = ("record", "repair")[(number + (way == "repair")) % 2]
            _try(root, then, state, counts, f"stopped after {start.after!r}, {way} then ")
