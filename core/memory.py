"""Small memory for long tables: joined without a second copy, given back when freed."""

import ctypes
import sys
from collections.abc import MutableSequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def join_parts(parts: MutableSequence[NDArray[Any]]) -> NDArray[Any]:
    """Return arrays one after another; each is forgotten when it is copied.

    ``np.concatenate`` has all of the rows in memory twice.

    Args:
        parts: One or more arrays of one type and (N, ...) rows of one shape; empty afterwards.
    """
    joined = np.empty((sum(map(len, parts)), *parts[0].shape[1:]), parts[0].dtype)
    parts.reverse()
    at = 0
    while parts:
        part = parts.pop()
        joined[at : at + len(part)] = part
        at += len(part)
    return joined


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
