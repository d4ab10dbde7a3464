"""The command ``kincap``: all commands together, and the one place that prints errors."""

import _thread
import io
import os
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from itertools import chain
from typing import Annotated, Final, NoReturn

import typer

from .. import __version__
from ..core.errors import KincapError
from ..core.stop_signals import on_stop_signals
from . import console, record
from .daemon.quick_words import quick_arguments
from .help_text import use_plain_help

EXIT_INTERRUPTED = 130

_MODULES: Final = {
    "record": ("record",),
    "daemon": ("daemon.daemon",),
    "protocol": ("protocol",),
    "import": ("import_recordings",),
    "doctor": ("doctor",),
    "sessions": (
        "sessions",
        "report",
        "session_commands.consent",
        "session_commands.copy",
        "session_commands.forget",
    ),
    "review": ("review",),
    "build": ("build",),
    "export": ("export",),
    "pretrain": ("learning.train",),
    "finetune": ("learning.train",),
    "evaluate": ("learning.evaluate",),
    "nets": ("learning.nets",),
    "weights": ("learning.weights",),
    "predict": ("predicting.predict",),
    "audit": ("audit",),
    "demo": ("demo.demo",),
}
"""The modules that register each first word of a command line, in the order of the help."""


def _show_version(asked: bool) -> None:
    if asked:
        print(f"kincap {__version__}")
        raise typer.Exit


def kincap(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Parse the options before the command."""


def make_app(words: Sequence[str] = ()) -> typer.Typer:
    """Return the command line: all commands, or the one that the words begin with.

    Args:
        words: The command line. A command's module is loaded alone: of a short command, a third of
            the time would be spent on the others.
    """
    app = typer.Typer(
        name="kincap",
        help="Turn a Kinect v2 into a labelling machine for human pose: "
        "record, review, build, pretrain, finetune, evaluate.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(kincap)
    wanted = _MODULES.get(words[0]) if words else None
    for module in wanted or dict.fromkeys(chain.from_iterable(_MODULES.values())):
        import_module(f".{module}", __package__).register(app)
    use_plain_help(app)
    return app


def __getattr__(name: str) -> typer.Typer:
    """Return ``app``, the command line with all commands."""
    if name != "app":
        raise AttributeError(name)
    return make_app()


def main() -> None:
    """Run the command line and end with its exit code (0, 1, 2, 3 or 130)."""
    _fill_closed_streams()
    debug = "--debug" in sys.argv
    if debug:
        # accepted anywhere on the line, as people add it to the end of a command that failed
        sys.argv = [sys.argv[0], *(word for word in sys.argv[1:] if word != "--debug")]
    if len(sys.argv) == 1:
        sys.argv.append("--help")
    interrupt = _Interrupt()
    try:
        with on_stop_signals(interrupt.ask):
            sys.unraisablehook = interrupt.not_lost
            code = _run(sys.argv[1:])
            # here, where it is noticed, and not when Python ends
            sys.stdout.flush()
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except Exception as error:
        if interrupt.is_asked and getattr(error, "exit_code", None) != EXIT_INTERRUPTED:
            # a library that was interrupted in the middle of its import raises anything
            _fail_interrupted()
        if isinstance(error, BrokenPipeError) and error.filename is None:
            _end_unread()
        if debug:
            raise
        _fail(*_one_line(error))
    if code == EXIT_INTERRUPTED:
        # typer turns Ctrl-C into this code
        _fail_interrupted()
    sys.exit(code if isinstance(code, int) else 0)


def _run(words: list[str]) -> object:
    """Run a command; return its exit code, None for 0."""
    if words[:1] == ["record"]:
        arguments = quick_arguments(record.record, words[1:])
        if arguments is not None:
            record.record(**arguments)
            return None
    return make_app(words)(standalone_mode=False)


class _Interrupt:
    """Ctrl-C, SIGTERM, SIGHUP or Ctrl-Break, for commands that have no better answer to them.

    Attributes:
        is_asked: One of them has arrived.
    """

    def __init__(self) -> None:
        self.is_asked = False
        self._usual_hook = sys.unraisablehook

    def ask(self) -> None:
        """End the command.

        Raises:
            KeyboardInterrupt: Always.
        """
        self.is_asked = True
        raise KeyboardInterrupt

    def not_lost(self, what: "sys.UnraisableHookArgs") -> None:
        """Raise an interrupt again that arrived where Python can only print and forget it."""
        if what.exc_type is not KeyboardInterrupt:
            self._usual_hook(what)
            return
        again = threading.Timer(0.01, _thread.interrupt_main)
        again.daemon = True
        again.start()


def _fail_interrupted() -> NoReturn:
    """Print one line and exit with 130."""
    # Python ends by the signal itself once an interrupt came while it ran code from a string, as
    # dataclasses do; it forgets that when it next runs code from a string
    eval("0")
    _fail("interrupted", EXIT_INTERRUPTED)


def _end_unread() -> NoReturn:
    """Exit with 1 and without a word, as typer does, where no one reads the output any more."""
    # Python writes what is left of it once more when it ends
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)


def _fill_closed_streams() -> None:
    """Open standard streams that were closed before kincap began, and let all print anything.

    Otherwise the next file that is opened, even a shard, would get the number of a standard stream,
    and a library's messages would be written into it.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - for as long as the process lives
    for stream in (sys.stdout, sys.stderr):
        # a terminal of another encoding shows letters that it lacks as escapes
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _one_line(error: Exception) -> tuple[str, int]:
    """Return the line and the exit code of an error that a person can fix; raise any other."""
    if isinstance(error, KincapError):
        return str(error), error.exit_code
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'disk'}: {error.strerror}", 1
    if isinstance(error, MemoryError) or (isinstance(error, ImportError) and _no_room(error)):
        return "out of memory; close other programs or raise the limit (ulimit -v)", 1
    # typer's usage errors have their own text; their class is private
    usage = getattr(error, "format_message", None)
    if usage is not None:
        return str(usage()).strip(), 2
    raise error


def _no_room(error: ImportError) -> bool:
    """Return True if a library could not be loaded because there is no memory for it."""
    return any(words in str(error) for words in ("failed to map segment", "allocate memory"))


def _fail(message: str, code: int) -> NoReturn:
    """Print one line on stderr and exit; a newline may come from a flag's value."""
    # a group of commands without a command answers with its whole help
    if message.startswith("Usage: "):
        print(message, file=sys.stderr)
    else:
        console.say(f"kincap: {' '.join(message.split())}")
    sys.exit(code)
