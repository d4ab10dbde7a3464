"""Who gets an answer: every route, known or not, against every kind of stranger."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from kincap.review.assets import Assets
from kincap.review.server import make_inner_app
from kincap.review.session_list import Shelf

FILL = {"name": "one", "first": "0", "seq": "0", "file": "main.js"}
UNKNOWN = ["/nothing", "/api", "/api/sessions/one/nothing", "/static/", "/static/../server.py"]


def all_routes() -> list[tuple[str, str]]:
    """Return each method and path of the app, and some that it doesn't have."""
    routes = []
    for route in make_inner_app(Shelf(Path("none"))).routes:
        path = route.path
        for key, value in FILL.items():
            path = path.replace("{" + key + "}", value)
        assert "{" not in path, f"{route.path}: a parameter that this test does not fill"
        routes += [(method, path) for method in sorted(route.methods)]
    return [*routes, *((method, path) for path in UNKNOWN for method in ("GET", "POST", "DELETE"))]


ROUTES = all_routes()
HOST = "127.0.0.1:8733"


def without(headers: list[tuple[str, str]], *names: str) -> list[tuple[str, str]]:
    return [(key, value) for key, value in headers if key not in names]


STRANGERS = {
    "no token": lambda good: without(good, "cookie"),
    "wrong token": lambda good: [*without(good, "cookie"), ("cookie", "kincap_review_8733=wrong")],
    "token of another port": lambda good: [
        (key, value.replace("_8733=", "_8734=")) for key, value in good
    ],
    "two tokens": lambda good: [*good, *(item for item in good if item[0] == "cookie")],
    "no host": lambda good: without(good, "host"),
    "two hosts": lambda good: [*good, ("host", HOST)],
    "two hosts, one foreign": lambda good: [*good, ("host", "evil.example")],
    "foreign host": lambda good: [*without(good, "host"), ("host", "evil.example:8733")],
    "host with our name as a part": lambda good: [
        *without(good, "host"),
        ("host", f"{HOST}.evil.example"),
    ],
    "host of another port": lambda good: [*without(good, "host"), ("host", "127.0.0.1:8734")],
    "foreign origin": lambda good: [*without(good, "origin"), ("origin", "http://evil.example")],
    "origin null": lambda good: [*without(good, "origin"), ("origin", "null")],
    "origin of another port": lambda good: [
        *without(good, "origin"),
        ("origin", "http://127.0.0.1:9999"),
    ],
    "origin https": lambda good: [*without(good, "origin"), ("origin", f"https://{HOST}")],
    "two origins": lambda good: [*good, ("origin", "http://evil.example")],
    "origin of our other name": lambda good: [
        *without(good, "origin"),
        ("origin", "http://localhost:8733"),
    ],
    "another site asks": lambda good: [*good, ("sec-fetch-site", "cross-site")],
    "another port asks": lambda good: [*good, ("sec-fetch-site", "same-site")],
}


@pytest.mark.parametrize("stranger", STRANGERS)
def test_strangers_are_refused_on_every_route(client: Any, make_session: Any, stranger: str):
    make_session("one", frames=4, dropped=range(0))
    for method, path in ROUTES:
        answer = client.ask(path, method, STRANGERS[stranger](client.good))
        assert answer.status in (401, 403, 421), f"{method} {path}"
        assert answer.body.count(b"\n") == 1
        assert "set-cookie" not in answer.headers
    assert not (client.shelf.recordings / "one" / "edits.json").exists()


def test_there_are_routes_and_our_own_page_gets_them(client: Any, make_session: Any):
    make_session("one", frames=4, dropped=range(0))
    assert len(ROUTES) > 20
    for method, path in ROUTES:
        if method != "GET" or path in UNKNOWN:
            continue
        assert client.ask(path, "GET").status == 200, path


def test_unknown_paths_look_like_any_other_without_the_cookie_and_are_404_with_it(client: Any):
    for path in UNKNOWN:
        without_cookie = client.ask(path, "GET", without(client.good, "cookie"))
        known = client.ask("/api/sessions", "GET", without(client.good, "cookie"))
        assert (without_cookie.status, without_cookie.body) == (known.status, known.body)
        assert client.ask(path).status == 404


def test_what_changes_something_needs_our_origin(client: Any, make_session: Any):
    folder = make_session("one", frames=4, dropped=range(0))
    body = b'{"op": "reject", "first": 0, "last": 1}'
    kind = ("content-type", "application/json")
    path = "/api/sessions/one/edits"
    for headers in (without(client.good, "origin"), STRANGERS["origin null"](client.good)):
        assert client.ask(path, "POST", [*headers, kind], body).status == 403
    assert not (folder / "edits.json").exists()
    assert client.ask(path, "POST", [*client.good, kind], body).status == 200
    # a form of another page can only send these kinds
    for form in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = client.ask(path, "POST", [*client.good, ("content-type", form)], body)
        assert answer.status == 415


def test_no_get_changes_anything(client: Any, make_session: Any):
    folder = make_session("one", frames=4, dropped=range(0))
    for path in ("edits", "undo", "redo"):
        assert client.ask(f"/api/sessions/one/{path}").status == 405
    assert not (folder / "edits.json").exists()


def test_the_token_buys_a_cookie_and_leaves_the_address(client: Any):
    host = [("host", HOST)]
    answer = client.ask("/", headers=host, query=f"token={client.access.token}")
    assert (answer.status, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert client.access.token not in cookie
    page = client.ask("/", headers=[*host, ("cookie", cookie.partition(";")[0])])
    assert page.status == 200


@pytest.mark.parametrize("query", ["token=", "token=wrong", "token=a&token=b", "token"])
def test_a_wrong_token_buys_nothing(client: Any, query: str):
    answer = client.ask("/", headers=[("host", HOST)], query=query)
    assert answer.status == 401
    assert "set-cookie" not in answer.headers


def test_the_token_is_taken_at_the_page_alone(client: Any):
    query = f"token={client.access.token}"
    for path in ("/api/sessions", "/static/main.js", "/nothing"):
        assert client.ask(path, headers=[("host", HOST)], query=query).status == 401
    posted = [("host", HOST), ("origin", f"http://{HOST}")]
    assert client.ask("/", "POST", posted, query=query).status == 401


def test_the_browsers_ticket_works_once(client: Any):
    query = f"token={client.access.ticket()}"
    assert client.ask("/", headers=[("host", HOST)], query=query).status == 303
    assert client.ask("/", headers=[("host", HOST)], query=query).status == 401


def test_a_link_to_the_page_may_be_followed_but_not_embedded(client: Any):
    link = [*without(client.good, "origin"), ("sec-fetch-site", "cross-site")]
    assert client.ask("/", headers=[*link, ("sec-fetch-dest", "document")]).status == 200
    assert client.ask("/", headers=[*link, ("sec-fetch-dest", "iframe")]).status == 403
    api = client.ask("/api/sessions", headers=[*link, ("sec-fetch-dest", "document")])
    assert api.status == 403


def test_every_answer_carries_the_security_headers(client: Any, make_session: Any):
    make_session("one", frames=4, dropped=range(0))
    for method, path in ROUTES:
        for headers in (client.good, []):
            found = client.ask(path, method, headers).headers
            policy = found["content-security-policy"]
            assert policy.startswith("default-src 'self'; frame-ancestors 'none'")
            assert "base-uri 'none'" in policy
            assert "form-action 'self'" in policy
            assert "unsafe" not in policy
            assert found["x-content-type-options"] == "nosniff"
            assert found["referrer-policy"] == "no-referrer"
            assert found["cross-origin-resource-policy"] == "same-origin"
            assert found["cache-control"] == "no-store"
            assert "server" not in found


def test_sockets_are_refused(client: Any):
    for headers in (client.good, STRANGERS["foreign origin"](client.good), [("host", HOST)]):
        assert asyncio.run(open_socket(client.app, headers)) == ["websocket.close"]


async def open_socket(app: Any, headers: list[tuple[str, str]]) -> list[str]:
    sent = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message["type"])

    scope = {
        "type": "websocket",
        "path": "/api/sessions",
        "raw_path": b"/api/sessions",
        "query_string": b"",
        "root_path": "",
        "scheme": "ws",
        "headers": [(key.encode(), value.encode()) for key, value in headers],
        "subprotocols": [],
    }
    await app(scope, receive, send)
    return sent


NAMES = [
    *("..", ".", "../secret", "..%2fsecret", "/etc/passwd", "one/../one", "~", "%00", "one\0"),
    *("a b", "CON", "one.", "<img src=x>", "x" * 65),
]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_are_none_are_refused(client: Any, make_session: Any, name: str):
    make_session("one", frames=4, dropped=range(0))
    (client.shelf.recordings / "secret").mkdir()
    (client.shelf.recordings.parent / "secret.txt").write_text("SECRET")
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


def test_static_serves_its_own_plain_files_alone(client: Any, tmp_path: Path):
    for file in ("../server.py", "..%2fserver.py", "%2e%2e/server.py", "/etc/passwd", "server.py"):
        assert client.ask(f"/static/{file}").status == 404
    (tmp_path / "index.html").write_text("page")
    (tmp_path / "notes.txt").write_text("not of the page")
    (tmp_path / "secret.js").write_text("SECRET")
    folder = tmp_path / "static"
    folder.mkdir()
    os.symlink(tmp_path / "secret.js", folder / "link.js")
    (folder / "real.js").write_text("real")
    assert list(Assets(folder).names()) == ["real.js"]


def test_the_page_loads_nothing_from_outside_and_builds_no_markup_from_data():
    folder = Path(__file__).parents[2] / "review" / "static"
    files = {path.name: path.read_text() for path in folder.iterdir()}
    assert {"index.html", "main.js", "app.css"} <= set(files)
    for name, text in files.items():
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert word not in text, name
        without_namespace = text.replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in without_namespace, name
        assert "https:" not in text, name
        assert "style=" not in text, name
