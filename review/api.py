"""The routes: names and whole numbers come in, JSON, columns and stored JPEG bytes go out.

No address holds a path, and nothing here opens a file by a name that came from outside but for a
session's, which is checked first. What goes wrong is one line of JSON, never a traceback.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, get_args

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .. import __version__
from ..core.errors import KincapError, SessionError
from ..core.skeleton import JOINT_BONES, JOINT_NAMES, KEYPOINT_JOINT, KEYPOINT_NAMES, LIMBS
from ..sessions.edits import Decision
from .assets import Assets
from .open_session import NotHereError
from .session_list import Shelf

BODY_LIMIT_BYTES: Final = 4096
NOTE_LIMIT: Final = 200
SEQ_DIGITS: Final = 15
"""A seq goes through the page as a double: exact up to 2**53."""

COLUMNS_TYPE: Final = "application/octet-stream"

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Edit:
    """A decision as the page sends it: seq_first and seq_last are both included."""

    op: Decision
    seq_first: int
    seq_last: int
    note: str


def make_routes(shelf: Shelf, assets: Assets) -> list[Route]:
    """Return every route of the review server."""
    api = _Api(shelf)
    session = "/api/sessions/{name}"
    return [
        Route("/", assets.index),
        Route("/static/{file}", assets.file),
        Route("/api/skeleton", api.skeleton),
        Route("/api/sessions", api.sessions),
        Route(session, api.session),
        Route(session + "/thumbnail", api.thumbnail),
        Route(session + "/timeline/{first}", api.timeline),
        Route(session + "/bodies/{first}", api.bodies),
        Route(session + "/frames/{seq}", api.frame),
        Route(session + "/edits", api.edit, methods=["POST"]),
        Route(session + "/undo", api.undo, methods=["POST"]),
        Route(session + "/redo", api.redo, methods=["POST"]),
    ]


class _Api:
    """The endpoints; reading and writing happens in threads, one call at a time a session."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def skeleton(self, request: Request) -> Response:
        return JSONResponse(
            {
                "schema": "kincap/review-skeleton/1",
                "kincap_version": __version__,
                "joints": JOINT_NAMES,
                "bones": JOINT_BONES,
                "keypoints": KEYPOINT_NAMES,
                "keypoint_joint": KEYPOINT_JOINT.tolist(),
                "limbs": LIMBS,
            }
        )

    async def sessions(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self._shelf.report))

    async def session(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self._shelf.detail, _name(request)))

    async def thumbnail(self, request: Request) -> Response:
        picture = await run_in_threadpool(self._shelf.thumbnail, _name(request))
        return Response(picture, media_type="image/jpeg")

    async def timeline(self, request: Request) -> Response:
        first = _number(request, "first")
        columns = await run_in_threadpool(self._shelf.timeline, _name(request), first)
        return Response(columns, media_type=COLUMNS_TYPE)

    async def bodies(self, request: Request) -> Response:
        first = _number(request, "first")
        columns = await run_in_threadpool(self._shelf.bodies, _name(request), first)
        return Response(columns, media_type=COLUMNS_TYPE)

    async def frame(self, request: Request) -> Response:
        seq = _number(request, "seq")
        picture = await run_in_threadpool(self._shelf.frame, _name(request), seq)
        return Response(picture, media_type="image/jpeg")

    async def edit(self, request: Request) -> Response:
        edit = _edit_of(await _json_body(request))
        report = await run_in_threadpool(
            self._shelf.edit, _name(request), edit.op, edit.seq_first, edit.seq_last, edit.note
        )
        return JSONResponse(report)

    async def undo(self, request: Request) -> Response:
        await _json_body(request)
        return JSONResponse(await run_in_threadpool(self._shelf.undo, _name(request)))

    async def redo(self, request: Request) -> Response:
        await _json_body(request)
        return JSONResponse(await run_in_threadpool(self._shelf.redo, _name(request)))


def _name(request: Request) -> str:
    """Return the session's name as given; the shelf checks it before it looks at any file."""
    return str(request.path_params["name"])


def _number(request: Request, key: str) -> int:
    text = str(request.path_params[key])
    if not (text.isascii() and text.isdecimal() and len(text) <= SEQ_DIGITS):
        raise HTTPException(404, f"{key}: expected a whole number")
    return int(text)


async def _json_body(request: Request) -> dict[str, Any]:
    """Read a small JSON object; anything else is refused before it is held in memory."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "expected content-type: application/json")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_LIMIT_BYTES:
            raise HTTPException(413, f"body: more than {BODY_LIMIT_BYTES} bytes")
    try:
        found = json.loads(bytes(body))
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "body: not JSON") from error
    if not isinstance(found, dict):
        raise HTTPException(400, "body: expected a JSON object")
    return found


def _edit_of(body: dict[str, Any]) -> Edit:
    """Check a decision's keys and types."""
    unknown = set(body) - {"op", "first", "last", "note"}
    if unknown:
        raise HTTPException(400, "body: unknown key; expected op, first, last, note")
    op, first, last, note = (body.get(key, "") for key in ("op", "first", "last", "note"))
    if op not in get_args(Decision):
        raise HTTPException(400, "op: expected reject or keep")
    for key, value in (("first", first), ("last", last)):
        # bool is an int in Python, and true is no frame number
        if type(value) is not int or not 0 <= value < 10**SEQ_DIGITS:
            raise HTTPException(400, f"{key}: expected a whole number from 0")
    if first > last:
        raise HTTPException(400, f"first: {first} is after last: {last}")
    if not isinstance(note, str) or len(note) > NOTE_LIMIT:
        raise HTTPException(400, f"note: expected a text of at most {NOTE_LIMIT} characters")
    return Edit(op, first, last, note)


def make_error_handler(shelf: Shelf) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Return what answers when something went wrong: one line of JSON, whatever it was."""

    async def say_error(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException):
            return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)
        if isinstance(error, KincapError | OSError):
            return JSONResponse({"error": shelf.plain(error)}, _status_of(error))
        return JSONResponse({"error": f"the server failed: {type(error).__name__}"}, 500)

    return say_error


def _status_of(error: Exception) -> int:
    if isinstance(error, NotHereError):
        return 404
    if isinstance(error, SessionError):
        return 409
    return 500 if isinstance(error, OSError) else 422
