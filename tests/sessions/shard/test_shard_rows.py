"""Rows of a shard: checksums, what counts, what a damaged one says, property by property."""

import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.lib import recfunctions

from kincap.core.errors import ShardError
from kincap.sessions.schema import (
    BODIES_DTYPE,
    COLOR_DTYPE,
    EVENTS_DTYPE,
    EventKind,
    Stream,
    empty_body_row,
    event_row,
    finish_rows,
    good_rows,
    pack_index_row,
)
from kincap.sessions.shard.shard_reader import DAMAGED, EMPTY, GOOD, ShardReader

from ..conftest import Recording, blob_of

DTYPES = (COLOR_DTYPE, BODIES_DTYPE, EVENTS_DTYPE)


@given(st.sampled_from(DTYPES), st.integers(1, 6), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_any_finished_rows_are_good_and_any_flipped_bit_makes_one_bad(
    dtype: np.dtype, count: int, random: Random
) -> None:
    raw = random.randbytes(count * dtype.itemsize)
    rows = finish_rows(np.frombuffer(bytearray(raw), dtype))
    assert good_rows(rows).all()
    assert (rows["row_crc"] != 0).all()
    bit = random.randrange(8 * rows.nbytes)
    flipped = np.frombuffer(bytearray(rows.tobytes()), dtype)
    flipped.view(np.uint8)[bit // 8] ^= 1 << (bit % 8)
    expected = np.ones(count, bool)
    expected[bit // 8 // dtype.itemsize] = False
    assert good_rows(flipped).tolist() == expected.tolist()


def test_a_row_of_zeros_was_never_written() -> None:
    assert not good_rows(np.zeros(3, BODIES_DTYPE)).any()
    assert good_rows(finish_rows(np.zeros(3, BODIES_DTYPE))).all()


def test_row_crc_is_the_crc32_of_what_stands_before_it() -> None:
    row = finish_rows(empty_body_row())
    assert int(row["row_crc"][0]) == zlib.crc32(row.tobytes()[:-4])


def test_a_checksum_of_zero_is_stored_as_one() -> None:
    # search a seq whose row would give CRC 0: 4 bytes of the text steer the checksum anywhere
    row = event_row(EventKind.stall, take=0)
    target = _body_with_crc_zero(row.tobytes()[:-4])
    rows = np.frombuffer(bytearray(target + bytes(4)), EVENTS_DTYPE)
    assert zlib.crc32(target) == 0
    assert int(finish_rows(rows)["row_crc"][0]) == 1
    assert good_rows(rows).all()


def _body_with_crc_zero(body: bytes) -> bytes:
    """Return the body with its last 4 bytes chosen so that its CRC-32 is 0 (by linearity)."""
    base = zlib.crc32(body[:-4] + bytes(4))
    columns = [zlib.crc32(body[:-4] + (1 << bit).to_bytes(4, "little")) ^ base for bit in range(32)]
    # solve columns * x = base over GF(2)
    pivots: dict[int, tuple[int, int]] = {}
    for bit, column in enumerate(columns):
        mask = 1 << bit
        while column:
            top = column.bit_length()
            if top not in pivots:
                pivots[top] = (column, mask)
                break
            column, mask = column ^ pivots[top][0], mask ^ pivots[top][1]
    x, rest = 0, base
    while rest:
        column, mask = pivots[rest.bit_length()]
        rest, x = rest ^ column, x ^ mask
    return body[:-4] + x.to_bytes(4, "little")


def test_a_packed_index_row_equals_the_array_row() -> None:
    packed = pack_index_row(7, 2, -5, 9, exposure=3, frame_interval=4, gain=1.5, flags=2)
    row = np.frombuffer(packed, COLOR_DTYPE)[0]
    expected = (7, 2, -5, 9, 0, 0, 0, 3, 4, 1.5, 2, 0)
    assert row.tolist() == expected
    unknown = np.frombuffer(pack_index_row(0, 0, 0, 0), COLOR_DTYPE)[0]
    assert (unknown["exposure"], unknown["frame_interval"]) == (-1, -1)
    assert np.isnan(unknown["gain"])


@given(st.text(max_size=300))
@settings(max_examples=50, deadline=None)
def test_event_text_is_cut_to_whole_characters(text: str) -> None:
    text = text.replace("\0", "")
    kept = event_row(EventKind.no_body, take=0, text=text)["text"][0].decode()
    assert text.startswith(kept)
    assert len(kept.encode()) > 188 or kept == text


@given(
    written=st.lists(st.sampled_from(["good", "gap", "damaged"]), min_size=1, max_size=12),
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_good_rows_behind_empty_and_damaged_ones_are_found(
    written: list[str], shard_file: Path
) -> None:
    """Rows are written by hand: a reader filters and never stops."""
    layout = ShardReader(shard_file).layout
    place = layout.tables["bodies"]
    table = np.zeros(place.rows, BODIES_DTYPE)
    for i, kind in enumerate(written):
        if kind != "gap":
            table[i : i + 1] = empty_body_row()
            table[i]["seq"] = i
            finish_rows(table[i : i + 1])
        if kind == "damaged":
            table[i]["tracking_id"][3] ^= 16
    with shard_file.open("r+b") as file:
        file.seek(place.offset)
        file.write(table.tobytes())
    with ShardReader(shard_file) as shard:
        good = [i for i, kind in enumerate(written) if kind == "good"]
        assert shard.rows("bodies")["seq"].tolist() == good
        states = {"good": GOOD, "gap": EMPTY, "damaged": DAMAGED}
        expected = [states[kind] for kind in written]
        assert shard.row_states("bodies")[: len(written)].tolist() == expected
        damaged = [(d.row, d.seq) for d in shard.damaged_rows("bodies")]
        assert damaged == [(i, i) for i, kind in enumerate(written) if kind == "damaged"]


def test_a_damaged_seq_is_told_from_its_neighbours(shard_file: Path) -> None:
    with ShardReader(shard_file) as shard:
        place = shard.layout.tables["color_index"]
    raw = bytearray(shard_file.read_bytes())
    for row in (2, 4):
        raw[place.offset + row * place.dtype.itemsize + 5] ^= 1  # bit 40 of its seq
    shard_file.write_bytes(raw)
    with ShardReader(shard_file) as shard:
        assert [(d.row, d.seq) for d in shard.damaged_rows("color_index")] == [(2, 2), (4, 4)]
        assert shard.rows("color_index")["seq"].tolist() == [0, 1, 3]


def test_a_damaged_blob_names_shard_stream_and_seq(shard_file: Path) -> None:
    with ShardReader(shard_file) as shard:
        row = shard.rows("color_index")[3]
        at = shard.layout.tables["blobs"].offset + int(row["offset"]) + 100
        raw = bytearray(shard_file.read_bytes())
        raw[at] ^= 1
        shard_file.write_bytes(raw)
        with pytest.raises(ShardError, match=r"000000\.h5: color 3: damaged") as caught:
            shard.blob(row)
        assert caught.value.exit_code == 1
        assert shard.blob(shard.rows("color_index")[2]) == blob_of(2)


@pytest.mark.parametrize(("field", "value"), [("length", 3), ("offset", 1 << 40), ("length", 9**9)])
def test_a_row_that_points_nowhere_is_refused(field: str, value: int, shard_file: Path) -> None:
    with ShardReader(shard_file) as shard:
        row = shard.rows("color_index")[0]
        row[field] = value
        with pytest.raises(ShardError, match="color 0: points outside"):
            shard.blob(row)


def test_the_writer_refuses_what_has_no_room_or_falls_back(
    record: Callable[..., Recording],
) -> None:
    recording = record()
    writer = recording.open_shard()
    recording.fill(writer, 5, 3)
    row = empty_body_row()
    row["seq"] = 7
    with pytest.raises(ShardError, match="bodies: seq 7 after 7"):
        writer.append("bodies", row)
    assert not writer.fits("color_index", 8 << 20)
    with pytest.raises(ShardError, match="no room"):
        writer.append("color_index", pack_index_row(9, 0, 0, 0), bytes(8 << 20))
    for seq in range(8, 69):
        assert writer.fits("bodies")
        recording.append(writer, seq)
    assert not writer.fits("bodies")
    assert writer.used("bodies") == 1.0
    assert writer.rows == {"color_index": 64, "bodies": 64, "events": 0}
    writer.close()
    with ShardReader(writer.path) as shard:
        assert shard.rows("color_index")["seq"].tolist() == list(range(5, 69))
        assert [shard.blob(row) for row in shard.rows("color_index")[:5]] == [
            blob_of(seq) for seq in range(5, 10)
        ]


def test_a_checksum_computed_elsewhere_is_taken_as_given(record: Callable[..., Recording]) -> None:
    writer = record().open_shard()
    blob = memoryview(blob_of(1))
    writer.append("color_index", pack_index_row(1, 0, 0, 0), blob, blob_crc=zlib.crc32(blob))
    writer.close()
    with ShardReader(writer.path) as shard:
        assert shard.blob(shard.rows("color_index")[0]) == blob


def test_plain_h5py_and_pandas_read_a_shard(shard_file: Path) -> None:
    with h5py.File(shard_file) as file:
        assert file.attrs["format"] == b"kincap-shard"
        assert len(file.attrs) == 6
        rows = file["color_index"][:]
        rows = rows[rows["row_crc"] != 0]
        frame = pd.DataFrame(recfunctions.drop_fields(rows, "row_crc"))
        assert frame["seq"].tolist() == [0, 1, 2, 3, 4]
        first = frame.iloc[2]
        offset, length = int(first["offset"]), int(first["length"])
        assert file["blobs"][offset : offset + length].tobytes() == blob_of(2)
        bodies = file["bodies"][:]
        assert bodies["tracking_id"][:5, 0].tolist() == [100, 101, 102, 103, 104]


def test_a_table_that_the_shard_lacks_is_empty(shard_file: Path) -> None:
    with ShardReader(shard_file) as shard:
        assert len(shard.rows("depth_index")) == 0
        assert shard.damaged_rows("depth_index") == []
        assert Stream.depth.name == "depth"
