"""Facts about each frame of a session, as arrays along its frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np

from ...checks.session_checks import SessionFlags
from ...core.pairing import NO_BODY
from ...core.skeleton import KEYPOINT_NAMES, KEYPOINTS
from ...dataset.candidates import Candidates
from ...dataset.filters import FILTER_BITS, IMPLAUSIBLE, REASONS, first_reason, has_flag
from ...dataset.session_data import Recording
from ...sessions.edits.journal import REJECT
from ..timeline import seconds_in_take
from .placed_findings import PlacedFinding

KEPT: Final = -1
NO_ONE: Final = 3
"""In ``states``; else 0 tracked, 1 inferred or unknown, 2 not tracked."""
KEYPOINT_FILTERS: Final = ("edge", *FILTER_BITS)
"""Filters that name keypoints."""
SEVERITY: Final = {"usual": 1, "odd": 2, "grave": 3, "poor": 4}
WHOLE_TAKE: Final = 0.9
"""A finding about at least this share of a take is about the take."""
_STATE: Final = np.array([2, 1, 0, 1], np.uint8)
"""By tracking state of the sensor; a larger value is worse."""


@dataclass(frozen=True)
class FrameFacts:
    """Facts about F frames; those about a person are of the one whom build takes first.

    Attributes:
        seq: (F,) uint64.
        time_s: (F,) float64 seconds since the take's first frame.
        take: (F,) uint16.
        reason: (F,) int8 index into REASONS under which build counts the frame; KEPT: it keeps it.
        failed: By reason (F,) bool, frames that it leaves out.
        flags: (F, 13) uint32 bits of the keypoints' filters.
        untrusted: (F, 13) bool, keypoints without weight.
        states: (F, 13) uint8: 0 tracked, 1 inferred, 2 not tracked, NO_ONE.
        people: (F,) uint8 tracked bodies.
        distance_m: (F,) float32; NaN: no one.
        tracking_id: (F,) uint64 the person; 0: no one.
        speed_m_s: (F, 13) float32; NaN unknown.
        lag_ms: (F,) float32; NaN unknown.
        missing: (F,) uint32 frames that are missing before each.
        low_light: (F,) bool.
        cues: Names of cues; entry 0 is that of none.
        cue: (F,) index into ``cues``.
        verdict: (F,) uint8 of the decisions: 0 nothing, 1 keep, 2 reject.
        moved: (F,) bool, frames with an edited joint.
        findings: By kind (F,) bool.
        local: The same without findings about a whole take, which say nothing of a frame in it.
        severity: By kind, of ``SEVERITY``.
        split: (F,) uint8: 0 not in a data set, 1 train, 2 val, 3 test.
        error: (F, 13) float32, distance of predictions to the labels, torsos; NaN unknown.
        audit: (F,) float32, scores of suggestions; 0: none.
        tags: Tags with first and last frame; None: all frames.
    """

    seq: np.ndarray
    time_s: np.ndarray
    take: np.ndarray
    reason: np.ndarray
    failed: dict[str, np.ndarray]
    flags: np.ndarray
    untrusted: np.ndarray
    states: np.ndarray
    people: np.ndarray
    distance_m: np.ndarray
    tracking_id: np.ndarray
    speed_m_s: np.ndarray
    lag_ms: np.ndarray
    missing: np.ndarray
    low_light: np.ndarray
    cues: tuple[str, ...]
    cue: np.ndarray
    verdict: np.ndarray
    moved: np.ndarray
    findings: dict[str, np.ndarray] = field(default_factory=dict)
    local: dict[str, np.ndarray] = field(default_factory=dict)
    severity: dict[str, int] = field(default_factory=dict)
    split: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint8))
    error: np.ndarray = field(default_factory=lambda: np.zeros((0, KEYPOINTS), np.float32))
    audit: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    tags: tuple[tuple[str, int | None, int | None], ...] = ()

    def __len__(self) -> int:
        return len(self.seq)

    @cached_property
    def named(self) -> dict[str, np.ndarray]:
        """By filter (F, 13) bool, the keypoints that it names; filters that name none are absent.

        A filter that drops frames as a whole names all their keypoints.
        """
        found: dict[str, np.ndarray] = {}
        for name in KEYPOINT_FILTERS:
            named = has_flag(self.flags, name)
            if named.any():
                found[name] = named
        for name, frames in self.failed.items():
            if frames.any() and name not in found:
                found[name] = np.repeat(frames[:, None], KEYPOINTS, axis=1)
        return found

    @cached_property
    def score(self) -> np.ndarray:
        """(F,) float32 how bad each frame looks, 0 to 100.

        40 for the worst finding about it, 25 for all keypoints without weight, 20 for a keypoint
        at 10 m/s, 10 for a prediction one torso away, 5 for a frame that build drops.
        """
        worst = np.zeros(len(self), np.float32)
        for kind, frames in self.local.items():
            share = (self.severity[kind] - 1) / (SEVERITY["poor"] - 1)
            np.maximum(worst, frames * np.float32(share), out=worst)
        speed = _most(self.speed_m_s) / 10
        error = _most(self.error) if len(self.error) else np.zeros(len(self), np.float32)
        score = 40 * worst + 25 * self.untrusted.mean(axis=1) + 20 * speed.clip(max=1)
        score += 10 * error.clip(max=1) + 5 * ((self.reason != KEPT) & (self.verdict != REJECT))
        if len(self.audit) and self.audit.max() > 0:
            score += 10 * self.audit / self.audit.max()
        return np.asarray(score.clip(max=100), np.float32)


def _most(values: np.ndarray) -> np.ndarray:
    """Return (F,) the largest of (F, 13) values; 0 where none is known."""
    return np.asarray(np.nan_to_num(values, nan=0.0, posinf=1e6, neginf=0.0).max(axis=1))


def make_facts(
    recording: Recording,
    checks: SessionFlags,
    candidates: Candidates,
    speeds: np.ndarray,
    findings: Sequence[PlacedFinding],
    more: Mapping[str, Any],
) -> FrameFacts:
    """Put together what is known about each frame.

    Args:
        recording: The session's tables.
        checks: What the checks say about its rows.
        candidates: Its candidates, judged.
        speeds: Of all tracked bodies, ``BODY_SPEED``.
        findings: All findings on the axis of its frames.
        more: ``split``, ``error``, ``audit`` where they are known.
    """
    color, bodies = recording.color, recording.bodies
    first = first_reason(candidates.failed, len(candidates))
    main = _main_candidates(candidates, first)
    body, slot = candidates.body[main], candidates.slot[main]
    seen = body != NO_BODY
    seq = color["seq"].astype(np.uint64)
    verdict = recording.edits.verdicts(seq)
    lag = np.full(len(color), np.nan, np.float32)
    lag[:] = checks.frames.lag_at(seq)
    states = np.full((len(color), KEYPOINTS), NO_ONE, np.uint8)
    states[seen] = _STATE[np.minimum(bodies.state[body[seen], slot[seen]], 3)]
    tracking = np.zeros(len(color), np.uint64)
    tracking[seen] = bodies.tracking_id[body[seen], slot[seen]]
    distance = np.full(len(color), np.nan, np.float32)
    distance[seen] = bodies.depth_m[body[seen], slot[seen]]
    people = np.zeros(len(color), np.uint8)
    people[seen] = bodies.tracked[body[seen]].sum(axis=1)
    speed = np.full((len(color), KEYPOINTS), np.nan, np.float32)
    speed[seen] = _speeds_at(speeds, bodies.seq[body[seen]], slot[seen])
    step = np.diff(seq.astype(np.int64), prepend=seq[:1].astype(np.int64) - 1)
    edited = [one["seq"] for one in recording.edits.labels if "seq" in one]
    flags, local = _finding_flags(findings, seq, color["take"])
    return FrameFacts(
        seq=seq,
        time_s=seconds_in_take(color),
        take=color["take"].astype(np.uint16),
        reason=first[main],
        failed={name: values[main] for name, values in candidates.failed.items()},
        flags=np.where(seen[:, None], candidates.keypoint_quality[main], 0),
        untrusted=candidates.weight[main] == 0,
        states=states,
        people=people,
        distance_m=distance,
        tracking_id=tracking,
        speed_m_s=speed,
        lag_ms=lag,
        missing=np.maximum(step - 1, 0).astype(np.uint32),
        low_light=checks.frames.named("low_light", seq),
        cues=recording.cues.names,
        cue=recording.cues.of_frame,
        verdict=verdict,
        moved=np.isin(seq, np.array(edited, np.uint64)),
        findings=flags,
        local=local,
        severity={one.kind: SEVERITY.get(one.severity, 1) for one in findings},
        tags=tuple(recording.edits.tags()),
        **more,
    )


def _finding_flags(
    findings: Sequence[PlacedFinding], seq: np.ndarray, take: np.ndarray
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return by kind (F,) the frames of all findings, and of those about a part of a take."""
    sizes = np.bincount(take)
    every: dict[str, np.ndarray] = {}
    local: dict[str, np.ndarray] = {}
    for one in sorted(findings, key=lambda one: one.kind):
        if one.first is None or one.last is None:
            continue
        begin, end = np.searchsorted(seq, [one.first, one.last + 1])
        if begin == end:
            continue
        is_local = end - begin < WHOLE_TAKE * sizes[take[begin]]
        for flags in (every, local) if is_local else (every,):
            flags.setdefault(one.kind, np.zeros(len(seq), np.bool_))[begin:end] = True
    return every, local


def _main_candidates(candidates: Candidates, first: np.ndarray) -> np.ndarray:
    """Return (F,) the candidate that a frame is about: the first kept one, else the likeliest."""
    no_one = np.zeros(len(candidates), np.bool_)
    for name in (IMPLAUSIBLE, "other_body"):
        no_one |= candidates.failed.get(name, False)
    order = np.lexsort((candidates.slot, first != KEPT, no_one, candidates.frame))
    frames = candidates.frame[order]
    starts = np.ones(len(order), np.bool_)
    starts[1:] = frames[1:] != frames[:-1]
    return np.asarray(order[starts])


def _speeds_at(speeds: np.ndarray, seq: np.ndarray, slot: np.ndarray) -> np.ndarray:
    """Return (N, 13) the speeds of bodies of given rows and slots."""
    if not len(speeds):
        return np.full((len(seq), KEYPOINTS), np.nan, np.float32)
    known = speeds["seq"] * np.uint64(8) + speeds["slot"]
    asked = seq.astype(np.uint64) * np.uint64(8) + slot.astype(np.uint64)
    at = np.searchsorted(known, asked).clip(max=len(known) - 1)
    found = speeds["speed_m_s"][at]
    return np.where((known[at] == asked)[:, None], found, np.nan)


def reasons_of(facts: FrameFacts, at: int) -> list[str]:
    """Return everything that is said against a frame: reasons of build, filters, findings."""
    found = [name for name in REASONS if name in facts.failed and facts.failed[name][at]]
    found += [name for name, named in facts.named.items() if named[at].any()]
    found += [kind for kind, frames in facts.findings.items() if frames[at]]
    return list(dict.fromkeys(found))


def keypoints_of(facts: FrameFacts, at: int) -> list[str]:
    """Return the keypoints of a frame that filters name, in the order of the skeleton."""
    named = np.zeros(KEYPOINTS, np.bool_)
    for name in KEYPOINT_FILTERS:
        if name in facts.named:
            named |= facts.named[name][at]
    return [KEYPOINT_NAMES[i] for i in np.flatnonzero(named)]
