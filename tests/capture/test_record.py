"""Recording from a source in memory: what is stored, numbered, dropped, refused."""

import dataclasses
import json
import os
import signal
import threading
import time

import numpy as np
import pytest

from kincap.capture.record import RecordError, RecordSettings, record
from kincap.core.errors import KincapError, SessionError, SessionLockedError
from kincap.core.files.fault_injection import FaultyFileIO, parse_faults
from kincap.core.files.file_io import FileIO
from kincap.core.jpeg import decode_jpeg
from kincap.sessions.lock import SessionLock
from kincap.sessions.manifest import read_manifest
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import EventKind
from kincap.sessions.session_file import load_session


@pytest.fixture
def settings(tmp_path):
    return RecordSettings(session="s1", recordings=tmp_path / "recordings", shard_mib=8)


def test_stores_every_item_of_a_file_in_order(settings, memory_sensor, account):
    sensor = memory_sensor(frames=300)
    done = record(settings, sensor=sensor)
    assert (done.color_frames, done.body_frames, done.dropped) == (300, 300, {})
    read = account(done.path)
    assert read.stored == {"color": list(range(300)), "bodies": list(range(300))}
    assert sensor.released == 300
    with SessionReader(done.path) as reader:
        times = [time for stream, _, time in sensor.handed_over if stream == "color"]
        assert reader.color["time_device"].tolist() == times
        assert reader.bodies["joint_xyz_m"][:, 0, 3, 0].tolist() == list(range(300))
        # eight pictures in turn, each sideways by 7 pixels more: the right one stands at its seq
        for seq in (0, 13, 299):
            image = decode_jpeg(reader.color_blob(seq), rgb=False).astype(int)
            errors = [np.abs(image - p[..., :3]).mean() for p in sensor.pictures]
            assert int(np.argmin(errors)) == seq % len(sensor.pictures)


def test_a_picture_that_is_overwritten_by_the_next_is_copied(settings, memory_sensor):
    sensor = memory_sensor(frames=80, keeps=False)
    done = record(settings, sensor=sensor)
    with SessionReader(done.path) as reader:
        for seq in range(0, 80, 9):
            image = decode_jpeg(reader.color_blob(seq), rgb=False).astype(int)
            errors = [np.abs(image - p[..., :3]).mean() for p in sensor.pictures]
            assert int(np.argmin(errors)) == seq % len(sensor.pictures)


def test_a_source_that_fails_to_take_pictures_back_is_named_and_nothing_hangs(
    settings, memory_sensor, account
):
    sensor = memory_sensor(frames=60, live=True, fps=60)

    def fail() -> None:
        raise OSError("no such buffer")

    sensor._released = fail
    done = record(settings, sensor=sensor)
    assert account(done.path).emitted("color") == list(range(60))
    assert any("memory of an image" in text for text in done.warnings)


def test_a_file_waits_for_a_slow_disk_and_loses_nothing(settings, memory_sensor, account):
    io = FaultyFileIO(parse_faults("write:stall=0.4:30,write:stall=0.4:200"))
    done = record(settings, sensor=memory_sensor(frames=200), io=io)
    assert done.dropped == {}
    assert account(done.path).stored["color"] == list(range(200))


def test_a_live_source_never_waits_while_the_disk_stands_still(
    settings, memory_sensor, account, never_waits
):
    io = FaultyFileIO(parse_faults("write:stall=2.0:40"))
    sensor = memory_sensor(frames=220, fps=60, live=True)
    done = record(settings, sensor=sensor, io=io)
    # 60/s for 2 s is more than 16 + 64 frames can hold: some must be dropped, and be accounted for
    assert done.dropped["writer"] > 0
    never_waits(done.timing_ms)
    assert done.timing_ms["append"]["max"] > 1900
    read = account(done.path)
    for stream in ("color", "bodies"):
        handed = [k for name, k, _ in sensor.handed_over if name == stream]
        assert read.emitted(stream) == handed
        assert not set(read.stored[stream]) & set(read.dropped[stream])
    assert len(read.dropped["color"]) == sum(done.dropped.values())
    assert read.dropped["bodies"] == []
    assert sensor.released == 220


def test_bodies_are_dropped_last_and_accounted_for(settings, memory_sensor, account):
    io = FaultyFileIO(parse_faults("write:stall=1.5:20"))
    sensor = memory_sensor(frames=500, fps=300, live=True, streams=("bodies",))
    done = record(settings, sensor=sensor, io=io)
    assert set(done.dropped) == {"queue_full"}
    assert account(done.path).emitted("bodies") == list(range(500))


def test_frames_that_no_encoder_takes_in_time_are_dropped_by_that_reason(
    settings, memory_sensor, account
):
    sensor = memory_sensor(frames=150, fps=2000, size_px=(1920, 1080), live=True)
    done = record(dataclasses.replace(settings, encoders=1), sensor=sensor)
    assert done.dropped["ring_full"] > 0
    read = account(done.path)
    assert read.emitted("color") == list(range(150))


def test_a_further_recording_adds_takes_and_shards_and_touches_nothing(
    settings, memory_sensor, account
):
    first = record(settings, sensor=memory_sensor(frames=90))
    before = {p.name: p.read_bytes() for p in first.path.glob("*.h5")}
    second = record(settings, sensor=memory_sensor(frames=50))
    assert {name: (first.path / name).read_bytes() for name in before} == before
    assert not set(first.shard_names) & set(second.shard_names)
    assert account(first.path).stored["color"] == list(range(140))
    with SessionReader(first.path) as reader:
        assert reader.color["take"].tolist() == [0] * 90 + [1] * 50
        starts = reader.events[reader.events["kind"] == EventKind.take_start]
        clocks = [json.loads(text) for text in starts["text"]]
    takes = load_session(first.path).takes
    assert [take["take"] for take in takes] == [0, 1]
    for clock, take in zip(clocks, takes, strict=True):
        assert clock == {key: take[key] for key in ("wall_utc_ns", "host_ns", "device_100ns")}


def test_a_further_recording_may_have_another_stream_set(settings, memory_sensor, account):
    record(settings, sensor=memory_sensor(frames=30))
    done = record(settings, sensor=memory_sensor(frames=40, streams=("bodies",)))
    assert len(load_session(done.path).layouts) == 2
    read = account(done.path)
    assert (len(read.stored["color"]), len(read.stored["bodies"])) == (30, 70)


@pytest.mark.parametrize("other", [{"mirrored": False}, {"size_px": (160, 90)}])
def test_a_session_never_mixes_image_sizes_or_mirroring(settings, memory_sensor, other):
    done = record(settings, sensor=memory_sensor(frames=5))
    before = sorted(p.name for p in done.path.iterdir())
    with pytest.raises(SessionError, match="take another name"):
        record(settings, sensor=memory_sensor(frames=5, **other))
    assert sorted(p.name for p in done.path.iterdir()) == before


def test_shards_rotate_are_sealed_and_the_last_is_cut(settings, memory_sensor, account):
    done = record(settings, sensor=memory_sensor(frames=400))
    assert done.shards >= 3
    records = read_manifest(done.path)
    assert list(records) == done.shard_names == sorted(p.name for p in done.path.glob("*.h5*"))
    sizes = [(done.path / name).stat().st_size for name in done.shard_names]
    assert set(sizes[:-1]) == {max(sizes)}
    assert sizes[-1] < max(sizes)
    assert not any((done.path / name).stat().st_mode & 0o200 for name in done.shard_names)
    assert sum(r.rows["color_index"] for r in records.values()) == 400


def test_stops_after_frames_and_after_seconds(settings, memory_sensor):
    done = record(dataclasses.replace(settings, frames=20), sensor=memory_sensor())
    assert (done.color_frames, done.body_frames) == (20, 20)
    other = dataclasses.replace(settings, session="s2", duration_s=1.0)
    assert record(other, sensor=memory_sensor()).color_frames == 31


def test_what_a_source_gave_before_it_broke_off_is_kept(settings, memory_sensor, account):
    with pytest.raises(RecordError, match="the cable was pulled") as broken:
        record(settings, sensor=memory_sensor(fails_at=25))
    assert broken.value.exit_code == 1
    assert broken.value.result.color_frames == 25
    assert account(broken.value.result.path).stored["color"] == list(range(25))
    assert len(read_manifest(broken.value.result.path)) == 1


def test_says_when_nobody_is_seen(settings, memory_sensor):
    told = []
    done = record(settings, sensor=memory_sensor(frames=200, persons=0), on_warning=told.append)
    assert sum("no body seen for 3 s" in line for line in told) == 1
    with SessionReader(done.path) as reader:
        assert (reader.events["kind"] == EventKind.no_body).sum() == 1
    short = dataclasses.replace(settings, session="s2")
    assert "whole recording" in record(short, sensor=memory_sensor(persons=0)).warnings[0]
    fine = dataclasses.replace(settings, session="s3", report=False)
    assert record(fine, sensor=memory_sensor(frames=200)).warnings == []


def test_a_recording_can_be_ended_from_the_keyboard(settings, memory_sensor, account):
    sensor = memory_sensor(frames=10_000, fps=100, live=True)
    timer = threading.Timer(0.7, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    done = record(dataclasses.replace(settings, shard_mib=64), sensor=sensor)
    timer.join()
    assert 10 < done.color_frames < 1000
    read = account(done.path)
    handed = [k for name, k, _ in sensor.handed_over if name == "color"]
    assert read.emitted("color") == handed
    assert len(read_manifest(done.path)) == 1


def test_a_second_ctrl_c_stops_at_once(settings, memory_sensor):
    io = FaultyFileIO(parse_faults("write:stall=3.0:40"))
    timers = [threading.Timer(s, os.kill, (os.getpid(), signal.SIGINT)) for s in (0.8, 1.1)]
    for timer in timers:
        timer.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        record(settings, sensor=memory_sensor(frames=10_000, fps=100, live=True), io=io)
    assert time.monotonic() - began < 3.0


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"frames": 0}, "--frames 0"),
        ({"duration_s": 0.0}, "--duration"),
        ({"frames": 5, "duration_s": 1.0}, "both given"),
        ({"duration_s": float("nan")}, "--duration nan"),
        ({"shard_mib": 7}, "--shard-mib 7"),
        ({"shard_mib": 10**9}, "--shard-mib 1000000000"),
        ({"session": "../x"}, "session name"),
        ({"session": "CON"}, "session name"),
        ({"session": "a b"}, "session name"),
    ],
)
def test_bad_settings_write_nothing(settings, memory_sensor, wrong, says):
    with pytest.raises(KincapError, match=says) as refused:
        record(dataclasses.replace(settings, **wrong), sensor=memory_sensor())
    assert refused.value.exit_code == 2
    assert not settings.recordings.exists()


def test_what_stands_in_the_way_of_a_new_folder_is_named(tmp_path, memory_sensor):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    for recordings, session, says in (
        (tmp_path / "file", "s1", "file: is not a folder"),
        (tmp_path / "file" / "below", "s1", "file: is not a folder"),
        (tmp_path, "file", "a file is in the way"),
        (tmp_path, "link", "a link that leads nowhere"),
    ):
        with pytest.raises(SessionError, match=says) as refused:
            record(RecordSettings(session, recordings, shard_mib=8), sensor=memory_sensor())
        assert refused.value.exit_code == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"]


def test_a_session_that_lost_its_session_json_is_named_to_repair(settings, memory_sensor, kincap):
    done = record(settings, sensor=memory_sensor(frames=10))
    (done.path / "session.json").unlink()
    with pytest.raises(SessionError, match="kincap sessions repair s1"):
        record(settings, sensor=memory_sensor(frames=10))
    mended = kincap("sessions", "repair", "s1", "--recordings", settings.recordings)
    assert mended.returncode == 0, mended.stderr
    assert record(settings, sensor=memory_sensor(frames=10)).color_frames == 10
    with SessionReader(done.path) as reader:
        assert reader.color["seq"].tolist() == list(range(20))


class _Interrupted(FileIO):
    """Ctrl-C while the first shard is made."""

    def reserve(self, fd, size):
        raise KeyboardInterrupt


def test_ctrl_c_before_the_first_frame_leaves_a_session_as_it_was(settings, memory_sensor):
    with pytest.raises(KeyboardInterrupt):
        record(settings, sensor=memory_sensor(), io=_Interrupted())
    assert not (settings.recordings / "s1").exists()
    before = record(settings, sensor=memory_sensor(frames=3))
    with pytest.raises(KeyboardInterrupt):
        record(settings, sensor=memory_sensor(), io=_Interrupted())
    assert record(settings, sensor=memory_sensor(frames=3)).path == before.path
    with SessionReader(before.path) as reader:
        assert reader.color["seq"].tolist() == list(range(6))
        assert [take["take"] for take in reader.info.takes] == [0, 1]


def test_a_recording_goes_on_when_the_terminal_is_gone(settings, memory_sensor, account):
    def closed(*_words):
        raise BrokenPipeError

    sensor = memory_sensor(frames=150, persons=0)
    done = record(settings, sensor=sensor, on_progress=closed, on_warning=closed)
    assert any("no body" in warning for warning in done.warnings)
    assert account(done.path).stored["color"] == list(range(150))
    assert len(read_manifest(done.path)) == done.shards


@pytest.mark.parametrize(("faults", "takes"), [("rename:eio:3", [0]), ("rename:eio:3+", [])])
def test_a_take_that_session_json_refuses_is_written_at_the_end(
    settings, memory_sensor, account, faults, takes
):
    # renames: session.json, the shard, session.json with the take
    io = FaultyFileIO(parse_faults(faults))
    if takes:
        done = record(settings, sensor=memory_sensor(frames=20), io=io)
        assert any("tried again at the end" in warning for warning in done.warnings)
    else:
        with pytest.raises(RecordError, match=r"session.json: can't be written") as failed:
            record(settings, sensor=memory_sensor(frames=20), io=io)
        done = failed.value.result
    assert [take["take"] for take in load_session(done.path).takes] == takes
    assert account(done.path).stored["color"] == list(range(20))


def test_a_tag_of_nothing_is_no_tag(settings, memory_sensor):
    tagged = dataclasses.replace(settings, tags=("a b", "", " ", "a b"))
    assert load_session(record(tagged, sensor=memory_sensor(frames=1)).path).tags == ["a b"]


def test_a_locked_session_says_who_holds_it(settings, memory_sensor):
    done = record(settings, sensor=memory_sensor(frames=3))
    before = sorted(p.name for p in done.path.iterdir())
    with (
        SessionLock(done.path).acquire("kincap record --session s1"),
        pytest.raises(SessionLockedError, match=rf"process {os.getpid()} .*kincap record"),
    ):
        record(settings, sensor=memory_sensor())
    assert sorted(p.name for p in done.path.iterdir()) == before


def test_a_source_that_gives_other_pictures_than_it_said_is_told_of(settings, memory_sensor):
    sensor = memory_sensor(frames=30)
    sensor.pictures[3] = np.zeros((7, 7, 3), np.uint8)
    with pytest.raises(RecordError, match="expected uint8 180x320") as broken:
        record(dataclasses.replace(settings, report=False), sensor=sensor)
    assert broken.value.result.dropped["wrong_size"] >= 1
    # the error says it
    assert broken.value.result.warnings == []


def test_losses_that_no_event_can_tell_of_are_told(settings, memory_sensor):
    io = FaultyFileIO(parse_faults("write:eio:60+"))
    with pytest.raises(RecordError, match="no further shard") as broken:
        record(settings, sensor=memory_sensor(), io=io)
    done = broken.value.result
    lost = sum(done.dropped.values())
    assert lost == sum(done.handed_over.values()) - done.color_frames - done.body_frames > 0
    (told,) = [line for line in done.warnings if "have no event" in line]
    assert f"{lost} lost items" in told
