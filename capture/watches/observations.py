"""What the watches find, and how much of it is stored and told.

A fault can strike at every single item. Each finding is told to the person, and stored as an event,
at first; one that comes again and again is told more and more rarely and stored as one event for
many, so that neither memory nor a shard's table of events fills up, however long it goes on.
"""

from dataclasses import dataclass, replace

from ...sessions.schema import EventKind, Stream

FREE_EVENTS = 8
"""So many findings of one kind and stream are stored one by one."""
ITEMS_PER_EVENT = 64
"""After that one event for so many items handed over; a shard has room for an event per 8 items of
a recording of bodies alone, and for more in all others."""
TOLD_AGAIN_AFTER_NS = 5_000_000_000
TOLD_AT_LEAST_EVERY_NS = 640_000_000_000


@dataclass(frozen=True, slots=True)
class Observation:
    """Something that a watch noticed; becomes an event.

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
    """Return what a person calls one item of a stream, or several."""
    return _NAMES[stream] + ("" if count == 1 else "s")


class Merger:
    """Lets findings through one by one while they are few, merges them where they are many."""

    def __init__(self) -> None:
        self._items = 0
        self._allowed: dict[_Key, float] = {}
        self._asked_at: dict[_Key, int] = {}
        self._waiting: dict[_Key, tuple[Observation, int]] = {}

    def add(self, finding: Observation) -> list[Observation]:
        """Take a finding; return what is to be stored now."""
        key = (finding.kind, finding.stream)
        kept = self._waiting.get(key)
        if kept is None and self._may(key):
            return [finding]
        self._waiting[key] = (
            (finding, 1) if kept is None else (_join(kept[0], finding), kept[1] + 1)
        )
        return []

    def item(self) -> list[Observation]:
        """Count an item that was handed over; return what is to be stored now."""
        self._items += 1
        if not self._waiting:
            return []
        return [self._pop(key) for key in tuple(self._waiting) if self._may(key)]

    def flush(self) -> list[Observation]:
        """Return all that still waits: a take ends, or the recording."""
        return [self._pop(key) for key in tuple(self._waiting)]

    def _may(self, key: _Key) -> bool:
        """Say whether an event of this kind may be stored now, and count it."""
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
    """Return one finding for two of the same kind and stream."""
    return replace(
        first,
        seq_first=min(first.seq_first, later.seq_first),
        seq_last=max(first.seq_last, later.seq_last),
        count=first.count + later.count,
    )


class Teller:
    """Decides what of all that happens again and again the person is told once more."""

    def __init__(self) -> None:
        self._silent_until: dict[object, tuple[int, int]] = {}
        self._untold: dict[object, int] = {}

    def line(self, key: object, text: str, now_ns: int) -> str | None:
        """Return what is to be said now, None for nothing.

        Args:
            key: What is alike.
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
