"""``kincap review``: look through what was recorded, keep or reject."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import result, say

if TYPE_CHECKING:
    from ..web.server import PageAddress


def review(
    session: Annotated[
        str | None,
        typer.Argument(
            help="The session to show first [default: the list of all].", show_default=False
        ),
    ] = None,
    recordings: Annotated[
        Path | None,
        typer.Option(
            "--recordings",
            help="Folder that holds the sessions [default: recordings].",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Data set whose splits are shown.", show_default=False),
    ] = None,
    pred: Annotated[
        list[Path] | None,
        typer.Option(
            "--pred",
            metavar="FILE",
            help="Predictions to show against the sensor, as `kincap evaluate --save-predictions` "
            "writes them; up to three files.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=0,
            max=65535,
            help="Port on this machine [default: 8733, or a free one where that is in use].",
            show_default=False,
        ),
    ] = None,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Only print the address; open no browser.")
    ] = False,
) -> None:
    """Look through recordings in the browser: play, see the joints, keep or reject frames.

    Serves this machine alone, until Ctrl-C. The address carries a token: open it as printed.
    """
    from ..core.errors import KincapError
    from ..review.context import load_context
    from ..review.server import review as serve
    from ..review.session_list import DEFAULT_FOLDER
    from ..sessions.folders import find_folders

    # the usual folder may be missing: the page can make its first recording
    if recordings is not None and not recordings.exists():
        raise KincapError(
            f"--recordings: {recordings} does not exist; name the folder that holds the sessions"
        )
    folder = recordings or DEFAULT_FOLDER
    if session is not None:
        find_folders(folder, [session])
    context = load_context(data, tuple(pred or ()))
    at = f"#{session}" if session else ""

    def announce(address: "PageAddress") -> None:
        if address.moved:
            say(f"the usual port is in use; this page is at port {address.port}")
        result(address.url + at)
        sys.stdout.flush()  # a pipe would hold the address back until the end
        say(f"kincap review: {folder} is at the address above; Ctrl-C ends it")
        if not no_open:
            _open_browser(address.browser_url + at)

    serve(folder, port, on_ready=announce, context=context)


def _open_browser(url: str) -> None:
    """Open the page beside this process; where no browser can be started, the address is enough."""
    import threading
    import webbrowser

    def start() -> None:
        try:
            opened = webbrowser.open(url)
        except webbrowser.Error:
            opened = False
        if not opened:
            say("no browser could be started here: open the address yourself")

    # some browsers return only when they are closed
    threading.Thread(target=start, name="browser", daemon=True).start()


def register(app: typer.Typer) -> None:
    """Add the group's commands."""
    app.command("review")(review)
