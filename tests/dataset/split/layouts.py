"""Sessions of takes laid out in time: what a recorder would store, and when it really was."""

import zlib
from dataclasses import dataclass, field

import numpy as np

from kincap.core.units import SECOND_100NS, SECOND_NS
from kincap.dataset.split.frame_times import FrameTimes, frame_times
from kincap.sessions.schema import COLOR_DTYPE

WALL_NS = 1_800_000_000 * SECOND_NS


@dataclass
class LaidTake:
    """One take.

    Attributes:
        begin_s: When it really begins.
        length_s: How long it lasts.
        boot: The host's clock began anew before each.
        device_s: What the device's clock says at its begin.
        wall_off_s: How wrong the wall clock is.
        scene: Frames of equal scenes at equal places have the same picture; None: no others have.
        anchored: Whether session.json knows its clocks.
        arrives_s: How long its frames take to arrive; None: as long as it lasts.
        source: The source that session.json names for it.
    """

    begin_s: float
    length_s: float = 30.0
    boot: int = 0
    device_s: float = 5.0
    wall_off_s: float = 0.0
    scene: int | None = None
    anchored: bool = True
    arrives_s: float | None = None
    source: str = "kinect"


@dataclass
class LaidSession:
    """A session: its takes, and as of each frame the real time and the picture."""

    name: str
    takes: list[LaidTake]
    fps: int = 10
    real_s: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def times(self, guard_s: float = 2.0) -> FrameTimes:
        """Return its frames as the build sees them."""
        parts, anchors, real = [], [], []
        for number, take in enumerate(self.takes):
            count = max(1, round(take.length_s * self.fps))
            at = np.arange(count) / self.fps
            host_s = 100.0 + take.begin_s - 10_000.0 * take.boot
            arrives = 1.0 if take.arrives_s is None else take.arrives_s / take.length_s
            rows = np.zeros(count, COLOR_DTYPE)
            rows["take"] = number
            rows["time_device"] = np.round((take.device_s + at) * SECOND_100NS)
            rows["time_host"] = np.round((host_s + at * arrives) * SECOND_NS)
            rows["crc32"] = np.arange(count) + 1
            alone = 1_000_000 + 1000 * zlib.crc32(self.name.encode()) % 2**20 + number
            rows["length"] = alone if take.scene is None else 500 + take.scene
            wall_ns = WALL_NS + round((take.begin_s + take.wall_off_s) * SECOND_NS)
            if take.anchored:
                host_ns = round(host_s * SECOND_NS)
                clocks = {"wall_utc_ns": wall_ns, "host_ns": host_ns}
                anchors.append({"take": number, "source": take.source, **clocks})
            parts.append(rows)
            real.append(take.begin_s + at)
        self.real_s = np.concatenate(real)
        return frame_times(self.name, np.concatenate(parts), anchors, guard_s)


def leaks(sessions: list[LaidSession], labels: list[np.ndarray], guard_s: float) -> int:
    """Count frames for validation or test within the guard of a frame on another side."""
    real = np.concatenate([one.real_s for one in sessions])
    side = np.concatenate(labels)
    found = 0
    for mine, others in (("test", ("train", "val")), ("val", ("train",))):
        there = real[np.isin(side, others)]
        for at in real[side == mine]:
            found += bool(len(there)) and bool(np.abs(there - at).min() <= guard_s - 1e-6)
    return found
