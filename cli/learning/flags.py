"""Flags of a command as a dataclass, so that commands share a declaration."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, TypeVar, get_type_hints

Flags = TypeVar("Flags")


def with_flags(work: Callable[[Flags], None], flags: type[Flags]) -> Callable[..., None]:
    """Return a command for typer whose options are the fields of a dataclass.

    Args:
        work: The command; takes the filled dataclass. Its docstring is the help text.
        flags: The dataclass; its fields are annotated with ``typer.Option``.
    """

    @functools.wraps(work)
    def command(**given: Any) -> None:
        work(flags(**given))

    hints = get_type_hints(flags, include_extras=True)
    parameters = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(flags)  # type: ignore[arg-type]  # any dataclass
    ]
    del command.__wrapped__
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    vars(command)["__signature__"] = inspect.Signature(parameters)
    return command
