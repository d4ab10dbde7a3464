"""A recording steered from outside: what is stored, what isn't, and that all of it adds up."""

import json
from dataclasses import replace

import numpy as np
import pytest

from kincap.capture.live.control import RecordingControl
from kincap.capture.record import RecordSettings, record
from kincap.sessions.edits.journal import load_edits
from kincap.sessions.reader import SessionReader
from kincap.sessions.repair.verify import verify_session
from kincap.sessions.schema import EventKind, Stream

from ..scripted import ScriptedSensor, say, silence, steady
from ..virtual_clock import VirtualClock


def _steered(tmp_path, shots, control, *, live=True, **settings):
    """Record a script in which functions steer the recording."""
    clock = VirtualClock()
    sensor = ScriptedSensor(shots, clock)
    sensor.info = replace(sensor.info, live=live)
    done = record(
        RecordSettings("s", tmp_path, shard_mib=8, report=False, **settings),
        sensor=sensor, clock=clock, control=control,
    )  # fmt: skip
    return done, sensor


def _told(reader, kind):
    """Return (take, stream, first, last, count) of the events of a kind."""
    names = ("take", "stream", "seq_first", "seq_last", "count")
    return [tuple(int(e[n]) for n in names) for e in reader.events if e["kind"] == kind]


def _closes(tmp_path, sensor):
    """Check that every item that was handed over is stored or counted, once."""
    checked = verify_session(tmp_path / "s")
    assert checked.ok, checked
    with SessionReader(tmp_path / "s") as reader:
        for stream, rows in ((Stream.color, reader.color), (Stream.bodies, reader.bodies)):
            left_out = [
                seq for _, of, first, last, _ in _told(reader, EventKind.not_stored)
                if of == stream for seq in range(first, last + 1)
            ]  # fmt: skip
            handed = sensor.handed[stream.name]
            seqs = sorted(rows["seq"].tolist() + left_out)
            assert seqs == list(range(len(seqs)))
            assert len(handed) - len(seqs) in (0, 1)  # the frame after the end is let go
            times = {seq: handed[seq].device for seq in rows["seq"].tolist()}
            assert list(times.values()) == rows["time_device"].tolist()


def test_a_pause_leaves_out_whole_frames_counts_them_and_begins_a_take(tmp_path):
    control = RecordingControl()
    shots = say(say(steady(90), 30, control.pause), 60, control.resume)
    done, sensor = _steered(tmp_path, shots, control)
    assert (done.color_frames, done.takes, done.dropped) == (60, 2, {})
    assert done.not_stored == {"bodies": 30, "color": 30}
    _closes(tmp_path, sensor)
    with SessionReader(tmp_path / "s") as reader:
        assert reader.color["seq"].tolist() == [*range(30), *range(60, 90)]
        assert reader.bodies["seq"].tolist() == [*range(30), *range(60, 90)]
        assert np.unique(reader.color["take"]).tolist() == [0, 1]
        assert _told(reader, EventKind.not_stored) == [(0, 1, 30, 59, 30), (0, 2, 30, 59, 30)]
        assert _told(reader, EventKind.pause) == [(0, 1, 30, 30, 0)]
        assert _told(reader, EventKind.resume) == [(0, 1, 60, 60, 0)]
        assert _told(reader, EventKind.gap) == _told(reader, EventKind.stall) == []


def test_a_retake_rejects_the_frames_of_its_take_and_erases_nothing(tmp_path):
    control = RecordingControl()
    shots = say(say(steady(90), 20, control.retake), 50, control.retake)
    done, sensor = _steered(tmp_path, shots, control)
    assert (done.color_frames, done.takes, done.not_stored) == (90, 3, {})
    _closes(tmp_path, sensor)
    edits = load_edits(tmp_path / "s")
    assert [(one["op"], one["note"]) for one in edits.decisions()] == [("reject", "retake")] * 2
    assert edits.ranges() == [(0, 49, "reject")]
    with SessionReader(tmp_path / "s") as reader:
        assert _told(reader, EventKind.retake) == [(0, 1, 0, 19, 20), (1, 1, 20, 49, 30)]


def test_a_retake_during_a_pause_rejects_the_take_before_it_and_goes_on(tmp_path):
    control = RecordingControl()
    shots = say(say(steady(90), 20, control.pause), 40, control.retake)
    done, sensor = _steered(tmp_path, shots, control)
    assert (done.color_frames, done.takes, done.not_stored["color"]) == (70, 2, 20)
    _closes(tmp_path, sensor)
    assert load_edits(tmp_path / "s").ranges() == [(0, 19, "reject")]


def test_a_retake_right_before_the_end_rejects_the_take(tmp_path):
    control = RecordingControl()

    def retake_and_stop():
        control.retake()
        control.stop()

    shots = say(steady(60), 30, retake_and_stop)
    done, sensor = _steered(tmp_path, shots, control)
    _closes(tmp_path, sensor)
    assert load_edits(tmp_path / "s").ranges()[0][:2] == (0, 29)


def test_marks_and_cues_name_the_next_colour_frame(tmp_path):
    control = RecordingControl()
    shots = say(steady(40), 10, lambda: control.mark("the  door\nopens"))
    shots = say(shots, 20, lambda: control.cue("zoom", "begin", text="Zähle bis 3", repetition=2))
    shots = say(shots, 40, lambda: control.cue("zoom", "end"))
    done, sensor = _steered(tmp_path, shots, control)
    assert done.takes == 1
    _closes(tmp_path, sensor)
    with SessionReader(tmp_path / "s") as reader:
        assert _told(reader, EventKind.mark) == [(0, 1, 10, 10, 0)]
        assert [first for _, _, first, _, _ in _told(reader, EventKind.cue)] == [20, 40]
        texts = [e["text"].decode() for e in reader.events if e["kind"] == EventKind.cue]
        (mark,) = [e["text"] for e in reader.events if e["kind"] == EventKind.mark]
    assert mark == b"the door opens"
    begun = {"name": "zoom", "phase": "begin", "repetition": 2, "text": "Zähle bis 3"}
    assert [json.loads(text) for text in texts] == [begun, {"name": "zoom", "phase": "end"}]


def test_a_stop_ends_with_a_colour_frame_and_its_bodies(tmp_path):
    for tick, behind in ((30, "bodies"), (30, "color")):
        control = RecordingControl()
        shots = steady(60)
        at = next(k for k, s in enumerate(shots) if s.moment >= tick * 333_333 - 1)
        at += 1 + (behind == "bodies")
        shots.insert(at, replace(shots[at - 1], stream="", says=control.stop))
        folder = tmp_path / behind
        done, sensor = _steered(folder, shots, control)
        assert done.color_frames == done.body_frames
        assert done.stopped
        _closes(folder, sensor)


def test_waiting_for_a_start_numbers_and_stores_nothing(tmp_path):
    control = RecordingControl(waiting=True)
    shots = say(steady(60), 40, control.start)
    done, sensor = _steered(tmp_path, shots, control)
    assert (done.color_frames, done.body_frames, done.takes) == (20, 20, 1)
    with SessionReader(tmp_path / "s") as reader:
        assert reader.color["seq"].tolist() == list(range(20))
        assert reader.color["time_device"][0] == sensor.handed["color"][40].device
        assert [int(event["kind"]) for event in reader.events] == [EventKind.take_start]


def test_a_file_waits_during_a_pause_and_loses_nothing(tmp_path):
    control = RecordingControl()

    def pause():
        control.pause()
        # the file must be asked for nothing more until this is over
        control.resume()

    done, sensor = _steered(tmp_path, say(steady(60), 30, pause), control, live=False)
    assert (done.color_frames, done.takes, done.not_stored) == (60, 2, {})


def test_requests_that_change_nothing_are_ignored(tmp_path):
    control = RecordingControl()
    control.retake()  # there is no take yet
    control.resume()
    shots = say(say(steady(60), 20, control.pause), 30, control.pause)
    shots = say(say(shots, 40, control.resume), 50, control.resume)
    done, sensor = _steered(tmp_path, shots, control)
    assert (done.takes, done.not_stored["color"]) == (2, 20)
    _closes(tmp_path, sensor)


def test_limits_count_what_is_recorded_not_a_pause(tmp_path):
    for name, limit in (("frames", {"frames": 60}), ("duration", {"duration_s": 2.0})):
        control = RecordingControl()
        shots = say(say(steady(400), 30, control.pause), 300, control.resume)
        done, _ = _steered(tmp_path / name, shots, control, **limit)
        assert done.color_frames == pytest.approx(60, abs=2)


def test_a_silence_during_a_pause_is_noticed(tmp_path):
    control = RecordingControl()
    shots = silence(steady(200), 60, 120)
    shots = say(say(shots, 30, control.pause), 150, control.resume)
    done, sensor = _steered(tmp_path, shots, control)
    _closes(tmp_path, sensor)
    with SessionReader(tmp_path / "s") as reader:
        assert {first for _, _, first, _, _ in _told(reader, EventKind.stall)} == {59}
    assert done.not_stored["color"] == 60


def test_an_end_during_a_pause_seals_everything_and_counts_the_rest(tmp_path):
    control = RecordingControl()
    done, sensor = _steered(tmp_path, say(steady(60), 30, control.pause), control)
    assert (done.color_frames, done.not_stored) == (30, {"bodies": 30, "color": 30})
    _closes(tmp_path, sensor)
    again = ScriptedSensor(steady(10), VirtualClock())
    record(RecordSettings("s", tmp_path, shard_mib=8, report=False), sensor=again,
           clock=again.clock)  # fmt: skip
    with SessionReader(tmp_path / "s") as reader:
        assert reader.color["seq"].tolist() == [*range(30), *range(60, 70)]
