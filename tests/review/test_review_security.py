"""Access: every route, known or not, against every kind of stranger."""

from pathlib import Path
from typing import Any

import pytest

from kincap.review.session_list import SessionList
from tests.web.asking import STRANGERS, all_requests

from .inner_app import make_inner_app

FILL = {"name": "one", "first": "0", "seq": "0", "file": "main.js"}
ROUTES = all_requests(make_inner_app(SessionList(Path("none"))), FILL)
OPEN = ("/", "/static/main.js", "/open")
"""Answered without the secret: the page's own files, and where a token is exchanged for it."""


@pytest.mark.parametrize("stranger", STRANGERS)
def test_strangers_are_refused_on_every_route(client: Any, make_session: Any, stranger: str):
    make_session("one", frames=4, dropped=range(0))
    for method, path in ROUTES:
        if path in OPEN and "secret" in stranger:
            continue  # tests/web/test_guard.py: these disclose nothing
        answer = client.ask(path, method, STRANGERS[stranger](client.good))
        assert answer.status in (401, 403, 421), f"{method} {path}"
        assert answer.body.count(b"\n") == 1
    assert not (client.sessions.recordings / "one" / "edits.json").exists()


def test_there_are_routes_and_our_own_page_gets_them(client: Any, make_session: Any):
    make_session("one", frames=4, dropped=range(0))
    assert len(ROUTES) >= 56
    assert ("POST", "/api/daemon/record") in ROUTES
    chosen = {"sessions": {"one": client.uuid("one")}, "op": "report"}
    assert client.post("/api/batch", chosen).status == 200
    for method, path in ROUTES:
        if method != "GET":
            continue
        # no daemon, so no picture of it
        expected = 204 if path == "/api/daemon/picture" else 200
        assert client.ask(path, "GET").status == expected, path


def test_no_get_changes_anything(client: Any, make_session: Any):
    folder = make_session("one", frames=4, dropped=range(0))
    for path in ("undo", "redo"):
        assert client.ask(f"/api/sessions/one/{path}").status == 405
    for method, path in ROUTES:
        if method == "GET":
            client.ask(path, method)
    assert not (folder / "edits.json").exists()


NAMES = [
    *("..", ".", "../secret", "..%2fsecret", "/etc/passwd", "one/../one", "~", "%00", "one\0"),
    *("a b", "CON", "one.", "<img src=x>", "x" * 65),
]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_are_none_are_refused(client: Any, make_session: Any, name: str):
    make_session("one", frames=4, dropped=range(0))
    (client.sessions.recordings / "secret").mkdir()
    (client.sessions.recordings.parent / "secret.txt").write_text("SECRET")
    for rest in ("", "/frames/0", "/thumbnail", "/timeline/0", "/bodies/0"):
        answer = client.ask(f"/api/sessions/{name}{rest}")
        assert answer.status == 404
        assert b"SECRET" not in answer.body


@pytest.mark.parametrize("seq", ["-1", "1e3", "0x1", "٣", "9" * 16, "9" * 5000, "0.jpg", ""])
def test_numbers_that_are_none_are_refused(client: Any, make_session: Any, seq: str):
    make_session("one", frames=4, dropped=range(0))
    for what in ("frames", "timeline", "bodies"):
        answer = client.ask(f"/api/sessions/one/{what}/{seq}")
        assert answer.status == 404


def test_the_page_loads_nothing_from_outside_and_builds_no_markup_from_data():
    root = Path(__file__).parents[2]
    folders = root / "review" / "static", root / "web" / "static"
    files = {path.name: path.read_text() for folder in folders for path in folder.rglob("*.*")}
    assert {"index.html", "main.js", "app.css", "guarded.js"} <= set(files)
    for name, text in files.items():
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert word not in text, name
        without_namespace = text.replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in without_namespace, name
        assert "https:" not in text, name
        assert "style=" not in text, name
        # the secret is sent by one function alone
        if name != "guarded.js":
            # a method of that name is not the browser's function
            assert " fetch(" not in text.replace("  async fetch(", ""), name
            assert "document.cookie" not in text, name
