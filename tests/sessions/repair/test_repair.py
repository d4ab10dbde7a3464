"""Repair restores what a checksum proves, leaves out what it can't, and keeps all the rest."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest

from kincap.core.errors import KincapError, SessionLockedError
from kincap.core.files.fault_injection import Fault, FaultyFileIO
from kincap.core.files.file_io import FileIO
from kincap.sessions.lock import SessionLock
from kincap.sessions.manifest import read_manifest
from kincap.sessions.reader import SessionReader
from kincap.sessions.repair.repair import RepairReport, repair
from kincap.sessions.repair.verify import verify_session
from kincap.sessions.schema import EventKind, Stream
from kincap.sessions.session_file import load_session
from kincap.sessions.shard.sealing import seal


def mend(session: Path, **more: Any) -> RepairReport:
    report = repair(session.parent, session.name, **more)
    assert report.after.ok, report.after.damage
    assert report.after.sealed
    assert verify_session(session).ok
    return report


def is_kept(path: Path) -> bool:
    return ".damaged" in path.name or ".aside" in path.name


def state(session: Path) -> dict[str, bytes]:
    """Return every file that belongs to the session."""
    return {
        path.name: path.read_bytes()
        for path in session.iterdir()
        if not is_kept(path) and "lock" not in path.name
    }


def overwrite(path: Path, at: int, data: bytes) -> None:
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def place_of(session: Path, stream: Stream, seq: int) -> tuple[Path, int, int]:
    """Return shard, offset and length of an item's row (bodies) or blob (colour)."""
    with SessionReader(session) as reader:
        for shard in reader.shards:
            view = reader.shard(shard.name)
            table = "color_index" if stream is Stream.color else "bodies"
            for i, row in enumerate(view.rows(table)):
                if int(row["seq"]) != seq:
                    continue
                if stream is Stream.color:
                    at = view.layout.tables["blobs"].offset + int(row["offset"])
                    return view.path, at, int(row["length"])
                place = view.layout.tables[table]
                return view.path, place.offset + i * place.dtype.itemsize, place.dtype.itemsize
    raise LookupError(seq)


def events(session: Path, kind: EventKind) -> list[tuple[int, int, int, int]]:
    with SessionReader(session) as reader:
        rows = reader.events[reader.events["kind"] == kind]
    names = ("stream", "seq_first", "seq_last", "count")
    return [tuple(int(row[name]) for name in names) for row in rows]


@pytest.fixture
def sealed(session: Path) -> Path:
    """Return a session without anything to do."""
    mend(session)
    assert not [path for path in session.iterdir() if is_kept(path)]
    return session


def test_repair_seals_what_was_left_and_then_finds_nothing_to_do(session: Path) -> None:
    before = state(session)
    report = mend(session)
    assert report.done == ["000002.h5: sealed"]
    assert read_manifest(session)["000002.h5"].recovered
    after = state(session)
    assert {name for name in after if after[name] != before[name]} == {"manifest.jsonl"}
    assert mend(session).done == []
    assert state(session) == after


def test_a_flipped_bit_in_a_sealed_shard_is_put_back_exactly(
    sealed: Path, flip: Callable, spots: Callable
) -> None:
    random.seed(7)
    before = state(sealed)
    by_kind: dict[tuple[str, str], Any] = {}
    for spot in spots(sealed):
        by_kind.setdefault((spot.shard, spot.kind), spot)
    assert len(by_kind) >= 11
    for spot in by_kind.values():
        flip(sealed / spot.shard, spot.at, random.randrange(8))
        report = mend(sealed)
        assert report.done == [f"{spot.shard}: restored as it was, its SHA-256 holds again"]
        assert state(sealed) == before
        assert (sealed / spot.shard).stat().st_mode & 0o777 == 0o400


def test_many_flipped_bits_one_in_each_row_and_frame_are_put_back(
    sealed: Path, flip: Callable, spots: Callable
) -> None:
    random.seed(8)
    before = state(sealed)
    for spot in list(spots(sealed)):
        flip(sealed / spot.shard, spot.at, random.randrange(8))
    assert len(mend(sealed).done) == 3
    assert state(sealed) == before


@pytest.mark.parametrize("stream", [Stream.color, Stream.bodies])
@pytest.mark.parametrize("seq", [0, 2, 8, 13, 15])
def test_what_no_checksum_proves_is_left_out_and_all_else_is_kept(
    sealed: Path, content: Callable, stream: Stream, seq: int
) -> None:
    before = content(sealed)
    path, at, length = place_of(sealed, stream, seq)
    overwrite(path, at + length // 3, b"\xa5" * 40)
    report = mend(sealed)
    assert report.kept == [f"{path.name}.damaged"]
    assert f"{stream.name} {seq}" in report.done[0]
    after = content(sealed)
    assert {key: item for key, item in before.items() if key != (stream.name, seq)} == after
    assert events(sealed, EventKind.drop_damaged) == [(int(stream), seq, seq, 1)]
    assert read_manifest(sealed)[path.name].drops["drop_damaged"] == 1
    assert load_session(sealed).event_kinds["drop_damaged"] == int(EventKind.drop_damaged)
    assert mend(sealed).done == []


def test_a_flipped_bit_in_a_left_shard_costs_its_item_alone(
    session: Path, flip: Callable, spots: Callable, content: Callable, tmp_path: Path
) -> None:
    random.seed(9)
    before = content(session)
    places = [spot for spot in spots(session) if spot.shard == "000002.h5"]
    for spot in random.sample(places, 8):
        copy = Path(shutil.copytree(session, tmp_path / "copy" / session.name))
        flip(copy / spot.shard, spot.at, random.randrange(8))
        mend(copy)
        lost = before.keys() - content(copy).keys()
        assert lost == ({(spot.stream, spot.seq)} if spot.stream else set())
        assert all(before[key] == item for key, item in content(copy).items())
        shutil.rmtree(copy)


@pytest.mark.parametrize("shard", ["000000.h5", "000001.h5", "000002.h5"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.03, 0.7, 0.99999])
def test_a_shard_cut_short_keeps_what_is_in_front_of_the_cut(
    session: Path, content: Callable, shard: str, share: float
) -> None:
    before, records = content(session), read_manifest(session)
    path = session / shard
    path.chmod(0o600)
    os.truncate(path, int(path.stat().st_size * share))
    mend(session)
    after = content(session)
    assert all(before[key] == item for key, item in after.items())
    gone = before.keys() - after.keys()
    spans = records[shard].streams if shard in records else {}
    if share > 0.5 and shard != "000001.h5":
        assert not gone
    elif share == 0 and spans:
        assert len(gone) == sum(span.rows for span in spans.values())
    covered = {
        (Stream(stream).name, seq)
        for stream, first, last, _ in events(session, EventKind.drop_damaged)
        for seq in range(first, last + 1)
    }
    # what a left shard held behind the cut is known to nobody any more
    assert gone <= covered or shard == "000002.h5"


def test_zeroed_pages_cost_what_they_held(sealed: Path, content: Callable) -> None:
    before = content(sealed)
    path, at, length = place_of(sealed, Stream.bodies, 3)
    overwrite(path, at - at % 4096, bytes(4096))
    mend(sealed)
    gone = before.keys() - content(sealed).keys()
    assert {stream for stream, _ in gone} == {"bodies"}
    assert 1 <= len(gone) <= 2
    assert length > 4096


def test_a_missing_shard_is_accounted_for(sealed: Path, content: Callable) -> None:
    before = content(sealed)
    (sealed / "000001.h5").unlink()
    mend(sealed)
    gone = before.keys() - content(sealed).keys()
    assert len(gone) == 10
    # the lost colour frame in its middle had an event in the shard that is gone
    assert events(sealed, EventKind.drop_damaged) == [(1, 7, 12, 6), (2, 6, 10, 5)]


def test_a_header_that_a_killed_h5py_left_open_is_restored(sealed: Path) -> None:
    before = state(sealed)
    for name in ("000000.h5", "000001.h5", "000002.h5"):
        path = sealed / name
        path.chmod(0o600)
        code = (
            "import h5py, os, signal\n"
            f"file = h5py.File({str(path)!r}, 'a')\n"
            "file.attrs['mine'] = 1; file.create_dataset('more', data=[1, 2]); file.flush()\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        done = subprocess.run([sys.executable, "-c", code], check=False)
        assert done.returncode == -signal.SIGKILL
        with pytest.raises(OSError, match="open"):
            h5py.File(path)
    assert not verify_session(sealed).ok
    mend(sealed)
    assert state(sealed) == before
    for name in ("000000.h5", "000001.h5", "000002.h5"):
        with h5py.File(sealed / name) as file:
            assert "more" not in file


def test_strangers_among_the_shards_are_taken_out(
    sealed: Path, tape: Callable, content: Callable
) -> None:
    before = content(sealed)
    other = tape("other")
    seal(other.folder, other.fill(3).path.name, other.layout, other.io)
    shutil.copyfile(other.folder / "000000.h5", sealed / "000004.h5")
    shutil.copyfile(sealed / "000001.h5", sealed / "000005.h5")
    (sealed / "000006.h5").write_bytes(b"no shard at all")
    report = mend(sealed)
    assert sorted(report.kept) == ["000004.h5.aside", "000005.h5.aside", "000006.h5.aside"]
    assert content(sealed) == before
    assert mend(sealed).done == []


def test_holes_and_contradictions_are_settled(tape: Callable, content: Callable) -> None:
    one = tape("odd")
    writer = one.shard()
    one.color(writer, 3)
    one.seqs[Stream.color] += 2
    one.color(writer, 3)
    one.seqs[Stream.color] = 6
    one.lose(writer, Stream.color, 4)
    writer.close()
    seal(one.folder, "000000.h5", one.layout, one.io)
    before = content(one.folder)
    assert {d.kind for d in verify_session(one.folder).damage} == {"lost", "twice"}
    mend(one.folder)
    assert content(one.folder) == before
    assert events(one.folder, EventKind.drop_ring_full) == []
    assert events(one.folder, EventKind.drop_damaged) == [(1, 3, 4, 2), (1, 8, 9, 2)]


def test_discard_deletes_what_was_kept(sealed: Path) -> None:
    path, at, _ = place_of(sealed, Stream.color, 3 + 1)
    overwrite(path, at + 20, b"\xa5" * 40)
    mend(sealed)
    assert (sealed / f"{path.name}.damaged").exists()
    report = mend(sealed, discard=True)
    assert report.discarded == [f"{path.name}.damaged"]
    assert not [path for path in sealed.iterdir() if is_kept(path)]


def test_a_session_being_recorded_is_not_repaired(session: Path) -> None:
    with SessionLock(session).acquire("a recorder"), pytest.raises(SessionLockedError) as error:
        repair(session.parent, session.name)
    assert "a recorder" in str(error.value)
    assert error.value.exit_code == 2


def test_a_full_disk_ends_a_repair_and_changes_nothing(sealed: Path, content: Callable) -> None:
    path, at, _ = place_of(sealed, Stream.color, 8)
    overwrite(path, at + 20, b"\xa5" * 40)
    before = state(sealed)
    full = FaultyFileIO([Fault("reserve", "enospc", last=None)])
    with pytest.raises(KincapError, match="run it again") as error:
        repair(sealed.parent, sealed.name, io=full)
    assert error.value.exit_code == 1
    assert state(sealed) == before
    mend(sealed)
    assert ("color", 8) not in content(sealed)


class Killed(BaseException):
    """Stands for SIGKILL: nothing that handles errors runs."""


class KilledIO(FileIO):
    """Is killed before its n-th call that changes the disk, or in the middle of a write."""

    def __init__(self, number: int) -> None:
        self.left = number

    def _count(self) -> bool:
        self.left -= 1
        return self.left < 0

    def create(self, path: Path, mode: int = 0o600) -> int:
        if self._count():
            raise Killed
        return super().create(path, mode)

    def write_at(self, fd: int, data: Any, offset: int) -> None:
        if self._count():
            super().write_at(fd, memoryview(data)[: len(data) // 2], offset)
            raise Killed
        super().write_at(fd, data, offset)

    def rename(self, source: Path, target: Path) -> None:
        if self._count():
            raise Killed
        super().rename(source, target)

    def remove(self, path: Path) -> None:
        if self._count():
            raise Killed
        super().remove(path)

    def protect(self, path: Path) -> None:
        if self._count():
            raise Killed
        super().protect(path)


def test_a_repair_killed_anywhere_loses_nothing_and_can_be_repeated(
    session: Path, flip: Callable, content: Callable, tmp_path: Path
) -> None:
    kept = content(session)
    del kept["color", 8]
    damaged, at, _ = place_of(session, Stream.color, 8)
    overwrite(damaged, at + 20, b"\xa5" * 40)
    overwrite(session / "000000.h5", 0, bytes(100))
    flip(session / "session.json", 99)
    flip(session / "manifest.jsonl", 99)
    for number in range(200):
        copy = Path(shutil.copytree(session, tmp_path / "copy" / session.name))
        try:
            repair(copy.parent, copy.name, io=KilledIO(number))
        except Killed:
            assert repair(copy.parent, copy.name).after.ok, number
            assert content(copy) == kept, number
            shutil.rmtree(copy)
        else:
            break
    assert number > 20


def test_a_real_kill_of_the_real_command(sealed: Path, kincap: Callable, content: Callable) -> None:
    before = content(sealed)
    for seq in (2, 8):
        path, at, _ = place_of(sealed, Stream.color, seq)
        overwrite(path, at + 20, b"\xa5" * 40)
    for fault in ("rename:kill:2", "rename:kill:4", "write:kill:6"):
        done = kincap("sessions", "repair", sealed.name, cwd=sealed.parents[1], KINCAP_FAULTS=fault)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
    start = time.monotonic()
    mend(sealed)
    assert time.monotonic() - start < 30
    kept = {key: item for key, item in before.items() if key not in {("color", 2), ("color", 8)}}
    assert content(sealed) == kept
