"""After a power cut everything that was synced is there, and nothing that was never recorded."""

import itertools
import json
import random
import time
from pathlib import Path

import pytest

from kincap.core.files.file_io import FileIO
from kincap.sessions.manifest import read_manifest
from kincap.sessions.repair.verify import verify_session
from kincap.sessions.shard.recovery import recover

from .disk import STYLES, Call, Disk, LoggingIO, put
from .items import Key, Wrong, acknowledged, check_there, read_items
from .powerloss import LIVES, Past, run
from .stops import logged
from .tiny import FRAMES, NAME, HurriedClock, record_tiny


@pytest.mark.timeout(900)  # long on a loaded machine alone
def test_100_power_cuts_lose_nothing_that_was_synced() -> None:
    counts = run(100, seed=5)
    print(json.dumps(counts))
    assert counts["failures"] == []
    assert counts["recovered"] == counts["patterns"] == 100
    assert counts["by_style"].keys() == set(STYLES)
    assert counts["by_life"].keys() == set(LIVES)
    # it is not all or nothing: much was synced, and of the rest much was lost
    assert 160 < counts["synced"] < counts["kept"] < counts["acknowledged"]
    assert counts["repaired"] > 3


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the folder of all sessions."""
    return tmp_path / "recordings"


def until(log: list[Call], kind: str, name: str) -> list[Call]:
    """Return a log up to its first call of a kind about a file, that call included."""
    number = next(n for n, c in enumerate(log) if c.kind == kind and c.path.endswith(name))
    return log[: number + 1]


def test_the_manifest_keeps_its_name_once_a_shard_counts_as_sealed(root: Path) -> None:
    disk = Disk().apply(until(logged(root), "mode", ".h5"))
    image, _ = disk.after_power_cut(random.Random(0), "all lost")
    assert "s1/manifest.jsonl" in image


@pytest.mark.parametrize("frames", [FRAMES, 2])  # of 2 there is nothing else to recover
def test_recovery_builds_on_nothing_that_a_power_cut_would_undo(root: Path, frames: int) -> None:
    put(root, {}, ())
    first = LoggingIO(root)
    record_tiny(root, first, frames=frames)
    disk = Disk().apply(until(first.log, "write", "manifest.jsonl"))
    put(root, disk.image(), disk.folders)
    io = LoggingIO(root, disk)
    recover(root / NAME, io)
    disk.apply(io.log)
    for seed in range(6):
        put(root, *disk.after_power_cut(random.Random(seed), "all lost"))
        report = verify_session(root / NAME)
        assert report.ok, report.damage
        assert report.sealed
        assert len(read_manifest(root / NAME)) == len(report.shards)


def test_what_is_written_is_synced_while_its_shard_is_filled(root: Path) -> None:
    io, asked = LoggingIO(root), itertools.count()
    synced: list[Key] = []

    def hold_up() -> None:
        """Wait behind the first frame until something of it is synced; 20 s at most."""
        until = time.monotonic() + (20 if next(asked) else 0)
        while not synced and time.monotonic() < until:
            synced.extend(Past().go_on(list(io.log)).synced)
            time.sleep(0.01)

    record_tiny(root, io, frames=2, pause=hold_up, clock=HurriedClock(100))
    assert synced


def test_recording_after_a_repair_that_was_cut_off_gives_no_number_twice(root: Path) -> None:
    known = acknowledged(logged(root))
    folder = root / NAME
    last = max(read_manifest(folder))
    # killed between the two renames by which a repair replaces a shard
    (folder / last).rename(folder / f"{last}.damaged")
    record_tiny(root, FileIO(), frames=2, first=100)
    found = read_items(folder)
    check_there(known, found)
    assert len(found) == len(known) + 4
    assert verify_session(folder).ok


def test_the_programme_notices_a_sync_that_did_nothing(root: Path) -> None:
    log = [call for call in logged(root) if not call.path.endswith(".h5") or call.kind != "synced"]
    past = Past().go_on(log)
    assert not any(stream == "color" for stream, _ in past.synced)
    put(root, *past.disk.after_power_cut(random.Random(0), "all lost"))
    with pytest.raises(Wrong, match="lost"):
        check_there(acknowledged(log), read_items(root / NAME))
