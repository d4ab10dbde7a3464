"""Every flipped bit is found and named, and what is no damage is not called damage."""

import errno
import os
import random
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kincap.core.files.file_io import FileIO
from kincap.sessions.lock import SessionLock
from kincap.sessions.manifest import read_manifest
from kincap.sessions.reader import SessionReader
from kincap.sessions.repair.repair import repair
from kincap.sessions.repair.shard_check import Damage
from kincap.sessions.repair.verify import SessionReport, verify, verify_session
from kincap.sessions.schema import EventKind, Stream, event_row
from kincap.sessions.shard.sealing import finish, seal


def found(report: SessionReport) -> list[tuple[str | None, str, str | None, int | None]]:
    return [(d.shard, d.kind, d.stream, d.seq) for d in report.damage]


def kinds(report: SessionReport) -> set[str]:
    return {damage.kind for damage in report.damage}


def overwrite(path: Path, at: int, data: bytes) -> None:
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def test_a_whole_session_is_well_though_a_shard_was_left(session: Path) -> None:
    report = verify_session(session)
    assert report.damage == []
    assert not report.sealed
    assert [(s.name, s.state) for s in report.shards] == [
        ("000000.h5", "sealed"),
        ("000001.h5", "sealed"),
        ("000002.h5", "left"),
    ]
    assert report.notes == ["000002.h5: not sealed, its recorder did not end cleanly"]


@pytest.mark.parametrize("seed", range(5))
def test_a_flipped_bit_anywhere_in_a_shard_is_found_and_named(
    session: Path, flip: Callable, spots: Callable, seed: int
) -> None:
    random.seed(seed)
    places = list(spots(session))
    assert len(places) > 60
    for spot in places:
        bit = random.randrange(8)
        flip(session / spot.shard, spot.at, bit)
        damage = [d for d in verify_session(session).damage if d.kind != "lost"]
        flip(session / spot.shard, spot.at, bit)
        assert len(damage) == 1, (spot, damage)
        assert (damage[0].shard, damage[0].kind) == (spot.shard, spot.kind), (spot, damage)
        if spot.stream:
            assert (damage[0].stream, damage[0].seq) == (spot.stream, spot.seq), (spot, damage)
    assert verify_session(session).ok


@pytest.mark.parametrize("name", ["session.json", "manifest.jsonl", "edits.json"])
def test_a_flipped_bit_in_a_small_file_is_found(session: Path, flip: Callable, name: str) -> None:
    rng = random.Random(name)
    path = session / name
    size = path.stat().st_size
    newlines = [at for at, byte in enumerate(path.read_bytes()) if byte == 10]
    for at in [*rng.sample(range(size), 25), size - 1, size - 2, 0, *newlines[:3]]:
        bit = rng.randrange(8)
        flip(path, at, bit)
        report = verify_session(session)
        flip(path, at, bit)
        assert name.partition(".")[0] in kinds(report), (at, bit, report.damage)
        assert not {"row", "blob"} & kinds(report), report.damage


@pytest.mark.parametrize("bit", range(0, 64, 5))
def test_a_row_whose_own_seq_is_damaged_is_named_by_its_true_seq(
    session: Path, flip: Callable, bit: int
) -> None:
    with SessionReader(session) as reader:
        place = reader.shard("000002.h5").layout.tables["color_index"]
    # the colour frame before the lost one: its seq could also be that one's
    at = place.offset + 2 * place.dtype.itemsize + bit // 8
    flip(session / "000002.h5", at, bit % 8)
    assert ("000002.h5", "row", "color", 15) in found(verify_session(session))


def test_rows_lost_with_a_page_are_named_one_by_one(session: Path) -> None:
    with SessionReader(session) as reader:
        place = reader.shard("000000.h5").layout.tables["bodies"]
    size = place.dtype.itemsize
    overwrite(session / "000000.h5", place.offset + 2 * size, bytes(2 * size))
    report = verify_session(session)
    assert found(report) == [
        ("000000.h5", "row", "bodies", 2),
        ("000000.h5", "row", "bodies", 3),
    ]
    overwrite(session / "000000.h5", place.offset + 4 * size, bytes(2 * size))
    assert [seq for *_, seq in found(verify_session(session))] == [2, 3, 4, 5]


@pytest.mark.parametrize("shard", ["000000.h5", "000001.h5", "000002.h5"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.4, 0.7, 0.99999])
def test_a_shard_cut_short_is_read_through_its_layout(
    session: Path, shard: str, share: float
) -> None:
    path = session / shard
    path.chmod(0o600)
    os.truncate(path, int(path.stat().st_size * share))
    report = verify_session(session)
    assert (shard, "size", None, None) in found(report)
    assert {d.shard for d in report.damage if d.kind != "lost"} == {shard}
    if shard == "000000.h5" and share == 0.7:
        # all tables and frames lie in front of the cut in a full-size shard
        assert "blob" not in kinds(report)
    if shard == "000001.h5" and share == 0.99999:
        assert (shard, "blob", "color", 12) in found(report)


@pytest.mark.parametrize("length", [1, 4096, 1 << 20])
def test_a_shard_that_is_too_long_is_found(session: Path, length: int) -> None:
    for name in ("000001.h5", "000002.h5"):
        path = session / name
        overwrite(path, path.stat().st_size, bytes(length))
    report = verify_session(session)
    assert [d.shard for d in report.damage if d.kind == "size"] == ["000001.h5", "000002.h5"]


def test_a_header_lost_with_its_page_is_damage_of_the_header_alone(session: Path) -> None:
    for name in ("000000.h5", "000001.h5", "000002.h5"):
        overwrite(session / name, 0, bytes(4096))
    report = verify_session(session)
    assert {(d.shard, d.kind) for d in report.damage} == {
        ("000000.h5", "header"),
        ("000001.h5", "header"),
        ("000002.h5", "header"),
    }


def test_a_missing_shard_is_named_once(session: Path) -> None:
    (session / "000001.h5").unlink()
    report = verify_session(session)
    assert found(report) == [("000001.h5", "missing", None, None)]
    assert "5 color, 5 bodies" in report.damage[0].what


def test_a_shard_of_another_session_and_a_copy_of_a_shard_are_found(
    session: Path, tape: Callable
) -> None:
    other = tape("other")
    finish(other.folder, other.fill(3).path.name, other.layout, other.io)
    shutil.copyfile(other.folder / "000000.h5", session / "000007.h5")
    assert found(verify_session(session)) == [("000007.h5", "foreign", None, None)]
    (session / "000007.h5").unlink()
    shutil.copyfile(session / "000001.h5", session / "000007.h5")
    report = verify_session(session)
    assert kinds(report) == {"twice"}
    assert {d.shard for d in report.damage} == {"000007.h5"}


def test_items_that_no_event_covers_are_lost(tape: Callable) -> None:
    one = tape("holes")
    writer = one.shard()
    one.color(writer, 2)
    one.seqs[Stream.color] += 3
    one.color(writer, 2)
    one.bodies(writer, 7)
    writer.close()
    seal(one.folder, "000000.h5", one.layout, one.io)
    report = verify_session(one.folder)
    assert found(report) == [("000000.h5", "lost", "color", 2)]
    assert "seq 2 to 4" in report.damage[0].what


def test_an_event_about_stored_items_is_found(tape: Callable) -> None:
    one = tape("again")
    writer = one.shard()
    one.color(writer, 4)
    row = event_row(EventKind.drop_writer, take=0, stream=Stream.color, seq_first=2, seq_last=2)
    writer.append("events", row)
    writer.close()
    assert found(verify_session(one.folder)) == [("000000.h5", "twice", "color", 2)]


def test_a_row_cut_off_by_a_kill_is_no_damage(session: Path) -> None:
    with SessionReader(session) as reader:
        place = reader.shard("000002.h5").layout.tables["bodies"]
        used = len(reader.shard("000002.h5").rows("bodies"))
    overwrite(session / "000002.h5", place.offset + used * place.dtype.itemsize, b"\x11" * 1000)
    report = verify_session(session)
    assert report.ok
    assert any("not finished" in note for note in report.notes)


def test_leftovers_of_a_kill_are_no_damage(session: Path) -> None:
    shutil.copy(session / "000002.h5", session / "000003.h5.new")
    with (session / "manifest.jsonl").open("ab") as file:
        file.write(b'{"name": "000002.h5", "by')
    report = verify_session(session)
    assert report.ok
    assert "000003.h5.new: left from preparing a shard" in report.notes


def test_a_shard_in_which_nothing_was_written_is_empty(session: Path) -> None:
    info_layout = verify_session(session).shards[2].expected
    assert info_layout is not None
    layout = info_layout.layout.layout
    path = session / "000003.h5"
    path.write_bytes(layout.header.ljust(layout.size, b"\0"))
    report = verify_session(session)
    assert report.ok
    assert report.shards[3].state == "empty"


def test_a_session_without_its_session_file_is_found_and_its_shards_checked(
    session: Path, flip: Callable
) -> None:
    (session / "session.json").unlink()
    report = verify(session.parent)[0]
    assert kinds(report) == {"session"}
    assert [len(shard.stored[Stream.color]) for shard in report.shards] == [6, 5, 6]


def test_garbage_in_every_file_is_damage_and_never_a_traceback(session: Path) -> None:
    rng = np.random.default_rng(3)
    for path in sorted(session.iterdir()):
        raw, mode = path.read_bytes(), path.stat().st_mode
        for junk in (b"", b"\0" * len(raw), rng.bytes(min(len(raw), 50_000)), b"{}\n", b"[1]\n"):
            path.chmod(0o600)
            path.write_bytes(junk)
            report = verify_session(session)
            assert report.ok == ("lock" in path.name), (path.name, junk[:9], report.damage)
        path.write_bytes(raw)
        path.chmod(mode)
    assert verify_session(session).ok


def test_a_session_being_recorded_is_checked_as_far_as_it_is_written(tape: Callable) -> None:
    one = tape("live")
    done = threading.Event()

    def write() -> None:
        for _ in range(3):
            writer = one.shard()
            for _ in range(12):
                one.color(writer, 2)
                one.bodies(writer, 3)
            writer.close()
            seal(one.folder, writer.path.name, one.layout, one.io)
        done.set()

    with SessionLock(one.folder).acquire("a recorder"):
        thread = threading.Thread(target=write)
        thread.start()
        reports = []
        while not done.is_set():
            reports.append(verify_session(one.folder))
        thread.join()
        reports.append(verify_session(one.folder))
    assert [report.damage for report in reports] == [[]] * len(reports)
    assert all(report.recording for report in reports)
    assert "a recorder" in reports[-1].notes[-1]
    assert verify_session(one.folder).ok


def test_damage_in_a_session_being_recorded_is_found(session: Path, flip: Callable) -> None:
    with SessionReader(session) as reader:
        row = reader.row_by_seq(Stream.color, 16 - 1)
        blobs = reader.shard("000002.h5").layout.tables["blobs"]
    flip(session / "000002.h5", blobs.offset + int(row["offset"]) + 9)
    with SessionLock(session).acquire("a recorder"):
        report = verify_session(session)
    assert found(report) == [("000002.h5", "blob", "color", 15)]


def test_the_report_says_where_and_what(session: Path, flip: Callable) -> None:
    flip(session / "000001.h5", 70)
    report = verify_session(session)
    assert report.damage == [Damage("header", report.damage[0].what, "000001.h5", None, None)]
    assert report.damage[0].what.startswith("byte 70 differs")
    assert read_manifest(session)["000001.h5"].layout is not None


class BadSectors(FileIO):
    """A disk that can't read some places of one file."""

    def __init__(self, path: Path, places: list[tuple[int, int]]) -> None:
        self.file, self.places = path.stat().st_ino, places

    def read_at(self, fd: int, length: int, offset: int) -> bytes:
        hit = any(offset < end and start < offset + length for start, end in self.places)
        if hit and os.fstat(fd).st_ino == self.file:
            raise OSError(errno.EIO, "Input/output error")
        return super().read_at(fd, length, offset)


@pytest.mark.parametrize("shard", ["000001.h5", "000002.h5"])
def test_a_disk_that_fails_in_places_costs_what_lies_there(
    session: Path, content: Callable, shard: str
) -> None:
    before = content(session)
    with SessionReader(session) as reader:
        view = reader.shard(shard)
        rows = view.rows("color_index")
        bodies = view.layout.tables["bodies"].offset
        blob = view.layout.tables["blobs"].offset + int(rows["offset"][1]) + 100
    at = bodies - bodies % 4096 + 4096
    disk = BadSectors(session / shard, [(0, 512), (at, at + 512), (blob, blob + 1)])
    report = verify_session(session, io=disk)
    assert {d.kind for d in report.damage} == {"header", "row", "blob"}
    assert any("the disk can't read it" in note for note in report.notes)
    lost = {(d.stream, d.seq) for d in report.damage if d.kind != "header"}
    assert ("color", int(rows["seq"][1])) in lost
    assert 2 <= len(lost) <= 4
    assert repair(session.parent, session.name, io=disk).after.ok
    assert content(session) == {key: item for key, item in before.items() if key not in lost}
