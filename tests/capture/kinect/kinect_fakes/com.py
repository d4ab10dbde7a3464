"""COM objects made of Python: vtables that comtypes calls through, with reference counts.

Each class names one of pykinect2's interfaces and implements methods by their IDL names
(``Open``, ``_get_IsAvailable``). A method that is not implemented answers E_NOTIMPL.
"""

import ctypes
import sys
import threading
import traceback
from collections import defaultdict, deque
from typing import Any, ClassVar

from .floor import plain, signed

S_OK = 0
E_FAIL = 0x80004005
E_PENDING = 0x8000000A
_E_NOTIMPL, _E_NOINTERFACE, _E_UNEXPECTED = 0x80004001, 0x80004002, 0x8000FFFF
E_INVALIDARG = 0x80070057

LIVE: dict[int, "ComObject"] = {}
"""Objects that somebody holds a reference to, by address."""
FAULTS: list[str] = []
"""What went wrong inside the fake itself; a test's process fails when there is anything."""
_lock = threading.RLock()


class ComObject:
    """One object; born without references, kept alive from the first to the last of them."""

    interface: ClassVar[str]
    _vtables: ClassVar[dict[type, Any]] = {}

    def __init__(self) -> None:
        self.references = self.given = 0
        self.failures: defaultdict[str, deque[int]] = defaultdict(deque)
        self._memory = (ctypes.c_void_p * 1)(ctypes.addressof(self._vtable()[0]))

    @property
    def address(self) -> int:
        return ctypes.addressof(self._memory)

    def give(self, out: Any) -> None:
        """Hand a new reference to an out parameter, T**."""
        self.AddRef()
        ctypes.cast(out, ctypes.POINTER(ctypes.c_void_p))[0] = self.address

    def QueryInterface(self, _iid: Any, _out: Any) -> int:
        return signed(_E_NOINTERFACE)

    def AddRef(self) -> int:
        with _lock:
            self.references += 1
            LIVE[self.address] = self
            return self.references

    def Release(self) -> int:
        with _lock:
            self.references -= 1
            if self.references == 0:
                del LIVE[self.address]
                self.last_reference_gone()
            return self.references

    def last_reference_gone(self) -> None:
        """Do what the object does at its end."""

    @classmethod
    def _vtable(cls) -> Any:
        """Return the class' vtable and what keeps it alive; one serves all objects of a class."""
        if cls not in cls._vtables:
            declared = getattr(sys.modules["pykinect2.PyKinectV2"], cls.interface)
            thunks = [
                ctypes.CFUNCTYPE(plain(m.restype), ctypes.c_void_p, *m.argtypes)(_thunk(m.name))
                for kind in reversed(declared.__mro__)
                for m in vars(kind).get("_methods_", ())
            ]
            addresses = [ctypes.cast(thunk, ctypes.c_void_p).value for thunk in thunks]
            cls._vtables[cls] = ((ctypes.c_void_p * len(thunks))(*addresses), thunks)
        return cls._vtables[cls]


def declared(base: type[ComObject], interface: str) -> Any:
    """Return a class like ``base`` that implements another interface."""
    return type(interface, (base,), {"interface": interface})


def _thunk(name: str) -> Any:
    """Return what C calls for a method: it finds the object by address; nothing unwinds into C."""

    def call(this: int, *args: Any) -> int:
        try:
            me = LIVE[this]
            if me.failures[name]:
                return signed(me.failures[name].popleft())
            method = getattr(me, name, None)
            if method is None:
                return signed(_E_NOTIMPL)
            code = method(*args)
            return S_OK if code is None else code
        except Exception:
            FAULTS.append(f"{name}: {traceback.format_exc()}")
            return signed(_E_UNEXPECTED)

    return call
