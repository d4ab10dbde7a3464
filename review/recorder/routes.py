"""The routes of the panel that records: status, picture, and what steers the daemon."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...capture.daemon.connection import DaemonGoneError
from ...core.errors import KincapError
from ...web.json_body import read_json
from ...web.threads import WorkerThreads
from .daemon_link import DaemonLink

STEERING: Final = ("record", "start", "stop", "pause", "resume", "mark", "retake")
"""Requests of the daemon that the page passes on; ending the daemon is not one of them."""
MOST_THREADS: Final = 6
"""A daemon that hangs takes no thread from the rest of the page."""
NOTHING_NEW: Final = 204

Endpoint = Callable[[Request], Awaitable[Response]]


def make_routes(recordings: Path) -> list[Route]:
    """Return the routes of the panel.

    Args:
        recordings: The folder of the page; a daemon of another folder is not shown.
    """
    panel = _Panel(DaemonLink(recordings))
    return [
        Route("/api/daemon/status", panel.status),
        Route("/api/daemon/picture", panel.picture),
        *(Route(f"/api/daemon/{what}", panel.passing(what), methods=["POST"]) for what in STEERING),
    ]


class _Panel:
    """The endpoints; the daemon is asked in threads of their own."""

    def __init__(self, link: DaemonLink) -> None:
        self._link = link
        self._threads = WorkerThreads(MOST_THREADS)

    async def status(self, request: Request) -> Response:
        return JSONResponse(await self._threads.run(self._link.status))

    async def picture(self, request: Request) -> Response:
        text = request.query_params.get("after", "")
        after = int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else -1
        try:
            found = await self._threads.run(self._link.picture, after)
        except KincapError as error:
            return _refusal(error)
        if found is None:
            return Response(status_code=NOTHING_NEW)
        jpeg, headers = found
        return Response(jpeg, media_type="image/jpeg", headers=headers)

    def passing(self, what: str) -> Endpoint:
        """Return an endpoint that passes a request on to the daemon."""

        async def answer(request: Request) -> Response:
            body = await read_json(request)
            try:
                return JSONResponse(await self._threads.run(self._link.post, what, body))
            except KincapError as error:
                return _refusal(error)

        return answer


def _refusal(error: KincapError) -> Response:
    """Return the answer to what the daemon refused, in its own words, or could not answer."""
    status = 503 if isinstance(error, DaemonGoneError) else 409
    return JSONResponse({"error": str(error)}, status)
