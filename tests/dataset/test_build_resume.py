"""A build that was killed goes on where it was, and nobody can tell from the file."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kincap.core.errors import DatasetError
from kincap.dataset.build import BuildSettings, build
from kincap.sessions.edits.journal import add_edit

from .builds import journal_blocks
from .conftest import Body, Frame, Sessions

ROWS = (0, 256, 400, 600)
"""Rows of so many blocks, in the order in which one worker makes them."""
Run = Callable[..., subprocess.CompletedProcess[str]]
ARGS = ("build", "--out", "set.h5", "--size", "16", "--val", "val*", "--json")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sessions that make three blocks, and the data set of an uninterrupted build of them."""
    folder = tmp_path_factory.mktemp("template")
    sessions = Sessions(folder / "recordings")
    for name, count in (("train1", 400), ("val1", 200)):
        sessions(name, [Frame((Body(x=100 + k / 5),)) for k in range(count)])
    build(settings(folder, out=folder / "whole.h5"))
    return folder


@pytest.fixture
def recorded(template: Path, tmp_path: Path) -> Path:
    """A folder with those sessions."""
    shutil.copytree(template / "recordings", tmp_path / "recordings")
    return tmp_path


@pytest.fixture
def expected(template: Path) -> bytes:
    """The bytes that every build of them must come to."""
    return (template / "whole.h5").read_bytes()


def settings(recorded: Path, **more: object) -> BuildSettings:
    """Settings as in ARGS."""
    given = {"out": recorded / "set.h5", "size": 16, "val": "val*", "workers": 1, **more}
    return BuildSettings(recordings=recorded / "recordings", **given)


def done_blocks(recorded: Path) -> int:
    """How many blocks the journal calls done."""
    return len(journal_blocks(recorded / "set.h5.part.json"))


@pytest.mark.parametrize("fault", ["write:kill:300", "rename:kill:2"])
def test_killed_at_a_call_it_goes_on_to_the_same_bytes(
    recorded, expected, kincap: Run, fault
) -> None:
    killed = kincap(*ARGS, "--workers", 1, cwd=recorded, KINCAP_FAULTS=fault)
    assert killed.returncode == -signal.SIGKILL
    assert not (recorded / "set.h5").exists()
    before = done_blocks(recorded)
    resumed = kincap(*ARGS, "--workers", 2, cwd=recorded)
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout)["resumed_rows"] == ROWS[before]
    assert (recorded / "set.h5").read_bytes() == expected
    assert not list(recorded.glob("*.part*"))
    assert not list(recorded.glob("*tmp*"))


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_stopped_with_its_workers_at_work_it_goes_on_and_leaves_no_process(
    recorded, expected, sent: signal.Signals
) -> None:
    # every process waits at its second sync, so that the kill finds blocks done and under way
    slow = {**os.environ, "KINCAP_FAULTS": "sync:stall=0.5:2+"}
    command = [sys.executable, "-m", "kincap", *ARGS, "--workers", "2"]
    with subprocess.Popen(
        command, cwd=recorded, env=slow, stdout=subprocess.DEVNULL, start_new_session=True
    ) as process:
        deadline = time.monotonic() + 60
        while done_blocks(recorded) == 0 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert process.poll() is None
        # a killed parent can tell its workers nothing; Ctrl-C goes to all of them
        (os.killpg if sent is signal.SIGINT else os.kill)(process.pid, sent)
        assert process.wait(60) == (130 if sent is signal.SIGINT else -sent)
    assert 0 < done_blocks(recorded) < 3
    deadline = time.monotonic() + 60
    while _group_lives(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _group_lives(process.pid)
    result = build(settings(recorded))
    assert result.resumed_rows > 0
    assert (recorded / "set.h5").read_bytes() == expected


def _group_lives(group: int) -> bool:
    """Whether any process of a group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_worker_that_dies_is_told_of_and_the_build_goes_on_later(
    recorded, expected, kincap: Run
) -> None:
    died = kincap(*ARGS, "--workers", 2, cwd=recorded, KINCAP_FAULTS="write:kill:190")
    assert died.returncode == 1
    assert len(died.stderr.strip().splitlines()) == 1
    assert "worker process died" in died.stderr
    build(settings(recorded))
    assert (recorded / "set.h5").read_bytes() == expected


def interrupted(recorded: Path, kincap: Run) -> None:
    """Leave a build behind that has some blocks."""
    fault = "write:kill:300"
    kincap(*ARGS, "--workers", 1, cwd=recorded, KINCAP_FAULTS=fault)
    assert done_blocks(recorded) > 0


def test_another_plan_is_refused_until_restart(recorded, kincap: Run, walk) -> None:
    interrupted(recorded, kincap)
    Sessions(recorded / "recordings")("train3", walk(5))
    part = (recorded / "set.h5.part").read_bytes()
    refused = kincap(*ARGS, "--size", 32, cwd=recorded)
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert len(refused.stderr.strip().splitlines()) == 1
    assert "size was 16, is 32" in refused.stderr
    assert "session train3 is new" in refused.stderr
    assert "--restart" in refused.stderr
    assert (recorded / "set.h5.part").read_bytes() == part
    result = build(settings(recorded, size=32, restart=True))
    assert result.resumed_rows == 0
    assert not list(recorded.glob("*.part*"))


def test_an_edit_is_another_plan(recorded, kincap: Run) -> None:
    interrupted(recorded, kincap)
    add_edit(recorded / "recordings" / "train1", "reject", 3, 5)
    with pytest.raises(DatasetError, match="session train1: edits changed"):
        build(settings(recorded))


def test_a_journal_that_was_changed_counts_for_nothing(recorded, expected, kincap: Run) -> None:
    interrupted(recorded, kincap)
    journal = recorded / "set.h5.part.json"
    journal.write_text(journal.read_text().replace('"done": {', '"done": {"x": ', 1))
    assert build(settings(recorded)).resumed_rows == 0
    assert (recorded / "set.h5").read_bytes() == expected


@pytest.mark.parametrize("left", [0, 1, 40, -1])
def test_a_line_of_the_journal_cut_by_a_kill_is_not_read(
    recorded, expected, kincap: Run, left: int
) -> None:
    interrupted(recorded, kincap)
    journal = recorded / "set.h5.part.json"
    *lines, last = journal.read_bytes().splitlines(keepends=True)
    assert json.loads(last)["dataset"] == "train/images"
    journal.write_bytes(b"".join(lines) + last[:left])
    assert build(settings(recorded)).resumed_rows == 0
    assert (recorded / "set.h5").read_bytes() == expected


def test_blocks_of_a_build_that_goes_on_count_when_it_is_killed_again(
    recorded, expected, kincap: Run
) -> None:
    interrupted(recorded, kincap)
    journal = recorded / "set.h5.part.json"
    assert len(journal.read_bytes().splitlines()) == 1 + done_blocks(recorded) == 2
    kincap(*ARGS, "--workers", 1, cwd=recorded, KINCAP_FAULTS="write:kill:180")
    assert done_blocks(recorded) == 2
    # the first line holds what was done before
    assert len(journal.read_bytes().splitlines()) == 2
    assert build(settings(recorded)).resumed_rows == 400
    assert (recorded / "set.h5").read_bytes() == expected


def test_bytes_that_were_changed_meanwhile_are_found(recorded, kincap: Run) -> None:
    interrupted(recorded, kincap)
    first = (recorded / "set.h5.part.json").read_text().splitlines()[0]
    places = json.loads(first)["images"]
    with (recorded / "set.h5.part").open("r+b") as file:
        file.seek(places["train/images"] + 5000)
        file.write(b"XX")
    with pytest.raises(DatasetError, match="otherwise than written") as caught:
        build(settings(recorded))
    assert caught.value.exit_code == 1
    assert not (recorded / "set.h5").exists()
    build(settings(recorded, restart=True))


@pytest.mark.parametrize("fault", ["reserve:enospc:1", "write:enospc:300", "sync:eio:3"])
def test_a_full_disk_is_one_line_and_the_next_build_goes_on(recorded, kincap, fault) -> None:
    failed = kincap(*ARGS, "--workers", 1, cwd=recorded, KINCAP_FAULTS=fault)
    assert failed.returncode == 1
    assert len(failed.stderr.strip().splitlines()) == 1
    assert "set.h5.part" in failed.stderr
    assert not (recorded / "set.h5").exists()
    assert (recorded / "set.h5.part").exists() == (not fault.startswith("reserve"))
    build(settings(recorded))
    assert (recorded / "set.h5").exists()
