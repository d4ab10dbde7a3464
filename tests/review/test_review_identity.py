"""A page left open: it reads and writes the session it was opened on, or says that it is gone."""

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kincap.core.files.file_io import Data, FileIO
from kincap.review.server import COMMAND, make_app
from kincap.review.session_list import SessionList
from kincap.sessions.edits.journal import add_edit, load_edits
from kincap.web.access import Access
from tests.review.browser import Watched
from tests.review.conftest import ReviewClient
from tests.web.asking import PORT

REJECT = {"op": "reject", "first": 1, "last": 2}


def record_again(make_session: Any, folder: Path, frames: int = 9) -> Path:
    """Delete a session and record another one under its name."""
    shutil.rmtree(folder)
    return make_session(folder.name, frames=frames, dropped=range(0))


def test_a_decision_about_a_replaced_session_is_refused(client: Any, make_session: Any):
    folder = make_session("one", frames=9, dropped=range(0))
    old = client.uuid("one")
    record_again(make_session, folder)
    assert client.uuid("one") != old
    for what, body in (("edits", REJECT), ("undo", {}), ("redo", {})):
        answer = client.post(f"/api/sessions/one/{what}", {**body, "uuid": old})
        assert answer.status == 410
        assert "recorded again" in answer.json()["error"]
    assert not (folder / "edits.json").exists()
    assert client.change("one", "edits", **REJECT).status == 200


def test_nothing_of_a_replaced_session_is_shown(client: Any, make_session: Any):
    folder = make_session("one", frames=9, dropped=range(0))
    old = client.uuid("one")
    reads = ("", "/thumbnail", "/timeline/0", "/bodies/0", "/frames/3")
    for rest in reads:
        assert client.ask(f"/api/sessions/one{rest}", query=f"uuid={old}").status == 200
    before = client.ask("/api/sessions/one/frames/3").body
    shutil.rmtree(folder)
    make_session("one", frames=9, dropped=range(3))
    for rest in reads:
        answer = client.ask(f"/api/sessions/one{rest}", query=f"uuid={old}")
        assert answer.status == 410, rest
    # also where no identity is asked for, it is the new session that is read
    assert client.ask("/api/sessions/one/frames/3").body == before
    assert client.ask("/api/sessions/one/frames/2").status == 404
    assert (
        client.ask("/api/sessions/one/frames/3", query=f"uuid={client.uuid('one')}").status == 200
    )


@pytest.mark.parametrize(("first", "last"), [(0, 9), (9, 9), (5, 10**14), (100, 200)])
def test_ranges_past_the_end_are_refused(client: Any, make_session: Any, first: int, last: int):
    folder = make_session("one", frames=9, dropped=range(0))
    answer = client.change("one", "edits", op="reject", first=first, last=last)
    assert answer.status == 422
    assert "expected a range within 0 to 8" in answer.json()["error"]
    assert not (folder / "edits.json").exists()
    assert client.change("one", "edits", op="reject", first=0, last=8).status == 200


def test_ranges_of_a_session_without_frames_are_refused(client: Any, make_session: Any):
    make_session("none", frames=0, dropped=range(0), seal=False)
    answer = client.change("none", "edits", op="reject", first=0, last=0)
    assert answer.status == 422


def test_a_session_deleted_during_edits_is_not_found(client: Any, make_session: Any):
    """It was answered with 500 when the folder went while a decision was written."""
    statuses = set()
    for _ in range(25):
        folder = make_session("one", frames=3, dropped=range(0))
        uuid = client.uuid("one")
        remove = threading.Thread(target=shutil.rmtree, args=(folder, True))
        remove.start()
        for what, body in (("edits", REJECT), ("undo", {}), ("redo", {}), ("edits", REJECT)):
            answer = client.post(f"/api/sessions/one/{what}", {**body, "uuid": uuid})
            statuses.add(answer.status)
            assert answer.status in (200, 404), answer.body
        remove.join()
        shutil.rmtree(folder, ignore_errors=True)
        assert client.post("/api/sessions/one/undo", {"uuid": uuid}).status == 404
    assert 404 in statuses


def test_an_open_page_says_that_its_session_was_replaced(
    watched: Watched, make_session: Any, serve: Any
):
    folder = make_session("one", frames=9, dropped=range(0))
    served = serve(make_session.recordings)
    page = watched.page
    page.goto(f"{served.url}#one/3")
    watched.at(3)
    # what is put off until the picture is there waits for a timer, too
    page.wait_for_selector("#v-of:has-text('of 8')")
    # stop the page's own looks, so that the key comes first
    page.evaluate("() => { for (let i = 0; i < 9999; i += 1) clearTimeout(i); }")
    record_again(make_session, folder)
    page.keyboard.press("x")
    page.wait_for_selector("#v-notice:has-text('was deleted and recorded again')")
    assert not (folder / "edits.json").exists()
    assert page.get_attribute("#picture", "width") is not None
    assert watched.pixel(0.5, 0.5) == [0, 0, 0]
    for key in ("x", "u", "ArrowRight", "k", "e", "Space"):
        page.keyboard.press(key)
    assert not (folder / "edits.json").exists()
    page.reload()
    watched.at(3)
    page.keyboard.press("x")
    watched.says("Rejected frame 3. Saved.")
    assert load_edits(folder).ranges() == [(3, 3, "reject")]
    assert all("410" in text for text in watched.complaints), watched.complaints


def test_an_open_page_notices_that_its_session_was_deleted(
    watched: Watched, make_session: Any, serve: Any
):
    folder = make_session("one", frames=9, dropped=range(0))
    page = watched.page
    page.goto(f"{serve(make_session.recordings).url}#one/3")
    watched.at(3)
    shutil.rmtree(folder)
    page.wait_for_selector("#v-notice:has-text('one was deleted')")
    page.keyboard.press("x")
    page.keyboard.press("Escape")
    page.wait_for_selector("text=Nothing recorded yet")
    assert not folder.exists()


def test_the_list_says_the_identity(client: Any, make_session: Any):
    folder = make_session("one", frames=9, dropped=range(0))
    (line,) = client.ask("/api/sessions").json()["sessions"]
    assert line["uuid"] == json.loads((folder / "session.json").read_text())["uuid"]


class Meanwhile(FileIO):
    """Does something just before one of the calls that a decision is written with, once."""

    def __init__(self, call: str, action: Callable[[], Any]) -> None:
        self.call, self.action = call, action

    def _now(self, call: str) -> None:
        if call == self.call:
            self.call = ""
            self.action()

    def discard(self, path: Path, folder_fd: int | None = None) -> None:
        self._now("discard")
        super().discard(path, folder_fd)

    def create(self, path: Path, mode: int = 0o600, folder_fd: int | None = None) -> int:
        self._now("create")
        return super().create(path, mode, folder_fd)

    def write_at(self, fd: int, data: Data, offset: int) -> None:
        self._now("write")
        super().write_at(fd, data, offset)

    def sync(self, fd: int) -> None:
        self._now("sync")
        super().sync(fd)

    def rename(self, source: Path, target: Path, folder_fd: int | None = None) -> None:
        self._now("rename")
        super().rename(source, target, folder_fd)


@pytest.mark.parametrize("call", ["discard", "create", "write", "sync", "rename"])
@pytest.mark.parametrize("again", [True, False])
def test_a_session_that_is_replaced_while_a_decision_is_written_gets_none_of_it(
    tmp_path: Path, make_session: Any, call: str, again: bool
):
    """After the check of the identity, the decision went to whatever had the name by then."""
    folder = make_session("one", frames=3, dropped=range(0))

    def replace() -> None:
        shutil.rmtree(folder)
        if again:
            make_session("one", frames=3, dropped=range(0))

    sessions = SessionList(tmp_path / "recordings", Meanwhile(call, replace))
    client = ReviewClient(make_app(sessions, access := Access(PORT, COMMAND)), access, sessions)
    answer = client.change("one", "edits", **REJECT)
    sessions.close()
    assert answer.status == (410 if again else 404), answer.body
    assert sorted(path.name for path in folder.parent.glob("*/edits*")) == []
    if again:
        assert client.change("one", "edits", **REJECT).status == 200
        assert load_edits(folder).ranges() == [(1, 2, "reject")]
        client.sessions.close()


def test_a_session_that_is_renamed_while_a_decision_is_written_keeps_it(
    tmp_path: Path, make_session: Any
):
    folder = make_session("one", frames=3, dropped=range(0))
    moved = folder.with_name("two")

    def rename() -> None:
        folder.rename(moved)
        make_session("one", frames=3, dropped=range(0))

    add_edit(folder, "reject", 1, 2, io=Meanwhile("rename", rename))
    assert load_edits(moved).ranges() == [(1, 2, "reject")]
    assert not (folder / "edits.json").exists()
