"""The lanes of the time line, cut to bins: each shows the worst of its frames.

A session of 20,000 frames on 1,200 pixels has 17 frames in a pixel. The largest value of them is
sent, so a single bad frame stays visible.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from ...core.skeleton import KEYPOINT_NAMES, KEYPOINTS
from ...dataset.filters import REASONS
from ...dataset.report_page.meanings import MEANINGS
from ...sessions.kinds import KINDS
from ..columns import pack_columns
from .frame_facts import KEPT, NO_ONE, FrameFacts

MOST_BINS: Final = 8192
FULL: Final = 255
"""The largest value of a lane."""


@dataclass(frozen=True)
class Lane:
    """One lane.

    Attributes:
        key: Its name in the answer.
        title: Its name on the page; no two lanes share one.
        group: Lanes of one group are drawn together.
        kind: What its values are: docs/review.md.
        meaning: What it means, for a person.
    """

    key: str
    title: str
    group: str
    kind: str
    meaning: str


class LaneTable:
    """Every lane of a session, worked out once: any range of it is then cut to bins in moments.

    Args:
        facts: Of the session.
        events: From ``timeline.page_events``.
    """

    def __init__(self, facts: FrameFacts, events: Sequence[dict[str, Any]]) -> None:
        self.facts = facts
        self._lanes = frame_lanes(facts, events)

    def pack(self, first: int, last: int, bins: int, ready: bool) -> bytes:
        """Return the lanes of a range of frames as packed columns.

        Args:
            first: First seq of the range.
            last: Last one, included.
            bins: Bins at most; a range of fewer frames has one for each.
            ready: Whether the facts are those of the files as they are now.
        """
        seq = self.facts.seq
        begin, end = np.searchsorted(seq, [np.uint64(first), np.uint64(last) + np.uint64(1)])
        count = int(end - begin)
        bins = max(0, min(bins, MOST_BINS, count))
        # edges of bins rise by at least one frame
        edges = begin + (np.arange(bins + 1) * count // max(bins, 1)).astype(np.int64)
        columns = {
            "first_seq": seq[edges[:-1]].astype("<f8"),
            "last_seq": seq[edges[1:] - 1].astype("<f8"),
        }
        for lane, values in self._lanes:
            own = values[:0] if not bins else np.maximum.reduceat(values[:end], edges[:-1])
            columns[lane.key] = own.astype("u1")
        return pack_columns(
            columns,
            schema="kincap/review-lanes/1",
            ready=ready,
            frames=count,
            lanes=[asdict(lane) for lane, _ in self._lanes],
            cues=list(self.facts.cues[1:]),
            reasons=[{"name": name, "meaning": MEANINGS.get(name, "")} for name in REASONS],
        )


def frame_lanes(
    facts: FrameFacts, events: Sequence[dict[str, Any]]
) -> list[tuple[Lane, np.ndarray]]:
    """Return every lane that has something anywhere, with the (F,) value of each frame."""
    found = [*_sensor_lanes(facts, events), *_build_lanes(facts), *_finding_lanes(facts)]
    found += _learning_lanes(facts)
    always = ("tracking", "build", "edits")
    return [one for one in found if one[0].key in always or one[1].any()]


def _sensor_lanes(
    facts: FrameFacts, events: Sequence[dict[str, Any]]
) -> list[tuple[Lane, np.ndarray]]:
    untracked = (facts.states > 0).sum(axis=1)
    level = np.where((facts.states == NO_ONE).all(axis=1), KEYPOINTS + 1, untracked)
    lag = np.abs(np.nan_to_num(facts.lag_ms)).clip(max=FULL)
    found = [
        (Lane("tracking", "tracking", "sensor", "level",
              "how many of the 13 keypoints are not tracked; 14: no one"), level),
        (Lane("gap", "missing frames", "sensor", "level",
              "frames that are missing before this one"), facts.missing.clip(max=FULL)),
        (Lane("pause", "pause", "sensor", "flag", "the person paused the recording"),
         _at_events(facts, events, "resume")),
        (Lane("low_light", "low light", "sensor", "flag",
              "the sensor took pictures at half its rate"), facts.low_light),
        (Lane("mark", "marks", "sensor", "flag", "the person marked this frame"),
         _at_events(facts, events, "mark")),
        (Lane("cue", "cues", "sensor", "index", "what the person was asked to do"),
         facts.cue.clip(max=FULL)),
        (Lane("lag", "lag of joints", "sensor", "level", "how late the joints are, ms"), lag),
    ]  # fmt: skip
    found += [
        (Lane(f"state:{name}", name, "keypoints", "state",
              "0 tracked, 1 inferred, 2 not tracked, 3 no one"), facts.states[:, at])
        for at, name in enumerate(KEYPOINT_NAMES)
    ]  # fmt: skip
    return [(lane, np.asarray(values).astype(np.uint8)) for lane, values in found]


def _at_events(facts: FrameFacts, events: Sequence[dict[str, Any]], kind: str) -> np.ndarray:
    """Return (F,) whether an event of a kind names the frame."""
    named = np.array([one["first"] for one in events if one["kind"] == kind], np.uint64)
    return np.isin(facts.seq, named)


def _build_lanes(facts: FrameFacts) -> list[tuple[Lane, np.ndarray]]:
    found = [
        (Lane("edits", "decisions", "build", "verdict", "what was decided: 1 keep, 2 reject"),
         facts.verdict),
        (Lane("build", "left out by build", "build", "index",
              "why kincap build leaves the frame out; 0: it keeps it"),
         np.where(facts.reason == KEPT, 0, facts.reason.astype(np.int16) + 1)),
    ]  # fmt: skip
    named = facts.named
    for name in REASONS:
        if name in ("edits",):
            continue
        value = np.zeros(len(facts), np.uint8)
        if name in named:
            value[named[name].any(axis=1)] = 1
        if name in facts.failed:
            value[facts.failed[name]] = 2
        title = f"{name.replace('_', ' ')} filter"
        found.append((Lane(f"filter:{name}", title, "filters", "filter", MEANINGS.get(name, "")),
                      value))  # fmt: skip
    return [(lane, values.astype(np.uint8)) for lane, values in found]


def _finding_lanes(facts: FrameFacts) -> list[tuple[Lane, np.ndarray]]:
    found = []
    for kind, frames in facts.findings.items():
        about = KINDS.get(kind)
        lane = Lane(
            f"finding:{kind}",
            f"{kind.replace('_', ' ')} finding",
            about.group if about else "lost or damaged",
            "severity",
            about.text if about else "",
        )
        found.append((lane, (frames * facts.severity[kind]).astype(np.uint8)))
    return found


def _learning_lanes(facts: FrameFacts) -> list[tuple[Lane, np.ndarray]]:
    found: list[tuple[Lane, np.ndarray]] = []
    if len(facts.split):
        lane = Lane("split", "split", "learning", "index", "1 train, 2 val, 3 test")
        found.append((lane, facts.split))
    if len(facts.audit) and facts.audit.max() > 0:
        lane = Lane("audit", "audit", "learning", "level", "labels that nets disagree with")
        found.append((lane, np.ceil(FULL * facts.audit / facts.audit.max())))
    if len(facts.error):
        error = np.nan_to_num(100 * facts.error, nan=0.0, posinf=FULL).clip(max=FULL)
        text = "distance of predicted keypoints to the labels, 1/100 torso"
        found.append((Lane("error", "error", "learning", "level", text), error.max(axis=1)))
        found += [
            (Lane(f"error:{name}", f"error of {name.replace('_', ' ')}", "learning", "level", text),
             error[:, at])
            for at, name in enumerate(KEYPOINT_NAMES)
        ]  # fmt: skip
    return [(lane, values.astype(np.uint8)) for lane, values in found]
