"""What the source's thread makes of words before the first item, of limits and of wild clocks."""

from dataclasses import replace

import pytest

from kincap.capture.record import RecordSettings, record
from kincap.capture.sensor import Notice
from kincap.core.session_reader import SessionReader
from kincap.core.shard import EventKind

from .fault_cases import CASES, unplugged
from .fault_table import run_case
from .scripted import ScriptedSensor, say, steady
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
