"""A Kinect held open over several recordings, over the faked DLL: idle, pre-roll, unplugged."""

import json
import threading
import time
from pathlib import Path

import pytest
from kinect_fakes.dll import Settings
from kinect_fakes.world import T0, TICK, World, person, picture

from kincap.capture.live.sensor_hold import HeldSensor
from kincap.capture.record import RecordSettings, record
from kincap.core.jpeg import encode_jpeg
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import Stream

pytestmark = pytest.mark.over_fakes


class _Pushes:
    """Pushes a body and a colour frame each 10 ms until told to stop."""

    def __init__(self, kinect: World) -> None:
        self.count, self._sensor = 0, kinect.sensor
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "_Pushes":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        sensor = self._sensor
        while not self._over.wait(0.01):
            if not sensor.available:
                continue
            k = self.count
            sensor.bodies.push(T0 + k * TICK + 5_000, [person(k)])
            sensor.color.push(T0 + k * TICK, (picture(k), Settings(100_000 + k, TICK, 1.5)))
            self.count = k + 1


def _until(condition) -> None:
    """Wait for something, at most 30 s."""
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen")


def _about(folder: Path) -> dict:
    """Return what session.json says, but for what differs between any two sessions."""
    info = json.loads((folder / "session.json").read_text())
    for key in ("uuid", "created_utc", "name", "outfit", "layouts", "checksum", "takes"):
        info.pop(key)
    return info


def test_a_held_kinect_records_again_and_again_and_survives_a_pulled_cable(kinect: World) -> None:
    kinect.plug_in()
    settings = RecordSettings("a", kinect.tmp, frames=20, shard_mib=64, report=False)
    told: list[str] = []
    with (
        _Pushes(kinect) as pushes,
        HeldSensor(kinect.open, pre_roll_s=0.2, on_notice=told.append) as held,
    ):
        _until(lambda: held.not_stored[Stream.color] > 3)
        first = held.record(settings)
        kinect.sensor.plug(False)
        _until(lambda: held.lost)
        kinect.sensor.plug(True)
        _until(lambda: not held.lost)
        before = held.not_stored[Stream.color]
        _until(lambda: held.not_stored[Stream.color] > before + 3)
        second = held.record(RecordSettings("b", kinect.tmp, frames=20, shard_mib=64, report=False))
        assert pushes.count > 50
    lost, back = told
    assert "unplugged" in lost
    assert "is back" in back
    kinect.check_nothing_left()
    for done in (first, second):
        assert (done.color_frames, done.takes) == (20, 1)
        with SessionReader(done.path) as reader:
            for row in reader.color:
                k = (int(row["time_device"]) - T0) // TICK
                assert reader.color_blob(int(row["seq"])) == encode_jpeg(picture(k))
                assert row["exposure"] == 100_000 + k
    with _Pushes(kinect):
        alone = record(RecordSettings("c", kinect.tmp, frames=20, shard_mib=64, report=False),
                       sensor=kinect.open())  # fmt: skip
    assert _about(first.path) == _about(second.path) == _about(alone.path)
