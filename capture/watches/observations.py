"""Observations of the watches, and the limits on how many are stored and printed.

A fault can occur at every single item. At first each observation is printed and stored as an event.
One that repeats is printed more and more rarely and stored as one event for many, so that neither
memory nor a shard's table of events fills up, however long it lasts.
"""

from dataclasses import dataclass, replace

from ...sessions.schema import EventKind, Stream

FREE_EVENTS = 8
"""Observations of one kind and stream that are stored one by one."""
ITEMS_PER_EVENT = 64
"""After that, one event for this number of items handed over. A shard has room for an event per 8
items of a recording of bodies alone, and for more in all others."""
TOLD_AGAIN_AFTER_NS = 5_000_000_000
TOLD_AT_LEAST_EVERY_NS = 640_000_000_000


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing that a watch detected; becomes an event.

    Attributes:
        kind: Of the event.
        stream: The stream concerned.
        seq_first: The first item concerned.
        seq_last: The last item concerned, included.
        time_device: Of the item at which it was noticed, 100 ns.
        text: One line for the person.
        count: How many items, or how many are missing.
    """

    kind: EventKind
    stream: Stream
    seq_first: int
    seq_last: int
    time_device: int
    text: str
    count: int = 0


_Key = tuple[EventKind, Stream]

_NAMES = {
    Stream.none: "item",
    Stream.color: "colour frame",
    Stream.bodies: "body frame",
    Stream.mask: "mask",
    Stream.depth: "depth frame",
}


def items_of(stream: Stream, count: int = 2) -> str:
    """Return the usual word for one item of a stream, or several."""
    return _NAMES[stream] + ("" if count == 1 else "s")


class Merger:
    """Passes observations on one by one while they are few, and merges many into one."""

    def __init__(self) -> None:
        self._items = 0
        self._allowed: dict[_Key, float] = {}
        self._asked_at: dict[_Key, int] = {}
        self._waiting: dict[_Key, tuple[Observation, int]] = {}

    def add(self, finding: Observation) -> list[Observation]:
        """Add an observation; return those to store now."""
        key = (finding.kind, finding.stream)
        kept = self._waiting.get(key)
        if kept is None and self._may(key):
            return [finding]
        self._waiting[key] = (
            (finding, 1) if kept is None else (_join(kept[0], finding), kept[1] + 1)
        )
        return []

    def item(self) -> list[Observation]:
        """Count an item that was handed over; return the observations to store now."""
        self._items += 1
        if not self._waiting:
            return []
        return [self._pop(key) for key in tuple(self._waiting) if self._may(key)]

    def flush(self) -> list[Observation]:
        """Return all that still wait: a take ends, or the recording."""
        return [self._pop(key) for key in tuple(self._waiting)]

    def _may(self, key: _Key) -> bool:
        """Return True if an event of this kind may be stored now, and count it."""
        since = self._items - self._asked_at.get(key, self._items)
        allowed = min(FREE_EVENTS, self._allowed.get(key, FREE_EVENTS) + since / ITEMS_PER_EVENT)
        self._asked_at[key] = self._items
        self._allowed[key] = allowed - 1 if allowed >= 1 else allowed
        return allowed >= 1

    def _pop(self, key: _Key) -> Observation:
        finding, times = self._waiting.pop(key)
        if times == 1:
            return finding
        return replace(finding, text=f"{times} times; the first: {finding.text}")


def _join(first: Observation, later: Observation) -> Observation:
    """Return one observation for two of the same kind and stream."""
    return replace(
        first,
        seq_first=min(first.seq_first, later.seq_first),
        seq_last=max(first.seq_last, later.seq_last),
        count=first.count + later.count,
    )


class Teller:
    """Decides which of the repeated messages are printed again."""

    def __init__(self) -> None:
        self._silent_until: dict[object, tuple[int, int]] = {}
        self._untold: dict[object, int] = {}

    def line(self, key: object, text: str, now_ns: int) -> str | None:
        """Return the line to print now, None for nothing.

        Args:
            key: Equal for messages of one kind.
            text: One line.
            now_ns: Host time.
        """
        until, pause = self._silent_until.get(key, (now_ns, TOLD_AGAIN_AFTER_NS))
        if now_ns < until:
            self._untold[key] = self._untold.get(key, 0) + 1
            return None
        if now_ns > until + 2 * pause:
            pause = TOLD_AGAIN_AFTER_NS
        longer = min(2 * pause, TOLD_AT_LEAST_EVERY_NS)
        self._silent_until[key] = (now_ns + pause, longer)
        untold = self._untold.pop(key, 0)
        return f"{text} (and {untold} more like it before)" if untold else text
