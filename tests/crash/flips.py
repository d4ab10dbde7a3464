"""Flips, cuts and lost pages: each is found by verify or harmless, never silent, and nothing dies.

Every part of every file of two small sessions takes its turn. A damaged copy is verified, listed,
shown, reviewed, played, built from, repaired and verified again, in worker processes that may die.
"""

import json
import random
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import Any

import numpy as np

from kincap.report.quality import make_quality, save_quality
from kincap.sessions.edits.journal import add_edit
from kincap.sessions.schema import Stream, empty_body_row, pack_index_row
from kincap.sessions.session_file import save_session
from kincap.sessions.shard.layout import cut_layout
from kincap.sessions.shard.sealing import finish, seal
from kincap.sessions.shard.shard_writer import ShardWriter

from ..sessions.repair.conftest import SIZE, Tape, jpeg_of
from .damage import Place, draw, regions
from .recorder import ROOT

OUTCOMES = ("found", "harmless", "as_cut_off", "silent", "broken", "died")
PROBLEMS = ("wrong", "misnamed", "lost", "unrepaired", "unusable")
MUST_BE_ZERO = ("silent", "broken", "died", *PROBLEMS)
ANSWER_MAY_TAKE_S = 120


class SmallTape(Tape):
    """Writes sessions of small shards, with a person in each row whom a data set can take."""

    def __post_init__(self) -> None:
        super().__post_init__()
        rows = {"color_index": 64, "bodies": 16, "events": 32, "blobs": 200_000}
        self.layout = cut_layout(self.info.uuid, self.info.created_utc, rows)
        self.info.layouts.clear()
        self.info.add_layout(self.layout)
        save_session(self.folder, self.info, self.io)

    def color(self, writer: ShardWriter, count: int) -> None:
        """Append colour frames, one a second."""
        for seq in self._next(Stream.color, count):
            row = pack_index_row(seq, 0, seq * 10_000_000, seq * 1_000_000_000)
            writer.append("color_index", row, jpeg_of(seq))

    def bodies(self, writer: ShardWriter, count: int) -> None:
        """Append body rows, one a second."""
        for seq in self._next(Stream.bodies, count):
            row = empty_body_row()
            row["seq"] = seq
            row["time_device"], row["time_host"] = seq * 10_000_000, seq * 1_000_000_000
            row["tracked"][0, 2], row["tracking_id"][0, 2] = 1, 72057594037927936
            row["joint_state"][0, 2] = 2
            spots = np.random.default_rng(seq).uniform(0.3, 0.7, (25, 2))
            row["joint_color_px"][0, 2] = spots * SIZE
            row["joint_xyz_m"][0, 2] = (0.0, 0.0, 2.5)
            writer.append("bodies", row)


def make_sessions(folder: Path) -> dict[str, Path]:
    """Make the whole sessions: one with a shard that a kill left, one that was ended cleanly."""
    left, ended = SmallTape(folder / "left"), SmallTape(folder / "ended")
    for tape in (left, ended):
        seal(tape.folder, tape.fill(6).path.name, tape.layout, tape.io)
        finish(tape.folder, tape.fill(5).path.name, tape.layout, tape.io)
        add_edit(tape.folder, "reject", 4, 6, "blurred")
        add_edit(tape.folder, "keep", 5, 5)
    left.fill(6)
    for tape in (left, ended):
        save_quality(tape.folder, make_quality(tape.folder))
    holder = {"pid": 4242, "host": "pc", "command": "kincap record", "since": "2026-01-01"}
    (left.folder / "lock.json").write_text(json.dumps(holder))
    return {"left": left.folder, "ended": ended.folder}


class _Worker:
    """A process that tries places; a new one takes the place of one that died."""

    def __init__(self, folder: Path, number: int) -> None:
        self.words = [sys.executable, "-m", "tests.crash.flips_worker", str(folder)]
        self.words.append(str(folder / f"scratch{number}"))
        self.process: subprocess.Popen[str] | None = None

    def ask(self, number: int, place: Place, look_every: int) -> dict[str, Any]:
        """Return what came of a place; ``died`` where the process did, or never answered."""
        if self.process is None:
            self.process = subprocess.Popen(
                self.words, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )  # fmt: skip
            threading.Thread(target=self._drain, args=(self.process,), daemon=True).start()
        process = self.process
        assert process.stdin is not None
        assert process.stdout is not None
        watchdog = threading.Timer(ANSWER_MAY_TAKE_S, process.kill)
        watchdog.start()
        try:
            asked = {"number": number, "place": place.to_json(), "look_every": look_every}
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            watchdog.cancel()
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        code, said, self.process = process.wait(), self.said, None
        problem = f"died: exit {code}: {said[-500:]}"
        return {"number": number, "outcome": "died", "problems": [problem]}

    def _drain(self, process: subprocess.Popen[str]) -> None:
        """Keep the end of what a worker says on stderr."""
        self.said = ""
        assert process.stderr is not None
        for line in process.stderr:
            self.said = (self.said + line)[-2000:]

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.communicate()


def run(
    runs: int,
    seed: int = 20,
    jobs: int = 2,
    *,
    look_every: int = 1,
    tell: Callable[[str, dict[str, Any]], None] = lambda _text, _counts: None,
) -> dict[str, Any]:
    """Damage sessions in many places.

    Args:
        runs: In how many.
        seed: Of the places.
        jobs: Processes.
        look_every: At which of them every command and the review page look; verify, repair and
            the reader look at all.
        tell: Told how far it is, and the counts so far.

    Returns:
        Counts; those named in MUST_BE_ZERO have to be.
    """
    folder = Path(tempfile.mkdtemp(prefix="kincap-flips-"))
    rng = random.Random(seed)
    whole = make_sessions(folder / "whole")
    parts = {name: list(regions(path)) for name, path in whole.items()}
    places = [draw(rng, whole, parts, number) for number in range(runs)]
    workers: Queue[_Worker] = Queue()
    for number in range(jobs):
        workers.put(_Worker(folder, number))

    def one(number: int) -> dict[str, Any]:
        worker = workers.get()
        try:
            return worker.ask(number, places[number], look_every)
        finally:
            workers.put(worker)

    def answers() -> Iterator[dict[str, Any]]:
        with ThreadPoolExecutor(jobs) as pool:
            yield from pool.map(one, range(runs))

    counts = _count(places, answers(), seed, tell)
    while not workers.empty():
        workers.get().close()
    shutil.rmtree(folder)
    return counts


def _count(
    places: list[Place],
    answers: Iterator[dict[str, Any]],
    seed: int,
    tell: Callable[[str, dict[str, Any]], None],
) -> dict[str, Any]:
    """Sum up what the workers answer."""
    total: Counter[str] = Counter()
    by_how: Counter[str] = Counter()
    by_region: dict[str, Counter[str]] = {}
    failures: list[str] = []
    counts: dict[str, Any] = {}
    for answer in answers:
        place, outcome = places[answer["number"]], answer["outcome"]
        total.update(["runs", outcome, *{p.partition(":")[0] for p in answer["problems"]}])
        by_how[place.how] += 1
        by_region.setdefault(place.region, Counter())[outcome] += 1
        problems = answer["problems"] or (["silent: verify is content"] * (outcome == "silent"))
        failures += [f"{problem}; seed {seed}, {place}" for problem in problems]
        counts = {
            **{name: total[name] for name in ("runs", *OUTCOMES, *PROBLEMS)},
            "by_how": dict(sorted(by_how.items())),
            "by_region": {name: dict(of) for name, of in sorted(by_region.items())},
            "failures": failures,
        }
        if total["runs"] % 50 == 0:
            tell(f"{total['runs']} of {len(places)}, {len(failures)} failures", counts)
    return counts
