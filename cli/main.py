"""The command ``kincap``: puts the groups of commands together and prints errors in one place."""

import sys
from typing import Annotated

import typer

from .. import __version__
from ..core.errors import KincapError
from . import build, record, review, sessions, train

EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="kincap",
    help="Turn a Kinect v2 into a labelling machine for human pose: "
    "record, review, build, pretrain, finetune, evaluate.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(asked: bool) -> None:
    if asked:
        print(f"kincap {__version__}")
        raise typer.Exit


@app.callback()
def kincap(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Parse what stands before the command."""


for group in (record, sessions, review, build, train):
    group.register(app)


def main() -> None:
    """Run the command line and leave with its exit code (design: 0, 1, 2, 3 or 130)."""
    debug = "--debug" in sys.argv
    if debug:
        # accepted anywhere on the line, as people add it to the end of a command that failed
        sys.argv = [sys.argv[0], *(word for word in sys.argv[1:] if word != "--debug")]
    try:
        app()
    except KincapError as error:
        if debug:
            raise
        print(f"kincap: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("kincap: interrupted", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
