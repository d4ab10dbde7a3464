"""Every fault of a device or a disk is named, every item accounted for, nothing piles up."""

import json
import tempfile
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kincap.capture.record import RecordError, RecordSettings, record
from kincap.capture.sources.sensor import Notice, TakeStart
from kincap.capture.watches.observations import FREE_EVENTS, ITEMS_PER_EVENT
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import EventKind

from .fault_cases import CASES, HOUR, QUIET
from .fault_table import Case, check_named, run_case
from .scripted import TICK, ScriptedSensor, change, jump, say, silence, steady
from .virtual_clock import VirtualClock, VirtualQueue


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_fault(case, tmp_path):
    check_named(run_case(case, tmp_path))


@pytest.mark.parametrize("case", QUIET, ids=lambda case: case.name)
def test_nothing_is_said_of_an_odd_device_that_is_fine(case, tmp_path):
    row = run_case(case, tmp_path)
    check_named(row)
    assert row.result.warnings == []


def _late(shot):
    return replace(shot, arrives=shot.arrives + TICK + 20_000)


def _twice(shots, first, stream):
    again = [
        s for s in shots if s.stream == stream and first * TICK <= s.moment < (first + 3) * TICK
    ]
    shots = shots + [replace(shot, arrives=shot.arrives + 15_000) for shot in again]
    return sorted(shots, key=lambda shot: shot.arrives)


def _replugged(shots, first, last):
    shots = jump(silence(shots, first, last), first, -9_000_000_000)
    shots = say(shots, first, Notice("unplugged", EventKind.sensor_lost))
    return say(shots, last, TakeStart())


FAULTS = [
    lambda shots, k, n, stream: silence(shots, k, k + n, stream),
    lambda shots, k, n, stream: silence(shots, k, k + n),
    lambda shots, k, n, _: jump(shots, k, HOUR),
    lambda shots, k, n, _: jump(shots, k, -HOUR),
    lambda shots, k, n, stream: change(shots, k, k + 1, _late, stream),
    lambda shots, k, n, stream: _twice(shots, k, stream),
    lambda shots, k, n, _: _replugged(shots, k, k + n),
    lambda shots, k, n, _: change(shots, k, k + n, lambda s: replace(s, shape=(5, 5, 3)), "color"),
    lambda shots, k, n, _: change(shots, k, k + n, lambda s: replace(s, people={}), "bodies"),
]


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(
            st.sampled_from(FAULTS), st.integers(0, 150), st.integers(1, 60),
            st.sampled_from(["color", "bodies"]),
        ),
        min_size=1, max_size=4,
    ),
    st.sampled_from([{}, {"stall_s": 4.0, "at_s": 1.0}, {"write_s": 0.02}]),
    st.sampled_from([{}, {"encoding_s": 0.1}]),
)  # fmt: skip
def test_any_mix_of_faults_is_accounted_for(faults, disk, sensor):
    shots = steady(160)
    for fault, first, ticks, stream in faults:
        shots = fault(shots, first, ticks, stream)
    with tempfile.TemporaryDirectory() as folder:
        run_case(Case("mix", shots, disk=disk, sensor=sensor), Path(folder))


def test_a_flood_of_faults_neither_fills_the_events_nor_the_screen(tmp_path):
    quiet = run_case(Case("quiet", steady(300)), tmp_path / "quiet")
    shots = steady(300)
    for tick in range(0, 300, 2):
        one = {0: (tick + 100, 0.0)}
        shots = change(shots, tick, tick + 1, lambda s, one=one: replace(s, people=one), "bodies")
    shots = sorted(
        [*shots, *(replace(shot, arrives=shot.arrives + 15_000) for shot in shots)],
        key=lambda shot: shot.arrives,
    )
    flood = run_case(Case("flood", shots), tmp_path / "flood")
    found = Counter(kind for kind, *_ in flood.named)
    assert set(found) == {"duplicate", "body_lost", "body_found"}
    items = sum(flood.handed.values())
    assert sum(found.values()) <= 4 * (FREE_EVENTS + items / ITEMS_PER_EVENT + 1)
    # all that was noticed is counted, though not one by one
    counted = Counter()
    for kind, *_, count in flood.named:
        counted[kind] += count
    assert counted["duplicate"] == 600
    assert counted["body_found"] >= 290
    assert flood.result.shards <= 2 * quiet.result.shards + 1
    assert len(flood.result.warnings) <= 12


@pytest.mark.parametrize("time", [2**63, -(2**70), 1.5])
def test_a_time_that_fits_into_no_row_ends_a_recording_in_order(tmp_path, time):
    shots = change(steady(60), 40, 41, lambda shot: replace(shot, device=time), "color")
    says = "interpreted as an integer" if time == 1.5 else "expected a whole number of 64 bits"
    clock = VirtualClock()
    sensor = ScriptedSensor(shots, clock)
    with pytest.raises(RecordError, match=says):
        record(RecordSettings("s", tmp_path, shard_mib=8), sensor=sensor, clock=clock)
    with SessionReader(tmp_path / "s") as reader:
        assert reader.color["seq"].tolist() == list(range(40))
        assert reader.events["kind"].tolist() == [EventKind.take_start, EventKind.sensor_lost]


def test_a_session_is_shown_with_what_was_noticed(tmp_path, kincap):
    (case,) = [case for case in CASES if "then swapped slots" in case.name]
    run_case(case, tmp_path)
    shown = kincap("sessions", "show", "s", "--recordings", tmp_path, "--json")
    assert json.loads(shown.stdout)["noticed"] == {
        "sensor_lost": 1, "stall": 2, "sensor_back": 1, "body_moved": 1, "low_light": 1,
    }  # fmt: skip
    text = kincap("sessions", "show", "s", "--recordings", tmp_path).stdout
    assert "1 sensor_lost, 2 stall, 1 sensor_back, 1 body_moved, 1 low_light" in text


def test_the_table_comes_out_the_same_every_time(tmp_path):
    (case,) = [case for case in CASES if case.name.startswith("disk stands still for 10 s")]
    rows = [run_case(case, tmp_path / name) for name in ("one", "two")]
    assert rows[0].dropped == rows[1].dropped
    assert rows[0].as_row() == rows[1].as_row()


class _Hangs(ScriptedSensor):
    """A device whose driver never returns, not even when it is closed."""

    def items(self):
        yield from super().items()
        self.clock.wait(self.let_go, 1e6)

    let_go = threading.Event()


def test_a_device_that_hangs_is_left_behind_and_what_it_gave_is_accounted_for(tmp_path):
    # the encoder has been behind to the last frame: losses are still open when all stands still
    case = Case(
        "hangs", steady(100), record={"duration_s": 6.0}, sensor={"encoding_s": 0.3},
        drops={("drop_ring_full", "color"): None}, told=("does not stop; left behind",),
        named=[(*("stall", stream, 99, 99), 0) for stream in ("color", "bodies") for _ in range(2)],
    )  # fmt: skip
    try:
        row = run_case(case, tmp_path, sensor_type=_Hangs)
    finally:
        _Hangs.let_go.set()
    check_named(row)
    assert row.dropped["drop_ring_full", "color"][-1] >= 97


class _EndlessPlaces(VirtualQueue):
    """A queue that, where it holds places, always has one more to give."""

    holds_places = False

    def put(self, item):
        self.holds_places |= isinstance(item, int)
        super().put(item)

    def get_nowait(self):
        return 0 if self.empty() and self.holds_places else super().get_nowait()


class _Boundless(VirtualClock):
    """What if the recorder's queues had no bounds?"""

    def queue(self):
        return _EndlessPlaces(self)


def test_a_queue_without_bounds_would_be_noticed(tmp_path):
    case = Case("slow disk", steady(240), disk={"stall_s": 6.0, "at_s": 1.0})
    with pytest.raises(AssertionError, match="pile up"):
        run_case(case, tmp_path, _Boundless)
