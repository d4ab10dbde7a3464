"""The command that makes a data set again."""

import shlex
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Final

_NOT_OF_THE_DATA: Final = (
    "workers",
    "scheduler",
    "restart",
    "dry_run",
    "sheet",
    "blur_faces",
    "report",
    "with_report",
)
"""Settings that change nothing in the file."""
_FLAGS: Final = {"guard_s": "guard"}


def command_of(settings: Any) -> str:
    """Return the command line of a build.

    Args:
        settings: A frozen dataclass whose fields are named as the flags are; those of other types
            than texts, numbers and paths are left out: ``meta/settings`` has them.
    """
    words = ["kincap", "build"]
    for one in fields(settings):
        if one.name in _NOT_OF_THE_DATA:
            continue
        default = one.default if one.default is not MISSING else None
        value = getattr(settings, one.name)
        # where the data set goes is always said
        if value != default or one.name == "out":
            words += _words(_FLAGS.get(one.name, one.name).replace("_", "-"), value)
    return shlex.join(words)


def _words(flag: str, value: Any) -> Iterator[str]:
    """Yield a flag and its value, nothing for a value that no flag can say."""
    if isinstance(value, bool):
        yield f"--{flag}" if value else f"--no-{flag}"
    elif isinstance(value, str | int | float | Path):
        yield from (f"--{flag}", str(value))
    elif isinstance(value, tuple | list):
        for one in value:
            yield from (f"--{flag}", str(one))
