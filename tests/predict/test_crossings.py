"""Two people meet, cross or turn back: both keep their ids; many more of them are nightly."""

import numpy as np
import pytest

from kincap.predict.tracks import Tracker, TrackSettings
from tests.predict.crossings import WAYS, crossing
from tests.predict.test_tracks import Asked, Shapes, picture


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
