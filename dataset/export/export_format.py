"""The interface of an export format: what it is given, and what it writes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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
