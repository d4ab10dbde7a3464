"""Notices what stays the same bit for bit, which no real sensor's noise allows."""

from collections.abc import Hashable

FROZEN_AFTER = 4
"""So many equal items in a row are no chance."""


class Frozen:
    """Counts equal items in a row.

    Attributes:
        first: seq of the first of the equal items.
        last: seq of the last of them.
    """

    def __init__(self) -> None:
        self._content: Hashable = None
        self._count = 0
        self.first = self.last = 0

    def is_frozen(self) -> bool:
        """Say whether the last items were the same for too long."""
        return self._count >= FROZEN_AFTER

    def item(self, seq: int, content: Hashable) -> tuple[int, int] | None:
        """Look at the next item.

        Args:
            seq: Its number.
            content: What is compared; None is like nothing else.

        Returns:
            seq of the first and the last equal item when that has just been noticed and, a second
            time, when it is over; otherwise None.
        """
        if content is not None and content == self._content:
            self._count += 1
            self.last = seq
            return (self.first, seq) if self._count == FROZEN_AFTER else None
        over = self.close()
        self._content, self._count = content, 1
        self.first = self.last = seq
        return over

    def close(self) -> tuple[int, int] | None:
        """Forget all; return the range of what was frozen until now, None: nothing was."""
        over = (self.first, self.last) if self.is_frozen() else None
        self._content, self._count = None, 0
        return over
