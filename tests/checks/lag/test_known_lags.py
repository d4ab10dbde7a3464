"""Lags that a report keeps: with their uncertainty, and of an older kincap without it."""

import math

from kincap.checks.session_lag import lags_from_json

KEPT = {"take": 3, "ms": 52.0, "peak": 0.4, "gain": 0.01, "motion_s": 20.0, "frames": 600,
        "stretches": [[5, 9, 80.0]]}  # fmt: skip


def test_an_older_report_does_not_know_how_certain_a_lag_is() -> None:
    known = lags_from_json([KEPT])
    assert known is not None
    assert math.isnan(known[3].lag.sure)
    assert not known[3].lag.is_late
    assert known[3].stretches == ((5, 9, 80.0),)


def test_a_lag_that_was_measured_by_place_is_certain_whatever_its_correlation() -> None:
    known = lags_from_json([{**KEPT, "sure": 8.5}])
    assert known is not None
    assert known[3].lag.is_late
    assert lags_from_json([{**KEPT, "sure": "very"}]) is None
    assert lags_from_json(["?"]) is None
