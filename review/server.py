"""``kincap review``: the page over a folder of sessions."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from starlette.types import ASGIApp

from ..core.errors import KincapError
from ..web.access import Access
from ..web.app import guarded_app
from ..web.server import PageAddress, serve_page
from ..web.static_files import PageFiles
from .api import error_answer, make_routes
from .context import Context
from .session_list import SessionList

COMMAND: Final = "kincap review"
DEFAULT_PORT: Final = 8733
STATIC_FOLDER: Final = Path(__file__).with_name("static")


def make_app(sessions: SessionList, access: Access) -> ASGIApp:
    """Return the whole application: the routes behind the guard."""
    files = PageFiles(STATIC_FOLDER)
    return guarded_app(make_routes(sessions), files, access, error_answer(sessions))


def review(
    recordings: Path,
    port: int | None = None,
    on_ready: Callable[[PageAddress], None] | None = None,
    context: Context | None = None,
) -> None:
    """Serve the page until Ctrl-C.

    Args:
        recordings: The folder of sessions; it may be empty or missing.
        port: The port; None takes the default one, or a free one where that is in use.
        on_ready: Called with the address once the port is taken.
        context: A data set and predictions that are shown beside the recordings.

    Raises:
        KincapError: The port that was asked for is in use, or ``recordings`` is not a folder.
    """
    if recordings.exists() and not recordings.is_dir():
        raise KincapError(f"{recordings}: not a folder; name the folder that holds the sessions")
    sessions = SessionList(recordings, context=context)
    try:
        serve_page(lambda access: make_app(sessions, access), COMMAND, DEFAULT_PORT, port, on_ready)
    finally:
        sessions.close()
