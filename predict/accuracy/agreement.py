"""How far the people that a net found agree with those that the sensor saw."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...core.geometry import scale_box, tight_box
from ...core.skeleton import KEYPOINTS_13
from ...train.metrics.pck import THRESHOLDS, Score, score
from ..sources.frame_source import SensorPose
from ..tracks import TrackedPerson

Pose = npt.NDArray[np.float64]

RUNNING_FRAMES: Final = 300
"""Frames that the running figures are of; 10 s of a sensor."""
_NEAR_TORSO: Final = 1.0
"""A person is taken for the sensor's if the keypoints are this near in the mean, in torsos."""
_LEAST_TORSO_PX: Final = 4.0


@dataclass(frozen=True)
class MatchedPerson:
    """A person of the sensor, with the one that the net found there.

    Attributes:
        truth_px: (13, 2) float64, NaN where unknown.
        counted: (13,) bool, tracked by the sensor.
        found: None: the net missed the person.
    """

    truth_px: Pose
    counted: npt.NDArray[np.bool_]
    found: TrackedPerson | None


def match_people(
    people: Sequence[TrackedPerson], sensor: Sequence[SensorPose]
) -> list[MatchedPerson]:
    """Give each person of the sensor the nearest one that was found; no one is given twice."""
    free = list(people)
    matched = []
    for one in sorted(sensor, key=lambda person: -int(person.trusted.sum())):
        far = [_distance_torso(person.keypoints_px, one) for person in free]
        best = int(np.argmin(far)) if far else -1
        found = free.pop(best) if best >= 0 and far[best] <= _NEAR_TORSO else None
        matched.append(MatchedPerson(one.keypoints_px, one.trusted, found))
    return matched


def person_box(person: SensorPose) -> npt.NDArray[np.float64]:
    """Return the box (4,) of a person for the detector report: 1.2 times that of the keypoints."""
    known = np.asarray(np.isfinite(person.keypoints_px).all(axis=1), np.bool_)
    box: npt.NDArray[np.float64] = np.asarray(
        scale_box(tight_box(np.nan_to_num(person.keypoints_px), known)), np.float64
    )
    return box


@dataclass
class Agreement:
    """Collects people, and gives PCK of the newest of them or of all.

    Attributes:
        matched: For each frame with people of the sensor, those people.
        extra: People that were found where the sensor saw none.
    """

    matched: list[list[MatchedPerson]] = field(default_factory=list)
    extra: int = 0

    def add(self, people: Sequence[TrackedPerson], sensor: Sequence[SensorPose]) -> None:
        """Take in a frame."""
        found = match_people(people, sensor)
        self.extra += len(people) - sum(one.found is not None for one in found)
        if found:
            self.matched.append(found)

    def score(self, newest: int | None = None, *, missed_count: bool = True) -> Score:
        """Return PCK and median error.

        Args:
            newest: Only of this many frames, the last ones; None: of all.
            missed_count: True if keypoints of missed people count as wrong.
        """
        frames = self.matched if newest is None else self.matched[-newest:]
        people = [one for frame in frames for one in frame if missed_count or one.found is not None]
        nothing = np.full((len(KEYPOINTS_13), 2), np.nan)
        poses = [nothing if one.found is None else one.found.keypoints_px for one in people]
        shape = (-1, len(KEYPOINTS_13), 2)
        return score(
            np.array(poses).reshape(shape),
            np.array([one.truth_px for one in people]).reshape(shape),
            np.array([one.counted for one in people], bool).reshape(shape[:2]),
        )

    def running_text(self) -> str:
        """Return the running figures in a few words, for the screen."""
        found = self.score(RUNNING_FRAMES)
        parts = []
        for a in THRESHOLDS[:2]:
            share = found.pck[f"{a:g}"]["all"]
            parts.append(f"@{a:g} {'-' if share is None else f'{share:.1f}'}")
        return f"PCK {', '.join(parts)} against the sensor"

    def to_json(self) -> dict[str, Any]:
        """Return the figures of all frames."""
        everyone = [one for frame in self.matched for one in frame]
        total, found = self.score(), self.score(missed_count=False)
        return {
            "frames": len(self.matched),
            "people": len(everyone),
            "missed": sum(one.found is None for one in everyone),
            "extra": self.extra,
            "pck": total.pck,
            "pck_found": found.pck,
            "median_error_torso": found.median_error_torso,
        }


def _distance_torso(pose_px: Pose, person: SensorPose) -> float:
    """Return the mean distance of the sensor's known keypoints, in torsos."""
    known = np.isfinite(person.keypoints_px).all(axis=1) & np.isfinite(pose_px).all(axis=1)
    if not known.any():
        return np.inf
    far = np.hypot(*(pose_px[known] - person.keypoints_px[known]).T)
    a, b = KEYPOINTS_13.torso_indices
    torso = np.nan_to_num(np.hypot(*(pose_px[a] - pose_px[b])))
    return float(far.mean() / max(torso, _LEAST_TORSO_PX))
