"""Frame buffers that are lent to the recorder and come back."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .scenery.camera import HEIGHT, WIDTH

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Lent:
    """A frame buffer on loan; ``release`` is None where it is good only until the next one."""

    image: Image
    release: "Release | None"


class FramePool:
    """Frame buffers that come back when the recorder is done with them.

    Args:
        count: How many there are; with all of them out, a scratch buffer is lent.
    """

    def __init__(self, count: int) -> None:
        # Filled, not just reserved: the first frames must not pay for new pages.
        self._free = deque(np.full((HEIGHT, WIDTH, 4), 255, np.uint8) for _ in range(count))
        self._scratch = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)

    def lend(self) -> Lent:
        """Lend a buffer; its content is anything."""
        try:
            image = self._free.popleft()
        except IndexError:
            return Lent(self._scratch, None)
        return Lent(image, Release(self._free, image))


class Release:
    """Gives one buffer back, once, from any thread."""

    def __init__(self, free: deque[Image], image: Image) -> None:
        self._free = free
        self._image: list[Image] = [image]

    def __call__(self) -> None:
        """Give the buffer back; a second call does nothing."""
        if self._image:
            self._free.append(self._image.pop())
