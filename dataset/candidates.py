"""Pass 1 over one session: every tracked body in a colour frame, labelled and judged."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..checks.session_checks import SessionChecks
from ..core.geometry import Floats, as_floats, unmirror_points
from ..core.pairing import (
    NO_BODY,
    Brackets,
    bracket_bodies,
    interpolate_joints,
    pair_nearest,
    pair_within,
    worse_states,
)
from ..core.skeleton import KEYPOINT, TORSO
from ..sessions.edits.journal import REJECT
from ..sessions.edits.labels import edit_labels
from ..sessions.schema import ColorFlag
from . import filters as quality
from .boxes import outside_share, person_boxes
from .filters import Bools, FilterSettings
from .given_labels import PlacedLabels, SessionLabels, place_labels, replace_flags
from .session_data import Recording

NO_SLOT: Final = 0
"""Slot of a candidate that stands for a colour frame without a body."""

OUTSIDE_BIT_SHARE: Final = 0.1
"""More than this share of a box outside of the picture sets a bit."""

NEAREST: Final = "nearest"
COLOR: Final = "color"
JOINTS_AT: Final = (NEAREST, COLOR)
"""Joints as the nearest body row has them, or moved to the colour frame's time."""


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
        weight: (C, 13) float32: 1 where trusted, but 0 in rows that a finding calls wrong.
        keypoint_quality: (C, 13) uint32.
        quality: (C,) uint32.
        given: (C, 13) bool, keypoints whose label a file gave.
        wrong: By kind of finding (C,) bool, rows with weight 0 for it.
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
    wrong: dict[str, Bools]
    failed: dict[str, Bools]

    def __len__(self) -> int:
        return len(self.frame)


def find_candidates(
    recording: Recording,
    checks: SessionChecks,
    settings: FilterSettings,
    joints_at: str = NEAREST,
    labels: SessionLabels | None = None,
) -> Candidates:
    """Pair, label and judge all bodies of a session.

    Args:
        recording: The session's tables.
        checks: What the checks say about its rows.
        settings: Thresholds of the filters.
        joints_at: One of ``JOINTS_AT``.
        labels: Labels of a file, which take the place of the sensor's; None: there are none.

    Returns:
        Its candidates: one for each tracked body in a colour frame, and one for each colour frame
        without.

    Raises:
        DatasetError: A label is of a body that the session does not have.
    """
    color, bodies = recording.color, recording.bodies
    body_of_frame, residual = pair_nearest(
        color["take"],
        color["time_device"],
        bodies.take,
        bodies.time_device,
        pair_within(recording.info.shape.tick_100ns),
    )
    frame, slot = _slots(recording, body_of_frame)
    order = np.lexsort((slot, color["seq"][frame], color["take"][frame]))
    frame, slot = frame[order], slot[order]
    has_body = slot != NO_BODY
    slot = np.where(has_body, slot, NO_SLOT)
    body = np.where(has_body, body_of_frame[frame], NO_BODY)
    moved = _bracket(recording, frame, body, slot) if joints_at == COLOR else None
    by_hand = _placed(recording, labels, frame, body, slot)
    judged = _judge(recording, color["seq"][frame], body, slot, settings, moved, by_hand)
    named = _named(recording, checks, frame, body, slot)
    wrong = {kind: named[kind] for kind in quality.WRONG_LABELS}
    wrong["side_swap"] = wrong["side_swap"] & ~judged.swapped
    any_wrong = np.any([np.zeros(len(body), np.bool_), *wrong.values()], axis=0)
    judged.failed["no_body"] = ~has_body
    judged.failed[quality.IMPLAUSIBLE] = named[quality.IMPLAUSIBLE]
    judged.failed["edits"] = recording.edits.verdicts(color["seq"])[frame] == REJECT
    return Candidates(
        frame=frame,
        body=body,
        slot=slot,
        residual_100ns=np.where(judged.interpolated, 0, residual[frame]),
        points=judged.points,
        placed=judged.placed,
        visibility=judged.visibility,
        trusted=judged.trusted,
        weight=quality.edited_weight(
            judged.trusted, any_wrong, judged.moved | by_hand.given, judged.visibility
        ),
        keypoint_quality=judged.flags,
        quality=sum(
            (_row_bit(kind, where) for kind, where in wrong.items()),
            judged.quality | _low_light(recording, frame),
        ),
        given=by_hand.given,
        wrong=wrong,
        failed=judged.failed,
    )


def _placed(
    recording: Recording,
    labels: SessionLabels | None,
    frame: NDArray[np.int64],
    body: NDArray[np.int64],
    slot: NDArray[np.int64],
) -> PlacedLabels:
    """Return the given labels of each candidate; those without a body have none."""
    if labels is None:
        return PlacedLabels.none(len(body))
    there = np.flatnonzero(body != NO_BODY)
    tracking_id = recording.bodies.tracking_id[body[there], slot[there]]
    seq = recording.color["seq"][frame[there]]
    placed = place_labels(labels, recording.name, seq, tracking_id, slot[there])
    return PlacedLabels(
        given=_spread(placed.given, there, len(body), False),
        points=_spread(placed.points, there, len(body), np.nan),
        visibility=_spread(placed.visibility, there, len(body), 0),
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


def _bracket(
    recording: Recording,
    frame: NDArray[np.int64],
    body: NDArray[np.int64],
    slot: NDArray[np.int64],
) -> Brackets:
    """Return the rows around each candidate that has a body."""
    there = body != NO_BODY
    time = recording.color["time_device"][frame[there]].astype(np.int64)
    tick = recording.info.shape.tick_100ns
    return bracket_bodies(time, body[there], slot[there], vars(recording.bodies), tick)


def _named(
    recording: Recording,
    checks: SessionChecks,
    frame: NDArray[np.int64],
    body: NDArray[np.int64],
    slot: NDArray[np.int64],
) -> dict[str, Bools]:
    """Return by kind which candidates can't be labels; those without a body are none."""
    there = np.flatnonzero(body != NO_BODY)
    found = checks.wrong_labels(
        recording.color["seq"][frame[there]], recording.bodies.seq[body[there]], slot[there]
    )
    return {kind: _spread(where, there, len(body), False) for kind, where in found.items()}


@dataclass(frozen=True)
class _Judged:
    """Labels and verdicts of C candidates.

    ``interpolated`` (C,) bool: moved to colour time; ``moved`` (C, 13) and ``swapped`` (C,) bool:
    by hand.
    """

    points: Floats
    placed: NDArray[np.int64]
    visibility: NDArray[np.uint8]
    trusted: Bools
    flags: NDArray[np.uint32]
    quality: NDArray[np.uint32]
    failed: dict[str, Bools]
    interpolated: Bools
    moved: Bools
    swapped: Bools


def _judge(
    recording: Recording,
    seq: NDArray[np.uint64],
    body: NDArray[np.int64],
    slot: NDArray[np.int64],
    settings: FilterSettings,
    moved: Brackets | None,
    by_hand: PlacedLabels,
) -> _Judged:
    """Label the keypoints of each candidate and apply the filters; without a body none applies."""
    count, size_px = len(body), recording.size_px
    there = np.flatnonzero(body != NO_BODY)
    row, column = body[there], slot[there]
    bodies = recording.bodies
    stored, state = bodies.points[row, column], bodies.state[row, column]
    interpolated = np.zeros(len(there), np.bool_)
    if moved is not None:
        stored = np.where(
            moved.both[:, None, None], interpolate_joints(bodies.points, moved), stored
        ).astype(np.float32)
        state, interpolated = worse_states(bodies.state, moved), moved.both
    clipped = bodies.clipped_edges[row, column]
    edited = edit_labels(
        recording.edits.labels, seq[there], bodies.tracking_id[row, column], stored, state
    )
    given = by_hand.given[there]
    stored = np.where(given[..., None], by_hand.points[there], edited.points)
    state = edited.state
    flags = quality.keypoint_flags(stored, state, clipped, size_px, settings)
    flags = quality.edited_flags(flags, edited, size_px)
    visibility = quality.edited_visibility(flags, edited, size_px)
    visibility = np.where(given, by_hand.visibility[there], visibility)
    flags = replace_flags(flags, given, visibility)
    trusted = np.where(given, visibility > 0, quality.is_trusted(flags))
    points = unmirror_points(stored, size_px[0]) if recording.mirrored else as_floats(stored)
    several = bodies.tracked[row].sum(axis=1) > 1
    verdicts = quality.apply_filters(flags, bodies.depth_m[row, column], settings)
    placed = person_boxes(points, visibility, trusted)
    outside = outside_share(placed, size_px)
    verdicts["outside"] = outside > settings.max_outside
    return _Judged(
        points=_spread(np.where(visibility[..., None] > 0, points, np.nan), there, count, np.nan),
        placed=_spread(placed, there, count, 0),
        visibility=_spread(visibility, there, count, 0),
        trusted=_spread(trusted, there, count, False),
        flags=_spread(flags, there, count, 0),
        quality=_spread(
            _row_bit("clipped", clipped != 0)
            | _row_bit("several_bodies", several)
            | _row_bit("interpolated", interpolated)
            | _row_bit("swapped_by_hand", edited.swapped)
            | _row_bit("outside", outside > OUTSIDE_BIT_SHARE),
            there,
            count,
            0,
        ),
        failed={reason: _spread(fails, there, count, False) for reason, fails in verdicts.items()},
        interpolated=_spread(interpolated, there, count, False),
        moved=_spread(edited.moved, there, count, False),
        swapped=_spread(edited.swapped, there, count, False),
    )


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
    points = np.where(candidates.trusted[kept][..., None], candidates.points[kept], np.nan)
    across = points[:, KEYPOINT["l_shoulder"], 0] - points[:, KEYPOINT["r_shoulder"], 0]
    torso = np.linalg.norm(points[:, TORSO[0]] - points[:, TORSO[1]], axis=-1)
    with np.errstate(invalid="ignore"):
        frontal = np.abs(across) > 0.3 * torso
    if not frontal.any() or np.median(across[frontal]) > 0:
        return None
    return (
        f"{recording.name}: most left shoulders are left of the right ones after un-mirroring; "
        "is 'mirrored' in its session.json right?"
    )
