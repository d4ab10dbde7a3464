"""Pairing and lanes, as pure functions on tables."""

import numpy as np
import pytest

from kincap.review import timeline
from kincap.review.columns import pack_columns
from kincap.sessions.schema import BODIES_DTYPE, COLOR_DTYPE, EVENTS_DTYPE, EventKind, Stream

TICK = 333_333


def colors(times: list[int], take: list[int] | None = None) -> np.ndarray:
    rows = np.zeros(len(times), COLOR_DTYPE)
    rows["seq"] = np.arange(len(times))
    rows["time_device"] = times
    rows["take"] = take or 0
    return rows


def bodies(times: list[int], take: list[int] | None = None) -> np.ndarray:
    rows = np.zeros(len(times), timeline.body_dtype(6))
    rows["time_device"] = times
    rows["take"] = take or 0
    return rows


def test_residuals_are_body_minus_picture_and_stale_bodies_stay_alone():
    pairs = timeline.pair_bodies(
        colors([0, TICK, 2 * TICK, 0], [0, 0, 0, 1]),
        bodies([40_000, TICK - 90_000, 3 * TICK, 999_999], [0, 0, 0, 2]),
    )
    assert pairs.body.tolist() == [0, 1, -1, -1]
    assert pairs.residual_ms[:2].tolist() == [4.0, -9.0]
    assert np.isnan(pairs.residual_ms[2:]).all()


def test_no_frames_and_no_bodies_give_no_pairs():
    assert timeline.pair_bodies(colors([]), bodies([1])).body.tolist() == []
    pairs = timeline.pair_bodies(colors([1]), bodies([]))
    assert pairs.body.tolist() == [-1]
    people, states = timeline.lane_states(bodies([]), pairs)
    assert people.tolist() == [0]
    assert (states == timeline.NO_BODY).all()


def test_the_lane_shows_the_person_nearest_to_the_sensor():
    rows = np.zeros(1, BODIES_DTYPE)
    rows["joint_xyz_m"] = np.nan
    rows["tracked"][0, [1, 4, 5]] = 1
    rows["joint_xyz_m"][0, 1, 0, 2] = 3.0
    rows["joint_xyz_m"][0, 4, 0, 2] = 2.0
    rows["joint_state"][0, 1] = 2
    rows["joint_state"][0, 4] = 1
    slim = timeline.slim_bodies(rows)
    people, states = timeline.lane_states(slim, timeline.pair_bodies(colors([0]), slim))
    assert people.tolist() == [3]
    assert (states == 1).all()


def event(kind: EventKind, stream: Stream, first: int, last: int, time: int = 0) -> np.ndarray:
    row = np.zeros(1, EVENTS_DTYPE)
    row["kind"], row["stream"], row["time_device"] = kind, stream, time
    row["seq_first"], row["seq_last"], row["count"] = first, last, last - first + 1
    return row


def test_losses_are_what_events_say_and_what_nothing_explains():
    color = colors([k * TICK for k in range(20)])[[0, 1, 2, 6, 7, 8, 11, 12]]
    unknown = event(EventKind.drop_encoder, Stream.color, 0, 0)
    unknown["kind"] = 999
    events = np.concatenate(
        [
            event(EventKind.take_start, Stream.none, 0, 0),
            unknown,
            event(EventKind.drop_ring_full, Stream.color, 3, 5),
            event(EventKind.drop_queue_full, Stream.bodies, 70, 71, time=7 * TICK),
        ]
    )
    drops = timeline.find_drops(color, events)
    assert [(d.stream, d.reason, d.first, d.last, d.count) for d in drops] == [
        ("color", "ring full", 3, 5, 3),
        ("bodies", "queue full", 7, 7, 2),
        ("color", "not stored, or its row is damaged", 9, 10, 2),
    ]


def test_columns_refuse_types_that_the_page_cannot_hold():
    with pytest.raises(TypeError, match="seq"):
        pack_columns({"seq": np.zeros(3, "<u8")})
