"""An entry of the registry: the name of a source, its arguments, its help, and its opener.

This file and every file with a ``SOURCE`` import no heavy library, as the help of ``kincap record``
is made from them. An opener imports late what it needs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.errors import SensorError

if TYPE_CHECKING:
    from .sensor import Sensor


@dataclass(frozen=True)
class SourceSpec:
    """A source as the user named it, taken apart.

    Attributes:
        text: The whole, for messages and session.json.
        argument: The text after the name, without the options: a path, for most sources.
        options: ``key=value`` pairs.
        streams: The chosen streams; (): those that the source gives by itself.
    """

    text: str
    argument: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    streams: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """The argument as a path."""
        return Path(self.argument)


@dataclass(frozen=True)
class Source:
    """A kind of source.

    Attributes:
        name: How ``--source`` begins.
        gives: The streams, for the documentation.
        help: A sentence about it.
        open: Opens it and checks it as far as that is possible without recording.
        argument: The text after ``name:``, such as ``FILE.avi``; "": it takes none.
        keys: Options of the form ``key=value``, each with its help.
        streams: Streams that ``--streams`` can choose from; (): the source decides.
        is_of_kind: Returns True if a file or folder is a recording of this kind; None: the source
            is not a file.
        parts: Returns the recordings that one file holds, each as a suffix for its name and an
            option that chooses it; none where it holds a single one. None: it always does.
    """

    name: str
    gives: str
    help: str
    open: Callable[[SourceSpec], "Sensor"]
    argument: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)
    streams: tuple[str, ...] = ()
    is_of_kind: Callable[[Path], bool] | None = None
    parts: Callable[[SourceSpec], Sequence[tuple[str, str]]] | None = None

    @property
    def form(self) -> str:
        """The form in which it is written after ``--source``."""
        if self.argument:
            return f"{self.name}:{self.argument}"
        return f"{self.name}[:key=value,...]" if self.keys else self.name


def mirrored_option(spec: SourceSpec, *, default: bool) -> bool:
    """Return what the option ``mirrored`` of a source says: yes or no.

    Raises:
        SensorError: It says something else.
    """
    value = spec.options.get("mirrored")
    if value not in (None, "yes", "no"):
        raise SensorError(f"--source {spec.text}: mirrored={value}; expected yes or no")
    return default if value is None else value == "yes"
