"""What the watches find in plain numbers: what there is, where it is, and nothing else."""

import csv
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kincap.capture.sources.sensor import BodyFrame, ColorFrame, Lost, SensorInfo
from kincap.capture.watches.clock_steps import ClockSteps
from kincap.capture.watches.frozen import Frozen, FrozenPictures
from kincap.capture.watches.observations import (
    FREE_EVENTS,
    ITEMS_PER_EVENT,
    Merger,
    Observation,
    Teller,
)
from kincap.capture.watches.silence import BodyWatch, StallWatch
from kincap.capture.watches.stream_times import StreamTimes
from kincap.capture.watches.tracking import Tracking
from kincap.capture.watches.watches import ITEMS_PER_TAKE, MOST_TAKES, Noticing
from kincap.sessions.schema import ColorFlag, EventKind, Stream, empty_body_row

TICK = 333_333
SECOND = 10_000_000


def look(times, stream=Stream.bodies, intervals=None):
    """Return what one stream's times show, as (kind, first, last, count)."""
    watch = StreamTimes(stream)
    found = []
    for seq, time in enumerate(times):
        found += watch.item(seq, int(time), -1 if intervals is None else intervals[seq])
    found += watch.close()
    return [(f.kind.name, f.seq_first, f.seq_last, f.count) for f in found]


def steps(*steps_100ns):
    """Return times from steps."""
    return np.cumsum([5_000_000_000, *steps_100ns]).tolist()


@pytest.mark.parametrize("hz", [10, 15, 24, 30, 60, 90])
@pytest.mark.parametrize("stream", [Stream.bodies, Stream.mask])
def test_an_even_rate_is_nothing_whatever_rate_it_is(hz, stream):
    rng = np.random.default_rng(hz)
    even = SECOND / hz + rng.normal(0, 0.03, 400) * SECOND / hz
    assert look(steps(*even.astype(int)), stream) == []


def test_the_steps_of_a_real_sensor_are_nothing_but_its_gaps():
    usual = [340_700, 329_300, 330_000] * 20
    assert look(steps(*usual)) == []
    with_gap = [*usual, 670_100, *usual, 1_000_000, 670_000, *usual]
    assert look(steps(*with_gap)) == [
        ("gap", 60, 61, 1), ("gap", 121, 122, 2), ("gap", 122, 123, 1),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["Ges03_drawlines", "Ges04_comehere", "joints"])
def test_real_logs_have_their_gaps_where_they_are(data_dir, name):
    with open(data_dir / "kinect2_laban" / f"{name}.csv") as file:
        times = [int(row[0]) for row in csv.reader(file) if row and row[0].isdigit()]
    after = np.flatnonzero(np.diff(times) > 500_000)
    assert look(times) == [("gap", k, k + 1, 1) for k in after]
    assert len(after) >= 2


def test_a_gap_at_the_very_beginning_and_at_the_very_end_is_found():
    assert look(steps(666_667, *[TICK] * 10)) == [("gap", 0, 1, 1)]
    assert look(steps(*[TICK] * 10, 666_667)) == [("gap", 10, 11, 1)]


def test_a_silence_of_a_second_is_a_stall_by_the_times_alone():
    found = look(steps(*[TICK] * 10, 31 * TICK, *[TICK] * 10, 29 * TICK, *[TICK] * 10))
    assert found == [("stall", 10, 11, 30), ("gap", 21, 22, 28)]


def test_a_stream_that_halves_its_rate_is_told_of_once():
    found = look(steps(*[TICK] * 60, *[2 * TICK] * 100))
    assert found == [("gap", k, k + 1, 1) for k in range(60, 64)]


def test_every_second_frame_missing_for_a_while_is_not_low_light_of_bodies():
    found = look(steps(*[TICK] * 60, *[2 * TICK] * 3, *[TICK] * 60))
    assert found == [("gap", k, k + 1, 1) for k in range(60, 63)]


def test_gaps_in_low_light_are_those_beyond_83_ms():
    dark = [*[TICK] * 40, *[2 * TICK] * 20]
    found = look(steps(*dark, 820_000, *[2 * TICK] * 20), Stream.color)
    assert [kind for kind, *_ in found] == ["low_light", "low_light"]
    found = look(steps(*dark, 4 * TICK, *[2 * TICK] * 20), Stream.color)
    assert ("gap", 60, 61, 1) in found
    assert [kind for kind, *_ in found].count("low_light") == 2


def test_low_light_flickers_without_a_flood():
    times, intervals = [0], [TICK]
    for k in range(900):
        interval = 2 * TICK if k % 2 else TICK
        times.append(times[-1] + interval)
        intervals.append(interval)
    found = look(times, Stream.color, intervals)
    assert [f[0] for f in found] == ["low_light", "low_light"]


def test_late_and_repeated_items():
    times = steps(*[TICK] * 10)
    times = [*times, times[-1], times[-1] + 2 * TICK, times[-1] + TICK, times[-1] + 3 * TICK]
    assert look(times) == [("duplicate", 11, 11, 1), ("out_of_order", 13, 13, 1)]


def test_a_lost_item_leaves_no_gap():
    watch = StreamTimes(Stream.color)
    found = watch.item(0, 0) + watch.item(1, TICK)
    watch.lost()
    assert found + watch.item(3, 3 * TICK) + watch.close() == []


def clock_steps(items, live=True):
    """Return the items before which the clock jumped: indices of (stream, device, host ns)."""
    steps_ = ClockSteps(live=live)
    jumped = []
    for k, item in enumerate(items):
        if steps_.item(*item) is not None:
            jumped.append(k)
            steps_.restart()
            assert steps_.item(*item) is None
    return jumped


def two_streams(ticks, device=lambda _: 0, host_ns=lambda _: 0):
    """Return items of colour and bodies, with what is added to both clocks by tick."""
    return [
        (stream, k * TICK + later + device(k), 100 * (k * TICK + later) + host_ns(k))
        for k in range(ticks)
        for stream, later in ((Stream.color, 0), (Stream.bodies, 30_000))
    ]


@given(
    st.lists(st.floats(0, 30), min_size=20, max_size=120),
    st.sampled_from([0, -3600 * SECOND, 3600 * SECOND, 3 * SECOND, -SECOND // 2]),
    st.integers(5, 15),
)
def test_only_a_jump_is_a_jump_however_late_items_are_taken(late_s, by, at):
    # who is late stays in line: nothing arrives before what was taken before it
    arrivals = np.maximum.accumulate([k * TICK * 100 + int(s * 1e9) for k, s in enumerate(late_s)])
    items = two_streams(
        len(late_s), lambda k: by if k >= at else 0,
        lambda k: int(arrivals[k]) - k * TICK * 100,
    )  # fmt: skip
    jumped = clock_steps(items)
    if by == 0:
        assert jumped == []
    elif by < 0 or by > 35 * SECOND:
        assert jumped == [2 * at]
    else:
        # hidden by a wait that was longer than the jump: nobody could tell
        assert jumped in ([], [2 * at])


def test_a_jump_of_3_s_is_seen_where_items_come_in_time():
    assert clock_steps(two_streams(60, lambda k: 3 * SECOND if k >= 30 else 0)) == [60]


def test_a_device_that_is_played_faster_than_real_time_jumps_nowhere():
    items = [(s, device, host // 8) for s, device, host in two_streams(3000)]
    assert clock_steps(items) == []


def test_a_clock_that_went_back_a_little_for_good_is_another_clock():
    (at,) = clock_steps(two_streams(60, lambda k: -900_000 if k >= 30 else 0))
    assert 60 <= at <= 66


def test_in_a_file_only_device_times_count():
    def items(by):
        return [(s, t, 7) for s, t, _ in two_streams(60, lambda k: by if k >= 30 else 0)]

    assert clock_steps(items(9 * SECOND), live=False) == []
    assert clock_steps(items(11 * SECOND), live=False) == [60]
    assert clock_steps(items(-SECOND), live=False) == [60]


def body_row(time=0, **slots):
    """Return a row; ``s3=(71, 0.5)`` is body 71 in slot 3, 0.5 m to the side."""
    row = empty_body_row()
    row["time_device"] = time
    for name, (body, side) in slots.items():
        slot = int(name[1:])
        row["tracked"][0, slot], row["tracking_id"][0, slot] = 1, body
        row["joint_xyz_m"][0, slot] = np.random.default_rng(time).normal(side, 0.01, (25, 3))
    return row


def track(rows):
    """Return what rows show, as (kind, seq, count), and the texts."""
    watch = Tracking()
    found = [f for seq, row in enumerate(rows) for f in watch.row(row, seq)] + watch.close()
    return [(f.kind.name, f.seq_first, f.count) for f in found], [f.text for f in found]


def test_who_comes_back_elsewhere_or_much_later_is_somebody_new():
    here = [body_row(k * TICK, s0=(71, 0.0)) for k in range(5)]
    gone = [body_row(k * TICK) for k in range(5, 10)]
    back = body_row(10 * TICK, s1=(99, 0.1))
    kinds, texts = track([*here, *gone, back])
    assert kinds == [("body_lost", 5, 1), ("body_found", 10, 1)]
    assert "most likely body 71 again" in texts[1]
    _, texts = track([*here, *gone, body_row(10 * TICK, s1=(99, 2.0))])
    assert "71" not in texts[1]
    _, texts = track([*here, *gone, body_row(100 * TICK, s1=(99, 0.1))])
    assert "71" not in texts[1]
    _, texts = track([*here, *gone, body_row(10 * TICK, s1=(71, 0.1))])
    assert texts[1].endswith("again, lost 0.2 s before")


def test_a_swap_in_the_same_row_as_a_loss():
    rows = [
        body_row(0, s0=(1, 0.0), s1=(2, 1.0), s2=(3, 2.0)),
        body_row(TICK, s0=(2, 1.0), s1=(1, 0.0)),
    ]
    assert track(rows)[0] == [("body_lost", 1, 1), ("body_moved", 1, 2)]


def test_joints_that_stand_still_bit_for_bit():
    rows = [body_row(k * TICK, s2=(5, 0.0)) for k in range(20)]
    for k in range(7, 12):
        rows[k]["joint_xyz_m"] = rows[6]["joint_xyz_m"]
    assert track(rows)[0] == [("frozen", 6, 4), ("frozen", 6, 6)]
    for k in range(12, 20):
        rows[k]["joint_xyz_m"] = rows[6]["joint_xyz_m"]
    # to the end: the range stands in the last event
    assert track(rows)[0] == [("frozen", 6, 4), ("frozen", 6, 14)]
    assert track([body_row() for _ in range(9)])[0] == []


def test_three_equal_pictures_are_chance_and_four_are_not():
    def look_at(contents):
        watch = FrozenPictures()
        stored = []
        for seq, content in enumerate(contents):
            stored += watch.picture(seq, content, 1000, seq)[1]
        return [(f.seq_first, f.seq_last) for f in stored + watch.end_take()]

    assert look_at([1, 1, 1, 2, 2, 2, 1]) == []
    assert look_at([1, 2, 2, 2, 2, 2, 3]) == [(1, 4), (1, 5)]
    assert look_at([1, 2, 2, 2, 2]) == [(1, 4), (1, 4)]


@given(st.lists(st.integers(0, 2), max_size=60))
def test_frozen_runs_are_exactly_the_runs(contents):
    watch, ranges = Frozen(), []
    for seq, content in enumerate(contents):
        seqs = watch.item(seq, content)
        if seqs is not None and not watch.is_frozen():
            ranges.append(seqs)
    last = watch.close()
    ranges += [last] if last else []
    cuts = [k for k in range(len(contents) + 1) if k in (0, len(contents)) or
            contents[k] != contents[k - 1]]  # fmt: skip
    runs = [(a, b - 1) for a, b in zip(cuts, cuts[1:], strict=False)]
    assert ranges == [(a, b) for a, b in runs if b - a >= 3]


def test_stalls_are_noticed_once_each_and_end_with_their_range():
    watch = StallWatch({Stream.color: 40, Stream.bodies: 50}, 0)
    second = 1_000_000_000
    # a stream may take longer until its first item
    assert watch.look(5 * second // 2) == []
    assert {f.stream for f in watch.look(3 * second)} == {Stream.color, Stream.bodies}
    assert watch.look(4 * second) == []
    back = watch.item(Stream.color, 40, 7, 4 * second)
    assert (back.seq_first, back.seq_last) == (40, 40)
    assert watch.item(Stream.color, 41, 8, 4 * second + 1) is None
    assert watch.look(5 * second) == []
    (again,) = watch.look(5 * second + 1)
    assert (again.stream, again.seq_first, again.seq_last) == (Stream.color, 41, 41)
    assert {f.stream for f in watch.close(6 * second)} == {Stream.color, Stream.bodies}


def test_streams_that_fall_silent_together_are_told_of_together():
    watch, second, ms = StallWatch({Stream.color: 0, Stream.bodies: 0}, 0), 10**9, 10**6
    watch.item(Stream.color, 0, 0, second)
    watch.item(Stream.bodies, 0, 0, second + 5 * ms)
    assert watch.look(2 * second) == []
    assert {f.stream for f in watch.look(2 * second + 5 * ms)} == {Stream.color, Stream.bodies}
    watch.item(Stream.bodies, 1, 0, 9 * second)
    watch.item(Stream.color, 1, 0, 9 * second)
    watch.item(Stream.bodies, 2, 0, 10 * second - 400 * ms)
    assert [f.stream for f in watch.look(10 * second)] == [Stream.color]


def test_nobody_for_3_s_is_told_once_but_not_of_a_sensor_that_is_silent():
    watch = BodyWatch()
    told = [watch.body(body_row(k * TICK)) for k in range(200)]
    assert [k for k, seconds in enumerate(told) if seconds is not None] == [91]
    silent = BodyWatch()
    assert silent.body(body_row(0, s0=(1, 0.0))) is None
    assert silent.body(body_row(100 * SECOND)) is None


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from(list(EventKind)[:4])), max_size=300))
def test_merging_keeps_every_count_and_range_and_is_bounded(found):
    merger, stored, given_, seq = Merger(), [], [], 0
    for items, kind in found:
        for _ in range(items):
            stored += merger.item()
            seq += 1
        finding = Observation(kind, Stream.color, seq, seq + 1, seq, "text", 3)
        given_.append(finding)
        stored += merger.add(finding)
    stored += merger.flush()
    for kind in {kind for _, kind in found}:
        mine = [f for f in stored if f.kind is kind]
        wanted = [f for f in given_ if f.kind is kind]
        assert sum(f.count for f in mine) == sum(f.count for f in wanted)
        for one in wanted:
            assert any(f.seq_first <= one.seq_first and one.seq_last <= f.seq_last for f in mine)
        assert len(mine) <= FREE_EVENTS + seq / ITEMS_PER_EVENT + 1


def test_a_year_of_faults_is_told_in_few_lines():
    teller, lines = Teller(), []
    for second in range(0, 100_000):
        line = teller.line("gap", "a gap", second * 1_000_000_000)
        lines += [line] if line else []
    assert lines[0] == "a gap"
    assert 10 < len(lines) < 200
    assert "more like it before" in lines[-1]


INFO = SensorInfo("fuzz", "fuzz:", "fuzz-1", (4, 4), mirrored=True, live=True)
TIMES = st.one_of(st.integers(0, 40 * TICK), st.sampled_from([0, 2**62, -(2**62), 10**10]))


@st.composite
def items(draw):
    """Return an item with any times, bodies in any slots, NaN and infinite joints."""
    what, device, host = draw(st.integers(0, 3)), draw(TIMES), draw(TIMES)
    if what == 0:
        return Lost(Stream.color, device, host)
    if what == 1:
        interval = draw(st.sampled_from([-1, TICK, 2 * TICK, 1, 2**40]))
        return ColorFrame(
            None, device, host, frame_interval=interval, flags=draw(st.integers(0, 3))
        )
    row = empty_body_row()
    row["time_device"], row["time_host"] = device, host
    row["tracked"][0] = draw(st.lists(st.integers(0, 1), min_size=6, max_size=6))
    row["tracking_id"][0] = draw(
        st.lists(st.sampled_from([0, 1, 2, 2**64 - 1]), min_size=6, max_size=6)
    )
    row["joint_xyz_m"][0] = draw(st.sampled_from([np.nan, np.inf, 0.0, 3e38]))
    return BodyFrame(row)


@settings(max_examples=60, deadline=None)
@given(st.lists(items(), max_size=80), st.booleans())
def test_no_stream_of_items_upsets_the_watches(stream_of_items, live):
    info = SensorInfo("fuzz", "fuzz:", "fuzz-1", (4, 4), mirrored=True, live=live)
    noticing = Noticing(info, {Stream.color: 0, Stream.bodies: 0}, 0)
    seqs = {Stream.color: 0, Stream.bodies: 0}
    stored = []
    for now_ns, item in enumerate(stream_of_items):
        stream = Stream.bodies if isinstance(item, BodyFrame) else Stream.color
        if noticing.clock_step(item) is not None:
            stored += noticing.end_take()
            assert noticing.clock_step(item) is None
        found, now = noticing.item(item, seqs[stream], now_ns * 400_000_000)
        stored += now
        seqs[stream] += 1
        noticing.stalls.look(now_ns * 400_000_000)
        assert all(f.seq_first <= f.seq_last <= seqs[f.stream] for f in found)
    stored += noticing.end(10**12)
    for finding in stored:
        assert 0 <= finding.seq_first <= finding.seq_last
        assert finding.count >= 0
        assert finding.text


def test_an_endless_flood_of_faults_costs_no_memory_and_few_events():
    noticing = Noticing(INFO, {Stream.color: 0, Stream.bodies: 0}, 0)
    stored, used = 0, []
    tracemalloc.start()
    try:
        for k in range(3000):
            # late, repeated and missing items, other bodies in every row, a frozen one among them
            time = (k * TICK, (k - 1) * TICK, (k + 3) * TICK)[k % 3]
            row = body_row(time, s0=(k, 0.0), s1=(1, 0.0))
            row["joint_xyz_m"][0, 1] = k // 5
            for item in (ColorFrame(None, time, 100 * time), BodyFrame(row)):
                noticing.clock_step(item)
                stored += len(noticing.item(item, k, 100 * time)[1])
            if k in (1000, 2999):
                used.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert used[1] - used[0] < 20_000
    # 9 kinds and streams: 8 events each, then one for 64 items
    assert 100 < stored < 9 * (FREE_EVENTS + 6_000 / ITEMS_PER_EVENT + 1)


def test_colour_in_low_light_is_marked():
    noticing = Noticing(INFO, {Stream.color: 0, Stream.bodies: 0}, 0)
    frame = ColorFrame(None, 0, 0, frame_interval=2 * TICK)
    noticing.item(frame, 0, 0)
    assert frame.flags & ColorFlag.low_light


def test_takes_that_begin_on_and_on_are_bounded():
    noticing = Noticing(INFO, {Stream.color: 0, Stream.bodies: 0}, 0)
    begun = [noticing.may_begin_take() for _ in range(MOST_TAKES + 1)]
    assert begun == [True] * MOST_TAKES + [False]
    for k in range(10 * ITEMS_PER_TAKE):
        noticing.item(Lost(Stream.color, 0, 0), k, 0)
        begun.append(noticing.may_begin_take())
    assert 9 <= sum(begun) - MOST_TAKES <= 10


@pytest.mark.parametrize(("every", "is_told"), [(200, False), (35, False), (10, True)])
def test_single_frames_that_every_sensor_misses_are_stored_and_not_told(every, is_told):
    noticing = Noticing(INFO, {Stream.color: 0, Stream.bodies: 0}, 0)
    told, stored, seq = [], [], 0
    for tick in range(2000):
        if tick % every:
            now, later = noticing.item(ColorFrame(None, tick * TICK, 0), seq, tick * 33_333_300)
            told, stored, seq = told + now, stored + later, seq + 1
    stored += noticing.end_take()
    assert sum(finding.count for finding in stored) == (2000 - 1) // every
    assert bool(told) == is_told


def test_two_frames_missing_at_once_are_told():
    noticing = Noticing(INFO, {Stream.color: 0, Stream.bodies: 0}, 0)
    told = []
    for seq, tick in enumerate([*range(20), *range(22, 40)]):
        told += noticing.item(ColorFrame(None, tick * TICK, 0), seq, tick * 33_333_300)[0]
    assert [(f.kind, f.count) for f in told] == [(EventKind.gap, 2)]
