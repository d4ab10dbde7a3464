"""Distance of labels from the ground truth, which is known for sessions of the simulator.

The truth belongs to a simulated session and never decides what is kept. It shows what the filters
are worth: how exact the kept keypoints are, and of the labels that a fault made wrong, how many
were kept.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..core.geometry import Floats, unmirror_points
from ..core.pairing import NO_BODY
from ..core.skeleton import GROUPS, KEYPOINT_JOINT, TORSO
from ..sessions.truth import SessionTruth
from .candidates import Candidates
from .filters import Bools
from .session_data import Recording

WRONG_SHARE: Final = 0.2
"""A label is wrong where it lies farther from the truth than this share of the torso diagonal."""
NO_FAULT: Final = "none"
"""Name under which labels without a fault are counted."""
TERMS: Final = (
    "pixels of the un-mirrored colour image from a label to the simulator's truth in the same "
    f"picture; wrong: farther than {WRONG_SHARE} of the true torso diagonal |r_shoulder - l_hip|"
)


@dataclass(frozen=True)
class Labels:
    """The labels of one session's candidates, beside the truth.

    Attributes:
        true_px: (C, 13, 2) the truth, un-mirrored pixels; NaN where it does not know the person.
        apart_px: (C, 13) from label to truth; NaN where one of them has no position.
        wrong: (C, 13) farther than ``WRONG_SHARE`` of the torso.
        kept: (C, 13) the candidate is in the data set and the label has weight.
        touched: By the fault's name (C,) whether it touched the picture or the body row.
        unknown: (C,) the candidate is in the data set and the truth does not know the person.
    """

    true_px: Floats
    apart_px: Floats
    wrong: Bools
    kept: Bools
    touched: dict[str, Bools]
    unknown: Bools


def compare_labels(
    recording: Recording, candidates: Candidates, kept: Bools, truth: SessionTruth
) -> Labels:
    """Lay the labels of a session beside the truth.

    Args:
        recording: The session.
        candidates: Its C candidates.
        kept: (C,) those that are in the data set.
        truth: The ground truth.

    Returns:
        The labels. The picture says where a person is: the truth is that of the colour frame. Who
        it is, the body row says by slot and tracking id.
    """
    color_seq = recording.color["seq"][candidates.frame]
    picture = _row_of(truth.color["seq"], color_seq)
    has_body = candidates.body != NO_BODY
    body = np.where(has_body, candidates.body, 0)
    body_seq = np.zeros(len(body), np.uint64)
    if len(recording.bodies.seq):
        body_seq = recording.bodies.seq[body]
    row = _row_of(truth.bodies["seq"], body_seq)
    person, known = _person(recording, candidates, body, row, truth)
    known &= has_body & (picture >= 0)
    true = np.full((len(known), len(KEYPOINT_JOINT), 2), np.nan)
    true[known] = truth.color["joint_color_px"][picture[known], person[known]][:, KEYPOINT_JOINT]
    if recording.mirrored:
        true = unmirror_points(true, recording.size_px[0])
    with np.errstate(invalid="ignore"):
        apart = np.linalg.norm(candidates.points - true, axis=-1)
        torso = np.linalg.norm(true[:, TORSO[0]] - true[:, TORSO[1]], axis=-1)
        wrong = apart > WRONG_SHARE * torso[:, None]
    return Labels(
        true_px=true,
        apart_px=apart,
        wrong=wrong,
        kept=kept[:, None] & (candidates.weight > 0) & np.isfinite(apart),
        touched={
            name: (_faults(truth.color, picture) | _faults(truth.bodies, row)) >> bit & 1 == 1
            for name, bit in truth.names.items()
        },
        unknown=kept & ~known,
    )


def _row_of(seqs: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return (C,) the place of each wanted seq among the truth's, -1 where it has none."""
    if not len(seqs):
        return np.full(len(wanted), -1, np.int64)
    order = np.argsort(seqs, kind="stable")
    place = order[np.searchsorted(seqs, wanted, sorter=order).clip(max=len(seqs) - 1)]
    return np.where(seqs[place] == wanted, place, -1)


def _person(
    recording: Recording,
    candidates: Candidates,
    body: NDArray[np.int64],
    row: NDArray[np.int64],
    truth: SessionTruth,
) -> tuple[NDArray[np.int64], Bools]:
    """Return (C,) which of the truth's people each candidate is, and (C,) whether it is any."""
    if not len(truth.bodies) or not len(recording.bodies.seq):
        return np.zeros(len(body), np.int64), np.zeros(len(body), np.bool_)
    tracking_id = recording.bodies.tracking_id[body, candidates.slot]
    at = row.clip(min=0)
    same = (truth.bodies["slot"][at] == candidates.slot[:, None]) & (
        truth.bodies["tracking_id"][at] == tracking_id[:, None]
    )
    return np.argmax(same, axis=1).astype(np.int64), same.any(axis=1) & (row >= 0)


def _faults(rows: NDArray[Any], place: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Return (C,) the bits of the faults that touched each item."""
    if not len(rows):
        return np.zeros(len(place), np.uint32)
    return np.where(place >= 0, rows["faults"][place.clip(min=0)], 0).astype(np.uint32)


def label_error(sessions: dict[str, Labels]) -> dict[str, Any]:
    """Sum up the labels of some sessions.

    Args:
        sessions: Their labels, by name.

    Returns:
        ``terms``; ``sessions``; over the kept labels ``labels``, ``median_px``, ``p95_px`` and
        ``wrong``, and the same by keypoint group in ``groups``; ``faults``: by name, of the labels
        that it touched how many there are, how many are wrong, and of the wrong ones how many are
        kept and how many rejected (by weight 0 or with their frame), and how many right ones were
        rejected; ``unknown``: kept candidates that the truth does not know.
    """
    parts = list(sessions.values())
    apart, wrong, kept = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("apart_px", "wrong", "kept")
    )
    names = list(dict.fromkeys(name for part in parts for name in part.touched))
    touched = {name: np.concatenate([_touched(part, name) for part in parts]) for name in names}
    untouched = ~np.any([*touched.values(), np.zeros(len(apart), np.bool_)], axis=0)
    return {
        "terms": TERMS,
        "sessions": list(sessions),
        **_error(apart[kept], wrong[kept]),
        "groups": {
            group: _error(apart[:, points][kept[:, points]], wrong[:, points][kept[:, points]])
            for group, points in ((group, list(points)) for group, points in GROUPS.items())
        },
        "faults": {
            name: _counts(apart[rows], wrong[rows], kept[rows])
            for name, rows in {NO_FAULT: untouched, **touched}.items()
            if rows.any()
        },
        "unknown": sum(int(part.unknown.sum()) for part in parts),
    }


def _touched(part: Labels, name: str) -> Bools:
    """Return which candidates of a session a fault touched."""
    return part.touched.get(name, np.zeros(len(part.unknown), np.bool_))


def _error(apart: Floats, wrong: Bools) -> dict[str, Any]:
    """Sum up some labels."""
    return {
        "labels": len(apart),
        "median_px": round(float(np.median(apart)), 3) if len(apart) else None,
        "p95_px": round(float(np.percentile(apart, 95)), 3) if len(apart) else None,
        "wrong": int(wrong.sum()),
    }


def _counts(apart: Floats, wrong: Bools, kept: Bools) -> dict[str, int]:
    """Count the labels of some candidates."""
    there = np.isfinite(apart)
    return {
        "labels": int(there.sum()),
        "wrong": int(wrong.sum()),
        "wrong_kept": int((wrong & kept).sum()),
        "wrong_rejected": int((wrong & ~kept).sum()),
        "right_rejected": int((there & ~wrong & ~kept).sum()),
    }
