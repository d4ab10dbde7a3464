"""A recorder that is suspended or asked to end: real processes, and clocks that jump."""

import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.core.stop_signals import console_handler
from kincap.sessions.reader import SessionReader
from kincap.sessions.repair.verify import verify_session
from kincap.sessions.schema import EventKind

from ..scripted import ScriptedSensor, jump, say, steady
from ..virtual_clock import VirtualClock

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
SUSPENDED_S = 5.0


@contextmanager
def _recorder(tmp_path, state):
    """Run a recorder that is held open; yield it once it is in a state."""
    command = [sys.executable, "-m", "tests.capture.live.steered_process", str(tmp_path), state]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline().strip() == state
            yield process
        finally:
            process.kill()


def _events(reader, kind):
    return [event for event in reader.events if event["kind"] == kind]


def test_a_suspended_recorder_notes_a_gap_and_goes_on_without_a_burst(tmp_path):
    with _recorder(tmp_path, "recording") as process:
        process.send_signal(signal.SIGSTOP)
        time.sleep(SUSPENDED_S)
        process.send_signal(signal.SIGCONT)
        time.sleep(1.0)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    with SessionReader(tmp_path / "s") as reader:
        stalls = _events(reader, EventKind.stall)
        assert {event["stream"] for event in stalls} == {1, 2}
        assert _events(reader, EventKind.duplicate) == []
        host_s = reader.color["time_host"] / 1e9
        steps = np.diff(host_s)
        assert np.sum(steps > SUSPENDED_S - 0.5) == 1
        # what is stored after it came one by one, not all at once
        after = host_s[int(np.argmax(steps)) + 1 :]
        assert np.max(np.histogram(after, np.arange(after[0], after[-1] + 0.2, 0.2))[0]) <= 12
        assert np.all(np.diff(reader.color["time_device"]) > 0)
    assert verify_session(tmp_path / "s").ok


@pytest.mark.parametrize(
    ("number", "state"),
    [(signal.SIGHUP, "paused"), (signal.SIGTERM, "recording")],
)
def test_one_signal_drains_and_seals_in_any_state(tmp_path, number, state):
    with _recorder(tmp_path, state) as process:
        began = time.monotonic()
        process.send_signal(number)
        assert process.wait(20) == 0
        assert time.monotonic() - began < 5.0
    report = verify_session(tmp_path / "s")
    assert report.ok
    assert report.sealed


def test_two_signals_while_paused_stop_at_once_and_the_next_recording_goes_on(tmp_path):
    with _recorder(tmp_path, "paused") as process:
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 130
    assert not verify_session(tmp_path / "s").sealed
    with SessionReader(tmp_path / "s") as reader:
        stored = reader.color["seq"].tolist()
    settings = RecordSettings("s", tmp_path, "simulator:frames=5,pace=fast", shard_mib=8,
                              report=False)  # fmt: skip
    assert record(settings).recovered == ["000000.h5"]
    with SessionReader(tmp_path / "s") as reader:
        seqs = reader.color["seq"].tolist()
    assert seqs[:-5] == stored
    assert seqs[-5] > stored[-1]
    report = verify_session(tmp_path / "s")
    assert report.ok
    assert report.sealed


def test_a_leap_of_the_hosts_clock_is_a_stall_and_repeats_nothing(tmp_path):
    # as a machine that was asleep sees it whose sensor stood still meanwhile
    clock = VirtualClock()

    def sleep():
        clock.leap(3600.0)
        sensor.late_ns += 3_600_000_000_000

    sensor = ScriptedSensor(say(steady(120), 60, sleep), clock)
    done = record(
        RecordSettings("s", tmp_path, shard_mib=8, report=False), sensor=sensor, clock=clock
    )
    assert (done.color_frames, done.dropped) == (120, {})
    with SessionReader(tmp_path / "s") as reader:
        stalls = _events(reader, EventKind.stall)
        assert {(int(e["stream"]), int(e["seq_first"])) for e in stalls} == {(1, 59), (2, 59)}
        assert {int(event["kind"]) for event in reader.events} <= {
            EventKind.take_start, EventKind.stall,
        }  # fmt: skip
        assert np.all(np.diff(reader.color["time_device"]) > 0)


def test_a_leap_of_the_sensors_clock_alone_begins_a_take(tmp_path):
    # the host's clock stood still while the machine slept, the sensor's went on
    clock = VirtualClock()
    sensor = ScriptedSensor(jump(steady(120), 60, 36_000_000_000), clock)
    done = record(
        RecordSettings("s", tmp_path, shard_mib=8, report=False), sensor=sensor, clock=clock
    )
    assert (done.color_frames, done.takes, done.dropped) == (120, 2, {})
    with SessionReader(tmp_path / "s") as reader:
        assert len(_events(reader, EventKind.clock_step)) == 1


def test_a_console_that_closes_is_given_time_to_drain():
    asked, done = [], threading.Event()
    handle = console_handler(lambda: asked.append(True), done)
    assert handle(0) is False  # Ctrl-C is a signal
    threading.Timer(0.2, done.set).start()
    began = time.monotonic()
    assert handle(2) is True
    assert asked == [True]
    assert 0.1 < time.monotonic() - began < 4.0
