"""The few calls of kernel32 that waiting for the driver's events needs, with their types."""

import ctypes
from collections.abc import Sequence
from typing import Any, Final

_CTYPES: Any = ctypes
"""Type checkers on other systems know no WinDLL."""
FOREVER: Final = 0xFFFFFFFF
_TIMEOUT: Final = 0x102


class Kernel:
    """Creates events, sets them, waits for several of them."""

    def __init__(self) -> None:
        kernel32 = _CTYPES.WinDLL("kernel32")
        self._create = kernel32.CreateEventW
        self._create.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_wchar_p]
        self._create.restype = ctypes.c_void_p
        self._set = kernel32.SetEvent
        self._set.argtypes = [ctypes.c_void_p]
        self._close = kernel32.CloseHandle
        self._close.argtypes = [ctypes.c_void_p]
        self._wait = kernel32.WaitForMultipleObjects
        self._wait.argtypes = [
            ctypes.c_uint32,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.c_int,
            ctypes.c_uint32,
        ]
        self._wait.restype = ctypes.c_uint32

    def create_event(self) -> int:
        """Return the handle of a new event that resets itself when it was waited for."""
        return int(self._create(None, False, False, None))

    def set_event(self, handle: int) -> None:
        """Set an event."""
        self._set(handle)

    def close(self, handle: int) -> None:
        """Give a handle back."""
        self._close(handle)

    def wait(self, handles: Sequence[int], timeout_ms: int = FOREVER) -> int | None:
        """Wait until one of several events is set.

        Args:
            handles: Up to 64, the system's limit.
            timeout_ms: How long; 0 only looks.

        Returns:
            The index of the first that is set; None: none was in time.

        Raises:
            OSError: A handle is not valid any more.
        """
        array = (ctypes.c_void_p * len(handles))(*handles)
        found = int(self._wait(len(handles), array, False, timeout_ms))
        if found < len(handles):
            return found
        if found == _TIMEOUT:
            return None
        raise OSError(f"waiting for the driver's events failed (0x{found & 0xFFFFFFFF:08X})")
