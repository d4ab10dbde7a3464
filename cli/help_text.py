"""Help texts in the usual form: placeholders in capitals, no types of Python, no braces."""

import re
from typing import Any, Final

import typer
from typer.core import TyperCommand

_PLACEHOLDERS: Final = {"path": "PATH", "str": "TEXT", "int": "N", "float": "X"}
_TYPE: Final = re.compile(r"<(path|str|int|float)(?: range)?>")
_ARGUMENT: Final = re.compile(r"^(  )(\S[^<\n]*?) (<[^>]+>)", re.MULTILINE)
_BRACES: Final = re.compile(r"\{([^{}]+)\}(?:\.\.\.)?")


class PlainCommand(TyperCommand):
    """A command whose help is printed in the usual form."""

    def get_help(self, ctx: Any) -> str:
        """Return the help text."""
        return plain_help(super().get_help(ctx))


def use_plain_help(app: typer.Typer) -> None:
    """Let all commands of an application, and of its groups, print plain help."""
    for command in app.registered_commands:
        command.cls = PlainCommand
    for group in app.registered_groups:
        if group.typer_instance is not None:
            use_plain_help(group.typer_instance)


def plain_help(text: str) -> str:
    """Return a help text of typer with placeholders as other programs have them.

    Columns stay where they are.

    Args:
        text: The help of one command.
    """
    usage, blank, rest = text.partition("\n\n")
    usage = _BRACES.sub(lambda found: found[1].upper(), usage)
    about, options, rows = rest.partition("\nOptions:\n")
    about, arguments, lines = about.partition("\nArguments:\n")
    lines = _ARGUMENT.sub(_argument, lines)
    rows = _TYPE.sub(lambda found: _PLACEHOLDERS[found[1]].ljust(len(found[0])), rows)
    return usage + blank + about + arguments + lines + options + rows


def _argument(found: re.Match[str]) -> str:
    """Return the beginning of an argument's line without its type."""
    return f"{found[1]}{found[2].upper()}".ljust(len(found[0]))
