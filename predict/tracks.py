"""Follow people from frame to frame: boxes from the last pose, ids by overlap and by likeness.

The detector is asked every ``detect_every`` frames, and when a track was lost or is unsure.
Between, the box of a frame is that of the pose before, 1.15 times as large. A person keeps an id
for a second without being seen. Where people meet, ``identities`` says who is who.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from ..core.geometry import scale_box, square_box
from ..core.oks_sigmas import oks_sigmas
from ..core.skeleton import KEYPOINTS_13, Skeleton
from ..engines.box_from_pose import box_of_pose
from ..engines.crop import cut_crops, to_image
from ..engines.detection import Detection
from ..engines.engine import FollowingEngine, Images, PoseEngine, PoseResult
from .appearance import Look, look_of
from .followed_person import FollowedPerson, area_of, iou, tight_box_of
from .identities import note_contacts, settle

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


_Boxes = dict[int, tuple[Box, str, bool]]
"""By id of a track, or below 0 for a newcomer: the box, where it is from, True if it is rough."""

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
        boxes = {t.id: (t.moved(time_s), FROM_TRACK, False) for t in followed}
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
        grown = [_grown(found.bbox_xyxy_px) for found in detections]
        expected = {k: boxes[k][0] if k in boxes else known[k].moved(time_s) for k in free}
        pairs = [(iou(box, expected[k]), n, k) for n, box in enumerate(grown) for k in expected]
        left = dict.fromkeys(range(len(grown)))
        # the best pair first, so that the order of the detections does not matter
        for overlap, n, k in sorted(pairs, key=lambda pair: -pair[0]):
            if overlap < settings.same_iou or n not in left or k not in free:
                continue
            del left[n], free[k]
            drifted, track = overlap < settings.drifted_iou, known[k]
            if settings.detect_every == 1 or drifted or track.is_lost or track.is_unsure:
                boxes[k] = (grown[n], FROM_DETECTOR, detections[n].is_rough)
            elif not detections[n].is_rough:
                track.fit_size(float(grown[n][2] - grown[n][0]))
                boxes[k] = (track.moved(time_s), FROM_TRACK, False)
        for n in left:
            boxes[-1 - n] = (grown[n], FROM_DETECTOR, detections[n].is_rough)
        return self._without_unsupported(boxes, free, detections, time_s)

    def _without_unsupported(
        self,
        boxes: _Boxes,
        free: Mapping[int, None],
        detections: Sequence[Detection],
        time_s: float,
    ) -> _Boxes:
        """Return the boxes without those of tracks that the detector has not found for long.

        Args:
            boxes: The boxes to look at.
            free: Tracks that no detection belongs to.
            detections: What the detector found; rough boxes say nothing of where people are not.
            time_s: Of the frame.
        """
        if any(found.is_rough for found in detections):
            return boxes
        for track in self._tracks:
            if track.id not in free or not np.isfinite(track.supported_s):
                track.supported_s = time_s
            if detections:
                track.unsupported = track.unsupported + 1 if track.id in free else 0
            # a detector that finds no one at all is believed only after a while
            if (
                track.unsupported >= self._settings.most_unsupported
                or time_s - track.supported_s > self._settings.keep_s
            ):
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
        if fresh:
            again = {one.id: one for one in self._poses(image, fresh)}
            people = [again.get(one.id, one) for one in people]
        people = self._one_each([one for one in people if self._is_there(one, image)])
        looks: dict[int, Look] = {}
        if self._settings.persons > 1:
            people, looks = self._who_is_who(image, people, time_s)
        people = sorted(people, key=lambda one: (-self._rank(one), one.id < 0, abs(one.id)))
        kept = []
        for one in people[: self._settings.persons]:
            person = one
            if one.id < 0:
                person = replace(one, id=self._next_id)
                self._next_id += 1
            kept.append(person)
            self._update(person, time_s, looks.get(one.id))
        seen = {one.id for one in kept}
        for track in self._tracks:
            track.is_lost = track.id not in seen
        return sorted(kept, key=lambda one: one.id)

    def _who_is_who(
        self, image: Images, people: list[TrackedPerson], time_s: float
    ) -> tuple[list[TrackedPerson], dict[int, Look]]:
        """Return people with the ids that fit them best, and their looks by id."""
        note_contacts(self._tracks, time_s)
        looks = [look_of(image, one.keypoints_px) for one in people]
        found = [(one.id, one.keypoints_px, look) for one, look in zip(people, looks, strict=True)]
        ids = settle(found, self._tracks, time_s)
        named = [replace(one, id=k) for one, k in zip(people, ids, strict=True) if k is not None]
        return named, {k: look for k, look in zip(ids, looks, strict=True) if k is not None}

    def _poses(self, image: Images, boxes: _Boxes) -> list[TrackedPerson]:
        stacked = np.array([box for box, _, _ in boxes.values()]).reshape(-1, 4)
        crops, shown = cut_crops(image, stacked, self._engine.size)
        result = self._run(crops, boxes, shown)
        poses = to_image(result.coords, shown)
        confidence = result.confidence.astype(np.float64)
        return [
            TrackedPerson(k, shown[n], origin, float(confidence[n].mean()), poses[n], confidence[n])
            for n, (k, (_, origin, _)) in enumerate(boxes.items())
        ]

    def _run(self, crops: Images, boxes: _Boxes, shown: Box) -> PoseResult:
        """Return the poses in crops, from those of the frame before where the net takes them."""
        if not isinstance(self._engine, FollowingEngine):
            return self._engine.poses(crops)
        previous = np.zeros((len(boxes), len(self._engine.keypoint_names), 3), np.float32)
        last = {track.id: track.pose_px for track in self._tracks if not track.is_lost}
        for n, (k, (_, origin, _)) in enumerate(boxes.items()):
            # a box of the detector begins anew: the last pose may be someone else's
            if origin == FROM_TRACK and k in last:
                corner, side = shown[n, :2], shown[n, 2] - shown[n, 0]
                previous[n, :, :2] = (last[k] - corner) / side
                previous[n, :, 2] = 1
        return self._engine.poses_after(crops, previous)

    def _is_there(self, person: TrackedPerson, image: Images) -> bool:
        """Return True if a pose is confident enough, finite, and half of it is in the image."""
        if not person.score >= self._settings.lost:
            return False
        (x, y), (height, width) = person.keypoints_px.T, image.shape[:2]
        inside = (x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5)
        return 2 * int(np.count_nonzero(inside)) >= len(x) and bool(
            np.isfinite(person.keypoints_px).all()
        )

    def _one_each(self, people: list[TrackedPerson]) -> list[TrackedPerson]:
        """Leave out people whom an older track follows already."""
        if len(people) < 2:
            return people
        kept: list[TrackedPerson] = []
        for one in sorted(people, key=lambda person: (-self._rank(person), person.id)):
            if not any(self._oks(one, other) >= self._settings.same_oks for other in kept):
                kept.append(one)
        return kept

    def _rank(self, person: TrackedPerson) -> float:
        """Return how large the person is, and for how long the person has been seen."""
        track = next((t for t in self._tracks if t.id == person.id), None)
        area = area_of(person.bbox_xyxy_px)
        return area if track is None else max(area, track.area) * (1 + track.frames)

    def _oks(self, one: TrackedPerson, other: TrackedPerson) -> float:
        """Return how alike two poses are, by the smaller of both."""
        squared = ((one.keypoints_px - other.keypoints_px) ** 2).sum(axis=1)
        area = min(area_of(tight_box_of(p.keypoints_px)) for p in (one, other))
        return float(np.exp(-squared / (2 * (2 * self._sigma) ** 2 * max(area, 1.0))).mean())

    def _update(self, person: TrackedPerson, time_s: float, look: Look | None) -> None:
        track = next((t for t in self._tracks if t.id == person.id), None)
        if track is None:
            track = FollowedPerson(person.id, person.bbox_xyxy_px, person.keypoints_px, time_s)
            self._tracks.append(track)
        track.update(person.keypoints_px, time_s, look)
        track.is_unsure = person.score < self._settings.unsure


def _grown(tight: Box) -> Box:
    """Return the square box that a net looks at, of a tight one."""
    return square_box(scale_box(tight, DETECTION_SCALE))
