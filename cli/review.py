"""``kincap review``: look through what was recorded, keep or reject."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import result, say

if TYPE_CHECKING:
    from ..web.server import PageAddress


def review(
    recordings: Annotated[
        Path, typer.Option("--recordings", help="Folder that holds the sessions.")
    ] = Path("recordings"),
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
    from ..review.server import review as serve

    def announce(address: "PageAddress") -> None:
        if address.moved:
            say(f"the usual port is in use; this page is at port {address.port}")
        result(address.url)
        sys.stdout.flush()  # a pipe would hold the address back until the end
        say(f"kincap review: {recordings} is at the address above; Ctrl-C ends it")
        if not no_open:
            _open_browser(address.browser_url)

    serve(recordings, port, on_ready=announce)


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
