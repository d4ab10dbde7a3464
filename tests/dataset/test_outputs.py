"""A build replaces and deletes only what kincap can prove that it made."""

import json
import os
from pathlib import Path

import pytest

from kincap.core.errors import DatasetError
from kincap.core.files.file_io import LockFile
from kincap.dataset.build import BuildSettings, build
from kincap.dataset.outputs import SHEET_MAKER
from kincap.sessions.edits.journal import add_edit

from .conftest import Sessions

BESIDE = (
    "set.h5.json",
    "set.h5.png",
    "set.h5.html",
    "set.h5.part.json",
    "set.h5.part",
    "set.h5.lock",
)


@pytest.fixture
def settings(sessions: Sessions, walk) -> BuildSettings:
    """Return the settings of a small build."""
    sessions("train1", walk(6))
    sessions("val1", walk(3))
    return BuildSettings(
        out=sessions.recordings.parent / "set.h5",
        recordings=sessions.recordings, size=16, workers=1, val="val1",
    )  # fmt: skip


def files(settings: BuildSettings) -> dict[str, bytes]:
    """Return the files beside a data set."""
    folder = settings.out.parent
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("name", BESIDE)
@pytest.mark.parametrize(
    "content", [b"notes", b"\0" * 5000, b'{"mine": 1}', b"\x89PNG\r\n\x1a\nmine"]
)
@pytest.mark.parametrize("restart", [False, True])
def test_files_of_the_user_are_never_touched(settings, name, content, restart) -> None:
    mine = settings.out.with_name(name)
    mine.write_bytes(content)
    before = files(settings)
    with pytest.raises(DatasetError) as caught:
        build(BuildSettings(**{**vars(settings), "restart": restart}))
    assert caught.value.exit_code == 2
    assert str(mine) in str(caught.value)
    assert "move it away" in str(caught.value)
    assert files(settings) == before


@pytest.mark.parametrize(
    "name", ["set.h5.json.tmp", "set.h5.part.json.tmp", "set.h5.new", "set.h5.png.tmp"]
)
def test_files_that_a_build_does_not_need_stay(settings, name) -> None:
    mine = settings.out.with_name(name)
    mine.write_bytes(b"notes")
    build(settings)
    build(settings)
    assert mine.read_bytes() == b"notes"


@pytest.mark.parametrize("name", ["set.h5", *BESIDE])
@pytest.mark.parametrize("kind", ["link", "dangling", "folder", "fifo"])
def test_what_is_no_regular_file_is_refused(settings, tmp_path: Path, name, kind) -> None:
    place, target = settings.out.with_name(name), tmp_path / "elsewhere"
    if kind == "folder":
        place.mkdir()
    elif kind == "fifo":
        os.mkfifo(place)
    else:
        place.symlink_to(target)
    if kind == "link":
        target.write_bytes(b"")
    with pytest.raises(DatasetError) as caught:
        build(settings)
    assert caught.value.exit_code == 2
    assert str(place) in str(caught.value)
    assert target.exists() == (kind == "link")
    assert kind != "link" or target.read_bytes() == b""


def test_what_a_build_made_is_replaced(settings) -> None:
    build(settings)
    first = files(settings)
    names = ["set.h5", "set.h5.html", "set.h5.json", "set.h5.lock", "set.h5.png"]
    assert sorted(first) == names
    assert first["set.h5.lock"] == b""
    assert SHEET_MAKER.encode() in first["set.h5.png"][:100]
    add_edit(settings.recordings / "train1", "reject", 0, 2)
    build(settings)
    second = files(settings)
    assert sorted(second) == sorted(first)
    assert all(second[name] != first[name] for name in ("set.h5", "set.h5.json", "set.h5.png"))


def test_the_lock_is_never_deleted_and_holds_a_second_build_off(settings) -> None:
    build(settings)
    before = settings.out.with_name("set.h5.lock").stat().st_ino
    build(settings)
    assert settings.out.with_name("set.h5.lock").stat().st_ino == before
    lock = LockFile(settings.out.with_name("set.h5.lock"))
    assert lock.try_acquire()
    with pytest.raises(DatasetError, match="another build"):
        build(settings)
    lock.release()


def test_a_sheet_must_not_be_a_file_of_the_data_set(settings) -> None:
    same = BuildSettings(**{**vars(settings), "out": settings.out.with_suffix(".png")})
    with pytest.raises(DatasetError, match="--sheet"):
        build(BuildSettings(**{**vars(same), "sheet": same.out}))


@pytest.mark.parametrize(
    "fault", ["reserve:enospc:1", "write:enospc:3", "write:eio:9", "cut:eio:1", "rename:enospc:2"]
)
def test_a_disk_that_is_full_at_the_begin_leaves_no_part(settings, kincap, fault) -> None:
    before = files(settings)
    done = kincap(
        "build", "--out", settings.out, "--size", 16, "--val", "val1", "--workers", 1,
        cwd=settings.out.parent, KINCAP_FAULTS=fault,
    )  # fmt: skip
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "set.h5.part" in done.stderr
    assert files(settings) == {**before, "set.h5.lock": b""}
    assert build(settings).kept == 9


def test_a_sheet_is_replaced_whole_or_not_at_all(settings, kincap) -> None:
    build(settings)
    before = files(settings)
    add_edit(settings.recordings / "train1", "reject", 0, 2)
    # of the journal two, of the data set one, then the description, then the sheet
    done = kincap(
        "build", "--out", settings.out, "--size", 16, "--val", "val1", "--workers", 1,
        cwd=settings.out.parent, KINCAP_FAULTS="rename:enospc:5",
    )  # fmt: skip
    assert done.returncode == 1
    assert "set.h5.png" in done.stderr
    now = files(settings)
    assert sorted(now) == sorted(before)
    assert now["set.h5.png"] == before["set.h5.png"]
    assert json.loads(now["set.h5.json"])["counts"]["rejected"]["edits"] == 3
