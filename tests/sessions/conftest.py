"""Sessions for the storage tests: small shards with real rows, blobs that look like JPEGs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kincap.core.files.fault_injection import FaultyFileIO
from kincap.core.files.file_io import FileIO
from kincap.sessions.info import SessionInfo, new_session
from kincap.sessions.schema import empty_body_row, pack_index_row
from kincap.sessions.session_file import save_session
from kincap.sessions.shard.layout import Layout, make_layout
from kincap.sessions.shard.shard_writer import ShardWriter


class Recording:
    """A session's folder, with ways to put items into its shards."""

    def __init__(self, folder: Path, io: FileIO) -> None:
        self.folder = folder
        self.io = io
        io.make_folder(folder)
        self.info: SessionInfo = new_session(folder.name)
        self.layout: Layout = make_layout(self.info.uuid, self.info.created_utc, shard_mib=8)
        self.info.add_layout(self.layout)
        save_session(folder, self.info, io)

    def open_shard(self, number: int = 0) -> ShardWriter:
        writer = ShardWriter(self.folder / f"{number:06d}.h5", self.layout, self.io)
        writer.prepare()
        return writer

    def fill(self, writer: ShardWriter, first: int, count: int) -> None:
        """Append colour frames and bodies first .. first + count - 1."""
        for seq in range(first, first + count):
            self.append(writer, seq)

    @staticmethod
    def append(writer: ShardWriter, seq: int) -> None:
        row = pack_index_row(seq, 0, seq * 333333, seq)
        writer.append("color_index", row, blob_of(seq))
        body = empty_body_row()
        body["seq"], body["time_device"], body["tracking_id"][0, 0] = seq, seq * 333333, seq + 100
        writer.append("bodies", body)


def blob_of(seq: int) -> bytes:
    """Return bytes that begin and end as a JPEG and differ for each seq."""
    noise = np.random.default_rng(seq).bytes(3000 + seq % 100)
    return b"\xff\xd8" + noise + b"\xff\xd9"


@pytest.fixture
def record(tmp_path: Path) -> Callable[..., Recording]:
    """Return a function that makes a session with one shard layout of 8 MiB."""

    def make(name: str = "session1", io: FileIO | None = None) -> Recording:
        return Recording(tmp_path / "recordings" / name, io or FaultyFileIO())

    return make


@pytest.fixture
def shard_file(record: Callable[..., Recording]) -> Path:
    """Return a shard with 5 colour frames and bodies in it."""
    recording = record()
    writer = recording.open_shard()
    recording.fill(writer, 0, 5)
    writer.close()
    return writer.path
