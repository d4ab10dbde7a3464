"""Join the parts of a table without a second copy of it."""

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
