"""The review server: a page on this machine, for the person who sits at it."""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from ..core.errors import KincapError
from ..web.guard import Access, Guard
from .api import make_error_handler, make_routes
from .assets import Assets
from .session_list import Shelf

LOOPBACK: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8733
SHUTDOWN_S: Final = 2


@dataclass(frozen=True, slots=True)
class Address:
    """Where the page is.

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


def make_app(shelf: Shelf, access: Access) -> Guard:
    """Return the whole application: the routes behind the guard."""
    return Guard(make_inner_app(shelf), access)


def make_inner_app(shelf: Shelf) -> Starlette:
    """Return the routes alone, without a guard; for tests that enumerate them."""
    say_error = make_error_handler(shelf)
    # Starlette raises an error again after answering it, but for the kinds that are named here
    kinds = (HTTPException, KincapError, OSError, Exception)
    return Starlette(
        routes=make_routes(shelf, Assets()), exception_handlers=dict.fromkeys(kinds, say_error)
    )


def review(
    recordings: Path,
    port: int | None = None,
    on_ready: Callable[[Address], None] | None = None,
) -> None:
    """Serve the page until Ctrl-C.

    Args:
        recordings: The folder of sessions; it may be empty or missing.
        port: The port; None takes the default one, or a free one where that is in use.
        on_ready: Called with the address once the port is taken.

    Raises:
        KincapError: The port that was asked for is in use, or ``recordings`` is no folder.
    """
    if recordings.exists() and not recordings.is_dir():
        raise KincapError(f"{recordings}: not a folder; name the folder that holds the sessions")
    listener, moved = _listen(port)
    taken = int(listener.getsockname()[1])
    access = Access(taken)
    shelf = Shelf(recordings)
    server = uvicorn.Server(
        uvicorn.Config(
            make_app(shelf, access),
            # nothing of the request's own claims is believed: no forwarded addresses, no sockets
            proxy_headers=False,
            ws="none",
            http="h11",
            lifespan="off",
            server_header=False,
            access_log=False,
            log_level="critical",
            timeout_graceful_shutdown=SHUTDOWN_S,
        )
    )
    base = f"http://{LOOPBACK}:{taken}/?token="
    try:
        if on_ready is not None:
            on_ready(Address(base + access.token, base + access.ticket(), taken, moved))
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        # uvicorn hands Ctrl-C on after its own clean end; for this command it is the normal end
        return
    finally:
        shelf.close()
        listener.close()


def _listen(port: int | None) -> tuple[socket.socket, bool]:
    """Take a port on the loopback; say whether it had to be another than the default one."""
    wanted = DEFAULT_PORT if port is None else port
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
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
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
