"""The daemon is found by a private file, and a stale one leads nowhere."""

import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kincap.capture.daemon.discovery import (
    DaemonFile,
    DaemonLock,
    find_daemon,
    runtime_folder,
)
from kincap.core.errors import KincapError

ABOUT = DaemonFile(
    url="http://127.0.0.1:8734",
    token="secret",
    pid=os.getpid(),
    recordings="/data/recordings",
    source="simulator",
    streams=("color", "bodies"),
)


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a runtime folder of its own; return kincap's."""
    (tmp_path / "run").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return runtime_folder()


def test_without_a_login_session_the_folder_is_found_without_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert runtime_folder().is_absolute()


def test_a_daemon_is_found_as_it_announced_itself_and_not_after_its_end(runtime: Path) -> None:
    assert find_daemon() is None
    with DaemonLock() as lock:
        assert find_daemon() is None
        lock.announce(ABOUT)
        assert find_daemon() == ABOUT
        assert stat.S_IMODE((runtime / "daemon.json").stat().st_mode) == 0o600
        assert stat.S_IMODE(runtime.stat().st_mode) == 0o700
    assert find_daemon() is None
    assert not (runtime / "daemon.json").exists()


def test_a_second_daemon_is_refused_in_one_line_that_names_the_first() -> None:
    with DaemonLock() as lock:
        lock.announce(ABOUT)
        with pytest.raises(KincapError) as refused:
            DaemonLock()
        assert refused.value.exit_code == 2
        assert f"process {os.getpid()}, simulator" in str(refused.value)
        assert "\n" not in str(refused.value)
        assert find_daemon() == ABOUT


HOLD = """
import os, sys
from kincap.capture.daemon.discovery import DaemonFile, DaemonLock
lock = DaemonLock()
lock.announce(DaemonFile("http://127.0.0.1:1", "secret", os.getpid(), "/data", "simulator"))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("pid", ["of the killed daemon", "of another process"])
def test_the_file_of_a_killed_daemon_is_stale(runtime: Path, pid: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    found = find_daemon()
    assert found is not None
    assert found.pid == process.pid
    process.kill()
    process.communicate()
    if pid == "of another process":
        path = runtime / "daemon.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "pid": os.getpid()}))
    assert (runtime / "daemon.json").exists()
    assert find_daemon() is None
    with DaemonLock() as lock:
        assert find_daemon() is None
        lock.announce(ABOUT)
        assert find_daemon() == ABOUT


def test_a_folder_that_others_may_write_is_refused(runtime: Path) -> None:
    with DaemonLock() as lock:
        lock.announce(ABOUT)
        runtime.chmod(0o777)
        with pytest.raises(KincapError, match="others may write into it.*--standalone"):
            find_daemon()
        runtime.chmod(0o700)
        assert find_daemon() == ABOUT


def test_a_link_in_place_of_the_folder_is_refused(runtime: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    runtime.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KincapError, match="not a folder"):
        find_daemon()
    with pytest.raises(KincapError, match="not a folder"):
        DaemonLock()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"url": 1}',
        b"\xff",
        b"x" * 70_000,
        b"[" * 50_000,
        b'{"url":"","token":"","pid":1e400}',
    ],
)
def test_a_damaged_file_is_said_in_one_line(runtime: Path, content: bytes) -> None:
    with DaemonLock() as lock:
        lock.announce(replace(ABOUT, streams=()))
        (runtime / "daemon.json").write_bytes(content)
        with pytest.raises(KincapError) as refused:
            find_daemon()
    assert str(runtime / "daemon.json") in str(refused.value)
    assert "\n" not in str(refused.value)


def test_finding_the_daemon_imports_no_heavy_library() -> None:
    code = (
        "import sys; import kincap.capture.daemon.remote, kincap.capture.daemon.connection;"
        "from kincap.capture.daemon.discovery import find_daemon; find_daemon();"
        "print([m for m in ('numpy', 'h5py', 'cv2', 'starlette', 'uvicorn', 'http.client', 'ssl',"
        " 'rich', 'kincap.capture.record') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
