"""Loads the driver packages, or says in one line which of them is missing and how to get it."""

import ctypes
import functools
import importlib
import importlib.metadata
import importlib.util
import re
from dataclasses import dataclass
from typing import Any, Final

from ...core.errors import MissingPartError, SensorNotFoundError
from .import_rewriter import RUNTIME, V2, RewrittenModule, find_module, rewriting

_CTYPES: Any = ctypes
"""Type checkers on other systems know no WinDLL."""
DLL: Final = "Kinect20"
COMTYPES_AT_LEAST: Final = (1, 4)
PYKINECT2: Final = "0.1.0"


@dataclass(frozen=True)
class Driver:
    """The driver packages, imported.

    Attributes:
        v2: ``pykinect2.PyKinectV2``: the SDK's interfaces and structures.
        runtime: ``pykinect2.PyKinectRuntime``.
        com_error: What a failed call raises.
        modules: What was rewritten.
    """

    v2: Any
    runtime: Any
    com_error: type[Exception]
    modules: tuple[RewrittenModule, ...]


def has_windows() -> bool:
    """Return True if this Python can load the libraries of Windows."""
    return hasattr(ctypes, "WinDLL")


def check_comtypes() -> str:
    """Return the version of comtypes.

    Raises:
        MissingPartError: It is not installed or too old.
    """
    wanted = ".".join(map(str, COMTYPES_AT_LEAST))
    try:
        version = importlib.metadata.version("comtypes")
    except importlib.metadata.PackageNotFoundError:
        raise MissingPartError(
            f"comtypes is not installed, the driver needs it: pip install 'comtypes>={wanted}'"
        ) from None
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if numbers < COMTYPES_AT_LEAST:
        raise MissingPartError(
            f"comtypes {version} is too old, expected {wanted} or newer: "
            f"pip install 'comtypes>={wanted}'"
        )
    return version


def check_pykinect2() -> str:
    """Return the version of pykinect2; both modules' files are there.

    Raises:
        MissingPartError: It is not installed.
    """
    for name in (V2, RUNTIME):
        if find_module(name) is None:
            raise MissingPartError(
                f"pykinect2 is not installed (no {name}): pip install pykinect2=={PYKINECT2}"
            )
    try:
        return importlib.metadata.version("pykinect2")
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"


def check_dll() -> None:
    """Load Kinect20.dll.

    Raises:
        MissingPartError: It is not on this machine.
    """
    try:
        _CTYPES.WinDLL(DLL)
    except OSError as error:
        raise MissingPartError(
            f"{DLL}.dll can't be loaded ({error}): install the Kinect for Windows SDK 2.0 or "
            "Runtime 2.0, then start kincap anew"
        ) from None


@functools.cache
def load_driver() -> Driver:
    """Import the driver packages, rewritten where that is needed, and check the result.

    Raises:
        SensorNotFoundError: This is not Windows.
        MissingPartError: A package or the DLL is missing, too old or of an unknown variant.
    """
    if not has_windows():
        raise SensorNotFoundError("no Kinect v2 on this machine: its driver runs on Windows only")
    comtypes_version = check_comtypes()
    version = check_pykinect2()
    check_dll()
    try:
        with rewriting() as modules:
            v2 = importlib.import_module(V2)
            runtime = importlib.import_module(RUNTIME)
    except (ImportError, AttributeError, AssertionError, NameError, SyntaxError, OSError) as error:
        raise MissingPartError(
            f"pykinect2 {version} can't be imported with comtypes {comtypes_version} "
            f"({type(error).__name__}: {error}): "
            f"pip install --force-reinstall pykinect2=={PYKINECT2} comtypes"
        ) from error
    if ctypes.sizeof(v2.INT_PTR) != ctypes.sizeof(ctypes.c_void_p):
        raise MissingPartError(
            "pykinect2 was imported before kincap could rewrite it: its event handles have "
            f"{ctypes.sizeof(v2.INT_PTR)} bytes, expected {ctypes.sizeof(ctypes.c_void_p)}; "
            "import kincap first"
        )
    return Driver(v2, runtime, importlib.import_module("comtypes").COMError, tuple(modules))
