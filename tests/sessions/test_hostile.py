"""What others put into a session's folder: nothing outside changes, nothing hangs, others work."""

import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from kincap.core.checked_json import dump_checked, load_checked
from kincap.core.errors import KincapError
from kincap.core.valid_text import valid_text
from kincap.review.session_list import SessionList
from kincap.sessions.details import show_session
from kincap.sessions.folders import SESSION_FILE, find_folders
from kincap.sessions.info import new_session
from kincap.sessions.reader import SessionReader
from kincap.sessions.repair.repair import repair
from kincap.sessions.repair.verify import verify
from kincap.sessions.schema import Stream
from kincap.sessions.session_file import load_session, save_session
from kincap.sessions.summary import list_sessions

from ..crash.attack import _fingerprint
from ..crash.attacks import OUTSIDE
from ..crash.attacks.sessions import ATTACKS, NAME, lay

IN_HALF_A_SECOND = ("is a link to a file", "is a FIFO", "is a folder")
HERE = [
    attack
    for attack in ATTACKS
    if attack.name.endswith(IN_HALF_A_SECOND)
    or attack.name.startswith(("the manifest says", "tags", "a take", "format_version", "a note",
                               "truth", "000002.h5 has a hole", "manifest.jsonl has a hole"))
]  # fmt: skip


@pytest.mark.parametrize("attack", HERE, ids=lambda attack: attack.name)
def test_an_odd_file_harms_nothing_and_stops_no_other_session(
    attack: object, tmp_path: Path
) -> None:
    folder, outside = tmp_path / "here", tmp_path / OUTSIDE
    folder.mkdir()
    outside.mkdir()
    (outside / "precious").write_text("not kincap's")
    attack.make(folder)  # type: ignore[attr-defined]
    lay(folder, "whole")
    before, began = _fingerprint(outside), time.monotonic()
    recordings = folder / "recordings"
    states = {one.name: one.state for one in list_sessions(recordings)}
    assert states["whole"] == "left"
    assert NAME in states
    page = {one["name"]: one["state"] for one in SessionList(recordings).report()["sessions"]}
    assert page["whole"] in ("left", "reading")
    show_session(recordings, NAME)
    assert [one.name for one in verify(recordings)] == sorted(states)
    with suppress(KincapError):
        repair(recordings, NAME)
    assert _fingerprint(outside) == before
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("odd", ["con", "x..y", "b.", "nul.txt", "A"])
def test_an_odd_name_is_one_line_and_the_rest_works(odd: str, tmp_path: Path) -> None:
    for name in ("whole", odd, *(["a"] if odd == "A" else [])):
        lay(tmp_path, name)
    found = {one.name: one for one in list_sessions(tmp_path / "recordings")}
    assert found["whole"].problems == []
    (problem,) = found[odd].problems
    assert "rename" in problem
    assert len(find_folders(tmp_path / "recordings")) == len(found)


@contextmanager
def _nobody() -> Iterator[None]:
    """Be a user who owns nothing, and root again afterwards."""
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.mark.skipif(
    not hasattr(os, "setresuid") or os.geteuid() != 0, reason="only root can be somebody else"
)
@pytest.mark.parametrize("shut", ["", SESSION_FILE, "manifest.jsonl", "000000.h5", "edits.json"])
def test_another_users_session_stops_no_other(shut: str, tmp_path: Path) -> None:
    temporary = Path(tempfile.gettempdir())
    for above in (tmp_path, *tmp_path.parents):
        if temporary in above.parents:
            above.chmod(0o755)
    for name in ("mine", "theirs"):
        for path in (lay(tmp_path, name), *(tmp_path / "recordings" / name).rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
    recordings = tmp_path / "recordings"
    recordings.chmod(0o755)
    (recordings / "theirs" / shut).chmod(0)
    with _nobody():
        found = {one.name: one for one in list_sessions(recordings)}
        checked = {one.name: one for one in verify(recordings)}
        page = {one["name"] for one in SessionList(recordings).report()["sessions"]}
    assert found["mine"].problems == []
    assert found["mine"].items[Stream.color] == 17
    assert len(found["theirs"].problems) == 1
    assert found["theirs"].state == ("damaged" if shut else "closed")
    assert checked["mine"].ok
    assert not checked["theirs"].ok
    assert "mine" in page


@pytest.mark.parametrize("note", ["caf\udce9", "\ud800", "a\udc00b", "\U0001f600", "Tür"])
def test_what_is_written_is_always_utf_8(note: str, tmp_path: Path) -> None:
    info = new_session("s1", note=note, tags=[note])
    save_session(tmp_path, info)
    raw = (tmp_path / SESSION_FILE).read_bytes()
    assert raw.decode("utf-8")
    assert load_session(tmp_path).note == valid_text(note)
    # what an older kincap wrote
    body = json.dumps({"note": note}, ensure_ascii=False).encode(errors="surrogatepass")
    assert load_checked(body, strict=False)["note"] == valid_text(note)
    assert load_checked(dump_checked({"x": note}, lines=False))["x"].encode()
    assert load_checked(json.dumps({"note": note}).encode(), strict=False)["note"].encode()


def test_latin_1_from_the_terminal_becomes_letters() -> None:
    assert valid_text(os.fsdecode("café".encode("latin-1"))) == "café"
    assert valid_text("\ud83d\ude00") == "\U0001f600"


def test_takes_that_are_used_up_are_said_so(tmp_path: Path) -> None:
    folder = lay(tmp_path)
    info = load_session(folder)
    info.takes.append({"take": 65535})
    save_session(folder, info)
    with SessionReader(folder) as reader, pytest.raises(KincapError, match="record into another"):
        reader.next_take()
