"""Web sockets under the guard: who gets in, and what is said to those who don't."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from kincap.web.access import LOOPBACK, Access
from kincap.web.app import guarded_app
from kincap.web.connection import BoundedConnection
from kincap.web.server import PageServer
from kincap.web.sockets import admit
from kincap.web.static_files import PageFiles

REFUSED = 1008


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    folder = tmp_path_factory.mktemp("static")
    (folder / "index.html").write_text("<!doctype html>")

    def make_app(access: Access) -> ASGIApp:
        async def echo(live: WebSocket) -> None:
            asked = await admit(live, access, time_s=0.3)
            if asked is not None:
                await live.send_json({"heard": asked.get("pictures")})
                await live.close()

        routes = [WebSocketRoute("/live", echo)]
        return guarded_app(routes, PageFiles(folder), access, lambda _: (500, ""))

    with PageServer(make_app, "kincap test", 0, sockets=True) as server:
        server.start()
        yield server


def opened(server: PageServer, path: str = "/live", **headers: str) -> ClientConnection:
    address = f"ws://{LOOPBACK}:{server.address.port}{path}"
    return connect(address, additional_headers=headers)


def closed_with(server: PageServer, first: str | bytes | None) -> int:
    with opened(server) as opening:
        if first is not None:
            opening.send(first)
        with pytest.raises(ConnectionClosed) as refused:
            opening.recv(timeout=60)
    assert refused.value.rcvd is not None
    return refused.value.rcvd.code


@pytest.mark.parametrize("key", ["secret", "token"])
@pytest.mark.parametrize("is_page", [True, False])
def test_the_page_and_programs_get_in_by_their_first_message(
    server: PageServer, key: str, is_page: bool
):
    origin = {"Origin": f"http://{LOOPBACK}:{server.address.port}"} if is_page else {}
    with opened(server, **origin) as opening:
        opening.send(json.dumps({key: getattr(server.access, key), "pictures": True}))
        assert json.loads(opening.recv(timeout=60)) == {"heard": True}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_strangers_are_refused_before_they_can_say_anything(
    server: PageServer, headers: dict[str, str]
):
    with pytest.raises(InvalidStatus) as refused:
        opened(server, **headers)
    assert refused.value.response.status_code == 403


def test_a_name_that_points_at_this_machine_is_refused(server: PageServer):
    port = server.address.port
    with (
        socket.create_connection((LOOPBACK, port)) as direct,
        pytest.raises(InvalidStatus) as refused,
    ):
        connect(f"ws://evil.example:{port}/live", sock=direct)
    assert refused.value.response.status_code == 403


def test_a_path_that_names_no_socket_takes_none(server: PageServer):
    for path in ("/", "/open", "/nothing"):
        with pytest.raises(InvalidStatus):
            opened(server, path)


@pytest.mark.parametrize(
    "first",
    [
        None,
        "",
        "not JSON",
        "[1]",
        "{}",
        '{"secret": 7}',
        '{"secret": ""}',
        '{"token": "guessed"}',
        "[" * 4000,
        b"{}",
    ],
)
def test_a_wrong_or_missing_first_message_closes_the_socket(server: PageServer, first: Any):
    assert closed_with(server, first) == REFUSED


def test_a_long_first_message_is_not_held_in_memory(server: PageServer):
    assert closed_with(server, " " * 5000) == 1009


def test_a_ticket_opens_one_socket_only(server: PageServer):
    word = json.dumps({"token": server.access.ticket()})
    with opened(server) as opening:
        opening.send(word)
        opening.recv(timeout=60)
    assert closed_with(server, word) == REFUSED


def test_a_socket_outlives_the_time_that_a_request_has(
    server: PageServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(BoundedConnection, "head_time_s", 0.05)
    with opened(server) as opening:
        time.sleep(0.15)
        opening.send(json.dumps({"token": server.access.token}))
        assert json.loads(opening.recv(timeout=60)) == {"heard": None}
