"""What the rows of a take show without any event: gaps, clocks, low light, pairs, who is there."""

import numpy as np
import pytest

from kincap.checks.findings import Finding, find_runs, limit, without_known
from kincap.checks.session_people import PERSON
from kincap.checks.session_tables import BODY_ROW
from kincap.checks.streams import (
    frozen_pictures,
    low_light,
    measure_steps,
    pair_take,
    time_findings,
    tracking_findings,
)
from kincap.core.pairing import NO_BODY
from kincap.sessions.schema import COLOR_DTYPE, ColorFlag

TICK = 333_333
FRAMES = 120


def colour(times, seqs=None) -> np.ndarray:
    """Colour rows at some device times, host times alike."""
    rows = np.zeros(len(times), COLOR_DTYPE)
    rows["time_device"] = times
    rows["time_host"] = rows["time_device"] * 100
    rows["seq"] = np.arange(len(times)) if seqs is None else seqs
    rows["crc32"] = np.arange(len(times))
    return rows


def ticks(count: int = FRAMES) -> np.ndarray:
    return np.arange(count) * TICK + 10**9


def named(rows: np.ndarray) -> list[tuple[str, int, int, int]]:
    found = time_findings(rows, measure_steps(rows), "color", 0)
    return [(one.kind, one.seq_first, one.seq_last, one.count) for one in found]


def test_a_steady_stream_has_nothing_to_name() -> None:
    rng = np.random.default_rng(1)
    assert named(colour(ticks() + rng.integers(-20_000, 20_000, FRAMES))) == []
    assert named(colour(ticks()[::2])) == []  # 15 Hz all along is a rate
    assert named(colour([])) == named(colour([5])) == []


def test_missing_items_are_a_gap_and_long_ones_a_stall() -> None:
    times = np.delete(ticks(), [50, 70, 71])
    assert named(colour(times)) == [("gap", 49, 50, 1), ("gap", 68, 69, 2)]
    assert named(colour(np.delete(ticks(), np.arange(50, 90)))) == [("stall", 49, 50, 40)]


def test_items_that_are_lost_by_their_seq_are_no_gap_beside_it() -> None:
    kept = np.delete(np.arange(FRAMES), [50, 51])
    assert named(colour(ticks()[kept], kept)) == []


def test_repeated_and_late_items_are_told_apart_and_a_late_one_fills_its_hole() -> None:
    times = ticks()
    times[60] = times[59]
    times[[80, 81]] = times[[81, 80]]
    assert named(colour(times)) == [
        ("gap", 59, 61, 1),
        ("duplicate", 60, 60, 1),
        ("out_of_order", 81, 81, 1),
    ]


@pytest.mark.parametrize("jump", [36_000_000_000, -36_000_000_000])
def test_a_clock_that_jumps_is_named_once_and_is_no_gap(jump: int) -> None:
    rows = colour(ticks() + 10**11)
    rows["time_device"][60:] += jump
    assert named(rows) == [("clock_step", 60, 60, 1)]
    assert measure_steps(rows).regular.sum() == (FRAMES - 2) * TICK


def test_low_light_is_half_the_rate_for_a_while_or_the_sensors_word() -> None:
    times = ticks(200)
    dark = colour(np.delete(times, np.arange(81, 120, 2)))
    found = np.flatnonzero(low_light(dark, measure_steps(dark), float(TICK)))
    assert (found.min(), found.max()) == (80, 100)
    assert named(dark) == []
    single = colour(np.delete(times, 81))
    assert not low_light(single, measure_steps(single), float(TICK)).any()
    always = colour(times[::2])
    assert low_light(always, measure_steps(always), float(TICK)).all()
    assert not low_light(always, measure_steps(always), 2.0 * TICK).any()  # a slower source
    always["flags"][10] = ColorFlag.low_light
    assert np.flatnonzero(low_light(always, measure_steps(always), np.nan)).tolist() == [10]


def test_the_same_picture_four_times_is_frozen() -> None:
    rows = colour(ticks())
    rows["crc32"][10:13] = 7
    rows["crc32"][40:44] = 8
    rows["crc32"][60:64] = 9
    rows["length"][62] = 5  # the same checksum of another length
    assert np.flatnonzero(frozen_pictures(rows)).tolist() == [40, 41, 42, 43]


def test_pairs_say_which_rows_stand_alone() -> None:
    color, bodies = colour(ticks()[:80]), np.zeros(100, BODY_ROW)
    bodies["time_device"] = ticks()[20:] + 50_000
    pairs = pair_take(color, bodies[: FRAMES - 20])
    assert (pairs.body[:20] == NO_BODY).all()
    np.testing.assert_allclose(pairs.residual_ms[20:], 5.0)
    assert np.flatnonzero(pairs.alone).tolist() == list(range(60, 100))


def people(*where: tuple[int, int, int]) -> np.ndarray:
    """Tracked bodies as (seq, id, slot)."""
    rows = np.zeros(len(where), PERSON)
    for name, column in zip(("seq", "tracking_id", "slot"), np.array(where).T, strict=True):
        rows[name] = column
    return rows


def test_bodies_that_come_and_go_and_change_places_are_named() -> None:
    bodies = np.zeros(10, BODY_ROW)
    bodies["seq"] = np.arange(10)
    steady = [(seq, 71, 2 if seq < 5 else 4) for seq in range(10)]
    guest = [(seq, 90, 0) for seq in (3, 4, 7)]
    found = tracking_findings(people(*steady, *guest), bodies, 0)
    assert sorted((one.kind, one.seq_first) for one in found) == [
        ("body_found", 3),
        ("body_found", 7),
        ("body_lost", 5),
        ("body_lost", 8),
        ("body_moved", 5),
    ]
    assert tracking_findings(people((0, 1, 1))[:0], bodies, 0) == []


def test_runs_join_what_is_near_and_leave_out_what_is_short() -> None:
    named = np.zeros(100, np.bool_)
    named[[10, 11, 20, 21, 60]] = True
    time_s = np.arange(100) / 30
    runs = find_runs(named, time_s, join_s=0.5)
    assert [(run.first, run.last, run.count) for run in runs] == [(10, 21, 4), (60, 60, 1)]
    assert len(find_runs(named, time_s)) == 3
    assert [run.first for run in find_runs(named, time_s, join_s=0.5, least_s=0.2)] == [10]
    assert find_runs(named, time_s, least=3) == []


def finding(kind: str, first: int, last: int, stream: str = "color", take: int = 0) -> Finding:
    return Finding(kind, stream, take, first, last, last - first + 1, "")


def test_what_rows_and_events_both_name_is_named_once() -> None:
    known = [finding("gap", 10, 11), finding("stall", 40, 41)]
    told = [
        finding("gap", 9, 10),
        finding("gap", 10, 11, take=1),
        finding("gap", 10, 11, "bodies"),
        finding("gap", 40, 41),
        finding("frozen", 10, 11),
    ]
    assert without_known(told, known) == [told[1], told[2], told[4]]


def test_a_kind_that_comes_thousands_of_times_is_cut_and_counted() -> None:
    many = [finding("gap", n, n + 1) for n in range(0, 5000, 5)]
    kept, left_out = limit([*many, finding("stall", 7, 90)])
    assert len(kept) == 101
    assert left_out == {"gap": 900}
