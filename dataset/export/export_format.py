"""The interface of an export format: what it is given, and what it writes."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ...core.errors import MissingPartError
from .labels import SplitLabels

Write = Callable[[Path, tuple[SplitLabels, ...]], None]
"""Writes the label files of all splits into a folder; the pictures come beside them."""


@dataclass(frozen=True)
class ExportFormat:
    """A form of labels for one tool.

    Attributes:
        write: Writes the label files; called once, before the pictures are written.
        pictures: Folder of a split's pictures, relative to the output; ``{split}`` is its name.
        check: Raises MissingPartError where an optional package is not installed.
    """

    write: Write
    pictures: str = "images/{split}"
    check: Callable[[], None] = lambda: None


def need(package: str, flag: str) -> None:
    """Refuse a format whose package is not installed.

    Args:
        package: Its name in Python.
        flag: What the user asked for.

    Raises:
        MissingPartError: It is not installed.
    """
    if find_spec(package) is None:
        raise MissingPartError(
            f"{flag}: needs {package}, which is not installed; pip install 'kincap[formats]'"
        )
