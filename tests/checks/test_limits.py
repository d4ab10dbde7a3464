"""Live watches and later checks name the same items of the same stream."""

import numpy as np
import pytest

from kincap.capture.watches.frozen import Frozen
from kincap.capture.watches.stream_times import StreamTimes
from kincap.capture.watches.tracking import Tracking
from kincap.checks.limits import (
    FROZEN_ITEMS,
    STALL_100NS,
    body_changes,
    longest_step,
    missing_items,
)
from kincap.checks.streams import (
    frozen_pictures,
    measure_steps,
    time_findings,
    tracking_findings,
)
from kincap.core.units import TICK_100NS
from kincap.sessions.schema import COLOR_DTYPE, Stream, empty_body_row

Named = set[tuple[str, int, int, int]]


def times_of(seed: int) -> np.ndarray:
    """Return times of a stream with jitter, holes, stalls and repeated items."""
    rng = np.random.default_rng(seed)
    steps = np.full(400, TICK_100NS)
    steps[rng.choice(400, 12, replace=False)] *= rng.integers(2, 5, 12)
    steps[rng.choice(400, 2, replace=False)] += STALL_100NS
    time = np.cumsum(steps) + rng.normal(0, 5000, 400).astype(int)
    for at in rng.choice(np.arange(5, 395, 40), 6, replace=False):
        time[at] = time[at - 1]
    return time


def named_live(time: np.ndarray) -> Named:
    watch = StreamTimes(Stream.bodies)
    seen = [one for seq, at in enumerate(time) for one in watch.item(seq, int(at))]
    seen += watch.close()
    return {(one.kind.name, one.seq_first, one.seq_last, one.count) for one in seen}


def named_later(time: np.ndarray) -> Named:
    rows = np.zeros(len(time), COLOR_DTYPE)
    rows["seq"], rows["time_device"], rows["time_host"] = np.arange(len(time)), time, 100 * time
    found = time_findings(rows, measure_steps(rows), "bodies", 0)
    named = set()
    for one in found:
        if one.kind == "duplicate":  # live each of them is named
            named |= {(one.kind, seq, seq, 1) for seq in range(one.seq_first, one.seq_last + 1)}
        else:
            named.add((one.kind, one.seq_first, one.seq_last, one.count))
    return named


@pytest.mark.parametrize("seed", range(8))
def test_gaps_and_stalls_are_the_same_live_and_later(seed: int) -> None:
    time = times_of(seed)
    live, later = named_live(time), named_later(time)
    assert live == later
    assert {kind for kind, *_ in live} == {"gap", "stall", "duplicate"}


def test_a_step_is_a_gap_half_a_tick_after_the_expected_time() -> None:
    assert missing_items(longest_step(TICK_100NS), TICK_100NS) == 0
    assert missing_items(longest_step(TICK_100NS) + 1, TICK_100NS) == 1
    assert missing_items(5 * TICK_100NS, TICK_100NS) == 4
    assert missing_items(5 * TICK_100NS, TICK_100NS, lost=4) == 0
    assert missing_items(6 * TICK_100NS, 2 * TICK_100NS) == 2


@pytest.mark.parametrize("equal", [FROZEN_ITEMS - 1, FROZEN_ITEMS, FROZEN_ITEMS + 3])
def test_a_frozen_picture_is_the_same_live_and_later(equal: int) -> None:
    content = np.concatenate([np.arange(5), np.full(equal, 99), np.arange(200, 205)])
    rows = np.zeros(len(content), COLOR_DTYPE)
    rows["crc32"], rows["length"] = content, 10
    later = np.flatnonzero(frozen_pictures(rows))
    watch, spans = Frozen(), []
    for seq, one in enumerate(content):
        spans.append(watch.item(seq, int(one)))
    live = [span for span in spans if span is not None]
    assert bool(live) == (equal >= FROZEN_ITEMS)
    if live:
        assert live[-1] == (later[0], later[-1]) == (5, 5 + equal - 1)
    else:
        assert len(later) == 0


def test_bodies_that_come_go_and_move_are_the_same_live_and_later() -> None:
    rng = np.random.default_rng(0)
    watch, live, people = Tracking(), set(), []
    for seq in range(120):
        row = empty_body_row()
        row["time_device"] = seq * TICK_100NS
        ids = [7, 8, 9] if rng.random() < 0.8 else [7, 9, 10]
        slots = rng.permutation(6)[:3] if rng.random() < 0.2 else np.array([1, 2, 4])
        for body, slot in zip(ids, slots, strict=True):
            row["tracked"][0, slot], row["tracking_id"][0, slot] = 1, body
            row["joint_xyz_m"][0, slot] = rng.normal(0, 0.01, (25, 3)) + [body, 0, 2]
            people.append((seq, body, slot))
        for one in watch.row(row, seq):
            live.add((one.kind.name, one.seq_first))
    table = np.array(people, [("seq", "<u8"), ("tracking_id", "<u8"), ("slot", "u1")])
    bodies = np.zeros(120, [("seq", "<u8")])
    bodies["seq"] = np.arange(120)
    later = tracking_findings(table, bodies, 0)
    assert {(one.kind, one.seq_first) for one in later} == live
    assert len(live) > 20
    assert {one.tracking_id for one in later} >= {7, 8, 9, 10}


def test_changes_of_bodies_are_lost_found_and_moved() -> None:
    changes = body_changes({7: 0, 8: 1, 9: 2}, {8: 1, 9: 3, 10: 0})
    assert (changes.lost, changes.found, changes.moved) == ((7,), (10,), (9,))
