"""The registry of sources: finds them, takes ``--source`` apart, and opens the named one."""

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ...core.errors import MissingPartError, SensorError, SensorNotFoundError
from . import available
from .python_factory import FORM as FACTORY_FORM
from .python_factory import is_factory, open_factory
from .source import Source, SourceSpec

if TYPE_CHECKING:
    from .sensor import Sensor


def _found() -> dict[str, Source]:
    """Return the source of every module in ``available``, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(available.__path__))
    entries = [import_module(f"{available.__name__}.{name}").SOURCE for name in names]
    return {entry.name: entry for entry in entries}


SOURCES: Final[Mapping[str, Source]] = _found()
"""Every source by name, in the order of the alphabet."""


def source_forms() -> str:
    """Return how every source is written, for help texts and error messages."""
    return ", ".join([*(source.form for source in SOURCES.values()), FACTORY_FORM])


def file_forms() -> list[str]:
    """Return how every source that is a file or folder is written."""
    return [source.form for source in SOURCES.values() if source.is_of_kind is not None]


def open_source(text: str, streams: tuple[str, ...] = ()) -> "Sensor":
    """Open a source and check it as far as that is possible without recording.

    Args:
        text: A form of ``source_forms``; or only the path of a file or folder, of which the kind is
            worked out from its content.
        streams: Streams that were chosen; (): those that the source gives by itself.

    Returns:
        The opened source; the caller closes it.

    Raises:
        SensorNotFoundError: This machine has no such sensor (exit 3).
        MissingPartError: A part of the sensor's driver is missing (exit 3).
        SensorError: An unknown source, a bad option, a broken or missing file (exit 2).
    """
    name, colon, rest = text.partition(":")
    source = SOURCES.get(name)
    if source is None and _names_a_path(text, colon):
        source, rest = _source_of(Path(text)), text
        text = f"{source.name}:{text}"
    if source is None and is_factory(text):
        _check_streams(streams, (), text)
        return open_factory(text)
    if source is None or not _takes(source, colon, rest):
        raise SensorError(
            f"--source {text}: unknown source; expected a recording's path, or one of "
            f"{source_forms()}"
        )
    _check_streams(streams, source.streams, text)
    argument, options = _taken_apart(source, rest, text)
    try:
        return source.open(SourceSpec(text, argument, options, streams))
    except (SensorNotFoundError, MissingPartError) as error:
        others = source_forms()
        raise type(error)(f"{error}; --source can name one of {others}") from error


def recordings_in(text: str) -> list[tuple[str, str]]:
    """Return the recordings that a named file holds.

    Args:
        text: The source, with its name.

    Returns:
        A suffix for the name, and the source that opens that recording alone; of a file with one,
        or one that can't be read, only ("", ``text``).
    """
    name, _, rest = text.partition(":")
    source = SOURCES.get(name)
    if source is not None and source.parts is not None:
        try:
            argument, options = _taken_apart(source, rest, text)
            parts = source.parts(SourceSpec(text, argument, options))
        except SensorError:
            # opened, it is refused with the reason
            parts = ()
        if parts:
            return [(f"-{suffix}", f"{text},{option}") for suffix, option in parts]
    return [("", text)]


def kind_of(path: Path) -> Source | None:
    """Return the source that reads a file or folder, judged by its content; None: there is none."""
    found = (source for source in SOURCES.values() if source.is_of_kind is not None)
    return next((s for s in found if s.is_of_kind is not None and s.is_of_kind(path)), None)


def _names_a_path(text: str, colon: str) -> bool:
    """Return True if a text without a source's name is meant as a path."""
    path = Path(text)
    return path.exists() or (not colon and (len(path.parts) > 1 or path.suffix != ""))


def _source_of(path: Path) -> Source:
    """Return the source that reads a path.

    Raises:
        SensorError: It is missing, or is a recording of no known kind.
    """
    if not path.exists():
        raise SensorError(
            f"--source {path}: no such file or folder; expected a recording's path, or one of "
            f"{source_forms()}"
        )
    source = kind_of(path)
    if source is None:
        raise SensorError(
            f"{path}: not a recording of a known kind; expected one of {', '.join(file_forms())}"
        )
    return source


def _takes(source: Source, colon: str, rest: str) -> bool:
    """Return True if a source takes what follows its name."""
    if source.argument:
        return bool(rest)
    return not colon or bool(source.keys)


def _check_streams(asked: tuple[str, ...], choice: tuple[str, ...], text: str) -> None:
    if asked and not choice:
        choosers = [source.name for source in SOURCES.values() if source.streams]
        raise SensorError(
            f"--streams: only --source {' or '.join(choosers)} lets streams be chosen, not {text}"
        )


def _taken_apart(source: Source, rest: str, text: str) -> tuple[str, dict[str, str]]:
    """Return the argument of a source and its options.

    A path may hold commas and equals signs: only known keys at its end are options.

    Raises:
        SensorError: An option is malformed or appears twice.
    """
    if not source.argument:
        return "", _options(filter(None, rest.split(",")), text)
    parts = rest.split(",")
    first = len(parts)
    while first > 1 and parts[first - 1].partition("=")[0] in source.keys:
        first -= 1
    argument, key = ",".join(parts[:first]), parts[first - 1].partition("=")[0]
    if first > 1 and "=" in parts[first - 1] and key.isidentifier() and not Path(argument).exists():
        known = ", ".join(source.keys) or "none"
        raise SensorError(f"--source {text}: unknown key {key!r}; the keys are: {known}")
    return argument, _options(parts[first:], text)


def _options(parts: "filter[str] | list[str]", text: str) -> dict[str, str]:
    """Return ``key=value`` texts as a dict."""
    options: dict[str, str] = {}
    for part in parts:
        key, equals, value = part.partition("=")
        if not equals or not key or not value:
            raise SensorError(f"--source {text}: found {part!r}, expected key=value")
        if key in options:
            raise SensorError(f"--source {text}: {key} appears twice")
        options[key] = value
    return options
