"""The figures of a report: rates, gaps, pairs, people, joints, bones, and whether all adds up."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..checks.findings import find_runs
from ..checks.session_people import REJECTED_BY
from ..checks.session_tables import SessionTables
from ..checks.session_takes import Take
from ..core.kinematics import FloatArray, bone_lengths
from ..core.pairing import NO_BODY
from ..core.skeleton import (
    JOINT_BONES,
    JOINT_NAMES,
    JOINTS,
    KEYPOINT_JOINT,
    KEYPOINT_NAMES,
    TrackingState,
)
from ..core.units import MS_100NS, SECOND_100NS
from ..sessions.schema import COVERING_KINDS, DROP_KINDS, EventKind, Rows, Stream

NEAR_M: Final = 1.0
FAR_M: Final = 4.0
"""Distances at which a Kinect v2 sees a person well."""
BONE_NAMES: Final = tuple(f"{JOINT_NAMES[a]}-{JOINT_NAMES[b]}" for a, b in JOINT_BONES)
_EDGES: Final = {"right": 1, "left": 2, "top": 4, "bottom": 8}
_WORST: Final = 3
_BONE_ENDS: Final = np.array(JOINT_BONES)
_LONG_BONE_M: Final = 0.2
_MAD: Final = 1.4826
"""Standard deviations in a median absolute deviation of normal noise."""


def measure(takes: Sequence[Take], duration_s: float) -> dict[str, Any]:
    """Return the figures of some takes together.

    Args:
        takes: The takes.
        duration_s: The time that they cover (``sessions.summary``), seconds.
    """
    return {
        "duration_s": duration_s,
        "streams": {name: _stream(takes, name) for name in _streams(takes)},
        "pairs": _pairs(takes),
        "people": _people(takes),
        **_joints(takes),
        **_places(takes),
        "filters": _filters(takes),
        "low_light": _low_light(takes),
        "bones": _bones(takes),
        "lag": _lag(takes),
    }


def _join(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return arrays one after another; none gives an empty one."""
    return np.concatenate(parts) if len(parts) else np.zeros(0)


def _streams(takes: Sequence[Take]) -> list[str]:
    """Return the names of the streams: always colour and bodies, masks and depth where stored."""
    return ["color", "bodies", *dict.fromkeys(name for take in takes for name in take.planes)]


def _stream(takes: Sequence[Take], name: str) -> dict[str, Any]:
    """Return rates and gaps of a stream; steps never cross takes."""
    steps = [take.steps[name] for take in takes]
    own = _join([one.regular for one in steps])
    gaps = _join([one.step[one.missing > 0] for one in steps])
    covered = float(own.sum()) / SECOND_100NS
    return {
        "items": sum(len(take.rows(name)) for take in takes),
        "fps_median": SECOND_100NS / float(np.median(own)) if len(own) else np.nan,
        "fps_mean": len(own) / covered if covered else np.nan,
        "gaps": len(gaps),
        "missing": int(sum(one.missing.sum() for one in steps)),
        "longest_gap_ms": float(gaps.max()) / MS_100NS if len(gaps) else 0.0,
    }


def _pairs(takes: Sequence[Take]) -> dict[str, Any]:
    """Return how close in time colour frames and body rows are."""
    residual = _join([take.pairs.residual_ms for take in takes])
    apart = np.abs(residual[np.isfinite(residual)])
    alone = sum(int((take.pairs.body == NO_BODY).sum()) for take in takes)
    return {
        "paired": len(apart),
        "unpaired_share": alone / len(residual) if len(residual) else np.nan,
        "bodies_without_color": sum(int(take.pairs.alone.sum()) for take in takes),
        "median_ms": float(np.median(apart)) if len(apart) else np.nan,
        "p95_ms": float(np.percentile(apart, 95)) if len(apart) else np.nan,
        "max_ms": float(apart.max()) if len(apart) else np.nan,
    }


def _people(takes: Sequence[Take]) -> dict[str, Any]:
    """Return how many people were in the rows."""
    count = _join([take.bodies["people"] for take in takes])
    rows = max(len(count), 1)
    return {
        "mean": float(count.mean()) if len(count) else np.nan,
        "most": int(count.max(initial=0)),
        "nobody_share": float((count == 0).sum() / rows) if len(count) else np.nan,
        "several_share": float((count > 1).sum() / rows) if len(count) else np.nan,
    }


def _joints(takes: Sequence[Take]) -> dict[str, Any]:
    """Return how often each joint and each keypoint was inferred and not tracked."""
    none = np.zeros((len(TrackingState), JOINTS), np.int64)
    counts = sum(
        (take.tables.states.get(take.number, none) for take in takes),
        none,
    )
    total = counts.sum(axis=0)
    guessed, lost = counts[TrackingState.inferred], counts[TrackingState.not_tracked]

    def shares(joint: int) -> dict[str, float]:
        of = max(int(total[joint]), 1)
        known = bool(total[joint])
        return {
            "inferred": float(guessed[joint] / of) if known else np.nan,
            "not_tracked": float(lost[joint] / of) if known else np.nan,
        }

    every = int(total[KEYPOINT_JOINT].sum())
    return {
        "joints": {name: shares(joint) for joint, name in enumerate(JOINT_NAMES)},
        "keypoints": {
            **{
                name: shares(int(joint))
                for name, joint in zip(KEYPOINT_NAMES, KEYPOINT_JOINT, strict=True)
            },
            "inferred_share": float(guessed[KEYPOINT_JOINT].sum() / every) if every else np.nan,
            "not_tracked_share": float(lost[KEYPOINT_JOINT].sum() / every) if every else np.nan,
        },
    }


def _places(takes: Sequence[Take]) -> dict[str, Any]:
    """Return where people were: at an edge of the depth image, and how far away."""
    people = [take.people for take in takes]
    edges = _join([one["clipped"] for one in people]).astype(np.uint8)
    depth = _join([one["distance_m"] for one in people]).astype(np.float64)
    depth = depth[np.isfinite(depth)]
    outside = (depth < NEAR_M) | (depth > FAR_M)
    p5, median, p95 = np.percentile(depth, [5, 50, 95]) if len(depth) else [np.nan] * 3
    return {
        "clipped_share": {
            name: float(((edges & bit) != 0).mean()) if len(edges) else np.nan
            for name, bit in _EDGES.items()
        },
        "distance_m": {
            "p5": float(p5),
            "median": float(median),
            "p95": float(p95),
            "outside_share": float(outside.mean()) if len(depth) else np.nan,
        },
    }


def _filters(takes: Sequence[Take]) -> dict[str, Any]:
    """Return how many candidates of a data set each filter of ``kincap build`` would leave out."""
    rejects = _join([_candidates(take) for take in takes]).astype(np.uint8)
    shares = {
        name: float((rejects >> bit & 1).mean()) if len(rejects) else np.nan
        for bit, name in enumerate(REJECTED_BY)
    }
    kept = float((rejects == 0).mean()) if len(rejects) else np.nan
    return {"candidates": len(rejects), **shares, "kept": kept}


def _candidates(take: Take) -> NDArray[np.uint8]:
    """Return (C,) the filters that leave out each tracked body paired with a colour frame."""
    paired = take.pairs.body[take.pairs.body != NO_BODY]
    times = np.bincount(paired, minlength=len(take.bodies))
    row = np.searchsorted(take.bodies["seq"], take.people["seq"])
    if not len(row):
        return np.zeros(0, np.uint8)
    return np.repeat(take.people["rejects"], times[row.clip(max=len(take.bodies) - 1)])


def _low_light(takes: Sequence[Take]) -> dict[str, Any]:
    """Return how much of the colour was taken in low light, and when."""
    dark = _join([take.dark for take in takes])
    intervals = []
    for take in takes:
        seconds = take.seconds(take.color["time_device"])
        for run in find_runs(take.dark, seconds, join_s=0.5):
            span = [round(float(seconds[run.first]), 3), round(float(seconds[run.last]), 3)]
            intervals.append({"take": take.number, "from_s": span[0], "to_s": span[1]})
    return {"share": float(dark.mean()) if len(dark) else 0.0, "intervals": intervals}


def _bones(takes: Sequence[Take]) -> dict[str, Any]:
    """Return how stable each bone's length is: a body's bones don't grow."""
    off: list[FloatArray] = []
    lengths: list[FloatArray] = []
    for take in takes:
        samples = take.samples
        length = bone_lengths(samples["joints"]).astype(np.float32)
        length[~samples["sure"][:, _BONE_ENDS].all(axis=-1)] = np.nan
        for body in np.unique(samples["tracking_id"]):
            own = length[samples["tracking_id"] == body]
            off.append(own / _median(own))
            lengths.append(own)
    if not off:
        return {"median_m": {}, "spread": {}, "worst": []}
    ratio, length = np.concatenate(off), np.concatenate(lengths)
    spread = _MAD * _median(np.abs(ratio - 1.0))
    # hands and feet are so short that noise alone makes them vary: that says nothing
    long = np.where(_median(length) >= _LONG_BONE_M, spread, np.nan)
    order = [int(b) for b in np.argsort(-np.nan_to_num(long, nan=-1.0), kind="stable")]
    return {
        "median_m": dict(zip(BONE_NAMES, map(float, _median(length)), strict=True)),
        "spread": dict(zip(BONE_NAMES, map(float, spread), strict=True)),
        "worst": [BONE_NAMES[b] for b in order[:_WORST] if np.isfinite(long[b])],
    }


def _median(values: FloatArray) -> FloatArray:
    """Return (B,) the median of (N, B) values, NaN left out; NaN for a column of them."""
    median = np.full(values.shape[1], np.nan)
    known = np.isfinite(values).any(axis=0)
    if known.any():
        median[known] = np.nanmedian(values[:, known], axis=0)
    return median


def _lag(takes: Sequence[Take]) -> dict[str, Any]:
    """Return the lag: of several takes the largest one."""
    known = [take.lag for take in takes if np.isfinite(take.lag.ms)]
    worst = max(known, key=lambda lag: abs(lag.ms), default=None)
    return {
        "ms": worst.ms if worst else np.nan,
        "peak": worst.peak if worst else np.nan,
        "motion_s": sum(take.lag.motion_s for take in takes),
        "frames": sum(take.lag.frames for take in takes),
    }


def dropped_ranges(tables: SessionTables) -> list[dict[str, Any]]:
    """Return every lost range of items with its reason, in the order written."""
    return [
        {
            "stream": Stream(int(event["stream"])).name,
            "reason": EventKind(int(event["kind"])).name.removeprefix("drop_"),
            "take": int(event["take"]),
            "seq_first": int(event["seq_first"]),
            "seq_last": int(event["seq_last"]),
            "count": int(event["count"]),
        }
        for event in _drops(tables.events)
    ]


def _drops(events: Rows, kinds: tuple[int, ...] = DROP_KINDS) -> Rows:
    """Return the events of some kinds that cover items of a stream; as a rule, lost ones."""
    streams = [int(stream) for stream in Stream]
    return events[np.isin(events["kind"], kinds) & np.isin(events["stream"], streams)]


def accounts(tables: SessionTables) -> dict[str, dict[str, Any]]:
    """Add up a session by stream: what the source gave, what is stored, what was dropped and why.

    ``not_stored`` items came during a pause; ``unaccounted`` ones are neither stored nor explained,
    as after damage; ``twice`` are both.
    """
    drops = _drops(tables.events, COVERING_KINDS)
    found = {}
    planes = {Stream[name]: rows for name, rows in tables.planes.items()}
    streams = {Stream.color: tables.color, Stream.bodies: tables.bodies, **planes}
    lost_whole = {Stream(number) for number in drops["stream"].tolist()} - {Stream.none, *streams}
    streams.update((stream, tables.color[:0]) for stream in sorted(lost_whole))
    for stream, rows in streams.items():
        own = drops[drops["stream"] == stream]
        stored = np.unique(rows["seq"])
        known = [int(seqs.max()) for seqs in (rows["seq"], own["seq_last"]) if len(seqs)]
        emitted = max([*known, tables.sealed_to.get(stream.name, -1)], default=-1) + 1
        lost = _union([(int(e["seq_first"]), int(e["seq_last"])) for e in own])
        inside = sum(
            int(np.searchsorted(stored, b, "right") - np.searchsorted(stored, a)) for a, b in lost
        )
        paused = own[own["kind"] == EventKind.not_stored]
        covered = sum(b - a + 1 for a, b in lost)
        not_stored = sum(
            b - a + 1
            for a, b in _union([(int(e["seq_first"]), int(e["seq_last"])) for e in paused])
        )
        reasons: dict[str, int] = {}
        for event in own[own["kind"] != EventKind.not_stored]:
            name = EventKind(int(event["kind"])).name.removeprefix("drop_")
            reasons[name] = reasons.get(name, 0) + int(event["count"])
        unaccounted = emitted - len(stored) - covered + inside
        found[stream.name] = {
            "emitted": emitted,
            "stored": len(stored),
            "dropped": covered - not_stored,
            "not_stored": not_stored,
            "reasons": dict(sorted(reasons.items())),
            "unaccounted": unaccounted,
            "twice": inside + len(rows) - len(stored),
            "closes": unaccounted == 0 and inside == 0 and len(rows) == len(stored),
        }
    return found


def _union(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans of seqs without overlaps, sorted."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged
