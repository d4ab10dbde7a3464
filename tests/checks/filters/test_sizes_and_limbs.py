"""Bodies of another size, and arms or legs that change places."""

import numpy as np
import pytest

from kincap.checks.filters.bodies import Bodies
from kincap.checks.filters.registry import judge_bodies
from kincap.checks.filters.settings import FilterSettings
from kincap.checks.filters.sides import swapped_state
from kincap.core.skeleton import JOINT, KEYPOINT
from tests.checks.filters.test_motion_and_poses import standing

ROWS = 120
ARMS = [JOINT[part + side] for part in ("Elbow", "Wrist", "Hand", "HandTip", "Thumb")
        for side in ("Left", "Right")]  # fmt: skip


def judged(joints: np.ndarray, **settings: float) -> dict[str, np.ndarray]:
    """Return the verdicts on one person's tracked joints."""
    linked = np.ones(len(joints), np.bool_)
    linked[0] = False
    state = np.full(joints.shape[:2], 2, np.uint8)
    return judge_bodies(Bodies(joints, state, linked), FilterSettings(**settings))


@pytest.fixture
def joints() -> np.ndarray:
    """Return (120, 25, 3) a person who stands, with a sensor's noise."""
    return standing(ROWS) + np.random.default_rng(4).normal(0, 0.004, (ROWS, 25, 3))


def test_a_body_that_is_a_tenth_smaller_for_some_rows_is_named_whole(joints) -> None:
    base = joints[:, :1]
    changed = joints.copy()
    changed[50:60] = (base + 0.9 * (joints - base))[50:60]
    named = judged(changed)["body_size"]
    assert named[50:60].all()
    assert not named[:50].any()
    assert not named[60:].any()
    assert not judged(joints)["body_size"].any()
    assert not judged(changed, body_size=0.2)["body_size"].any()


def test_arms_that_change_places_and_change_back_are_named_alone(joints) -> None:
    """The legs and the trunk keep their labels, and it is not a swap of sides."""
    changed = joints.copy()
    left, right = ARMS[::2], ARMS[1::2]
    changed[40:70, left], changed[40:70, right] = joints[40:70, right], joints[40:70, left]
    found = judged(changed)
    wrists = [KEYPOINT["l_wrist"], KEYPOINT["r_wrist"]]
    assert found["limb_swap"][40:70, wrists].all()
    assert not found["limb_swap"][:40].any()
    assert not found["limb_swap"][70:].any()
    legs = [KEYPOINT[f"{side}_{part}"] for side in "lr" for part in ("hip", "knee", "ankle")]
    assert not found["limb_swap"][:, legs].any()
    assert not found["side_swap"].any()


def test_arms_that_never_change_back_are_named_at_the_change_only(joints) -> None:
    """Nothing tells which side of it is wrong."""
    changed = joints.copy()
    left, right = ARMS[::2], ARMS[1::2]
    changed[40:, left], changed[40:, right] = joints[40:, right], joints[40:, left]
    named = judged(changed)["limb_swap"][:, KEYPOINT["l_wrist"]]
    assert np.flatnonzero(named).tolist() == [39, 40]


def test_sides_that_never_change_back_are_exchanged_for_a_time_only() -> None:
    """The step back was missed: what comes later would be lost as well."""
    steps = np.zeros(900, np.bool_)
    steps[[100, 130, 200]] = True
    run = np.zeros(900, np.int64)
    run[800:] = 1
    state = swapped_state(steps, run, np.arange(900) / 30, FilterSettings(swap_most_s=10.0))
    assert np.flatnonzero(state).tolist() == [*range(100, 130), *range(200, 501)]
    at_the_end = swapped_state(np.arange(900) == 790, run, np.arange(900) / 30, FilterSettings())
    assert np.flatnonzero(at_the_end).tolist() == list(range(790, 800))


def test_the_time_between_two_exchanges_is_not_an_exchange(joints) -> None:
    """A step was missed: at home, arms hang on bones of their usual lengths."""
    changed = joints.copy()
    left, right = ARMS[::2], ARMS[1::2]
    for rows in (slice(20, 40), slice(70, 80)):
        changed[rows, left], changed[rows, right] = joints[rows, right], joints[rows, left]
    linked = np.arange(ROWS) > 0
    linked[30] = False  # the step at 20 is of another run than the one at 40
    bodies = Bodies(changed, np.full(changed.shape[:2], 2, np.uint8), linked)
    named = judge_bodies(bodies, FilterSettings())["limb_swap"][:, KEYPOINT["l_wrist"]]
    assert not named[42:68].any()
    assert named[70:80].all()
