"""The lag between joints and pictures, measured on drawn hands that move at known times."""

import functools

import numpy as np
import pytest

from kincap.checks.lag.lag import LAGS_S, MOST_IMAGES, Lag, best_shift, measure_lag
from kincap.checks.lag.wrist_images import TakeImages, WristTrack
from kincap.core.errors import KincapError
from kincap.core.jpeg import encode_jpeg

WIDTH, HEIGHT = 480, 270
SECONDS = 14
RATE = 30


def hands(time_s: np.ndarray) -> np.ndarray:
    """(T, 2, 2) pixels of both wrists: they wave, rest and wave again, each in its own way."""
    waves = 0.5 + 0.5 * np.sin(2 * np.pi * time_s / 2.9)
    left = [120 + 45 * waves * np.sin(5.1 * time_s), 140 + 20 * np.sin(3.7 * time_s)]
    right = [360 + 45 * (1 - waves) * np.sin(4.3 * time_s), 140 + 20 * np.cos(3.1 * time_s)]
    return np.stack([np.stack(left, -1), np.stack(right, -1)], axis=1)


@functools.cache
def picture(time_s: float) -> bytes:
    """Draw both hands as bright discs on a noisy wall."""
    rng = np.random.default_rng(5)
    image = rng.integers(60, 90, (HEIGHT, WIDTH, 3), np.uint8)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for cx, cy in hands(np.array([time_s]))[0]:
        image[np.hypot(x - cx, y - cy) < 16] = 220
    return encode_jpeg(image)


def measured(
    late_s: float | np.ndarray,
    *,
    seconds: float = SECONDS,
    still: bool = False,
    broken: bool = False,
    guests: int = 0,
    most: int | None = MOST_IMAGES,
) -> Lag:
    """Measure what comes of joints that are so late, all the time or row by row."""
    frames = np.arange(0, seconds, 1 / RATE)
    for time_s in frames:
        picture(float(time_s))  # drawing is not what takes its time here
    rows = frames + 0.005
    shown = np.zeros_like(rows) if still else rows - late_s
    depth = np.full((len(rows), 2), 2.5)
    somewhere = np.full((len(rows), 2, 2), 60.0)
    persons = [WristTrack(rows, hands(shown), depth)]
    persons = [WristTrack(rows, somewhere, depth)] * guests + persons

    def read(frame: int) -> bytes:
        if broken and frame % 3 == 0:
            raise KincapError("damaged")
        return picture(0.0 if still else float(frames[frame]))

    images = TakeImages(frames, np.ones(len(frames), np.bool_), WIDTH, read)
    return measure_lag(images, persons, most=most)


@pytest.mark.parametrize("late_s", [0.0, 0.02, 0.1, -0.07])
def test_the_lag_is_found_to_a_fraction_of_a_frame(late_s: float) -> None:
    lag = measured(late_s)
    assert lag.ms == pytest.approx(1e3 * late_s, abs=12)
    assert lag.is_late == (abs(late_s) > 0.05)
    # where all of it is late, no stretch is named beside it
    assert lag.stretches == ()
    assert lag.motion_s >= 10


@pytest.mark.parametrize("late_s", [0.25, -0.2])
def test_a_lag_that_is_longer_than_the_search_is_found_by_the_place_of_the_changes(
    late_s: float,
) -> None:
    lag = measured(late_s)
    assert lag.ms == pytest.approx(1e3 * late_s, abs=12)
    assert lag.is_late
    assert abs(lag.sure) >= 5


@pytest.mark.parametrize("guests", [0, 2])
@pytest.mark.parametrize("late_s", [0.1, -0.12])
def test_a_lag_of_three_seconds_is_found_where_it_is(late_s: float, guests: int) -> None:
    times = np.arange(0, SECONDS, 1 / RATE)
    lag = measured(np.where((times > 5) & (times < 8), late_s, 0.0), guests=guests)
    assert not lag.is_late
    (stretch,) = lag.stretches
    assert stretch.ms == pytest.approx(1e3 * late_s, abs=20)
    assert times[stretch.first] == pytest.approx(5, abs=1)
    assert times[stretch.last] == pytest.approx(8, abs=1)


def test_a_moment_of_late_joints_is_not_a_lag() -> None:
    times = np.arange(0, SECONDS, 1 / RATE)
    lag = measured(np.where((times > 5) & (times < 5.7), 0.1, 0.0))
    assert (lag.is_late, lag.stretches) == (False, ())


@pytest.mark.parametrize("most", [180, 300])
def test_the_images_that_are_decoded_are_limited_and_the_same_every_time(most: int) -> None:
    lags = [measured(0.0, seconds=24, most=most) for _ in range(2)]
    assert lags[0] == lags[1]
    assert most / 2 <= lags[0].frames <= most + 4 * RATE
    assert measured(0.0, seconds=24, most=None).frames > 300


def test_too_little_motion_gives_no_answer() -> None:
    for lag in (measured(0.1, seconds=6), measured(0.1, still=True)):
        assert np.isnan(lag.ms)
        assert not lag.is_late
    assert measured(0.1, seconds=0.01).frames == 0


def test_pictures_that_can_t_be_read_are_left_out() -> None:
    lag = measured(0.1, broken=True)
    assert lag.frames > 300
    assert np.isnan(lag.ms)  # two pictures of three are there, but never two in a row often enough


def test_a_clock_that_jumps_by_years_gives_no_answer() -> None:
    times = np.append(np.arange(60) / RATE, 1e11 + np.arange(60) / RATE)
    images = TakeImages(times, np.ones(120, np.bool_), WIDTH, lambda _: picture(0.0))
    track = WristTrack(times, hands(np.arange(120) / RATE), np.full((120, 2), 2.5))
    assert measure_lag(images, [track]).frames == 0


def test_a_peak_at_the_end_or_an_unknown_curve_is_no_answer() -> None:
    ms, _, _ = best_shift(np.linspace(0, 1, len(LAGS_S)))
    assert np.isnan(ms)
    assert np.isnan(best_shift(np.full(len(LAGS_S), np.nan))).all()
    ms, peak, gain = best_shift(-np.abs(LAGS_S - LAGS_S[8]))
    assert ms == pytest.approx(1e3 * LAGS_S[8])
    assert (peak, gain) == (0.0, pytest.approx(LAGS_S[8]))
