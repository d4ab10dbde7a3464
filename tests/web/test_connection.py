"""Requests that never end and answers that are never read, on a real port."""

import contextlib
import gc
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kincap.web.access import LOOPBACK
from kincap.web.connection import HEAD_LIMIT_BYTES, BoundedConnection
from kincap.web.json_body import read_json
from kincap.web.server import PageServer

CUT_S = 0.4
LONG_S = 5.0
LARGE = 30_000_000


class HastyConnection(BoundedConnection):
    """The same, in less time."""

    head_time_s = CUT_S
    unread_time_s = CUT_S


async def quick(request: Request) -> Response:
    return JSONResponse({"fine": True})


async def large(request: Request) -> Response:
    return Response(bytes(LARGE))


async def write(request: Request) -> Response:
    return JSONResponse(await read_json(request, CUT_S))


async def say(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code)


@dataclass
class Running:
    """A server in a thread of this process."""

    server: uvicorn.Server
    port: int

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=LONG_S)

    def is_well(self) -> bool:
        """Return True if another client is answered at once."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONG_S)
        with contextlib.closing(connection):
            connection.request("GET", "/quick")
            return json.loads(connection.getresponse().read()) == {"fine": True}

    def open_connections(self) -> int:
        return len(self.server.server_state.connections)


@pytest.fixture
def running() -> Iterator[Running]:
    routes = [
        Route("/quick", quick),
        Route("/large", large),
        Route("/write", write, methods=["POST"]),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: say})
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        http=HastyConnection,
        h11_max_incomplete_event_size=HEAD_LIMIT_BYTES,
        lifespan="off",
        log_level="critical",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield Running(server, listener.getsockname()[1])
    server.should_exit = True
    thread.join()
    listener.close()


def seconds_until_cut(connection: socket.socket, drip: bytes) -> float:
    """Send a byte now and then until the other side has closed the connection."""
    begin = time.monotonic()
    connection.settimeout(0.05)
    while time.monotonic() - begin < LONG_S:
        try:
            if drip:
                connection.sendall(drip)
            if connection.recv(65536) == b"":
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - begin


@pytest.mark.parametrize(
    ("begin", "drip"),
    [
        (b"", b""),
        (b"GET /quick HT", b""),
        (b"GET /quick HTTP/1.1\r\nHost: x\r\nX: ", b"x"),
        (b"GET /quick HTTP/1.1\r\nHost: x\r\n", b"X: y\r\n"),
        # a body that was not asked for, and one that goes on after the answer
        (b"GET /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", b"x"),
        (b"GET /quick HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        # an answered request, then half of another
        (b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\nGET /qu", b"x"),
    ],
)
def test_requests_that_never_end_are_cut(running: Running, begin: bytes, drip: bytes):
    with running.connect() as connection:
        connection.sendall(begin)
        assert seconds_until_cut(connection, drip) < CUT_S + 2
        assert running.is_well()


@pytest.mark.parametrize("rest", [b"", b'{"a": '])
def test_bodies_that_never_end_are_answered_and_cut(running: Running, rest: bytes):
    head = (
        b"POST /write HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 50\r\n\r\n"
    )
    with running.connect() as connection:
        connection.sendall(head + rest)
        assert connection.recv(65536).startswith(b"HTTP/1.1 408")
        assert seconds_until_cut(connection, b" ") < CUT_S + 2


def test_a_body_without_end_is_refused_when_it_is_too_large(running: Running):
    head = (
        b"POST /write HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    with running.connect() as connection:
        connection.sendall(head + b"1388\r\n" + b" " * 5000 + b"\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 413")
        assert seconds_until_cut(connection, b"1\r\n \r\n") < CUT_S + 2


def test_a_head_without_end_is_refused(running: Running):
    with running.connect() as connection:
        with contextlib.suppress(OSError):
            connection.sendall(b"GET /" + b"x" * 200_000)
        assert seconds_until_cut(connection, b"") < CUT_S + 2
    assert running.is_well()


def test_an_answer_that_is_never_read_is_dropped(running: Running):
    with running.connect() as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        end = time.monotonic() + LONG_S
        while running.open_connections() and time.monotonic() < end:
            time.sleep(0.05)
        assert running.open_connections() == 0


def test_an_answer_that_is_read_slowly_arrives_whole(running: Running):
    with running.connect() as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = 0
        while piece := connection.recv(1_000_000):
            received += len(piece)
            time.sleep(0.005)
        assert received > LARGE


def test_a_request_in_pieces_is_answered(running: Running):
    with running.connect() as connection:
        for piece in (b"GET /qu", b"ick HTTP/1.1\r\n", b"Host: x\r\n\r\n"):
            connection.sendall(piece)
            time.sleep(CUT_S / 8)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_many_connections_do_not_keep_the_page_from_answering(running: Running):
    with contextlib.ExitStack() as stack:
        for _ in range(260):
            stack.enter_context(running.connect())
        time.sleep(CUT_S + 0.3)
        assert running.is_well()


def test_small_answers_are_sent_at_once():
    """A second write waited 40 ms for the first one's acknowledgement on every answer."""
    with PageServer(lambda access: Starlette(), "kincap test", 0) as server:
        server.start()
        with socket.create_connection((LOOPBACK, server.address.port), timeout=LONG_S) as asking:
            asking.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert asking.recv(65536)
            ours = asking.getsockname()
            # not isinstance: it asks objects of other tests for their class, and some warn
            taken = [one for one in gc.get_objects() if issubclass(type(one), socket.socket)]
            served = [one for one in taken if one.fileno() >= 0 and peer_of(one) == ours]
            assert [one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for one in served] == [1]


def peer_of(taken: socket.socket) -> object:
    with contextlib.suppress(OSError):
        return taken.getpeername()
    return None
