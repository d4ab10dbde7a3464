"""Old recordings stay readable for ever; newer ones are refused with what to do."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from kincap.core.checked_json import dump_checked, load_checked
from kincap.core.errors import SessionError, ShardError
from kincap.core.files.file_io import FileIO
from kincap.report.quality import make_quality
from kincap.sessions.folders import SESSION_FILE
from kincap.sessions.reader import SessionReader
from kincap.sessions.repair.repair import repair
from kincap.sessions.repair.upgrade import upgrade
from kincap.sessions.repair.verify import verify_session
from kincap.sessions.schema import (
    EVENTS_DTYPE,
    TABLES,
    EventKind,
    empty_body_row,
    event_row,
    finish_rows,
    good_rows,
)
from kincap.sessions.session_file import load_session
from kincap.sessions.shard.layout import Layout, make_layout
from kincap.sessions.shard.sealing import finish
from kincap.sessions.shard.shard_reader import ShardReader, read_layout
from kincap.sessions.shard.shard_writer import ShardWriter
from kincap.sessions.shard.versions import READABLE, fill_columns, stored_tables, to_current
from kincap.sessions.summary import summarise

from .repair.conftest import make_session

Run = Callable[..., subprocess.CompletedProcess[str]]
VERSION_1 = Path(__file__).with_name("fixtures") / "version1"
"""Made by kincap of version 1 of the format; never changed, never made again."""
SESSIONS = ("clip", "joints")


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Return a folder with a copy of the sessions of version 1."""
    return Path(shutil.copytree(VERSION_1, tmp_path / "recordings"))


def _content(folder: Path) -> Iterator[object]:
    """Yield everything that a session says, but not where it lies."""
    with SessionReader(folder) as reader:
        for name in ("color", "bodies", "events"):
            rows = getattr(reader, name)
            for field in rows.dtype.names:
                if field not in ("offset", "row_crc"):
                    yield name, field, rows[field].tobytes()
        for seq in reader.color["seq"]:
            yield reader.color_blob(int(seq))


@pytest.mark.parametrize("name", SESSIONS)
def test_a_session_of_version_1_is_read_verified_and_reported(name: str, recordings: Path) -> None:
    folder = recordings / name
    assert load_session(folder).format_version == 1
    assert {read_layout(shard).version for shard in folder.glob("*.h5")} == {1}
    report = verify_session(folder)
    assert (report.damage, report.notes) == ([], [])
    about = summarise(folder)
    assert (about.state, about.problems) == ("sealed", [])
    quality = make_quality(folder, FileIO())
    kept = load_checked((folder / "quality.json").read_bytes())
    for stream, account in kept["accounts"].items():
        # later versions count more; what version 1 counted is the same
        assert account.items() <= quality["accounts"][stream].items()
    with SessionReader(folder) as reader:
        assert [event["text"] for event in reader.events][1] == b"dropped"
        assert reader.bodies["tracking_id"][0, 2] == 72057594037927936
        assert len(reader.color) == (10 if name == "clip" else 0)


def test_a_session_of_version_1_is_repaired_and_stays_one(recordings: Path) -> None:
    shard = recordings / "clip" / "000001.h5"
    raw = bytearray(shard.read_bytes())
    raw[read_layout(shard).tables["bodies"].offset + 8] ^= 1
    shard.chmod(0o600)
    shard.write_bytes(raw)
    assert not verify_session(recordings / "clip").ok
    assert repair(recordings, "clip").after.ok
    assert read_layout(shard).version == 1
    shutil.copy(VERSION_1 / "clip" / SESSION_FILE, recordings / "clip" / SESSION_FILE)
    (recordings / "clip" / SESSION_FILE).write_bytes(b"{}")
    assert repair(recordings, "clip").after.ok
    assert load_session(recordings / "clip").format_version == 1


@pytest.mark.parametrize("name", SESSIONS)
def test_upgrade_writes_a_new_session_beside_the_old_one(
    name: str, recordings: Path, kincap: Run
) -> None:
    folder = recordings / name
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    done = kincap("sessions", "upgrade", name, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    new = recordings / f"{name}-v2"
    assert (said["new"], said["version_before"]) == (f"recordings/{name}-v2", 1)
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {key: after[key] for key in before} == before
    assert set(after) - set(before) <= {"lock"}
    info = load_session(new)
    assert (info.format_version, info.name) == (2, new.name)
    assert info.uuid == load_session(folder).uuid
    assert {read_layout(shard).version for shard in new.glob("*.h5")} == {2}
    report = verify_session(new)
    assert (report.damage, report.notes) == ([], [])
    assert list(_content(new)) == list(_content(folder))
    if name == "clip":
        assert (new / "edits.json").read_bytes() == (folder / "edits.json").read_bytes()
    again = kincap("sessions", "upgrade", f"{name}-v2")
    assert (again.returncode, "nothing was written" in again.stdout) == (0, True)
    taken = kincap("sessions", "upgrade", name)
    assert (taken.returncode, "already exists" in taken.stderr) == (2, True)


def test_an_upgrade_takes_the_truth_along(recordings: Path) -> None:
    truth = recordings / "clip" / "truth"
    truth.mkdir()
    (truth / "000000.bin").write_bytes(bytes(range(200)))
    (truth / "about.json").write_text("{}")
    new = upgrade(recordings, "clip").folder
    assert new is not None
    assert {path.name: path.read_bytes() for path in (new / "truth").iterdir()} == {
        path.name: path.read_bytes() for path in truth.iterdir()
    }
    assert verify_session(new).ok


def test_an_upgrade_follows_no_link_to_a_truth_elsewhere(recordings: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (recordings / "clip" / "truth").symlink_to(tmp_path / "precious")
    new = upgrade(recordings, "clip").folder
    assert new is not None
    assert not (new / "truth").exists()


def test_what_is_not_whole_is_not_upgraded(recordings: Path, tmp_path: Path) -> None:
    left = make_session(tmp_path / "recordings" / "left")
    with pytest.raises(SessionError, match="kincap sessions repair left comes first"):
        upgrade(recordings, "left")
    assert left.is_dir()
    (recordings / "clip" / "000000.h5").chmod(0o600)
    (recordings / "clip" / "000000.h5").write_bytes(b"x")
    with pytest.raises(SessionError, match="repair clip comes first"):
        upgrade(recordings, "clip")
    assert not list(recordings.glob("*v2"))
    assert not list(recordings.glob(".upgrading*"))


def test_recording_goes_on_in_a_session_of_version_1(recordings: Path) -> None:
    info = load_session(recordings / "clip")
    layout = make_layout(info.uuid, info.created_utc, shard_mib=8)
    info.add_layout(layout)
    assert (layout.version, info.format_version) == (2, 2)


def _attribute(path: Path, value: object) -> None:
    path.chmod(0o600)
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "shard version 3, this kincap reads 1-2; upgrade kincap"),
        (0, "shard version 0, this kincap reads 1-2; restore it"),
        (np.array([1, 2]), "format_version array.*, expected a whole number"),
        (np.bytes_(b"1"), "expected a whole number"),
        (1.0, "expected a whole number"),
    ],
)
def test_another_version_of_a_shard_is_refused(
    value: object, message: str, recordings: Path
) -> None:
    shard = recordings / "clip" / "000000.h5"
    _attribute(shard, value)
    with pytest.raises(ShardError, match=message):
        read_layout(shard)


@pytest.mark.parametrize("value", [3, "1", [1], None, True, 2.0])
def test_another_version_of_session_json_is_refused(value: object, recordings: Path) -> None:
    path = recordings / "clip" / SESSION_FILE
    content = {**load_checked(path.read_bytes()), "format_version": value}
    path.write_bytes(dump_checked(content, lines=True))
    message = "reads 1-2; upgrade kincap" if value == 3 else "expected a whole number"
    with pytest.raises(SessionError, match=message):
        load_session(path.parent)


def test_a_version_that_its_events_contradict_is_refused(recordings: Path) -> None:
    shard = recordings / "clip" / "000000.h5"
    _attribute(shard, 2)
    with pytest.raises(ShardError, match="says version 2, its events are of version 1"):
        read_layout(shard)


def test_new_shards_hold_the_text_of_events_as_bytes(tmp_path: Path) -> None:
    layout = make_layout("u", "2026-01-01T00:00:00Z", shard_mib=8)
    writer = ShardWriter(tmp_path / "000000.h5", layout, FileIO())
    writer.prepare()
    writer.append("events", event_row(EventKind.warning, take=0, text="Tür"))
    writer.close()
    with h5py.File(tmp_path / "000000.h5", "r") as file:
        assert file.attrs["format_version"] == 2
        assert file["events"].dtype["text"] == np.dtype(("u1", (192,)))
        assert bytes(file["events"]["text"][0]).rstrip(b"\0").decode() == "Tür"
    with ShardReader(tmp_path / "000000.h5") as shard:
        assert shard.rows("events")["text"].tolist() == ["Tür".encode()]
    assert Layout.from_json(json.loads(json.dumps(layout.to_json()))) == layout


def test_every_version_names_its_types() -> None:
    assert list(READABLE) == [1, 2]
    for number in READABLE:
        types = stored_tables(version=number)
        assert set(types) == set(TABLES)
        empty = np.zeros(3, types["events"])
        assert to_current("events", empty).dtype == EVENTS_DTYPE


def test_rows_of_a_version_with_fewer_columns_get_defaults() -> None:
    """A new column must not be the end of old recordings."""
    full = TABLES["bodies"]
    older = np.dtype([(n, full[n]) for n in full.names or () if n not in ("lean_xy", "floor")])
    rows = np.zeros(4, older)
    source = empty_body_row()
    for name in older.names or ():
        rows[name] = source[name][0]
    rows["seq"] = [0, 1, 2, 3]
    finish_rows(rows[:3])
    rows["row_crc"][1] ^= 5
    found = fill_columns(rows, full, {"lean_xy": np.nan})
    assert found.dtype == full
    assert good_rows(found).tolist() == [True, False, True, False]
    assert found["row_crc"][3] == 0
    assert found["seq"].tolist() == [0, 1, 2, 0]
    assert np.isnan(found["lean_xy"][0]).all()
    assert (found["floor"][0] == 0).all()


def test_a_recording_of_today_is_cut_in_todays_version(tmp_path: Path) -> None:
    folder = make_session(tmp_path / "recordings" / "s1")
    info = load_session(folder)
    layout = Layout.from_json(info.layouts[0])
    finish(folder, "000002.h5", layout, FileIO())
    assert {read_layout(shard).version for shard in folder.glob("*.h5")} == {2}
