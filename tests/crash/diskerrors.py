"""Errors of the disk: ``python -m tests.nightly diskerrors``.

Every call of each kind fails once, with ENOSPC and with EIO, alone and with all that follow it:
while a session is recorded, while another is recorded into what a kill has left, while a damaged
session is repaired, and while one is verified. Writes that the system cuts short are tried too.

Checked each time: nothing raises but one line that says what is wrong, with exit code 1; nothing
hangs; everything acknowledged is there, byte for byte; what was handed over is stored, counted as
dropped, or named by verify; and once the disk is well again the next recording works, and after a
repair verify finds nothing.

That no signal ends the process can be seen in a process of its own alone: ``KINCAP_FAULTS`` brings
some of the same faults into the real command.
"""

import contextlib
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kincap.capture.record import RecordError, RecordResult, RecordSettings, record
from kincap.core.errors import KincapError, ShardError
from kincap.core.files.fault_injection import Fault, FaultyFileIO
from kincap.core.files.file_io import FileIO
from kincap.sessions.repair.kept_files import cut_off_repairs
from kincap.sessions.repair.repair import repair
from kincap.sessions.repair.verify import verify_session
from kincap.sessions.schema import Stream
from kincap.sessions.shard.shard_reader import ShardReader

from .disk import Disk, Image, LoggingIO, put
from .items import Items, Wrong, acknowledged, check_opens, check_there, read_items
from .stops import MOST_FAILURES, State, logged, memory_folder, states
from .tiny import FRAMES, NAME, HurriedClock, record_tiny

MAY_TAKE_S = 60.0
NEXT_FRAMES = 2
ERRORS = ("enospc", "eio")
READING = ("open", "read")
"""Calls that need no room on the disk."""
FEW, MANY = 3, 12
"""Calls of a kind that fail in a sample: of kinds that matter less, and of others."""


class FailingIO(FaultyFileIO, LoggingIO):
    """Fails on request, and logs what it did do."""

    def __init__(self, faults: list[Fault], root: Path, disk: Disk | None = None) -> None:
        FaultyFileIO.__init__(self, faults)
        LoggingIO.__init__(self, root, disk)


@dataclass
class Outcome:
    """How something ended.

    Attributes:
        code: The exit code that the command would give.
        text: The line that it would print.
        result: What a recording did, where it had begun.
    """

    code: int
    text: str = ""
    result: RecordResult | None = None


Stage = Callable[[Path, FileIO], RecordResult | None]


def _record(root: Path, io: FileIO) -> RecordResult | None:
    return record_tiny(root, io, pause=lambda: time.sleep(0.001), clock=HurriedClock(500))


def _record_again(root: Path, io: FileIO) -> RecordResult | None:
    return record_tiny(root, io, frames=NEXT_FRAMES, first=50)


def _repair(root: Path, io: FileIO) -> RecordResult | None:
    repair(root, NAME, io=io)
    return None


def _verify(root: Path, io: FileIO) -> RecordResult | None:
    verify_session(root / NAME, io=io)
    return None


@dataclass
class Counts:
    """What was tried, and what came of it.

    Attributes:
        cases: Faults tried, each in a run of its own.
        struck: Those that were met.
        by_kind: Faults met, by the kind of call.
        by_stage: Faults met, by what was done meanwhile.
        by_code: Runs by exit code.
        acknowledged: Items acknowledged in spite of the faults.
        dropped: Items counted as dropped.
        named: Items that only verify could name, because no event could be written any more.
        processes: Real commands that were run with faults.
        died: Those of them that a signal ended.
        failures: What went wrong.
    """

    cases: int = 0
    struck: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)
    by_stage: Counter[str] = field(default_factory=Counter)
    by_code: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    dropped: int = 0
    named: int = 0
    processes: int = 0
    died: int = 0
    failures: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        told = {name: value for name, value in vars(self).items() if name != "failures"}
        return {
            name: dict(sorted(value.items())) if isinstance(value, Counter) else value
            for name, value in told.items()
        }


def run(
    runs: int | None = None,
    seed: int = 0,
    jobs: int = 1,
    *,
    sample: bool = False,
    processes: int = 20,
) -> dict[str, Any]:
    """Let the disk fail at every call.

    Args:
        runs: How often; None: once.
        seed: Of the choice, where not all is tried.
        jobs: Is not used: a case takes a tenth of a second.
        sample: Whether only some calls of a kind fail, and each in one way alone (once or from
            there on, ENOSPC or EIO); fewer while nothing new is recorded, or of those that read.
        processes: How many real commands are run with faults.

    Returns:
        Counts.
    """
    began, counts = time.monotonic(), Counts()
    with tempfile.TemporaryDirectory(prefix="kincap-errors-", dir=memory_folder()) as name:
        root = Path(name, "recordings")
        for turn in range(1 if runs is None else runs):
            rng = random.Random(seed + turn)
            for stage, start, work in _stages(root):
                for fault in _faults(root, stage, start, work, sample, rng):
                    _case(root, stage, start, work, fault, counts)
        record_tiny(Path(name, "stored"), FileIO())
        for fault in _some(seed, processes):
            _process(Path(name), fault, counts)
    return {
        "schema": "kincap/crash-diskerrors/1",
        "seed": seed,
        "ok": not counts.failures,
        **counts.to_json(),
        "lost": len(counts.failures),
        "failures": counts.failures[:MOST_FAILURES],
        "seconds": round(time.monotonic() - began, 1),
    }


def _stages(root: Path) -> list[tuple[str, State, Stage]]:
    """Return what is done while the disk fails: its name, what is there before, how it is done."""
    nothing = State({}, frozenset(), {}, "nothing")
    stops = list(states(nothing, logged(root)))
    left = [state for state in stops if len(state.known) == 2 * FRAMES - 4][-1]
    return [
        ("record", nothing, _record),
        ("record into what a kill left", left, _record_again),
        ("repair", damaged(left), _repair),
        ("verify", left, _verify),
    ]


def damaged(state: State) -> State:
    """Return a state in which a picture is damaged, and so is the manifest."""
    key, (_, blob) = next((key, item) for key, item in state.known.items() if item[1])
    image: Image = dict(state.image)
    for path, (content, mode) in state.image.items():
        if path.endswith(".h5") and blob in content:
            at = content.index(blob) + len(blob) // 2
            image[path] = content[:at] + bytes(20) + content[at + 20 :], mode
        if path.endswith("manifest.jsonl"):
            image[path] = content[:100] + b"??" + content[102:], mode
    known = {one: item for one, item in state.known.items() if one != key}
    return State(image, state.folders, known, "damage")


def _faults(
    root: Path, stage: str, start: State, work: Stage, sample: bool, rng: random.Random
) -> Iterator[Fault]:
    """Yield faults at the calls of each kind that a run without faults makes."""
    put(root, start.image, start.folders)
    io = FailingIO([], root, Disk.of(start.image, start.folders))
    work(root, io)
    for kind, calls in sorted(io.calls.items()):
        numbers = list(range(1, calls + 1))
        few = kind in ("open", "close", "read", "piece") or stage != "record"
        most = FEW if few else MANY
        if sample and calls > most:
            numbers = sorted(rng.sample(numbers, most))
        errors = ("short",) if kind == "piece" else ("eio",) if kind in READING else ERRORS
        for number in numbers:
            ways = [(error, end) for error in errors for end in (number, None)]
            for error, end in rng.sample(ways, 1) if sample else ways:
                yield Fault(kind, error, number, end)


def _case(root: Path, stage: str, start: State, work: Stage, fault: Fault, counts: Counts) -> None:
    """Let one call fail and check everything afterwards."""
    put(root, start.image, start.folders)
    io = FailingIO([fault], root, Disk.of(start.image, start.folders))
    counts.cases += 1
    struck = ""
    try:
        outcome = _outcome(work, root, io)
        if io.calls[fault.kind] >= fault.first:
            counts.struck += 1
            counts.by_kind[fault.kind] += 1
            counts.by_stage[stage] += 1
        else:
            struck = ", not met"
        counts.by_code[str(outcome.code)] += 1
        new = acknowledged(io.log)
        counts.acknowledged += len(new)
        _check_outcome(root, outcome, start, new)
        _check_after(root, outcome, start, new, counts)
    except Exception as error:
        many = "on" if fault.last is None else "once"
        what = f"{stage}: {fault.kind} {fault.action} at {fault.first} {many}{struck}"
        frames = traceback.extract_tb(error.__traceback__)[-6:]
        where = " > ".join(f"{Path(at.filename).name}:{at.lineno}" for at in frames)
        text = f"{what}: {type(error).__name__}: {error} ({where})"
        counts.failures.append(text)


def _outcome(work: Stage, root: Path, io: FileIO) -> Outcome:
    """Do something on a failing disk, in a thread that may be left behind.

    Raises:
        Wrong: It hangs.
        Exception: It ended in something else than a line that says what is wrong.
    """
    outcomes: list[Outcome | BaseException] = []

    def do() -> None:
        try:
            outcomes.append(Outcome(0, result=work(root, io)))
        except RecordError as error:
            outcomes.append(Outcome(error.exit_code, str(error), error.result))
        except KincapError as error:
            outcomes.append(Outcome(error.exit_code, str(error)))
        except BaseException as error:
            outcomes.append(error)

    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    thread.join(MAY_TAKE_S)
    if not outcomes:
        raise Wrong("hangs")
    if isinstance(outcomes[0], BaseException):
        raise outcomes[0]
    return outcomes[0]


def _check_outcome(root: Path, outcome: Outcome, start: State, new: Items) -> None:
    """Check what is said at the end.

    Raises:
        Wrong: It is no clear line, or the recording says something else than was done.
    """
    if outcome.code not in (0, 1) or "\n" in outcome.text:
        raise Wrong(f"exit code {outcome.code}: {outcome.text}")
    if outcome.code == 1 and not outcome.text:
        raise Wrong("fails without a word")
    result = outcome.result
    if result is not None:
        stored = result.color_frames + result.body_frames
        if stored != len(new):
            raise Wrong(f"says {stored} stored, acknowledged {len(new)}")
        if stored + sum(result.dropped.values()) != sum(result.handed_over.values()):
            raise Wrong(f"{result.handed_over} handed over, {stored} stored, {result.dropped}")
    elif new:
        raise Wrong("refuses to begin after something was acknowledged")
    elif not start.image and (root / NAME).exists():
        raise Wrong(f"a session that can't begin leaves {os.listdir(root / NAME)}")


def _check_after(root: Path, outcome: Outcome, start: State, new: Items, counts: Counts) -> None:
    """Check what is there once the disk is well again.

    Raises:
        Exception: Something is lost, or can't be recorded, repaired or verified.
    """
    folder, known = root / NAME, {**start.known, **new}
    if folder.is_dir() and cut_off_repairs(folder):
        check_opens(folder)  # the shard lies there under another name, and verify says so
    elif (folder / "session.json").is_file():
        check_opens(folder)
        check_there(known, _items(folder, start))
        _check_damage(outcome, start, folder, known, counts)
    elif known:
        raise Wrong("no session.json")
    io = LoggingIO(root, _disk_of(root))
    record_tiny(root, io, frames=NEXT_FRAMES, first=100, report=False)
    known = {**known, **acknowledged(io.log)}
    check_there(known, _items(folder, start))
    report = verify_session(folder)
    if report.damage:
        report = repair(root, NAME, io=FileIO()).after
    if report.damage or not report.sealed:
        raise Wrong(f"verify at the end: {report.damage or 'not sealed'}")
    check_there(known, _items(folder, start))


def _items(folder: Path, start: State) -> Items:
    """Return what a session holds; of one that was repaired, also what the repair has kept.

    A repair leaves out what the disk can't read, and keeps the file until it can be.
    """
    items = read_items(folder, may_lack_pictures=bool(start.image))
    if start.after != "damage":
        return items
    kept: Items = {}
    for path in (*folder.glob("*.h5.damaged*"), *folder.glob("*.h5.aside*")):
        with ShardReader(path) as shard:
            for table, stream in (("color_index", Stream.color), ("bodies", Stream.bodies)):
                for row in shard.rows(table):
                    with contextlib.suppress(ShardError):
                        blob = shard.blob(row) if stream is Stream.color else b""
                        kept[stream.name, int(row["seq"])] = row.tobytes(), blob
    return {**kept, **items}


def _disk_of(root: Path) -> Disk:
    """Return the disk that a folder is."""
    paths = [path for path in root.rglob("*") if path.is_file() and path.name != "lock"]
    image = {
        str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mode & 0o777)
        for path in paths
    }
    return Disk.of(image, {str(path.parent.relative_to(root)) for path in paths})


def _check_damage(
    outcome: Outcome, start: State, folder: Path, known: Items, counts: Counts
) -> None:
    """Check that verify finds nothing but what could not be stored and could not be said.

    Raises:
        Wrong: It does.
    """
    damage = verify_session(folder).damage
    if start.after == "damage":
        return  # a repair that was stopped: part of the damage is there still
    if damage and outcome.code == 0:
        raise Wrong(f"ended well, and verify finds {damage}")
    for one in damage:
        if one.kind != "lost" or (one.stream, one.seq) in known:
            raise Wrong(f"verify: {one}")
        counts.named += 1
    counts.dropped += sum(outcome.result.dropped.values()) if outcome.result else 0


def _some(seed: int, processes: int) -> list[Fault]:
    """Return faults for real commands: kinds and errors by turns."""
    rng = random.Random(seed)
    most = {"write": 60, "piece": 60, "sync": 6, "read": 20, "open": 6, "close": 8, "folder": 5}
    kinds = ("create", "reserve", "sync", "rename", "write", "read", "close", "open", "folder")
    faults = []
    for number in range(processes):
        kind, action = kinds[number % len(kinds)], ERRORS[number // len(kinds) % 2]
        action = "eio" if kind in READING else action
        first = rng.randint(1, most.get(kind, 4))
        faults.append(Fault(kind, action, first, rng.choice((first, None))))
    return faults


def _process(folder: Path, fault: Fault, counts: Counts) -> None:
    """Run the real command on a failing disk; look at what it leaves."""
    recordings = folder / f"process{counts.processes}"
    counts.processes += 1
    when = f"{fault.first}{'+' if fault.last is None else ''}"
    faults = f"{fault.kind}:{fault.action}:{when}"
    try:
        _check_process(recordings, folder / "stored" / NAME, faults, counts)
    except Exception as error:
        counts.failures.append(f"process with {faults}: {type(error).__name__}: {error}")


def _check_process(recordings: Path, stored: Path, faults: str, counts: Counts) -> None:
    """Check how a real command ends on a failing disk, and what is there afterwards.

    Raises:
        Wrong: It died, or said no clear line, or left something that can't be recovered.
    """
    settings = RecordSettings(NAME, recordings, f"session:{stored}", shard_mib=8, report=False)
    command = ["record", "--session", NAME, "--recordings", str(recordings)]
    done = subprocess.run(
        [sys.executable, "-m", "kincap", *command, "--source", settings.source, "--shard-mib", "8"],
        env={**os.environ, "OMP_NUM_THREADS": "1", "KINCAP_FAULTS": faults},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=MAY_TAKE_S * 2,
        check=False,
    )
    counts.died += done.returncode < 0
    counts.by_code[str(done.returncode)] += 1
    if done.returncode not in (0, 1) or "Traceback" in done.stderr:
        raise Wrong(f"exit code {done.returncode}: {done.stderr[-500:]}")
    if done.returncode == 1 and "kincap: " not in done.stderr.strip().splitlines()[-1]:
        raise Wrong(f"its last line says nothing: {done.stderr[-500:]}")
    record(settings)
    report = verify_session(recordings / NAME)
    if report.damage:
        report = repair(recordings, NAME, io=FileIO()).after
    if report.damage or not report.sealed:
        raise Wrong(f"verify at the end: {report.damage or 'not sealed'}")
