"""A recording steered from outside: what is stored, what isn't, and that all of it adds up."""

import json
from dataclasses import replace

import h5py
import numpy as np
import pytest

from kincap.capture.live.control import RecordingControl
from kincap.capture.record import RecordSettings, record
from kincap.capture.simulator.sensor import open_simulator
from kincap.capture.sources.sensor import ColorFrame
from kincap.core.files.file_io import FileIO
from kincap.dataset.build import BuildSettings, build
from kincap.report.quality import report_of_recording
from kincap.report.text import report_lines
from kincap.sessions.edits.journal import load_edits
from kincap.sessions.reader import SessionReader
from kincap.sessions.repair.repair import repair
from kincap.sessions.repair.verify import verify_session
from kincap.sessions.schema import EVENTS_DTYPE, EventKind, Stream

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


def _cues(tmp_path):
    with SessionReader(tmp_path / "s") as reader:
        cues = [e for e in reader.events if e["kind"] == EventKind.cue]
        return [(int(e["take"]), int(e["seq_first"]), json.loads(e["text"])) for e in cues]


def test_a_cue_that_is_shown_is_stored_with_each_take_and_ends_with_the_recording(tmp_path):
    control = RecordingControl()
    shots = say(steady(60), 10, lambda: control.cue("zoom", "begin", text="slowly"))
    shots = say(say(shots, 20, control.pause), 30, control.resume)
    shots = say(shots, 40, control.retake)
    done, sensor = _steered(tmp_path, shots, control)
    _closes(tmp_path, sensor)
    on = {"name": "zoom", "phase": "begin", "text": "slowly"}
    assert _cues(tmp_path) == [
        (0, 10, on), (1, 30, on), (2, 40, on), (2, 60, {"name": "zoom", "phase": "end"}),
    ]  # fmt: skip


def test_texts_of_any_length_and_kind_leave_cues_readable(tmp_path):
    control = RecordingControl()
    wide = "\U0001f57a" * 200

    def ask():
        control.cue(wide, "begin", text=wide, repetition=10**400)
        control.cue('"\\' * 40, "begin", text='"' * 80)
        control.cue("half \ud800", "begin", text="a\0\x1b\ud800")
        control.mark("half \ud800 a character")

    done, sensor = _steered(tmp_path, say(steady(40), 10, ask), control)
    assert done.color_frames == 40
    _closes(tmp_path, sensor)
    names = [about["name"] for _, _, about in _cues(tmp_path)]
    assert wide.startswith(names[0])
    assert names[2:] == ["half ?", "half ?"]


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


def _paused_session(tmp_path):
    control = RecordingControl()
    shots = say(say(steady(300), 100, control.pause), 200, control.resume)
    shots = say(shots, 150, lambda: control.mark("while paused"))
    return _steered(tmp_path, shots, control)


def test_the_report_adds_up_with_what_came_during_a_pause(tmp_path):
    _paused_session(tmp_path)
    report, _, problem = report_of_recording(tmp_path / "s", FileIO())
    assert problem is None
    for account in report["accounts"].values():
        assert account == {
            "emitted": 300, "stored": 200, "dropped": 0, "not_stored": 100, "reasons": {},
            "unaccounted": 0, "twice": 0, "closes": True,
        }  # fmt: skip
    assert report["dropped"] == []
    assert not {finding["kind"] for finding in report["findings"]} & {"gap", "stall", "damaged"}
    assert [take["take"] for take in report["takes"]] == [0, 1]
    line = next(line.text for line in report_lines(report) if line.label == "color")
    assert line.startswith("300 came = 200 stored + 0 dropped + 100 not stored (paused), 30.0/s")


def test_a_damaged_event_of_a_pause_is_found_and_repaired(tmp_path):
    _paused_session(tmp_path)
    for path in sorted((tmp_path / "s").glob("*.h5")):
        with h5py.File(path) as file:
            at, kinds = file["events"].id.get_offset(), file["events"]["kind"][:].tolist()
        if EventKind.not_stored in kinds:
            break
    row = kinds.index(EventKind.not_stored)
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(at + row * EVENTS_DTYPE.itemsize + 8)
        file.write(b"\xff\xff\xff")
    found = verify_session(tmp_path / "s")
    assert not found.ok
    assert any("neither stored nor covered" in damage.what for damage in found.damage)
    repair(tmp_path, "s")
    assert verify_session(tmp_path / "s").ok


def test_a_replay_of_a_paused_session_has_its_takes_and_nothing_is_missing_there(tmp_path):
    _paused_session(tmp_path)
    played = record(
        RecordSettings("again", tmp_path, source=f"session:{tmp_path / 's'}", shard_mib=8)
    )
    assert (played.color_frames, played.takes, played.dropped, played.not_stored) == (
        200,
        2,
        {},
        {},
    )
    kinds = {finding["kind"] for finding in played.report["findings"]}
    assert not kinds & {"gap", "stall", "damaged"}


class _PacedSimulator:
    """A simulated sensor at a live pace on a virtual clock; functions are called before frames."""

    def __init__(self, clock, calls, **options):
        self._clock, self._calls = clock, calls
        keys = {"pace": "fast", **options}
        self._sensor = open_simulator({key: str(value) for key, value in keys.items()})
        self.info = replace(self._sensor.info, live=True)
        self.close = self._sensor.close

    def items(self):
        frame = 0
        for item in self._sensor.items():
            if isinstance(item, ColorFrame):
                self._calls.get(frame, bool)()
                frame += 1
                self._clock.sleep(0.03)
            yield item


def test_a_data_set_is_built_from_both_sides_of_a_pause(tmp_path):
    control, clock = RecordingControl(), VirtualClock()
    calls = {10: control.pause, 20: control.resume, 30: control.retake}
    sensor = _PacedSimulator(clock, calls, frames=40)
    settings = RecordSettings("a", tmp_path, shard_mib=16, report=False)
    done = record(settings, sensor=sensor, clock=clock, control=control)
    assert (done.color_frames, done.not_stored["color"], done.dropped) == (30, 10, {})
    other = _PacedSimulator(clock, {}, frames=10, outfit=1)
    record(replace(settings, session="b"), sensor=other, clock=clock)
    out = tmp_path / "set.h5"
    built = build(
        BuildSettings(out=out, recordings=tmp_path, dry_run=True, val="b", workers=1, guard_s=0)
    )
    # frames of the pause are not candidates; those of the rejected take are, and edited out
    assert built.candidates == 40
    assert built.rejected["edits"] == 10
    assert built.splits == {"train": 20, "val": 10}


def test_a_retake_that_a_kill_left_undecided_is_decided_by_the_next_recording(tmp_path):
    control = RecordingControl()
    _steered(tmp_path, say(say(steady(60), 20, control.retake), 40, control.retake), control)
    folder = tmp_path / "s"
    # as a kill right after the event leaves it: no decision, no manifest
    (folder / "edits.json").unlink()
    (folder / "manifest.jsonl").unlink()
    for _ in range(2):
        sensor = ScriptedSensor(steady(10), VirtualClock())
        record(RecordSettings("s", tmp_path, shard_mib=8, report=False), sensor=sensor,
               clock=sensor.clock)  # fmt: skip
        assert load_edits(folder).ranges() == [(0, 39, "reject")]
        assert len(load_edits(folder).operations) == 2
