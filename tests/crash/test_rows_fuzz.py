"""Hypothesis on rows and small files: no reader crashes, believes a bad row, or a mad number."""

import json
import os
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kincap.core.checked_json import is_whole, load_checked
from kincap.core.errors import KincapError
from kincap.core.files.file_io import FileIO
from kincap.core.valid_text import valid_json
from kincap.sessions.edits.journal import load_edits
from kincap.sessions.manifest import read_manifest
from kincap.sessions.schema import ROW_CRC, TABLES, Stream
from kincap.sessions.session_file import load_session
from kincap.sessions.shard.layout import cut_layout
from kincap.sessions.shard.shard_reader import GOOD, ShardReader
from kincap.sessions.shard.shard_writer import ShardWriter

from . import hostile
from .flips import make_sessions

EXAMPLES = int(os.environ.get("KINCAP_FUZZ_EXAMPLES", "0"))
"""How many examples nightly asks for; 0: the few of CI, the same ones each time."""


def bounded(examples: int) -> settings:
    """Return how a property is tried: with few examples, or with as many as nightly asks for."""
    return settings(
        max_examples=EXAMPLES or examples,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        # a failure names what was drawn: making it smaller would take minutes
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(scope="module")
def whole() -> Iterator[dict[str, Path]]:
    """Return two whole sessions, one with a shard that a kill left."""
    with tempfile.TemporaryDirectory(prefix="kincap-fuzz-") as folder:
        yield make_sessions(Path(folder, "whole"))


@pytest.fixture(scope="module")
def recordings(whole: dict[str, Path]) -> Path:
    """Return a folder in which sessions may be broken."""
    return whole["left"].parents[1] / "recordings"


ROWS = {"color_index": 8, "bodies": 8, "events": 8, "blobs": 4096}
TABLE = st.sampled_from(["color_index", "bodies", "events"])


def crc_holds(row: bytes) -> bool:
    """Say whether a row counts, as docs/format.md has it."""
    stored = ROW_CRC.unpack(row[-4:])[0]
    return stored != 0 and stored == (zlib.crc32(row[:-4]) or 1)


@given(data=st.data())
@bounded(60)
def test_rows_of_any_bytes_come_back_as_they_were_written(data: Any) -> None:
    rows = {t: data.draw(hostile.any_rows(t)).make(3, rising=True) for t in ("bodies", "events")}
    blobs = data.draw(st.lists(st.binary(min_size=4, max_size=900), max_size=4))
    with tempfile.TemporaryDirectory(prefix="kincap-fuzz-") as folder:
        writer = ShardWriter(Path(folder, "000000.h5"), cut_layout("u", "t", ROWS), FileIO())
        writer.prepare()
        for table, several in rows.items():
            for row in several:
                writer.append(table, row.reshape(1))
        index = data.draw(hostile.any_rows("color_index")).make(4, rising=True)[: len(blobs)]
        for row, blob in zip(index, blobs, strict=True):
            writer.append("color_index", row.reshape(1), blob)
        writer.sync()
        writer.close()
        with ShardReader(writer.path) as shard:
            for table, several in rows.items():
                assert shard.rows(table).tobytes() == several.tobytes()
            stored = shard.rows("color_index")
            for name in ("seq", "take", "time_device", "time_host", "exposure", "gain", "flags"):
                assert stored[name].tobytes() == index[name].tobytes()
            assert [shard.blob(row, Stream.color) for row in stored] == blobs


@given(data=st.data())
@bounded(60)
def test_a_row_counts_exactly_where_its_checksum_holds(data: Any) -> None:
    layout = cut_layout("u", "t", ROWS)
    raw = bytearray(layout.header.ljust(layout.size, b"\0"))
    for table in ("color_index", "bodies", "events"):
        rows = data.draw(hostile.any_rows(table)).make(4)
        at = layout.tables[table].offset
        raw[at : at + rows.nbytes] = rows.tobytes()
        for where in data.draw(st.lists(st.integers(0, rows.nbytes - 1), max_size=2)):
            raw[at + where] ^= data.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory(prefix="kincap-fuzz-") as folder, hostile.little_memory():
        path = Path(folder, "000000.h5")
        path.write_bytes(raw[: data.draw(st.sampled_from([len(raw), len(raw) - 4096]))])
        with ShardReader(path, layout) as shard:
            for table in TABLES.keys() & ROWS.keys():
                found = shard.all_rows(table)
                good = [row.tobytes() for row in found if crc_holds(row.tobytes())]
                assert [row.tobytes() for row in shard.rows(table)] == good
                assert int((shard.row_states(table) == GOOD).sum()) == len(good)
                assert len(good) + len(shard.damaged_rows(table)) <= len(found)
            for row in shard.rows("color_index"):
                with pytest.raises(KincapError, match="000000.h5"):
                    shard.blob(row)


@given(data=st.data())
@bounded(8)
def test_rows_that_nobody_wrote_break_no_reader(
    whole: dict[str, Path], recordings: Path, data: Any
) -> None:
    name = data.draw(st.sampled_from(["left", "ended"]))
    folder = hostile.copy_of(whole[name], recordings)
    shard = folder / data.draw(
        st.sampled_from(["000000.h5", "000001.h5", "000002.h5"][: 2 + (name == "left")])
    )
    with ShardReader(shard) as view:
        places = view.layout.tables
    raw = bytearray(shard.read_bytes())
    for several in data.draw(st.lists(hostile.any_rows(TABLE), min_size=1, max_size=3)):
        table, rows = several.table, several.make(2)
        at = data.draw(st.integers(0, max(0, places[table].rows - 2)))
        start = places[table].offset + at * rows.dtype.itemsize
        end = min(start + rows.nbytes, places[table].end)
        raw[start:end] = rows.tobytes()[: end - start]
    shard.chmod(0o600)
    shard.write_bytes(raw)
    hostile.read_everything(recordings, name)


@given(data=st.data())
@bounded(14)
def test_a_session_file_of_any_content_breaks_no_reader(
    whole: dict[str, Path], recordings: Path, data: Any
) -> None:
    content = load_checked((whole["left"] / "session.json").read_bytes())
    folder = hostile.copy_of(whole["left"], recordings)
    raw = hostile.signed(data.draw(hostile.changed(content)), lines=True)
    (folder / "session.json").write_bytes(raw)
    hostile.read_everything(recordings, "left")


@given(data=st.data())
@bounded(14)
def test_a_manifest_of_any_lines_breaks_no_reader(
    whole: dict[str, Path], recordings: Path, data: Any
) -> None:
    lines = (whole["left"] / "manifest.jsonl").read_bytes().splitlines()
    folder = hostile.copy_of(whole["left"], recordings)
    outside = sorted(path.name for path in recordings.parent.iterdir())
    records = [json.loads(line) for line in lines]
    for record in records:
        record.pop("checksum")
    at = data.draw(st.integers(0, len(records)))
    new = data.draw(hostile.changed(records[min(at, len(records) - 1)]))
    records[at : at + data.draw(st.integers(0, 1))] = [new]
    raw = b"".join(hostile.signed(record, lines=False) for record in records)
    (folder / "manifest.jsonl").write_bytes(raw)
    hostile.read_everything(recordings, "left")
    assert set(read_manifest(folder)) <= {path.name for path in folder.glob("*.h5")}
    assert sorted(path.name for path in recordings.parent.iterdir()) == outside


@given(data=st.data())
@bounded(6)
def test_decisions_of_any_content_break_no_reader(
    whole: dict[str, Path], recordings: Path, data: Any
) -> None:
    content = load_checked((whole["ended"] / "edits.json").read_bytes())
    folder = hostile.copy_of(whole["ended"], recordings)
    raw = hostile.signed(data.draw(hostile.changed(content)), lines=True)
    (folder / "edits.json").write_bytes(raw)
    hostile.read_everything(recordings, "ended")


@pytest.mark.parametrize(
    ("file", "read"),
    [
        ("session.json", load_session),
        ("edits.json", load_edits),
        ("manifest.jsonl", read_manifest),
        ("lock.json", lambda _folder: None),
    ],
)
@pytest.mark.parametrize(
    "raw",
    [
        hostile.DEEP.encode(),
        b"[" + b"9" * 5000 + b', "\xff"]',
    ],
    ids=["deep", "long number and no text"],
)
def test_json_of_any_shape_breaks_no_reader(
    whole: dict[str, Path], recordings: Path, file: str, raw: bytes, read: Any
) -> None:
    folder = hostile.copy_of(whole["left"], recordings)
    (folder / file).write_bytes(raw)
    if file in ("session.json", "edits.json"):
        with pytest.raises(KincapError, match=file):
            read(folder)
    hostile.read_everything(recordings, "left")


@given(
    content=st.dictionaries(
        st.text(min_size=1).filter(lambda key: key != "checksum"), hostile.VALUES, min_size=1
    ),
    lines=st.booleans(),
    at=st.integers(0),
    bit=st.integers(0, 7),
)
@bounded(150)
def test_a_checksum_holds_for_what_was_written_and_for_no_other_bit(
    content: dict[str, Any], lines: bool, at: int, bit: int
) -> None:
    raw = hostile.signed(content, lines=lines)
    assert is_whole(raw)
    again = load_checked(raw)
    assert json.dumps(again) == json.dumps(valid_json(content))
    broken = bytearray(raw)
    broken[at % len(raw)] ^= 1 << bit
    assert not is_whole(bytes(broken))
