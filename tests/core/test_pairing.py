"""Pairing in time against a slow loop."""

import numpy as np

from kincap.core.pairing import (
    BRACKET_WITHIN_100NS,
    NO_BODY,
    PAIR_WITHIN_100NS,
    bracket_bodies,
    interpolate_joints,
    pair_nearest,
    worse_states,
)


def slow_pairs(color_take, color_time, body_take, body_time):
    """For each colour frame the body row nearest in time, of equal ones the earliest, first."""
    found = []
    for take, time in zip(color_take, color_time, strict=True):
        best = None
        for index in range(len(body_time)):
            if body_take[index] != take:
                continue
            apart = int(body_time[index]) - int(time)
            key = (abs(apart), apart, index)
            if abs(apart) <= PAIR_WITHIN_100NS and (best is None or key < best):
                best = key
        found.append((NO_BODY, 0) if best is None else (best[2], best[1]))
    return found


def test_pairs_agree_with_a_slow_loop() -> None:
    rng = np.random.default_rng(1)
    for _ in range(30):
        frames, bodies = rng.integers(0, 60, 2)
        color_take = rng.integers(0, 3, frames).astype(np.uint16)
        body_take = rng.integers(0, 4, bodies).astype(np.uint16)
        # steps of a quarter tick: many equally near, equal and just too far
        color_time = rng.integers(0, 60, frames) * 83_500 + 10**15
        body_time = rng.integers(0, 60, bodies) * 83_500 + 10**15
        index, residual = pair_nearest(color_take, color_time, body_take, body_time)
        expected = slow_pairs(color_take, color_time, body_take, body_time)
        assert list(zip(index.tolist(), residual.tolist(), strict=True)) == expected


def test_half_a_tick_is_near_enough_and_no_more() -> None:
    take = np.zeros(1, np.uint16)
    for apart, expected in ((167_000, 0), (167_001, NO_BODY), (-167_000, 0), (-167_001, NO_BODY)):
        index, _ = pair_nearest(take, np.array([10**9]), take, np.array([10**9 + apart]))
        assert index[0] == expected


def test_a_body_of_another_take_is_never_paired() -> None:
    index, _ = pair_nearest(np.array([0]), np.array([5]), np.array([1]), np.array([5]))
    assert index[0] == NO_BODY


TICK = 333_333


def rows_of(times, take=0, slots=2, ids=7):
    """Body rows of one person each, whose joint 0 lies at (time in ticks, 0)."""
    count = len(times)
    slots, ids = np.broadcast_to(slots, count), np.broadcast_to(ids, count)
    rows = {
        "take": np.broadcast_to(np.asarray(take, np.uint16), count),
        "time_device": np.array(times, np.int64),
        "tracked": np.zeros((count, 6), np.uint8),
        "tracking_id": np.zeros((count, 6), np.uint64),
        "joints": np.full((count, 6, 2, 2), np.nan, np.float32),
        "state": np.full((count, 6, 2), 2, np.uint8),
    }
    each = np.arange(count)
    rows["tracked"][each, slots], rows["tracking_id"][each, slots] = 1, ids
    rows["joints"][each, slots, 0] = np.stack([rows["time_device"] / TICK, np.zeros(count)], -1)
    return rows


def at_color(rows, color_time, slot=2, take=0):
    """Return x of joint 0 at colour times, and whether it lies between two rows."""
    color_time = np.array(color_time, np.int64)
    color_take = np.full(len(color_time), take)
    nearest, _ = pair_nearest(color_take, color_time, rows["take"], rows["time_device"])
    slots = np.broadcast_to(slot, len(color_time))
    brackets = bracket_bodies(color_time, nearest, slots, rows)
    return interpolate_joints(rows["joints"], brackets)[:, 0, 0], brackets.both


def test_joints_lie_between_the_rows_around_the_colour_time() -> None:
    x, both = at_color(rows_of([0, TICK, 2 * TICK]), [0, TICK // 4, TICK + TICK * 3 // 4])
    np.testing.assert_allclose(x, [0, 0.25, 1.75], atol=1e-4)
    assert both.all()


def test_joints_follow_a_body_into_another_slot() -> None:
    rows = rows_of([0, TICK], slots=[2, 5])
    x, both = at_color(rows, [TICK // 4], slot=2)
    np.testing.assert_allclose(x, [0.25], atol=1e-4)
    assert both.all()


def test_the_nearest_row_stands_where_two_do_not_belong_together() -> None:
    apart = BRACKET_WITHIN_100NS
    cases = {
        "another person": rows_of([0, TICK], ids=[7, 8]),
        "a gap": rows_of([0, apart + 1]),
        "the last row": rows_of([0]),
        "another take": rows_of([0, TICK], take=[0, 1]),
    }
    for why, rows in cases.items():
        x, both = at_color(rows, [TICK // 4])
        assert (x.tolist(), both.tolist()) == ([0.0], [False]), why
    assert at_color(rows_of([0, apart]), [TICK // 4])[1].all()


def test_the_worse_state_of_the_two_rows_holds_and_no_position_stays_none() -> None:
    rows = rows_of([0, TICK])
    rows["state"][:, 2] = [[2, 1], [1, 2]]
    rows["joints"][:, 2, 1] = [[-np.inf, -np.inf], [3, 3]]
    nearest, slots = np.array([0, 0]), np.array([2, 2])
    brackets = bracket_bodies(np.array([10, TICK // 2]), nearest, slots, rows)
    assert worse_states(rows["state"], brackets).tolist() == [[1, 1], [1, 1]]
    assert np.isnan(interpolate_joints(rows["joints"], brackets)[:, 1]).all()


def test_nothing_to_move_gives_nothing() -> None:
    x, both = at_color(rows_of([]), [])
    assert len(x) == len(both) == 0
