"""Medians and flags over runs of rows, which end where a person was not seen."""

import numpy as np

from kincap.checks.filters.runs import filled, grown, quantile, running_median


def flags(text: str) -> np.ndarray:
    """(N, 1) True for every x."""
    return np.array([[letter == "x"] for letter in text])


def text(named: np.ndarray) -> str:
    return "".join("x" if one else "." for one in named[:, 0])


def two_runs(rows: int, second: int) -> np.ndarray:
    linked = np.ones(rows, np.bool_)
    linked[[0, second]] = False
    return linked


def test_a_spike_does_not_move_a_median_and_a_step_does() -> None:
    values = np.zeros((30, 1))
    values[8], values[20:] = 9.0, 1.0
    smooth = running_median(values, two_runs(30, 30 - 10))
    assert not smooth[:20].any()
    assert (smooth[20:] == 1).all()


def test_a_median_is_of_what_is_known() -> None:
    values = np.full((9, 1), np.nan)
    assert np.isnan(running_median(values, two_runs(9, 5))).all()
    values[4] = 2.0
    smooth = running_median(values, np.arange(9) > 0)
    assert (smooth[1:8] == 2).all()
    assert np.isnan(smooth[[0, 8]]).all()
    assert running_median(values[:0], np.zeros(0, np.bool_)).shape == (0, 1)


def test_weak_flags_count_in_a_stretch_with_a_strong_one() -> None:
    strong = flags("...x...........x")
    weak = flags(".xxxx..xx..xxxxx")
    assert text(grown(strong, weak, two_runs(16, 13))) == ".xxxx........xxx"
    assert grown(strong[:0], weak[:0], np.zeros(0, np.bool_)).shape == (0, 1)


def test_a_gap_is_filled_where_both_sides_last_and_are_close() -> None:
    named = flags("xxx..xxx....xxx.x.xxx")
    whole = np.arange(21) > 0
    assert text(filled(named, whole, 2, 3)) == "xxxxxxxx....xxx.x.xxx"
    assert text(filled(named, whole, 4, 3)) == "xxxxxxxxxxxxxxxxxxxxx"[:15] + ".x.xxx"
    assert text(filled(named, two_runs(21, 4), 2, 3)) == text(named)


def test_a_quantile_needs_enough_rows() -> None:
    values = np.arange(20.0)[:, None]
    assert quantile(values, 0.75) == 14
    values[:8] = np.nan
    assert np.isnan(quantile(values))
