"""Follow people from frame to frame: boxes from the last pose, ids by overlap and by likeness.

The detector is asked every ``detect_every`` frames, and when a track was lost or is unsure.
Between, the box of a frame is that of the pose before, 1.25 times as large. A person keeps an id
for a second without being seen.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from ..core.geometry import scale_box, square_box
from ..core.oks_sigmas import oks_sigmas
from ..core.skeleton import KEYPOINTS_13, Skeleton
from ..engines.box_from_pose import box_of_pose
from ..engines.crop import cut_crops, to_image
from ..engines.detection import Detection
from ..engines.engine import Images, PoseEngine

Box = npt.NDArray[np.float64]
Pose = npt.NDArray[np.float64]

FROM_DETECTOR: Final = "detector"
FROM_TRACK: Final = "track"

DETECTION_SCALE: Final = 1.2
"""A detection is a tight box; nets were trained on boxes this much larger."""


@dataclass(frozen=True)
class TrackSettings:
    """Settings of tracking.

    Attributes:
        persons: Most people to follow; the biggest and longest seen are kept.
        detect_every: Frames between two calls of the detector while all is well; with 1 every box
            is the detector's.
        unsure: A track whose mean confidence is lower asks for the detector.
        lost: A track whose mean confidence is lower is lost.
        same_iou: A detection belongs to a track whose box overlaps with it by this much.
        drifted_iou: A track whose box overlaps less with its detection begins from it again.
        most_unsupported: A track is lost after this many calls of the detector in a row that found
            people elsewhere alone: a net can be sure of a person who is not there.
        same_oks: Two tracks whose poses are this alike follow one person; the newer one ends.
        keep_s: Seconds that a lost person keeps the id.
    """

    persons: int = 1
    detect_every: int = 10
    unsure: float = 0.3
    lost: float = 0.1
    same_iou: float = 0.3
    drifted_iou: float = 0.5
    most_unsupported: int = 2
    same_oks: float = 0.6
    keep_s: float = 1.0


@dataclass(frozen=True)
class TrackedPerson:
    """A person in one frame.

    Attributes:
        id: Stays with the person; from 1.
        bbox_xyxy_px: (4,) the box that the net looked at.
        box_from: ``FROM_DETECTOR`` or ``FROM_TRACK``.
        score: Mean confidence.
        keypoints_px: (K, 2) float64, pixels of the image.
        confidence: (K,) in [0, 1].
    """

    id: int
    bbox_xyxy_px: Box
    box_from: str
    score: float
    keypoints_px: Pose
    confidence: npt.NDArray[np.float64]


@dataclass
class FollowedPerson:
    """A person who is followed, or was lost a moment ago.

    Attributes:
        id: Of the person.
        box: The box that is looked at next.
        pose_px: The last pose.
        velocity: (2,) pixels a second, of the middle of the pose.
        seen_s: When the person was last seen.
        area: Of the largest box yet.
        frames: Number of frames in which the person was seen.
        is_lost: True while the person is not seen.
        is_unsure: True after a pose of low confidence.
        unsupported: Calls of the detector in a row that found people, but not here.
    """

    id: int
    box: Box
    pose_px: Pose
    seen_s: float
    velocity: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    area: float = 0.0
    frames: int = 0
    is_lost: bool = False
    is_unsure: bool = False
    unsupported: int = 0


_Boxes = dict[int, tuple[Box, str, bool]]
"""By id of a track: the box to look at, where it is from, and True if it is rough."""

Detect = Callable[[], Sequence[Detection]]


class Tracker:
    """Follows people through the frames of one source.

    Args:
        engine: Finds the pose in a crop.
        settings: Of tracking; None for the defaults.
        skeleton: The keypoints of the engine.
    """

    def __init__(
        self,
        engine: PoseEngine,
        settings: TrackSettings | None = None,
        skeleton: Skeleton = KEYPOINTS_13,
    ) -> None:
        self._engine = engine
        self._settings = settings or TrackSettings()
        self._sigma = oks_sigmas(skeleton)
        self._tracks: list[FollowedPerson] = []
        self._next_id = 1
        self._since_detection = self._settings.detect_every

    def step(self, image: Images, time_s: float, detect: Detect) -> list[TrackedPerson]:
        """Return the people of the next frame.

        Args:
            image: (H, W, 3) uint8, RGB.
            time_s: Of the frame, later than that of the frame before.
            detect: Runs the detector on the frame; called only when it is needed.
        """
        keep_s = self._settings.keep_s
        self._tracks = [t for t in self._tracks if not t.is_lost or time_s - t.seen_s <= keep_s]
        followed = [t for t in self._tracks if not t.is_lost]
        boxes = {t.id: (self._moved(t, time_s), FROM_TRACK, False) for t in followed}
        if self._wants_detector(followed):
            self._since_detection = 0
            boxes = self._with_detections(boxes, detect(), time_s)
        self._since_detection += 1
        return self._look(image, time_s, boxes)

    def _wants_detector(self, followed: list[FollowedPerson]) -> bool:
        settings = self._settings
        return (
            self._since_detection >= settings.detect_every
            or not followed
            or any(t.is_unsure or t.unsupported for t in followed)
            or any(t.is_lost for t in self._tracks)
        )

    def _with_detections(
        self, boxes: _Boxes, detections: Sequence[Detection], time_s: float
    ) -> _Boxes:
        """Return the boxes with those of people who are new, found again, or were followed badly.

        A track that is well keeps its own box: it is nearer to the person than a detector's.
        """
        settings = self._settings
        known = {t.id: t for t in self._tracks}
        free = dict.fromkeys(known)
        boxes = dict(boxes)
        for found in sorted(detections, key=lambda one: -one.score):
            box = _grown(found.bbox_xyxy_px)
            likeness = [
                (_iou(box, boxes[k][0] if k in boxes else self._moved(known[k], time_s)), k)
                for k in free
            ]
            overlap, best = max(likeness, default=(0.0, 0))
            if overlap >= settings.same_iou:
                free.pop(best)
                drifted = overlap < settings.drifted_iou
                if (
                    settings.detect_every == 1
                    or drifted
                    or known[best].is_lost
                    or known[best].is_unsure
                ):
                    boxes[best] = (box, FROM_DETECTOR, found.is_rough)
            else:
                boxes[self._next_id] = (box, FROM_DETECTOR, found.is_rough)
                self._next_id += 1
        return self._without_unsupported(boxes, free, detections)

    def _without_unsupported(
        self, boxes: _Boxes, free: Mapping[int, None], detections: Sequence[Detection]
    ) -> _Boxes:
        """Return the boxes without those of tracks that the detector has not found for long.

        Args:
            boxes: The boxes to look at.
            free: Tracks that no detection belongs to.
            detections: What the detector found; rough boxes say nothing of where people are not.
        """
        if not detections or any(found.is_rough for found in detections):
            return boxes
        for track in self._tracks:
            track.unsupported = track.unsupported + 1 if track.id in free else 0
            if track.unsupported >= self._settings.most_unsupported:
                boxes.pop(track.id, None)
        return boxes

    def _look(self, image: Images, time_s: float, boxes: _Boxes) -> list[TrackedPerson]:
        """Run the net in boxes, and update the tracks."""
        people = self._poses(image, boxes)
        # the second look at a person in a rough box is from the pose itself
        fresh: _Boxes = {
            one.id: (box_of_pose(one.keypoints_px), one.box_from, False)
            for one in people
            if boxes[one.id][2] and self._is_there(one, image)
        }
        again = {one.id: one for one in self._poses(image, fresh)}
        people = [again.get(one.id, one) for one in people]
        kept = self._one_each([one for one in people if self._is_there(one, image)])
        for one in kept:
            self._update(one, time_s)
        seen = {one.id for one in kept}
        for track in self._tracks:
            track.is_lost = track.id not in seen
        return kept

    def _poses(self, image: Images, boxes: _Boxes) -> list[TrackedPerson]:
        stacked = np.array([box for box, _, _ in boxes.values()]).reshape(-1, 4)
        crops, shown = cut_crops(image, stacked, self._engine.size)
        result = self._engine.poses(crops)
        poses = to_image(result.coords, shown)
        confidence = result.confidence.astype(np.float64)
        return [
            TrackedPerson(k, shown[n], origin, float(confidence[n].mean()), poses[n], confidence[n])
            for n, (k, (_, origin, _)) in enumerate(boxes.items())
        ]

    def _is_there(self, person: TrackedPerson, image: Images) -> bool:
        """Return True if a pose is confident enough, finite, and half of it is in the image."""
        pose = person.keypoints_px
        if not np.isfinite(pose).all() or person.score < self._settings.lost:
            return False
        inside = (pose >= -0.5).all(axis=1) & (pose < np.array(image.shape[1::-1]) - 0.5).all(
            axis=1
        )
        return bool(inside.mean() >= 0.5)

    def _one_each(self, people: list[TrackedPerson]) -> list[TrackedPerson]:
        """Leave out people whom an older track follows already, and those who are too many."""
        tracks = {t.id: t for t in self._tracks}

        def rank(person: TrackedPerson) -> float:
            track = tracks.get(person.id)
            area = _area(person.bbox_xyxy_px)
            return area if track is None else max(area, track.area) * (1 + track.frames)

        kept: list[TrackedPerson] = []
        for one in sorted(people, key=lambda person: (-rank(person), person.id)):
            alike = any(self._oks(one, other) >= self._settings.same_oks for other in kept)
            if not alike and len(kept) < self._settings.persons:
                kept.append(one)
        return sorted(kept, key=lambda person: person.id)

    def _oks(self, one: TrackedPerson, other: TrackedPerson) -> float:
        """Return how alike two poses are, by the smaller of both."""
        squared = ((one.keypoints_px - other.keypoints_px) ** 2).sum(axis=1)
        area = min(_area(_tight(one.keypoints_px)), _area(_tight(other.keypoints_px)))
        return float(np.exp(-squared / (2 * (2 * self._sigma) ** 2 * max(area, 1.0))).mean())

    def _update(self, person: TrackedPerson, time_s: float) -> None:
        track = next((t for t in self._tracks if t.id == person.id), None)
        pose = person.keypoints_px
        if track is None:
            track = FollowedPerson(person.id, person.bbox_xyxy_px, pose, time_s)
            self._tracks.append(track)
        step_s = time_s - track.seen_s
        if step_s > 0:
            moved = (pose.mean(axis=0) - track.pose_px.mean(axis=0)) / step_s
            track.velocity = 0.5 * (track.velocity + moved)
        track.pose_px, track.seen_s = pose, time_s
        track.box = box_of_pose(pose)
        track.area = max(track.area, _area(track.box))
        track.frames += 1
        track.is_unsure = person.score < self._settings.unsure

    def _moved(self, track: FollowedPerson, time_s: float) -> Box:
        """Return the box where the person is expected: carefully, but for one who is lost."""
        since_s = time_s - track.seen_s
        step = track.velocity * (since_s if track.is_lost else 0.5 * min(since_s, 0.1))
        moved: Box = track.box + np.tile(step, 2)
        return moved


def _grown(tight: Box) -> Box:
    """Return the square box that a net looks at, of a tight one."""
    return square_box(scale_box(tight, DETECTION_SCALE))


def _tight(pose_px: Pose) -> Box:
    box: Box = np.concatenate([pose_px.min(axis=0), pose_px.max(axis=0)])
    return box


def _area(box: Box) -> float:
    return float(max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0))


def _iou(one: Box, other: Box) -> float:
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    both = float(np.maximum(high - low, 0.0).prod())
    return both / max(_area(one) + _area(other) - both, 1e-9)
