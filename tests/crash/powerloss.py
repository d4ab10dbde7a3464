"""Power cuts: ``python -m tests.nightly powerloss``.

A recording is logged call by call (``disk``). The power is cut at some call, and the disk is made
again as it may be then: what was synced is there; of the rest, pages of 4 KiB are there, not there,
torn, or as they were in between, files have their new or their old size, and any of the renames
that no sync of their folder followed is undone. Some recordings are killed first and recovered by
the next one, whose power is cut; some lose the power twice, the second time while they recover.

What is promised, and checked after each cut:

- Every item whose row was written before a completed sync of its shard began is there, byte for
  byte. The recorder syncs each second, so a cut costs at most the last second plus one sync.
- A shard whose line in the manifest was synced is whole.
- No item is read that was not recorded under that number, or with other bytes.
- Every shard opens with plain h5py; the next recording works and goes on behind every number that
  a synced item has; verify names what is damaged, nothing of it synced; after ``sessions repair``
  it finds nothing any more.
"""

import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kincap.sessions.repair.kept_files import cut_off_repairs
from kincap.sessions.repair.repair import repair
from kincap.sessions.repair.verify import SessionReport, verify_session

from .disk import STYLES, Call, Disk, LoggingIO, put
from .items import (
    Items,
    Key,
    Wrong,
    acknowledged,
    check_opens,
    check_there,
    read_items,
    rows_written,
)
from .stops import MOST_FAILURES, logged, memory_folder, orders
from .tiny import NAME, record_tiny

LIVES = ("one recording", "killed and recorded", "killed and repaired", "cut while it recovers")
NEXT_FRAMES = 2


@dataclass
class Counts:
    """What was tried, and what came of it.

    Attributes:
        patterns: Power cuts.
        recovered: Those after which everything promised was there.
        acknowledged: Items acknowledged before the cuts.
        synced: Those of them that were promised.
        kept: Items that were there, promised or not.
        by_style: Cuts by what became of what was not synced.
        by_life: Cuts by what had happened before.
        by_call: Cuts by the kind of the last call.
        cut_off: Cuts between the two renames by which a repair replaces a shard.
        damage: What verify named, by kind; none of it promised.
        repaired: Cuts after which it named any, and repair found it.
        failures: What went wrong.
    """

    patterns: int = 0
    recovered: int = 0
    acknowledged: int = 0
    synced: int = 0
    kept: int = 0
    by_style: Counter[str] = field(default_factory=Counter)
    by_life: Counter[str] = field(default_factory=Counter)
    by_call: Counter[str] = field(default_factory=Counter)
    cut_off: int = 0
    damage: Counter[str] = field(default_factory=Counter)
    repaired: int = 0
    failures: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        told = {name: value for name, value in vars(self).items() if name != "failures"}
        return {
            name: dict(sorted(value.items())) if isinstance(value, Counter) else value
            for name, value in told.items()
        }


@dataclass
class Past:
    """What has happened until a power cut.

    Attributes:
        disk: The disk.
        written: Everything acknowledged so far; after a cut the number of an item that was lost may
            be given once more.
        synced: What of it has to be there whatever comes.
        sealed: Shards that have to be whole.
        torn: Shards in which an earlier cut has left damage; sealing them keeps it.
        last: The last call.
    """

    disk: Disk = field(default_factory=Disk)
    written: dict[Key, set[tuple[bytes, bytes]]] = field(default_factory=dict)
    synced: Items = field(default_factory=dict)
    sealed: set[str] = field(default_factory=set)
    torn: set[str | None] = field(default_factory=set)
    last: str = "nothing"
    _on_disk: dict[int, Items] = field(default_factory=dict)
    _in_sync: dict[int, tuple[Items, set[str]]] = field(default_factory=dict)
    _listed: set[str] = field(default_factory=set)

    def go_on(self, calls: Sequence[Call]) -> "Past":
        """Let more happen; return the past itself."""
        rows = rows_written(calls)
        for number, call in enumerate(calls):
            self.disk.apply([call])
            self.last = str(call)
            if number in rows:
                key, row, blob = rows[number]
                self.written.setdefault(key, set()).add((row, blob))
                self._on_disk.setdefault(call.inode, {})[key] = row, blob
            elif call.kind == "write" and call.path.endswith("manifest.jsonl"):
                self._listed |= set(re.findall(r'"name": "(\d{6}\.h5)"', call.data.decode()))
            elif call.kind == "sync":
                listed = self._listed if call.path.endswith("manifest.jsonl") else set()
                self._in_sync[call.size] = dict(self._on_disk.get(call.inode, {})), set(listed)
            elif call.kind == "synced":
                items, listed = self._in_sync.pop(call.size)
                self.synced |= items
                self.sealed |= listed
        return self


def run(runs: int | None = None, seed: int = 0, jobs: int = 1) -> dict[str, Any]:
    """Cut the power again and again.

    Args:
        runs: How many patterns; None: 300.
        seed: Of all that is random.
        jobs: Is not used: a pattern takes a tenth of a second.

    Returns:
        Counts.
    """
    began, rng, counts = time.monotonic(), random.Random(seed), Counts()
    with tempfile.TemporaryDirectory(prefix="kincap-power-", dir=memory_folder()) as name:
        root = Path(name, "recordings")
        logs = [logged(root, *how) for how in orders(seed)]
        for number in range(runs or 300):
            pattern = random.Random(rng.random())
            try:
                _pattern(root, number, logs, pattern, counts)
                counts.recovered += 1
            except Exception as error:
                text = f"pattern {number} of seed {seed}: {type(error).__name__}: {error}"
                counts.failures.append(text)
    return {
        "schema": "kincap/crash-powerloss/1",
        "seed": seed,
        "ok": not counts.failures,
        **counts.to_json(),
        "lost": len(counts.failures),
        "failures": counts.failures[:MOST_FAILURES],
        "seconds": round(time.monotonic() - began, 1),
    }


def _pattern(
    root: Path, number: int, logs: list[list[Call]], rng: random.Random, counts: Counts
) -> None:
    """Let a recording be cut off and check what is left of it.

    Raises:
        Exception: It can't be recovered, or something promised is not there.
    """
    life, style = LIVES[number % len(LIVES)], STYLES[number // len(LIVES) % len(STYLES)]
    counts.patterns += 1
    counts.by_life[life] += 1
    counts.by_style[style] += 1
    past = _live(root, life, rng.choice(logs), rng)
    counts.acknowledged += len(past.written)
    counts.synced += len(past.synced)
    counts.by_call[past.last.split()[0]] += 1
    try:
        _check_after(root, past, style, rng, counts)
    except Exception as error:
        raise Wrong(f"{life}, {style}, cut after {past.last!r}: {error!r}") from error


def _live(root: Path, life: str, log: list[Call], rng: random.Random) -> Past:
    """Return what happens before a power cut."""
    past = Past().go_on(log[: _moment(log, rng)])
    if life == "one recording":
        return past
    if life == "cut while it recovers":
        image, folders = past.disk.after_power_cut(rng, rng.choice(STYLES))
        # what is there now is safe
        put(root, image, folders)
        there = verify_session(root / NAME).damage if (root / NAME).is_dir() else []
        torn = {damage.shard for damage in there}
        disk = Disk.of(image, folders)
        past = Past(disk, past.written, past.synced, past.sealed, torn, past.last)
    put(root, past.disk.image(), past.disk.folders)
    io = LoggingIO(root, past.disk)
    if life == "killed and repaired" or (life == "cut while it recovers" and rng.random() < 0.5):
        if (root / NAME / "session.json").is_file():
            repair(root, NAME, io=io)
    else:
        record_tiny(root, io, frames=NEXT_FRAMES, first=50)
    return past.go_on(io.log[: _moment(io.log, rng)])


def _moment(log: list[Call], rng: random.Random) -> int:
    """Return at which call the power is cut: any, or one at which much hangs in the air."""
    nasty = [n for n, call in enumerate(log) if call.kind in ("rename", "sync", "mode", "unlink")]
    nasty += [n for n, call in enumerate(log) if call.path.endswith("manifest.jsonl")]
    if nasty and rng.random() < 0.5:
        return min(len(log), rng.choice(nasty) + rng.randint(0, 2))
    return rng.randint(0, len(log))


ALLOWED_DAMAGE = ("row", "blob", "lost", "unused", "manifest")
"""What verify may name after a cut: what was not synced, half of it there."""


def _check_after(root: Path, past: Past, style: str, rng: random.Random, counts: Counts) -> None:
    """Cut the power and check what is left.

    Raises:
        Exception: It can't be recovered, or something promised is not there.
    """
    image, folders = past.disk.after_power_cut(rng, style)
    put(root, image, folders)
    folder = root / NAME
    if folder.is_dir() and cut_off_repairs(folder):
        counts.cut_off += 1  # the shard lies there under another name, and verify says so
    elif (folder / "session.json").is_file():
        counts.kept += len(_check_items(folder, past, {}))
        _check_damage(verify_session(folder), past, counts)
    elif past.synced:
        raise Wrong("no session.json")
    io = LoggingIO(root, Disk.of(image, folders))
    if rng.random() < 0.3 and (folder / "session.json").is_file():
        repair(root, NAME, io=io)
    record_tiny(root, io, frames=NEXT_FRAMES, first=100, report=False)
    new = acknowledged(io.log)
    for stream in ("color", "bodies"):
        before = [seq for of, seq in past.synced if of == stream]
        after = [seq for of, seq in new if of == stream]
        if len(after) != NEXT_FRAMES or min(after) <= max(before, default=-1):
            raise Wrong(f"{stream}: {after} acknowledged after {before}")
    _check_items(folder, past, new)
    if not repair(root, NAME, io=io).after.ok:
        raise Wrong("repair leaves damage")
    _check_items(folder, past, new)
    report = verify_session(folder)
    if report.damage or not report.sealed:
        raise Wrong(f"verify after repair: {report.damage or 'not sealed'}")


def _check_items(folder: Path, past: Past, new: Items) -> Items:
    """Check what can be read: all that is promised, and nothing that was never recorded.

    Raises:
        Wrong: It is not so.
    """
    check_opens(folder)
    found = read_items(folder, may_lack_pictures=True)
    check_there({**past.synced, **new}, found)
    for key, item in found.items():
        if key not in new and item not in past.written.get(key, ()):
            raise Wrong(f"{key} was never recorded so")
    return found


def _check_damage(report: SessionReport, past: Past, counts: Counts) -> None:
    """Check that what verify names was never promised.

    Raises:
        Wrong: It was.
    """
    whole = past.sealed - past.torn
    for damage in report.damage:
        counts.damage[damage.kind] += 1
        # items that are lost are named with the shard beside them
        promised = damage.kind != "lost" and damage.shard in whole
        promised |= (damage.stream, damage.seq) in past.synced
        if promised or damage.kind not in ALLOWED_DAMAGE:
            raise Wrong(f"verify: {damage}")
    counts.repaired += bool(report.damage)
