"""The source ``MODULE:FACTORY``: a device for which the user has written a Python module.

The factory is a function that takes one text (what follows a second colon, usually "") and returns
an opened :class:`~kincap.capture.sources.sensor.Sensor`.
"""

import re
from importlib import import_module
from typing import TYPE_CHECKING, Final

from ...core.errors import KincapError, MissingPartError, SensorError

if TYPE_CHECKING:
    from .sensor import Sensor

FORM: Final = "MODULE:FACTORY[:TEXT]"
_FACTORY: Final = re.compile(
    r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)(?::(.*))?", re.DOTALL
)


def is_factory(text: str) -> bool:
    """Return True if a text has the form of a Python module and a function in it."""
    return _FACTORY.fullmatch(text) is not None


def open_factory(text: str) -> "Sensor":
    """Import the module, call its function, and check the result.

    Args:
        text: ``MODULE:FACTORY`` or ``MODULE:FACTORY:TEXT``.

    Raises:
        MissingPartError: Python finds no such module (exit 3).
        SensorError: The module has no such function, or the function returns something else.
        KincapError: Raised by the function itself.
    """
    from .sensor import SensorInfo

    match = _FACTORY.fullmatch(text)
    if match is None:
        raise SensorError(f"--source {text}: expected {FORM}")
    name, function, argument = match[1], match[2], match[3] or ""
    try:
        factory = getattr(import_module(name), function, None)
    except ModuleNotFoundError as error:
        raise MissingPartError(
            f"--source {text}: Python finds no module {error.name!r}; install it, or name its "
            "folder by PYTHONPATH"
        ) from error
    except Exception as error:
        raise SensorError(f"--source {text}: can't import {name}: {_named(error)}") from error
    if not callable(factory):
        raise SensorError(f"--source {text}: {name} has no function {function}; expected {FORM}")
    try:
        sensor = factory(argument)
    except KincapError:
        raise
    except Exception as error:
        raise SensorError(f"--source {text}: {function} failed: {_named(error)}") from error
    methods = (getattr(sensor, method, None) for method in ("items", "close"))
    if not (isinstance(getattr(sensor, "info", None), SensorInfo) and all(map(callable, methods))):
        raise SensorError(
            f"--source {text}: {function} returned {type(sensor).__name__}, expected a Sensor: an "
            "object with info (a SensorInfo), items() and close()"
        )
    opened: Sensor = sensor
    return opened


def _named(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
