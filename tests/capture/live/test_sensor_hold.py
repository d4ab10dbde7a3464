"""A source held open over several recordings: boundaries, counts, pre-roll, a lost sensor."""

import json
from dataclasses import replace

import numpy as np
import pytest

from kincap.capture.live.control import RecordingControl
from kincap.capture.live.observers import LatestPicture
from kincap.capture.live.sensor_hold import HeldSensor
from kincap.capture.record import RecordError, RecordSettings, record
from kincap.capture.sources.sensor import Notice
from kincap.core.errors import KincapError, SensorError
from kincap.core.files.file_io import FileIO
from kincap.core.jpeg import encode_jpeg
from kincap.sessions.reader import SessionReader
from kincap.sessions.repair.verify import verify_session
from kincap.sessions.schema import ColorFlag, EventKind, Stream

from ..scripted import TICK, ScriptedSensor, jump, picture_of, say, steady
from ..virtual_clock import VirtualClock


@pytest.fixture
def clock():
    return VirtualClock()


def _settings(tmp_path, name, **more):
    return RecordSettings(name, tmp_path, shard_mib=8, report=False, **more)


def _rows(tmp_path, name):
    with SessionReader(tmp_path / name) as reader:
        return reader.color.copy(), reader.bodies.copy(), reader.events.copy()


def _times(shots, stream):
    return [shot.device for shot in shots if shot.stream == stream]


def test_sessions_follow_each_other_and_what_comes_between_is_counted(tmp_path, clock):
    sensor = ScriptedSensor(steady(600), clock, waits_after=True)
    with HeldSensor(lambda: sensor, clock=clock) as held:
        clock.sleep(2.0)
        first = held.record(_settings(tmp_path, "a", frames=60))
        clock.sleep(3.0)
        second = held.record(_settings(tmp_path, "b", duration_s=2.0))
        clock.sleep(1.0)
        third = held.record(_settings(tmp_path, "a", frames=30))
        clock.sleep(20.0)
        came = {stream: len(sensor.handed[stream.name]) for stream in held.not_stored}
        used = dict.fromkeys(held.not_stored, 0)
        for done in (first, second, third):
            for stream in used:
                used[stream] += done.handed_over[stream.name]
        assert {s: held.not_stored[s] + used[s] for s in used} == came == \
            {Stream.color: 600, Stream.bodies: 600}  # fmt: skip
    assert sensor.lent == sensor.returned
    times = _times(steady(600), "color")
    for name in ("a", "b"):
        assert verify_session(tmp_path / name).ok
        color, bodies, events = _rows(tmp_path, name)
        assert color["seq"].tolist() == list(range(len(color)))
        for take in np.unique(color["take"]):
            own = color["time_device"][color["take"] == take].tolist()
            at = times.index(own[0])
            assert own == times[at : at + len(own)]
            # bodies come after their frame here: a session begins and ends with whole frames
            rows = bodies["time_device"][bodies["take"] == take]
            assert rows.tolist() == [time + 30_000 for time in own]
        assert {int(e["kind"]) for e in events} == {EventKind.take_start}
    assert (first.color_frames, third.color_frames, first.dropped) == (60, 30, {})


def test_a_session_of_a_held_source_is_as_one_recorded_alone(tmp_path, clock):
    alone = ScriptedSensor(steady(60), clock)
    record(_settings(tmp_path, "alone"), sensor=alone, clock=clock)
    sensor = ScriptedSensor(steady(100), clock, waits_after=True)
    with HeldSensor(lambda: sensor, clock=clock) as held:
        clock.sleep(0.5)
        held.record(_settings(tmp_path, "held", frames=60))
    infos = []
    for name in ("alone", "held"):
        info = json.loads((tmp_path / name / "session.json").read_text())
        takes = info.pop("takes")
        for key in ("uuid", "created_utc", "name", "outfit", "layouts", "checksum"):
            info.pop(key, None)
        infos.append((info, [sorted(take) for take in takes]))
        color, bodies, events = _rows(tmp_path, name)
        infos[-1] += (len(color), len(bodies), len(events), set(color["flags"].tolist()))
    assert infos[0] == infos[1]


def test_the_pre_roll_begins_the_session_before_it_was_asked_for(tmp_path, clock):
    shots = steady(300)
    sensor = ScriptedSensor(shots, clock, waits_after=True)
    with HeldSensor(lambda: sensor, clock=clock, pre_roll_s=2.0) as held:
        clock.sleep(4.0)
        asked_at = len(sensor.handed["color"])
        done = held.record(_settings(tmp_path, "a", frames=90))
        clock.sleep(1.0)
        again = held.record(_settings(tmp_path, "b", frames=40), pre_roll_s=0.5)
    assert (done.dropped, again.dropped) == ({}, {})
    color, bodies, _ = _rows(tmp_path, "a")
    begin = _times(shots, "color").index(color["time_device"][0])
    assert asked_at - begin == pytest.approx(60, abs=2)
    assert np.diff(color["time_device"]).tolist() == [TICK] * 89  # kept and live without a gap
    assert len(bodies) == 90
    assert bodies["time_device"][0] - color["time_device"][0] == 30_000
    assert not (color["flags"] & ColorFlag.stored_as_given).any()
    with SessionReader(tmp_path / "a") as reader:
        drawn = picture_of([shot for shot in shots if shot.stream == "color"][begin])
        assert reader.color_blob(0) == encode_jpeg(drawn)
        (take,) = reader.info.takes
        assert take["host_ns"] == color["time_host"][0]
    later, _, _ = _rows(tmp_path, "b")
    assert len(later) == 40
    assert sensor.lent == sensor.returned


def test_a_pre_roll_is_a_number_of_seconds_that_fits_into_memory():
    for seconds in (-1.0, 10.5, float("nan")):
        with pytest.raises(KincapError, match="--pre-roll"):
            HeldSensor(lambda: None, pre_roll_s=seconds)


class _Source:
    """Opens one scripted sensor after another; an error in place of one can't be opened."""

    def __init__(self, clock, *scripts):
        self.clock, self.scripts, self.opened = clock, list(scripts), []

    def __call__(self):
        script = self.scripts.pop(0)
        self.opened.append(self.clock.now_ns())
        if isinstance(script, Exception):
            raise script
        sensor = ScriptedSensor(script, self.clock, waits_after=True)
        return sensor


def test_a_source_that_breaks_off_while_idle_is_reported_and_opened_again(tmp_path, clock):
    broken = say(steady(60), 60, SensorError("the cable was pulled"))
    gone = SensorError("no sensor", exit_code=3)
    source, told = _Source(clock, broken, gone, gone, steady(300)), []
    with HeldSensor(source, clock=clock, on_notice=told.append) as held:
        clock.sleep(2.6)
        assert held.lost == "no sensor"
        assert held.status().note == "no sensor"
        with pytest.raises(SensorError, match="gives nothing") as refused:
            held.record(_settings(tmp_path, "a", frames=30))
        assert refused.value.exit_code == 3
        assert not (tmp_path / "a").exists()
        clock.sleep(4.0)
        assert (held.lost, held.reopened) == ("", 1)
        assert held.record(_settings(tmp_path, "a", frames=30)).color_frames == 30
    waits = np.diff(source.opened)[1:] / 1e9
    assert waits == pytest.approx([1.0, 2.0])
    assert ["cable was pulled" in told[0], "is back after" in told[1], len(told)] == [True, True, 2]


def test_a_source_that_breaks_off_while_recording_is_opened_again_in_the_next_take(tmp_path, clock):
    broken = say(steady(60), 60, SensorError("the cable was pulled"))
    source = _Source(clock, broken, SensorError("no sensor"), jump(steady(300), 0, 7_000_000))
    with HeldSensor(source, clock=clock) as held:
        done = held.record(_settings(tmp_path, "a", frames=100))
    assert (done.color_frames, done.takes, done.dropped) == (100, 2, {})
    assert verify_session(tmp_path / "a").ok
    _, _, events = _rows(tmp_path, "a")
    kinds = [int(e["kind"]) for e in events]
    assert kinds.count(EventKind.sensor_lost) == kinds.count(EventKind.sensor_back) == 1
    assert any("cable was pulled" in text for text in done.warnings)


def test_another_sensor_that_comes_back_ends_the_recording_and_is_used_for_the_next(
    tmp_path, clock
):
    class _Other(ScriptedSensor):
        def __init__(self, *args, **more):
            super().__init__(*args, **more)
            self.info = replace(self.info, mirrored=False)

    sensors = [
        ScriptedSensor(say(steady(60), 60, SensorError("gone")), clock),
        _Other(steady(300), clock, waits_after=True),
    ]
    with HeldSensor(lambda: sensors.pop(0), clock=clock) as held:
        with pytest.raises(RecordError, match="another sensor came back"):
            held.record(_settings(tmp_path, "a", frames=100))
        assert held.record(_settings(tmp_path, "b", frames=30)).color_frames == 30
    assert len(_rows(tmp_path, "a")[0]) == 60
    with SessionReader(tmp_path / "b") as reader:
        assert reader.info.device.mirrored is False


def test_a_source_that_ends_ends_the_recording_and_is_opened_again(tmp_path, clock):
    sensors = [
        ScriptedSensor(steady(60), clock),
        ScriptedSensor(steady(60), clock, waits_after=True),
    ]
    with HeldSensor(lambda: sensors.pop(0), clock=clock) as held:
        assert held.record(_settings(tmp_path, "a")).color_frames == 60
        clock.sleep(0.5)
        assert held.record(_settings(tmp_path, "b", frames=20)).color_frames == 20


def test_what_a_sensor_says_itself_is_known_while_idle(clock):
    lost = Notice("kinect: the sensor was unplugged", EventKind.sensor_lost)
    shots = say(steady(30), 30, lost)
    told = []
    sensor = ScriptedSensor(shots, clock, waits_after=True)
    with HeldSensor(lambda: sensor, clock=clock, on_notice=told.append) as held:
        clock.sleep(2.0)
        assert held.lost == lost.text
    assert told == [lost.text]


def test_a_lost_sensor_is_lost_although_frames_still_wait(clock):
    """The driver hands over what came before the cable was pulled after it has said so."""
    lost = Notice("kinect: the sensor was unplugged", EventKind.sensor_lost)
    back = Notice("kinect: the sensor is back after 1.0 s", EventKind.sensor_back)
    sensor = ScriptedSensor(say(say(steady(60), 28, lost), 50, back), clock, waits_after=True)
    with HeldSensor(lambda: sensor, clock=clock) as held:
        while not held.lost:
            clock.sleep(0.01)
        clock.sleep(0.3)
        assert held.lost == lost.text
        clock.sleep(2.0)
        assert held.lost == ""


def test_a_picture_shows_while_nothing_is_recorded_and_observers_see_all(tmp_path, clock):
    rows, frames = [], []

    class _Follower:
        def on_color(self, frame_seq, device_ns):
            frames.append((frame_seq, device_ns))

        def on_bodies(self, row):
            rows.append(int(row["time_device"][0]))

    picture = LatestPicture()
    sensor = ScriptedSensor(steady(300), clock, waits_after=True)
    with HeldSensor(lambda: sensor, clock=clock, picture=picture, observers=[_Follower()]) as held:
        clock.sleep(0.5)
        assert picture.get() is None
        clock.sleep(0.5)
        assert picture.get().seq == -1
        assert held.status().color_fps == pytest.approx(30, abs=1)
        held.record(_settings(tmp_path, "a", frames=60))
        assert picture.get().seq == 59
    assert [seq for seq, _ in frames if seq >= 0] == list(range(60))
    assert rows == sorted(set(rows))
    assert len(rows) == len(sensor.handed["bodies"])


def test_a_file_is_not_asked_for_anything_between_recordings(tmp_path, clock):
    opened = []

    def open_file():
        sensor = ScriptedSensor(steady(60), clock)
        sensor.info = replace(sensor.info, live=False)
        opened.append(sensor)
        return sensor

    with HeldSensor(open_file, clock=clock) as held:
        clock.sleep(5.0)
        assert opened[0].handed["color"] == []
        assert held.record(_settings(tmp_path, "a")).color_frames == 60
        assert held.record(_settings(tmp_path, "b")).color_frames == 60
    assert held.not_stored.total() == 0


def test_a_second_recording_at_the_same_time_is_refused(tmp_path, clock):
    refused = []

    def ask():
        with pytest.raises(SensorError, match="another recording runs"):
            held.record(_settings(tmp_path, "b", frames=30))
        refused.append(True)

    sensor = ScriptedSensor(say(steady(120), 20, ask), clock, waits_after=True)
    with HeldSensor(lambda: sensor, clock=clock) as held:
        held.record(_settings(tmp_path, "a", frames=60))
    assert refused == [True]


def test_settings_that_are_refused_change_nothing_for_the_next_recording(tmp_path, clock):
    sensor = ScriptedSensor(steady(300), clock, waits_after=True)
    with HeldSensor(lambda: sensor, clock=clock) as held:
        for bad in (_settings(tmp_path, "..", frames=3), _settings(tmp_path, "a", frames=0)):
            with pytest.raises(KincapError):
                held.record(bad)
        clock.sleep(1.0)
        assert held.record(_settings(tmp_path, "a", frames=30)).color_frames == 30
    assert sensor.lent == sensor.returned


@pytest.mark.parametrize("pre_roll_s", [0.0, 1.0])
def test_the_clocks_of_a_take_that_waited_for_its_start_are_of_its_first_frame(
    tmp_path, clock, pre_roll_s
):
    control = RecordingControl(waiting=True)
    sensor = ScriptedSensor(say(steady(300), 90, control.start), clock, waits_after=True)
    with HeldSensor(lambda: sensor, clock=clock, pre_roll_s=pre_roll_s) as held:
        clock.sleep(1.5)
        done = held.record(_settings(tmp_path, "a", frames=30), control=control)
    color, _, _ = _rows(tmp_path, "a")
    assert (len(color), done.takes) == (30, 1)
    assert color["time_device"][0] == _times(steady(300), "color")[90]
    with SessionReader(tmp_path / "a") as reader:
        (take,) = reader.info.takes
    assert take["host_ns"] == color["time_host"][0]
    assert take["device_100ns"] == color["time_device"][0]
    assert sensor.lent == sensor.returned


def test_a_pre_roll_takes_no_more_than_its_share_of_memory(clock):
    sensor = ScriptedSensor(steady(600), clock, waits_after=True)
    with HeldSensor(lambda: sensor, clock=clock, pre_roll_s=2.0) as held:
        clock.sleep(30.0)
        # images are given back at once, two seconds of rows are kept
        assert sensor.lent == sensor.returned
        assert sensor._rows <= 61 + 128  # two seconds, and what the meter of the status keeps
        assert held.not_stored[Stream.color] == pytest.approx(600 - 60, abs=1)


def test_frames_that_come_while_a_recording_begins_slowly_are_kept_encoded(tmp_path, clock):
    class _SlowBegin(FileIO):
        """A disk on which the first shard takes two seconds."""

        def reserve(self, fd, size):
            if not begun:
                begun.append(size)
                clock.sleep(2.0)
            super().reserve(fd, size)

    begun: list[int] = []
    shots = steady(300)
    sensor = ScriptedSensor(shots, clock, waits_after=True)
    with HeldSensor(lambda: sensor, clock=clock, pre_roll_s=1.0) as held:
        clock.sleep(2.0)
        done = held.record(_settings(tmp_path, "a", frames=150), io=_SlowBegin())
        assert sensor.most_pictures <= 8
    assert (done.color_frames, done.body_frames, done.dropped) == (150, 150, {})
    color, _, _ = _rows(tmp_path, "a")
    assert np.diff(color["time_device"]).tolist() == [TICK] * 149
    assert not (color["flags"] & ColorFlag.stored_as_given).any()
    with SessionReader(tmp_path / "a") as reader:
        first = _times(shots, "color").index(color["time_device"][0])
        drawn = picture_of([shot for shot in shots if shot.stream == "color"][first + 60])
        assert reader.color_blob(60) == encode_jpeg(drawn)
