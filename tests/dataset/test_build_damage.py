"""Build on damaged, left and unfinished sessions: named, left out on request, nothing half made."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from kincap.core.jpeg import encode_jpeg
from kincap.dataset.build import build
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.sessions.lock import SessionLock
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import Stream
from kincap.sessions.shard.shard_reader import ShardReader

from .conftest import SIZE_PX, Frame
from .small_builds import odd, only, refused, settings


def test_a_left_session_is_refused_until_it_is_repaired(sessions, walk) -> None:
    sessions("train1", walk(5), sealed=False)
    sessions("val1", walk(3))
    assert "kincap sessions repair train1" in refused(settings(sessions))


def test_a_session_that_is_recorded_is_refused(sessions, walk) -> None:
    folder = sessions("train1", walk(5))
    sessions("val1", walk(3))
    with SessionLock(folder).acquire("a test"):
        assert "recorded" in refused(settings(sessions))


def test_a_prepared_shard_without_rows_does_no_harm(sessions, walk) -> None:
    sessions("train1", walk(5))
    sessions("val1", walk(3))
    empty = sessions("spare", [Frame()], sealed=False) / "000000.h5"
    with ShardReader(empty) as reader:
        place = reader.layout.tables["color_index"], reader.layout.tables["bodies"]
    with empty.open("r+b") as file:
        for table in place:
            file.seek(table.offset)
            file.write(bytes(table.rows * table.dtype.itemsize))
    shutil.copy(empty, sessions.recordings / "train1" / "000001.h5")
    assert build(settings(sessions, sessions="[tv]*")).kept == 8


def damage_picture(folder: Path, seq: int) -> None:
    """Flip a byte of one stored picture."""
    with SessionReader(folder) as reader:
        row = reader.row_by_seq(Stream.color, seq)
        with ShardReader(folder / "000000.h5") as shard:
            at = shard.layout.tables["blobs"].offset + int(row["offset"]) + 40
    path = folder / "000000.h5"
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def test_a_damaged_picture_ends_the_build_or_is_left_out(sessions, walk) -> None:
    folder = sessions("train1", walk(6))
    sessions("val1", walk(3))
    damage_picture(folder, 4)
    said = refused(settings(sessions), exit_code=1)
    assert "train1/000000.h5" in said
    assert "color 4" in said
    result = build(settings(sessions, skip_damaged=True))
    assert only(result, damaged=1)
    with open_kinect13(result.out) as dataset:
        assert dataset.split("train").color_seq.tolist() == [0, 1, 2, 3, 5]


def test_pictures_cut_off_with_their_shard_are_named_or_left_out(sessions, walk) -> None:
    folder = sessions("train1", walk(6))
    sessions("val1", walk(3))
    path = folder / "000000.h5"
    with SessionReader(folder) as reader, ShardReader(path) as shard:
        row = reader.row_by_seq(Stream.color, 4)
        end = shard.layout.tables["blobs"].offset + int(row["offset"]) + 40
    path.chmod(0o600)
    os.truncate(path, end)
    said = refused(settings(sessions), exit_code=1)
    assert "train1/000000.h5: color 4: is after the end of the cut file" in said
    assert "--skip-damaged leaves it out" in said
    result = build(settings(sessions, skip_damaged=True))
    assert result.splits == {"train": 4, "val": 3}
    assert only(result, damaged=2)


@pytest.mark.parametrize("damage", ["gone", "zeros", "header"])
def test_a_damaged_shard_is_named_or_used_as_far_as_it_is_whole(sessions, walk, damage) -> None:
    sessions("train1", walk(6))
    path = sessions("train2", walk(5)) / "000000.h5"
    sessions("val1", walk(3))
    path.chmod(0o600)
    if damage == "gone":
        path.unlink()
    elif damage == "zeros":
        path.write_bytes(bytes(5000))
    else:
        with path.open("r+b") as file:
            file.write(bytes(200))
    said = refused(settings(sessions))
    assert "train2/000000.h5: " in said
    assert "--skip-damaged" in said
    result = build(settings(sessions, skip_damaged=True))
    assert result.splits == {"train": 11 if damage == "header" else 6, "val": 3}
    assert (
        "train2: missing or damaged shards, only what is whole of them is used: 000000.h5; "
        "kincap sessions repair train2" in result.warnings
    )


@pytest.mark.parametrize("table", ["color_index", "bodies"])
def test_a_damaged_row_is_left_out_and_told_of(sessions, walk, table) -> None:
    path = sessions("train1", walk(6)) / "000000.h5"
    sessions("val1", walk(3))
    with ShardReader(path) as shard:
        place = shard.layout.tables[table]
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(place.offset + 4 * place.dtype.itemsize + 12)
        file.write(b"\xff")
    result = build(settings(sessions))
    assert result.splits == {"train": 5, "val": 3}
    assert odd(result) == [
        "train1: damaged rows of its tables, left out: 1; kincap sessions verify train1 says which",
    ]


def test_a_shard_that_cannot_be_read_is_refused_with_what_to_do(sessions, walk) -> None:
    path = sessions("train1", walk(6)) / "000000.h5"
    sessions("val1", walk(3))
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.write(bytes(8))
    said = refused(settings(sessions))
    assert "train1/000000.h5" in said
    assert "kincap sessions repair train1" in said


def giant(width: int, height: int) -> bytes:
    """A small JPEG whose header declares a giant."""
    data = encode_jpeg(np.zeros((16, 16, 3), np.uint8))
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + height.to_bytes(2) + width.to_bytes(2) + data[at + 4 :]


@pytest.mark.parametrize(
    ("broken", "why", "workers"),
    [
        (b"\xff\xd8" + bytes(500) + b"\xff\xd9", "no frame header", 2),
        (giant(30_000, 30_000), "JPEG of 30000x30000 pixels, expected 320x240", 1),
        (giant(*SIZE_PX), "damaged JPEG", 1),
    ],
)
def test_a_picture_that_is_no_jpeg_is_damaged_although_its_checksum_holds(
    sessions, walk, broken: bytes, why: str, workers: int
) -> None:
    sessions("train1", [*walk(4), Frame(blob=broken)])
    sessions("val1", walk(3))
    said = refused(settings(sessions), exit_code=1)
    assert "color 4" in said
    assert why in said
    assert only(build(settings(sessions, skip_damaged=True, workers=workers)), damaged=1)
