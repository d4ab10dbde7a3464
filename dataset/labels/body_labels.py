"""Labels of bodies in pictures: places, states, flags of keypoints, repaired where possible."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...checks.row_flags import BodyFlags
from ...checks.session_checks import SessionFlags
from ...core.geometry import as_floats
from ...core.pairing import Brackets, bracket_bodies, interpolate_joints, worse_states
from ...core.skeleton import FLIP
from ...sessions.edits.labels import EditedLabels, edit_labels
from ..filters import FILTER_BITS, WRONG_FRAMES, Bools, flag
from ..session_data import Recording
from .label_settings import COLOR, LabelSettings


@dataclass(frozen=True)
class BodyLabels:
    """The labels of N bodies in colour frames.

    Attributes:
        edited: Places and states, repaired, moved in time, and as a person has edited them.
        named: (N, 13) uint32, bits of the filters of the checks.
        interpolated: (N,) whether the joints were moved to the picture's time.
        swapped_back: (N,) whether left and right were put back.
    """

    edited: EditedLabels
    named: NDArray[np.uint32]
    interpolated: Bools
    swapped_back: Bools


def with_sides_put_back(recording: Recording, flags: BodyFlags) -> Recording:
    """Return a session in whose bodies left and right are right again where that can be known.

    Args:
        recording: The session.
        flags: Of the checks; ``swap_repairs`` names the bodies.
    """
    which = np.flatnonzero(flags.swap_repairs)
    if not len(which):
        return recording
    bodies = recording.bodies
    row = np.searchsorted(bodies.seq, flags.seq[which])
    slot = flags.slot[which].astype(np.int64)
    points, state = bodies.points, bodies.state
    changed = replace(
        bodies,
        points=points.with_changed(row, slot, points[row, slot][:, FLIP]),
        state=state.with_changed(row, slot, state[row, slot][:, FLIP]),
    )
    return replace(recording, bodies=changed)


def label_bodies(
    recording: Recording,
    checks: SessionFlags,
    settings: LabelSettings,
    frame: NDArray[np.int64],
    row: NDArray[np.int64],
    slot: NDArray[np.int64],
    lag_100ns: NDArray[np.int64],
) -> BodyLabels:
    """Return the labels of N bodies in colour frames.

    Args:
        recording: The session, its sides put back (``with_sides_put_back``) if that is wanted.
        checks: Its checks.
        settings: What is repaired and moved.
        frame: (N,) colour rows.
        row: (N,) the body row that each is paired with.
        slot: (N,) slot of the body in it.
        lag_100ns: (N,) by how much the joints come late, where they are moved by that; else 0.
    """
    bodies = recording.bodies
    points = as_floats(bodies.points[row, slot]).copy()
    state = bodies.state[row, slot]
    moves = np.full(len(row), settings.joints_at == COLOR) | (lag_100ns != 0)
    interpolated = np.zeros(len(row), np.bool_)
    places = [(row, slot)]
    if moves.any():
        around = _around(recording, frame, row, slot, lag_100ns, moves)
        interpolated = around.both
        between = interpolate_joints(bodies.points, around)
        points = np.where(around.both[:, None, None], between, points)
        state = worse_states(bodies.state, around)
        places = [(around.before, around.before_slot), (around.behind, around.behind_slot)]
    named = np.zeros(state.shape, np.uint32)
    back = np.zeros(len(row), np.bool_)
    for at in places:
        bits, repaired = _named(checks.bodies, bodies.seq[at[0]], at[1], settings)
        named |= bits
        back |= repaired
    seq = recording.color["seq"][frame]
    for kind in WRONG_FRAMES:
        wrong = checks.frames.named(kind, seq) & settings.filters.uses(kind)
        if kind == "lag":
            wrong &= lag_100ns == 0
        named |= flag(kind, wrong[:, None])
    edits, ids = recording.edits.labels, bodies.tracking_id[row, slot]
    by_hand = edit_labels(edits, seq, ids, points, state).swapped
    # a person has seen the sides as they are stored
    undone = by_hand & back
    for values in (points, state, named):
        values[undone] = values[undone][:, FLIP]
    named[undone] &= ~flag("swapped_back", np.ones(1, np.bool_))
    named[by_hand] = named[by_hand][:, FLIP] & ~flag("side_swap", np.ones(1, np.bool_))
    edited = edit_labels(edits, seq, ids, points, state)
    return BodyLabels(edited, named, interpolated, back & ~undone)


def _around(
    recording: Recording,
    frame: NDArray[np.int64],
    row: NDArray[np.int64],
    slot: NDArray[np.int64],
    lag_100ns: NDArray[np.int64],
    moves: Bools,
) -> Brackets:
    """Return the rows around the time at which each picture's joints come, where they are moved."""
    time = recording.color["time_device"][frame].astype(np.int64) + lag_100ns
    tick, bodies = recording.info.shape.tick_100ns, recording.bodies
    found = bracket_bodies(time, row, slot, vars(bodies), tick, by_time=bodies.by_time)
    both = found.both & moves
    return Brackets(
        before=np.where(both, found.before, row),
        before_slot=np.where(both, found.before_slot, slot),
        behind=np.where(both, found.behind, row),
        behind_slot=np.where(both, found.behind_slot, slot),
        share=np.where(both, found.share, 0.0),
        both=both,
    )


def _named(
    found: BodyFlags, seq: NDArray[np.uint64], slot: NDArray[np.int64], settings: LabelSettings
) -> tuple[NDArray[np.uint32], Bools]:
    """Return (N, 13) bits of the filters that name keypoints, and (N,) whose sides are put back."""
    back = found.repaired(seq, slot) & settings.swap_back
    bits = np.zeros((len(seq), len(FLIP)), np.uint32)
    for name in FILTER_BITS:
        if name in found.joint_bits:
            named = found.keypoints_named(name, seq, slot)
            named = np.where(back[:, None], named[:, FLIP], named)
            if name == "side_swap":
                named &= ~back[:, None]
            bits |= flag(name, named)
    sided = np.arange(len(FLIP)) != FLIP
    return bits | flag("swapped_back", back[:, None] & sided), back
