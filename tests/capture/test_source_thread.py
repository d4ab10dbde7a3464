"""What the source's thread makes of words before the first item, of limits and of wild clocks."""

from dataclasses import replace

import pytest

from kincap.capture.record import RecordError, RecordSettings, record
from kincap.capture.sources.sensor import Notice, TakeStart
from kincap.capture.watches.observations import FREE_EVENTS
from kincap.capture.watches.watches import ITEMS_PER_TAKE, MOST_TAKES
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import EventKind

from .fault_cases import CASES, HOUR, unplugged
from .fault_table import Case, run_case
from .scripted import ScriptedSensor, jump, say, silence, steady
from .virtual_clock import VirtualClock


def _record(tmp_path, shots, **settings):
    clock = VirtualClock()
    sensor = ScriptedSensor(shots, clock)
    return record(
        RecordSettings("s", tmp_path, shard_mib=8, report=False, **settings),
        sensor=sensor, clock=clock,
    )  # fmt: skip


def test_what_is_said_before_the_first_item_belongs_to_the_take_that_begins(tmp_path):
    word = Notice("the sensor was unplugged", EventKind.sensor_lost)
    for _ in range(2):
        _record(tmp_path, say(steady(10), 0, word))
    with SessionReader(tmp_path / "s") as reader:
        said = reader.events[reader.events["kind"] == EventKind.sensor_lost]
        assert said["take"].tolist() == [0, 1]
        assert said["time_device"].tolist() == [-1, -1]


def test_a_word_of_the_sensor_has_the_take_and_the_time_of_the_item_before_it(tmp_path):
    (case,) = [case for case in CASES if case.name == "unplugged for 5 s"]
    run_case(case, tmp_path)
    with SessionReader(tmp_path / "s") as reader:
        last = reader.bodies[59]
        for kind in (EventKind.sensor_lost, EventKind.sensor_back):
            (said,) = reader.events[reader.events["kind"] == kind]
            assert (said["take"], said["time_device"]) == (last["take"], last["time_device"])


def test_a_recording_makes_up_for_a_time_without_its_sensor(tmp_path):
    done = _record(tmp_path, unplugged(steady(300), 60, 120), duration_s=6.0)
    assert done.duration_s == pytest.approx(6.0, abs=0.05)


def test_a_source_slower_than_its_clock_says_is_recorded_as_long_as_was_asked_for(tmp_path):
    slow = [replace(shot, arrives=3 * shot.arrives) for shot in steady(200)]
    assert _record(tmp_path, slow, duration_s=4.0).duration_s == pytest.approx(4.0, abs=0.05)


def test_a_clock_that_jumps_on_and_on_costs_items_but_no_recording(tmp_path):
    shots = steady(400)
    for tick in range(10, 160, 4):
        shots = jump(shots, tick, HOUR if tick % 8 < 4 else -HOUR)
    dropped = {("drop_stale", stream): None for stream in ("color", "bodies")}
    case = Case("wild clock", shots, drops=dropped)
    row = run_case(case, tmp_path)
    assert set(row.dropped) == set(dropped)
    assert MOST_TAKES < row.result.takes <= MOST_TAKES + 800 / ITEMS_PER_TAKE + 1
    steps = [named for named in row.named if named[0] == "clock_step"]
    assert sum(count for *_, count in steps) == row.result.takes - 1
    # what came when the clock had calmed down is there again, in one take
    with SessionReader(tmp_path / "s") as reader:
        for rows in (reader.color, reader.bodies):
            assert set(range(260, 400)) <= set(rows["seq"].tolist())
            assert len(set(rows["take"][rows["seq"] >= 260].tolist())) == 1
    (told,) = [line for line in row.result.warnings if "again and again" in line]
    assert told.startswith("scripted: its clock")
    assert "left out" in told
    assert all("again and again" in line or "no " not in line for line in row.result.warnings)


def test_a_source_that_begins_anew_on_and_on_makes_no_endless_takes(tmp_path):
    shots = steady(100)
    for tick in range(1, 100):
        shots = say(shots, tick, TakeStart())
    row = run_case(Case("restless", shots), tmp_path)
    assert MOST_TAKES <= row.result.takes <= MOST_TAKES + 200 / ITEMS_PER_TAKE + 1


def test_a_file_whose_clock_jumps_on_and_on_ends_the_recording_in_order(tmp_path):
    shots = steady(100)
    for tick in range(10, 100, 2):
        shots = jump(shots, tick, HOUR if tick % 4 < 2 else -HOUR)
    clock = VirtualClock()
    sensor = ScriptedSensor(shots, clock)
    sensor.info = replace(sensor.info, live=False)
    with pytest.raises(RecordError, match="jumps again and again") as broken:
        record(RecordSettings("s", tmp_path, shard_mib=8), sensor=sensor, clock=clock)
    done = broken.value.result
    assert done.takes == MOST_TAKES
    assert done.dropped == {"stale": 1}
    assert done.handed_over == {name: len(shots) for name, shots in sensor.handed.items()}
    assert done.color_frames + done.body_frames + 1 == sum(done.handed_over.values())


def test_a_sensor_that_is_lost_and_found_for_hours_fills_neither_events_nor_screen(tmp_path):
    shots = steady(20)
    for k in range(300):
        kind = (EventKind.sensor_lost, EventKind.sensor_back)[k % 2]
        shots = say(shots, 10, Notice(f"{kind.name} {k}", kind))
    done = _record(tmp_path, shots)
    with SessionReader(tmp_path / "s") as reader:
        texts = [event["text"].decode() for event in reader.events[1:]]
    assert texts[:2] == ["sensor_lost 0", "sensor_back 1"]
    assert len(texts) == 2 * (FREE_EVENTS + 1)
    assert sum(text.startswith("142 times") for text in texts) == 2
    assert done.warnings == ["sensor_lost 0", "sensor_back 1"]


@pytest.mark.parametrize("first", [0, 20])
def test_frames_end_a_recording_without_waiting_for_bodies_that_do_not_come(tmp_path, first):
    shots = silence(steady(100), first, None, "bodies")
    row = run_case(Case("no bodies", shots, record={"frames": 40}), tmp_path)
    # nothing more was asked of the source: what it gave is what was recorded
    assert row.handed == {"color": 40, "bodies": first}
