"""Build's decision about every keypoint of a session, beside the simulator's truth."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kincap.checks.session_checks import check_session
from kincap.core.geometry import unmirror_points
from kincap.core.pairing import NO_BODY, pair_nearest
from kincap.core.skeleton import TORSO, TrackingState
from kincap.dataset.candidates import Candidates, find_candidates
from kincap.dataset.filters import FILTER_BITS, KEYPOINT_BITS, FilterSettings, has_flag
from kincap.dataset.label_error import compare_labels
from kincap.dataset.labels.label_settings import LabelSettings
from kincap.dataset.session_data import Recording, load_recording
from kincap.sessions.truth import load_truth

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

NOT_A_VERDICT: Final = ("edits", "no_body", "other_body", "guard", "redundant", "redundancy")
"""Reasons to leave a candidate out that say nothing about its label."""
INSIDE_SHARE: Final = 0.02
"""A keypoint nearer to the picture's edge than this share of its size may be left out."""


@dataclass(frozen=True)
class Verdicts:
    """The C tracked bodies of a session whose truth is known.

    Attributes:
        before: (C, 13) distance of the sensor's label from the truth, shares of the torso; NaN
            where there is none.
        after: (C, 13) the same of build's label, which a repair may have moved.
        lost: (C, 13) build gives it no weight, or leaves its candidate out.
        named: (C, 13) a filter names the label itself, not only others of its frame.
        clean: (C, 13) a label that a perfect filter keeps: tracked, inside of the picture, and less
            than 0.05 of the torso from the truth.
        reasons: By filter (C, 13) which keypoints it named.
        touched: By fault of the simulator (C,) bool.
    """

    before: Floats
    after: Floats
    lost: Bools
    named: Bools
    clean: Bools
    reasons: dict[str, Bools]
    touched: dict[str, Bools]


CLEAN_TORSO: Final = 0.05
_TOO_FEW: Final = ("tracking", "edge", *FILTER_BITS)
"""Reasons of frames in which too few labels are left: the others of the frame are not named."""
_NO_FILTER: Final = ("unknown_state", "swapped_back", "edited", "removed")
"""Bits of keypoints that take no weight away."""


def judge(folder: Path, filters: FilterSettings, *, lag: bool) -> Verdicts:
    """Return what build decides about a session.

    Args:
        folder: The session.
        filters: Thresholds.
        lag: Measure how late the joints are, which needs the pictures.
    """
    recording = load_recording(folder.parent, folder.name)
    checks = check_session(folder, lag=lag, settings=filters).flags()
    candidates = find_candidates(recording, checks, LabelSettings(filters=filters))
    truth = load_truth(folder)
    count = len(candidates)
    everything = np.ones(count, np.bool_)
    compared = compare_labels(recording, candidates, everything, truth)
    failed = {k: v for k, v in candidates.failed.items() if k not in NOT_A_VERDICT}
    out = np.any([np.zeros(count, np.bool_), *failed.values()], axis=0)
    given, state = _given(recording, candidates)
    torso = np.linalg.norm(compared.true_px[:, TORSO[0]] - compared.true_px[:, TORSO[1]], axis=-1)
    before = np.linalg.norm(given - compared.true_px, axis=-1) / torso[:, None]
    clean = (state == TrackingState.tracked) & _inside(compared.true_px, recording.size_px)
    clean &= before < CLEAN_TORSO
    reasons = _reasons(candidates, failed)
    named = np.any([np.zeros_like(clean), *reasons.values()], axis=0)
    rows = np.flatnonzero(~compared.unknown & (candidates.body != NO_BODY))
    return Verdicts(
        before=before[rows],
        after=(compared.apart_px / torso[:, None])[rows],
        lost=(out[:, None] | (candidates.weight <= 0))[rows],
        named=named[rows],
        clean=clean[rows],
        reasons={name: where[rows] for name, where in reasons.items()},
        touched={name: where[rows] for name, where in compared.touched.items()},
    )


def _given(recording: Recording, candidates: Candidates) -> tuple[Floats, NDArray[np.uint8]]:
    """Return the sensor's own labels (C, 13, 2), un-mirrored pixels, and their states (C, 13).

    They are those of the row nearest in time: where build corrects a lag, it takes another one.
    """
    color, bodies = recording.color, recording.bodies
    nearest, _ = pair_nearest(color["take"], color["time_device"], bodies.take, bodies.time_device)
    body, slot = nearest[candidates.frame].clip(min=0), candidates.slot
    same = bodies.tracking_id[body, slot] == bodies.tracking_id[candidates.body.clip(min=0), slot]
    same &= nearest[candidates.frame] != NO_BODY
    points = np.where(same[:, None, None], bodies.points[body, slot].astype(np.float64), np.nan)
    if recording.mirrored:
        points = unmirror_points(points, recording.size_px[0])
    return points, np.where(same[:, None], bodies.state[body, slot], 0)


def _inside(points: Floats, size_px: tuple[int, int]) -> Bools:
    """Return which points (C, 13, 2) are well inside of the picture."""
    size = np.array(size_px, np.float64)
    margin = INSIDE_SHARE * size
    return np.asarray(((points >= margin) & (points <= size - 1 - margin)).all(axis=-1))


def _reasons(candidates: Candidates, failed: dict[str, Bools]) -> dict[str, Bools]:
    """Return by filter (C, 13) the keypoints that it named; a whole row counts for all of its."""
    found = {
        name: has_flag(candidates.keypoint_quality, name)
        for name in KEYPOINT_BITS
        if name not in _NO_FILTER
    }
    for name, where in failed.items():
        if name in _TOO_FEW:
            continue
        whole = np.repeat(where[:, None], candidates.weight.shape[1], axis=1)
        found[name] = found[name] | whole if name in found else whole
    return found
