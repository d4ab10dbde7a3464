"""The routes: names and whole numbers come in, JSON, columns and stored JPEG bytes go out.

No address holds a path, and nothing here opens a file by a name that came from outside but for a
session's, which is checked first. What goes wrong is one line of JSON, never a traceback.

``uuid`` is a session's identity. A request that carries it gets an answer about that very session,
or an error where another one was recorded under its name; what changes something must carry it.
"""

from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .. import __version__
from ..core.skeleton import JOINT_BONES, JOINT_NAMES, KEYPOINT_JOINT, KEYPOINT_NAMES, LIMBS
from ..sessions.edits.operations import Operation
from ..web.app import ErrorAnswer
from ..web.json_body import read_json
from ..web.threads import WorkerThreads
from .changes import ChangeWatch
from .edit_requests import check_operations
from .errors import status_of
from .judging.keep_settings import settings_of
from .recorder import routes as recorder
from .session_list import SessionList
from .several_sessions import check, decide_about

NOTE_LIMIT: Final = 200
RANGE_DECISIONS: Final = ("reject", "keep", "trim")
EDIT_LIMIT_BYTES: Final = 1 << 20
"""Of a list of operations."""
UUID_LIMIT: Final = 64
SEQ_DIGITS: Final = 15
"""A seq goes through the page as a double: exact up to 2**53."""

SLOW_S: Final = 600.0
"""Time for a video, or for reports of several sessions."""
MOST_CHOSEN: Final = 500
USUAL_BINS: Final = 1200
COLUMNS_TYPE: Final = "application/octet-stream"


def make_routes(sessions: SessionList) -> list[Route]:
    """Return every route of the page but for those that all pages have."""
    api = _Api(sessions)
    session = "/api/sessions/{name}"
    return [
        Route("/api/skeleton", api.skeleton),
        Route("/api/sessions", api.sessions),
        Route("/api/changes", api.changes),
        Route("/api/batch", api.batch, methods=["POST"]),
        Route(session, api.session),
        Route(session + "/thumbnail", api.thumbnail),
        Route(session + "/timeline/{first}", api.timeline),
        Route(session + "/bodies/{first}", api.bodies),
        Route(session + "/frames/{seq}", api.frame),
        Route(session + "/previews/{seq}", api.preview),
        Route(session + "/coverage", api.coverage),
        Route(session + "/report", api.quality),
        Route(session + "/video", api.video, methods=["POST"]),
        Route(session + "/frames/{seq}/about", api.about),
        Route(session + "/frames/{seq}/masks", api.masks),
        Route(session + "/findings", api.findings),
        Route(session + "/lanes", api.lanes),
        Route(session + "/suspects", api.suspects),
        Route(session + "/keep", api.keep),
        Route(session + "/predictions/{first}", api.predictions),
        Route(session + "/edits", api.edits),
        Route(session + "/edits", api.edit, methods=["POST"]),
        Route(session + "/undo", api.undo, methods=["POST"]),
        Route(session + "/redo", api.redo, methods=["POST"]),
        *recorder.make_routes(sessions.recordings),
    ]


def error_answer(sessions: SessionList) -> ErrorAnswer:
    """Return what is said of the page's own errors."""
    return lambda error: (status_of(error), sessions.plain(error))


class _Api:
    """The endpoints; reading and writing happens in threads, one call at a time a session."""

    def __init__(self, sessions: SessionList) -> None:
        self._sessions = sessions
        self._threads = WorkerThreads()
        self._slow_threads = WorkerThreads(most=2, patience_s=SLOW_S)
        self._changes = ChangeWatch(sessions.marks, self._threads)

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
        return JSONResponse(await self._threads.run(self._sessions.report))

    async def session(self, request: Request) -> Response:
        detail = await self._threads.run(self._sessions.detail, _name(request), _uuid(request))
        return JSONResponse(detail)

    async def thumbnail(self, request: Request) -> Response:
        image = await self._threads.run(self._sessions.thumbnail, _name(request), _uuid(request))
        return Response(image, media_type="image/jpeg")

    async def timeline(self, request: Request) -> Response:
        part = request.query_params.get("part", "all")
        if part not in ("all", "axis"):
            raise HTTPException(400, "part: expected all or axis")
        columns = await self._threads.run(
            *(self._sessions.timeline, _name(request), _number(request, "first")),
            *(_uuid(request), part == "axis"),
        )
        return Response(columns, media_type=COLUMNS_TYPE)

    async def bodies(self, request: Request) -> Response:
        columns = await self._threads.run(
            self._sessions.bodies, _name(request), _number(request, "first"), _uuid(request)
        )
        return Response(columns, media_type=COLUMNS_TYPE)

    async def frame(self, request: Request) -> Response:
        image = await self._threads.run(
            self._sessions.frame, _name(request), _number(request, "seq"), _uuid(request)
        )
        return Response(image, media_type="image/jpeg")

    async def findings(self, request: Request) -> Response:
        found = await self._threads.run(self._sessions.findings, _name(request), _uuid(request))
        return JSONResponse(found)

    async def preview(self, request: Request) -> Response:
        image = await self._threads.run(
            self._sessions.preview, _name(request), _number(request, "seq"), _uuid(request)
        )
        return Response(image, media_type="image/jpeg")

    async def about(self, request: Request) -> Response:
        found = await self._threads.run(
            self._sessions.about, _name(request), _number(request, "seq"), _uuid(request)
        )
        return JSONResponse(found)

    async def masks(self, request: Request) -> Response:
        found = await self._threads.run(
            self._sessions.masks, _name(request), _number(request, "seq"), _uuid(request)
        )
        return JSONResponse(found)

    async def coverage(self, request: Request) -> Response:
        image = await self._threads.run(self._sessions.coverage, _name(request), _uuid(request))
        return Response(image, media_type="image/png")

    async def quality(self, request: Request) -> Response:
        found = await self._threads.run(self._sessions.quality, _name(request), _uuid(request))
        return JSONResponse(found)

    async def video(self, request: Request) -> Response:
        body = await read_json(request)
        first, last, uuid = _whole(body, "first"), _whole(body, "last"), _body_uuid(body)
        video = await self._slow_threads.run(
            self._sessions.video, _name(request), uuid, first, last
        )
        return Response(video, media_type="video/mp4")

    async def batch(self, request: Request) -> Response:
        body = await read_json(request, most=EDIT_LIMIT_BYTES)
        chosen, op = _chosen(body), body.get("op")
        if op in ("verify", "report"):
            done = await self._slow_threads.run(check, self._sessions, chosen, op)
        else:
            operation = {key: value for key, value in body.items() if key != "sessions"}
            (checked,) = check_operations([operation])
            if checked["op"] not in ("tag", "note"):
                raise HTTPException(400, "op: expected tag, note, verify or report")
            problems = await self._threads.run(decide_about, self._sessions, chosen, checked)
            done = {
                name: {"ok": why is None, "text": why or "done"} for name, why in problems.items()
            }
        return JSONResponse({"schema": "kincap/review-batch/1", "sessions": done})

    async def lanes(self, request: Request) -> Response:
        first, last, bins = (
            _query_number(request, key, usual)
            for key, usual in (("first", 0), ("last", 10**SEQ_DIGITS), ("bins", USUAL_BINS))
        )
        columns = await self._threads.run(
            self._sessions.lanes, _name(request), first, last, bins, _uuid(request)
        )
        return Response(columns, media_type=COLUMNS_TYPE)

    async def suspects(self, request: Request) -> Response:
        asked = request.query_params
        found = await self._threads.run(
            self._sessions.suspects,
            *(_name(request), asked.get("query", ""), _query_number(request, "limit", 500)),
            *(asked.get("order", "score"), asked.get("group", "1") != "0", _uuid(request)),
        )
        return JSONResponse(found)

    async def keep(self, request: Request) -> Response:
        asked = {key: value for key, value in request.query_params.items() if key != "uuid"}
        settings = settings_of(asked)
        found = await self._threads.run(
            self._sessions.keep, _name(request), settings, _uuid(request)
        )
        return JSONResponse(found)

    async def predictions(self, request: Request) -> Response:
        columns = await self._threads.run(
            self._sessions.predictions, _name(request), _number(request, "first"), _uuid(request)
        )
        return Response(columns, media_type=COLUMNS_TYPE)

    async def changes(self, request: Request) -> Response:
        return JSONResponse(await self._changes.wait(request.query_params.get("token", "")))

    async def edits(self, request: Request) -> Response:
        edits = await self._threads.run(self._sessions.edits, _name(request), _uuid(request))
        return JSONResponse(edits)

    async def edit(self, request: Request) -> Response:
        body = await read_json(request, most=EDIT_LIMIT_BYTES)
        uuid, operations = _body_uuid(body), _operations_of(body)
        report = await self._threads.run(self._sessions.edit, _name(request), uuid, operations)
        return JSONResponse(report)

    async def undo(self, request: Request) -> Response:
        uuid = _body_uuid(await read_json(request))
        return JSONResponse(await self._threads.run(self._sessions.undo, _name(request), uuid))

    async def redo(self, request: Request) -> Response:
        uuid = _body_uuid(await read_json(request))
        return JSONResponse(await self._threads.run(self._sessions.redo, _name(request), uuid))


def _name(request: Request) -> str:
    """Return the session's name as given; it is checked before any file is looked at."""
    return str(request.path_params["name"])


def _uuid(request: Request) -> str | None:
    """Return the identity that the session must have, None where any will do."""
    return request.query_params.get("uuid")


def _number(request: Request, key: str) -> int:
    text = str(request.path_params[key])
    if not (text.isascii() and text.isdecimal() and len(text) <= SEQ_DIGITS):
        raise HTTPException(404, f"{key}: expected a whole number")
    return int(text)


def _query_number(request: Request, key: str, usual: int) -> int:
    """Return a whole number of the query, or the usual one."""
    text = request.query_params.get(key)
    if text is None:
        return usual
    if not (text.isascii() and text.isdecimal() and len(text) <= SEQ_DIGITS):
        raise HTTPException(400, f"{key}: expected a whole number")
    return int(text)


def _whole(body: dict[str, Any], key: str) -> int:
    """Return a whole number of a request's body."""
    value = body.get(key)
    # bool is an int in Python, but true is not a frame number
    if type(value) is not int or not 0 <= value < 10**SEQ_DIGITS:
        raise HTTPException(400, f"{key}: expected a whole number from 0")
    return value


def _chosen(body: dict[str, Any]) -> dict[str, str]:
    """Return the uuid of each session that a request is about."""
    found = body.get("sessions")
    if not isinstance(found, dict) or not 0 < len(found) <= MOST_CHOSEN:
        raise HTTPException(400, f"sessions: expected an object of 1 to {MOST_CHOSEN} names")
    for uuid in found.values():
        if not isinstance(uuid, str) or not 0 < len(uuid) <= UUID_LIMIT:
            raise HTTPException(400, "sessions: expected the uuid of each, by name")
    return found


def _body_uuid(body: dict[str, Any]) -> str:
    """Return the identity of the session that a body is about."""
    uuid = body.get("uuid")
    if not isinstance(uuid, str) or not 0 < len(uuid) <= UUID_LIMIT:
        raise HTTPException(400, "uuid: expected that of the session, as /api/sessions says it")
    return uuid


def _operations_of(body: dict[str, Any]) -> list[Operation]:
    """Return the operations of a request: a list of them, or a decision about a range."""
    if "operations" in body:
        unknown = set(body) - {"operations", "uuid"}
        if unknown:
            raise HTTPException(400, "body: unknown key; expected operations, uuid")
        return check_operations(body["operations"])
    return [_decision_of(body)]


def _decision_of(body: dict[str, Any]) -> Operation:
    """Check a decision's keys and types."""
    unknown = set(body) - {"op", "first", "last", "note", "uuid"}
    if unknown:
        raise HTTPException(400, "body: unknown key; expected op, first, last, note, uuid")
    op, note = body.get("op", ""), body.get("note", "")
    if op not in RANGE_DECISIONS:
        raise HTTPException(400, "op: expected reject, keep or trim")
    first, last = _whole(body, "first"), _whole(body, "last")
    if first > last:
        raise HTTPException(400, f"first: {first} is after last: {last}")
    if not isinstance(note, str) or len(note) > NOTE_LIMIT:
        raise HTTPException(400, f"note: expected a text of at most {NOTE_LIMIT} characters")
    return {"op": op, "seq_first": first, "seq_last": last, "note": note}
