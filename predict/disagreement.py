"""Disagreement of nets and labels: scores of keypoints, and ranges of frames to look at.

Pure functions over the rows of one session. N rows, 13 keypoints.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..core.skeleton import KEYPOINT_NAMES, KEYPOINTS_13, TORSO
from ..sessions.suggestions import Suggestion

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LEAST_TORSO: Final = 0.15
"""A keypoint nearer to the net's than this share of the torso is never suggested."""
LEAST_SCORE: Final = 3.0
"""Nor one whose disagreement is below this many times the usual one of its keypoint."""
_FLOOR_TORSO: Final = 0.03
"""The usual disagreement of a keypoint is taken as at least this."""
_SWAP_SAVES: Final = 0.5
_MOST_OF: Final = 0.5
_GAP_FRAMES: Final = 3
"""Frames that a suggestion may reach over without naming them."""


@dataclass(frozen=True)
class Disagreement:
    """Rows of one session beside the poses of nets.

    Attributes:
        torso: (N, 13) distance of label and net, shares of the torso; NaN where there is no label.
        score: (N, 13) how many times the usual distance of the keypoint that is; 0 without a label.
        sides: (N,) bool: the label agrees better with left and right exchanged.
    """

    torso: Floats
    score: Floats
    sides: Bools


def compare(predicted: Floats, labels: Floats, counted: Bools) -> Disagreement:
    """Compare the poses of nets with labels.

    Args:
        predicted: (N, 13, 2) pixels of the image.
        labels: (N, 13, 2) pixels of the image.
        counted: (N, 13) labels that have weight.

    Returns:
        What disagrees. The torso is the net's, as that of the label may be what is wrong.
    """
    ends = predicted[:, TORSO[0]] - predicted[:, TORSO[1]]
    length = np.linalg.norm(ends, axis=-1)
    length = np.maximum(length, 0.5 * np.median(length) if len(length) else 1.0).clip(min=1e-6)
    apart = np.linalg.norm(predicted - labels, axis=-1) / length[:, None]
    apart = np.where(counted, apart, np.nan)
    usual = np.full(apart.shape[1], _FLOOR_TORSO)
    for keypoint, column in enumerate(apart.T):
        known = column[np.isfinite(column)]
        if len(known):
            usual[keypoint] = max(_FLOOR_TORSO, float(np.median(known)))
    score = np.where(counted, apart / usual, 0.0)
    flip = KEYPOINTS_13.flip
    crossed = np.linalg.norm(predicted - labels[:, flip], axis=-1) / length[:, None]
    both = counted & counted[:, flip]
    sided = flip != np.arange(len(flip))
    straight_sum = np.where(both & sided, np.nan_to_num(apart), 0.0).sum(axis=1)
    crossed_sum = np.where(both & sided, crossed, 0.0).sum(axis=1)
    sides = (crossed_sum < _SWAP_SAVES * straight_sum) & (straight_sum > 1.0)
    return Disagreement(apart, score, sides)


def suspicious(found: Disagreement) -> Bools:
    """Return (N, 13) the keypoints that are worth a look."""
    with np.errstate(invalid="ignore"):
        return np.asarray((found.torso >= LEAST_TORSO) & (found.score >= LEAST_SCORE))


def suggest(
    found: Disagreement,
    session: str,
    uuid: str,
    take: NDArray[np.integer],
    color_seq: NDArray[np.integer],
    tracking_id: NDArray[np.integer],
    source: str,
) -> list[Suggestion]:
    """Join suspicious keypoints of one session to suggestions.

    Args:
        found: Of its N rows.
        session: Its name.
        uuid: Its uuid.
        take: (N,) number of the take.
        color_seq: (N,) colour frame.
        tracking_id: (N,) person.
        source: What disagrees.

    Returns:
        One for each run of frames of one person and kind, the highest score first. Neighbours of
        kind ``keypoints`` belong together where they share a keypoint.
    """
    named = suspicious(found)
    order = np.lexsort((color_seq, tracking_id, take))
    done: list[Suggestion] = []
    run: _SuggestionRun | None = None
    for row in order.tolist():
        keypoints = frozenset(np.flatnonzero(named[row]).tolist())
        if not keypoints and not found.sides[row]:
            continue
        kind = _kind(found, named, row)
        score = float(found.score[row].max())
        place = int(take[row]), int(tracking_id[row])
        seq = int(color_seq[row])
        if run is not None and run.goes_on(place, kind, seq, keypoints):
            run.add(seq, keypoints, score)
            continue
        if run is not None:
            done.append(run.suggestion(session, uuid, source))
        run = _SuggestionRun(place, kind, seq, seq, set(keypoints), [score])
    if run is not None:
        done.append(run.suggestion(session, uuid, source))
    return sorted(done, key=lambda one: (-one.score, one.seq_first))


def _kind(found: Disagreement, named: Bools, row: int) -> str:
    """Return the kind of a row's disagreement."""
    if found.sides[row]:
        return "sides"
    known = int(np.isfinite(found.torso[row]).sum())
    return "pose" if named[row].sum() > _MOST_OF * known else "keypoints"


@dataclass
class _SuggestionRun:
    """Rows of one person that follow each other, of one kind."""

    place: tuple[int, int]
    kind: str
    first: int
    last: int
    keypoints: set[int]
    scores: list[float]

    def goes_on(
        self, place: tuple[int, int], kind: str, seq: int, keypoints: frozenset[int]
    ) -> bool:
        """Return True if a row belongs to it."""
        if (place, kind) != (self.place, self.kind) or seq > self.last + 1 + _GAP_FRAMES:
            return False
        return kind != "keypoints" or bool(keypoints & self.keypoints)

    def add(self, seq: int, keypoints: frozenset[int], score: float) -> None:
        """Add a row."""
        self.last = seq
        self.keypoints |= keypoints
        self.scores.append(score)

    def suggestion(self, session: str, uuid: str, source: str) -> Suggestion:
        """Return it as a suggestion."""
        named: Any = sorted(self.keypoints) or range(len(KEYPOINT_NAMES))
        return Suggestion(
            session=session,
            session_uuid=uuid,
            take=self.place[0],
            seq_first=self.first,
            seq_last=self.last,
            tracking_id=self.place[1],
            keypoints=tuple(KEYPOINT_NAMES[k] for k in named),
            kind=self.kind,
            score=round(max(self.scores), 3),
            source=source,
        )
