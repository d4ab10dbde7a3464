"""The application behind a page: its own routes, its files, and the opening, all guarded."""

from collections.abc import Awaitable, Callable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from ..core.errors import KincapError
from .access import Access
from .guard import OPEN_PATH, PAGE_PATH, Guard
from .json_body import read_json
from .static_files import STATIC_PATH, PageFiles

Endpoint = Callable[[Request], Awaitable[Response]]

ErrorAnswer = Callable[[Exception], tuple[int, str]]
"""Turns an error into a status and a line of text."""


def guarded_app(
    routes: Sequence[Route | WebSocketRoute],
    files: PageFiles,
    access: Access,
    error_answer: ErrorAnswer,
) -> Guard:
    """Return the whole application of a page: its routes, with everything all pages share.

    Args:
        routes: The page's own routes; those of web sockets ask for the secret (``sockets.py``).
        files: Its files.
        access: The secrets of this run.
        error_answer: What is said of the page's own errors (``KincapError``, ``OSError``).
    """
    sockets = frozenset(one.path for one in routes if isinstance(one, WebSocketRoute))
    return Guard(inner_app(routes, files, access, error_answer), access, files.paths(), sockets)


def inner_app(
    routes: Sequence[Route | WebSocketRoute],
    files: PageFiles,
    access: Access,
    error_answer: ErrorAnswer,
) -> Starlette:
    """Return the application without its guard; for tests that enumerate the routes."""
    say_error = _error_handler(error_answer)
    # Starlette raises an error again after answering it, but for the kinds that are named here
    kinds = (HTTPException, KincapError, OSError, Exception)
    app = Starlette(
        routes=[
            Route(PAGE_PATH, files.index),
            Route(STATIC_PATH + "{file:path}", files.file),
            Route(OPEN_PATH, _opening(access), methods=["POST"]),
            *routes,
        ],
        exception_handlers=dict.fromkeys(kinds, say_error),
    )
    # a path is one of the routes or nothing
    app.router.redirect_slashes = False
    return app


def _opening(access: Access) -> Endpoint:
    """Return the endpoint that gives the secret for a token."""

    async def open_page(request: Request) -> Response:
        token = (await read_json(request)).get("token")
        if not isinstance(token, str) or not access.redeem(token):
            raise HTTPException(401, "this token does not open the page")
        return JSONResponse({"secret": access.secret})

    return open_page


def _error_handler(
    error_answer: ErrorAnswer,
) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Return what answers when something went wrong: one line of JSON, whatever it was."""

    async def say_error(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException):
            return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)
        if isinstance(error, KincapError | OSError):
            status, text = error_answer(error)
            return JSONResponse({"error": text}, status)
        return JSONResponse({"error": f"the server failed: {type(error).__name__}"}, 500)

    return say_error
