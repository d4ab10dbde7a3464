"""The floor of Windows under comtypes and pykinect2, so that both run as they are anywhere.

Faked: the ``mbcs`` codec, the COM parts of ``_ctypes``, ``ctypes.WINFUNCTYPE``, ``WinDLL`` and
``windll``, kernel32's events, ole32's GUID functions, 32-bit ``long``. Not faked: comtypes'
interface classes and reference counting, pykinect2. On Windows only Kinect20.dll is faked.

Everything here changes the whole process: only a test's own process calls :func:`install`.
"""

import builtins
import codecs
import ctypes
import importlib
import sys
import threading
import time
import types
import uuid
from collections.abc import Callable, Sequence
from typing import Any

IS_WINDOWS = sys.platform == "win32"
INFINITE = 0xFFFFFFFF
WAIT_TIMEOUT, WAIT_FAILED = 0x102, 0xFFFFFFFF

LIBRARIES: dict[str, dict[str, Callable[..., Any]]] = {}
"""Functions of each faked library, by its name in lower case without ".dll"."""


def signed(code: int) -> int:
    """Return an HRESULT as the signed number that calls give back."""
    return code - (1 << 32) if code & 0x80000000 else code


def plain(kind: Any) -> Any:
    """Return a result's type as a callback can have it."""
    return ctypes.c_int if kind is ctypes.HRESULT else kind


class COMError(Exception):
    """What a failed call raises; Windows' own has the same arguments."""

    def __init__(self, hresult: int, text: str | None = None, details: object = None) -> None:
        super().__init__(hresult, text, details)
        self.hresult, self.text, self.details = hresult, text, details


class _HRESULT(ctypes._SimpleCData):
    _type_ = "i"


class _Function:
    """A function of a library; its implementation is looked up at each call."""

    argtypes: Any = None
    restype: Any = None
    errcheck: Any = None

    def __init__(self, library: str, name: str) -> None:
        self._library, self._name = library, name

    def __call__(self, *args: Any) -> Any:
        function = LIBRARIES[self._library].get(self._name)
        if function is not None:
            return function(*args)
        if self._name.startswith("Variant"):
            return 0
        raise NotImplementedError(f"the faked {self._library} has no {self._name}")


class _Library:
    """What WinDLL and OleDLL return; the name of a library that is not there raises as there."""

    def __init__(self, name: str, *_args: Any, **_options: Any) -> None:
        self._library = name.lower().removesuffix(".dll")
        if self._library not in LIBRARIES and not self._library.startswith("api-ms"):
            raise FileNotFoundError(f"Could not find module '{name}' (or one of its dependencies).")

    def __getattr__(self, name: str) -> _Function:
        if name.startswith("__"):
            raise AttributeError(name)
        function = _Function(self._library, name)
        setattr(self, name, function)
        return function


class _Loader:
    """``ctypes.windll``: libraries as attributes."""

    def __getattr__(self, name: str) -> _Library:
        library = _Library(name)
        setattr(self, name, library)
        return library


def _prototype(restype: Any, *argtypes: Any, **_options: Any) -> Callable[..., Any]:
    """Stand in for WINFUNCTYPE: besides plain callbacks, methods of COM objects by vtable index."""
    plain_prototype = ctypes.CFUNCTYPE(plain(restype), *argtypes)
    method_prototype = ctypes.CFUNCTYPE(plain(restype), ctypes.c_void_p, *argtypes)

    def make(*args: Any) -> Any:
        if len(args) < 2 or not isinstance(args[0], int):
            return plain_prototype(*args)
        index, name = args[0], args[1]
        flags = args[2] if len(args) > 2 else None

        def method(self: Any, *given: Any, **named: Any) -> Any:
            this = ctypes.c_void_p.value.__get__(self)
            if not this:
                raise ValueError("NULL COM pointer access")
            table = ctypes.cast(this, ctypes.POINTER(ctypes.c_void_p))[0]
            address = ctypes.cast(table, ctypes.POINTER(ctypes.c_void_p))[index]
            call, outs = _arguments(name, argtypes, flags, list(given), named)
            code = method_prototype(address)(this, *call)
            if restype is _HRESULT and code < 0:
                raise COMError(code, f"0x{code & 0xFFFFFFFF:08X}", (name, None, None, 0, None))
            values = tuple(out.__ctypes_from_outparam__() for out in outs)
            if not values:
                return code
            return values[0] if len(values) == 1 else values

        method.__name__ = name
        return method

    return make


def _arguments(
    name: str, argtypes: Sequence[Any], flags: Any, given: list[Any], named: dict[str, Any]
) -> tuple[list[Any], list[Any]]:
    """Return a call's arguments and its out parameters, by ctypes' rules for paramflags."""
    if not flags:
        return given, []
    call, outs = [], []
    for flag, kind in zip(flags, argtypes, strict=True):
        if flag[0] & 3 == 2:  # out only
            out = kind._type_()
            outs.append(out)
            call.append(ctypes.byref(out))
        else:
            call.append(given.pop(0) if given else named[flag[1]])
    if given:
        raise TypeError(f"{name}() takes fewer arguments")
    return call, outs


def _copy_com_pointer(source: Any, target: Any) -> int:
    address = ctypes.c_void_p.value.__get__(source) if source else None
    if address:
        source.AddRef()
    ctypes.cast(target, ctypes.POINTER(ctypes.c_void_p))[0] = address
    return 0


class Events:
    """kernel32's events, as far as they are used: auto-reset or not, waited for by several."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._events: dict[int, list[bool]] = {}
        self._next = 0x100

    def create(
        self,
        _security: object = None,
        manual: bool = False,
        initial: bool = False,
        _name: Any = None,
    ) -> int:
        with self._changed:
            self._next += 4
            self._events[self._next] = [bool(initial), bool(manual)]
            return self._next

    def set(self, handle: int) -> int:
        with self._changed:
            if handle not in self._events:
                return 0
            self._events[handle][0] = True
            self._changed.notify_all()
            return 1

    def reset(self, handle: int) -> int:
        with self._changed:
            self._events[handle][0] = False
            return 1

    def close(self, handle: int) -> int:
        with self._changed:
            there = self._events.pop(handle, None) is not None
            self._changed.notify_all()
            return int(there)

    def open_handles(self) -> int:
        with self._changed:
            return len(self._events)

    def wait_many(self, count: int, handles: Any, _all: bool, timeout_ms: int) -> int:
        until = None if timeout_ms == INFINITE else time.monotonic() + timeout_ms / 1000
        wanted = [handles[k] for k in range(count)]
        with self._changed:
            while True:
                for index, handle in enumerate(wanted):
                    event = self._events.get(handle)
                    if event is None:
                        return WAIT_FAILED
                    if event[0]:
                        event[0] = event[1]
                        return index
                left = None if until is None else until - time.monotonic()
                if left is not None and left <= 0:
                    return WAIT_TIMEOUT
                self._changed.wait(left)

    def wait_one(self, handle: int, timeout_ms: int) -> int:
        return self.wait_many(1, [handle], False, timeout_ms)


class _KernelEvents:
    """The real events of Windows behind the same names, for the faked DLL; not tried."""

    def __init__(self) -> None:
        kernel32 = ctypes.WinDLL("kernel32")
        kernel32.CreateEventW.restype = ctypes.c_void_p
        self._kernel32, self._open = kernel32, 0

    def create(self, *_args: Any) -> int:
        self._open += 1
        return self._kernel32.CreateEventW(None, False, False, None)

    def set(self, handle: int) -> int:
        return self._kernel32.SetEvent(ctypes.c_void_p(handle))

    def close(self, handle: int) -> int:
        self._open -= 1
        return self._kernel32.CloseHandle(ctypes.c_void_p(handle))

    def open_handles(self) -> int:
        return self._open


_guid_texts: list[Any] = []


def _guid_from_text(text: str, out: Any) -> int:
    ctypes.memmove(ctypes.cast(out, ctypes.c_void_p), uuid.UUID(text).bytes_le, 16)
    return 0


def _text_from_guid(guid: Any, out: Any) -> int:
    place = (
        ctypes.addressof(guid) if hasattr(guid, "_fields_") else ctypes.cast(guid, ctypes.c_void_p)
    )
    text = "{" + str(uuid.UUID(bytes_le=ctypes.string_at(place, 16))).upper() + "}"
    _guid_texts.append(ctypes.create_unicode_buffer(text))
    ctypes.cast(out, ctypes.POINTER(ctypes.c_void_p))[0] = ctypes.addressof(_guid_texts[-1])
    return 0


def install() -> Any:
    """Put the floor in; numpy must have been imported before, it wants the real ``long``.

    Returns:
        The events: ``create``, ``set``, ``close``, ``open_handles``.
    """
    LIBRARIES["kinect20"] = {}
    return _install_on_windows() if IS_WINDOWS else _install_elsewhere()


def _install_on_windows() -> _KernelEvents:
    """Fake Kinect20.dll alone; not tried."""
    events = _KernelEvents()
    real = ctypes.WinDLL

    def load(name: str, *args: Any, **options: Any) -> Any:
        is_kinect = name.lower().removesuffix(".dll") == "kinect20"
        return _Library(name) if is_kinect else real(name, *args, **options)

    ctypes.WinDLL = load
    ctypes.windll.kinect20 = _Library("Kinect20")
    return events


def _install_elsewhere() -> Events:
    events = Events()
    LIBRARIES["kernel32"] = {
        "CreateEventW": events.create,
        "SetEvent": events.set,
        "ResetEvent": events.reset,
        "CloseHandle": events.close,
        "WaitForMultipleObjects": events.wait_many,
        "WaitForSingleObject": events.wait_one,
    }
    LIBRARIES["ole32"] = {
        "CoInitializeEx": lambda *_: 0,
        "CoUninitialize": lambda *_: None,
        "CLSIDFromString": _guid_from_text,
        "StringFromCLSID": _text_from_guid,
        "CoTaskMemFree": lambda _: None,
    }
    LIBRARIES.update({"oleaut32": {}, "user32": {}, "shell32": {}})
    codecs.register(lambda name: codecs.lookup("utf-8") if name == "mbcs" else None)
    import _ctypes
    import ctypes.wintypes

    for name, value in {
        "HRESULT": _HRESULT,
        "WINFUNCTYPE": _prototype,
        "COMError": COMError,
        "WinDLL": _Library,
        "OleDLL": _Library,
        "windll": _Loader(),
        "oledll": _Loader(),
        "GetLastError": lambda: 0,
        "WinError": lambda code=None, text=None: OSError(code, text),
        "FormatError": lambda code=None: f"error {code}",
        "c_long": ctypes.c_int,
        "c_ulong": ctypes.c_uint,
    }.items():
        setattr(ctypes, name, value)
    _ctypes.COMError, _ctypes.CopyComPointer = COMError, _copy_com_pointer
    importlib.reload(ctypes.wintypes)
    _fake_registry()
    _stand_in_for_bstr()
    return events


def _fake_registry() -> None:
    """Offer a winreg in which nothing is registered."""

    def nothing(*_args: Any, **_options: Any) -> Any:
        raise OSError("no registry")

    registry = types.ModuleType("winreg")
    for name in ("OpenKeyEx", "OpenKey", "CreateKey", "QueryValueEx"):
        setattr(registry, name, nothing)
    for name in ("HKEY_CLASSES_ROOT", "HKEY_LOCAL_MACHINE", "HKEY_CURRENT_USER"):
        setattr(registry, name, 0)
    sys.modules["winreg"] = sys.modules["_winreg"] = registry


def _stand_in_for_bstr() -> None:
    """Give comtypes' BSTR another base: its type code exists only in Windows' ctypes."""
    build = builtins.__build_class__

    def build_class(function: Any, name: str, *bases: Any, **options: Any) -> Any:
        if name == "BSTR" and bases == (ctypes._SimpleCData,):
            return type("BSTR", (ctypes.c_void_p,), {"_needsfree": False})
        return build(function, name, *bases, **options)

    builtins.__build_class__ = build_class
