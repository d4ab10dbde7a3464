"""Memory that was freed, given back to the system."""

import ctypes
import sys


def give_back_freed() -> None:
    """Give memory that was freed back to the system, where the C library keeps it (glibc).

    It keeps freed blocks for the next ones of their size. After a step that made and freed large
    tables that is memory which the process no longer needs.
    """
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries lack it
    if trim is not None:
        trim(0)
