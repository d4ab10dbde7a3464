"""Findings: each has a kind, a stream, a take and a range of its items.

A finding comes from the rows themselves or from the events that the recorder wrote. One that both
have is kept once.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..sessions.kinds import KINDS, EventKind
from ..sessions.schema import Rows, Stream, read_cue

MOST_OF_A_KIND: Final = 100
"""Findings of one kind that are listed; more are counted."""

_SAME: Final = {
    "gap": ("gap", "stall"),
    "stall": ("stall", "gap"),
}
"""Kinds under which the rows may show what an event says."""
_SIDES: Final = {"l": "left", "r": "right"}
_UNTOLD: Final = ("take_start",)


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        kind: Name of an event's kind or of an analysis.
        stream: Name of the stream whose items are concerned; "none" for none.
        take: The take.
        seq_first: The first item concerned.
        seq_last: The last one, included.
        count: How many items or how often.
        text: What was found, for a person.
        start_s: When it begins, seconds since the take began.
        end_s: When it is over.
        time_device: Device time of an event, 100 ns; -1 for a finding of rows.
        tracking_id: Whose body it is about; None if it is about no particular body.
        slot: The sensor's slot of that body in the first row; None as above.
        keypoints: Names of the keypoints concerned; empty: all, or none in particular.
    """

    kind: str
    stream: str
    take: int
    seq_first: int
    seq_last: int
    count: int
    text: str
    start_s: float = float("nan")
    end_s: float = float("nan")
    time_device: int = -1
    tracking_id: int | None = None
    slot: int | None = None
    keypoints: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as quality.json has it.

        A tracking id is text: it may be larger than the integers that JSON readers keep exactly.
        """
        fields = {name: value for name, value in vars(self).items() if name != "time_device"}
        return {
            **fields,
            "start_s": None if np.isnan(self.start_s) else round(self.start_s, 3),
            "end_s": None if np.isnan(self.end_s) else round(self.end_s, 3),
            "tracking_id": None if self.tracking_id is None else str(self.tracking_id),
            "keypoints": list(self.keypoints),
        }

    def overlaps(self, other: "Finding") -> bool:
        """Return True if both are about adjacent or common items of one stream and take."""
        return (
            (self.stream, self.take) == (other.stream, other.take)
            and self.seq_first <= other.seq_last + 1
            and other.seq_first <= self.seq_last + 1
        )


@dataclass(frozen=True)
class RowRun:
    """A stretch of rows that a check names.

    Attributes:
        first: Index of its first row.
        last: Index of its last row, included.
        count: How many of its rows were named.
    """

    first: int
    last: int
    count: int


def find_runs(
    named: NDArray[np.bool_],
    time_s: NDArray[np.float64],
    *,
    join_s: float = 0.0,
    least_s: float = 0.0,
    least: int = 1,
    breaks: NDArray[np.bool_] | None = None,
) -> list[RowRun]:
    """Join named rows that are near each other and leave out what is too short to matter.

    Args:
        named: (N,) bool.
        time_s: (N,) times of the rows.
        join_s: Rows at most this far apart belong together; neighbours always do.
        least_s: From its first to its last row a run lasts at least this long.
        least: It has at least this many named rows.
        breaks: (N,) bool, rows that no run reaches over.
    """
    rows = np.flatnonzero(named)
    if not len(rows):
        return []
    apart = (np.diff(rows) > 1) & (np.diff(time_s[rows]) > join_s)
    if breaks is not None:
        apart |= np.diff(np.cumsum(breaks)[rows]) > 0
    runs = []
    for part in np.split(rows, np.flatnonzero(apart) + 1):
        first, last = int(part[0]), int(part[-1])
        if len(part) >= least and time_s[last] - time_s[first] >= least_s:
            runs.append(RowRun(first, last, len(part)))
    return runs


def from_events(events: Rows) -> list[Finding]:
    """Return the findings of the recorder's events; their times are still unknown.

    Args:
        events: (E,) EVENTS_DTYPE, in the order written.
    """
    found: list[Finding] = []
    for event in events:
        try:
            kind, stream = EventKind(int(event["kind"])), Stream(int(event["stream"]))
        except ValueError:
            continue  # a kind that a later kincap added
        if kind.name in _UNTOLD:
            continue
        new = Finding(
            kind.name,
            stream.name,
            int(event["take"]),
            int(event["seq_first"]),
            int(event["seq_last"]),
            int(event["count"]),
            _text_of(event, kind, stream),
            time_device=int(event["time_device"]),
        )
        # a state has an event when it is noticed and one for its whole range when it is over
        if KINDS[kind.name].lasts:
            earlier = [f for f in found if f.kind == new.kind and f.overlaps(new)]
            found = [f for f in found if f not in earlier]
            new = _joined(new, earlier)
        found.append(new)
    return found


def _text_of(event: np.void, kind: EventKind, stream: Stream) -> str:
    """Return the text of an event; a cue's is stored as JSON, which no one wants to read."""
    cue = read_cue(event["text"]) if kind == EventKind.cue else None
    if cue is None:
        return event["text"].decode("utf-8", "replace") or _lost_text(event, kind, stream)
    shown = f"{cue.name}: {cue.text}" if cue.text else cue.name
    return shown if cue.begins else f"{shown} ends"


def _lost_text(event: np.void, kind: EventKind, stream: Stream) -> str:
    """Return the text of an event without one."""
    why = kind.name.removeprefix("drop_").replace("_", " ")
    return f"{stream.name}: {int(event['count'])} lost, {why}" if kind.is_drop else why


def _joined(new: Finding, earlier: Sequence[Finding]) -> Finding:
    """Return one finding that covers some findings."""
    return replace(
        new,
        seq_first=min([new.seq_first, *(f.seq_first for f in earlier)]),
        seq_last=max([new.seq_last, *(f.seq_last for f in earlier)]),
        count=max([new.count, *(f.count for f in earlier)]),
    )


def without_known(told: Iterable[Finding], known: Sequence[Finding]) -> list[Finding]:
    """Return the findings of events that the rows don't show.

    Args:
        told: From events.
        known: From the rows; more exact where both name the same.
    """
    by_kind: dict[str, list[Finding]] = {}
    for finding in known:
        by_kind.setdefault(finding.kind, []).append(finding)
    return [
        finding
        for finding in told
        if not any(
            finding.overlaps(other)
            for kind in _SAME.get(finding.kind, (finding.kind,))
            for other in by_kind.get(kind, ())
        )
    ]


def sums(findings: Sequence[Finding]) -> dict[str, dict[str, Any]]:
    """Return by kind how many findings there are, of how many items, and for how long."""
    found: dict[str, dict[str, Any]] = {}
    for one in findings:
        kind = found.setdefault(one.kind, {"times": 0, "items": 0, "seconds": 0.0})
        kind["times"] += 1
        kind["items"] += one.count
        kind["seconds"] += 0.0 if np.isnan(one.start_s) else one.end_s - one.start_s
    return found


def limit(findings: Sequence[Finding]) -> tuple[list[Finding], dict[str, int]]:
    """Limit the findings of a report; return them in order of time, and how many are left out.

    Args:
        findings: In any order.

    Returns:
        At most ``MOST_OF_A_KIND`` of each kind, the longest ones, and by kind how many more.
    """
    kept: list[Finding] = []
    counts = Counter(finding.kind for finding in findings)
    for kind in counts:
        some = [finding for finding in findings if finding.kind == kind]
        some.sort(key=lambda f: (f.seq_last - f.seq_first, f.count), reverse=True)
        kept += some[:MOST_OF_A_KIND]
    place = {id(finding): i for i, finding in enumerate(findings)}
    kept.sort(key=lambda f: (f.take, np.inf if np.isnan(f.start_s) else f.start_s, place[id(f)]))
    return kept, {kind: n - MOST_OF_A_KIND for kind, n in counts.items() if n > MOST_OF_A_KIND}


def keypoint_words(keypoint: str) -> str:
    """Return a keypoint's name in words: l_wrist is the left wrist."""
    side, _, part = keypoint.partition("_")
    return f"{_SIDES[side]} {part}" if part else keypoint
