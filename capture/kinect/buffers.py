"""Preallocated memory for pictures: the driver writes into it, the recorder encodes from it."""

from collections.abc import Callable
from queue import Empty, SimpleQueue

import numpy as np
import numpy.typing as npt


class Buffers:
    """So many pictures of one shape; a picture comes back when whoever uses it says so.

    Getting one takes no lock that another thread could hold for long, and never waits.
    """

    def __init__(self, count: int, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        """Allocate all of them.

        Args:
            count: How many.
            shape: Of each.
            dtype: Of each.
        """
        self._free: SimpleQueue[npt.NDArray[np.generic]] = SimpleQueue()
        for _ in range(count):
            # zeros written once: the first frames must not pay for the memory's first touch
            picture = np.empty(shape, dtype)
            picture.fill(0)
            self._free.put(picture)

    def take(self) -> tuple[npt.NDArray[np.generic], Callable[[], None]] | None:
        """Return a free picture and the function that gives it back; None where all are in use."""
        try:
            picture = self._free.get_nowait()
        except Empty:
            return None
        return picture, lambda: self._free.put(picture)
