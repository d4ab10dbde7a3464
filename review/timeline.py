"""The time line of the page: colour frames with their body, keypoint states, lost items.

Pure functions on the tables of a session. Bodies are paired by the data set's own rule, so the page
shows what build will take.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from ..core.pairing import NO_BODY as UNPAIRED
from ..core.pairing import PAIR_WITHIN_100NS, pair_nearest
from ..core.skeleton import JOINT, JOINTS, KEYPOINT_JOINT, KEYPOINTS
from ..core.units import MS_100NS, SECOND_100NS
from ..sessions.schema import COLOR_DTYPE, EventKind, Stream, read_cue

NO_BODY: Final = 255
"""In a lane: no one was seen in this frame, or no body row belongs to it."""

FAR_M: Final = 1e6


def body_dtype(slots: int) -> np.dtype[np.void]:
    """Return the type of the part of a body row that the page needs: a quarter of it.

    ``row`` is the place in the shard's table, where the rest is found.

    Args:
        slots: Bodies in a row.
    """
    return np.dtype(
        [
            ("seq", "<u8"),
            ("take", "<u2"),
            ("time_device", "<i8"),
            ("row", "<u4"),
            ("tracked", "u1", (slots,)),
            ("tracking_id", "<u8", (slots,)),
            ("hands", "u1", (slots, 2)),
            ("distance_m", "<f4", (slots,)),
            ("joint_color_px", "<f4", (slots, JOINTS, 2)),
            ("joint_state", "u1", (slots, JOINTS)),
        ]
    )


@dataclass(frozen=True, slots=True)
class FrameBodies:
    """The body row of each colour frame.

    Attributes:
        body: (N,) int64, row in the table of bodies, ``UNPAIRED`` where there is none.
        residual_ms: (N,) float32, body time minus colour time; NaN where there is none.
    """

    body: np.ndarray
    residual_ms: np.ndarray


@dataclass(frozen=True, slots=True)
class Drop:
    """A run of lost items, placed on the colour frames' axis.

    Attributes:
        stream: The stream's name.
        reason: The kind of event, or why there is none.
        first: Colour seq at which it begins.
        last: Colour seq at which it ends, included.
        count: How many items are lost.
    """

    stream: str
    reason: str
    first: int
    last: int
    count: int


def slim_bodies(rows: np.ndarray) -> np.ndarray:
    """Return (M,) ``body_dtype`` of (M,) body rows with a Kinect v2's joints."""
    slim = np.zeros(len(rows), body_dtype(rows["tracked"].shape[1]))
    for field in slim.dtype.names or ():
        if field in (rows.dtype.names or ()):
            slim[field] = rows[field]
    slim["hands"] = np.stack([rows["hand_left_state"], rows["hand_right_state"]], axis=-1)
    slim["distance_m"] = rows["joint_xyz_m"][:, :, JOINT["SpineBase"], 2]
    return slim


def rows_in_place_of_color(bodies: np.ndarray) -> np.ndarray:
    """Return a row of colour's type for each body row, by seq: the axis where no pictures are.

    Args:
        bodies: (M,) ``body_dtype``.

    Returns:
        (M,) ``COLOR_DTYPE``; but for seq, take and time all 0.
    """
    rows = np.zeros(len(bodies), COLOR_DTYPE)
    for field in ("seq", "take", "time_device"):
        rows[field] = bodies[field]
    return rows[np.argsort(rows["seq"], kind="stable")]


def pair_bodies(
    color: np.ndarray, bodies: np.ndarray, within: int = PAIR_WITHIN_100NS
) -> FrameBodies:
    """Find each colour frame's body, exactly as the data set is built.

    Args:
        color: (N,) rows with ``take`` and ``time_device`` (100 ns).
        bodies: (M,) rows with the same two fields.
        within: Half a tick of the sensor, 100 ns.
    """
    body, residual = pair_nearest(
        color["take"], color["time_device"], bodies["take"], bodies["time_device"], within
    )
    residual_ms = np.where(body == UNPAIRED, np.nan, residual / MS_100NS)
    return FrameBodies(body, residual_ms.astype(np.float32))


def seconds_in_take(color: np.ndarray) -> np.ndarray:
    """Return (N,) float64, seconds since the first colour frame of each frame's take."""
    seconds = np.zeros(len(color), dtype=np.float64)
    for take in np.unique(color["take"]):
        frames = color["take"] == take
        times = color["time_device"][frames].astype(np.int64)
        seconds[frames] = (times - times[0]) / SECOND_100NS
    return seconds


def lane_states(bodies: np.ndarray, pairs: FrameBodies) -> tuple[np.ndarray, np.ndarray]:
    """Return the states that the lanes show: those of the person nearest to the sensor.

    Args:
        bodies: (M,) ``body_dtype``.
        pairs: For N colour frames.

    Returns:
        People in each frame, (N,) uint8, and the 13 keypoints' tracking states, (N, 13) uint8:
        0 not tracked, 1 inferred, 2 tracked, ``NO_BODY`` in the whole row where no one is.
    """
    count = np.zeros(len(pairs.body), dtype=np.uint8)
    states = np.full((len(pairs.body), KEYPOINTS), NO_BODY, dtype=np.uint8)
    paired = np.flatnonzero(pairs.body != UNPAIRED)
    if len(paired) == 0:
        return count, states
    # field by field: whole rows of a long session are tens of megabytes
    body = pairs.body[paired]
    tracked = bodies["tracked"][body] > 0
    count[paired] = tracked.sum(axis=1)
    # a tracked body without a distance comes behind all that have one
    distance = bodies["distance_m"][body]
    distance = np.where(np.isfinite(distance), distance, FAR_M)
    nearest = np.argmin(np.where(tracked, distance, np.inf), axis=1)
    seen = tracked.any(axis=1)
    chosen = bodies["joint_state"][body[seen], nearest[seen]]
    states[paired[seen]] = chosen[:, KEYPOINT_JOINT]
    return count, states


def find_drops(color: np.ndarray, events: np.ndarray, along: Stream = Stream.color) -> list[Drop]:
    """List what was lost: what events say, and missing colour frames that none explains.

    Args:
        color: (N,) colour rows, sorted by seq.
        events: (E,) event rows.
        along: The stream that the rows are of: bodies where there are no pictures.
    """
    drops = [drop for event in events if (drop := _drop_of(color, event, along)) is not None]
    covered = [(drop.first, drop.last) for drop in drops if drop.stream == along.name]
    for first, last in missing_runs(color["seq"]):
        if not any(begin <= first and last <= end for begin, end in covered):
            count = last - first + 1
            drops.append(Drop(along.name, "not stored, or its row is damaged", first, last, count))
    return sorted(drops, key=lambda drop: (drop.first, drop.stream))


def _drop_of(color: np.ndarray, event: np.void, along: Stream) -> Drop | None:
    """Return the loss that an event reports; None where it reports something else."""
    try:
        stream, kind = Stream(event["stream"]), EventKind(event["kind"])
    except ValueError:
        return None  # a kind that a later kincap added
    place = _place(color, event, along) if kind.covers_items else None
    if place is None:
        return None
    reason = kind.name.removeprefix("drop_").replace("_", " ")
    return Drop(stream.name, reason, *place, int(event["count"]))


def _place(color: np.ndarray, event: np.void, along: Stream) -> tuple[int, int] | None:
    """Return the first and last seq of an event on the axis of a stream, None: nowhere."""
    if event["stream"] == along:
        return int(event["seq_first"]), int(event["seq_last"])
    # another stream's seq means nothing on this axis: its time does
    frames = np.flatnonzero(color["take"] == event["take"])
    if len(frames) == 0:
        return None
    at = np.searchsorted(color["time_device"][frames], event["time_device"])
    seq = int(color["seq"][frames[min(int(at), len(frames) - 1)]])
    return seq, seq


def missing_runs(seqs: np.ndarray) -> list[tuple[int, int]]:
    """Return the runs (first, last) of seqs that a rising list leaves out between its ends."""
    steps = np.diff(seqs.astype(np.int64))
    return [(int(seqs[at]) + 1, int(seqs[at + 1]) - 1) for at in np.flatnonzero(steps > 1)]


def take_spans(color: np.ndarray) -> list[dict[str, float]]:
    """Return each take's number, first and last colour seq, frames, duration in seconds."""
    spans = []
    for take in np.unique(color["take"]):
        rows = color[color["take"] == take]
        duration = (int(rows["time_device"][-1]) - int(rows["time_device"][0])) / SECOND_100NS
        spans.append(
            {
                "take": int(take),
                "first": int(rows["seq"][0]),
                "last": int(rows["seq"][-1]),
                "frames": len(rows),
                "duration_s": max(0.0, duration),
            }
        )
    return spans


@dataclass(frozen=True, slots=True)
class FramePeople:
    """P tracked people in some colour frames, by frame and slot.

    Attributes:
        frame: (P,) int64, row of the colour frame.
        body: (P,) int64, row in the table of bodies.
        slot: (P,) int64, which body of the row.
    """

    frame: np.ndarray
    body: np.ndarray
    slot: np.ndarray


def find_people(bodies: np.ndarray, pairs: FrameBodies, frames: np.ndarray) -> FramePeople:
    """Return the tracked people in some colour frames.

    Args:
        bodies: (M,) ``body_dtype``.
        pairs: Of all colour frames.
        frames: (N,) rows of the colour frames that are asked for.
    """
    asked = frames[pairs.body[frames] != UNPAIRED]
    body = pairs.body[asked]
    at, slot = np.nonzero(bodies["tracked"][body] > 0)
    return FramePeople(asked[at], body[at], slot)


def page_events(color: np.ndarray, events: np.ndarray, along: Stream) -> list[dict[str, Any]]:
    """Return the events that the page shows: marks, cues, pauses, and what the sensor did.

    Args:
        color: (N,) colour rows, sorted by seq.
        events: (E,) event rows.
        along: The stream that the rows are of.

    Returns:
        Of each: ``kind``, ``first`` and ``last`` (seq on the axis of the page), ``take``,
        ``count``, ``text``, and ``cue`` with name and phase where it is one.
    """
    found: list[dict[str, Any]] = []
    for event in events:
        try:
            kind = EventKind(event["kind"])
        except ValueError:
            continue
        if kind.is_drop or kind is EventKind.take_start:
            continue
        place = _place(color, event, along)
        if place is None:
            continue
        text, cue = event["text"].decode("utf-8", "replace"), None
        if kind is EventKind.cue:
            shown = read_cue(event["text"])
            text, cue = "", None if shown is None else asdict(shown)
        found.append(
            {
                "kind": kind.name,
                "first": place[0],
                "last": place[1],
                "take": int(event["take"]),
                "count": int(event["count"]),
                "text": text,
                "cue": cue,
            }
        )
    return sorted(found, key=lambda one: (one["first"], one["kind"]))
