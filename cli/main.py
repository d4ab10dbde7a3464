"""The command ``kincap``: puts the groups of commands together and prints errors in one place."""

import os
import sys
from typing import Annotated, NoReturn

import typer

from .. import __version__
from ..core.errors import KincapError
from . import build, demo, doctor, record, report, review, sessions, train

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


for group in (record, doctor, sessions, report, review, build, train, demo):
    group.register(app)


def main() -> None:
    """Run the command line and leave with its exit code (0, 1, 2, 3 or 130)."""
    _fill_closed_streams()
    debug = "--debug" in sys.argv
    if debug:
        # accepted anywhere on the line, as people add it to the end of a command that failed
        sys.argv = [sys.argv[0], *(word for word in sys.argv[1:] if word != "--debug")]
    if len(sys.argv) == 1:
        sys.argv.append("--help")
    try:
        code = app(standalone_mode=False)
    except Exception as error:
        if debug:
            raise
        _fail(*_one_line(error))
    if code == EXIT_INTERRUPTED:
        # typer turns Ctrl-C into this code
        _fail("interrupted", code)
    sys.exit(code if isinstance(code, int) else 0)


def _fill_closed_streams() -> None:
    """Let what was closed before kincap began lead nowhere.

    Otherwise the next file that is opened, a shard even, would get the number of a standard stream,
    and what a library has to say would be written into it.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - for as long as the process lives


def _one_line(error: Exception) -> tuple[str, int]:
    """Return the line and the exit code of an error that a person can mend; raise any other."""
    if isinstance(error, KincapError):
        return str(error), error.exit_code
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'disk'}: {error.strerror}", 1
    # typer's own usage errors know how to say themselves; its class of them is private
    usage = getattr(error, "format_message", None)
    if usage is not None:
        return str(usage()).strip(), 2
    raise error


def _fail(message: str, code: int) -> NoReturn:
    """Print one line on stderr and leave; a newline may come from a flag's value."""
    # a group of commands without a command answers with its whole help
    is_help = message.startswith("Usage: ")
    print(message if is_help else f"kincap: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)
