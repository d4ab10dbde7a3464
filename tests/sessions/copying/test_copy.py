"""``kincap sessions copy``: the same bytes, resumed, refused, never half."""

import errno
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kincap.core.errors import SessionError
from kincap.core.files.fault_injection import Fault, FaultyFileIO
from kincap.core.files.file_io import Data
from kincap.sessions.copying.copy import ALREADY, COPIED, FAILED, copy_sessions
from kincap.sessions.edits.journal import add_edit
from kincap.sessions.folders import find_sessions
from kincap.sessions.lock import SessionLock
from kincap.sessions.repair.rename_delete import rename
from kincap.sessions.repair.verify import verify

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., "subprocess.Popen[str]"]


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the content of all files of a session but its locks."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("lock", "lock.json", "edits.lock")
    }


def test_a_copy_has_the_same_bytes_and_the_source_may_be_deleted(recordings: Path) -> None:
    disk = recordings.parent / "disk"
    told: list[tuple[int, int]] = []
    done = copy_sessions(
        recordings, ["take1"], disk, on_progress=lambda now, total, note: told.append((now, total))
    )
    (one,) = done.sessions
    assert (one.state, one.source_may_be_deleted, done.ok) == (COPIED, True, True)
    assert files_of(disk / "take1") == files_of(recordings / "take1")
    assert one.bytes == sum(map(len, files_of(disk / "take1").values()))
    assert [path.name for path in disk.iterdir()] == ["take1"]
    assert verify(disk)[0].ok
    shard = disk / "take1" / "000000.h5"
    assert shard.stat().st_mode & 0o777 == 0o400
    assert shard.stat().st_mtime_ns == (recordings / "take1" / "000000.h5").stat().st_mtime_ns
    assert told[-1][0] == told[-1][1] == one.bytes
    assert [now for now, _ in told] == sorted(now for now, _ in told)
    # a shard that is not sealed is copied, and said
    assert one.unsealed == ["000002.h5"]


def test_a_second_run_compares_every_byte(recordings: Path, flip: Callable[..., None]) -> None:
    disk = recordings.parent / "disk"
    copy_sessions(recordings, ["take1"], disk)
    (disk / "take1" / "quality.json").write_text("{}")  # a report may be made again there
    again = copy_sessions(recordings, ["take1"], disk)
    assert [(one.state, one.source_may_be_deleted) for one in again.sessions] == [(ALREADY, True)]
    flip(disk / "take1" / "000000.h5", 5_000_000)
    (bad,) = copy_sessions(recordings, ["take1"], disk).sessions
    assert (bad.state, bad.source_may_be_deleted) == (FAILED, False)
    assert "000000.h5" in bad.problem


@pytest.mark.parametrize(
    ("point", "resumed"),
    [
        ("write:kill:3", False),
        ("write:kill:14", True),
        ("rename:kill:9", True),
    ],
)
def test_a_killed_copy_goes_on_when_it_is_run_again(
    point: str, resumed: bool, recordings: Path, kincap: Run
) -> None:
    cwd, disk = recordings.parent, recordings.parent / "disk"
    killed = kincap("sessions", "copy", "--all", "disk", cwd=cwd, KINCAP_FAULTS=point)
    assert killed.returncode == -signal.SIGKILL
    # a half copy is not a session
    for name in find_sessions(disk):
        assert files_of(disk / name) == files_of(recordings / name)
    done = kincap("sessions", "copy", "--all", "disk", "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["schema"] == "kincap/copy/1"
    assert [one["source_may_be_deleted"] for one in said["sessions"]] == [True, True]
    assert any(one["resumed_bytes"] for one in said["sessions"]) == resumed
    assert sorted(path.name for path in disk.iterdir()) == ["take1", "take2"]
    for name in ("take1", "take2"):
        assert files_of(disk / name) == files_of(recordings / name)


def test_ctrl_c_keeps_what_was_copied(recordings: Path, start: Start, kincap: Run) -> None:
    cwd, disk = recordings.parent, recordings.parent / "disk"
    process = start("copy", "take1", "disk", KINCAP_FAULTS="sync:stall=0.3:*")
    deadline = time.monotonic() + 60
    while not list(disk.glob(".copying-take1/*.h5*")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run it again to go on" in said
    assert "Traceback" not in said
    assert find_sessions(disk) == []
    assert kincap("sessions", "copy", "take1", "disk", cwd=cwd).returncode == 0
    assert files_of(disk / "take1") == files_of(recordings / "take1")


def test_what_a_power_cut_left_is_not_trusted(recordings: Path, flip: Callable[..., None]) -> None:
    disk = recordings.parent / "disk"
    faulty = FaultyFileIO([Fault("write", "eio", 14, None)])
    assert copy_sessions(recordings, ["take1"], disk, io=faulty).sessions[0].state == FAILED
    left = sorted(disk.glob(".copying-take1/*.h5")) + sorted(disk.glob(".copying-take1/*.part"))
    assert left
    for path in left:
        flip(path, 100)
    (one,) = copy_sessions(recordings, ["take1"], disk).sessions
    assert (one.state, one.problem) == (COPIED, "")
    assert files_of(disk / "take1") == files_of(recordings / "take1")


def test_a_disk_that_gives_other_bytes_back_is_noticed(recordings: Path) -> None:
    class Forgetful(FaultyFileIO):
        def write_at(self, fd: int, data: Data, offset: int) -> None:
            if offset == 2 << 20:
                data = bytes(byte ^ 1 for byte in data)
            super().write_at(fd, data, offset)

    disk = recordings.parent / "disk"
    (one,) = copy_sessions(recordings, ["take1"], disk, io=Forgetful()).sessions
    assert (one.state, one.source_may_be_deleted) == (FAILED, False)
    assert "reads back otherwise" in one.problem
    assert find_sessions(disk) == []


def test_a_full_disk_is_one_line_and_the_copy_goes_on_later(recordings: Path, kincap: Run) -> None:
    cwd, disk = recordings.parent, recordings.parent / "disk"
    done = kincap(
        "sessions", "copy", "--all", "disk", "--json", cwd=cwd, KINCAP_FAULTS="write:enospc:20+"
    )
    assert done.returncode == 1
    first, second = json.loads(done.stdout)["sessions"]
    assert os.strerror(errno.ENOSPC) in first["problem"]
    assert second["problem"] == "not begun: no room"
    assert not first["source_may_be_deleted"]
    assert kincap("sessions", "copy", "--all", "disk", cwd=cwd).returncode == 0
    assert files_of(disk / "take1") == files_of(recordings / "take1")


def test_too_little_room_is_refused_before_anything_is_copied(
    recordings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    disk = recordings.parent / "disk"
    usage = shutil.disk_usage(disk)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(SessionError, match="1000 B are free"):
        copy_sessions(recordings, ["take1"], disk)
    assert list(disk.iterdir()) == []


def test_damage_in_the_source_is_said_and_its_source_must_stay(
    recordings: Path, flip: Callable[..., None], kincap: Run
) -> None:
    flip(recordings / "take1" / "000000.h5", 3000)
    done = kincap("sessions", "copy", "take1", "disk", cwd=recordings.parent)
    assert done.returncode == 1
    assert "DAMAGED  000000.h5: differs from its SHA-256" in done.stdout
    assert "may be deleted" not in done.stdout
    assert "kincap sessions repair take1" in done.stderr
    assert files_of(recordings.parent / "disk" / "take1") == files_of(recordings / "take1")


def test_a_session_in_use_is_refused_or_left_out(recordings: Path) -> None:
    disk = recordings.parent / "disk"
    with SessionLock(recordings / "take1").acquire("kincap record"):
        with pytest.raises(SessionError, match=r"kincap record.*copy it when that has ended"):
            copy_sessions(recordings, ["take1", "take2"], disk)
        assert list(disk.iterdir()) == []
        done = copy_sessions(recordings, [], disk, everything=True)
    assert [one.name for one in done.sessions] == ["take2"]
    assert "in use" in done.left_out["take1"]


def test_another_session_or_state_at_the_destination_is_refused(recordings: Path) -> None:
    disk = recordings.parent / "disk"
    copy_sessions(recordings, ["take2"], disk)
    rename(disk, "take2", "take1")
    before = files_of(disk / "take1")
    with pytest.raises(SessionError, match="another session with this name"):
        copy_sessions(recordings, ["take1"], disk)
    copy_sessions(recordings, ["take2"], disk)
    add_edit(recordings / "take2", "reject", 0, 1, "later")
    with pytest.raises(SessionError, match=r"differs \(edits.json\)"):
        copy_sessions(recordings, ["take2"], disk)
    assert files_of(disk / "take1") == before


def test_decisions_made_meanwhile_are_copied_too(recordings: Path) -> None:
    disk, edited = recordings.parent / "disk", []

    def edit(_done: int, _total: int, note: str) -> None:
        if not edited and note.endswith("session.json"):
            edited.append(add_edit(recordings / "take1", "reject", 4, 4, "meanwhile"))

    copy_sessions(recordings, ["take1"], disk, on_progress=edit)
    assert edited
    assert files_of(disk / "take1") == files_of(recordings / "take1")


@pytest.mark.parametrize(
    ("destination", "words"),
    [
        ("recordings", "are there already"),
        ("recordings/take1", "is inside the session"),
        ("recordings/take1/deep", "is inside the session"),
        ("nowhere", "no such folder"),
        ("file", "not a folder"),
    ],
)
def test_a_wrong_destination_is_refused(destination: str, words: str, recordings: Path) -> None:
    (recordings / "take1" / "deep").mkdir()
    (recordings.parent / "file").write_text("")
    with pytest.raises(SessionError, match=words) as caught:
        copy_sessions(recordings, ["take2"], recordings.parent / destination)
    assert caught.value.exit_code == 2
    assert len(str(caught.value).splitlines()) == 1


def test_links_are_not_followed_and_the_source_must_stay(recordings: Path) -> None:
    disk = recordings.parent / "disk"
    (recordings / "take1" / "more").symlink_to("/etc/hostname")
    (one,) = copy_sessions(recordings, ["take1"], disk).sessions
    assert (one.links, one.source_may_be_deleted) == (["more"], False)
    assert not os.path.lexists(disk / "take1" / "more")


def test_a_source_that_may_only_be_read_is_copied(recordings: Path, as_user: list[str]) -> None:
    for path in [*recordings.rglob("*"), recordings]:
        path.chmod(path.stat().st_mode & ~0o222)
    import sys

    done = subprocess.run(
        [*as_user, sys.executable, "-m", "kincap", "sessions", "copy", "take1", "disk"],
        cwd=recordings.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    for path in [recordings, *recordings.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)
    assert done.returncode == 0, done.stderr
    assert files_of(recordings.parent / "disk" / "take1") == files_of(recordings / "take1")
