"""A disk that fails at any call: one clear line, exit 1, and nothing acknowledged is lost."""

import contextlib
import errno
import itertools
import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from kincap.capture.record import RecordError
from kincap.core.errors import KincapError
from kincap.core.files.fault_injection import Fault, FaultyFileIO, parse_faults
from kincap.core.files.file_io import FileIO
from kincap.sessions.lock import SessionLock, is_recording
from kincap.sessions.manifest import read_manifest
from kincap.sessions.repair.repair import repair
from kincap.sessions.repair.verify import verify_session

from .disk import put
from .diskerrors import damaged, run
from .items import read_items
from .stops import State, logged, states
from .tiny import NAME, HurriedClock, record_tiny


@pytest.mark.timeout(900)  # long on a loaded machine alone
def test_an_error_at_every_call_loses_nothing_that_was_acknowledged() -> None:
    counts = run(seed=6, sample=True, processes=0)
    print(json.dumps(counts))
    assert counts["failures"] == []
    kinds = {"create", "write", "read", "reserve", "sync", "rename", "discard", "folder", "piece"}
    assert kinds <= counts["by_kind"].keys()
    assert counts["struck"] > 120
    # some were survived, some ended a recording; either way much had been acknowledged
    assert min(counts["by_code"]["0"], counts["by_code"]["1"]) > 20
    assert counts["acknowledged"] > 800


def test_real_commands_on_a_failing_disk_end_by_themselves() -> None:
    counts = run(0, seed=7, processes=9)
    print(json.dumps(counts))
    assert counts["failures"] == []
    assert counts["processes"] == 9
    assert counts["died"] == 0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the folder of all sessions."""
    return tmp_path / "recordings"


@pytest.fixture
def left(root: Path) -> State:
    """Return a session that was killed, a picture of it damaged."""
    stops = states(State({}, frozenset(), {}, "nothing"), logged(root))
    state = damaged([state for state in stops if len(state.known) == 20][-1])
    put(root, state.image, state.folders)
    return state


def test_a_lock_is_freed_though_what_it_says_stays(root: Path) -> None:
    folder = root / NAME
    folder.mkdir(parents=True)
    with SessionLock(folder, FaultyFileIO(parse_faults("discard:eio:2+"))).acquire("a test"):
        assert is_recording(folder)
    assert (folder / "lock.json").exists()
    assert not is_recording(folder)


def test_a_session_that_cannot_even_be_locked_leaves_nothing(root: Path) -> None:
    with pytest.raises(KincapError, match="No space left") as error:
        record_tiny(root, FaultyFileIO(parse_faults("folder:enospc:2")))
    assert error.value.exit_code == 1
    assert list(root.iterdir()) == []


def test_who_cannot_begin_deletes_nothing_of_another_recorder(root: Path) -> None:
    class Late(FaultyFileIO):
        """Another recorder begins and ends just before this one makes the session's folder."""

        def make_folder(self, path: Path) -> None:
            record_tiny(root, FileIO())
            super().make_folder(path)

    with pytest.raises(KincapError, match="No space left"):
        record_tiny(root, Late(parse_faults("reserve:enospc:1")))
    assert len(read_items(root / NAME)) == 24
    assert verify_session(root / NAME).ok


def test_a_shard_that_the_disk_closes_with_an_error_is_told(root: Path) -> None:
    # closed first: lock.json, session.json, session.json of the take; then the first shard
    said = []
    for number in range(4, 7):
        io = FaultyFileIO([Fault("close", "eio", number, number)])
        try:
            result = record_tiny(root, io)
        except RecordError as error:
            result = error.result
            said.append(str(error))
        assert result.color_frames == 12
    assert any("the disk says that it is not whole (Input/output error)" in text for text in said)
    assert verify_session(root / NAME).ok


def test_a_shard_that_could_not_be_synced_is_copied_before_it_counts_as_sealed(root: Path) -> None:
    class SyncFails(FileIO):
        """The first sync of a shard that is being filled fails; the system then drops its pages."""

        failed = threading.Event()

        def sync(self, fd: int) -> None:
            if threading.current_thread().name == "kincap-sync" and not self.failed.is_set():
                self.failed.set()
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            super().sync(fd)

    io = SyncFails()
    turns = itertools.count()
    with pytest.raises(RecordError, match="can't be synced") as ended:
        record_tiny(
            root, io, pause=lambda: next(turns) and io.failed.wait(20), clock=HurriedClock(100)
        )
    result = ended.value.result
    assert (result.color_frames, result.body_frames, result.dropped) == (12, 12, {})
    # only a copy is written and synced anew: a second sync of the same file may say yes to nothing
    first = read_manifest(root / NAME)["000000.h5"]
    assert first.layout is not None
    assert verify_session(root / NAME).ok


def test_a_disk_that_reads_nothing_is_an_error_not_bad_input(left: State, root: Path) -> None:
    with pytest.raises(KincapError, match="Input/output error") as error:
        record_tiny(root, FaultyFileIO(parse_faults("open:eio:2+")))
    assert error.value.exit_code == 1


@pytest.mark.parametrize("first", range(1, 44, 3))
def test_repair_throws_nothing_out_that_the_disk_only_cannot_read_now(
    left: State, root: Path, first: int
) -> None:
    """From some read on the disk gives nothing; then it is well again."""
    # either it leaves the unreadable out and keeps the file, or it stops
    with contextlib.suppress(KincapError):
        done = repair(root, NAME, io=FaultyFileIO([Fault("read", "eio", first)]), discard=True)
        assert not done.discarded or not done.unreadable
    last = repair(root, NAME, discard=False)
    assert last.after.ok
    there = read_items(root / NAME)
    missing = {key for key in left.known if key not in there}
    kept = [path for path in (root / NAME).iterdir() if ".h5.damaged" in path.name]
    assert not missing or kept


def test_a_repair_that_cannot_lock_says_so_in_a_line(left: State, root: Path) -> None:
    with pytest.raises(KincapError, match=r"repair stopped .*run it again") as error:
        repair(root, NAME, io=FaultyFileIO(parse_faults("create:enospc:1+")))
    assert error.value.exit_code == 1


def test_verify_says_that_a_disk_cannot_be_read(root: Path) -> None:
    record_tiny(root, FileIO())
    with pytest.raises(KincapError, match="Input/output error") as error:
        verify_session(root / NAME, io=FaultyFileIO(parse_faults("open:eio:*")))
    assert error.value.exit_code == 1


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
def test_calls_that_signals_interrupt_are_finished(root: Path) -> None:
    met = 0

    def count(_number: int, _frame: object) -> None:
        nonlocal met
        met += 1

    before = signal.signal(signal.SIGALRM, count)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        result = record_tiny(root, FileIO(), pause=lambda: time.sleep(0.002))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert met > 5
    assert (result.color_frames, result.dropped) == (12, {})
    assert verify_session(root / NAME).ok
