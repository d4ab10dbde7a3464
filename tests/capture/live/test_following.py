"""Status, observers and the latest picture of a recording that runs."""

import threading
from dataclasses import replace

import pytest

from kincap.capture.live.control import RecordingControl
from kincap.capture.live.observers import MOST_WAITING, LatestPicture, ObserverFeed
from kincap.capture.record import RecordSettings, record
from kincap.core.jpeg import jpeg_size
from kincap.sessions.reader import SessionReader

from ..scripted import SIZE_PX, TICK, ScriptedSensor, say, steady
from ..virtual_clock import VirtualClock


class _Follower:
    """Notes what it sees; ``fails`` raises at the first row."""

    def __init__(self, fails=False):
        self.frames, self.rows, self._fails = [], [], fails

    def on_color(self, frame_seq, device_ns):
        self.frames.append((frame_seq, device_ns))

    def on_bodies(self, rows):
        self.rows.append(rows)
        if self._fails:
            raise RuntimeError("a fault of the follower")


def _followed(tmp_path, shots, **following):
    clock = VirtualClock()
    sensor = ScriptedSensor(shots, clock)
    settings = RecordSettings("s", tmp_path, shard_mib=8, report=False)
    return record(settings, sensor=sensor, clock=clock, **following), sensor


def test_the_status_says_what_is_recorded(tmp_path):
    seen = []
    done, _ = _followed(tmp_path, steady(300), on_status=seen.append)
    assert len(seen) == pytest.approx(20, abs=3)  # twice a second
    assert [status.state for status in seen[:-1]] == ["recording"] * (len(seen) - 1)
    assert seen[-1].state == "ending"
    late = seen[-2]
    assert (late.session, late.take, late.bodies, late.dropped) == ("s", 0, 2, {})
    assert (late.color_fps, late.body_fps) == pytest.approx((30, 30), abs=0.5)
    assert (late.tracked_share, late.inferred_share) == (1.0, 0.0)
    assert late.pair_residual_ms == pytest.approx(3.0, abs=0.01)
    assert late.elapsed_s == pytest.approx(late.color_frames / 30, abs=0.1)
    assert late.disk_minutes_left > 1
    assert seen[-1].color_frames == done.color_frames == 300
    assert late.to_json()["schema"] == "kincap/live/1"


def test_the_status_knows_pauses_cues_and_waiting(tmp_path):
    control, seen = RecordingControl(waiting=True), []
    shots = say(say(steady(300), 60, control.start), 120, control.pause)
    shots = say(say(shots, 90, lambda: control.cue("zoom", "begin")), 210, control.resume)
    _followed(tmp_path, shots, on_status=seen.append, control=control)
    states = [status.state for status in seen]
    assert sorted(set(states), key=states.index) == ["waiting", "recording", "paused", "recording",
                                                     "ending"][:3] + ["ending"]  # fmt: skip
    paused = [status for status in seen if status.state == "paused"]
    assert paused[-1].not_stored == pytest.approx(120 + 180, abs=35)
    assert paused[-1].elapsed_s == pytest.approx(2.0, abs=0.1)
    assert paused[-1].color_fps == pytest.approx(30, abs=0.5)
    assert {status.cue for status in seen} == {"", "zoom"}


def test_the_status_counts_what_was_lost_lately(tmp_path):
    from kincap.capture.sources.sensor import Lost
    from kincap.sessions.schema import Stream

    class _Losing(ScriptedSensor):
        def items(self):
            for n, item in enumerate(super().items()):
                yield Lost(Stream.color, item.time_device, item.time_host) if n % 20 == 10 else item

    seen, clock = [], VirtualClock()
    settings = RecordSettings("s", tmp_path, shard_mib=8, report=False)
    record(settings, sensor=_Losing(steady(300), clock), clock=clock, on_status=seen.append)
    assert seen[-2].dropped_share_10s == pytest.approx(0.05, abs=0.01)
    assert seen[-2].dropped["source"] > 20


def test_observers_see_every_frame_and_row_also_those_of_a_pause(tmp_path):
    control, follower = RecordingControl(), _Follower()
    shots = say(say(steady(90), 30, control.pause), 60, control.resume)
    _followed(tmp_path, shots, observers=[follower], control=control)
    assert [seq for seq, _ in follower.frames] == [*range(30), *[-1] * 30, *range(60, 90)]
    assert {b - a for (_, a), (_, b) in zip(follower.frames, follower.frames[1:], strict=False)} \
        <= {100 * TICK, 100 * TICK + 100}  # fmt: skip
    assert len(follower.rows) == 90


def test_an_observer_that_fails_or_hangs_costs_nothing(tmp_path):
    held, well = threading.Event(), _Follower()

    class _Hanging(_Follower):
        def on_color(self, frame_seq, device_ns):
            held.wait(10)

    failing = _Follower(fails=True)
    done, _ = _followed(tmp_path, steady(60), observers=[failing, well])
    assert (done.color_frames, done.dropped, len(failing.rows), len(well.rows)) == (60, {}, 1, 60)
    try:
        done, _ = _followed(tmp_path / "b", steady(200), observers=[_Hanging()])
        assert (done.color_frames, done.dropped) == (200, {})
    finally:
        held.set()


def test_what_observers_cannot_take_in_time_is_left_out():
    held = threading.Event()

    class _Hanging(_Follower):
        def on_color(self, frame_seq, device_ns):
            held.wait(10)

    feed = ObserverFeed([_Hanging()])
    feed.start()
    for k in range(1000):
        feed.color(k, k)
    assert feed.left_out >= 1000 - MOST_WAITING - 1
    held.set()
    feed.close()


def test_the_latest_picture_is_the_stored_one_with_its_bodies(tmp_path):
    picture = LatestPicture()
    assert picture.get() is None
    _followed(tmp_path, steady(40), picture=picture)
    shown = picture.get()
    assert (shown.seq, shown.number) == (39, 39)
    with SessionReader(tmp_path / "s") as reader:
        assert shown.jpeg == reader.color_blob(39)
        assert shown.bodies["time_device"][0] == reader.bodies["time_device"][39]


def test_without_storing_a_picture_is_made_only_for_someone_who_looks(tmp_path):
    for looks in (False, True):
        control, picture = RecordingControl(waiting=True), LatestPicture()
        shots = steady(60)
        if looks:
            shots = say(shots, 30, picture.get)
        shots = say(shots, 60, control.stop)
        _followed(tmp_path / str(looks), shots, picture=picture, control=control)
        shown = picture.get()
        assert (shown is not None) == looks
        if looks:
            assert (shown.seq, jpeg_size(shown.jpeg)) == (-1, SIZE_PX)


def test_a_sensor_in_low_light_shows_in_the_status(tmp_path):
    seen = []
    shots = [replace(s, interval=666_666) if s.stream == "color" else s for s in steady(120)]
    shots = [s for k, s in enumerate(shots) if s.stream == "bodies" or k % 4 == 0]
    _followed(tmp_path, shots, on_status=seen.append)
    assert seen[-2].low_light
    assert seen[-2].color_fps == pytest.approx(15, abs=0.5)
