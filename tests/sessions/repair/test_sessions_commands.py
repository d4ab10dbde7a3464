"""The commands themselves: exit codes, JSON, what they ask, what they refuse."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kincap.core.errors import SessionError, SessionLockedError
from kincap.sessions.details import show_session
from kincap.sessions.lock import SessionLock
from kincap.sessions.reader import SessionReader
from kincap.sessions.repair.rename_delete import delete, rename
from kincap.sessions.repair.shard_check import DAMAGE_KINDS
from kincap.sessions.repair.verify import verify, verify_session
from kincap.sessions.schema import Stream
from kincap.sessions.session_file import load_session
from kincap.sessions.summary import list_sessions

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def sessions(session: Path, kincap: Run) -> Run:
    """Return a function that runs ``kincap sessions ARGS`` beside the session's recordings."""
    return lambda *args, **more: kincap("sessions", *args, cwd=session.parents[1], **more)


def one_line(text: str) -> str:
    assert text.startswith("kincap: ")
    assert len(text.strip().splitlines()) == 1
    return text


def test_verify_says_which_shard_stream_and_seq(
    session: Path, sessions: Run, flip: Callable
) -> None:
    done = sessions("verify", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["schema"] == "kincap/verify/1"
    assert [(s["name"], s["ok"], s["sealed"]) for s in report["sessions"]] == [
        ("take1", True, False)
    ]
    with SessionReader(session) as reader:
        row = reader.row_by_seq(Stream.color, 8)
        blobs = reader.shard("000001.h5").layout.tables["blobs"]
    flip(session / "000001.h5", blobs.offset + int(row["offset"]) + 77)
    done = sessions("verify", "take1", "--json")
    assert done.returncode == 1
    (damage,) = json.loads(done.stdout)["sessions"][0]["damaged"]
    assert {key: damage[key] for key in ("shard", "kind", "stream", "seq")} == {
        "shard": "000001.h5",
        "kind": "blob",
        "stream": "color",
        "seq": 8,
    }
    done = sessions("verify")
    assert done.returncode == 1
    assert "000001.h5 color 8" in done.stdout
    assert "kincap sessions repair take1" in done.stderr


def test_repair_reports_what_it_did(session: Path, sessions: Run, flip: Callable) -> None:
    flip(session / "000000.h5", 3000)
    done = sessions("repair", "take1", "--json")
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert report["schema"] == "kincap/repair/1"
    assert report["ok"]
    assert report["kept"] == ["000000.h5.damaged"]
    done = sessions("repair", "take1", "--discard")
    assert done.returncode == 0
    assert "deleted: 000000.h5.damaged" in done.stdout


@pytest.mark.parametrize(
    "args",
    [
        ("verify", "nobody"),
        ("repair", "../take1"),
        ("show", "nobody"),
        ("rename", "take1", "CON", "--yes"),
        ("rename", "take1", "other"),
        ("delete", "take1"),
    ],
)
def test_bad_requests_are_one_line_and_change_nothing(
    session: Path, sessions: Run, args: tuple[str, ...]
) -> None:
    before = sorted(session.parent.rglob("*"))
    done = sessions(*args)
    assert done.returncode == 2
    assert done.stdout == ""
    last = done.stderr.strip().splitlines()[-1]
    one_line(last)
    if args[0] == "delete" or args[-1] == "other":
        assert "--yes" in last
    assert sorted(session.parent.rglob("*")) == before


def test_rename_and_delete_do_what_they_say(session: Path, sessions: Run) -> None:
    shutil.copytree(session, session.parent / "second")
    assert sessions("rename", "take1", "take9", "--yes").returncode == 0
    moved = session.parent / "take9"
    assert not session.exists()
    assert (load_session(moved).name, load_session(moved).outfit) == ("take9", "take1")
    assert verify_session(moved).ok
    done = sessions("delete", "take9", "--yes")
    assert done.returncode == 0
    assert "000002.h5" in done.stderr
    assert os.listdir(session.parent) == ["second"]


def test_a_full_disk_is_named_and_does_not_keep_a_session_from_being_deleted(
    session: Path, sessions: Run
) -> None:
    full = {"KINCAP_FAULTS": "create:enospc:1+,write:enospc:1+"}
    done = sessions("rename", "take1", "take2", "--yes", **full)
    assert done.returncode == 1
    assert "take1/lock.json: No space left on device" in done.stderr
    assert sessions("delete", "take1", "--yes", **full).returncode == 0
    assert os.listdir(session.parent) == []


def test_list_and_show_as_json_and_as_text(session: Path, sessions: Run) -> None:
    done = sessions("list", "--json")
    report = json.loads(done.stdout)
    assert report["schema"] == "kincap/sessions/1"
    (one,) = report["sessions"]
    expected: dict[str, Any] = {
        "name": "take1",
        "state": "left",
        "shards": 3,
        "color_frames": 17,
        "body_frames": 17,
        "dropped": {"ring_full": 3},
        "takes": 1,
        "outfit": "take1",
        "subject": "P1",
        "problems": [],
    }
    assert {key: one[key] for key in expected} == expected
    assert one["bytes"] > 16 << 20
    assert one["duration_s"] == pytest.approx(19 * 0.0333333, abs=1e-3)
    assert "not sealed" in sessions("list").stdout
    shown = json.loads(sessions("show", "take1", "--json").stdout)
    assert shown["schema"] == "kincap/session/1"
    assert shown["dropped_by_stream"] == {"color": {"ring_full": 3}}
    assert shown["joints"]["Head"] == {"tracked": 0.0, "inferred": 1.0, "not_tracked": 0.0}
    assert shown["edits"] == [{"seq_first": 2, "seq_last": 3, "verdict": "reject"}]
    assert shown["rejected_frames"] == 1
    text = sessions("show", "take1").stdout
    assert "color: 3 ring_full" in text
    assert "reject 2-3 (1 frame rejected)" in text


def test_a_session_in_use_is_neither_renamed_nor_deleted(session: Path) -> None:
    with SessionLock(session).acquire("a recorder"):
        assert list_sessions(session.parent)[0].state == "recording"
        assert show_session(session.parent, "take1").recording_by["command"] == "a recorder"
        with pytest.raises(SessionLockedError, match="a recorder"):
            rename(session.parent, "take1", "take2")
        with pytest.raises(SessionLockedError, match="a recorder"):
            delete(session.parent, "take1")
    assert verify_session(session).ok


def test_names_that_differ_by_case_alone_are_not_both_taken(session: Path) -> None:
    shutil.copytree(session, session.parent / "other")
    with pytest.raises(SessionError, match="upper and lower case"):
        rename(session.parent, "take1", "OTHER")
    assert rename(session.parent, "take1", "TAKE1").name == "TAKE1"
    assert load_session(session.parent / "TAKE1").name == "TAKE1"


def test_only_sessions_are_deleted(session: Path, tmp_path: Path) -> None:
    notes = session.parent / "notes"
    notes.mkdir()
    (notes / "diary.txt").write_text("mine")
    with pytest.raises(SessionError, match="no session here"):
        delete(session.parent, "notes")
    elsewhere = Path(shutil.move(session, tmp_path / "elsewhere"))
    session.symlink_to(elsewhere)
    with pytest.raises(SessionError, match="a link"):
        delete(session.parent, "take1")
    assert verify_session(elsewhere).ok
    assert (notes / "diary.txt").exists()


def test_a_damaged_session_is_listed_with_what_is_wrong(session: Path, flip: Callable) -> None:
    for name in ("session.json", "manifest.jsonl", "edits.json"):
        path = session / name
        raw = path.read_bytes()
        for junk in (b"", bytes(len(raw)), b"{}\n", raw[: len(raw) // 2], raw.replace(b"0", b"1")):
            path.write_bytes(junk)
            (one,) = list_sessions(session.parent)
            show_session(session.parent, "take1")
            wrong = one.state == "damaged" and any(name in text for text in one.problems)
            assert wrong or (name == "manifest.jsonl" and not verify(session.parent)[0].ok)
        path.write_bytes(raw)
    (session / "000001.h5").unlink()
    (one,) = list_sessions(session.parent)
    assert one.problems == ["000001.h5: missing"]


def test_an_empty_folder_has_no_sessions(tmp_path: Path, kincap: Run) -> None:
    done = kincap("sessions", "list", "--json", cwd=tmp_path)
    assert json.loads(done.stdout) == {
        "schema": "kincap/sessions/1",
        "sessions": [],
        "alarms": [],
    }
    done = kincap("sessions", "verify", cwd=tmp_path)
    assert done.returncode == 2, "nothing can be well where nothing is"
    assert "--recordings" in one_line(done.stderr)


def test_every_kind_of_damage_is_explained() -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "sessions.md"
    _, _, after = page.read_text(encoding="utf-8").partition("\n## Damage found by verify\n")
    rows = re.findall(r"^\| `(\w+)` \|", after.partition("\n## ")[0], re.MULTILINE)
    assert rows == list(DAMAGE_KINDS)


@pytest.mark.skipif(os.name != "posix", reason="folders are closed by POSIX modes here")
def test_a_session_that_may_not_be_looked_into_holds_up_no_other(
    session: Path, tmp_path: Path, as_user: list[str]
) -> None:
    closed = shutil.copytree(session, session.with_name("closed"))

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*as_user, sys.executable, "-m", "kincap", "sessions", *args],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip

    closed.chmod(0)
    try:
        listed, one, every = run("list", "--json"), run("verify", "take1"), run("verify", "--json")
    finally:
        closed.chmod(0o700)
    states = {s["name"]: s["state"] for s in json.loads(listed.stdout)["sessions"]}
    assert states == {"closed": "closed", "take1": "left"}
    assert (listed.returncode, one.returncode, every.returncode) == (0, 0, 1)
    (damage,) = json.loads(every.stdout)["sessions"][0]["damaged"]
    assert "may not be read" in damage["what"]
