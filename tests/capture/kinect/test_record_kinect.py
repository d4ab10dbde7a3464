"""The whole ``kincap record --source kinect`` over the faked DLL: what went in lies there."""

import json
import os
import struct
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from kinect_fakes.com import E_FAIL
from kinect_fakes.dll import Settings, map_to_color
from kinect_fakes.world import T0, TICK, World, person, picture

from kincap.core.jpeg import encode_jpeg
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import EventKind, Stream

pytestmark = pytest.mark.over_fakes

AHEAD = 8
"""Frames on their way that a test allows: fewer than any queue holds, so nothing is dropped."""


class Feeder:
    """Pushes frame after frame in a thread, each when the recorder has stored those before."""

    def __init__(self, kinect: World, frames: int, streams: tuple[str, ...]) -> None:
        self._kinect, self._frames, self._streams = kinect, frames, streams
        self._acknowledged = dict.fromkeys(streams, -1)
        self._thread = threading.Thread(target=self.run)

    def __enter__(self) -> "Feeder":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()

    def run(self) -> None:
        """Push the frames."""
        sensor = self._kinect.sensor
        sensor.bodies.wait_until(lambda: bool(sensor.bodies.handles))
        for k in range(self._frames):
            time = T0 + k * TICK
            # the first body is acknowledged when all streams are served
            sensor.bodies.push(time + 5_000, [None, person(k)])
            self.wait("bodies", k)
            for stream in self._streams:
                if stream not in ("color", "bodies"):
                    reader = getattr(sensor, stream)
                    reader.push(time + 7_000, plane(stream, k))
                    reader.wait_until(lambda reader=reader, k=k: reader.releases > k)
                    self.wait(stream, k - AHEAD)
            sensor.color.push(time, (picture(k), Settings(100_000 + k, TICK, 1.5)))
            sensor.color.wait_until(lambda k=k: sensor.color.releases > k)
            self.wait("color", k - AHEAD)

    def wait(self, stream: str, seq: int) -> None:
        """Wait until an item is acknowledged: its row's write has returned."""
        while self._acknowledged[stream] < seq:
            number, found = struct.unpack("<BQ", os.read(self._kinect.acknowledgements, 9))
            if number in list(Stream):
                self._acknowledged[Stream(number).name] = found


def plane(stream: str, k: int) -> np.ndarray:
    """Return the k-th mask or depth picture."""
    y, x = np.mgrid[0:424, 0:512]
    if stream == "depth":
        return (500 + 3 * x + 5 * y + k).astype(np.uint16)
    return np.where((x - 200 - k) ** 2 + (y - 200) ** 2 < 9000, 1, 255).astype(np.uint8)


def record(kinect: World, frames: int, *more: object) -> dict[str, Any]:
    """Run the command; return its JSON."""
    os.chdir(kinect.tmp)
    done = kinect.run_kincap(
        "record", "--session", "clothing3", "--source", "kinect", "--frames", frames,
        "--json", *more,
    )  # fmt: skip
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_150_frames_lie_in_the_shard_exactly_as_they_came(kinect: World) -> None:
    kinect.plug_in()
    with Feeder(kinect, 150, ("color", "bodies")):
        result = record(kinect, 150)
    assert (result["color_frames"], result["body_frames"], result["dropped"]) == (150, 150, {})
    with SessionReader(Path(result["path"])) as reader:
        for k, row in enumerate(reader.color):
            assert (row["seq"], row["time_device"]) == (k, T0 + k * TICK)
            assert (row["exposure"], row["frame_interval"], row["gain"]) == (100_000 + k, TICK, 1.5)
            assert reader.color_blob(k) == encode_jpeg(picture(k), 90)
        assert len(reader.color) == len(reader.bodies) == 150
        for k, row in enumerate(reader.bodies):
            joints = person(k).joints_m
            assert (row["seq"], row["time_device"]) == (k, T0 + k * TICK + 5_000)
            assert row["tracked"].tolist() == [0, 1, 0, 0, 0, 0]
            assert np.array_equal(row["joint_xyz_m"][1], joints.astype(np.float32))
            assert np.array_equal(row["joint_color_px"][1], map_to_color(joints))
            assert np.array_equal(row["joint_state"][1], person(k).states)
        assert reader.events["kind"].tolist() == [EventKind.take_start]
        device = reader.info.device
    assert (device.id, device.mirrored) == ("012345678901", True)
    assert device.depth_intrinsics["FocalLengthX"] == pytest.approx(365.5)
    assert device.projection["rms_px"] < 0.01
    done = kinect.run_kincap("sessions", "verify", "clothing3")
    assert done.code == 0, done.out + done.err


def test_masks_and_depth_are_stored_without_loss(kinect: World) -> None:
    kinect.plug_in()
    with Feeder(kinect, 30, ("color", "bodies", "mask", "depth")):
        result = record(kinect, 30, "--streams", "color,bodies,mask,depth", "--shard-mib", 64)
    assert result["dropped"] == {}
    assert (result["color_frames"], result["mask_frames"], result["depth_frames"]) == (30, 30, 30)
    with SessionReader(Path(result["path"])) as reader:
        for stream in (Stream.mask, Stream.depth):
            rows = reader.rows(stream)
            assert rows["seq"].tolist() == list(range(30))
            for k, row in enumerate(rows):
                assert row["time_device"] == T0 + k * TICK + 7_000
                blob = np.frombuffer(reader.blob(stream, k), np.uint8)
                found = cv2.imdecode(blob, cv2.IMREAD_UNCHANGED)
                wanted = plane(stream.name, k)
                assert found.dtype == wanted.dtype
                assert np.array_equal(found, wanted)
    done = kinect.run_kincap("sessions", "verify", "clothing3")
    assert done.code == 0, done.out + done.err


class Troubles(Feeder):
    """One failed call, one repeated frame, a pulled cable, a clock that begins anew."""

    def run(self) -> None:
        sensor, color = self._kinect.sensor, self._kinect.sensor.color
        # stock subscribes to the bodies last
        sensor.bodies.wait_until(lambda: bool(sensor.bodies.handles))
        sensor.bodies.push(T0, [person(0)])
        self.wait("bodies", 0)
        self._push(T0 + TICK)
        self.wait("color", 0)
        color.failures["AcquireFrame"].append(E_FAIL)
        self._push(T0 + 2 * TICK)
        color.wait_until(lambda: color.fetched == 2)
        color.announce()
        color.wait_until(lambda: color.fetched == 3)
        self._push(T0 + 3 * TICK)
        self.wait("color", 3)
        self._push(T0 + 4 * TICK)
        self.wait("color", 4)
        sensor.plug(False)
        color.wait_until(lambda: not color.handles)
        sensor.plug(True)
        color.wait_until(lambda: bool(color.handles))
        self._push(T0 + TICK)
        self.wait("color", 5)
        sensor.bodies.push(T0 + 2 * TICK, [person(1)])
        self.wait("bodies", 1)
        self._push(T0 + 2 * TICK)

    def _push(self, time: int) -> None:
        self._kinect.sensor.color.push(time, (picture(0), Settings()))


def test_every_loss_and_every_absence_stands_in_the_session(kinect: World) -> None:
    kinect.plug_in()
    with Troubles(kinect, 0, ("color", "bodies")):
        result = record(kinect, 7)
    assert result["dropped"] == {"source": 1, "stale": 1}
    assert result["handed_over"]["color"] == 7 == result["color_frames"] + 2
    assert result["takes"] == 2
    with SessionReader(Path(result["path"])) as reader:
        assert reader.color["seq"].tolist() == [0, 3, 4, 5, 6]
        assert reader.color["take"].tolist() == [0, 0, 0, 1, 1]
        assert reader.bodies["take"].tolist() == [0, 1]
        kinds = [EventKind(int(event["kind"])) for event in reader.events]
        told = [
            (kind.name, int(event["seq_first"]))
            for kind, event in zip(kinds, reader.events, strict=True)
            # where the machine is slow, connecting again takes longer than a second
            if kind is not EventKind.stall
        ]
    assert sorted(told) == [
        ("drop_source", 1),
        ("drop_stale", 2),
        ("sensor_back", 0),
        ("sensor_lost", 0),
        ("take_start", 0),
        ("take_start", 0),
    ]
    done = kinect.run_kincap("sessions", "verify", "clothing3")
    assert done.code == 0, done.out + done.err
