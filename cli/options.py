"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Final

import typer

RECORDINGS: Final = Path("recordings")
"""The default folder of all sessions."""

Recordings = Annotated[
    Path, typer.Option("--recordings", metavar="DIR", help="Folder of all sessions.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
ShardMib = Annotated[int, typer.Option("--shard-mib", metavar="MIB", help="Size of a shard, MiB.")]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="WORD", help="A word to find the session by; repeatable."),
]
Consent = Annotated[
    str, typer.Option("--consent", metavar="TEXT", help="The consent of the person.")
]
BlurFaces = Annotated[
    bool, typer.Option("--blur-faces", help="Blur all known faces in the pictures.")
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Refuse a file in which frames are damaged or missing.")
]
Report = Annotated[
    bool, typer.Option("--report/--no-report", help="Report on the quality at the end.")
]


def given_flags(context: typer.Context) -> set[str]:
    """Return the flags that were given on the command line, as ``--data``; not the arguments.

    Args:
        context: Of the command.
    """
    found = set()
    for parameter in context.command.params:
        source = context.get_parameter_source(str(parameter.name))
        # by its name: typer has a copy of click, whose classes are others
        if source is not None and source.name == "COMMANDLINE":
            found.add(parameter.opts[0])
    return {flag for flag in found if flag.startswith("-")}
