"""A shard's life: template, preparation, reading while it is written, sealing, repack, recovery."""

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from kincap.core.errors import ShardError
from kincap.core.files.acknowledgements import RECORD
from kincap.core.files.fault_injection import FaultyFileIO, parse_faults
from kincap.sessions.lock import SessionLock
from kincap.sessions.manifest import read_manifest
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import (
    BLOBS,
    EventKind,
    Stream,
    event_row,
    pack_index_row,
)
from kincap.sessions.shard.layout import MIB, Layout, make_layout
from kincap.sessions.shard.recovery import recover
from kincap.sessions.shard.sealing import finish, repack, seal
from kincap.sessions.shard.shard_reader import ShardReader, read_layout
from kincap.sessions.shard.shard_writer import ShardWriter

from ..conftest import Recording, blob_of

Make = Callable[..., Recording]
UUID = "0ede6fd4-cb53-4548-ae66-7df372ebc431"
MADE = "2026-01-02T03:04:05Z"


@pytest.mark.parametrize(
    ("streams", "mib", "rows"),
    [
        (("color", "bodies"), 8, {"color_index": 64, "bodies": 64, "events": 64}),
        (("color", "bodies"), 512, {"color_index": 4096, "bodies": 4096, "events": 2048}),
        (("bodies",), 100, {"bodies": 3200, "events": 400}),
        (
            ("color", "bodies", "mask", "depth"),
            10,
            {"color_index": 80, "mask_index": 80, "depth_index": 80, "bodies": 80, "events": 64},
        ),
    ],
)
def test_rows_scale_with_the_shard_and_blobs_are_the_rest(
    streams: tuple[str, ...], mib: int, rows: dict[str, int]
) -> None:
    layout = make_layout(UUID, MADE, streams, mib)
    assert {name: n for name, n in layout.rows.items() if name != BLOBS} == rows
    assert (BLOBS in layout.tables) == (len(streams) > 1)
    if BLOBS in layout.tables:
        assert layout.size == mib * MIB
        assert layout.tables[BLOBS].end == layout.size
    assert 64 << 10 <= len(layout.header) <= 70 << 10


def test_the_same_template_comes_out_each_time_and_survives_json() -> None:
    layout = make_layout(UUID, MADE, shard_mib=16)
    assert make_layout(UUID, MADE, shard_mib=16) == layout
    assert make_layout(UUID, MADE, shard_mib=17).id != layout.id
    assert Layout.from_json(json.loads(json.dumps(layout.to_json()))) == layout


@pytest.mark.parametrize(
    "change",
    [
        {"header": "!"},
        {"tables": {"color_index": [0, 64, "u1"]}},
        {"tables": {"events": [70000, -1, "u1"]}},
        {"tables": {"strange": [70000, 1, "|u1"]}},
        {"tables": {"blobs": [100, 5, "|u1"]}},
        {"tables": {}},
        {"tables": None},
    ],
)
def test_a_layout_that_is_none_is_refused(change: dict[str, object]) -> None:
    kept = {**make_layout(UUID, MADE, shard_mib=8).to_json(), **change}
    with pytest.raises(ShardError, match=r"^session.json: "):
        Layout.from_json(kept, where="session.json")


def test_a_shard_below_8_mib_is_refused() -> None:
    with pytest.raises(ShardError, match="--shard-mib 7"):
        make_layout(UUID, MADE, shard_mib=7)


def test_a_prepared_shard_opens_is_private_and_has_its_space(record: Make) -> None:
    recording = record()
    writer = recording.open_shard()
    status = writer.path.stat()
    assert stat.S_IMODE(status.st_mode) == 0o600
    assert stat.S_IMODE(recording.folder.stat().st_mode) == 0o700
    assert status.st_size == 8 * MIB
    assert status.st_blocks * 512 >= 8 * MIB
    with h5py.File(writer.path) as file:
        assert not file["bodies"][:]["row_crc"].any()
    with ShardReader(writer.path) as shard:
        assert shard.layout == recording.layout
        assert shard.is_empty()
    writer.close()
    assert os.listdir(recording.folder).count("000000.h5.new") == 0


@pytest.mark.parametrize("fault", ["create", "reserve", "write", "sync", "rename"])
def test_a_shard_that_cannot_be_prepared_leaves_nothing(record: Make, fault: str) -> None:
    recording = record()
    broken = FaultyFileIO(parse_faults(f"{fault}:enospc:*"))
    writer = ShardWriter(recording.folder / "000000.h5", recording.layout, broken)
    with pytest.raises(OSError, match="No space left"):
        writer.prepare()
    assert [name for name in os.listdir(recording.folder) if "h5" in name] == []


def test_a_failed_write_does_not_count_and_its_room_is_used_again(record: Make) -> None:
    # write 1 is session.json, 2 the header, then blob, row, body for each item
    io = FaultyFileIO(parse_faults("write:eio:6,write:enospc:8"))
    recording = record(io=io)
    writer = recording.open_shard()
    recording.append(writer, 0)
    for part in ("blob", "row"):
        with pytest.raises(OSError, match="injected"):
            recording.append(writer, 1)
        with ShardReader(writer.path) as shard:
            assert shard.rows("color_index")["seq"].tolist() == [0], part
    recording.append(writer, 1)
    writer.close()
    with ShardReader(writer.path) as shard:
        assert [shard.blob(row) for row in shard.rows("color_index")] == [blob_of(0), blob_of(1)]
        assert shard.damaged_rows("color_index") == []


def test_a_reader_that_has_read_row_n_sees_row_n_plus_1_of_another_process(
    record: Make, tmp_path: Path
) -> None:
    recording = record()
    recording.open_shard().close()
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from kincap.core.files.file_io import FileIO\n"
        "from kincap.sessions.session_file import load_session\n"
        "from kincap.sessions.schema import pack_index_row\n"
        "from kincap.sessions.shard.shard_writer import ShardWriter\n"
        "folder = Path(sys.argv[1])\n"
        "info = load_session(folder)\n"
        "layout = info.layout(info.layouts[0]['id'])\n"
        "writer = ShardWriter(folder / '000001.h5', layout, FileIO())\n"
        "writer.prepare()\n"
        "for seq, line in enumerate(sys.stdin):\n"
        "    row = pack_index_row(seq, 0, seq, seq)\n"
        "    writer.append('color_index', row, b'%08d' % seq)\n"
        "    print(seq, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(recording.folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
    ) as child, SessionReader(recording.folder) as session:  # fmt: skip
        assert child.stdin is not None
        assert child.stdout is not None
        shard = None
        for seq in range(60):
            child.stdin.write("next\n")
            assert int(child.stdout.readline()) == seq
            shard = shard or ShardReader(recording.folder / "000001.h5")
            assert shard.rows("color_index")["seq"].tolist() == list(range(seq + 1))
            session.refresh()
            assert session.color_blob(seq) == b"%08d" % seq
        shard.close()
        child.stdin.close()


def test_finish_cuts_the_shard_to_what_is_used_and_lists_it(record: Make) -> None:
    recording = record()
    writer = recording.open_shard()
    recording.fill(writer, 3, 6)
    lost = event_row(
        EventKind.drop_ring_full, take=0, stream=Stream.color, seq_first=9, seq_last=11, count=3
    )
    writer.append("events", lost)
    writer.close()
    record_, note = finish(recording.folder, "000000.h5", recording.layout, recording.io)
    assert note is None
    assert record_.rows == {"color_index": 6, "bodies": 6, "events": 1}
    span = record_.streams["color"]
    assert (span.rows, span.seq_first, span.seq_last) == (6, 3, 8)
    assert (span.time_first, span.time_last) == (3 * 333333, 8 * 333333)
    assert record_.drops == {"drop_ring_full": 3}
    assert not record_.recovered
    raw = writer.path.read_bytes()
    assert record_.bytes == len(raw) < MIB
    assert record_.sha256 == hashlib.sha256(raw).hexdigest()
    assert stat.S_IMODE(writer.path.stat().st_mode) == 0o400
    assert read_manifest(recording.folder) == {"000000.h5": record_}
    assert record_.layout == read_layout(writer.path)
    with h5py.File(writer.path) as file:
        assert file["bodies"].shape == (6,)
    with SessionReader(recording.folder) as session:
        assert [session.color_blob(seq) for seq in range(3, 9)] == [blob_of(s) for s in range(3, 9)]
        assert [shard.state for shard in session.shards] == ["sealed"]
        assert session.next_seq(Stream.color) == 12
        assert session.next_seq(Stream.bodies) == 9


@pytest.mark.parametrize(
    "fault", ["reserve:enospc:2", "create:enospc:3", "write:eio:30", "sync:eio:3", "rename:eio:3"]
)
def test_a_shard_that_cannot_be_cut_is_sealed_at_its_full_size(record: Make, fault: str) -> None:
    io = FaultyFileIO(parse_faults(fault))
    recording = record(io=io)
    writer = recording.open_shard()
    recording.fill(writer, 0, 8)
    writer.close()
    line, note = finish(recording.folder, "000000.h5", recording.layout, io)
    assert note is not None
    assert "kept at its full size" in note
    assert line.bytes == 8 * MIB
    assert line.layout is None
    assert sorted(os.listdir(recording.folder)) == ["000000.h5", "manifest.jsonl", "session.json"]
    with SessionReader(recording.folder) as session:
        assert session.color["seq"].tolist() == list(range(8))
        assert session.color_blob(7) == blob_of(7)


def test_an_open_reader_stays_right_when_the_shard_is_cut_under_it(record: Make) -> None:
    recording = record()
    writer = recording.open_shard()
    recording.fill(writer, 0, 4)
    with SessionReader(recording.folder) as session:
        assert session.color_blob(2) == blob_of(2)
        writer.close()
        finish(recording.folder, "000000.h5", recording.layout, recording.io)
        assert session.color_blob(3) == blob_of(3)
        session.refresh()
        assert session.color_blob(3) == blob_of(3)
        assert session.shards[0].state == "sealed"
        assert session.shards[0].bytes < MIB


def test_a_shard_of_one_stream_without_events_is_cut_and_read(record: Make) -> None:
    recording = record()
    writer = recording.open_shard()
    writer.append("color_index", pack_index_row(0, 0, 1, 1), blob_of(0))
    writer.close()
    layout, note = repack(recording.folder, "000000.h5", recording.layout, recording.io)
    assert note is None
    assert layout.rows == {"color_index": 1, "bodies": 1, "events": 1, "blobs": len(blob_of(0))}
    seal(recording.folder, "000000.h5", layout, recording.io, own_layout=True)
    with SessionReader(recording.folder) as session:
        assert (len(session.color), len(session.bodies), len(session.events)) == (1, 0, 0)


def test_recovery_seals_left_shards_and_deletes_leftovers(record: Make) -> None:
    recording = record()
    for number in range(2):
        writer = recording.open_shard(number)
        recording.fill(writer, 10 * number, 3)
        writer.close()
    recording.open_shard(2).close()
    (recording.folder / "000003.h5.new").write_bytes(b"half")
    with SessionReader(recording.folder) as session:
        assert [shard.state for shard in session.shards] == ["left", "left", "empty"]
        assert session.next_seq(Stream.color) == 13
    with SessionLock(recording.folder).acquire("record"):
        with SessionReader(recording.folder) as session:
            assert [shard.state for shard in session.shards] == ["open", "open", "empty"]
        done = recover(recording.folder, recording.io)
    assert [line.name for line in done.sealed] == ["000000.h5", "000001.h5"]
    assert all(line.recovered and not line.damaged for line in done.sealed)
    assert sorted(done.removed) == ["000002.h5", "000003.h5.new"]
    assert done.skipped == []
    assert not recover(recording.folder, recording.io).sealed
    with SessionReader(recording.folder) as session:
        assert session.color["seq"].tolist() == [0, 1, 2, 10, 11, 12]
        assert session.next_seq(Stream.color) == 13


def test_the_next_take_is_behind_all_that_rows_and_session_json_name(record: Make) -> None:
    recording = record()
    with SessionReader(recording.folder) as session:
        assert session.next_take() == max((t["take"] for t in session.info.takes), default=-1) + 1
    for number, take in enumerate((0, 3, 5)):
        writer = recording.open_shard(number)
        recording.fill(writer, 10 * number, 3)
        writer.append("events", event_row(EventKind.take_start, take=take))
        writer.close()
        if number < 2:
            seal(recording.folder, writer.path.name, recording.layout, recording.io)
    recording.open_shard(3).close()
    with SessionReader(recording.folder) as session:
        assert session.shards[-1].state == "empty"
        assert session.next_take() == 6
        session.info.takes.append({"take": 8})
        assert session.next_take() == 9


def test_recovery_counts_damage_that_its_checksum_would_hide(record: Make) -> None:
    recording = record()
    writer = recording.open_shard()
    recording.fill(writer, 0, 5)
    writer.close()
    raw = bytearray(writer.path.read_bytes())
    raw[recording.layout.tables["blobs"].offset + 20] ^= 1
    raw[recording.layout.tables["bodies"].offset + 20] ^= 1
    writer.path.write_bytes(raw)
    (line,) = recover(recording.folder, recording.io).sealed
    assert line.damaged == {"bodies": 1, "color_index": 1}
    assert line.rows["bodies"] == 4


@pytest.mark.parametrize("at", [20, 300, 40000])
def test_a_left_shard_with_a_damaged_header_is_named_not_sealed(record: Make, at: int) -> None:
    """In HDF5's own metadata, and in the unused zeros behind it."""
    recording = record()
    writer = recording.open_shard()
    recording.fill(writer, 0, 5)
    writer.close()
    raw = bytearray(writer.path.read_bytes())
    raw[at] ^= 4
    writer.path.write_bytes(raw)
    done = recover(recording.folder, recording.io)
    assert done.sealed == []
    assert len(done.skipped) == 1
    assert str(writer.path) in done.skipped[0]
    with SessionReader(recording.folder) as session:
        assert session.color_blob(4) == blob_of(4)


def test_a_truncated_shard_is_read_through_its_layout(record: Make) -> None:
    recording = record()
    writer = recording.open_shard()
    recording.fill(writer, 0, 6)
    writer.close()
    os.truncate(writer.path, recording.layout.tables["blobs"].offset + 10000)
    with pytest.raises(ShardError, match="not readable as HDF5"):
        ShardReader(writer.path)
    with SessionReader(recording.folder) as session:
        assert session.color["seq"].tolist() == list(range(6))
        assert session.color_blob(2) == blob_of(2)
        with pytest.raises(ShardError, match="color 4: is after the end"):
            session.color_blob(4)


def test_rows_of_a_stream_are_found_by_seq_and_by_time(record: Make) -> None:
    recording = record()
    for number, first in enumerate((0, 20)):
        writer = recording.open_shard(number)
        recording.fill(writer, first, 4)
        writer.close()
    with SessionReader(recording.folder) as session:
        assert session.row_by_seq(Stream.bodies, 21)["tracking_id"][0] == 121
        assert session.index_by_seq(Stream.color, 22) == 6
        assert session.index_by_seq(Stream.color, 9) == -1
        assert session.nearest(Stream.color, 0, 21 * 333333 + 100) == 5
        assert session.nearest(Stream.color, 0, -(1 << 60)) == 0
        assert session.nearest(Stream.color, 7, 0) == -1
        assert np.array_equal(session.color["seq"], session.bodies["seq"])


KILLED = """
import sys
from pathlib import Path
from kincap.core.files.fault_injection import default_io
from kincap.sessions.shard.sealing import finish, seal
from kincap.sessions.session_file import load_session
from kincap.sessions.schema import pack_index_row
from kincap.sessions.shard.shard_writer import ShardWriter

folder, io = Path(sys.argv[1]), default_io()
info = load_session(folder)
layout = info.layout(info.layouts[0]["id"])
for number in range(2):
    writer = ShardWriter(folder / f"{number:06d}.h5", layout, io)
    writer.prepare()
    for seq in range(number * 20, number * 20 + 20):
        writer.append("color_index", pack_index_row(seq, 0, seq, seq), b"blob %08d" % seq)
    writer.close()
    (finish if number else seal)(folder, writer.path.name, layout, io)
"""


@pytest.mark.parametrize(
    "fault",
    [
        "write:kill:20",  # between a blob and its row
        "write:kill:42",  # in the manifest's line
        "sync:kill:3",  # before the manifest is synced
        "write:kill:86",  # in the cut shard
        "sync:kill:5",
        "sync:kill:7",  # the cut shard stands there and has no line yet
        "rename:kill:3",  # before the cut shard takes its place
        "create:kill:3",
    ],
)
def test_whatever_was_acknowledged_is_there_after_a_kill(record: Make, fault: str) -> None:
    recording = record()
    read_end, write_end = os.pipe()
    environment = {**os.environ, "KINCAP_FAULTS": fault, "KINCAP_ACK_FD": str(write_end)}
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(recording.folder)],
        env=environment,
        pass_fds=[write_end],
        check=False,
    )
    os.close(write_end)
    assert done.returncode == -signal.SIGKILL
    with os.fdopen(read_end, "rb") as pipe:
        said = [RECORD.unpack(part) for part in _parts(pipe.read(), RECORD.size)]
    seqs = [seq for stream, seq in said if stream == Stream.color]
    assert len(seqs) >= 8
    for path in recording.folder.glob("*.h5"):
        h5py.File(path).close()
    recover(recording.folder, recording.io)
    with SessionReader(recording.folder) as session:
        assert set(seqs) <= set(session.color["seq"].tolist())
        assert all(session.color_blob(seq) == b"blob %08d" % seq for seq in seqs)
        assert {shard.state for shard in session.shards} == {"sealed"}
        for shard in session.shards:
            assert shard.record is not None
            raw = (recording.folder / shard.name).read_bytes()
            assert hashlib.sha256(raw).hexdigest() == shard.record.sha256


def _parts(raw: bytes, size: int) -> list[bytes]:
    return [raw[at : at + size] for at in range(0, len(raw), size)]
