"""Sessions: names, session.json and manifest that notice any flipped bit, the lock."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kincap.core.checked_json import dump_checked, is_whole, load_checked, mend_bit
from kincap.core.errors import SessionError, SessionLockedError
from kincap.core.files.fault_injection import FaultyFileIO, parse_faults
from kincap.core.files.file_io import FileIO
from kincap.sessions.device import Device
from kincap.sessions.folders import (
    SESSION_FILE,
    check_session_name,
    find_sessions,
    next_shard_number,
    session_folder,
    shard_names,
)
from kincap.sessions.info import new_session
from kincap.sessions.lock import SessionLock, is_recording
from kincap.sessions.manifest import (
    MANIFEST,
    ManifestRecord,
    StreamSpan,
    append_manifest,
    check_manifest,
    read_manifest,
    rewrite_manifest,
)
from kincap.sessions.session_file import (
    check_session_file,
    load_session,
    mend_session_file,
    save_session,
)

from .conftest import Recording

Make = Callable[..., Recording]


@pytest.mark.parametrize("name", ["clothing3", "a", "A.b-c_9", "x" * 64, "console", "com10"])
def test_good_names_pass(name: str) -> None:
    assert check_session_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "../x", "a/b", "a\\b", "a b", ".hidden", "-x", "a..b", "a.", "x" * 65, "é", "a\n", "a\0b",
     "CON", "con.txt", "Lpt1", "com9.x", "NUL", "aux.h5"],
)  # fmt: skip
def test_bad_names_are_refused_in_one_line(name: str) -> None:
    with pytest.raises(SessionError) as caught:
        check_session_name(name)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_name_that_differs_by_case_alone_is_refused(tmp_path: Path, record: Make) -> None:
    record("clothing3")
    recordings = tmp_path / "recordings"
    assert session_folder(recordings, "clothing3") == recordings / "clothing3"
    with pytest.raises(SessionError, match="upper and lower case"):
        session_folder(recordings, "Clothing3")


def test_sessions_are_found_by_glob(tmp_path: Path, record: Make) -> None:
    recordings = tmp_path / "recordings"
    assert find_sessions(recordings) == []
    for name in ("b1", "a1", "a2"):
        record(name)
    (recordings / "no-session").mkdir()
    (recordings / "README.md").write_text("x")
    assert find_sessions(recordings) == ["a1", "a2", "b1"]
    assert find_sessions(recordings, "a*") == ["a1", "a2"]


def test_session_json_comes_back_and_is_plain_json(tmp_path: Path) -> None:
    info = new_session("s1", subject="Ada", tags=["x", "ÿ"], device=Device(mirrored=True))
    assert info.outfit == "s1"
    save_session(tmp_path, info)
    assert load_session(tmp_path) == info
    plain = json.loads((tmp_path / SESSION_FILE).read_text(encoding="utf-8"))
    assert plain["uuid"] == info.uuid
    assert plain["event_kinds"]["take_start"] == 1
    assert stat.S_IMODE((tmp_path / SESSION_FILE).stat().st_mode) == 0o600


def test_any_flipped_bit_in_session_json_shows_and_is_mended(tmp_path: Path) -> None:
    save_session(tmp_path, new_session("s1", note="a note"))
    path = tmp_path / SESSION_FILE
    raw = path.read_bytes()
    for i in range(len(raw)):
        for bit in range(8):
            assert not is_whole(raw[:i] + bytes([raw[i] ^ 1 << bit]) + raw[i + 1 :]), (i, bit)
    for i in (0, 300, len(raw) - 1):
        path.write_bytes(raw[:i] + bytes([raw[i] ^ 2]) + raw[i + 1 :])
        assert check_session_file(tmp_path) == "its checksum differs"
        with pytest.raises(SessionError, match=r"damaged .* kincap sessions repair"):
            load_session(tmp_path)
        assert mend_session_file(tmp_path)
        assert path.read_bytes() == raw
    assert check_session_file(tmp_path) is None


def test_what_can_still_be_read_of_a_damaged_session_json_is(tmp_path: Path) -> None:
    info = new_session("s1", note="abcd")
    save_session(tmp_path, info)
    path = tmp_path / SESSION_FILE
    path.write_bytes(path.read_bytes().replace(b"abcd", b"xxxx"))
    assert load_session(tmp_path, strict=False) == replace(info, note="xxxx")
    assert not mend_session_file(tmp_path)


def test_other_versions_and_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="no session here"):
        load_session(tmp_path)
    save_session(tmp_path, replace(new_session("s1"), format_version=3))
    with pytest.raises(SessionError, match="session version 3, this kincap reads 1-2; upgrade"):
        load_session(tmp_path)
    (tmp_path / SESSION_FILE).write_text("[]")
    with pytest.raises(SessionError, match="damaged"):
        load_session(tmp_path, strict=False)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("takes", [1], "takes or layouts hold something else"),
        ("event_kinds", {"stall": {}}, "event_kinds: {} is not a number of stall"),
        ("flag_bits", {"low_light": True}, "flag_bits: True is not a number of low_light"),
        ("layouts", {}, "layouts is of type dict, expected list"),
        ("device", "kinect", "device is of type str, expected dict"),
        ("uuid", 7, "uuid is of type int, expected str"),
        ("name", "../x", "session name"),
    ],
)
def test_a_whole_session_json_with_odd_fields_is_refused(
    field: str, value: object, message: str, tmp_path: Path
) -> None:
    content = {**new_session("s1").to_json(), field: value}
    (tmp_path / SESSION_FILE).write_bytes(dump_checked(content, lines=True))
    with pytest.raises(SessionError, match=message):
        load_session(tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text().filter(lambda key: key != "checksum"), JSON, min_size=1), st.data()
)
@settings(max_examples=60, deadline=None)
def test_checked_json_holds_any_object_and_notices_any_bit(
    content: dict[str, object], data: st.DataObject
) -> None:
    for lines in (True, False):
        raw = dump_checked(content, lines=lines)
        assert load_checked(raw) == content
        assert raw.count(b"\n") == 1 or lines
        bit = data.draw(st.integers(0, 8 * len(raw) - 1))
        damaged = bytearray(raw)
        damaged[bit // 8] ^= 1 << bit % 8
        assert not is_whole(bytes(damaged))
        assert mend_bit(bytes(damaged)) == raw


def _line(name: str, **other: object) -> ManifestRecord:
    span = StreamSpan(rows=3, seq_first=1, seq_last=4, time_first=-2, time_last=9)
    known = ManifestRecord(
        name, 8 << 20, "ab" * 32, {"color": span}, {"color_index": 3}, {"drop_encoder": 1}, "id"
    )
    return replace(known, **other)


def test_the_last_whole_line_for_a_name_wins(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) == {}
    first, second = _line("000001.h5"), _line("000000.h5")
    third = _line("000001.h5", recovered=True, damaged={"bodies": 2})
    for record in (first, second, third):
        append_manifest(tmp_path, record)
    assert read_manifest(tmp_path) == {"000000.h5": second, "000001.h5": third}
    assert check_manifest(tmp_path) == []
    rewrite_manifest(tmp_path, [third])
    assert read_manifest(tmp_path) == {"000001.h5": third}


@given(st.integers(min_value=1))
@settings(max_examples=40, deadline=None)
def test_a_torn_last_line_is_ignored_and_cut_off(tmp_path_factory: object, cut: int) -> None:
    folder = tmp_path_factory.mktemp("manifest")
    append_manifest(folder, _line("000000.h5"))
    whole = (folder / MANIFEST).read_bytes()
    append_manifest(folder, _line("000001.h5"))
    raw = (folder / MANIFEST).read_bytes()
    keep = len(whole) + cut % (len(raw) - len(whole))
    (folder / MANIFEST).write_bytes(raw[:keep])
    assert list(read_manifest(folder)) == ["000000.h5"]
    assert check_manifest(folder) == []
    append_manifest(folder, _line("000002.h5"))
    assert list(read_manifest(folder)) == ["000000.h5", "000002.h5"]
    assert check_manifest(folder) == []


def test_any_flipped_bit_in_the_manifest_is_damage(tmp_path: Path) -> None:
    for number in range(3):
        append_manifest(tmp_path, _line(f"00000{number}.h5"))
    path = tmp_path / MANIFEST
    raw = path.read_bytes()
    for i in range(len(raw)):
        path.write_bytes(raw[:i] + bytes([raw[i] ^ 1 << (i % 8)]) + raw[i + 1 :])
        assert check_manifest(tmp_path), i
    newline = len(raw) - 1
    for bit in range(8):
        path.write_bytes(raw[:newline] + bytes([raw[newline] ^ 1 << bit]))
        assert check_manifest(tmp_path) == ["line 3: its last byte is not a newline"]
    append_manifest(tmp_path, _line("000007.h5"))
    assert list(read_manifest(tmp_path)) == ["000000.h5", "000001.h5", "000007.h5"]
    assert check_manifest(tmp_path) == ["line 3: its checksum differs"]


def test_shards_are_numbered_behind_all_that_ever_were(record: Make) -> None:
    folder = record().folder
    assert next_shard_number(folder) == 0
    for name in ("000000.h5", "000002.h5", "000004.h5.damaged"):
        (folder / name).write_bytes(b"")
    assert shard_names(folder) == ["000000.h5", "000002.h5"]
    assert next_shard_number(folder) == 5
    append_manifest(folder, _line("000009.h5"))
    assert next_shard_number(folder) == 10


def test_a_second_recorder_is_told_who_holds_the_session(record: Make) -> None:
    folder = record().folder
    assert not is_recording(folder)
    code = (
        "import sys, pathlib\n"
        "from kincap.sessions.lock import SessionLock\n"
        "SessionLock(pathlib.Path(sys.argv[1])).acquire('kincap record --session session1')\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        assert is_recording(folder)
        told = rf"locked by process {child.pid} on .* \(kincap record --session session1, since 2"
        with pytest.raises(SessionLockedError, match=told) as caught:
            SessionLock(folder).acquire("repair")
        assert caught.value.exit_code == 2
        assert (folder / "lock").read_bytes() == b""
        child.kill()
    # the system frees the lock of a killed process; its lock.json stays and means nothing
    assert not is_recording(folder)
    with SessionLock(folder).acquire("repair"):
        assert is_recording(folder)
        assert json.loads((folder / "lock.json").read_text())["pid"] == os.getpid()
    assert not (folder / "lock.json").exists()


def test_a_session_that_cannot_be_written_is_not_held(record: Make) -> None:
    folder = record().folder
    lock = SessionLock(folder, FaultyFileIO(parse_faults("write:enospc:1")))
    with pytest.raises(OSError, match="No space left"):
        lock.acquire("record")
    assert not is_recording(folder)
    lock.acquire("record").release()


def test_looking_does_not_disturb_a_recorder_that_starts(record: Make) -> None:
    folder = record().folder
    looking = subprocess.Popen(
        [sys.executable, "-c",
         "import sys, pathlib\n"
         "from kincap.sessions.lock import is_recording\n"
         "print(flush=True)\n"
         "while True: is_recording(pathlib.Path(sys.argv[1]))\n", str(folder)],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    with looking:
        assert looking.stdout is not None
        looking.stdout.readline()
        for _ in range(50):
            SessionLock(folder).acquire("record").release()
        looking.kill()


@pytest.mark.parametrize(
    "fault", ["create:enospc:1", "write:enospc:1", "sync:eio:1", "rename:eio:1"]
)
def test_a_small_file_is_replaced_whole_or_not_at_all(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "session.json"
    FileIO().write_atomic(path, b"old")
    with pytest.raises(OSError, match="session.json"):
        FaultyFileIO(parse_faults(fault)).write_atomic(path, b"new and longer")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["session.json"]
