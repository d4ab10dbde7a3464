"""``kincap daemon`` without the command line: hold the sensor, serve, record, until it is ended."""

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from starlette.types import ASGIApp

from ...core.errors import KincapError
from ...core.files.fault_injection import default_io
from ...core.stop_signals import on_stop_signals
from ...web.access import Access
from ...web.app import guarded_app
from ...web.server import PageAddress, PageServer
from ...web.static_files import PageFiles
from ..log import keep_log
from .discovery import DaemonFile, DaemonLock
from .leftovers import seal_left
from .routes import DaemonRoutes, error_answer
from .settings import COMMAND, DEFAULT_PORT, DaemonSettings
from .supervisor import Supervisor

STATIC_FOLDER: Final = Path(__file__).with_name("static")
_LOOK_UP_EVERY_S: Final = 0.25


def make_app(supervisor: Supervisor, end: Callable[[bool], None], access: Access) -> ASGIApp:
    """Return the whole application of the daemon: its routes and page behind the guard."""
    routes = DaemonRoutes(supervisor, end).routes()
    return guarded_app(routes, PageFiles(STATIC_FOLDER), access, error_answer)


class _Ending:
    """Requests to end the daemon: the first one cleanly, the second one at once."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.at_once = threading.Event()

    def ask(self, at_once: bool = False) -> None:
        """Take a request."""
        if at_once or self.asked.is_set():
            self.at_once.set()
        self.asked.set()


def run_daemon(
    settings: DaemonSettings,
    on_ready: Callable[[PageAddress], None] | None = None,
    on_line: Callable[[str], None] | None = None,
) -> bool:
    """Run the daemon until Ctrl-C, SIGTERM, SIGHUP or ``kincap daemon stop``.

    Args:
        settings: What it holds open.
        on_ready: Called once it serves.
        on_line: Called with each line for the person.

    Returns:
        True if it ended cleanly, False if it was ended at once during a recording.

    Raises:
        KincapError: Another daemon runs, or the source, port or folder can't be used.
    """
    say = on_line or (lambda _: None)
    settings = replace(settings, recordings=settings.recordings.absolute())
    if settings.recordings.exists() and not settings.recordings.is_dir():
        raise KincapError(f"{settings.recordings}: not a folder; name another by --recordings")
    ending = _Ending()
    with keep_log("daemon") as log, on_stop_signals(ending.ask), DaemonLock() as lock:
        for line in seal_left(settings.recordings, default_io()):
            log.warning("recovered: %s", line)
            say(line)
        with (
            Supervisor(settings, log) as supervisor,
            PageServer(
                lambda access: make_app(supervisor, ending.ask, access),
                COMMAND,
                DEFAULT_PORT,
                settings.port,
            ) as server,
        ):
            server.start()
            lock.announce(_about(settings, server))
            log.info("began: %s into %s", settings.source, settings.recordings)
            if on_ready is not None:
                on_ready(server.address)
            _wait(ending, server, log)
            return supervisor.end(ending.at_once)


def _about(settings: DaemonSettings, server: PageServer) -> DaemonFile:
    """Return what the daemon's file says."""
    return DaemonFile(
        url=server.address.url.partition("/?")[0],
        token=server.access.token,
        pid=os.getpid(),
        recordings=str(settings.recordings),
        source=settings.source,
        streams=settings.streams,
    )


def _wait(ending: _Ending, server: PageServer, log: logging.Logger) -> None:
    """Wait until the daemon is to end."""
    # waiting in slices: on Windows nothing else lets a signal through
    while not ending.asked.wait(_LOOK_UP_EVERY_S):
        if not server.is_serving:
            raise KincapError("the daemon's server has ended; see its log", exit_code=1)
    log.info("asked: end")
