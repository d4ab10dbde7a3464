"""Detects items that stay the same bit for bit, which a real sensor's noise rules out."""

from collections.abc import Hashable

from ...checks.limits import FROZEN_ITEMS
from ...sessions.schema import EventKind, Stream
from .observations import Merger, Observation


class Frozen:
    """Counts equal items in a row."""

    def __init__(self) -> None:
        self._content: Hashable = None
        self._count = 0
        self._seqs = (0, 0)

    def is_frozen(self) -> bool:
        """Return True if the last items were the same for too long."""
        return self._count >= FROZEN_ITEMS

    def item(self, seq: int, content: Hashable) -> tuple[int, int] | None:
        """Look at the next item.

        Args:
            seq: Its number.
            content: What is compared; None is like nothing else.

        Returns:
            seq of the first and the last equal item when that has just been noticed and, a second
            time, when it is over (``is_frozen`` is False then); otherwise None.
        """
        if content is not None and content == self._content:
            self._count += 1
            self._seqs = self._seqs[0], seq
            return self._seqs if self._count == FROZEN_ITEMS else None
        over = self.close()
        self._content, self._count, self._seqs = content, 1, (seq, seq)
        return over

    def close(self) -> tuple[int, int] | None:
        """Forget all; return the range of what was frozen until now, None: nothing was."""
        over = self._seqs if self.is_frozen() else None
        self._content, self._count = None, 0
        return over


class FrozenPictures:
    """Looks at the stored colour pictures for one that comes again and again, byte for byte."""

    def __init__(self) -> None:
        self._frozen, self._merger = Frozen(), Merger()

    def picture(
        self, seq: int, crc32: int, length: int, time_device: int
    ) -> tuple[str | None, list[Observation]]:
        """Look at the next picture of a take.

        Args:
            seq: Its number.
            crc32: Of its file.
            length: Of its file, bytes.
            time_device: 100 ns.

        Returns:
            The line to print, None if there is nothing new; and the observations to store now.
        """
        stored = self._merger.item()
        seqs = self._frozen.item(seq, (crc32, length))
        if seqs is None:
            return None, stored
        is_over = not self._frozen.is_frozen()
        finding = _frozen_picture(seqs, time_device, is_over=is_over)
        return None if is_over else finding.text, stored + self._merger.add(finding)

    def end_take(self) -> list[Observation]:
        """End a take: nothing is compared across takes. Return the observations still to store."""
        seqs = self._frozen.close()
        if seqs is None:
            return self._merger.flush()
        over = _frozen_picture(seqs, -1, is_over=True)
        return self._merger.add(over) + self._merger.flush()


def _frozen_picture(seqs: tuple[int, int], time_device: int, *, is_over: bool) -> Observation:
    first, last = seqs
    until = f"to {last}" if is_over else "on"
    text = f"the colour picture is frozen, the same byte for byte from frame {first} {until}"
    count = last - first + 1
    return Observation(EventKind.frozen, Stream.color, first, last, time_device, text, count)
