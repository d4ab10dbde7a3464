"""Kills: SIGKILL (TerminateProcess on Windows) of a real recorder, at any moment and in any step.

Each session is killed several times, recorded into again each time, and ended cleanly. After every
kill all that was ever acknowledged has to be there with the right bytes.
"""

import itertools
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from kincap.capture.record import RecordSettings, record
from kincap.core.errors import KincapError
from kincap.core.jpeg import encode_jpeg
from kincap.core.png import encode_png
from kincap.core.units import TICK_100NS
from kincap.sessions.edits.journal import load_edits
from kincap.sessions.folders import SESSION_FILE
from kincap.sessions.manifest import read_manifest
from kincap.sessions.reader import SessionReader
from kincap.sessions.repair.verify import verify_session
from kincap.sessions.schema import STREAM_TABLE, TABLES, EventKind, Stream
from kincap.sessions.session_file import load_session

from .device import ALL_STREAMS, PICTURES, FastDevice, picture, plane, same_body
from .recorder import ROOT, STEERED, Aim, Heard, command, run_recorder

KILLS = 5
"""Kills of one session."""
STORED_FRAMES = 400
SLOW_STEPS = "sync:stall=0.03:*,rename:stall=0.03:*,reserve:stall=0.03:*"
"""A little time in each step of a shard's life, so that a kill can fall into it."""
SHARD_MIB = 8
"""The smallest there is: a shard is full after 64 frames."""


def aims(rng: random.Random) -> list[Aim]:
    """Return when a session is killed, in turn; a recovery comes only after a kill."""
    wait_s = rng.uniform(0.0, 0.1)
    early = [
        Aim(after_items=rng.randint(1, 300), wait_s=rng.uniform(0, 0.01)),
        Aim(step="save", nth=rng.randint(1, 2), wait_s=rng.uniform(0, 0.06)),
        Aim(wait_s=rng.uniform(0.2, 2.0)),
    ]
    late = [
        Aim(step="rotate", nth=rng.randint(1, 2), wait_s=rng.uniform(0, 0.005)),
        Aim(step="seal", nth=rng.randint(1, 2), wait_s=wait_s),
        Aim(step="repack", wait_s=rng.uniform(0, 0.1)),
        Aim(step="recover", wait_s=wait_s),
        Aim(after_items=rng.randint(1, 600), wait_s=rng.uniform(0, 0.01)),
    ]
    steered = Aim(step=rng.choice(tuple(STEERED.values())), nth=1, wait_s=rng.uniform(0.0, 0.15))
    later = [*rng.sample(late, KILLS - 2), steered]
    rng.shuffle(later)
    return rng.choices(early, (3, 1, 1)) + later


class Truth:
    """What the fast device gave, as it has to stand in a session."""

    def __init__(self) -> None:
        count = range(PICTURES)
        self._blobs = {
            Stream.color: [encode_jpeg(picture(k)) for k in count],
            Stream.mask: [encode_png(plane(Stream.mask, k)) for k in count],
            Stream.depth: [encode_png(plane(Stream.depth, k)) for k in count],
        }

    def problem(self, reader: SessionReader, stream: int, seq: int) -> str | None:
        """Say what is wrong with a stored item, or None: ``lost: ...`` or ``damaged: ...``."""
        at = reader.index_by_seq(Stream(stream), seq)
        if at < 0:
            return f"lost: {Stream(stream).name} {seq}"
        row = reader.rows(Stream(stream))[at]
        k, rest = divmod(int(row["time_device"]), TICK_100NS)
        try:
            if stream == Stream.bodies:
                right = same_body(row, k)
            else:
                right = reader.blob(Stream(stream), seq) == self._blobs[stream][k % PICTURES]
        except KincapError:
            right = False
        return None if right and not rest else f"damaged: {Stream(stream).name} {seq}"


@dataclass
class Tally:
    """What came out of some sessions.

    Attributes:
        counts: By name; lost, damaged, twice, unopenable and refused have to stay 0.
        inside: Kills by the step that they fell into, or steps: a shard is sealed inside of a
            recovery; ``between`` is none.
        failures: What went wrong and how to do it again.
    """

    counts: Counter[str] = field(default_factory=Counter)
    inside: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


MUST_BE_ZERO = ("lost", "damaged", "twice", "unopenable", "refused", "unverified")
COUNTED = ("runs", "killed", "acknowledged", "compared", *MUST_BE_ZERO, "recovered_shards")


def store_source(folder: Path) -> Path:
    """Record the session that is replayed, and return it."""
    settings = RecordSettings("stored", folder, shard_mib=64)
    return record(settings, sensor=FastDevice(ALL_STREAMS, frames=STORED_FRAMES)).path


class _Session:
    """One session that is killed again and again.

    Attributes:
        known: Every item that was acknowledged until now.
    """

    def __init__(
        self, folder: Path, stored: Path, fps: float, truth: Truth, seed: str, tally: Tally
    ) -> None:
        self.folder, self.stored, self.fps = folder, stored, fps
        self.truth, self.seed, self.tally = truth, seed, tally
        self.known: set[tuple[int, int]] = set()
        self.rng = random.Random(seed)
        self.turn = 0

    def run(self) -> None:
        """Kill it, look, kill it again, and at last end it cleanly."""
        for aim in aims(self.rng):
            self.turn += 1
            heard = self._record(aim, *(("--frames", 130) if aim.step == "repack" else ()))
            self.tally.counts["runs"] += 1
            self.tally.counts["killed"] += heard.killed
            if heard.killed:
                self.tally.inside.update(sorted(heard.inside) or ["between"])
            elif heard.code:
                self._bad("refused", f"exit {heard.code}: {heard.stderr.strip()[-300:]}")
            again = self.known.intersection(heard.items)
            if again:
                self._bad("twice", f"acknowledged again: {sorted(again)[:3]}", len(again))
            self.known.update(heard.items)
            self.tally.counts["acknowledged"] += len(heard.items)
            self._check()
        self.turn += 1
        last = self._record(None, "--frames", 40)
        self.tally.counts["acknowledged"] += len(last.items)
        self.known.update(last.items)
        if last.code:
            self._bad("refused", f"exit {last.code}: {last.stderr.strip()[-300:]}")
        self._check()
        self._check_end()

    def _record(self, aim: Aim | None, *more: object) -> Heard:
        """Run one recorder: a replay as fast as it goes, or the live device at its pace.

        What is paused, taken again and kept before a start is recorded by ``steered``.
        """
        if aim is not None and aim.step in STEERED.values():
            self.aim = f"steered, killed {aim}"
            words = [sys.executable, "-m", "tests.capture.live.steered_recorder"]
            words += ["--recordings", self.folder.parent, "--session", self.folder.name]
            return run_recorder([*words, "--frames", 2000], aim=aim, fps=self.fps, cwd=ROOT)
        live = self.rng.random() < 0.5
        self.aim = f"{'live' if live else 'replay'}, killed {aim}"
        fps = self.fps if live else None
        source = "kinect" if live else f"session:{self.stored}"
        words = ["--recordings", self.folder.parent, "--session", self.folder.name]
        words += ["--shard-mib", SHARD_MIB, "--streams", ",".join(ALL_STREAMS), *more]
        if live and not more:
            words += ["--frames", 2000]  # it ends even where a kill misses it
        # aimed at a moment, the disk is as fast as it is: most moments then lie between the steps
        faults = SLOW_STEPS if aim is None or aim.step else ""
        return run_recorder(
            [*command(source, fps), *words], aim=aim, faults=faults, fps=fps, cwd=ROOT
        )

    def _bad(self, what: str, text: str, count: int = 1) -> None:
        """Take down a failure."""
        self.tally.counts[what] += count
        where = f"seed {self.seed!r}, {self.folder}, turn {self.turn} ({self.aim})"
        self.tally.failures.append(f"{what}: {text}; {where}")

    def _check(self) -> None:
        """Compare everything that was ever acknowledged with what it has to be."""
        if not (self.folder / SESSION_FILE).is_file():
            if self.known:
                self._bad("lost", "session.json is gone", len(self.known))
            return
        for shard in sorted(self.folder.glob("*.h5")):
            try:
                with h5py.File(shard) as file:
                    for table in TABLES:
                        file[table][:]
            except (OSError, KeyError) as error:
                self._bad("unopenable", f"{shard.name}: {error}")
        try:
            with SessionReader(self.folder) as reader:
                self._compare(reader)
        except KincapError as error:
            self._bad("unopenable", str(error))

    def _compare(self, reader: SessionReader) -> None:
        """Compare the acknowledged items, and see that no number stands twice."""
        problems = [self.truth.problem(reader, *item) for item in sorted(self.known)]
        self.tally.counts["compared"] += len(problems)
        for what, found in itertools.groupby(filter(None, problems), lambda p: p.partition(":")[0]):
            bad = list(found)
            self._bad(what, bad[0].partition(": ")[2], len(bad))
        for stream in STREAM_TABLE:
            rows = reader.rows(stream)
            twice = len(rows) - len(np.unique(rows["seq"]))
            if twice:
                self._bad("twice", f"stored again: {twice} of {stream.name}", twice)
            for take in np.unique(rows["take"]):
                part = rows[rows["take"] == take]
                k = part["time_device"] // TICK_100NS - part["seq"].astype(np.int64)
                if len(np.unique(k)) > 1:
                    self._bad("damaged", f"{stream.name} of take {take}: numbers shifted")

    def _check_end(self) -> None:
        """See that the session adds up after its clean end."""
        if not (self.folder / SESSION_FILE).is_file():
            return
        report = verify_session(self.folder)
        if not report.ok or not report.sealed:
            self._bad("unverified", "; ".join(damage.what for damage in report.damage[:3]))
        with SessionReader(self.folder) as reader:
            for stream in STREAM_TABLE:
                self._check_account(reader, stream)
            asked = [event for event in reader.events if event["kind"] == EventKind.retake]
        retaken = {(int(event["seq_first"]), int(event["seq_last"])) for event in asked}
        edits = load_edits(self.folder).operations
        if retaken != {(one["seq_first"], one["seq_last"]) for one in edits}:
            self._bad("unverified", f"retakes of {sorted(retaken)}, decided otherwise")
        records = read_manifest(self.folder)
        if sorted(records) != sorted(path.name for path in self.folder.glob("*.h5*")):
            self._bad("unverified", f"lines of {sorted(records)}, other files there")
        takes = [take["take"] for take in load_session(self.folder).takes]
        if takes != sorted(set(takes)):
            self._bad("twice", f"takes {takes}")
        self.tally.counts["recovered_shards"] += sum(r.recovered for r in records.values())

    def _check_account(self, reader: SessionReader, stream: Stream) -> None:
        """See that every number is stored or covered by one drop event."""
        dropped: list[int] = []
        for event in reader.events:
            if EventKind(int(event["kind"])).covers_items and event["stream"] == stream:
                dropped += range(int(event["seq_first"]), int(event["seq_last"]) + 1)
        numbers = sorted(dropped + reader.rows(stream)["seq"].tolist())
        if numbers != list(range(len(numbers))):
            self._bad("unverified", f"{stream.name}: stored and dropped do not add up")


def run(
    runs: int,
    seed: int = 20,
    jobs: int = 2,
    *,
    speed: float = 8.0,
    folder: Path | None = None,
    tell: Callable[[str, dict[str, Any]], None] = lambda _text, _counts: None,
) -> dict[str, Any]:
    """Kill recorders.

    Args:
        runs: How many, rounded up to whole sessions of KILLS.
        seed: Of the moments; when exactly a kill strikes still depends on the machine.
        jobs: Sessions at a time.
        speed: Pace of the live device, in sensors' 30 frames a second.
        folder: Where to record; None: a temporary one, deleted unless something failed.
        tell: Told how far it is, and the counts so far.

    Returns:
        Counts; those named in MUST_BE_ZERO have to be.
    """
    place = folder or Path(tempfile.mkdtemp(prefix="kincap-kill-"))
    stored, truth = store_source(place / "sources"), Truth()
    sessions = -(-runs // KILLS)

    def one(number: int) -> Tally:
        tally = Tally()
        target = place / "recordings" / f"s{number}"
        _Session(target, stored, 30 * speed, truth, f"{seed}/{number}", tally).run()
        if not tally.failures and folder is None:
            shutil.rmtree(target)
        return tally

    total = Tally()
    with ThreadPoolExecutor(jobs) as pool:
        for done, tally in enumerate(pool.map(one, range(sessions)), start=1):
            total.counts += tally.counts
            total.inside += tally.inside
            total.failures += tally.failures
            counts = _report(total, done, speed)
            tell(f"{total.counts['killed']} killed, {done} of {sessions} sessions", counts)
    if folder is None and not total.failures:
        shutil.rmtree(place)
    return _report(total, sessions, speed)


def _report(total: Tally, sessions: int, speed: float) -> dict[str, Any]:
    """Return the counts as JSON takes them."""
    return {
        **{name: total.counts[name] for name in COUNTED},
        "inside": dict(sorted(total.inside.items())),
        "sessions": sessions,
        "speed": speed,
        "failures": total.failures,
    }
