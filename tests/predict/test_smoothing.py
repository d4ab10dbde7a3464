"""Smoothing: less jitter at rest, little lag in movement, by time stamps, anew after a gap."""

import numpy as np
import numpy.typing as npt
import pytest

from kincap.predict.smoothing import PoseSmoother

STANDING = np.random.default_rng(0).uniform(100, 400, (13, 2))
TORSO = float(np.hypot(*(STANDING[1] - STANDING[10])))


def jitter(poses: npt.NDArray[np.float64]) -> float:
    """Return the root mean square of the second difference, as methods.md 10 has it."""
    return float(np.sqrt((np.diff(poses, n=2, axis=0) ** 2).mean()))


def run(poses: npt.NDArray[np.float64], times: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    smoother = PoseSmoother()
    return np.stack([smoother.smooth(p, t) for p, t in zip(poses, times.tolist(), strict=True)])


def test_a_still_person_trembles_a_third_as_much() -> None:
    noise = np.random.default_rng(1).normal(0, 0.02 * TORSO, (90, 13, 2))
    poses, times = STANDING + noise, np.arange(90) / 30
    assert jitter(run(poses, times)) < jitter(poses) / 3


def test_a_quick_hand_is_followed_within_a_tenth_of_a_torso() -> None:
    times = np.arange(60) / 30
    poses = STANDING + np.stack([3 * TORSO * times, 0 * times], axis=1)[:, None]
    late = np.abs(run(poses, times) - poses)[30:].max()
    assert 0 < late < 0.35 * TORSO


def test_half_the_frames_are_smoothed_like_all_of_them() -> None:
    times = np.arange(60) / 30
    poses = STANDING + 0.2 * TORSO * np.sin(4 * times)[:, None, None]
    every = run(poses, times)
    second = run(poses[::2], times[::2])
    assert np.abs(every[::2] - second).max() < 0.06 * TORSO
    counted = run(poses[::2], times[:30])  # as if the frames were nearer in time than they are
    assert np.abs(every[::2] - counted).max() > np.abs(every[::2] - second).max()


@pytest.mark.parametrize("start_s", [0.0, 5.0])
def test_the_first_frame_and_the_first_after_a_gap_are_as_they_are(start_s: float) -> None:
    smoother = PoseSmoother()
    assert np.allclose(smoother.smooth(STANDING, start_s), STANDING)
    moved = STANDING + 40
    assert not np.allclose(smoother.smooth(moved, start_s + 1 / 30), moved)
    assert np.allclose(smoother.smooth(moved + 40, start_s + 2), moved + 40)


def test_a_person_who_comes_nearer_is_smoothed_in_the_new_size() -> None:
    smoother = PoseSmoother()
    smoother.smooth(STANDING, 0.0)
    near = STANDING * 1.5
    assert np.allclose(smoother.smooth(near, 1 / 30), near)
