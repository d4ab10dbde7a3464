"""Sessions to damage: real JPEGs and body rows in sealed, cut and left shards, few frames each."""

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kincap.core.files.fault_injection import FaultyFileIO
from kincap.core.files.file_io import FileIO
from kincap.core.jpeg import encode_jpeg
from kincap.sessions.device import Device
from kincap.sessions.edits.journal import add_edit
from kincap.sessions.folders import shard_names
from kincap.sessions.info import SessionInfo, new_session
from kincap.sessions.manifest import read_manifest
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import EventKind, Stream, empty_body_row, event_row, pack_index_row
from kincap.sessions.session_file import save_session
from kincap.sessions.shard.layout import Layout, make_layout
from kincap.sessions.shard.sealing import finish, seal
from kincap.sessions.shard.shard_writer import ShardWriter

SIZE = (96, 64)
"""Width and height of the frames."""


def jpeg_of(seq: int) -> bytes:
    """Return a small JPEG that differs for each seq."""
    picture = np.random.default_rng(seq).integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)
    return encode_jpeg(picture)


@dataclass
class Tape:
    """Writes a session as a recorder would.

    Attributes:
        folder: The session's folder.
        seqs: Next seq of each stream.
    """

    folder: Path
    io: FileIO = field(default_factory=FaultyFileIO)
    seqs: dict[Stream, int] = field(default_factory=lambda: {Stream.color: 0, Stream.bodies: 0})

    def __post_init__(self) -> None:
        self.io.make_folder(self.folder)
        anchor = {"wall_utc_ns": 1, "host_ns": 2, "device_100ns": 3}
        self.info: SessionInfo = new_session(
            self.folder.name,
            subject="P1",
            note="a note",
            source={"kind": "test", "uri": "test:"},
            device=Device("test", SIZE, mirrored=True, times="device"),
            settings={"codec": "jpeg", "quality": 90},
            takes=[{"take": 0, **anchor, "source": "test:"}],
        )
        self.layout: Layout = make_layout(self.info.uuid, self.info.created_utc, shard_mib=8)
        self.info.add_layout(self.layout)
        save_session(self.folder, self.info, self.io)

    def shard(self) -> ShardWriter:
        """Prepare the next shard."""
        number = len(shard_names(self.folder))
        writer = ShardWriter(self.folder / f"{number:06d}.h5", self.layout, self.io)
        writer.prepare()
        if number == 0:
            text = '{"wall_utc_ns": 1, "host_ns": 2, "device_100ns": 3}'
            writer.append("events", event_row(EventKind.take_start, take=0, text=text))
        return writer

    def color(self, writer: ShardWriter, count: int) -> None:
        """Append colour frames."""
        for seq in self._next(Stream.color, count):
            row = pack_index_row(seq, 0, seq * 333333, seq * 33)
            writer.append("color_index", row, jpeg_of(seq))

    def bodies(self, writer: ShardWriter, count: int) -> None:
        """Append body rows."""
        for seq in self._next(Stream.bodies, count):
            row = empty_body_row()
            row["seq"], row["time_device"], row["time_host"] = seq, seq * 333333, seq * 33
            row["tracked"][0, 2], row["tracking_id"][0, 2] = 1, 72057594037927936 + seq
            row["joint_state"][0, 2], row["joint_state"][0, 2, 3] = 2, 1
            row["joint_xyz_m"][0, 2] = np.random.default_rng(seq).normal(size=(25, 3))
            writer.append("bodies", row)

    def lose(self, writer: ShardWriter, stream: Stream, count: int) -> None:
        """Write an event for items that were dropped."""
        seqs = self._next(stream, count)
        row = event_row(
            EventKind.drop_ring_full,
            take=0,
            stream=stream,
            seq_first=seqs[0],
            seq_last=seqs[-1],
            count=count,
        )
        writer.append("events", row)

    def _next(self, stream: Stream, count: int) -> range:
        first = self.seqs[stream]
        self.seqs[stream] = first + count
        return range(first, first + count)

    def fill(self, frames: int) -> ShardWriter:
        """Fill a shard: frames, bodies, and a lost frame in the middle."""
        writer = self.shard()
        self.color(writer, frames // 2)
        self.bodies(writer, frames)
        self.lose(writer, Stream.color, 1)
        self.color(writer, frames - frames // 2)
        writer.sync()
        writer.close()
        return writer


def make_session(folder: Path) -> Path:
    """Make a session of a full-size sealed shard, one cut and sealed, one left by a kill."""
    tape = Tape(folder)
    seal(folder, tape.fill(6).path.name, tape.layout, tape.io)
    finish(folder, tape.fill(5).path.name, tape.layout, tape.io)
    tape.fill(6)
    add_edit(folder, "reject", 2, 3, "blurred")
    return folder


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a session nobody may write to: shards 0 and 1 sealed, 2 left."""
    return make_session(tmp_path_factory.mktemp("pristine") / "recordings" / "take1")


@pytest.fixture
def session(pristine: Path, tmp_path: Path) -> Path:
    """Return a copy of the session to damage."""
    return Path(shutil.copytree(pristine, tmp_path / "recordings" / pristine.name))


def flip(path: Path, at: int, bit: int = 0) -> None:
    """Flip one bit of a file, read-only or not."""
    mode = path.stat().st_mode
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(at)
        value = file.read(1)[0]
        file.seek(at)
        file.write(bytes([value ^ 1 << bit]))
    path.chmod(mode)


@dataclass(frozen=True)
class Spot:
    """A place in a shard, and what verify has to say when a bit flips there."""

    shard: str
    at: int
    kind: str
    stream: str | None
    seq: int | None


def spots(folder: Path) -> Iterator[Spot]:
    """Yield a random place in every row, blob, and other part of every shard.

    Parts that can't be checked (behind the last blob of a left shard) are left out.
    """
    records = read_manifest(folder)
    with SessionReader(folder) as reader:
        for shard in reader.shards:
            view = reader.shard(shard.name)
            yield Spot(shard.name, random.randrange(len(view.layout.header)), "header", None, None)
            for table, place in view.layout.tables.items():
                size = place.dtype.itemsize
                if table == "blobs":
                    continue
                rows = view.rows(table)
                name = {"color_index": "color", "bodies": "bodies"}.get(table)
                for i, row in enumerate(rows):
                    at = place.offset + i * size + random.randrange(size)
                    yield Spot(shard.name, at, "row", name, int(row["seq"]) if name else None)
                if len(rows) < place.rows:
                    at = random.randrange(place.offset + len(rows) * size, place.end)
                    yield Spot(shard.name, at, "unused", None, None)
            blobs = view.layout.tables["blobs"]
            rows = view.rows("color_index")
            for row in rows:
                at = blobs.offset + int(row["offset"]) + random.randrange(int(row["length"]))
                yield Spot(shard.name, at, "blob", "color", int(row["seq"]))
            end = blobs.offset + int((rows["offset"] + rows["length"]).max())
            if shard.name in records and end < blobs.end:
                yield Spot(shard.name, random.randrange(end, blobs.end), "unused", None, None)


def content(folder: Path) -> dict[tuple[str, int], Any]:
    """Return every good item of a session: its row without where it lies, and its blob."""
    found: dict[tuple[str, int], Any] = {}
    with SessionReader(folder) as reader:
        for row in reader.color:
            seq = int(row["seq"])
            times = tuple(row[name] for name in ("take", "time_device", "time_host"))
            found["color", seq] = (times, reader.color_blob(seq))
        for row in reader.bodies:
            found["bodies", int(row["seq"])] = row.tobytes()
    return found


@pytest.fixture(name="flip")
def flip_fixture() -> Callable[..., None]:
    """Return the function that flips one bit of a file."""
    return flip


@pytest.fixture(name="spots")
def spots_fixture() -> Callable[[Path], Iterator[Spot]]:
    """Return the function that yields a place in every part of every shard."""
    return spots


@pytest.fixture(name="content")
def content_fixture() -> Callable[[Path], dict[tuple[str, int], Any]]:
    """Return the function that reads every item of a session."""
    return content


@pytest.fixture
def tape(tmp_path: Path) -> Callable[[str], Tape]:
    """Return a function that begins a session of a given name."""
    return lambda name: Tape(tmp_path / "recordings" / name)
