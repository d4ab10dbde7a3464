"""Pass 1 over one session: every tracked body in a colour frame, labelled and judged."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..checks.filters.crowding import someone_else_inside
from ..checks.filters.redundancy import near_copies
from ..checks.filters.timing import after_gap, frame_gaps
from ..checks.session_checks import SessionFlags
from ..core.geometry import Floats, as_floats, snapped_xyxy, unmirror_points
from ..core.pairing import NO_BODY, pair_nearest, pair_within
from ..core.skeleton import KEYPOINT, KEYPOINTS, TORSO
from ..core.units import MS_100NS
from ..sessions.edits.journal import REJECT
from ..sessions.schema import ColorFlag
from . import filters as quality
from .boxes import outside_share, person_boxes
from .filters import FILTER_BITS, Bools
from .given_labels import PlacedLabels, SessionLabels, place_labels, replace_flags
from .labels.body_labels import label_bodies, with_sides_put_back
from .labels.joint_bias import correct_joints
from .labels.label_settings import ALL, LARGEST, LabelSettings
from .session_data import Recording

NO_SLOT: Final = 0
"""Slot of a candidate that stands for a colour frame without a body."""

_JUDGED_AT_ONCE: Final = 4096
"""Bodies that are labelled and judged at a time: about 5 MB."""

OUTSIDE_BIT_SHARE: Final = 0.1
"""More than this share of a box outside of the picture sets a bit."""


@dataclass(frozen=True)
class Candidates:
    """The C candidates of one session, by take, colour seq and slot.

    Attributes:
        frame: (C,) row of the colour frame in the recording.
        body: (C,) row of the body; -1 where the frame has none.
        slot: (C,) which of the sensor's bodies.
        residual_100ns: (C,) time of the joints minus colour time: 0 where they were moved to it.
        points: (C, 13, 2) float64, un-mirrored pixels; NaN where there is no body.
        placed: (C, 3) int64 box of the person: x0, y0, side, un-mirrored pixels.
        visibility: (C, 13) uint8.
        trusted: (C, 13) bool, keypoints that the filters say nothing against.
        weight: (C, 13) float32: 1 where trusted, that of unknown tracking states where the source
            has none, else 0.
        keypoint_quality: (C, 13) uint32.
        quality: (C,) uint32.
        given: (C, 13) bool, keypoints whose label a file gave.
        failed: By reason (C,) bool.
    """

    frame: NDArray[np.int64]
    body: NDArray[np.int64]
    slot: NDArray[np.int64]
    residual_100ns: NDArray[np.int64]
    points: Floats
    placed: NDArray[np.int64]
    visibility: NDArray[np.uint8]
    trusted: Bools
    weight: NDArray[np.float32]
    keypoint_quality: NDArray[np.uint32]
    quality: NDArray[np.uint32]
    given: Bools
    failed: dict[str, Bools]

    def __len__(self) -> int:
        return len(self.frame)


def find_candidates(
    recording: Recording,
    checks: SessionFlags,
    settings: LabelSettings,
    labels: SessionLabels | None = None,
) -> Candidates:
    """Pair, label and judge all bodies of a session.

    Args:
        recording: The session's tables.
        checks: What the checks say about its rows, by the same thresholds.
        settings: Whose labels, by which filters, and what is repaired.
        labels: Labels of a file, which take the place of the sensor's; None: there are none.

    Returns:
        Its candidates: one for each tracked body in a colour frame, and one for each colour frame
        without.

    Raises:
        DatasetError: A label is of a body that the session does not have.
    """
    color = recording.color
    lag_100ns = _lags(recording, checks, settings)
    body_of_frame, residual = _pairs(recording, lag_100ns)
    frame, slot = _slots(recording, body_of_frame)
    order = np.lexsort((slot, color["seq"][frame], color["take"][frame]))
    frame, slot = frame[order], slot[order]
    has_body = slot != NO_BODY
    slot = np.where(has_body, slot, NO_SLOT)
    body = np.where(has_body, body_of_frame[frame], NO_BODY)
    by_hand = None if labels is None else _placed(recording, labels, frame, body, slot)
    if settings.swap_back:
        recording = with_sides_put_back(recording, checks.bodies)
    found = _Filled(len(frame))
    for some in _pieces(color["seq"][frame], np.flatnonzero(has_body)):
        found.put(some, _judge(recording, checks, settings, lag_100ns, frame[some], body[some],
                               slot[some], by_hand and by_hand.at(some)))  # fmt: skip
    found.failed["no_body"] = ~has_body
    found.failed["edits"] = recording.edits.verdicts(color["seq"])[frame] == REJECT
    late_frames = after_gap(frame_gaps(color["take"], color["time_device"]), settings.filters)
    return Candidates(
        frame=frame,
        body=body,
        slot=slot,
        residual_100ns=np.where(found.interpolated, 0, residual[frame]),
        points=found.points,
        placed=found.placed,
        visibility=found.visibility,
        trusted=found.trusted,
        weight=found.weight,
        keypoint_quality=found.flags,
        quality=found.quality
        | _low_light(recording, frame)
        | _row_bit("timing", late_frames[frame] & settings.filters.uses("timing")),
        given=np.zeros_like(found.trusted) if by_hand is None else by_hand.given,
        failed=found.failed,
    )


def _pairs(
    recording: Recording, lag_100ns: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the body row of each colour frame, and the residual, as ``pair_nearest`` does.

    Joints that are moved to a frame's time come from both rows around it: there the nearer one may
    be a little farther away than half a tick, as it is where frames come half-way between rows.
    """
    color, bodies = recording.color, recording.bodies
    within = pair_within(recording.info.shape.tick_100ns)
    time = color["time_device"].astype(np.int64) + lag_100ns
    found = pair_nearest(color["take"], time, bodies.take, bodies.time_device, within)
    if not lag_100ns.any():
        return found
    wide = pair_nearest(color["take"], time, bodies.take, bodies.time_device, within * 5 // 4)
    late = lag_100ns != 0
    return np.where(late, wide[0], found[0]), np.where(late, wide[1], found[1])


def _pieces(seq: NDArray[np.uint64], there: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Cut candidates into pieces that are judged at a time; bodies of a frame stay together.

    Args:
        seq: (C,) colour seq of all candidates.
        there: (N,) those that are judged.
    """
    starts = np.flatnonzero(np.diff(seq[there], prepend=seq[there[:1]]) != 0)
    first = 0
    while first < len(there):
        after = starts[np.searchsorted(starts, first + _JUDGED_AT_ONCE) :][:1]
        end = int(after[0]) if len(after) else len(there)
        yield there[first:end]
        first = end


def _lags(recording: Recording, checks: SessionFlags, settings: LabelSettings) -> NDArray[np.int64]:
    """Return (F,) the lag of each colour frame's joints, 100 ns; 0 where it is not corrected."""
    ms = checks.frames.lag_at(recording.color["seq"])
    known = np.isfinite(ms) & settings.correct_lag
    return np.where(known, np.round(np.where(known, ms, 0.0) * MS_100NS), 0).astype(np.int64)


def _by_checks(
    recording: Recording,
    checks: SessionFlags,
    settings: LabelSettings,
    row: NDArray[np.int64],
    slot: NDArray[np.int64],
) -> dict[str, Bools]:
    """Return by reason which of N bodies the checks leave out as a whole."""
    seq = recording.bodies.seq[row]
    failed = {
        name: checks.bodies.named(name, seq, slot) for name in (*quality.DROPS, quality.IMPLAUSIBLE)
    }
    return {**failed, "other_body": ~_is_asked_for(recording, checks, settings, row, slot)}


def _is_asked_for(
    recording: Recording,
    checks: SessionFlags,
    settings: LabelSettings,
    row: NDArray[np.int64],
    slot: NDArray[np.int64],
) -> Bools:
    """Return which of N bodies are of the people that the data set is about."""
    if settings.bodies == ALL:
        return np.ones(len(row), np.bool_)
    flags, seq = checks.bodies, recording.bodies.seq[row]
    if settings.bodies == LARGEST:
        return flags.is_main(seq, slot)
    ids = np.array(settings.body_ids, np.uint64)
    people = np.unique(flags.person[np.isin(flags.tracking_id, ids)])
    return np.isin(flags.person_of(seq, slot), people)


def _placed(
    recording: Recording,
    labels: SessionLabels,
    frame: NDArray[np.int64],
    body: NDArray[np.int64],
    slot: NDArray[np.int64],
) -> PlacedLabels:
    """Return the given labels of each candidate; those without a body have none."""
    there = np.flatnonzero(body != NO_BODY)
    tracking_id = recording.bodies.tracking_id[body[there], slot[there]]
    seq = recording.color["seq"][frame[there]]
    placed = place_labels(labels, recording.name, seq, tracking_id, slot[there])
    return PlacedLabels(
        given=_spread(placed.given, there, len(body), False),
        points=_spread(placed.points, there, len(body), np.nan),
        visibility=_spread(placed.visibility, there, len(body), 0),
        weight=_spread(placed.weight, there, len(body), 1),
        filled=_spread(placed.filled, there, len(body), False),
    )


def _slots(
    recording: Recording, body_of_frame: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return frame and slot of each candidate; slot -1 for a frame without a tracked body."""
    tracked = np.zeros((len(body_of_frame), recording.bodies.tracked.shape[1]), np.bool_)
    paired = body_of_frame != NO_BODY
    tracked[paired] = recording.bodies.tracked[body_of_frame[paired]]
    frame, slot = np.nonzero(tracked)
    alone = np.flatnonzero(~tracked.any(axis=1))
    without = np.full(len(alone), NO_BODY, np.int64)
    return np.concatenate([frame, alone]), np.concatenate([slot, without])


@dataclass(frozen=True)
class _Judged:
    """Labels and verdicts of N bodies in colour frames; fields as in ``Candidates``.

    Attributes:
        interpolated: (N,) bodies whose joints were moved to the time of the picture.
    """

    points: Floats
    placed: NDArray[np.int64]
    visibility: NDArray[np.uint8]
    trusted: Bools
    weight: NDArray[np.float32]
    flags: NDArray[np.uint32]
    quality: NDArray[np.uint32]
    interpolated: Bools
    failed: dict[str, Bools]


class _Filled:
    """Labels and verdicts of C candidates, filled in piece by piece; those without a body are bare.

    Args:
        count: C.
    """

    def __init__(self, count: int) -> None:
        self.points = np.full((count, KEYPOINTS, 2), np.nan)
        self.placed = np.zeros((count, 3), np.int64)
        self.visibility = np.zeros((count, KEYPOINTS), np.uint8)
        self.trusted = np.zeros((count, KEYPOINTS), np.bool_)
        self.weight = np.zeros((count, KEYPOINTS), np.float32)
        self.flags = np.zeros((count, KEYPOINTS), np.uint32)
        self.quality = np.zeros(count, np.uint32)
        self.interpolated = np.zeros(count, np.bool_)
        self.failed: dict[str, Bools] = {}

    def put(self, rows: NDArray[np.int64], judged: _Judged) -> None:
        """Fill in some candidates."""
        for name in vars(self).keys() - {"failed"}:
            getattr(self, name)[rows] = getattr(judged, name)
        for reason, where in judged.failed.items():
            if reason not in self.failed:
                self.failed[reason] = np.zeros(len(self.quality), np.bool_)
            self.failed[reason][rows] = where


def _judge(
    recording: Recording,
    checks: SessionFlags,
    settings: LabelSettings,
    lag_100ns: NDArray[np.int64],
    frame: NDArray[np.int64],
    row: NDArray[np.int64],
    slot: NDArray[np.int64],
    by_hand: PlacedLabels | None,
) -> _Judged:
    """Label N bodies and apply the filters of keypoints, given labels first.

    Args:
        recording: The session, its sides put back if that is wanted.
        checks: Its checks.
        settings: As in ``find_candidates``.
        lag_100ns: (F,) the lag of each colour frame.
        frame: (N,) colour rows; those of a frame are complete.
        row: (N,) body rows.
        slot: (N,) slots.
        by_hand: Given labels of the N bodies, or None.
    """
    size_px, bodies, filters = recording.size_px, recording.bodies, settings.filters
    lag = lag_100ns[frame]
    found = label_bodies(recording, checks, settings, frame, row, slot, lag)
    by_hand = by_hand or PlacedLabels.none(len(frame))
    given = by_hand.given
    edited = found.edited
    corrected = correct_joints(as_floats(edited.points), settings.joint_bias)
    stored = np.where(edited.moved[..., None], edited.points, corrected)
    stored = np.where(given[..., None], by_hand.points, stored)
    clipped = bodies.clipped_edges[row, slot]
    flags = quality.keypoint_flags(stored, edited.state, clipped, size_px, filters)
    flags = quality.edited_flags(flags | found.named, edited, size_px)
    visibility = quality.edited_visibility(flags, edited, size_px)
    visibility = np.where(given, by_hand.visibility, visibility)
    flags = replace_flags(flags, by_hand, visibility)
    trusted = quality.is_trusted(flags, filters, settings.unknown_weight)
    trusted = np.where(given, visibility > 0, trusted)
    points = unmirror_points(stored, size_px[0]) if recording.mirrored else as_floats(stored)
    points = np.where(visibility[..., None] > 0, points, np.nan)
    depth_m = bodies.depth_m[row, slot]
    failed = quality.apply_filters(flags, depth_m, filters, settings.unknown_weight)
    placed = person_boxes(points, visibility, trusted)
    outside = outside_share(placed, size_px)
    failed["outside"] = outside > filters.max_outside
    failed |= _by_checks(recording, checks, settings, row, slot)
    unknown = quality.has_flag(flags, "unknown_state")
    several = bodies.tracked[row].sum(axis=1) > 1
    crowded = someone_else_inside(snapped_xyxy(placed), points, visibility > 0, frame)
    bits = (
        _row_bit("clipped", clipped != 0)
        | _row_bit("several_bodies", several)
        | _row_bit("person_in_crop", crowded)
        | _row_bit("interpolated", found.interpolated)
        | _row_bit("swapped_back", found.swapped_back)
        | _row_bit("swapped_by_hand", edited.swapped)
        | _row_bit("outside", outside > OUTSIDE_BIT_SHARE)
        | _row_bit("lag_corrected", lag != 0)
    )
    for name in set(quality.ROW_BITS) & set(FILTER_BITS):
        bits |= _row_bit(name, np.asarray(quality.has_flag(flags, name).any(axis=1)))
    weight = (trusted & (visibility > 0)) * np.where(
        given, by_hand.weight, np.where(unknown, settings.unknown_weight, 1.0)
    )
    return _Judged(
        points=points,
        placed=placed,
        visibility=visibility,
        trusted=trusted,
        weight=weight.astype(np.float32),
        flags=flags,
        quality=bits,
        interpolated=found.interpolated,
        failed=failed,
    )


def thin(recording: Recording, found: Candidates, kept: Bools, settings: LabelSettings) -> Bools:
    """Return which kept candidates show no more than the one before them that is kept.

    Args:
        recording: The session.
        found: Its C candidates.
        kept: (C,) those that nothing else leaves out.
        settings: ``filters.thin_motion``.
    """
    near = np.zeros(len(found), np.bool_)
    rows = np.flatnonzero(kept)
    ids = recording.bodies.tracking_id[found.body[rows], found.slot[rows]]
    take = recording.color["take"][found.frame[rows]]
    _, who = np.unique(np.stack([take.astype(np.uint64), ids]), axis=1, return_inverse=True)
    if settings.filters.uses("redundancy") and len(rows):
        near[rows] = near_copies(found.points[rows], found.trusted[rows], who, settings.filters)
    return near


def _spread(
    values: NDArray[Any], there: NDArray[np.int64], count: int, absent: float
) -> NDArray[Any]:
    """Return values of some candidates as values of all, the rest filled."""
    full = np.full((count, *values.shape[1:]), absent, values.dtype)
    full[there] = values
    return full


def _row_bit(name: str, where: Bools) -> NDArray[np.uint32]:
    """Return the bit of a name where it applies."""
    return where.astype(np.uint32) << np.uint32(quality.ROW_BITS[name])


def _low_light(recording: Recording, frame: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Return the bit of frames that the sensor took at half its rate."""
    flags = recording.color["flags"][frame]
    return _row_bit("low_light", (flags & ColorFlag.low_light) != 0)


def side_warning(recording: Recording, candidates: Candidates, kept: Bools) -> str | None:
    """Warn where left and right look exchanged: a wrong ``mirrored``, or sides by the observer.

    Args:
        recording: The session.
        candidates: Its candidates.
        kept: (C,) those that are kept.

    Returns:
        A warning, or None: in an un-mirrored image, the left shoulder of a person who faces the
        sensor is to the right of the right one. Trusted keypoints decide.
    """
    rows = np.flatnonzero(kept)

    def at(keypoint: int) -> Floats:
        trusted = candidates.trusted[rows, keypoint][:, None]
        return np.where(trusted, candidates.points[rows, keypoint], np.nan)

    across = at(KEYPOINT["l_shoulder"])[:, 0] - at(KEYPOINT["r_shoulder"])[:, 0]
    torso = np.linalg.norm(at(TORSO[0]) - at(TORSO[1]), axis=-1)
    with np.errstate(invalid="ignore"):
        frontal = np.abs(across) > 0.3 * torso
    if not frontal.any() or np.median(across[frontal]) > 0:
        return None
    return (
        f"{recording.name}: most left shoulders are left of the right ones after un-mirroring; "
        "is 'mirrored' in its session.json right?"
    )
