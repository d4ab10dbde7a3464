"""Tracking: boxes from the pose before, ids that stay, the detector asked when it is needed."""

import numpy as np
import pytest

from kincap.core.skeleton import KEYPOINTS_13
from kincap.engines.detection import Detection
from kincap.engines.engine import Images, PoseResult
from kincap.predict.tracks import FROM_DETECTOR, FROM_TRACK, Tracker, TrackSettings

BODY = np.array(
    [[0, -0.9], [-0.2, -0.6], [-0.3, -0.3], [-0.3, 0], [0.2, -0.6], [0.3, -0.3], [0.3, 0]]
    + [[-0.15, 0], [-0.15, 0.45], [-0.15, 0.9], [0.15, 0], [0.15, 0.45], [0.15, 0.9]]
)
SIDE = 100.0


class Shapes:
    """An engine for pictures in which each person is a rectangle of one grey value.

    It sees the person of its crop whose rectangle is nearest to the middle, as a net does.
    """

    size = 64
    keypoint_names = KEYPOINTS_13.points

    def poses(self, crops: Images) -> PoseResult:
        coords = np.zeros((len(crops), 13, 2), np.float32)
        confidence = np.zeros((len(crops), 13), np.float32)
        for n, crop in enumerate(crops):
            best = np.inf
            for grey in np.unique(crop[..., 0])[1:]:
                y, x = np.nonzero(crop[..., 0] == grey)
                if len(x) < 20:
                    continue
                low = np.array([x.min(), y.min()]) / 64
                high = (np.array([x.max(), y.max()]) + 1) / 64
                middle = (low + high) / 2
                far = np.abs(middle - 0.5).sum()
                if far < best:
                    best = far
                    coords[n] = middle + BODY * (high - low).max() / 1.8
                    confidence[n] = 0.9
        return PoseResult(coords, confidence)


def picture(*people: tuple[float, float], shade: int = 100, apart: int = 60) -> Images:
    image = np.zeros((300, 600, 3), np.uint8)
    for number, (x, y) in enumerate(people):
        x0, y0 = round(x - SIDE / 3), round(y - SIDE / 2)
        image[max(y0, 0) : y0 + 100, max(x0, 0) : x0 + 66] = shade + apart * number
    return image


def boxes(*people: tuple[float, float]) -> list[Detection]:
    return [
        Detection(np.array([x - SIDE / 3, y - SIDE / 2, x + SIDE / 3, y + SIDE / 2]), 0.9)
        for x, y in people
    ]


class Asked:
    """A detector that counts how often it is asked."""

    def __init__(self, *people: tuple[float, float]) -> None:
        self.people, self.times = people, 0

    def __call__(self) -> list[Detection]:
        self.times += 1
        return boxes(*self.people)


def test_the_detector_is_asked_every_tenth_frame_and_the_box_follows_the_pose() -> None:
    tracker, asked = Tracker(Shapes()), 0
    for n in range(31):
        at = (100.0 + 8 * n, 150.0)
        detect = Asked(at)
        found = tracker.step(picture(at), n / 30, detect)
        asked += detect.times
        assert [one.id for one in found] == [1]
        assert found[0].box_from == (FROM_DETECTOR if n == 0 else FROM_TRACK)
        assert np.abs(found[0].keypoints_px.mean(axis=0) - (at + BODY.mean(axis=0) * 55)).max() < 6
    assert asked == 4


def test_no_one_is_no_one_and_the_detector_is_asked_again() -> None:
    tracker, detect = Tracker(Shapes()), Asked()
    assert [tracker.step(picture(), n / 30, detect) for n in range(5)] == [[]] * 5
    assert detect.times == 5


@pytest.mark.parametrize(("away_s", "same"), [(0.5, True), (1.5, False)])
def test_a_person_who_comes_back_within_a_second_keeps_the_id(away_s: float, same: bool) -> None:
    tracker, at = Tracker(Shapes()), (200.0, 150.0)
    tracker.step(picture(at), 0.0, Asked(at))
    for n in range(1, round(away_s * 30)):
        assert tracker.step(picture(), n / 30, Asked()) == []
    found = tracker.step(picture(at), away_s, Asked(at))
    assert [one.id == 1 for one in found] == [same]


def test_two_people_have_two_ids_and_one_box_never_follows_both() -> None:
    tracker = Tracker(Shapes(), TrackSettings(persons=2))
    for n in range(30):
        people = (120.0 + 2 * n, 150.0), (400.0 - 2 * n, 150.0)
        found = tracker.step(picture(*people), n / 30, Asked(*people))
        assert [one.id for one in found] == [1, 2]
        assert [round(float(one.keypoints_px[:, 0].mean())) for one in found] == pytest.approx(
            [people[0][0], people[1][0]], abs=8
        )


def test_of_more_people_than_asked_for_the_one_seen_longest_is_kept() -> None:
    tracker = Tracker(Shapes(), TrackSettings(persons=1, detect_every=1))
    first = (120.0, 150.0)
    for n in range(5):
        tracker.step(picture(first), n / 30, Asked(first))
    both = first, (400.0, 150.0)
    for n in range(5, 10):
        found = tracker.step(picture(*both), n / 30, Asked(*both))
        assert [one.id for one in found] == [1]


def test_a_track_that_drifted_from_its_detection_begins_again() -> None:
    at: tuple[float, float] = (200.0, 150.0)
    tracker = Tracker(Shapes(), TrackSettings(detect_every=2))
    tracker.step(picture(at), 0.0, Asked(at))
    moved = (250.0, 150.0)
    tracker.step(picture(moved), 1 / 30, Asked(moved))
    found = tracker.step(picture((297.0, 150.0)), 2 / 30, Asked((302.0, 150.0)))
    assert [(one.id, one.box_from) for one in found] == [(1, FROM_DETECTOR)]


def test_poses_without_confidence_or_outside_of_the_image_are_no_one() -> None:
    class Unsure(Shapes):
        def poses(self, crops: Images) -> PoseResult:
            found = super().poses(crops)
            return PoseResult(found.coords, found.confidence * np.float32(0.05))

    class Broken(Shapes):
        def poses(self, crops: Images) -> PoseResult:
            found = super().poses(crops)
            return PoseResult(found.coords * np.float32(np.nan), found.confidence)

    at = (200.0, 150.0)
    for engine in (Unsure(), Broken()):
        assert Tracker(engine).step(picture(at), 0.0, Asked(at)) == []


def test_a_track_that_the_detector_never_finds_is_given_up_for_the_person_it_finds() -> None:
    decoy, person = (120.0, 150.0), (450.0, 150.0)
    tracker = Tracker(Shapes(), TrackSettings(persons=1))
    tracker.step(picture(decoy, person), 0.0, Asked(decoy))  # the detector was wrong once
    seen = [tracker.step(picture(decoy, person), n / 30, Asked(person)) for n in range(1, 25)]
    assert [one.id for one in seen[0]] == [1]
    last = seen[-1]
    assert len(last) == 1
    assert last[0].id != 1
    assert abs(float(last[0].keypoints_px[:, 0].mean()) - person[0]) < 10


def test_a_detector_that_finds_no_one_for_a_moment_costs_no_track() -> None:
    at = (200.0, 150.0)
    tracker = Tracker(Shapes(), TrackSettings(detect_every=1))
    tracker.step(picture(at), 0.0, Asked(at))
    for n in range(1, 10):
        assert [one.id for one in tracker.step(picture(at), n / 30, Asked())] == [1]


def test_a_detection_brings_the_size_of_the_next_boxes_nearer_to_its_own() -> None:
    class Growing(Shapes):
        """Finds people nearer to a usual size in the crop than they are, as a net does."""

        def poses(self, crops: Images) -> PoseResult:
            found = super().poses(crops)
            middle = found.coords.mean(axis=1, keepdims=True)
            size = np.ptp(found.coords, axis=1).max(axis=1)[:, None, None]
            larger = np.sqrt(0.8 / size)
            return PoseResult(middle + (found.coords - middle) * larger, found.confidence)

    at, sides = (300.0, 150.0), {}
    for every in (5, 1000):
        tracker = Tracker(Growing(), TrackSettings(detect_every=every))
        for n in range(60):
            found = tracker.step(picture(at), n / 30, Asked(at))
        box = found[0].bbox_xyxy_px
        sides[every] = float(box[2] - box[0])
    right = 1.2 * SIDE
    assert abs(sides[5] - right) < 0.5 * abs(sides[1000] - right)


def test_a_track_ends_where_the_detector_finds_no_one_for_more_than_a_second() -> None:
    at = (200.0, 150.0)
    tracker = Tracker(Shapes(), TrackSettings())
    tracker.step(picture(at), 0.0, Asked(at))
    followed = [bool(tracker.step(picture(at), n / 30, Asked())) for n in range(1, 60)]
    assert followed[:30] == [True] * 30
    assert followed[-10:] == [False] * 10
