"""The measure of the filters: faults of a known size, and counts that can be worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.quality.faults import FAULTS, SIZES, Track, inject
from benchmarks.quality.judge import Verdicts
from benchmarks.quality.score import Counts
from kincap.core.skeleton import KEYPOINT_JOINT
from tests.checks.filters.test_motion_and_poses import standing

ROWS = 300


@pytest.fixture(scope="module")
def track() -> Track:
    """Return ten seconds of a person whose arms move."""
    joints = standing(ROWS)
    time_s = np.arange(ROWS) / 30
    swing = 0.25 * np.sin(2 * np.pi * time_s)[:, None]
    for first, sign in ((5, 1), (9, -1)):
        joints[:, first : first + 3, 1] += sign * swing
    return Track(time_s, joints, np.full(joints.shape[:2], 2, np.uint8))


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("level", [0, 3, len(SIZES) - 1])
def test_a_fault_comes_from_its_seed_and_leaves_the_clean_take_alone(track, name, level) -> None:
    before = track.joints.copy()
    one, same = inject(name, level, track, 5), inject(name, level, track, 5)
    other = inject(name, level, track, 6)
    assert np.array_equal(track.joints, before)
    assert np.array_equal(one.joints, same.joints)
    assert not np.array_equal(one.joints, other.joints)
    assert not np.array_equal(one.joints, before)


@pytest.mark.parametrize("name", ["jump", "drift", "inferred", "scale"])
def test_a_fault_is_as_large_as_its_level_says(track, name) -> None:
    """The largest offset in the image plane is between the size and the next one, but for noise."""
    for level in (2, 4):
        changed = inject(name, level, track, 5).joints
        off = np.linalg.norm((changed - track.joints)[:, KEYPOINT_JOINT, :2], axis=-1)
        largest = off.max() / track.torso_m()
        assert 0.6 * SIZES[level] <= largest <= 1.6 * SIZES[level + 1]
        untouched = (off == 0).all(axis=1).mean()
        assert untouched > 0.2


def verdicts(before: list[float], after: list[float], lost: list[bool]) -> Verdicts:
    """Return the verdicts on one body's first keypoints; the others are clean and kept."""
    rest = 13 - len(before)
    given = np.array([before + [0.01] * rest])
    return Verdicts(
        before=given,
        after=np.array([after + [0.01] * rest]),
        lost=np.array([lost + [False] * rest]),
        named=np.array([lost + [False] * rest]),
        clean=given < 0.05,
        reasons={"speed": np.array([lost + [False] * rest])},
        touched={},
    )


def test_counts_are_those_of_the_labels() -> None:
    """Two wrong ones lost, one repaired, one kept; of ten clean ones one lost, one moved away."""
    counts = Counts()
    counts.add(
        verdicts(
            [0.25, 0.8, 0.4, 0.3, 0.01, 0.02],
            [0.25, 0.8, 0.03, 0.3, 0.01, 0.5],
            [True, True, False, False, True, False],
        )
    )
    assert counts.wrong.tolist() == [0, 0, 1, 2, 0, 1, 0]
    assert counts.found.tolist() == [0, 0, 1, 1, 0, 1, 0]
    assert (counts.repaired, counts.clean, counts.lost) == (1, 9, 2)
    assert counts.recall(0.2) == pytest.approx(3 / 4)
    assert counts.precision(0.2) == pytest.approx(3 / 5)
    assert counts.f1(0.2) == pytest.approx(2 / 3)
    assert counts.false_alarms() == pytest.approx(2 / 9)
    assert counts.by_filter == {"speed": (2, 1)}


def test_labels_between_clean_and_wrong_count_neither_way() -> None:
    """A label 0.1 torso off may be kept or lost without harm to the figures at 0.2."""
    counts = Counts()
    counts.add(verdicts([0.1], [0.1], [True]))
    assert counts.recall(0.2) is None
    assert counts.recall() == 1.0
    assert counts.false_alarms() == 0.0


def test_a_clean_label_that_goes_with_its_frame_is_no_false_alarm() -> None:
    """It is counted apart; the wrong one of the frame is found."""
    whole = verdicts([0.5], [0.5], [True])
    counts = Counts()
    counts.add(replace(whole, lost=np.ones((1, 13), np.bool_)))
    assert (counts.lost, counts.dropped, counts.recall(0.2)) == (0, 12, 1.0)
    assert counts.left_out() == 1.0
