"""File handling and its failing twin."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kincap.core.errors import KincapError
from kincap.core.files.fault_injection import Fault, FaultyFileIO, default_io, parse_faults
from kincap.core.files.file_io import FileIO, LockFile, write_atomic


def test_what_is_written_at_a_place_is_read_there(tmp_path: Path) -> None:
    io = FileIO()
    fd = io.create(tmp_path / "a")
    io.reserve(fd, 100)
    io.write_at(fd, memoryview(b"hello"), 50)
    io.sync(fd)
    assert io.size(fd) == 100
    assert io.read_at(fd, 7, 49) == b"\0hello\0"
    assert io.read_at(fd, 50, 95) == bytes(5)
    assert io.read_at(fd, 5, 1000) == b""
    io.close(fd)
    with pytest.raises(FileExistsError):
        io.create(tmp_path / "a")


def test_folders_and_files_are_private(tmp_path: Path) -> None:
    io = FileIO()
    io.make_folder(tmp_path / "a" / "b")
    io.make_folder(tmp_path / "a" / "b")
    write_atomic(tmp_path / "a" / "b" / "c", b"1")
    modes = [stat.S_IMODE((tmp_path / part).stat().st_mode) for part in ("a", "a/b", "a/b/c")]
    assert modes == [0o700, 0o700, 0o600]
    io.protect(tmp_path / "a" / "b" / "c")
    assert stat.S_IMODE((tmp_path / "a/b/c").stat().st_mode) == 0o400


def test_a_large_read_and_write_are_whole(tmp_path: Path) -> None:
    io = FileIO()
    fd = io.create(tmp_path / "a")
    data = os.urandom(5 << 20)
    io.write_at(fd, data, 3)
    assert io.read_at(fd, len(data), 3) == data
    io.close(fd)


def test_writes_that_the_system_cuts_short_are_finished(tmp_path: Path) -> None:
    io = FaultyFileIO(parse_faults("piece:short:*"))
    data = os.urandom(100_000)
    io.write_atomic(tmp_path / "a", data)
    assert (tmp_path / "a").read_bytes() == data
    assert io.calls["piece"] > 10


def test_a_write_that_gets_nowhere_ends_as_a_full_disk(tmp_path: Path) -> None:
    class Stuck(FileIO):
        def write_some(self, fd: int, data: bytes, offset: int) -> int:
            return 0

    with pytest.raises(OSError, match="No space left"):
        Stuck().write_atomic(tmp_path / "a", b"data")
    assert list(tmp_path.iterdir()) == []


def test_faults_are_read_from_text() -> None:
    assert parse_faults("write:enospc:57, sync:stall=2.5:10+,rename:kill:*") == [
        Fault("write", "enospc", 57, 57),
        Fault("sync", "stall", 10, None, 2.5),
        Fault("rename", "kill", 1, None),
    ]
    assert parse_faults("") == []


@pytest.mark.parametrize(
    "text", ["write", "write:oops:1", "walk:eio:1", "write:eio:x", "a:b:c:d", "sync:short:1"]
)
def test_faults_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(KincapError, match="KINCAP_FAULTS"):
        parse_faults(text)


@pytest.mark.parametrize("kind", ["create", "write", "read", "reserve", "sync", "rename", "remove"])
def test_the_nth_call_of_each_kind_fails_and_only_that(kind: str, tmp_path: Path) -> None:
    io = FaultyFileIO([Fault(kind, "eio", 2, 2)])
    failed = []
    for turn in range(3):
        path = tmp_path / f"{turn}"
        try:
            fd = io.create(path)
            io.reserve(fd, 10)
            io.write_at(fd, b"0123456789", 0)
            io.sync(fd)
            io.read_at(fd, 10, 0)
            io.close(fd)
            io.rename(path, tmp_path / "x")
            io.remove(tmp_path / "x")
        except OSError as err:
            failed.append((turn, err.filename))
    assert failed == [(1, f"injected at {kind} 2")]
    assert io.calls[kind] == 3


def test_a_write_that_finds_the_disk_full_has_written_a_part(tmp_path: Path) -> None:
    io = FaultyFileIO(parse_faults("write:enospc:1"))
    fd = io.create(tmp_path / "a")
    with pytest.raises(OSError, match="No space left"):
        io.write_at(fd, b"12345678", 0)
    assert (tmp_path / "a").read_bytes() == b"1234"
    io.close(fd)


def test_a_stall_takes_its_time_and_then_works(tmp_path: Path) -> None:
    io = FaultyFileIO(parse_faults("sync:stall=0.5:2"))
    fd = io.create(tmp_path / "a")
    times = []
    for _ in range(3):
        start = time.monotonic()
        io.sync(fd)
        times.append(time.monotonic() - start)
    io.close(fd)
    assert times[1] >= 0.5
    assert min(times) < 0.5


def test_faults_reach_another_process_through_the_environment(tmp_path: Path) -> None:
    assert type(default_io()) is FileIO
    code = (
        "import sys, pathlib\n"
        "from kincap.core.files.fault_injection import default_io\n"
        "io = default_io()\n"
        "for n in range(5): io.write_atomic(pathlib.Path(sys.argv[1]), b'%d' % n)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a")],
        env={**os.environ, "KINCAP_FAULTS": "rename:kill:3"},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "a").read_bytes() == b"1"


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    first, second = LockFile(tmp_path / "lock"), LockFile(tmp_path / "lock")
    assert not first.is_held()
    assert first.try_acquire()
    assert second.is_held()
    assert not second.try_acquire(0.02)
    first.release()
    first.release()
    assert second.try_acquire(0.02)
    second.release()


_LOOK = """
import sys
from pathlib import Path
from kincap.core.files.file_io import LockFile
lock = LockFile(Path(sys.argv[1]))
seen = sum(lock.is_held() for _ in range(int(sys.argv[2])))
print(seen)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can be asked about a lock")
def test_those_who_look_at_a_lock_disturb_nobody(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    lookers = [
        subprocess.Popen(
            [sys.executable, "-c", _LOOK, str(path), "20000"], stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    lock = LockFile(path)
    while any(looker.poll() is None for looker in lookers):
        # at once and every time: looking never holds it
        assert lock.try_acquire(0)
        lock.release()
    for looker in lookers:
        looker.communicate()
    alone = [
        subprocess.run(
            [sys.executable, "-c", _LOOK, str(path), "2000"],
            capture_output=True,
            text=True,
            check=True,
        )  # fmt: skip
    ]
    assert [done.stdout.strip() for done in alone] == ["0"]
    assert lock.try_acquire(0)
    seen = subprocess.run([sys.executable, "-c", _LOOK, str(path), "500"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert seen.stdout.strip() == "500"
    lock.release()
    assert not lock.is_held()
