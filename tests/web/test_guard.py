"""The guard in front of an application that is not the review page."""

import asyncio
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kincap.core.errors import KincapError
from kincap.web.access import Access
from kincap.web.app import guarded_app, inner_app
from kincap.web.json_body import read_json
from kincap.web.static_files import PageFiles
from tests.web.asking import HOST, PORT, STRANGERS, Answer, Client, all_requests, without

UNKNOWN = ["/nothing", "/api", "/static/", "/static/../app.py", "/open/", "//", "/index.html"]
WRITTEN: list[dict[str, Any]] = []


async def secret_number(request: Request) -> Response:
    return JSONResponse({"number": 7})


async def write(request: Request) -> Response:
    WRITTEN.append(await read_json(request))
    return JSONResponse({})


async def fail(request: Request) -> Response:
    if request.query_params.get("how") == "odd":
        raise RuntimeError("a bug")
    raise KincapError("said plainly")


ROUTES = [
    Route("/api/number", secret_number),
    Route("/api/write", write, methods=["POST"]),
    Route("/api/fail", fail),
]


@pytest.fixture
def files(tmp_path: Path) -> PageFiles:
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><title>a page</title>")
    (folder / "page.js").write_text("1;")
    return PageFiles(folder)


def error_answer(error: Exception) -> tuple[int, str]:
    return 409, str(error)


@pytest.fixture
def client(files: PageFiles) -> Client:
    WRITTEN.clear()
    access = Access(PORT, "kincap demo")
    return Client(guarded_app(ROUTES, files, access, error_answer), access)


def requests(files: PageFiles) -> list[tuple[str, str]]:
    app = inner_app(ROUTES, files, Access(PORT, "kincap demo"), error_answer)
    found = all_requests(app, {"file": "page.js"})
    assert len(found) == 10  # GET and HEAD of four, POST of two
    return [*found, *((method, path) for path in UNKNOWN for method in ("GET", "POST", "DELETE"))]


def is_open(method: str, path: str) -> bool:
    """Return True if a request is answered without the secret: it discloses nothing."""
    return method != "POST" and path in ("/", "/static/page.js")


@pytest.mark.parametrize("stranger", STRANGERS)
def test_strangers_are_refused_on_every_route(client: Client, files: PageFiles, stranger: str):
    for method, path in requests(files):
        answer = client.ask(path, method, STRANGERS[stranger](client.good))
        if "secret" in stranger and is_open(method, path):
            assert answer.status == 200
            continue
        expected = (400, 415) if path == "/open" and "secret" in stranger else (401, 403, 421)
        assert answer.status in expected, f"{method} {path}"
        assert answer.body.count(b"\n") <= 1
        assert "set-cookie" not in answer.headers
        assert client.access.secret.encode() not in answer.body
    assert WRITTEN == []


def test_the_own_page_gets_every_route(client: Client):
    assert client.ask("/").body.startswith(b"<!doctype html>")
    assert client.ask("/static/page.js").headers["content-type"].startswith("text/javascript")
    assert client.ask("/static/guarded.js").status == 200
    assert client.ask("/api/number").json() == {"number": 7}
    assert client.post("/api/write", {"a": 1}).status == 200
    assert WRITTEN == [{"a": 1}]


def test_an_unknown_path_looks_like_a_known_one_without_the_secret(client: Client):
    for path in UNKNOWN:
        unknown = client.ask(path, headers=STRANGERS["no secret"](client.good))
        known = client.ask("/api/number", headers=STRANGERS["no secret"](client.good))
        assert (unknown.status, unknown.body) == (known.status, known.body)
        assert client.ask(path).status == 404


def test_what_changes_something_needs_our_origin(client: Client):
    kind = ("content-type", "application/json")
    for headers in (without(client.good, "origin"), STRANGERS["origin null"](client.good)):
        assert client.ask("/api/write", "POST", [*headers, kind], b"{}").status == 403
    # a form of another page can only send these kinds
    for form in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        headers = [*client.good, ("content-type", form)]
        assert client.ask("/api/write", "POST", headers, b"{}").status == 415
    assert WRITTEN == []


def open_with(client: Client, token: object, **more: Any) -> Answer:
    """Exchange a token as the page does, which has no secret yet."""
    headers = [*without(client.good, "kincap-secret"), ("content-type", "application/json")]
    return client.ask("/open", "POST", headers, json.dumps({"token": token}).encode(), **more)


def test_a_token_buys_the_secret_and_a_ticket_does_so_once(client: Client):
    for _ in range(2):
        assert open_with(client, client.access.token).json() == {"secret": client.access.secret}
    ticket = client.access.ticket()
    assert open_with(client, ticket).status == 200
    assert open_with(client, ticket).status == 401
    assert client.access.token != client.access.secret


@pytest.mark.parametrize("token", ["", "wrong", None, 5, ["a"], {"a": 1}, "\ud800", "\xff"])
def test_a_wrong_token_buys_nothing(client: Client, token: object):
    answer = open_with(client, token)
    assert answer.status == 401
    assert client.access.secret.encode() not in answer.body


def test_the_address_alone_gives_no_secret(client: Client):
    """A navigation receives the same page, whoever asks."""
    query = f"token={client.access.token}"
    page = client.ask("/", headers=[("host", HOST)], query=query)
    assert page.body == client.ask("/", headers=[("host", HOST)]).body
    for path in ("/api/number", "/nothing", "/open"):
        assert client.ask(path, headers=[("host", HOST)], query=query).status == 401


def test_a_link_to_the_page_may_be_followed_but_not_embedded(client: Client):
    link = [*without(client.good, "origin"), ("sec-fetch-site", "cross-site")]
    assert client.ask("/", headers=[*link, ("sec-fetch-dest", "document")]).status == 200
    assert client.ask("/", headers=[*link, ("sec-fetch-dest", "iframe")]).status == 403
    for path in ("/api/number", "/static/page.js"):
        answer = client.ask(path, headers=[*link, ("sec-fetch-dest", "document")])
        assert answer.status == 403


def test_every_answer_carries_the_security_headers(client: Client, files: PageFiles):
    for method, path in requests(files):
        for headers in (client.good, []):
            found = client.ask(path, method, headers).headers
            policy = found["content-security-policy"]
            assert policy.startswith("default-src 'self'; frame-ancestors 'none'")
            assert "base-uri 'none'" in policy
            assert "form-action 'self'" in policy
            assert "img-src 'self' blob:" in policy
            assert "unsafe" not in policy
            assert found["x-content-type-options"] == "nosniff"
            assert found["referrer-policy"] == "no-referrer"
            assert found["cross-origin-resource-policy"] == "same-origin"
            assert found["cross-origin-opener-policy"] == "same-origin"
            assert found["cache-control"] == "no-store"
            assert "set-cookie" not in found
            assert "server" not in found


@pytest.mark.parametrize("headers", ["good", "foreign origin", "no secret"])
def test_sockets_are_refused(client: Client, headers: str):
    given = client.good if headers == "good" else STRANGERS[headers](client.good)
    sent: list[str] = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message["type"])

    scope = {
        "type": "websocket",
        "path": "/api/number",
        "headers": [(key.encode(), value.encode()) for key, value in given],
    }
    asyncio.run(client.app(scope, receive, send))
    assert sent == ["websocket.close"]


def test_files_are_a_fixed_set_of_plain_files(client: Client, tmp_path: Path):
    for file in ("../app.py", "..%2fapp.py", "%2e%2e/app.py", "/etc/passwd", "app.py"):
        assert client.ask(f"/static/{file}").status == 404
    (tmp_path / "notes.txt").write_text("not of the page")
    (tmp_path / "secret.js").write_text("SECRET")
    folder = tmp_path / "linked"
    folder.mkdir()
    (folder / "notes.txt").write_text("an unknown kind")
    os.symlink(tmp_path / "secret.js", folder / "link.js")
    (folder / "real.js").write_text("real")
    (folder / "part").mkdir()
    (folder / "part" / "real.js").write_text("real too")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret.js").write_text("SECRET")
    os.symlink(tmp_path / "elsewhere", folder / "linked")
    own = set(PageFiles(folder).names()) - set(PageFiles(tmp_path / "elsewhere").names())
    assert own == {"real.js", "part/real.js"}


def test_a_page_names_the_modules_that_it_will_import(tmp_path: Path):
    folder = tmp_path / "static"
    (folder / "part").mkdir(parents=True)
    head = '<head><script type="module" src="/static/main.js"></script></head>'
    (folder / "index.html").write_text(head)
    (folder / "main.js").write_text('import { a } from "./part/a.js";\nimport "./part/gone.js";\n')
    (folder / "part" / "a.js").write_text(
        'import {\n  b,\n} from "../b.js";\nconst x = "./c.js";\n'
    )
    (folder / "b.js").write_text('export { a } from "./part/a.js";\n')
    (folder / "c.js").write_text("1;")
    access = Access(PORT, "kincap demo")
    client = Client(guarded_app([], PageFiles(folder), access, error_answer), access)
    page = client.ask("/").body.decode()
    named = re.findall('<link rel="modulepreload" href="(.*?)">', page)
    assert named == ["/static/main.js", "/static/part/a.js", "/static/b.js"]
    assert all(client.ask(name).status == 200 for name in named)
    assert page.endswith("</head>")


def test_errors_are_one_line_of_json(client: Client):
    said = client.ask("/api/fail", query="")
    assert (said.status, said.json()) == (409, {"error": "said plainly"})
    # an unexpected error is answered too, then handed on to the server's log
    with pytest.raises(RuntimeError):
        client.ask("/api/fail", query="how=odd")


BAD_BODIES = [
    (b"", 400),
    (b"{", 400),
    (b"[]", 400),
    (b'"text"', 400),
    (b"\xff\xfe", 400),
    (b"[" * 2000, 400),
    (b" " * 5000, 413),
]


@pytest.mark.parametrize(("body", "status"), BAD_BODIES)
def test_bad_bodies_are_refused_in_one_line(client: Client, body: bytes, status: int):
    headers = [*client.good, ("content-type", "application/json")]
    answer = client.ask("/api/write", "POST", headers, body)
    assert answer.status == status
    assert "\n" not in answer.json()["error"]
    assert WRITTEN == []
