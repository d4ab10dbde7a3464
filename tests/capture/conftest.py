"""A device made of memory, and what every recording must satisfy."""

import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
import pytest

from kincap.capture.sources.sensor import BodyFrame, ColorFrame, SensorInfo
from kincap.core.sensor_shape import KINECT_V2, SensorShape
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import EventKind, Stream, empty_body_row

from ..checks.people import person

PHASES = {1: "rotate", 3: "seal", 5: "repack", 7: "recover", 9: "save"}


@dataclass
class MemorySensor:
    """Gives pictures from memory, a body row before each; a log of what was handed over.

    ``fps`` None is a file: as fast as it is asked. ``keeps`` says that pictures stay as they are.
    """

    frames: int = 60
    fps: float | None = None
    size_px: tuple[int, int] = (320, 180)
    mirrored: bool = True
    persons: int = 1
    live: bool = False
    keeps: bool = True
    streams: tuple[str, ...] = ("color", "bodies")
    shape: SensorShape = KINECT_V2
    fails_at: int | None = None
    pictures: list[np.ndarray] = field(default_factory=list)
    handed_over: list[tuple[str, int, int]] = field(default_factory=list)
    released: int = 0
    closed: bool = False

    def __post_init__(self) -> None:
        if not self.pictures:
            width, height = self.size_px
            noise = np.random.default_rng(0).integers(0, 255, (height, width, 4), np.uint8)
            self.pictures = [np.roll(noise, 7 * k, axis=1) for k in range(8)]
        self.info = SensorInfo(
            kind="memory", uri="memory:", device_id="memory-1", color_size_px=self.size_px,
            mirrored=self.mirrored, streams=self.streams, shape=self.shape, live=self.live,
            frames=self.frames,
        )  # fmt: skip

    def items(self) -> Iterator[ColorFrame | BodyFrame]:
        began = time.perf_counter()
        shared = None if self.keeps else np.empty_like(self.pictures[0])
        for k in range(self.frames):
            if self.closed:
                return
            if self.fps is not None:
                time.sleep(max(0.0, began + k / self.fps - time.perf_counter()))
            if self.fails_at == k:
                raise OSError("the cable was pulled")
            now, tick = time.perf_counter_ns(), k * self.shape.tick_100ns
            if "bodies" in self.streams:
                self.handed_over.append(("bodies", k, tick))
                yield BodyFrame(self.body(k, tick, now))
            if "color" in self.streams:
                self.handed_over.append(("color", k, tick))
                image = self.pictures[k % len(self.pictures)]
                if shared is not None:
                    np.copyto(shared, image)
                    image = shared
                yield ColorFrame(image, tick, now, release=self._released if self.keeps else None)
                if shared is not None:
                    shared[:] = 0

    def body(self, k: int, tick: int, now: int) -> np.ndarray:
        row = empty_body_row(self.shape)
        row["time_device"], row["time_host"] = tick, now
        row["tracked"][0, : self.persons] = 1
        row["tracking_id"][0, : self.persons] = 7
        joints = row["joint_xyz_m"].shape[2]
        # a person who moves by a metre a row; of another sensor all joints in one point
        row["joint_xyz_m"][0, : self.persons] = person() + [k, 0, 0] if joints == 25 else k
        row["joint_state"][0, : self.persons] = 2
        return row

    def _released(self) -> None:
        self.released += 1

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def memory_sensor() -> type[MemorySensor]:
    """Return the class of a device made of memory."""
    return MemorySensor


@dataclass
class Account:
    """What a session holds, read back: seqs and device times by stream, seqs of drop events."""

    stored: dict[str, list[int]]
    times: dict[str, list[int]]
    dropped: dict[str, list[int]]

    def emitted(self, stream: str) -> list[int]:
        return sorted(self.stored[stream] + self.dropped[stream])


def read_back(folder: Path) -> Account:
    """Read every row, blob and drop event of a session; each blob's checksum is checked."""
    with SessionReader(folder) as reader:
        for seq in reader.color["seq"]:
            assert reader.color_blob(int(seq))[:2] == b"\xff\xd8"
        dropped: dict[str, list[int]] = {"color": [], "bodies": []}
        for event in reader.events:
            if EventKind(int(event["kind"])).is_drop:
                lost = range(int(event["seq_first"]), int(event["seq_last"]) + 1)
                assert len(lost) == event["count"]
                dropped[Stream(int(event["stream"])).name] += lost
        rows = {"color": reader.color, "bodies": reader.bodies}
        return Account(
            {name: table["seq"].tolist() for name, table in rows.items()},
            {name: table["time_device"].tolist() for name, table in rows.items()},
            dropped,
        )


@pytest.fixture
def account() -> Callable[[Path], Account]:
    """Return the function that reads a session back."""
    return read_back


@dataclass
class AckLog:
    """What a recorder acknowledged until it ended."""

    code: int
    stderr: str
    items: list[tuple[int, int]]
    inside: set[str]


def run_acknowledged(
    args: list[object],
    cwd: Path,
    *,
    kill: Callable[[int, int, int], bool] | None = None,
    faults: str = "",
) -> AckLog:
    """Run ``kincap record`` with KINCAP_ACK_FD and kill it when ``kill(stream, seq, n)`` says so.

    Returns:
        The n items acknowledged and the phases that had begun and not ended at the end.
    """
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "kincap", "record", *map(str, args)]
    env = {**os.environ, "KINCAP_ACK_FD": str(writing), "KINCAP_FAULTS": faults}
    process = subprocess.Popen(
        command, cwd=cwd, env=env, pass_fds=(writing,),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(writing)
    log = AckLog(0, "", [], set())
    with open(reading, "rb", buffering=0) as pipe:
        while record := pipe.read(9):
            stream, seq = struct.unpack("<BQ", record)
            if stream != 255:
                log.items.append((stream, seq))
            elif seq in PHASES:
                log.inside.add(PHASES[seq])
            else:
                log.inside.discard(PHASES[seq - 1])
            if kill is not None and kill(stream, seq, len(log.items)):
                process.send_signal(signal.SIGKILL)
                kill = None
    log.stderr = process.communicate()[1]
    log.code = process.returncode
    return log


@pytest.fixture
def acknowledged() -> Callable[..., AckLog]:
    """Return the function that runs a recorder and listens to its acknowledgements."""
    return run_acknowledged


@pytest.fixture
def opens_plainly() -> Callable[[Path], None]:
    """Return a check that plain h5py opens every shard of a session."""

    def check(folder: Path) -> None:
        for shard in sorted(folder.glob("*.h5")):
            with h5py.File(shard) as file:
                assert set(file) == {"blobs", "bodies", "color_index", "events"}
                file["color_index"][:]

    return check


@pytest.fixture
def never_waits() -> Callable[[dict[str, dict[str, float]]], None]:
    """Return a check that what the disk does is not felt by the source thread.

    That no wait is longer than 1 ms is measured, not tested (docs/benchmarks.md): a thread that
    lost its core for a moment looks as if it had waited. The disk here stands still for seconds.
    """

    def check(timing_ms: dict[str, dict[str, float]]) -> None:
        wait = timing_ms["hand_over_wait"]
        assert wait["p99"] < 1.0, wait
        assert wait["max"] < 200.0, wait

    return check
