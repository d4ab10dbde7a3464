"""Teachers by name: ``blazepose`` and ``onnx:FILE``."""

from collections.abc import Callable
from typing import Final

from ..core.errors import KincapError
from .blazepose.teacher import BlazePose
from .onnx_nets.onnx_teacher import OnnxTeacher
from .teacher import Teacher


def _blazepose(argument: str) -> Teacher:
    if argument:
        raise KincapError(f"--teacher: blazepose takes no argument, found {argument!r}")
    return BlazePose()


TEACHERS: Final[dict[str, Callable[[str], Teacher]]] = {
    "blazepose": _blazepose,
    "onnx": OnnxTeacher,
}
"""From a teacher's name to what makes it from the text after the colon."""


def make_teacher(text: str) -> Teacher:
    """Return the teacher that ``--teacher`` names, in this process.

    Args:
        text: ``blazepose``, ``onnx:FILE`` or ``onnx:LAYOUT:FILE``.

    Raises:
        KincapError: There is no such teacher, or its file can't be used.
        MissingPartError: A library or the weights are missing.
    """
    name, _, argument = text.partition(":")
    if name not in TEACHERS:
        raise KincapError(f"--teacher: there is no {name!r}; choose blazepose or onnx:FILE")
    return TEACHERS[name](argument)
