"""Access to the live page: every path, known or not, against every kind of stranger."""

import json
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from kincap.predict.live.feed import PoseFeed
from kincap.predict.live.page import COMMAND, SOCKET_PATH, STATIC_FOLDER, LivePage, make_app
from kincap.web.access import Access
from tests.web.asking import PORT, STRANGERS, Client

FILES = [f"/static/{path.name}" for path in STATIC_FOLDER.iterdir() if path.suffix != ".html"]
OPEN = ("/", "/open", *FILES)
"""Answered without the secret: the page's own files, and where a token is exchanged for it."""
PATHS = (*OPEN, SOCKET_PATH, "/nothing", "/static/nothing.js")


@pytest.fixture
def page() -> Iterator[LivePage]:
    with LivePage("a test", 0) as page:
        yield page


@pytest.mark.parametrize("stranger", STRANGERS)
def test_strangers_are_refused_on_every_path(stranger: str) -> None:
    access = Access(PORT, COMMAND)
    client = Client(make_app(PoseFeed({"secret": "of the run"}), access), access)
    assert len(FILES) >= 3
    for path in PATHS:
        if path in OPEN and "secret" in stranger:
            continue  # tests/web/test_guard.py: these disclose nothing
        for method in ("GET", "HEAD", "POST", "DELETE"):
            answer = client.ask(path, method, STRANGERS[stranger](client.good))
            assert answer.status in (401, 403, 421), f"{method} {path}"
            assert b"of the run" not in answer.body


def test_the_page_itself_is_served_under_its_policy() -> None:
    access = Access(PORT, COMMAND)
    client = Client(make_app(PoseFeed({}), access), access)
    for path in ("/", *FILES):
        answer = client.ask(path)
        assert answer.status == 200, path
        assert "default-src 'self'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_the_socket_takes_no_other_page(page: LivePage, headers: dict[str, str]) -> None:
    with pytest.raises(InvalidStatus):
        connect(f"ws://127.0.0.1:{page.address.port}{SOCKET_PATH}", additional_headers=headers)


def test_the_socket_tells_nothing_without_the_token(page: LivePage) -> None:
    with connect(f"ws://127.0.0.1:{page.address.port}{SOCKET_PATH}") as opening:
        opening.send(json.dumps({"token": "guessed"}))
        with pytest.raises(ConnectionClosed):
            opening.recv(timeout=60)
