"""Jitter and lag, of tracks whose jitter and lag are known."""

import numpy as np
import pytest

from kincap.core.skeleton import KEYPOINT
from kincap.predict.accuracy.steadiness import steadiness

TIMES = np.arange(150) / 30
BODY = np.array([[0, -60], *[[x, y] for x in (-20, 20) for y in (-40, -20, 0)],
                 *[[x, y] for x in (-10, 10) for y in (10, 50, 90)]], float)  # fmt: skip
TORSO = float(np.hypot(*(BODY[KEYPOINT["r_shoulder"]] - BODY[KEYPOINT["l_hip"]])))


def still() -> np.ndarray:
    return np.repeat(BODY[None] + 200, len(TIMES), axis=0)


def waving(at: np.ndarray) -> np.ndarray:
    poses = np.repeat(BODY[None] + 200, len(at), axis=0)
    for name, phase in (("l_wrist", 0.0), ("r_wrist", 1.0)):
        poses[:, KEYPOINT[name], 1] += 30 * np.sin(2 * np.pi * 0.7 * at + phase)
    return poses


def test_jitter_is_the_second_difference_of_a_still_person():
    noise = np.random.default_rng(1).normal(0, 0.5, still().shape)
    found = steadiness(still() + noise, still(), TIMES)
    # three independent terms with factors 1, -2, 1, in two directions
    assert found.jitter_torso == pytest.approx(100 * 0.5 * np.sqrt(6 * 2) / TORSO, rel=0.05)
    assert found.still_frames > len(TIMES) - 10


def test_a_person_who_moves_has_no_jitter_and_one_who_is_still_no_lag():
    assert steadiness(waving(TIMES), waving(TIMES), TIMES).jitter_torso is None
    assert steadiness(still(), still(), TIMES).lag_s is None


@pytest.mark.parametrize("lag_s", [-0.05, 0.0, 0.03, 0.12])
def test_lag_is_found_to_a_few_milliseconds(lag_s: float):
    found = steadiness(waving(TIMES - lag_s), waving(TIMES), TIMES)
    assert found.lag_s == pytest.approx(lag_s, abs=0.005)


def test_missed_frames_are_left_out():
    poses = waving(TIMES - 0.06)
    poses[::7] = np.nan
    assert steadiness(poses, waving(TIMES), TIMES).lag_s == pytest.approx(0.06, abs=0.01)


def test_nothing_known_gives_no_figures():
    nothing = np.full_like(still(), np.nan)
    found = steadiness(nothing, nothing, TIMES)
    assert (found.jitter_torso, found.still_frames, found.lag_s) == (None, 0, None)
