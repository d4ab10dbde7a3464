"""The daemon's answers: status, picture, sessions, and what steers a recording; JSON over HTTP."""

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...core.errors import KincapError
from ...web.json_body import read_json
from ...web.threads import WorkerThreads
from ..live.control import RecordingControl
from .asked import cue_asked, hands_free_asked, settings_asked, text_in
from .picture import picture_answer
from .session_counts import SessionCounts
from .supervisor import Supervisor

FOLLOW_S: Final = 1.0
"""Longest time that a client waits for news of a recording."""
RECORD_BODY_BYTES: Final = 256 << 10
PICTURE_EVERY_S: Final = 0.09
"""Shortest time between two pictures, of all pages together: looking must not cost frames."""

DONE: Final = {"done": True}

Endpoint = Callable[[Request], Awaitable[Response]]
Steering = Callable[[RecordingControl, dict[str, Any]], None]
"""Does to a recording what the body of a request says."""


class DaemonRoutes:
    """The routes of one daemon.

    Args:
        supervisor: Holds the sensor and records.
        end: Ends the daemon, cleanly or at once.
    """

    def __init__(self, supervisor: Supervisor, end: Callable[[bool], None]) -> None:
        self._supervisor, self._end = supervisor, end
        self._threads = WorkerThreads()
        self._sessions = SessionCounts(supervisor.settings.recordings)
        self._picture_s = float("-inf")

    def routes(self) -> list[Route]:
        """Return the routes."""
        get = {
            "status": self._status,
            "picture": self._picture,
            "sessions": self._list,
            "recordings/{number:int}": self._follow,
        }
        post = {
            "record": self._record,
            "start": self._steering(lambda control, _: control.start()),
            "stop": self._stop,
            "pause": self._steering(lambda control, _: control.pause()),
            "resume": self._steering(lambda control, _: control.resume()),
            "mark": self._steering(lambda control, body: control.mark(text_in(body, "text"))),
            "retake": self._steering(lambda control, _: control.retake()),
            "cue": self._cue,
            "shutdown": self._shutdown,
        }
        return [
            *(Route(f"/api/{path}", _refusing(answer)) for path, answer in get.items()),
            *(
                Route(f"/api/{path}", _refusing(answer), methods=["POST"])
                for path, answer in post.items()
            ),
        ]

    async def _status(self, request: Request) -> Response:
        return JSONResponse(self._supervisor.status())

    async def _picture(self, request: Request) -> Response:
        now_s, supervisor = time.monotonic(), self._supervisor
        if now_s - self._picture_s < PICTURE_EVERY_S:
            return Response(status_code=204)
        seen = _number(request, "after", -1)
        answer = picture_answer(supervisor.picture(), seen, supervisor.mirrored)
        if answer.status_code == 200:
            self._picture_s = now_s
        return answer

    async def _list(self, request: Request) -> Response:
        return JSONResponse({"sessions": await self._threads.run(self._sessions.read)})

    async def _follow(self, request: Request) -> Response:
        job = self._supervisor.job(int(request.path_params["number"]))
        seen = _number(request, "lines", 0), _number(request, "version", -1)
        return JSONResponse(await self._threads.run(job.follow, *seen, FOLLOW_S))

    async def _record(self, request: Request) -> Response:
        body = await read_json(request, most=RECORD_BODY_BYTES)
        settings = settings_asked(body, self._supervisor.settings)
        job = self._supervisor.start(settings, hands_free_asked(body))
        return JSONResponse({"recording": job.number})

    async def _stop(self, request: Request) -> Response:
        at_once = (await read_json(request)).get("at_once") is True
        control = self._supervisor.control()
        if at_once:
            control.abort()
        else:
            control.stop()
        return JSONResponse(DONE)

    def _steering(self, act: Steering) -> Endpoint:
        """Return an endpoint that passes a request on to the recording that runs."""

        async def steer(request: Request) -> Response:
            body = await read_json(request)
            act(self._supervisor.control(), body)
            return JSONResponse(DONE)

        return steer

    async def _cue(self, request: Request) -> Response:
        self._supervisor.show_cue(cue_asked(await read_json(request)))
        return JSONResponse(DONE)

    async def _shutdown(self, request: Request) -> Response:
        self._end((await read_json(request)).get("at_once") is True)
        return JSONResponse(DONE)


def _number(request: Request, name: str, usual: int) -> int:
    """Return a number of an address's query; anything else counts as left out."""
    text = request.query_params.get(name, "")
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 16 else usual


def _refusing(answer: Endpoint) -> Endpoint:
    """Return an endpoint that answers a KincapError with its line and exit code."""

    async def answered(request: Request) -> Response:
        try:
            return await answer(request)
        except KincapError as error:
            return JSONResponse({"error": str(error), "exit_code": error.exit_code}, 409)

    return answered


def error_answer(error: Exception) -> tuple[int, str]:
    """Return the status and text of an error that no route expects."""
    return 500, f"{type(error).__name__}: {error}"
