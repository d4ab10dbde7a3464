"""docs/format.md, section 1, says what real files hold: its tables are parsed and compared."""

import hashlib
import json
import re
import zlib
from dataclasses import fields, replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.core.files.file_io import FileIO
from kincap.core.skeleton import TrackingState
from kincap.report.quality import make_quality, save_quality
from kincap.sessions.edits.journal import add_edit
from kincap.sessions.info import SessionInfo
from kincap.sessions.lock import SessionLock
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import TABLES, ColorFlag, EventKind, Stream, event_row
from kincap.sessions.session_file import load_session
from kincap.sessions.shard.layout import make_layout
from kincap.sessions.shard.sealing import finish
from kincap.sessions.shard.versions import READABLE
from kincap.sessions.truth import truth_dtype

from .conftest import Recording

PAGE = Path(__file__).resolve().parents[2] / "docs" / "format.md"
SECTION = PAGE.read_text(encoding="utf-8").split("\n## 1. ")[1].split("\n## 2")[0]


def tables(first_column: str) -> list[list[list[str]]]:
    """Return the page's tables whose first column has this head, as rows of cells."""
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", SECTION, re.MULTILINE):
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.split("\n")]
        rows = [[cell.strip("`") for cell in row] for row in rows if len(row) > 1]
        if rows[0][0] == first_column:
            found.append(rows[2:])
    return found


def dtype_of(rows: list[list[str]]) -> np.dtype:
    """Return the type that a table of fields describes."""
    described = []
    for name, kind, _ in rows:
        base, _, shape = kind.rstrip("]").partition("[")
        described.append((name, base, tuple(map(int, shape.split(","))) if shape else ()))
    return np.dtype(described)


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a sealed shard of all streams' tables, in a session with an edit."""
    recording = Recording(tmp_path_factory.mktemp("recordings") / "page", FileIO())
    writer = recording.open_shard()
    recording.fill(writer, 0, 3)
    writer.append("events", event_row(EventKind.stall, take=0, text="nothing came"))
    writer.close()
    finish(recording.folder, "000000.h5", recording.layout, recording.io)
    add_edit(recording.folder, "reject", 1, 1)
    return writer.path


def test_the_tables_of_fields_are_those_of_a_real_shard(shard: Path) -> None:
    index, bodies, events = (dtype_of(rows) for rows in tables("field")[:3])
    with h5py.File(shard) as file:
        assert file["color_index"].dtype == index
        assert file["bodies"].dtype == bodies
        assert file["events"].dtype == events
        assert file["blobs"].dtype == np.dtype("u1")
    assert TABLES["mask_index"] == TABLES["depth_index"] == index
    # packed: no gaps between fields
    assert all(
        dtype.itemsize == sum(dtype[name].itemsize for name in dtype.names)
        for dtype in (index, bodies, events)
    )


def test_the_table_of_the_truth_is_its_rows_type() -> None:
    rows = [[name, kind.replace("P", "2"), what] for name, kind, what in tables("field")[3]]
    assert dtype_of(rows) == truth_dtype(2)


def test_attributes_are_as_listed(shard: Path) -> None:
    (listed,) = tables("attribute")
    with h5py.File(shard) as file:
        assert sorted(file.attrs) == sorted(name for name, _, _ in listed)
        for name, kind, value in listed:
            assert isinstance(file.attrs[name], np.bytes_ if kind == "bytes" else np.integer)
            if name.startswith("format"):
                assert file.attrs[name] in (value.encode(), int(value) if value.isdigit() else 0)


@pytest.mark.parametrize("mib", [8, 20, 512])
@pytest.mark.parametrize("streams", [("color", "bodies", "mask", "depth"), ("bodies",)])
def test_rows_are_as_many_as_listed(mib: int, streams: tuple[str, ...]) -> None:
    (listed,) = tables("dataset")
    layout = make_layout("uuid", "2026-01-01T00:00:00Z", streams, mib)
    for name, _, rule in listed:
        if name == "blobs" or name not in layout.tables:
            assert name != "blobs" or (name in layout.tables) == ("color" in streams)
            continue
        rules = re.findall(r"max\((\d+), (\d+) M\)", rule)
        least, per_mib = map(int, rules[-1] if "color" not in streams else rules[0])
        assert layout.tables[name].rows == max(least, per_mib * mib)
    assert {name for name, _, _ in listed} == {*TABLES, "blobs"}


def test_numbers_are_as_listed() -> None:
    assert {name: int(n) for name, n in tables("stream")[0]} == {s.name: int(s) for s in Stream}
    assert {name: int(n) for name, n, _ in tables("kind")[0]} == {k.name: int(k) for k in EventKind}
    assert {name: int(n) for name, n, _ in tables("flag")[0]} == {f.name: int(f) for f in ColorFlag}


def _keys(heading: str) -> set[str]:
    """Return the words set as code in a part of the page."""
    part = re.split(rf"^### [\d.]+ {heading}", SECTION, flags=re.MULTILINE)[1].split("\n### ")[0]
    return set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", part))))


def test_keys_of_the_json_files_are_named(shard: Path) -> None:
    folder = shard.parent
    assert {f.name for f in fields(SessionInfo)} <= _keys(r"session\.json")
    assert load_session(folder).name == "page"
    session = json.loads((folder / "session.json").read_text())
    assert set(session) <= _keys(r"session\.json")
    line = json.loads((folder / "manifest.jsonl").read_text())
    assert set(line) <= _keys("Life of a shard")
    assert set(line["streams"]["color"]) <= _keys("Life of a shard")
    edits = json.loads((folder / "edits.json").read_text())
    assert set(edits) | set(edits["operations"][0]) <= _keys(r"edits\.json")


def test_the_keys_of_quality_json_are_as_listed(shard: Path) -> None:
    save_quality(shard.parent, make_quality(shard.parent))
    kept = json.loads((shard.parent / "quality.json").read_text())
    (listed,) = tables("key of quality.json")
    assert [name for name, _ in listed] == list(kept)
    (figures,) = tables("figure of quality.json")
    assert [name for name, _ in figures] == list(kept["whole"])
    for name, holds in figures:
        inside = kept["whole"][name]
        if isinstance(inside, dict) and name not in ("joints", "keypoints", "streams"):
            assert set(inside) <= set(re.findall(r"\w+", holds)), name
    for name, holds in listed:
        first = next(iter(kept[name].values())) if name == "accounts" else kept[name]
        first = first[0] if name in ("findings", "dropped") and first else first
        if name in ("accounts", "findings", "dropped") and first:
            assert set(first) <= set(re.findall(r"\w+", holds)), name


def test_the_files_of_a_session_are_named(shard: Path) -> None:
    with SessionLock(shard.parent).acquire("test"):
        for path in shard.parent.iterdir():
            assert path.name in SECTION, path.name


def test_rows_and_blobs_can_be_checked_by_the_page_alone(shard: Path) -> None:
    """1.4: what the page says of checksums, blobs and unknown values holds for a real shard."""
    with h5py.File(shard) as file:
        for table in ("color_index", "bodies", "events"):
            for row in file[table][:]:
                assert row["row_crc"] == (zlib.crc32(row.tobytes()[:-4]) or 1)
        for row in file["color_index"][:]:
            blob = file["blobs"][row["offset"] : row["offset"] + row["length"]].tobytes()
            assert row["length"] >= 4
            assert zlib.crc32(blob) == row["crc32"]
            assert (blob[:2], blob[-2:]) == (b"\xff\xd8", b"\xff\xd9")
            assert (row["exposure"], row["frame_interval"]) == (-1, -1)
            assert np.isnan(row["gain"])
        event = file["events"][0]
        assert bytes(event["text"]).rstrip(b"\0").decode() == "nothing came"
        assert (event["time_device"], event["time_host"]) == (-1, -1)
    line = json.loads((shard.parent / "manifest.jsonl").read_text())
    assert line["sha256"] == hashlib.sha256(shard.read_bytes()).hexdigest()
    assert line["bytes"] == shard.stat().st_size


def test_checksums_of_small_files_are_as_described(shard: Path) -> None:
    for name in ("session.json", "edits.json"):
        raw = (shard.parent / name).read_bytes()
        body = raw[: raw.rindex(b',\n "checksum"')]
        assert json.loads(raw)["checksum"] == hashlib.sha256(body).hexdigest()


def test_numbers_of_the_tracking_state_are_as_listed() -> None:
    (said,) = [what for name, _, what in tables("field")[1] if name == "joint_state"]
    listed = {name.strip(): int(n) for n, name in re.findall(r"(\d) ([a-z ]+)", said)}
    assert listed == {state.name.replace("_", " "): int(state) for state in TrackingState}


@pytest.mark.parametrize("given", [True, False])
def test_stored_as_given_says_whether_the_jpeg_is_the_sources(given: bool, tmp_path: Path) -> None:
    settings = RecordSettings("s1", tmp_path, source="simulator:frames=3,pace=fast", report=False)
    record(settings)
    if given:
        record(replace(settings, session="s2", source=f"session:{tmp_path / 's1'}"))
    with SessionReader(tmp_path / ("s2" if given else "s1")) as reader:
        flags = reader.color["flags"] & ColorFlag.stored_as_given
    assert len(flags) == 3
    assert (flags != 0).all() == given


def test_the_versions_listed_are_those_that_are_read() -> None:
    (listed,) = tables("version")
    assert [int(number) for number, *_ in listed] == list(READABLE)


@pytest.mark.parametrize("name", ["h5py", "h5py-color_index", "h5py-events", "h5py-blobs"])
def test_the_lines_for_h5py_run(name: str, shard: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shard.parent)
    found = re.search(rf"<!-- reader: {name} -->\n```python\n(.*?)\n```", SECTION)
    assert found is not None
    known: dict[str, object] = {}
    exec(found[1], known)
    if "text" in known:
        assert known["text"] == ["nothing came"]
    assert len(known.get("rows", known.get("jpeg"))) > 0  # type: ignore[arg-type]
