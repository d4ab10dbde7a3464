"""Serve a page on this machine until Ctrl-C, for the person who sits at it."""

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from ..core.closing import Closing
from ..core.errors import KincapError
from .access import LOOPBACK, Access
from .connection import HEAD_LIMIT_BYTES, BoundedConnection
from .sockets import MESSAGE_LIMIT_BYTES

SHUTDOWN_S: Final = 1
"""Time for answers under way when the server ends."""


@dataclass(frozen=True, slots=True)
class PageAddress:
    """The address of a page.

    Attributes:
        url: What the person opens; carries the token.
        browser_url: The same for the browser that is started here; it works once.
        port: The port that was taken.
        moved: The default port was in use by something else.
    """

    url: str
    browser_url: str
    port: int
    moved: bool


def serve_page(
    make_app: Callable[[Access], ASGIApp],
    command: str,
    default_port: int,
    port: int | None = None,
    on_ready: Callable[[PageAddress], None] | None = None,
) -> None:
    """Serve a page until Ctrl-C.

    Args:
        make_app: Returns the guarded application for the secrets of this run.
        command: What the person typed.
        default_port: Where the page usually is.
        port: The port; None takes the default one, or a free one where that is in use.
        on_ready: Called with the address once the port is taken.

    Raises:
        KincapError: The port that was asked for can't be taken.
    """
    # Ctrl-C is the normal end of a page from the moment in which its address is known
    with PageServer(make_app, command, default_port, port) as server, suppress(KeyboardInterrupt):
        if on_ready is not None:
            on_ready(server.address)
        server.run()


class PageServer(Closing):
    """A page whose port is taken: served in this thread (``run``) or in one of its own.

    Args:
        make_app: Returns the guarded application for the secrets of this run.
        command: What the person typed.
        default_port: Where the page usually is.
        port: The port; None takes the default one, or a free one where that is in use.
        sockets: True if the application takes web sockets; needs the library websockets.

    Raises:
        KincapError: The port that was asked for can't be taken.

    Attributes:
        access: The secrets of this run.
        address: Where the page is.
    """

    def __init__(
        self,
        make_app: Callable[[Access], ASGIApp],
        command: str,
        default_port: int,
        port: int | None = None,
        *,
        sockets: bool = False,
    ) -> None:
        self._listener, moved = _listen(port, default_port)
        taken = int(self._listener.getsockname()[1])
        self.access = Access(taken, command)
        try:
            self._server = uvicorn.Server(_config(make_app(self.access), sockets=sockets))
        except BaseException:
            self._listener.close()
            raise
        base = f"http://{LOOPBACK}:{taken}/?token="
        self.address = PageAddress(
            base + self.access.token, base + self.access.ticket(), taken, moved
        )
        self._thread: threading.Thread | None = None

    def run(self) -> None:
        """Serve until Ctrl-C."""
        # uvicorn hands Ctrl-C on after its own clean end; for a page it is the normal end
        with suppress(KeyboardInterrupt):
            self._server.run(sockets=[self._listener])

    def start(self) -> None:
        """Serve in a thread of its own until ``close``; signals are left to the main thread."""
        self._thread = threading.Thread(target=self.run, name="page server", daemon=True)
        self._thread.start()

    @property
    def is_serving(self) -> bool:
        """True if its own thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def close(self) -> None:
        """End after the answers under way, and free the port."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(SHUTDOWN_S + 2)
        self._listener.close()


def _config(app: ASGIApp, *, sockets: bool) -> uvicorn.Config:
    """Return the settings of the server of an application."""
    return uvicorn.Config(
        app,
        # nothing of the request's own claims is believed: no forwarded addresses
        proxy_headers=False,
        ws="websockets-sansio" if sockets else "none",
        ws_max_size=MESSAGE_LIMIT_BYTES,
        ws_per_message_deflate=False,
        http=BoundedConnection,
        h11_max_incomplete_event_size=HEAD_LIMIT_BYTES,
        lifespan="off",
        server_header=False,
        access_log=False,
        log_level="critical",
        timeout_graceful_shutdown=SHUTDOWN_S,
    )


def _listen(port: int | None, default_port: int) -> tuple[socket.socket, bool]:
    """Take a port on the loopback.

    Returns:
        The listening socket, and whether it had to be another port than the default one.
    """
    wanted = default_port if port is None else port
    try:
        return _bind(wanted), False
    except OSError as error:
        if port is not None:
            reason = error.strerror or str(error)
            raise KincapError(
                f"--port {port}: {reason}; name another one, or leave --port out"
            ) from error
    return _bind(0), True


def _bind(port: int) -> socket.socket:
    # asyncio sends small answers at once (TCP_NODELAY) only where the protocol is named; else the
    # second part of an answer waits 40 ms for the other side to say that it has the first
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # a page that is still closing must not keep the next start from its usual port
        if os.name != "nt":  # there it would let two programs share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(128)
    except BaseException:
        listener.close()
        raise
    return listener
