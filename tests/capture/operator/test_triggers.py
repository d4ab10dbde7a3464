"""Triggers over body rows: what holds, for how long, and what interrupts it."""

import numpy as np
import pytest

from kincap.capture.operator.triggers import (
    START_WHEN,
    STOP_WHEN,
    Hold,
    Trigger,
    advance,
    has_fired,
    zone_advice,
)
from kincap.core.skeleton import JOINT
from kincap.sessions.schema import BODIES_DTYPE

from .body_rows import HERE, NOBODY, OPEN, raised, row, stream

BODY, LOST, RAISED = START_WHEN["body"], STOP_WHEN["lost"], STOP_WHEN["raised-hands"]


def fires_at(trigger: Trigger, *stretches: tuple[np.ndarray, float]) -> float | None:
    """Return when a trigger fires, seconds from the first row; None: never."""
    hold = Hold()
    for number, made in enumerate(stream(*stretches)):
        hold = advance(trigger, hold, made)
        if has_fired(trigger, hold):
            return round(number / 30, 2)
    return None


def test_a_body_in_the_zone_fires_after_two_seconds() -> None:
    assert fires_at(BODY, (NOBODY, 1), (HERE, 5)) == pytest.approx(3.0, abs=0.05)
    assert fires_at(BODY, (HERE, 1.9), (NOBODY, 1), (HERE, 1.9)) is None


@pytest.mark.parametrize(
    ("places", "advice"),
    [
        ([(0, 2.5)], ""),
        ([(0, 1.25)], ""),
        ([(0, 3.9)], ""),
        ([(-1.0, 2.5)], ""),
        ([], "step into view"),
        ([(0, 1.0)], "step back"),
        ([(0, 4.3)], "come closer"),
        ([(1.3, 2.5)], "move to your left"),
        ([(-1.3, 2.5)], "move to your right"),
        ([(0.5, 2.5), (-0.5, 2.5)], "one person only"),
        ([(0, 2.5), (0, 4.4)], ""),
        ([(0, float("nan"))], "step into view"),
    ],
)
def test_the_zone_and_the_way_into_it(places: list[tuple[float, float]], advice: str) -> None:
    assert zone_advice(row(*places)) == advice
    fired = fires_at(BODY, (row(*places), 3))
    assert (fired is None) == bool(advice)


def test_a_lost_body_fires_after_three_seconds_once_a_body_was_seen() -> None:
    assert fires_at(LOST, (NOBODY, 10)) is None
    assert fires_at(LOST, (NOBODY, 5), (HERE, 1), (NOBODY, 5)) == pytest.approx(9.0, abs=0.05)
    assert fires_at(LOST, (HERE, 1), (NOBODY, 2.9), (HERE, 1 / 30), (NOBODY, 2.9)) is None


def test_raised_closed_hands_fire_after_one_second() -> None:
    assert fires_at(RAISED, (HERE, 1), (raised(), 2)) == pytest.approx(2.0, abs=0.05)
    assert fires_at(RAISED, (raised(), 0.9), (HERE, 1), (raised(), 0.9)) is None


@pytest.mark.parametrize(
    "other", [raised(left=OPEN), raised(right=OPEN), raised(rise_m=-0.05), raised(left=0)]
)
def test_open_or_low_hands_do_not_fire(other: np.ndarray) -> None:
    assert fires_at(RAISED, (other, 5)) is None


def test_a_hand_that_is_not_tracked_does_not_fire() -> None:
    unseen = raised()
    unseen["joint_state"][0, 0, JOINT["HandLeft"]] = 0
    assert fires_at(RAISED, (unseen, 5)) is None
    unseen["joint_xyz_m"][0, 0] = np.nan
    assert fires_at(RAISED, (unseen, 5)) is None


def test_a_short_flicker_of_the_hand_state_does_not_begin_anew() -> None:
    flicker = [(raised(), 0.5), (raised(left=OPEN), 0.1), (raised(), 0.6)]
    assert fires_at(RAISED, *flicker) == pytest.approx(1.0, abs=0.05)
    long = [(raised(), 0.5), (raised(left=OPEN), 0.4), (raised(), 0.6)]
    assert fires_at(RAISED, *long) is None


def test_a_jump_of_the_clock_or_a_silence_begins_anew() -> None:
    for jump in (-36_000_000_000, 10_000_000, 36_000_000_000):
        hold = Hold()
        for made in stream((raised(), 0.9)):
            hold = advance(RAISED, hold, made)
        after = raised()
        after["time_device"] = 9_000_000 + jump
        hold = advance(RAISED, hold, after)
        assert not has_fired(RAISED, hold)
        assert hold.seconds == 0


def test_many_rows_at_once_are_as_one_after_another() -> None:
    rows = np.concatenate(list(stream((HERE, 1), (raised(), 0.8), (HERE, 0.1), (raised(), 0.1))))
    assert rows.dtype == BODIES_DTYPE
    whole, single = advance(RAISED, Hold(), rows), Hold()
    for number in range(len(rows)):
        single = advance(RAISED, single, rows[number : number + 1])
    assert whole == single
