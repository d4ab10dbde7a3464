"""Two people meet, cross or turn back: both keep their ids; many more of them are nightly."""

import numpy as np
import pytest

from kincap.predict.followed_person import FollowedPerson
from kincap.predict.identities import settle
from kincap.predict.tracks import Tracker, TrackSettings
from tests.predict.crossings import WAYS, crossing
from tests.predict.test_tracks import BODY, Asked, Shapes, picture


@pytest.mark.parametrize("way", WAYS)
def test_people_who_meet_keep_their_ids(way: str) -> None:
    rngs = [np.random.default_rng([0, n]) for n in (3, 4, 28)]
    assert [crossing(rng, *WAYS[way]) for rng in rngs] == [True] * 3


def test_many_people_in_a_row_keep_their_ids() -> None:
    tracker = Tracker(Shapes(), TrackSettings(persons=8, detect_every=3))
    first: list[int] = []
    for n in range(9):
        # one after the other hides half of the next
        people = [(60.0 + 60 * k + 2 * n, 100.0 + 40 * (k % 2)) for k in range(8)]
        found = tracker.step(picture(*people, shade=20, apart=25), n / 30, Asked(*people))
        places = {one.id: float(one.keypoints_px[:, 0].mean()) for one in found}
        order = sorted(places, key=lambda k: places[k])
        first = first or order
        assert order == first
    assert len(first) == 8


def person(number: int, x: float) -> FollowedPerson:
    """Return a person of height 180 who is lost at a place and was seen a moment ago."""
    found = FollowedPerson(number, np.zeros(4), place(x), seen_s=0.0, is_lost=True)
    found.update(place(x), 0.0, np.zeros((4, 3), np.float32))
    found.is_lost = True
    return found


def place(x: float) -> np.ndarray:
    return 100 * BODY + (x, 200.0)


def test_the_sum_over_all_people_decides_however_many_there_are() -> None:
    # nearest first would give the pose between the first two people to the second of them
    for others in (1, 6):
        far = [1000.0 * n for n in range(1, 1 + others)]
        tracks = [person(n, x) for n, x in enumerate([0.0, 180.0, *far])]
        poses = [0.52 * 180, 1.7 * 180, *far]
        look = np.zeros((4, 3), np.float32)
        found = [(-1 - n, place(x), look) for n, x in enumerate(poses)]
        assert settle(found, tracks, 0.01) == list(range(len(tracks)))


def test_a_crowd_of_newcomers_is_settled_at_once() -> None:
    rng = np.random.default_rng(0)
    tracks = [person(n, x) for n, x in enumerate(rng.uniform(0, 300, 6))]
    look = np.zeros((4, 3), np.float32)
    found = [(-1 - n, place(x), look) for n, x in enumerate(rng.uniform(0, 300, 20))]
    # all ways to try took minutes
    ids = settle(found, tracks, 0.5)
    assert sorted(k for k in ids if k is not None and k >= 0) == list(range(6))
