"""Read the flags of ``kincap record`` without typer, which takes longer than the daemon.

Only what is plainly right is read here. With anything else (a flag that is unknown or asks for
help, a value of the wrong kind) typer is asked, and says what is wrong.
"""

import inspect
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Union, get_args, get_origin

_KINDS: Final = {str: str, int: int, float: float, Path: Path}


def quick_arguments(command: Callable[..., None], words: Sequence[str]) -> dict[str, Any] | None:
    """Return the arguments of a command whose parameters are all flags; None: ask typer.

    Args:
        command: A function whose parameters are annotated with typer's options.
        words: The command line after the command's name.
    """
    flags = _flags(command)
    found: dict[str, Any] = {}
    rest = list(words)
    while rest:
        flag = flags.get(rest.pop(0))
        if flag is None:
            return None
        name, kind, value = flag
        if kind is not bool:
            if not rest or rest[0].startswith("-"):
                return None
            value = _value(kind, rest.pop(0))
            if value is None:
                return None
        if kind is list:
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    required = {
        name for name, one in inspect.signature(command).parameters.items()
        if one.default is inspect.Parameter.empty
    }  # fmt: skip
    return found if required <= set(found) else None


def _flags(command: Callable[..., None]) -> dict[str, tuple[str, Any, Any]]:
    """Return for each flag its parameter, the kind of its value, and the value of a switch."""
    flags: dict[str, tuple[str, Any, Any]] = {}
    for name, parameter in inspect.signature(command).parameters.items():
        if get_origin(parameter.annotation) is not Annotated:
            continue
        kind, option = _kind(get_args(parameter.annotation)[0]), get_args(parameter.annotation)[1]
        if getattr(option, "min", None) is not None or getattr(option, "max", None) is not None:
            continue
        # typer takes the first word of an annotation for a default until it looks closer
        for words in (option.default, *(option.param_decls or ())):
            if not isinstance(words, str):
                continue
            on, _, off = words.partition("/")
            flags[on] = (name, kind, True)
            if off:
                flags[off] = (name, kind, False)
    return flags


def _kind(annotation: Any) -> Any:
    """Return the kind of a value: one of ``_KINDS``, bool or list."""
    if get_origin(annotation) in (Union, types.UnionType):
        (annotation,) = (one for one in get_args(annotation) if one is not type(None))
    return get_origin(annotation) or annotation


def _value(kind: Any, word: str) -> Any:
    """Return a value of a flag; None: typer is to look at it."""
    if kind is list:
        return word
    digits = word.replace(".", "", kind is float)
    if kind in (int, float) and not (digits.isdecimal() and digits.isascii() and len(digits) < 16):
        return None
    return _KINDS[kind](word) if kind in _KINDS else None
