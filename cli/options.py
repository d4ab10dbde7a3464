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
